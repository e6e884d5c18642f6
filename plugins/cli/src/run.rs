//! From the command line to a [`Plan`]: everything is parsed, resolved and checked before a byte of input is read.
//!
//! [`crate::files`] carries the plan out.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use redact_stream::{AllowList, Engine, EngineBuilder, Mask, RuleSet, ScannerKind, SecretBytes};

use crate::args::{Cli, Command, FilterArgs};
use crate::error::{EXIT_ERROR, Error, warn};
use crate::settings::{
    ColorChoice, MASK_KEY_VARIABLE, MaskChoice, Settings, ThreadsChoice, messages,
};
use crate::sink::Raw;
use crate::{files, rules_cmd, stdio};

/// The most bytes of a file with a pseudonym key: more is not a key.
const LONGEST_KEY: u64 = 64 << 10;

/// What a run does, with nothing left to decide.
pub(crate) struct Plan {
    pub(crate) engine: Arc<Engine>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) target: Target,
    pub(crate) report: Option<PathBuf>,
    /// Whether findings name their input: there are files.
    pub(crate) named: bool,
    pub(crate) compressed: bool,
    pub(crate) flush_after: Duration,
    pub(crate) threads: ThreadsChoice,
    pub(crate) color: bool,
    pub(crate) stats: bool,
    /// The configuration file, for the statistics.
    pub(crate) config: Option<PathBuf>,
    /// What to build the engine from again on SIGHUP: for a filter of standard input with files of rules or values.
    pub(crate) reload: Option<Settings>,
    /// Files that must not be written to, beside the inputs.
    pub(crate) settings_files: Vec<PathBuf>,
}

/// Where bytes come from.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Stdin,
    File(PathBuf),
}

/// Where redacted bytes go.
#[derive(Debug)]
pub(crate) enum Target {
    Stdout,
    File(PathBuf),
    InPlace,
    /// `--check`.
    Nowhere,
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let result = match cli.command {
        None => Plan::resolve(cli.filter).and_then(|plan| files::execute(&plan)),
        Some(Command::Config(args)) => {
            Settings::resolve(args).and_then(|s| print(s.show().as_bytes()))
        }
        Some(Command::Rules(command)) => rules_cmd::run(command),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "redact", &mut script);
            print(&script)
        }
        Some(Command::Man { dir }) => man(dir.as_deref()),
    };
    result.unwrap_or_else(|error| {
        error.tell();
        ExitCode::from(EXIT_ERROR)
    })
}

/// Writes to standard output; a reader that has gone is no error.
pub(crate) fn print(bytes: &[u8]) -> Result<ExitCode, Error> {
    stdio::check_output()?;
    match Raw::stdout().and_then(|out| (&out).write_all(bytes)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Error::io("standard output", "cannot be written", &error)),
    }
}

fn man(dir: Option<&Path>) -> Result<ExitCode, Error> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command())
            .render(&mut page)
            .map_err(|error| Error::io("the manual page", "cannot be made", &error))?;
        return print(&page);
    };
    clap_mangen::generate_to(Cli::command(), dir)
        .map_err(|error| Error::io(dir.display(), "cannot be written", &error))?;
    Ok(ExitCode::SUCCESS)
}

impl Plan {
    fn resolve(args: FilterArgs) -> Result<Plan, Error> {
        let settings = Settings::resolve(args.settings)?;
        let named = !args.files.is_empty();
        let inputs: Vec<Input> = match named {
            true => args.files.into_iter().map(Input::named).collect(),
            false => vec![Input::Stdin],
        };
        let target = match (args.output, args.in_place, args.check) {
            (Some(path), _, _) if path == Path::new("-") => Target::Stdout,
            (Some(path), _, _) => Target::File(path),
            (None, true, _) => Target::InPlace,
            (None, false, true) => Target::Nowhere,
            (None, false, false) => Target::Stdout,
        };
        if matches!(target, Target::InPlace) && inputs.iter().any(|i| matches!(i, Input::Stdin)) {
            let problem = "--in-place changes files, and standard input is none";
            return Err(Error::new(problem).hint("name the files: redact --in-place FILE..."));
        }
        let engine = engine(&settings)?;
        let mut settings_files = settings.rules.value.clone();
        settings_files.extend(settings.file.clone());
        settings_files.extend(settings.allow.value.clone());
        settings_files.extend(settings.mask_key_file.value.clone());
        let stdin = matches!(inputs[..], [Input::Stdin]) && matches!(target, Target::Stdout);
        let again = !settings.rules.value.is_empty() || settings.allow.value.is_some();
        Ok(Plan {
            engine,
            inputs,
            color: color(settings.color.value, &target),
            target,
            report: args.report,
            named,
            compressed: settings.compressed.value,
            flush_after: Duration::from_millis(settings.flush_after.value),
            threads: settings.threads.value,
            stats: settings.stats.value,
            config: settings.file.clone(),
            reload: (stdin && again).then_some(settings),
            settings_files,
        })
    }
}

impl Input {
    fn named(path: PathBuf) -> Input {
        if path == Path::new("-") { Input::Stdin } else { Input::File(path) }
    }

    /// For messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Input::Stdin => "standard input".to_owned(),
            Input::File(path) => path.display().to_string(),
        }
    }

    /// For the report.
    pub(crate) fn report_name(&self) -> String {
        match self {
            Input::Stdin => "-".to_owned(),
            Input::File(path) => path.to_string_lossy().into_owned(),
        }
    }
}

fn color(choice: ColorChoice, target: &Target) -> bool {
    let unwanted = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match (target, choice) {
        // Escape sequences have no place in the files themselves.
        (Target::InPlace | Target::Nowhere, _) | (_, ColorChoice::Never) => false,
        (_, ColorChoice::Always) => true,
        (Target::File(_), ColorChoice::Auto) => false,
        (Target::Stdout, ColorChoice::Auto) => {
            let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
            std::io::stdout().is_terminal() && !unwanted("NO_COLOR") && !dumb
        }
    }
}

/// The engine of a run, with every problem of the settings in one error.
pub(crate) fn engine(settings: &Settings) -> Result<Arc<Engine>, Error> {
    let (rules, mut problems) = load_rules(&settings.rules.value);
    let mask = mask(settings).map_err(|problem| problems.push(problem));
    let allow = load_allow(settings).map_err(|more| problems.extend(more));
    let (Ok(mask), Ok(allow), true) = (mask, allow, problems.is_empty()) else {
        return Err(Error::all(problems));
    };
    let builder = settings
        .builder(rules)
        .mask(mask)
        .allow_hashes(allow)
        .scanner(ScannerKind::from(settings.engine.value))
        .scanner_strict(settings.engine_strict.value);
    let engine = with_cache(builder).build().map_err(|error| Error::all(problem_lines(&error)))?;
    engine.scanner_notes().iter().for_each(warn);
    Ok(engine)
}

/// The built-in rules and those of `files`, and every problem in these.
pub(crate) fn load_rules(files: &[PathBuf]) -> (RuleSet, Vec<String>) {
    let mut rules = RuleSet::builtin();
    let mut problems = Vec::new();
    for path in files {
        let merged = match read_rules(path) {
            Ok(more) => rules.clone().merge(more).map_err(|e| problem_lines(&e)),
            Err(more) => Err(more),
        };
        match merged {
            Ok(merged) => rules = merged,
            Err(more) => problems.extend(more),
        }
    }
    (rules, problems)
}

/// The values to leave alone.
pub(crate) fn load_allow(settings: &Settings) -> Result<AllowList, Vec<String>> {
    let Some(path) = &settings.allow.value else { return Ok(AllowList::default()) };
    AllowList::parse(&path.display().to_string(), &read_text(path)?).map_err(|e| problem_lines(&e))
}

/// One rule file.
pub(crate) fn read_rules(path: &Path) -> Result<RuleSet, Vec<String>> {
    let name = path.display().to_string();
    RuleSet::parse(&name, &read_text(path)?).map_err(|error| problem_lines(&error))
}

fn read_text(path: &Path) -> Result<String, Vec<String>> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        vec![format!("{name}: cannot be read: {}", crate::error::reason(&error))]
    })?;
    String::from_utf8(bytes).map_err(|_| vec![format!("{name}: is not UTF-8 text")])
}

pub(crate) fn problem_lines(error: &redact_stream::BuildError) -> Vec<String> {
    error.problems().iter().map(ToString::to_string).collect()
}

fn mask(settings: &Settings) -> Result<Mask, String> {
    let described = |error: redact_stream::BuildError| messages(&error).join("; ");
    match &settings.mask.value {
        MaskChoice::Label => Ok(Mask::label()),
        MaskChoice::Fixed(text) => Mask::fixed(text).map_err(described),
        MaskChoice::Stars => Ok(Mask::stars()),
        MaskChoice::Partial(keep) => Ok(Mask::partial(*keep)),
        MaskChoice::Pseudonym => {
            let (source, key) = mask_key(settings.mask_key_file.value.as_deref())?;
            Mask::pseudonym(key).map_err(|error| format!("{source}: {}", described(error)))
        }
    }
}

/// The key of the pseudonym mask and where it comes from.
fn mask_key(file: Option<&Path>) -> Result<(String, SecretBytes), String> {
    use std::os::unix::ffi::OsStringExt as _;
    let (source, mut key) = match file {
        Some(path) => {
            // Once, so that no copy stays behind in a smaller allocation.
            let mut key = Vec::with_capacity(2 * LONGEST_KEY as usize);
            let opened = std::fs::File::open(path);
            let read = opened.and_then(|file| file.take(LONGEST_KEY + 1).read_to_end(&mut key));
            let name = path.display();
            read.map_err(|e| {
                format!("{name}: the key cannot be read: {}", crate::error::reason(&e))
            })?;
            if key.len() as u64 > LONGEST_KEY {
                return Err(format!("{name}: more than {LONGEST_KEY} bytes are no key"));
            }
            (name.to_string(), key)
        }
        None => match std::env::var_os(MASK_KEY_VARIABLE).filter(|key| !key.is_empty()) {
            Some(key) => (MASK_KEY_VARIABLE.to_owned(), key.into_vec()),
            None => {
                return Err(format!(
                    "the mask pseudonym needs a key: give --mask-key-file FILE or set {MASK_KEY_VARIABLE}"
                ));
            }
        },
    };
    while matches!(key.last(), Some(b'\n' | b'\r')) {
        key.pop();
    }
    Ok((source, SecretBytes::new(key)))
}

/// Where `--engine hyperscan` keeps its compiled rules: `$XDG_CACHE_HOME/redact`, else `~/.cache/redact`.
#[cfg(feature = "hyperscan")]
fn with_cache(builder: EngineBuilder) -> EngineBuilder {
    let folder = match std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from) {
        Some(folder) if folder.is_absolute() => Some(folder),
        _ => std::env::home_dir().map(|home| home.join(".cache")),
    };
    match folder {
        Some(folder) => {
            let cache = redact_stream::FolderCache::new(folder.join("redact"));
            builder.hyperscan_cache(Arc::new(cache))
        }
        None => builder,
    }
}

#[cfg(not(feature = "hyperscan"))]
fn with_cache(builder: EngineBuilder) -> EngineBuilder {
    builder
}
