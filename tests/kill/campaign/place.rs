//! Where an organisation is kept, and what is stored there, read without the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A store that the program is sent to.
pub trait Place: fmt::Debug + Send + Sync {
    /// The store as the program is to open it.
    fn url(&self) -> String;

    /// The same store by the way that the runners of a batch take, which may be a bad one.
    fn runners_url(&self) -> String {
        self.url()
    }

    /// What the program needs in its environment for that.
    fn env(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Writes a file of the organisation, as a person does.
    fn write(&self, path: &str, body: String);

    /// All that is stored, by path.
    fn objects(&self) -> BTreeMap<String, Vec<u8>>;
}

/// A folder on a local disk.
#[derive(Debug)]
pub struct Folder {
    pub root: PathBuf,
    /// Whether every write waits for the disk.
    pub durable: bool,
}

impl Place for Folder {
    fn url(&self) -> String {
        format!("file://{}?fsync={}", self.root.display(), if self.durable { "on" } else { "off" })
    }

    fn write(&self, path: &str, body: String) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, body).expect("a file");
    }

    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        collect(&self.root, "", &mut objects);
        objects
    }
}

/// Drafts of killed writers are left out, as in every listing.
fn collect(folder: &Path, prefix: &str, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type().expect("a type").is_dir() {
            collect(&entry.path(), &format!("{path}/"), objects);
        } else {
            objects.insert(path, fs::read(entry.path()).expect("a file"));
        }
    }
}

/// What was stored at some moment.
pub struct Objects(pub BTreeMap<String, Vec<u8>>);

impl Objects {
    /// The bytes at a path, if there are any.
    pub fn read(&self, path: impl AsRef<str>) -> Option<&[u8]> {
        self.0.get(path.as_ref()).map(Vec::as_slice)
    }

    /// The names directly below a path, of objects and of folders, in order.
    pub fn names(&self, path: impl AsRef<str>) -> Vec<String> {
        let prefix = format!("{}/", path.as_ref());
        let below = self.0.range(prefix.clone()..).map_while(|(path, _)| path.strip_prefix(&prefix));
        let names: BTreeSet<&str> = below.filter_map(|rest| rest.split('/').next()).collect();
        names.into_iter().map(str::to_owned).collect()
    }
}
