//! An organisation in a folder of a local disk: [`LocalStore`].
//!
//! Why not `object_store`'s own `LocalFileSystem`: it follows symbolic links, also out of the organisation, and it costs
//! about twice a bare program's time for a put and five times for a read. This one refuses every symbolic link below its
//! root ([`SymlinkRefused`]), publishes with one hard link, and has no attributes, no updates and no multipart.
//!
//! Start reading in `write.rs`, which holds the create that everything rests on.

mod error;
mod folder;
mod list;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path as DiskPath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, Extensions, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use rustix::fs::{FileType, Stat};
use tokio::runtime::Handle;

pub use error::SymlinkRefused;
pub(super) use error::is_about_one_object;

use error::{Doing, check_key, explain, generic, not_found};
use folder::{Folder, from_io};
use write::IfTaken;

/// Objects above this size are not read on the thread that asked: copying them takes longer than handing them over.
const LARGE_BYTES: u64 = 1024 * 1024;

/// How many deletes of one stream are under way at a time.
const PARALLEL_DELETES: usize = 8;

/// An object store over a folder. Clones share the folder.
#[derive(Debug, Clone)]
pub struct LocalStore {
    folder: Arc<Folder>,
    fsync: bool,
}

/// Something in the folder that is not part of the organisation, though it looks as if it were meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Where it is, relative to the folder.
    pub path: String,
    /// What it is.
    pub kind: StrayKind,
}

/// What a [`Stray`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrayKind {
    /// A symbolic link: reading or writing through it is refused.
    Symlink,
    /// Its name is not UTF-8 or has a control character, so no key can name it.
    NotAKey,
    /// A pipe, socket or device.
    Special,
}

impl LocalStore {
    /// A store over a folder, which the first put creates if it does not exist.
    ///
    /// A put survives the end of the process; to survive the loss of power it needs [`with_fsync`](Self::with_fsync).
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { folder: Arc::new(Folder::new(root.into())), fsync: false }
    }

    /// Sets whether a put returns only when the object and its name are on the disk. Deletes never wait: one that is
    /// lost with the power is the same as one that was never asked for.
    #[must_use]
    pub fn with_fsync(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &DiskPath {
        self.folder.root()
    }

    /// Symbolic links, names that no key can have, and special files, sorted by path; hidden files are left aside.
    ///
    /// # Errors
    /// The folder can not be read. An absent one has no strays.
    pub fn strays(&self) -> std::io::Result<Vec<Stray>> {
        Ok(list::strays(&self.folder)?)
    }

    /// Works as on a system without `openat2` and nameless files.
    #[cfg(test)]
    fn with_fallbacks(self) -> Self {
        self.folder.walk_from_now_on();
        self.folder.stage_from_now_on();
        self
    }

    /// Runs a write where it disturbs others least.
    ///
    /// A put takes 15 us, about as long as the way to a blocking thread and back, which only a wait for the disk is
    /// worth. A caller that goes away does not stop a write that waits, as it would not stop a request to a bucket.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        match Handle::try_current() {
            Ok(runtime) if self.fsync => runtime.spawn_blocking(work).await?,
            _ => work(),
        }
    }

    fn list_from(&self, prefix: Option<&Path>, offset: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = self.clone();
        let (prefix, offset) = (prefix.cloned().unwrap_or_default(), offset.cloned());
        async move {
            if !prefix.is_root() {
                check_key(prefix.as_ref())?;
            }
            let folder = Arc::clone(&store.folder);
            let after = offset.as_ref().map(AsRef::as_ref);
            if let Some(found) = list::small(&folder, prefix.as_ref(), after)? {
                return Ok(stream::iter(found).map(Ok));
            }
            let walk = move || list::all(&folder, prefix.as_ref(), offset.as_ref().map(AsRef::as_ref));
            Ok::<_, Error>(stream::iter(run_blocking(walk).await?).map(Ok))
        }
        .into_stream()
        .try_flatten()
        .boxed()
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalStore({})", self.root().display())
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let if_taken = match opts.mode {
            PutMode::Create => IfTaken::Fail,
            PutMode::Overwrite => IfTaken::Replace,
            PutMode::Update(_) => return Err(not_implemented("`put_opts` with mode `PutMode::Update`")),
        };
        if !opts.attributes.is_empty() {
            return Err(not_implemented("`put_opts` with attributes"));
        }
        check_key(location.as_ref())?;
        let (folder, key, durable) = (Arc::clone(&self.folder), location.clone(), self.fsync);
        let put = move || {
            write::put(&folder, key.as_ref(), &payload, if_taken, durable)
                .map_err(|errno| explain(&folder, key.as_ref(), Doing::Write, errno))
        };
        self.run(put).await?;
        // Nothing here asks for the tag of what it has just written, and it would cost a call to the system.
        Ok(PutResult { e_tag: None, version: None, extensions: Extensions::new() })
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(not_implemented("`put_multipart_opts`"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let key = location.as_ref();
        check_key(key)?;
        // Inline, whatever the runtime: the four calls take 6 us, less than any way to another thread and back.
        let file = self.folder.open_file(key).map_err(|errno| explain(&self.folder, key, Doing::Read, errno))?;
        let stat = rustix::fs::fstat(&file).map_err(|errno| explain(&self.folder, key, Doing::Read, errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_found(key));
        }
        let mut meta = object_meta(location.clone(), &stat);
        options.check_preconditions(&meta)?;
        let mut range = match &options.range {
            Some(range) => range.as_range(meta.size).map_err(generic)?,
            None => 0..meta.size,
        };
        let mut body = Bytes::new();
        if !options.head && !range.is_empty() {
            let (file, wanted, folder, key) =
                (File::from(file), range.clone(), Arc::clone(&self.folder), location.clone());
            let large = wanted.end - wanted.start > LARGE_BYTES;
            let read = move || {
                read_range(&file, wanted.start, wanted.end - wanted.start)
                    .map_err(|error| explain(&folder, key.as_ref(), Doing::Read, from_io(&error)))
            };
            body = if large { run_blocking(read).await? } else { read()? };
            if range.start + (body.len() as u64) < range.end {
                // An editor is shortening the file in place; ours are never changed. What is there is the object.
                range.end = range.start + body.len() as u64;
                meta.size = range.end;
            }
        }
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(body) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Attributes::new(), extensions: Extensions::new() })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .map(move |location| {
                let store = store.clone();
                async move {
                    let location = location?;
                    check_key(location.as_ref())?;
                    let folder = Arc::clone(&store.folder);
                    let delete = move || {
                        let key = location.as_ref();
                        write::delete(&folder, key).map_err(|errno| explain(&folder, key, Doing::Delete, errno))?;
                        Ok(location)
                    };
                    store.with_fsync(false).run(delete).await
                }
            })
            .buffered(PARALLEL_DELETES)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_from(prefix, None)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_from(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        if !prefix.is_root() {
            check_key(prefix.as_ref())?;
        }
        let folder = Arc::clone(&self.folder);
        self.clone().with_fsync(false).run(move || list::one_level(&folder, prefix.as_ref())).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let mode = match options.mode {
            CopyMode::Create => PutMode::Create,
            CopyMode::Overwrite => PutMode::Overwrite,
        };
        let body = self.get_opts(from, GetOptions::default()).await?.bytes().await?;
        self.put_opts(to, body.into(), mode.into()).await.map(drop)
    }
}

/// Runs what may take long, such as a walk through a whole tree.
async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

fn read_range(file: &File, start: u64, length: u64) -> std::io::Result<Bytes> {
    let length = usize::try_from(length).map_err(|_| std::io::ErrorKind::FileTooLarge)?;
    let mut body = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut body[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    body.truncate(filled);
    Ok(body.into())
}

fn object_meta(location: Path, stat: &Stat) -> ObjectMeta {
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    let (seconds, nanos) = modified(stat);
    let last_modified = DateTime::from_timestamp(seconds, nanos).unwrap_or_default();
    ObjectMeta { location, last_modified, size, e_tag: Some(e_tag(stat)), version: None }
}

fn e_tag(stat: &Stat) -> String {
    let (seconds, nanos) = modified(stat);
    format!("{:x}-{seconds:x}.{nanos:09}-{:x}", stat.st_ino, stat.st_size)
}

/// When an object was written, in seconds and nanoseconds.
fn modified(stat: &Stat) -> (i64, u32) {
    // The fields' types differ between systems, and not every system's fit every other's.
    fn number<T: Default>(field: impl TryInto<T>) -> T {
        field.try_into().unwrap_or_default()
    }
    (number(stat.st_mtime), number(stat.st_mtime_nsec))
}

fn not_implemented(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: error::STORE.to_owned() }
}
