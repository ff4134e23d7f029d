//! The scratch folder from inside: filled before the job, measured during it, compared after it. It is the
//! helper's directory, and all paths are relative to it.

use std::fs::{self, DirEntry, FileType, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use super::files::{MAX_CHANGED_BYTES, MAX_CHANGED_FILES, WORKSPACE, objection};
use super::{Changes, Copied, Limits};
use crate::tool::MAX_FILE_BYTES;

/// The files of the organisation, to be read.
pub(super) const SHARED: &str = "shared";

/// The home of programs; it is thrown away.
pub(super) const HOME: &str = "home";

/// A path that is longer holds nothing that could be taken.
const MAX_PATH_BYTES: usize = 1024;

/// How many notes are made.
const MAX_NOTES: usize = 20;

/// Writes the files, in a folder that is empty.
pub(super) fn fill(files: &Copied) -> io::Result<()> {
    for folder in [WORKSPACE, SHARED, HOME] {
        fs::create_dir(folder)?;
    }
    for (path, text) in files {
        if let Some(folder) = Path::new(path).parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

/// Says whether what the job has written is within its limits.
pub(super) fn fits(limits: &Limits) -> bool {
    let (mut bytes, mut entries) = (0_u64, 0_u64);
    for folder in [WORKSPACE, HOME] {
        let within = walk(folder, &mut |_, _, entry| {
            entries += 1;
            // What it takes on the disk: a file may have holes.
            bytes += entry.metadata().map_or(0, |metadata| metadata.blocks().saturating_mul(512));
            bytes <= limits.scratch_bytes && entries <= limits.scratch_entries
        });
        if !within {
            return false;
        }
    }
    true
}

/// What the job has done to the workspace.
pub(super) fn changes(files: &Copied) -> Changes {
    let mut changes = Changes::default();
    let (mut left_out, mut bytes) = (0_usize, 0_usize);
    walk(WORKSPACE, &mut |path, kind, entry| {
        if kind.is_dir() {
            return true;
        }
        let known = files.get(path);
        let taken = match take(path, kind, entry, known, |path| objection(path, files, &changes.written)) {
            Ok(text) if known == Some(&text) => return true,
            Ok(text) if changes.written.len() >= MAX_CHANGED_FILES || bytes + text.len() > MAX_CHANGED_BYTES => {
                Err(format!("{path}: more than {MAX_CHANGED_FILES} files or {MAX_CHANGED_BYTES} bytes have changed"))
            }
            taken => taken,
        };
        match taken {
            Ok(text) => {
                bytes += text.len();
                changes.written.insert(path.to_owned(), text);
            }
            Err(note) if changes.notes.len() < MAX_NOTES => changes.notes.push(note),
            Err(_) => left_out += 1,
        }
        true
    });
    if left_out > 0 {
        changes.notes.push(format!("{left_out} more files were not taken"));
    }
    changes.deleted = files.keys().filter(|path| path.starts_with("workspace/") && is_gone(path)).cloned().collect();
    changes
}

/// Says whether there is nothing of that path. What cannot be looked at is not gone.
fn is_gone(path: &str) -> bool {
    let gone = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    fs::symlink_metadata(path).is_err_and(|error| gone.contains(&error.kind()))
}

/// The text of a file that the workspace may hold, or why it is not taken.
fn take(
    path: &str,
    kind: FileType,
    entry: &DirEntry,
    known: Option<&String>,
    objection: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    if !kind.is_file() {
        let kind = if kind.is_symlink() { "a symbolic link" } else { "a special file" };
        return Err(format!("{path} is {kind}: it was not taken"));
    }
    if entry.file_name().to_str().is_none() {
        return Err(format!("{path:?} is not the name of the file, which is not text: it was not taken"));
    }
    if let Some(objection) = objection(path) {
        return Err(format!("{objection}: it was not taken"));
    }
    let unreadable = |error: io::Error| format!("{path} cannot be read ({error}): it was not taken");
    // It may have become something else since.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(entry.path()).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(format!("{path} is a special file: it was not taken"));
    }
    let mut bytes = Vec::new();
    // A file that was longer before may stay so, as it is.
    let max = known.map_or(0, String::len).max(MAX_FILE_BYTES);
    file.take(max as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let is_unchanged = known.is_some_and(|known| known.as_bytes() == bytes);
    if bytes.len() > MAX_FILE_BYTES && !is_unchanged {
        return Err(format!("{path} has more than {MAX_FILE_BYTES} bytes: it was not taken"));
    }
    String::from_utf8(bytes).map_err(|_| format!("{path} is not text: it was not taken"))
}

/// Looks at all that is in a folder, without following links, until `look` has seen enough. Says whether it
/// has not. What cannot be read, or is too deep to be of use, is passed over.
fn walk(folder: &str, look: &mut dyn FnMut(&str, FileType, &DirEntry) -> bool) -> bool {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !look(&path, kind, &entry) {
                return false;
            }
            if kind.is_dir() && path.len() <= MAX_PATH_BYTES && entry.file_name().to_str().is_some() {
                folders.push(path);
            }
        }
    }
    true
}
