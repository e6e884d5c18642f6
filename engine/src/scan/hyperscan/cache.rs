//! Where compiled databases are kept: their envelope, and [`FolderCache`], the engine's only input and output.
//!
//! ```text
//! magic (8) | BLAKE3 of the rest (32) | rules (8, LE) | level of each rule, padded to 16 | database
//! ```
//!
//! The [`key`] names everything the database depends on: libhs, this layout, and all expressions. The checksum guards
//! against damage, not against forgery: libhs trusts what it deserialises, so a cache must only hold what its user wrote.
//! [`FolderCache`] sees to that.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hyperscan::{BlockDatabase, SerializedDatabase as _};

use super::expression::Plan;
use crate::scan::DatabaseCache;

const MAGIC: &[u8; 8] = b"redacths";
const HEADER: usize = 48;
/// What a future layout changes.
const LAYOUT: &str = "1";
/// No database is larger; more is not read.
const LARGEST_BYTES: u64 = 512 << 20;
/// How many databases a folder keeps: one per libhs and rule set in use.
const KEPT: usize = 8;

/// The name under which the database of these plans is kept.
pub(super) fn key(version: &str, plans: &[Vec<Plan>]) -> String {
    let mut hash = blake3::Hasher::new();
    let mut add = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(LAYOUT);
    add(version);
    for plans in plans {
        add(&plans.len().to_string());
        for plan in plans {
            add(&plan.len().to_string());
            plan.iter().for_each(|expression| add(&expression.text));
        }
    }
    hash.finalize().to_hex()[..32].to_owned()
}

/// A database in its envelope.
pub(super) fn seal(levels: &[u8], database: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + padded(levels.len()) + database.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&(levels.len() as u64).to_le_bytes());
    bytes.extend_from_slice(levels);
    bytes.resize(HEADER + padded(levels.len()), 0);
    bytes.extend_from_slice(database);
    let hash = blake3::hash(&bytes[40..]);
    bytes[8..40].copy_from_slice(hash.as_bytes());
    bytes
}

/// The levels and the database of an envelope.
///
/// # Errors
/// What is wrong with it.
pub(super) fn open(bytes: &[u8], plans: &[Vec<Plan>]) -> Result<(Vec<u8>, BlockDatabase), String> {
    let damaged = || "it is damaged".to_owned();
    let header = bytes.get(..HEADER).ok_or_else(damaged)?;
    if header[..8] != MAGIC[..] || blake3::hash(&bytes[40..]).as_bytes()[..] != header[8..40] {
        return Err(damaged());
    }
    if header[40..48] != (plans.len() as u64).to_le_bytes() {
        return Err("it is of other rules".to_owned());
    }
    let levels = bytes.get(HEADER..HEADER + plans.len()).ok_or_else(damaged)?.to_vec();
    let database = bytes.get(HEADER + padded(plans.len())..).ok_or_else(damaged)?;
    let database = database.deserialize().map_err(|error| error.to_string())?;
    Ok((levels, database))
}

fn padded(len: usize) -> usize {
    len.next_multiple_of(16)
}

/// Keeps databases as files of one folder, such as `~/.cache/redact`.
///
/// Files are readable and writable by their owner only. A file that is not the user's own, or that others may read or
/// write, is not used: a `sudo redact` does not load what an ordinary user put there. Whatever fails is as if nothing was
/// kept.
///
/// ```no_run
/// use std::sync::Arc;
/// use redact_stream::{Engine, FolderCache, ScannerKind};
///
/// let cache = FolderCache::new("/home/app/.cache/redact");
/// let engine = Engine::builder()
///     .scanner(ScannerKind::Hyperscan)
///     .hyperscan_cache(Arc::new(cache))
///     .build()?;
/// # Ok::<(), redact_stream::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FolderCache {
    folder: PathBuf,
}

impl FolderCache {
    /// A cache in `folder`, which is made when something is first kept.
    pub fn new(folder: impl Into<PathBuf>) -> FolderCache {
        FolderCache { folder: folder.into() }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("hyperscan-{key}.db"))
    }

    fn write(&self, key: &str, bytes: &[u8]) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let temporary = self.folder.join(format!("hyperscan-{key}.{}.tmp", std::process::id()));
        // Left over from a process that had this id and was killed.
        let _ = fs::remove_file(&temporary);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = file.write_all(bytes).and_then(|()| fs::rename(&temporary, self.path(key)));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Removes the oldest databases, so that updates do not fill the folder.
    fn prune(&self) -> std::io::Result<()> {
        let ours = |name: &str| name.starts_with("hyperscan-") && name.ends_with(".db");
        let mut files: Vec<_> = fs::read_dir(&self.folder)?
            .flatten()
            .filter(|entry| entry.file_name().to_str().is_some_and(ours))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        let surplus = files.len().saturating_sub(KEPT);
        files[..surplus].iter().try_for_each(|(_, path)| fs::remove_file(path))
    }
}

impl DatabaseCache for FolderCache {
    fn load(&self, key: &str) -> Option<Vec<u8>> {
        read_own_file(&self.path(key))
    }

    fn store(&self, key: &str, bytes: &[u8]) {
        // A cache that cannot be written is a slow start next time, nothing more.
        let _ = self.write(key, bytes).and_then(|()| self.prune());
    }
}

fn read_own_file(path: &Path) -> Option<Vec<u8>> {
    // Before it is opened: opening a pipe would wait.
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let file = fs::File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let private =
        metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0;
    if !metadata.is_file() || !private || metadata.len() > LARGEST_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.take(LARGEST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
