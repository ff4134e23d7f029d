//! Scratch folders: made for one job, removed with whatever the job left in them.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

/// What the names of scratch folders begin with.
const PREFIX: &str = "lemming-scratch-";

/// After so many seconds a folder is nobody's any more.
const STALE_SECONDS: i64 = 3600;

/// A scratch folder, which is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty folder that nobody else may enter.
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix(PREFIX).tempdir_in(root)?.keep()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes the folders beside this one that runners left when they were killed: those that nobody has touched
    /// for longer than any job may take.
    pub(super) fn remove_stale(&self) -> io::Result<()> {
        let mine = fs::metadata(&self.0)?;
        let parent = self.0.parent().unwrap_or(&self.0);
        for entry in fs::read_dir(parent)?.flatten() {
            let Ok(theirs) = entry.metadata() else { continue };
            // Root gives its own away to whom the job runs as.
            let is_ours = theirs.uid() == mine.uid() || mine.uid() == 0;
            let is_stale = mine.mtime().saturating_sub(theirs.mtime()) > STALE_SECONDS;
            let is_scratch = entry.file_name().to_string_lossy().starts_with(PREFIX) && theirs.is_dir();
            if is_scratch && is_ours && is_stale {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Another runner may have taken it for stale.
        if let Err(error) = remove(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(event = "scratch_left", path = %self.0.display(), error = %error, "a scratch folder is left");
        }
    }
}

/// Removes a folder that a hostile program has filled: no link is followed, no path is put together, and no depth
/// of folders is too great. Folders are emptied upwards, into the topmost one, so that it never
/// recurs.
fn remove(path: &Path) -> io::Result<()> {
    let top = open(CWD, &CString::new(path.as_os_str().as_encoded_bytes())?)?;
    let mut fresh = 0_u64;
    loop {
        let names = names(&top)?;
        if names.is_empty() {
            break;
        }
        for name in names {
            if removed(&top, &name)? {
                continue;
            }
            let folder = open(&top, &name)?;
            for child in self::names(&folder)? {
                if removed(&folder, &child)? {
                    continue;
                }
                // A folder may be moved only by who may write to it.
                open(&folder, &child)?;
                loop {
                    fresh += 1;
                    match renameat(&folder, &child, &top, &CString::new(format!("lifted-{fresh}"))?) {
                        // The job had something of that name.
                        Err(Errno::NOTDIR | Errno::EXIST | Errno::NOTEMPTY) => {}
                        moved => break moved?,
                    }
                }
            }
            match unlinkat(&top, &name, AtFlags::REMOVEDIR) {
                // Somebody who is being killed was faster: it is seen again.
                Err(Errno::NOTEMPTY) => {}
                gone => gone?,
            }
        }
    }
    fs::remove_dir(path)
}

/// Removes what is no folder, or an empty one; says whether it is gone.
fn removed(folder: &OwnedFd, name: &CString) -> io::Result<bool> {
    for flags in [AtFlags::empty(), AtFlags::REMOVEDIR] {
        match unlinkat(folder, name, flags) {
            Ok(()) | Err(Errno::NOENT) => return Ok(true),
            Err(Errno::ISDIR | Errno::PERM | Errno::NOTEMPTY | Errno::EXIST | Errno::ACCESS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// Opens a folder, never through a link, and gives its owner back what the job took away.
fn open(parent: impl AsFd, name: &CString) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(&parent, name, flags | OFlags::RDONLY, Mode::empty()) {
        Ok(folder) if rustix::fs::fstat(&folder)?.st_mode & 0o700 == 0o700 => Ok(folder),
        Ok(_) | Err(Errno::ACCESS) => {
            give_back(&parent, name)?;
            Ok(openat(&parent, name, flags | OFlags::RDONLY, Mode::empty())?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets the owner into a folder. Linux changes the mode of what a name stands for, through links, so it is opened
/// first, which needs no permission.
#[cfg(target_os = "linux")]
fn give_back(parent: impl AsFd, name: &CString) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::PATH;
    let place = openat(parent, name, flags, Mode::empty())?;
    fs::set_permissions(format!("/proc/self/fd/{}", place.as_raw_fd()), fs::Permissions::from_mode(0o700))
}

#[cfg(not(target_os = "linux"))]
fn give_back(parent: impl AsFd, name: &CString) -> io::Result<()> {
    Ok(rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_removed_whatever_was_left_in_it() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("kept"), "kept").expect("a file");
        let scratch = Scratch::new(outside.path()).expect("a scratch folder");
        let path = scratch.path().to_owned();
        fs::create_dir_all(path.join("a/b/c")).expect("folders");
        fs::write(path.join("a/b/file"), "").expect("a file");
        fs::create_dir_all(path.join("lifted-1/x/y")).expect("folders");
        fs::write(path.join("lifted-2"), "").expect("a file");
        std::os::unix::fs::symlink(outside.path(), path.join("a/link")).expect("a link");
        std::os::unix::fs::symlink(outside.path(), path.join("link")).expect("a link");
        for shut in ["a/b/c", "a/b", "a"] {
            fs::set_permissions(path.join(shut), fs::Permissions::from_mode(0o000)).expect("permissions");
        }
        drop(scratch);
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(outside.path().join("kept")).expect("what is outside stays"), "kept");
    }

    #[test]
    fn folders_of_dead_runners_are_removed_and_those_of_the_living_are_not() {
        let outside = tempfile::tempdir().expect("a folder");
        let [dead, alive, other] =
            [Scratch::new(outside.path()), Scratch::new(outside.path()), Scratch::new(outside.path())]
                .map(|scratch| scratch.expect("a scratch folder"));
        let elsewhere = outside.path().join("else");
        fs::create_dir(&elsewhere).expect("a folder");
        let long_ago = rustix::fs::Timespec { tv_sec: 1_000_000, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: long_ago, last_modification: long_ago };
        for path in [dead.path(), &elsewhere] {
            rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()).expect("times");
        }
        alive.remove_stale().expect("a look around");
        assert!(!dead.path().exists() && other.path().exists() && elsewhere.exists());
    }

    #[test]
    fn no_depth_of_folders_is_too_great() {
        let outside = tempfile::tempdir().expect("a folder");
        let scratch = Scratch::new(outside.path()).expect("a scratch folder");
        let path = scratch.path().to_owned();
        let mut deep =
            open(CWD, &CString::new(path.as_os_str().as_encoded_bytes()).expect("a path")).expect("a folder");
        for _ in 0..5_000 {
            rustix::fs::mkdirat(&deep, c"d", Mode::RWXU).expect("a folder");
            deep = open(&deep, &c"d".to_owned()).expect("a folder");
        }
        drop(deep);
        drop(scratch);
        assert!(!path.exists());
    }
}
