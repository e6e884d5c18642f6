//! Compressed data: gzip and zstd, recognised by their first bytes and written as they came (`-z`).
//!
//! Several gzip members or zstd frames in a row are one input. The level of the original is not recorded in it, so output
//! has the format's default level.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// How an input is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Plain,
    Gzip,
    Zstd,
}

/// RFC 1952 section 2.3.1: two bytes, and deflate, the only method there is.
const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
/// RFC 8878 section 3.1.1.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

impl Format {
    /// The format of data that starts like this; none if more bytes are needed to tell.
    pub(crate) fn detect(start: &[u8]) -> Option<Format> {
        for (magic, format) in [(GZIP, Format::Gzip), (ZSTD, Format::Zstd)] {
            if start.starts_with(magic) {
                return Some(format);
            }
            if magic.starts_with(start) {
                return None;
            }
        }
        Some(Format::Plain)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Plain => "plain",
            Format::Gzip => "gzip",
            Format::Zstd => "zstd",
        }
    }

    /// Unpacks `input`.
    pub(crate) fn decoder<'r, R: Read + Send + 'r>(
        self,
        input: R,
    ) -> io::Result<Box<dyn Read + Send + 'r>> {
        Ok(match self {
            Format::Plain => Box::new(input),
            Format::Gzip => Box::new(MultiGzDecoder::new(input)),
            Format::Zstd => Box::new(zstd::stream::read::Decoder::new(input)?),
        })
    }

    /// Packs into `output`.
    pub(crate) fn encoder<W: Write>(self, output: W) -> io::Result<Encoder<W>> {
        Ok(match self {
            Format::Plain => Encoder::Plain(output),
            Format::Gzip => Encoder::Gzip(GzEncoder::new(output, Compression::default())),
            Format::Zstd => {
                let level = zstd::DEFAULT_COMPRESSION_LEVEL;
                let mut encoder = zstd::stream::write::Encoder::new(output, level)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        })
    }
}

/// Packs what is written to it.
pub(crate) enum Encoder<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// Writes the format's end.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Encoder::Plain(output) => Ok(output),
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::Plain(output) => output.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
            Encoder::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Encoder::Plain(output) => output.write_vectored(parts),
            Encoder::Gzip(encoder) => encoder.write_vectored(parts),
            Encoder::Zstd(encoder) => encoder.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Encoder::Plain(output) => output.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_as_soon_as_they_can_be() {
        assert_eq!(Format::detect(b""), None);
        assert_eq!(Format::detect(b"\x1f\x8b"), None);
        assert_eq!(Format::detect(b"\x1f\x8b\x08\0"), Some(Format::Gzip));
        assert_eq!(Format::detect(b"\x28\xb5\x2f"), None);
        assert_eq!(Format::detect(b"\x28\xb5\x2f\xfd"), Some(Format::Zstd));
        assert_eq!(Format::detect(b"("), None);
        assert_eq!(Format::detect(b"(a"), Some(Format::Plain));
        assert_eq!(Format::detect(b"x"), Some(Format::Plain));
    }

    #[test]
    fn packed_data_unpacks_also_in_several_parts() {
        for format in [Format::Plain, Format::Gzip, Format::Zstd] {
            let mut packed = Vec::new();
            for part in ["one\n", "two\n"] {
                let mut encoder = format.encoder(Vec::new()).unwrap();
                encoder.write_all(part.as_bytes()).unwrap();
                packed.extend(encoder.finish().unwrap());
            }
            let mut text = String::new();
            format.decoder(&packed[..]).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "one\ntwo\n", "{}", format.name());
        }
    }
}
