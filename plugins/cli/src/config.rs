//! The configuration file `redact.toml`: found, read, and every problem in it located.
//!
//! Names and values are those of the long flags. What belongs to one run only (inputs, outputs, `--check`) is not
//! accepted, so that a file that lies around in a folder never writes anywhere.
//!
//! A file that is found, not named, must belong to the user or to root and not be writable by all: it can switch rules
//! off, and a shared folder such as `/tmp` is above many working folders.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::error::Error;
use crate::settings::{ColorChoice, ConfidenceChoice, EngineChoice, MaskChoice, ThreadsChoice};

const NAME: &str = "redact.toml";
/// Flags that no file can set.
const RUN_ONLY: [&str; 5] = ["output", "in-place", "check", "report", "config"];

/// A value of the file and its line, from 1.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) path: Option<PathBuf>,
    pub(crate) rules: Option<Entry<Vec<PathBuf>>>,
    pub(crate) only: Option<Entry<Vec<String>>>,
    pub(crate) pii: Option<Entry<bool>>,
    pub(crate) except: Option<Entry<Vec<String>>>,
    pub(crate) keys: Option<Entry<Vec<String>>>,
    pub(crate) decode_depth: Option<Entry<u8>>,
    pub(crate) allow: Option<Entry<PathBuf>>,
    pub(crate) confidence: Option<Entry<ConfidenceChoice>>,
    pub(crate) mask: Option<Entry<MaskChoice>>,
    pub(crate) mask_key_file: Option<Entry<PathBuf>>,
    pub(crate) color: Option<Entry<ColorChoice>>,
    pub(crate) compressed: Option<Entry<bool>>,
    pub(crate) flush_after: Option<Entry<u64>>,
    pub(crate) engine: Option<Entry<EngineChoice>>,
    pub(crate) engine_strict: Option<Entry<bool>>,
    pub(crate) threads: Option<Entry<ThreadsChoice>>,
    pub(crate) stats: Option<Entry<bool>>,
}

/// Where a configuration file is.
#[derive(Debug)]
pub(crate) struct Location {
    path: PathBuf,
    /// Whether the user named it.
    named: bool,
}

/// The file to read: the one that is named, else the nearest one upwards of the working folder, else the user's.
pub(crate) fn find(named: Option<&Path>) -> Option<Location> {
    if let Some(path) = named {
        return Some(Location { path: path.to_owned(), named: true });
    }
    let folder = std::env::current_dir().ok();
    let upwards = folder.iter().flat_map(|f| f.ancestors()).map(|f| f.join(NAME));
    let found = upwards.chain(users_file()).find(|path| path.is_file());
    found.map(|path| Location { path, named: false })
}

fn users_file() -> Option<PathBuf> {
    let folder = match std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from) {
        Some(folder) if folder.is_absolute() => folder,
        _ => std::env::home_dir()?.join(".config"),
    };
    Some(folder.join("redact").join(NAME))
}

/// Reads the file.
///
/// # Errors
/// All its problems, each with its line.
pub(crate) fn read(location: Location) -> Result<Layer, Error> {
    let Location { path, named } = location;
    let unreadable = |error| Error::io(path.display(), "cannot be read", &error);
    let mut file = File::open(&path).map_err(unreadable)?;
    if !named {
        check_trust(&path, &file.metadata().map_err(unreadable)?)?;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(Error::new(format!("{}: is not UTF-8 text", path.display())));
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut reader = Reader { path: &path, text: &text, problems: Vec::new() };
    let mut layer = reader.layer(folder);
    match reader.into_problems() {
        problems if problems.is_empty() => {
            layer.path = Some(path);
            Ok(layer)
        }
        problems => Err(Error::all(problems)),
    }
}

/// Whether nobody but the user and root can have written the file.
fn check_trust(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let own = [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
    let problem = match own {
        true if metadata.mode() & 0o002 == 0 => return Ok(()),
        true => "can be written by every user",
        false => "belongs to another user",
    };
    let name = path.display();
    let error = Error::new(format!("{name}: {problem}, who could switch rules off"));
    Err(error.hint(format!("use it with --config {name}, or ignore it with --no-config")))
}

/// A key of the file and its byte offset.
struct Key<'t> {
    name: &'t str,
    at: usize,
}

struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
    /// With their lines.
    problems: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn layer(&mut self, folder: &Path) -> Layer {
        let mut layer = Layer::default();
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.problem(error.span().map_or(0, |s| s.start), error.message());
        }
        if !errors.is_empty() {
            return layer;
        }
        let relative = |path: PathBuf| folder.join(path);
        for (key, value) in table.into_inner() {
            let key = Key { at: key.span().start, name: key.get_ref() };
            match key.name {
                "rules" => {
                    layer.rules = self.value::<Vec<PathBuf>>(&key, value).map(|entry| Entry {
                        value: entry.value.into_iter().map(relative).collect(),
                        line: entry.line,
                    })
                }
                "only" => layer.only = self.value(&key, value),
                "pii" => layer.pii = self.value(&key, value),
                "except" => layer.except = self.value(&key, value),
                "keys" => layer.keys = self.value(&key, value),
                "decode-depth" => layer.decode_depth = self.value(&key, value),
                "allow" => {
                    layer.allow = self
                        .value::<PathBuf>(&key, value)
                        .map(|entry| Entry { value: relative(entry.value), line: entry.line })
                }
                "confidence" => layer.confidence = self.value(&key, value),
                "mask" => layer.mask = self.value(&key, value),
                "mask-key-file" => {
                    layer.mask_key_file = self
                        .value::<PathBuf>(&key, value)
                        .map(|entry| Entry { value: relative(entry.value), line: entry.line })
                }
                "color" => layer.color = self.value(&key, value),
                "compressed" => layer.compressed = self.value(&key, value),
                "flush-after" => layer.flush_after = self.value(&key, value),
                "engine" => layer.engine = self.value(&key, value),
                "engine-strict" => layer.engine_strict = self.value(&key, value),
                "threads" => layer.threads = self.value(&key, value),
                "stats" => layer.stats = self.value(&key, value),
                name if RUN_ONLY.contains(&name) => {
                    let message =
                        format!("`{name}` is a flag of one run; give it on the command line");
                    self.problem(key.at, &message);
                }
                name => self.problem(key.at, &format!("`{name}` is not known; {}", advice(name))),
            }
        }
        layer
    }

    fn value<'v, T: Deserialize<'v>>(
        &mut self,
        key: &Key<'_>,
        value: Spanned<DeValue<'v>>,
    ) -> Option<Entry<T>> {
        let start = value.span().start;
        match T::deserialize(ValueDeserializer::from(value).into_deserializer()) {
            Ok(value) => Some(Entry { value, line: self.line(key.at) }),
            Err(error) => {
                let at = error.span().map_or(start, |span| span.start);
                self.problem(at, &format!("`{}`: {}", key.name, error.message()));
                None
            }
        }
    }

    fn problem(&mut self, at: usize, message: &str) {
        let message = message.split('\n').map(str::trim).collect::<Vec<_>>().join("; ");
        let line = self.line(at);
        self.problems.push((line, format!("{}:{line}: {message}", self.path.display())));
    }

    /// The problems in the order of their lines.
    fn into_problems(mut self) -> Vec<String> {
        self.problems.sort();
        self.problems.into_iter().map(|(_, problem)| problem).collect()
    }

    /// The line, from 1, of a byte offset.
    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|b| *b == b'\n').count()
    }
}

const NAMES: [&str; 17] = [
    "rules",
    "only",
    "pii",
    "except",
    "keys",
    "decode-depth",
    "allow",
    "confidence",
    "mask",
    "mask-key-file",
    "color",
    "compressed",
    "flush-after",
    "engine",
    "engine-strict",
    "threads",
    "stats",
];

/// The nearest name, or all.
fn advice(name: &str) -> String {
    let alike = name.replace('_', "-").to_lowercase();
    match NAMES.iter().find(|n| **n == alike || n.starts_with(&alike) || alike.starts_with(**n)) {
        Some(near) if !alike.is_empty() => format!("did you mean `{near}`?"),
        _ => format!("there are {}", NAMES.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let mut reader = Reader { path: Path::new("redact.toml"), text, problems: Vec::new() };
        reader.layer(Path::new("/etc"));
        reader.into_problems()
    }

    #[test]
    fn every_name_is_known() {
        for name in NAMES {
            let found = problems(&format!("{name} = {{}}\n"));
            assert!(found.len() == 1 && !found[0].contains("is not known"), "{found:?}");
        }
    }

    #[test]
    fn all_problems_are_located() {
        let found =
            problems("mask = 'no'\n\nflush_after = 5\nin-place = true\nstats = 1\nxyz = 1\n");
        let wanted = [
            "redact.toml:1: `mask`: a mask is",
            "redact.toml:3: `flush_after` is not known; did you mean `flush-after`?",
            "redact.toml:4: `in-place` is a flag of one run",
            "redact.toml:5: `stats`:",
            "redact.toml:6: `xyz` is not known; there are rules, only",
        ];
        assert_eq!(found.len(), wanted.len(), "{found:#?}");
        for (problem, start) in found.iter().zip(wanted) {
            assert!(problem.starts_with(start), "{start} is not in {found:#?}");
        }
    }

    #[test]
    fn broken_syntax_is_located() {
        let found = problems("mask = \"stars\"\nonly = [\n");
        assert!(!found.is_empty() && found[0].starts_with("redact.toml:"), "{found:?}");
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let text = "rules = ['mine.toml', '/x/abs.toml']\nmask-key-file = 'key'\n";
        let mut reader = Reader { path: Path::new("redact.toml"), text, problems: Vec::new() };
        let layer = reader.layer(Path::new("/etc"));
        assert!(reader.problems.is_empty(), "{:?}", reader.problems);
        let rules = layer.rules.unwrap();
        assert_eq!(rules.value, [Path::new("/etc/mine.toml"), Path::new("/x/abs.toml")]);
        assert_eq!(layer.mask_key_file.unwrap().line, 2);
    }
}
