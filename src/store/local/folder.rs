//! Opens what lies below a folder, and nothing else: symbolic links are refused by the kernel, not by a check before
//! the use, so no race between the two leads out of the organisation.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

/// Opens a folder only to pass through it or to link in it; only Linux has a mode for this alone.
#[cfg(target_os = "linux")]
const PASS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);
#[cfg(not(target_os = "linux"))]
const PASS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Opens a folder to list or to sync it.
const ENTER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// The folder of an organisation.
///
/// It is opened at its first use and stays the same folder even if another is put in its place, so that a running
/// tick never mixes two organisations; only when it was deleted, its path is opened anew.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    open: RwLock<Option<Arc<OwnedFd>>>,
    /// There is no `openat2`: walk component by component.
    walks: AtomicBool,
    /// There are no nameless files or no way to name them: stage under a name.
    stages: AtomicBool,
    /// A nameless file is given its name by its descriptor alone, which is one lookup in `/proc` less.
    links_descriptors: AtomicBool,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        let walks = AtomicBool::new(!cfg!(target_os = "linux"));
        let stages = AtomicBool::new(!cfg!(target_os = "linux"));
        Self { root, open: RwLock::new(None), walks, stages, links_descriptors: AtomicBool::new(true) }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The path on disk, for messages.
    pub(super) fn shown(&self, key: &str) -> String {
        self.root.join(key).display().to_string()
    }

    pub(super) fn stages(&self) -> bool {
        self.stages.load(Ordering::Relaxed)
    }

    /// Remembers that nameless files do not work here.
    pub(super) fn stage_from_now_on(&self) {
        self.stages.store(true, Ordering::Relaxed);
    }

    pub(super) fn links_descriptors(&self) -> bool {
        self.links_descriptors.load(Ordering::Relaxed)
    }

    /// Remembers that a nameless file is named by its path in `/proc` here.
    pub(super) fn link_by_proc_from_now_on(&self) {
        self.links_descriptors.store(false, Ordering::Relaxed);
    }

    /// Remembers that `openat2` does not work here.
    pub(super) fn walk_from_now_on(&self) {
        self.walks.store(true, Ordering::Relaxed);
    }

    /// Opens the root anew if it was deleted, which shows only where something is looked for in it.
    pub(super) fn forget_a_deleted_root(&self) -> bool {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let deleted = open.as_ref().is_some_and(|root| is_deleted(root));
        if deleted {
            *open = None;
        }
        deleted
    }

    /// Opens a file for reading.
    pub(super) fn open_file(&self, key: &str) -> Result<OwnedFd, Errno> {
        // Not blocking: a named pipe somebody put there would otherwise wait for its writer.
        self.at_root(|root| self.open_below(root, key, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY))
    }

    /// Opens a folder to list or to sync it; the empty path is the root.
    pub(super) fn enter(&self, path: &str) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            self.forget_a_deleted_root();
        }
        self.at_root(|root| self.open_below(root, path, ENTER))
    }

    /// Opens a folder to work with names in it; the empty path is the root.
    pub(super) fn pass(&self, path: &str) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            self.forget_a_deleted_root();
        }
        self.at_root(|root| self.open_below(root, path, PASS))
    }

    /// Creates a folder and those above it, the root too, and opens it for listing and syncing.
    pub(super) fn create(&self, path: &str, durable: bool) -> Result<OwnedFd, Errno> {
        // Most often only the last folder or two are missing. Who waits for the disk syncs all of the way.
        if let Some((above, name)) = path.rsplit_once('/').filter(|_| !durable) {
            let above = match self.pass(above) {
                Err(Errno::NOENT) => self.create(above, durable)?,
                other => other?,
            };
            return match rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => open_child(above.as_fd(), name, ENTER),
                Err(errno) => Err(errno),
            };
        }
        self.create_root(durable)?;
        let mut dir = self.at_root(|root| self.open_below(root, "", ENTER))?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            match rustix::fs::mkdirat(&dir, part, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            // Also if it was there: who created it at this moment may not have synced it yet.
            if durable {
                rustix::fs::fsync(&dir)?;
            }
            dir = open_child(dir.as_fd(), part, ENTER)?;
        }
        Ok(dir)
    }

    /// The first symbolic link on the way to a key, the key included: only to explain an error.
    pub(super) fn first_symlink(&self, key: &str) -> Option<String> {
        self.at_root(|root| {
            let mut dir = open_child(root, ".", PASS)?;
            let mut end = 0;
            for part in key.split('/').filter(|part| !part.is_empty()) {
                end += part.len();
                let stat = rustix::fs::statat(&dir, part, AtFlags::SYMLINK_NOFOLLOW)?;
                match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Symlink => return Ok(Some(key[..end].to_owned())),
                    FileType::Directory => dir = open_child(dir.as_fd(), part, PASS)?,
                    _ => return Ok(None),
                }
                end += 1;
            }
            Ok(None)
        })
        .ok()
        .flatten()
    }

    fn at_root<T>(&self, work: impl Fn(BorrowedFd<'_>) -> Result<T, Errno>) -> Result<T, Errno> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(root) = open {
            match work(root.as_fd()) {
                // In a folder that was deleted nothing is found any more.
                Err(Errno::NOENT) if is_deleted(&root) => {}
                done => return done,
            }
        }
        // The root itself may lie behind symbolic links: where it is is the caller's choice.
        let flags = PASS | OFlags::CLOEXEC;
        let root = Arc::new(retry_on_intr(|| rustix::fs::openat(CWD, &self.root, flags, Mode::empty()))?);
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&root));
        work(root.as_fd())
    }

    fn open_below(&self, root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { "." } else { path };
        #[cfg(target_os = "linux")]
        if !self.walks.load(Ordering::Relaxed) {
            use rustix::fs::ResolveFlags;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            let flags = flags | OFlags::CLOEXEC;
            match retry_on_intr(|| rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)) {
                // Older kernels lack it, and some sandboxes deny what they do not know.
                Err(Errno::NOSYS | Errno::PERM) => self.walk_from_now_on(),
                done => return done,
            }
        }
        let mut parts = path.split('/');
        let last = parts.next_back().unwrap_or(path);
        let mut dir: Option<OwnedFd> = None;
        for part in parts {
            dir = Some(open_child(dir.as_ref().map_or(root, AsFd::as_fd), part, PASS)?);
        }
        open_child(dir.as_ref().map_or(root, AsFd::as_fd), last, flags)
    }

    fn create_root(&self, durable: bool) -> Result<(), Errno> {
        self.forget_a_deleted_root();
        if self.at_root(|_| Ok(())).is_ok() {
            return Ok(());
        }
        let missing: Vec<&Path> = self.root.ancestors().take_while(|path| !path.exists()).collect();
        std::fs::create_dir_all(&self.root).map_err(|error| from_io(&error))?;
        if durable {
            for parent in missing.iter().filter_map(|path| path.parent()) {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                std::fs::File::open(parent).and_then(|dir| dir.sync_all()).map_err(|error| from_io(&error))?;
            }
        }
        Ok(())
    }
}

/// Says whether a folder that is open was deleted. It can still be passed through, but nothing can be created in it.
fn is_deleted(folder: &OwnedFd) -> bool {
    rustix::fs::fstat(folder).is_ok_and(|stat| stat.st_nlink == 0)
}

/// Opens a child of a folder, which may not be a symbolic link.
pub(super) fn open_child(dir: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    retry_on_intr(|| rustix::fs::openat(dir, name, flags, Mode::empty()))
}

/// Opens a child folder for listing.
pub(super) fn enter_child(dir: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    open_child(dir, name, ENTER)
}

/// The system's number for an error of the standard library.
pub(super) fn from_io(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
