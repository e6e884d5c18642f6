//! Writers: text that is formatted already.

use std::io::{self, Write as _};

use tracing_redact::{RedactExt as _, RedactWriter, Redactor};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, registry};

use crate::leaks::redactor;
use crate::outputs::{Buffer, run};
use crate::planted::{Kind, PLACES, found_in, log_all};

#[test]
fn the_formatter_writes_no_secret_that_rules_know() {
    type Make = fn(Buffer, &Redactor) -> tracing::Dispatch;
    let outputs: [Make; 3] = [
        |buffer, r| {
            let layer = fmt::layer().with_ansi(false).with_writer(buffer.redacted_writer_with(r));
            registry().with(layer).into()
        },
        |buffer, r| {
            let layer = fmt::layer().with_ansi(true).with_writer(buffer.redacted_writer_with(r));
            registry().with(layer).into()
        },
        |buffer, r| {
            let layer = fmt::layer().json().with_writer(buffer.redacted_writer_with(r));
            registry().with(layer).into()
        },
    ];
    for (number, make) in outputs.iter().enumerate() {
        let (buffer, redactor) = (Buffer::default(), redactor());
        run(&make(buffer.clone(), &redactor), || log_all(|| ()));
        let text = buffer.text();
        // The names of fields say nothing to a writer, and bytes are written as hex.
        let by_rule =
            |word: &str| !word.contains("name") && !word.starts_with('9') && word != "evbytes";
        let found: Vec<_> = found_in(&text).iter().map(|p| p.word).filter(|w| by_rule(w)).collect();
        assert!(found.is_empty(), "output {number} leaks {found:?}\n{text}");
        assert!(text.contains("nothing to see") && redactor.counts().total() > 10);
        let bare = Buffer::default();
        let layer = fmt::layer().with_ansi(false).with_writer(bare.clone());
        run(&registry().with(layer).into(), || log_all(|| ()));
        let all = PLACES.iter().filter(|p| p.kind != Kind::Source || number < 2);
        let found = found_in(&bare.text());
        assert!(all.clone().all(|place| found.contains(place)));
    }
}

#[test]
fn output_does_not_depend_on_how_it_was_cut() {
    let begin = format!("{}BEGIN PRIVATE KEY{}", "-".repeat(5), "-".repeat(5));
    let text = format!(
        "a clean line\npassword=only4docs!\n{begin}\nMIIEfakefakefakefakefakefake\n{}\nlast password=only4docs!",
        begin.replace("BEGIN", "END")
    );
    let redactor = redactor();
    let wanted = redactor.engine().redact_str(&text).into_owned();
    assert!(wanted.ends_with("last password=[REDACTED:secret]"));
    for cut in 0..=text.len() {
        let buffer = Buffer::default();
        let mut writer = RedactWriter::new(buffer.clone(), &redactor);
        writer.write_all(&text.as_bytes()[..cut]).unwrap();
        writer.write_all(&text.as_bytes()[cut..]).unwrap();
        drop(writer);
        assert_eq!(buffer.text(), wanted, "cut at {cut}");
    }
    let buffer = Buffer::default();
    let mut writer = RedactWriter::new(buffer.clone(), &redactor);
    text.bytes().for_each(|byte| writer.write_all(&[byte]).unwrap());
    writer.finish().unwrap();
    assert_eq!(buffer.text(), wanted);
}

#[test]
fn a_flush_writes_what_can_be_no_secret() {
    let buffer = Buffer::default();
    let mut writer = RedactWriter::new(buffer.clone(), &redactor());
    write!(writer, "Continue? [y/n] ").unwrap();
    writer.flush().unwrap();
    assert_eq!(buffer.text(), "Continue? [y/n] ");
    write!(writer, "password=only4").unwrap();
    writer.flush().unwrap();
    assert!(!buffer.text().contains("only4"));
    writeln!(writer, "docs!").unwrap();
    assert_eq!(buffer.text(), "Continue? [y/n] password=[REDACTED:secret]\n");
}

#[test]
fn a_line_leaves_in_one_write() {
    struct Writes(Vec<Vec<u8>>);
    impl io::Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writes = Writes(Vec::new());
    let mut writer = RedactWriter::new(&mut writes, &redactor());
    writer.write_all(b"a password=only4docs! b password=only4docs! c\n").unwrap();
    drop(writer);
    assert_eq!(writes.0.len(), 1);
}

#[test]
fn errors_of_the_writer_are_told() {
    struct Fails;
    impl io::Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let mut writer = RedactWriter::new(Fails, &redactor());
    let error = writer.write_all(b"a line\n").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert!(writer.flush().is_err());
}

#[test]
fn env_logger_writes_through_it() {
    let (buffer, redactor) = (Buffer::default(), redactor());
    let writer = RedactWriter::new(buffer.clone(), &redactor);
    let logger = env_logger::Builder::new()
        .filter_level(log::LevelFilter::Info)
        .target(env_logger::Target::Pipe(Box::new(writer)))
        .build();
    let log = |text: &str| {
        let record = format_args!("{text}");
        log::Log::log(
            &logger,
            &log::Record::builder().level(log::Level::Info).args(record).build(),
        );
    };
    log("login with password=only4docs!");
    log("a clean line");
    let text = buffer.text();
    assert!(text.contains("login with password=[REDACTED:secret]\n"), "{text}");
    assert!(text.contains("a clean line\n"), "{text}");
}
