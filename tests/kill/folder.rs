//! An organisation in a folder of a local disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::campaign::place::Place;

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
