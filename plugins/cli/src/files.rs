//! Carrying out a [`Plan`]: inputs are opened one after the other, each is a stream of its own, and goes to standard
//! output, to a file, back to its place, or nowhere.
//!
//! An input that cannot be read is told about and the next one is taken; the exit code is 2 in the end. An output that
//! cannot be written ends the run.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use redact_stream::StreamRedactor;

use crate::error::{EXIT_ERROR, EXIT_FOUND, Error, Stop, warn, write_stderr};
use crate::live::{Pump, Source, widen_pipe, write_failed};
use crate::parallel;
use crate::progress::Progress;
use crate::reload::Reload;
use crate::report::{Report, Totals, summary};
use crate::run::{Input, Plan, Target, engine};
use crate::sink::{Raw, SinkError, SpanSink};
use crate::stdio;
use crate::temp::TempFile;

/// Does what the plan says.
pub(crate) fn execute(plan: &Plan) -> Result<ExitCode, Error> {
    // With any handler, a write beyond `ulimit -f` is an error instead of death with a core dump.
    let _ =
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
    check_outputs(plan)?;
    let start = Instant::now();
    let mut work = Work {
        plan,
        pump: Pump::new(plan.flush_after, reload(plan)?),
        report: plan.report.as_deref().map(open_report).transpose()?,
        totals: Totals::default(),
        progress: progress(plan),
        failed: false,
    };
    let result = match &plan.target {
        Target::Stdout => work.write_stdout(),
        Target::File(path) => work.write_file(path),
        Target::InPlace => work.in_place(),
        Target::Nowhere => work.all(&Raw::Nowhere),
    };
    let Work { totals, progress, failed, .. } = work;
    drop(progress);
    if plan.stats {
        let config = plan.config.as_ref().map(|path| path.display().to_string());
        write_stderr(&totals.show(&plan.engine, config.as_deref(), start.elapsed()));
    }
    match result {
        Ok(()) | Err(Stop::ReaderGone) => {}
        Err(Stop::Input(error) | Stop::Fatal(error)) => return Err(error),
    }
    Ok(match plan.target {
        _ if failed => ExitCode::from(EXIT_ERROR),
        Target::Nowhere if totals.found() > 0 => ExitCode::from(EXIT_FOUND),
        _ => ExitCode::SUCCESS,
    })
}

/// What SIGHUP does in this run, if it does not end it.
fn reload(plan: &Plan) -> Result<Option<Reload<'_>>, Error> {
    let Some(settings) = &plan.reload else { return Ok(None) };
    let listening = Reload::listen(Box::new(|| engine(settings)));
    listening.map(Some).map_err(|error| Error::io("SIGHUP", "cannot be waited for", &error))
}

struct Work<'p> {
    plan: &'p Plan,
    pump: Pump<'p>,
    report: Option<Report>,
    totals: Totals,
    progress: Progress,
    /// Whether something was told about that makes the exit code 2.
    failed: bool,
}

impl Work<'_> {
    fn write_stdout(&mut self) -> Result<(), Stop> {
        let failed = |error| Stop::Fatal(Error::io("standard output", "cannot be written", &error));
        stdio::check_output().map_err(Stop::Fatal)?;
        let raw = Raw::stdout().map_err(failed)?;
        self.all(&raw)
    }

    fn write_file(&mut self, path: &Path) -> Result<(), Stop> {
        match open_output(path).map_err(Stop::Fatal)? {
            Destination::Direct(raw) => self.all(&raw),
            Destination::Replaced(temp, old) => {
                let failed =
                    |error| Stop::Fatal(Error::io(path.display(), "cannot be written", &error));
                let raw = Raw::File(temp.handle().map_err(failed)?);
                self.all(&raw)?;
                if self.failed {
                    let problem =
                        format!("{}: is left as it was, since not all went well", path.display());
                    return Err(Stop::Fatal(Error::new(problem)));
                }
                old.map_or(Ok(()), |old| temp.resemble(&old)).map_err(failed)?;
                temp.commit().map_err(failed)
            }
        }
    }

    /// Every input to one output.
    fn all(&mut self, raw: &Raw) -> Result<(), Stop> {
        if let Some(fd) = raw.watched() {
            widen_pipe(fd);
        }
        for input in &self.plan.inputs {
            let result = open(input).and_then(|file| self.one(input, file, raw));
            self.tell_input(result.map(|_| ()))?;
        }
        Ok(())
    }

    /// One input through the engine; how much was found in it.
    fn one(&mut self, input: &Input, file: File, raw: &Raw) -> Result<u64, Stop> {
        let plan = self.plan;
        let name = input.name();
        let mut source = Source::new(&name, file, plan.compressed, raw.watched())?;
        let failed = |error| write_failed(SinkError::Output(error));
        let encoder = source.format().encoder(raw).map_err(failed)?;
        let report_name = plan.named.then(|| input.report_name());
        let report = self.report.as_mut();
        let mut sink = SpanSink::new(
            encoder,
            Arc::clone(&plan.engine),
            plan.color,
            report,
            report_name.as_deref(),
        );
        let threads = parallel::threads(plan.threads, &source);
        let mut stream = StreamRedactor::new(Arc::clone(&plan.engine));
        let (result, stats) = if threads > 1 {
            let mut stats = stream.stats().clone();
            let progress = &mut self.progress;
            (parallel::run(threads, &mut source, &mut stats, &mut sink, progress), stats)
        } else {
            let result = self.pump.run(&mut source, &mut stream, &mut sink, &mut self.progress);
            (result, stream.stats().clone())
        };
        let result = match result {
            // What was unpacked before the error stays readable.
            Ok(()) | Err(Stop::Input(_)) => sink.into_inner().finish().map_err(failed).and(result),
            other => other,
        };
        self.totals.add(stream.engine(), &stats);
        let replaced = self.pump.replaced();
        let (twice, once): (Vec<_>, Vec<_>) = replaced.iter().partition(|(_, _, twice)| *twice);
        once.iter().for_each(|(engine, stats, _)| self.totals.add(engine, stats));
        twice.iter().for_each(|(engine, stats, _)| self.totals.take_off(engine, stats));
        if matches!(plan.target, Target::Nowhere) && stats.total() > 0 {
            let text = format!("{name}: {}\n", summary(&plan.engine, &stats));
            self.progress.aside(|| write_stderr(&text));
        }
        result.map(|()| stats.total())
    }

    fn in_place(&mut self) -> Result<(), Stop> {
        for input in &self.plan.inputs {
            if let Input::File(path) = input {
                let result = self.replace(input, path);
                self.tell_input(result)?;
            }
        }
        Ok(())
    }

    fn replace(&mut self, input: &Input, path: &Path) -> Result<(), Stop> {
        let name = &path.display();
        let unreadable = |error| Stop::Input(Error::io(name, "cannot be read", &error));
        let real = std::fs::canonicalize(path).map_err(unreadable)?;
        let before = std::fs::metadata(&real).map_err(unreadable)?;
        if !before.is_file() {
            let kind = if before.is_dir() { "is a directory" } else { "is not a regular file" };
            let error = Error::new(format!("{name}: {kind}, which cannot be redacted in place"));
            return Err(Stop::Input(match before.is_dir() {
                true => error.hint("name files, or: find DIR -type f -exec redact --in-place {} +"),
                false => error.hint("leave out --in-place"),
            }));
        }
        let unchanged = |error| {
            let error = Error::io(name, "cannot be replaced, and is as it was", &error);
            Stop::Input(error.hint("the file and its folder must be writable"))
        };
        // A file is replaced only if it could also be written to.
        OpenOptions::new().write(true).open(&real).map_err(unchanged)?;
        let file = File::open(&real).map_err(unreadable)?;
        let before = file.metadata().map_err(unreadable)?;
        let temp = TempFile::beside(&real, 0o600).map_err(unchanged)?;
        let raw = Raw::File(temp.handle().map_err(unchanged)?);
        let found = self.one(input, file, &raw).map_err(|stop| match stop {
            Stop::Fatal(error) => Stop::Fatal(error.hint(format!("{name} is as it was"))),
            other => other,
        })?;
        if found == 0 {
            return Ok(());
        }
        let after = std::fs::metadata(&real).map_err(unreadable)?;
        if stamp(&before) != stamp(&after) {
            let error =
                Error::new(format!("{name}: changed while it was read, and is left as it is"));
            return Err(Stop::Input(
                error.hint("stop its writer first, or redact at the source: writer | redact"),
            ));
        }
        if before.nlink() > 1 {
            let others = before.nlink() - 1;
            let text = format!(
                "{name}: has {others} more name(s) (hard links), which keep the unredacted content"
            );
            self.progress.aside(|| warn(text));
        }
        temp.resemble(&before).map_err(unchanged)?;
        temp.commit().map_err(unchanged)
    }

    /// Goes on after an error that concerns one input only.
    fn tell_input(&mut self, result: Result<(), Stop>) -> Result<(), Stop> {
        match result {
            Err(Stop::Input(error)) => {
                self.failed = true;
                self.progress.aside(|| error.tell());
                Ok(())
            }
            other => other,
        }
    }
}

fn open(input: &Input) -> Result<File, Stop> {
    let unreadable = |error| Stop::Input(Error::io(input.name(), "cannot be read", &error));
    let Input::File(path) = input else {
        stdio::check_input().map_err(Stop::Input)?;
        let stdin = io::stdin();
        if stdin.is_terminal() && io::stderr().is_terminal() {
            write_stderr("redact: reading from the terminal; end with Ctrl-D\n");
        }
        return stdin.as_fd().try_clone_to_owned().map(File::from).map_err(unreadable);
    };
    let file = File::open(path).map_err(unreadable)?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(unreadable(io::ErrorKind::IsADirectory.into())),
        _ => Ok(file),
    }
}

enum Destination {
    /// A pipe or device: written directly.
    Direct(Raw),
    /// A regular file, perhaps with one there already.
    Replaced(TempFile, Option<Box<Metadata>>),
}

fn open_output(path: &Path) -> Result<Destination, Error> {
    let failed = |error| Error::io(path.display(), "cannot be written", &error);
    let beside = |target: &Path, mode| {
        TempFile::beside(target, mode)
            .map_err(|e| failed(e).hint("its folder must be writable; otherwise use > FILE"))
    };
    match std::fs::metadata(path) {
        Ok(old) if old.is_file() => {
            let real = std::fs::canonicalize(path).map_err(failed)?;
            OpenOptions::new().write(true).open(&real).map_err(failed)?;
            Ok(Destination::Replaced(beside(&real, 0o600)?, Some(Box::new(old))))
        }
        Ok(_) => {
            let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
            Ok(Destination::Direct(Raw::File(file)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.is_symlink() {
                let problem = format!("{}: is a symbolic link to nowhere", path.display());
                return Err(Error::new(problem).hint("remove it, or name its target"));
            }
            Ok(Destination::Replaced(beside(path, 0o666)?, None))
        }
        Err(error) => Err(failed(error)),
    }
}

fn open_report(path: &Path) -> Result<Report, Error> {
    let failed = |error| Error::io(path.display(), "the report cannot be written", &error);
    // Opened anew, a redirected standard stream would have a position of its own.
    let file = match path.to_str() {
        Some("/dev/stdout" | "-") => io::stdout().as_fd().try_clone_to_owned().map(File::from),
        Some("/dev/stderr") => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        _ => OpenOptions::new().write(true).create(true).truncate(true).open(path),
    };
    file.map(Report::new).map_err(failed)
}

/// Refuses to write to what is read, and two things to one file.
fn check_outputs(plan: &Plan) -> Result<(), Error> {
    let inputs: Vec<_> = plan.inputs.iter().filter_map(Place::of_input).collect();
    let settings: Vec<_> = plan.settings_files.iter().filter_map(|p| Place::of_path(p)).collect();
    let output = match &plan.target {
        Target::Stdout => Place::of_fd(io::stdout()),
        Target::File(path) => Place::of_path(path),
        Target::InPlace | Target::Nowhere => None,
    };
    let report = plan.report.as_deref().and_then(|path| match path.to_str() {
        Some("/dev/stdout" | "-") => Place::of_fd(io::stdout()),
        Some("/dev/stderr") => Place::of_fd(io::stderr()),
        _ => Place::of_path(path),
    });
    let is_in = |place: &Option<Place>, list: &[Place]| {
        place.as_ref().is_some_and(|place| list.iter().any(|p| p.is_same_file(place)))
    };
    if is_in(&output, &inputs) {
        let problem = "the output is also an input, which would be overwritten while it is read";
        return Err(Error::new(problem).hint("use --in-place, or write to another file"));
    }
    if is_in(&output, &settings) || is_in(&report, &settings) {
        let problem = "the output or the report is a rule, key or configuration file of this run";
        return Err(Error::new(problem).hint("write to another file"));
    }
    if is_in(&report, &inputs) {
        let problem = "the report is also an input, which would be overwritten";
        return Err(Error::new(problem).hint("write the report to another file"));
    }
    if output.is_some() && output == report {
        let problem = "the report and the output are the same file";
        return Err(Error::new(problem).hint("write the report to another file, or use --check"));
    }
    Ok(())
}

/// Something with a content of its own that two descriptors may share; no terminal or other device.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    There {
        device: u64,
        inode: u64,
        regular: bool,
    },
    /// A file that is not there yet: its folder and name.
    Planned(PathBuf),
}

impl Place {
    fn of_input(input: &Input) -> Option<Place> {
        match input {
            Input::Stdin => Place::of_fd(io::stdin()),
            Input::File(path) => Place::of_path(path),
        }
    }

    fn of_fd(fd: impl std::os::fd::AsFd) -> Option<Place> {
        let file = File::from(fd.as_fd().try_clone_to_owned().ok()?);
        Place::of_metadata(&file.metadata().ok()?)
    }

    fn of_path(path: &Path) -> Option<Place> {
        if let Ok(metadata) = std::fs::metadata(path) {
            return Place::of_metadata(&metadata);
        }
        let folder = path.parent().filter(|f| *f != Path::new("")).unwrap_or(Path::new("."));
        Some(Place::Planned(std::fs::canonicalize(folder).ok()?.join(path.file_name()?)))
    }

    fn of_metadata(metadata: &Metadata) -> Option<Place> {
        if metadata.file_type().is_char_device() {
            return None;
        }
        let (device, inode) = (metadata.dev(), metadata.ino());
        Some(Place::There { device, inode, regular: metadata.is_file() })
    }

    /// Reading and writing one pipe or socket is fine; a regular file is not.
    fn is_same_file(&self, other: &Place) -> bool {
        self == other && !matches!(self, Place::There { regular: false, .. })
    }
}

/// What changes when a file is written to.
fn stamp(metadata: &Metadata) -> (u64, u64, u64, i64, i64) {
    (metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

fn progress(plan: &Plan) -> Progress {
    let size = |input: &Input| {
        let metadata = match input {
            Input::Stdin => {
                let stdin = io::stdin().as_fd().try_clone_to_owned().map(File::from);
                stdin.and_then(|file| file.metadata())
            }
            Input::File(path) => std::fs::metadata(path),
        };
        metadata.ok().filter(Metadata::is_file).map_or(0, |metadata| metadata.len())
    };
    let total = plan.inputs.iter().map(size).sum();
    Progress::new(total, matches!(plan.target, Target::Stdout) && io::stdout().is_terminal())
}
