//! Where compiled databases are kept: their envelope, and [`FolderCache`], the engine's only input and output.
//!
//! ```text
//! magic (8) | BLAKE3 of the rest (32) | rules (8, LE) | 1 for each rule left out, padded to 16 | database
//! ```
//!
//! The [`key`] names everything the database depends on: libhs, this layout, and all windows. The checksum guards
//! against damage, not against forgery: libhs trusts what it deserialises, so a cache must only hold what its user wrote.
//! [`FolderCache`] sees to that.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hyperscan::{BlockDatabase, SerializedDatabase as _};

use crate::rule::Rule;
use crate::scan::DatabaseCache;

const MAGIC: &[u8; 8] = b"redacths";
const HEADER: usize = 48;
/// What a future layout changes.
const LAYOUT: &str = "1";
/// No database is larger; more is not read.
const LARGEST_BYTES: u64 = 512 << 20;
/// How many databases a folder keeps: one per libhs and rule set in use.
const KEPT: usize = 8;

/// The name under which the database of these rules is kept.
pub(super) fn key(version: &str, rules: &[&Rule]) -> String {
    let mut hash = blake3::Hasher::new();
    let number = |hash: &mut blake3::Hasher, n: u64| {
        hash.update(&n.to_le_bytes());
    };
    hash.update(LAYOUT.as_bytes());
    number(&mut hash, version.len() as u64);
    hash.update(version.as_bytes());
    for rule in rules {
        number(&mut hash, rule.anchors.len() as u64);
        for anchor in rule.anchors.iter() {
            number(&mut hash, anchor.window.len() as u64);
            anchor.window.iter().flat_map(|set| &set.0).for_each(|word| number(&mut hash, *word));
            // Distances are not in the database, but the window's kind is: whether it begins before the match.
            number(&mut hash, u64::from(anchor.hi == -1));
        }
    }
    hash.finalize().to_hex()[..32].to_owned()
}

/// A database in its envelope.
pub(super) fn seal(left_out: &[bool], database: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + padded(left_out.len()) + database.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&(left_out.len() as u64).to_le_bytes());
    bytes.extend(left_out.iter().map(|out| u8::from(*out)));
    bytes.resize(HEADER + padded(left_out.len()), 0);
    bytes.extend_from_slice(database);
    let hash = blake3::hash(&bytes[40..]);
    bytes[8..40].copy_from_slice(hash.as_bytes());
    bytes
}

/// Which rules are left out, and the database, of an envelope for this number of rules.
///
/// # Errors
/// What is wrong with it.
pub(super) fn open(bytes: &[u8], rules: usize) -> Result<(Vec<bool>, BlockDatabase), String> {
    let damaged = || "it is damaged".to_owned();
    let header = bytes.get(..HEADER).ok_or_else(damaged)?;
    if header[..8] != MAGIC[..] || blake3::hash(&bytes[40..]).as_bytes()[..] != header[8..40] {
        return Err(damaged());
    }
    if header[40..48] != (rules as u64).to_le_bytes() {
        return Err("it is of other rules".to_owned());
    }
    let left_out = bytes.get(HEADER..HEADER + rules).ok_or_else(damaged)?;
    let database = bytes.get(HEADER + padded(rules)..).ok_or_else(damaged)?;
    let database = database.deserialize().map_err(|error| error.to_string())?;
    Ok((left_out.iter().map(|out| *out == 1).collect(), database))
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("redact-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn what_is_stored_is_loaded_and_private() {
        let folder = folder("private");
        let cache = FolderCache::new(&folder);
        assert_eq!(cache.load("k"), None);
        cache.store("k", b"database");
        assert_eq!(cache.load("k").as_deref(), Some(&b"database"[..]));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&cache.path("k"))), (0o700, 0o600));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_others_may_write_or_that_is_no_file_is_not_loaded() {
        let folder = folder("shared");
        let cache = FolderCache::new(&folder);
        cache.store("k", b"database");
        fs::set_permissions(cache.path("k"), fs::Permissions::from_mode(0o660)).unwrap();
        assert_eq!(cache.load("k"), None);
        cache.store("l", b"database");
        std::os::unix::fs::symlink(cache.path("l"), cache.path("m")).unwrap();
        assert_eq!(cache.load("m"), None);
        fs::create_dir(cache.path("n")).unwrap();
        assert_eq!(cache.load("n"), None);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_keeps_a_bounded_number() {
        let folder = folder("bounded");
        let cache = FolderCache::new(&folder);
        (0..3 * KEPT).for_each(|i| cache.store(&format!("{i:032x}"), b"database"));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), KEPT);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_failure() {
        let cache = FolderCache::new("/dev/null/redact");
        cache.store("k", b"database");
        assert_eq!(cache.load("k"), None);
    }

    #[test]
    fn an_envelope_is_checked_byte_by_byte() {
        let database: BlockDatabase = "abc".parse().unwrap();
        let sealed = seal(&[false, true, false], &database.serialize().unwrap());
        assert_eq!(open(&sealed, 3).unwrap().0, [false, true, false]);
        assert!(open(&sealed, 2).is_err());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(open(&damaged, 3).is_err(), "byte {at}");
            assert!(open(&sealed[..at], 3).is_err(), "length {at}");
        }
    }
}
