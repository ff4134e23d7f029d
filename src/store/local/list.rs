//! Lists what lies below a folder: regular files whose names are parts of keys, sorted by key.
//!
//! Names beginning with a dot are not listed (staged files, and what editors and version control leave), nor are
//! symbolic links, pipes, sockets and names that are no text. [`strays`] finds these for `validate`.

use std::os::fd::{AsFd, BorrowedFd};

use object_store::path::{Path, PathPart};
use object_store::{Error, ListResult, ObjectMeta};
use rustix::fs::{AtFlags, Dir, FileType};
use rustix::io::Errno;

use super::error::{Doing, explain};
use super::folder::{Folder, enter_child};
use super::{Stray, StrayKind, object_meta};

/// All objects below a prefix whose keys sort after an offset.
pub(super) fn all(folder: &Folder, prefix: &str, offset: Option<&str>) -> Result<Vec<ObjectMeta>, Error> {
    let mut found = Vec::new();
    let listed = folder.enter(prefix).and_then(|dir| descend(dir.as_fd(), prefix, offset, &mut found));
    absent_is_empty(listed.map_err(|errno| explain(folder, prefix, Doing::List, errno)))?;
    found.sort_unstable_by(|a, b| a.location.cmp(&b.location));
    Ok(found)
}

/// The objects of a folder that is missing, or that holds few files and no folder: found at once, which saves the
/// way to a blocking thread and back. `None`: it is larger.
pub(super) fn small(folder: &Folder, prefix: &str, offset: Option<&str>) -> Result<Option<Vec<ObjectMeta>>, Error> {
    const FEW: usize = 64;
    let mut found = Vec::new();
    let listed = folder.enter(prefix).and_then(|dir| {
        let entries = entries(dir.as_fd())?;
        if entries.len() > FEW || entries.iter().any(|entry| entry.kind == FileType::Directory) {
            return Ok(false);
        }
        descend(dir.as_fd(), prefix, offset, &mut found)?;
        Ok(true)
    });
    let whole = match listed.map_err(|errno| explain(folder, prefix, Doing::List, errno)) {
        Err(Error::NotFound { .. }) => true,
        other => other?,
    };
    found.sort_unstable_by(|a, b| a.location.cmp(&b.location));
    Ok(whole.then_some(found))
}

/// The objects directly below a prefix, and the folders there.
///
/// A folder is a common prefix also while it is empty; a bucket would not show it.
pub(super) fn one_level(folder: &Folder, prefix: &str) -> Result<ListResult, Error> {
    let mut result =
        ListResult { common_prefixes: Vec::new(), objects: Vec::new(), extensions: object_store::Extensions::new() };
    let listed = folder.enter(prefix).and_then(|dir| {
        for entry in entries(dir.as_fd())? {
            let Some((name, key)) = entry.key(prefix) else { continue };
            match entry.kind {
                FileType::Directory => result.common_prefixes.push(key),
                FileType::RegularFile => result.objects.extend(meta(dir.as_fd(), name, key)?),
                _ => {}
            }
        }
        Ok(())
    });
    absent_is_empty(listed.map_err(|errno| explain(folder, prefix, Doing::List, errno)))?;
    result.objects.sort_unstable_by(|a, b| a.location.cmp(&b.location));
    result.common_prefixes.sort_unstable();
    Ok(result)
}

/// What lies in the folder and is not part of the organisation, sorted by path.
pub(super) fn strays(folder: &Folder) -> Result<Vec<Stray>, Errno> {
    let mut found = Vec::new();
    match folder.enter("") {
        Ok(dir) => find_strays(dir.as_fd(), "", &mut found)?,
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn absent_is_empty(listed: Result<(), Error>) -> Result<(), Error> {
    match listed {
        Err(Error::NotFound { .. }) => Ok(()),
        other => other,
    }
}

fn descend(dir: BorrowedFd<'_>, prefix: &str, offset: Option<&str>, found: &mut Vec<ObjectMeta>) -> Result<(), Errno> {
    for entry in entries(dir)? {
        let Some((name, key)) = entry.key(prefix) else { continue };
        match entry.kind {
            FileType::Directory if !offset.is_some_and(|offset| all_before(key.as_ref(), offset)) => {
                match enter_child(dir, name) {
                    Ok(child) => descend(child.as_fd(), key.as_ref(), offset, found)?,
                    // Deleted or replaced since its name was read.
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {}
                    Err(errno) => return Err(errno),
                }
            }
            FileType::RegularFile if offset.is_none_or(|offset| key.as_ref() > offset) => {
                found.extend(meta(dir, name, key)?);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether every key below this folder sorts at or before the offset.
fn all_before(folder: &str, offset: &str) -> bool {
    match offset.strip_prefix(folder) {
        Some(rest) => rest.as_bytes().first().is_some_and(|&next| next > b'/'),
        None => folder < offset,
    }
}

fn find_strays(dir: BorrowedFd<'_>, prefix: &str, found: &mut Vec<Stray>) -> Result<(), Errno> {
    for entry in entries(dir)? {
        if entry.name.first() == Some(&b'.') {
            continue;
        }
        let kind = match (entry.kind, entry.key(prefix)) {
            (FileType::Symlink, _) => StrayKind::Symlink,
            (_, None) => StrayKind::NotAKey,
            (FileType::RegularFile, Some(_)) => continue,
            (FileType::Directory, Some((name, key))) => {
                match enter_child(dir, name) {
                    Ok(child) => find_strays(child.as_fd(), key.as_ref(), found)?,
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {}
                    Err(errno) => return Err(errno),
                }
                continue;
            }
            _ => StrayKind::Special,
        };
        let name = String::from_utf8_lossy(&entry.name);
        let path = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}/{name}") };
        found.push(Stray { path, kind });
    }
    Ok(())
}

struct Entry {
    name: Vec<u8>,
    kind: FileType,
}

impl Entry {
    /// Its name and its key, if it may be part of one.
    fn key(&self, prefix: &str) -> Option<(&str, Path)> {
        let name = std::str::from_utf8(&self.name).ok().filter(|name| !name.starts_with('.'))?;
        PathPart::parse(name).ok()?;
        // Parsed and not built: building would percent-encode what is on disk as it is.
        let key = if prefix.is_empty() { Path::parse(name) } else { Path::parse(format!("{prefix}/{name}")) };
        Some((name, key.ok()?))
    }
}

fn entries(dir: BorrowedFd<'_>) -> Result<Vec<Entry>, Errno> {
    let mut found = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let mut kind = entry.file_type();
        if kind == FileType::Unknown {
            // Some file systems do not keep the type with the name.
            match rustix::fs::statat(dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => kind = FileType::from_raw_mode(stat.st_mode),
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno),
            }
        }
        found.push(Entry { name: name.to_vec(), kind });
    }
    Ok(found)
}

fn meta(dir: BorrowedFd<'_>, name: &str, key: Path) -> Result<Option<ObjectMeta>, Errno> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Some(object_meta(key, &stat))),
        // Deleted or replaced since its name was read.
        Ok(_) | Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}
