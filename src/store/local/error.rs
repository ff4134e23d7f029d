//! What goes wrong on a disk, as errors of an object store that name the path and the reason.

use std::error::Error as StdError;
use std::io;

use object_store::Error;
use rustix::io::Errno;

use super::folder::Folder;

/// The name of this store in errors.
pub(super) const STORE: &str = "LocalStore";

/// A symbolic link was met on the way to a key. Nothing was read through it and nothing written.
///
/// It is the source of an [`Error::PermissionDenied`]: no retry helps, a person has to remove the link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} is a symbolic link, which an organisation may not contain")]
pub struct SymlinkRefused {
    /// The link, relative to the organisation's folder.
    pub path: String,
}

impl SymlinkRefused {
    /// Finds the refusal in an error of the store, if that is what it is about.
    #[must_use]
    pub fn find(error: &Error) -> Option<&Self> {
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

/// An operation on the disk failed.
///
/// The message includes its source's: `object_store` shows the first source of an error only, and "no space left on
/// device" is what the reader needs.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {path}: {source}")]
struct DiskError {
    doing: &'static str,
    path: String,
    source: io::Error,
}

/// A key that this store cannot keep apart from something else.
#[derive(Debug, thiserror::Error)]
#[error("{key:?} is not a key that a folder can hold: {why}")]
struct BadKey {
    key: String,
    why: &'static str,
}

/// A key whose place on disk is taken by something that is not an object.
#[derive(Debug, thiserror::Error)]
enum InTheWay {
    #[error("{path} is a folder, so it cannot be an object")]
    Folder { path: String },
    #[error("a file is where {path} needs a folder, and a key is never another key's parent")]
    File { path: String },
}

/// Says whether an error is about what lies at one key, while the store works.
pub(in super::super) fn is_about_one_object(error: &Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<SymlinkRefused>() || error.is::<InTheWay>() || error.is::<BadKey>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// What was being done when something failed; it decides what an absence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Read,
    List,
    Write,
    Delete,
}

impl Doing {
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

/// Makes an error of the store out of one of the system.
pub(super) fn explain(folder: &Folder, key: &str, doing: Doing, errno: Errno) -> Error {
    if matches!(errno, Errno::LOOP | Errno::MLINK | Errno::NOTDIR) {
        if let Some(path) = folder.first_symlink(key) {
            return symlink(path);
        }
        if errno != Errno::NOTDIR {
            return symlink(key.to_owned());
        }
    }
    let path = || folder.shown(key);
    match errno {
        Errno::EXIST => Error::AlreadyExists { path: key.to_owned(), source: io::Error::from(errno).into() },
        // Below a file there is nothing, as in a bucket.
        Errno::NOENT | Errno::NOTDIR if doing != Doing::Write => not_found(key),
        Errno::NOTDIR => generic(InTheWay::File { path: path() }),
        Errno::ISDIR => generic(InTheWay::Folder { path: path() }),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => {
            Error::PermissionDenied { path: path(), source: io::Error::from(errno).into() }
        }
        _ => generic(DiskError { doing: doing.verb(), path: path(), source: errno.into() }),
    }
}

/// There is no such object.
pub(super) fn not_found(key: &str) -> Error {
    Error::NotFound { path: key.to_owned(), source: io::Error::from(Errno::NOENT).into() }
}

/// Any other error of this store.
pub(super) fn generic(source: impl StdError + Send + Sync + 'static) -> Error {
    Error::Generic { store: STORE, source: Box::new(source) }
}

/// Refuses keys that a folder would confuse with something else.
pub(super) fn check_key(key: &str) -> Result<(), Error> {
    let why = if key.is_empty() {
        Some("it is empty")
    } else {
        key.split('/').find_map(|segment| match segment {
            "" => Some("it has an empty segment"),
            "." | ".." => Some("it would leave its folder"),
            // Staged files begin with a dot and listings skip them, so such a key would be there and not be listed.
            s if s.starts_with('.') => Some("a segment begins with a dot"),
            s if s.contains('\0') => Some("it has a NUL character"),
            _ => None,
        })
    };
    why.map_or(Ok(()), |why| Err(generic(BadKey { key: key.to_owned(), why })))
}

fn symlink(path: String) -> Error {
    Error::PermissionDenied { path: path.clone(), source: SymlinkRefused { path }.into() }
}
