//! Where an organisation is kept, and what is stored there, read without the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A store that the program is sent to.
pub trait Place: fmt::Debug + Send + Sync {
    /// The store as the program is to open it.
    fn url(&self) -> String;

    /// The same store by the way that runners take, which may be a bad one.
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
