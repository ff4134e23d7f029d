//! Publishes an object in one step: a reader, another runner or a crash sees all of it or none.
//!
//! A draft is written without a name (`O_TMPFILE`) and then linked to its key, which fails if the key is taken: that is
//! the create. Where the system has no nameless files the draft has a name beginning with a dot, which listings skip.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use object_store::PutPayload;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::folder::{Folder, from_io};

/// Permissions of a new file, less the process's umask.
const FILE_MODE: u32 = 0o666;

/// What a put does if the key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfTaken {
    Fail,
    Replace,
}

/// Writes an object.
pub(super) fn put(
    folder: &Folder,
    key: &str,
    payload: &PutPayload,
    if_taken: IfTaken,
    durable: bool,
) -> Result<(), Errno> {
    let (parent, name) = key.rsplit_once('/').unwrap_or(("", key));
    // Only a folder that was opened for reading can be synced.
    let opened = if durable { folder.enter(parent) } else { folder.pass(parent) };
    let dir = match opened {
        Err(Errno::NOENT) => folder.create(parent, durable)?,
        other => other?,
    };
    let mut draft = Draft::new(folder, dir.as_fd())?;
    for chunk in payload {
        draft.file.write_all(chunk).map_err(|error| from_io(&error))?;
    }
    if durable {
        draft.file.sync_all().map_err(|error| from_io(&error))?;
    }
    let published = match if_taken {
        IfTaken::Fail => draft.publish_new(name),
        IfTaken::Replace => draft.publish(name),
    };
    match published {
        Err(Errno::NOENT) if !folder.stages() && !can_name_drafts() => {
            folder.stage_from_now_on();
            drop(draft);
            return put(folder, key, payload, if_taken, durable);
        }
        other => other?,
    }
    if durable {
        rustix::fs::fsync(&dir)?;
    }
    Ok(())
}

/// A written file that is not an object yet. Dropping it leaves nothing behind.
struct Draft<'a> {
    folder: &'a Folder,
    dir: BorrowedFd<'a>,
    file: File,
    /// Its name in the folder, if it has one.
    staged: Option<String>,
}

impl<'a> Draft<'a> {
    fn new(folder: &'a Folder, dir: BorrowedFd<'a>) -> Result<Self, Errno> {
        #[cfg(target_os = "linux")]
        if !folder.stages() {
            let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(FILE_MODE);
            match retry_on_intr(|| rustix::fs::openat(dir, ".", flags, mode)) {
                // What file systems and kernels without nameless files answer.
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => folder.stage_from_now_on(),
                other => return Ok(Self { folder, dir, file: File::from(other?), staged: None }),
            }
        }
        let (file, name) = with_staged_name(|name| {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            retry_on_intr(|| rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(FILE_MODE)))
        })?;
        Ok(Self { folder, dir, file: File::from(file), staged: Some(name) })
    }

    /// Gives the object its name unless that is taken.
    fn publish_new(&mut self, name: &str) -> Result<(), Errno> {
        match self.link(name) {
            Err(Errno::EXIST) => Err(what_is_taking(self.dir, name)?.map_or(Errno::EXIST, |errno| errno)),
            done => done,
        }
    }

    /// Gives the object its name, replacing the object that has it.
    fn publish(&mut self, name: &str) -> Result<(), Errno> {
        if self.staged.is_none() {
            match self.link(name) {
                Err(Errno::EXIST) => {}
                done => return done,
            }
        }
        if let Some(errno) = what_is_taking(self.dir, name)? {
            return Err(errno);
        }
        // Only a rename replaces in one step, and only what has a name can be renamed.
        let staged = match self.staged.take() {
            Some(staged) => staged,
            None => with_staged_name(|staged| self.link(staged))?.1,
        };
        let renamed = rustix::fs::renameat(self.dir, &staged, self.dir, name);
        if renamed.is_err() {
            self.staged = Some(staged);
        }
        renamed
    }

    fn link(&self, name: &str) -> Result<(), Errno> {
        match &self.staged {
            Some(staged) => rustix::fs::linkat(self.dir, staged, self.dir, name, AtFlags::empty()),
            None => {
                if self.folder.links_descriptors() {
                    match rustix::fs::linkat(&self.file, "", self.dir, name, AtFlags::EMPTY_PATH) {
                        // Before Linux 6.10 only a privileged process may, and this is how it is told. A folder that
                        // was deleted looks the same: the way by /proc tells the two apart.
                        // Some sandboxes refuse what they do not know.
                        Err(Errno::NOENT | Errno::INVAL | Errno::PERM | Errno::OPNOTSUPP) => {}
                        done => return done,
                    }
                }
                let draft = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                let linked = rustix::fs::linkat(CWD, draft, self.dir, name, AtFlags::SYMLINK_FOLLOW);
                if linked.is_ok() {
                    self.folder.link_by_proc_from_now_on();
                }
                linked
            }
        }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(staged) = &self.staged {
            // If this fails a dot-file stays, which nothing lists: there is nobody to tell.
            let _ = rustix::fs::unlinkat(self.dir, staged, AtFlags::empty());
        }
    }
}

/// Why what has this name can not be replaced: it is a symbolic link or a folder.
fn what_is_taking(dir: BorrowedFd<'_>, name: &str) -> Result<Option<Errno>, Errno> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => Some(Errno::LOOP),
            FileType::Directory => Some(Errno::ISDIR),
            _ => None,
        }),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Tries numbered names until one is free: another process may have our number, or have left its files.
fn with_staged_name<T>(mut attempt: impl FnMut(&str) -> Result<T, Errno>) -> Result<(T, String), Errno> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".lemming-{}-{number}.tmp", std::process::id());
        match attempt(&name) {
            Err(Errno::EXIST) => {}
            done => return Ok((done?, name)),
        }
    }
}

fn can_name_drafts() -> bool {
    rustix::fs::access("/proc/self/fd", rustix::fs::Access::EXISTS).is_ok()
}

/// Deletes an object; a symbolic link and a folder are not objects.
pub(super) fn delete(folder: &Folder, key: &str) -> Result<(), Errno> {
    let (parent, name) = key.rsplit_once('/').unwrap_or(("", key));
    let dir: OwnedFd = folder.pass(parent)?;
    match what_is_taking(dir.as_fd(), name)? {
        Some(Errno::ISDIR) => Err(Errno::NOENT),
        Some(errno) => Err(errno),
        None => rustix::fs::unlinkat(&dir, name, AtFlags::empty()),
    }
}
