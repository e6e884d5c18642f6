//! Files that appear whole or not at all: written beside their target, flushed to disk, renamed over it.
//!
//! A temporary file goes away when it is dropped, and when SIGINT, SIGTERM or SIGHUP ends the program: a thread waits for
//! these, removes the files and lets the signal do what it does by default. A signal that was ignored when the program
//! started (`nohup`) stays ignored.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use rustix::fs::{Gid, Uid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::NamedTempFile;

/// The names of all temporary files there are.
static NAMES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file that does not have its name yet.
#[derive(Debug)]
pub(crate) struct TempFile {
    // Dropped, and so removed, before its name is forgotten.
    file: NamedTempFile<File>,
    name: Name,
    target: PathBuf,
}

/// A name in [`NAMES`].
#[derive(Debug)]
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        names(|names| names.retain(|name| *name != self.0));
    }
}

impl TempFile {
    /// Makes a file in the folder of `target`; `mode` is subject to the umask.
    pub(crate) fn beside(target: &Path, mode: u32) -> io::Result<TempFile> {
        remove_on_signals();
        let folder = folder(target);
        let file = tempfile::Builder::new().prefix(".redact-").make_in(folder, |path| {
            // Known before it exists, so that no signal comes in between.
            names(|names| names.push(path.to_owned()));
            let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
            file.inspect_err(|_| drop(Name(path.to_owned())))
        })?;
        let name = Name(file.path().to_owned());
        Ok(TempFile { file, name, target: target.to_owned() })
    }

    /// Another handle to write through.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.as_file().try_clone()
    }

    /// Takes over the mode and, as far as permitted, the owner of the file that is replaced.
    pub(crate) fn resemble(&self, old: &Metadata) -> io::Result<()> {
        let file = self.file.as_file();
        let group = rustix::fs::fchown(file, None, Some(Gid::from_raw(old.gid())));
        let owner = rustix::fs::fchown(file, Some(Uid::from_raw(old.uid())), None);
        let mut mode = old.mode() & 0o7777;
        if owner.is_err() || group.is_err() {
            // Set-id bits are meant for the old owner.
            mode &= 0o1777;
        }
        file.set_permissions(Permissions::from_mode(mode))
    }

    /// Flushes it to disk and gives it its name.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        // On an error the temporary file is dropped, and removed, with it.
        self.file.persist(&self.target).map_err(|error| error.error)?;
        drop(self.name);
        // The rename itself; not every file system can flush a folder.
        if let Ok(folder) = File::open(folder(&self.target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn names<T>(change: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    change(&mut NAMES.lock().unwrap_or_else(PoisonError::into_inner))
}

fn remove_on_signals() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let ignored = ignored_signals();
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter();
        let Ok(mut signals) = Signals::new(wanted.filter(|s| ignored >> (s - 1) & 1 == 0)) else {
            return;
        };
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                // Locked to the end, so that no new file is made.
                names(|names| {
                    for name in names {
                        let _ = std::fs::remove_file(name);
                    }
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                });
            }
        });
    });
}

/// A bit for each signal that is ignored, signal 1 lowest; 0 where the system does not tell.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
