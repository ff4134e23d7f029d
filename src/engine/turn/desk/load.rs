//! What a turn's changes take in its records, and how much more it may leave.
//!
//! A step and a turn record hold the changes themselves, so a model that writes in a loop, or programs that write for
//! it, must not be able to make records of any size.

use std::ops::AddAssign;

use serde_json::Value;

use super::Bench;
use super::keep::bytes;
use crate::domain::name::MemoryKey;
use crate::record::turn::{Content, Effects, FileChange};
use crate::tool::ToolError;
use crate::tool::limits::{
    MAX_CHANGED_FILE_BYTES, MAX_CHANGED_FILES, MAX_CHANGED_MEMORY_BYTES, MAX_FILE_BYTES, MAX_FILES,
    MAX_INLINE_IMPORT_BYTES, MAX_MEMORY_KEYS,
};

/// What the steps of a turn hold. Who adopts a step counts what it has, so that all count the same.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Load {
    files: usize,
    file_bytes: usize,
    memory_bytes: usize,
    import_bytes: usize,
}

impl Load {
    /// What a step's effects and imports take.
    pub(in super::super) fn of(effects: &Effects, imports: &[FileChange]) -> Self {
        let archived = effects.archive.iter().map(|archived| bytes(&archived.value));
        Self {
            files: effects.files.len(),
            file_bytes: effects.files.iter().map(|change| content_bytes(&change.content)).sum(),
            memory_bytes: effects.memory.iter().map(|change| value_bytes(change.value.as_ref())).chain(archived).sum(),
            import_bytes: inline_bytes(imports),
        }
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.file_bytes += other.file_bytes;
        self.memory_bytes += other.memory_bytes;
        self.import_bytes += other.import_bytes;
    }
}

/// A blob is beside the record, and its size is not known here: it counts as the longest file that tools write.
fn content_bytes(content: &Content) -> usize {
    match content {
        Content::Text(text) => text.len(),
        Content::Blob(_) => MAX_FILE_BYTES,
        Content::Deleted => 0,
    }
}

fn inline_bytes(imports: &[FileChange]) -> usize {
    let text = |import: &FileChange| match &import.content {
        Content::Text(text) => text.len(),
        Content::Blob(_) | Content::Deleted => 0,
    };
    imports.iter().map(text).sum()
}

fn value_bytes(value: Option<&Value>) -> usize {
    value.map_or(0, bytes)
}

impl Bench<'_> {
    /// Says whether the record of the turn may hold a further file of a person's itself.
    pub(super) fn may_inline(&self) -> bool {
        self.load.import_bytes + inline_bytes(&self.imports) < MAX_INLINE_IMPORT_BYTES
    }

    /// Checks that a file may be changed too, and that it may be a new one.
    pub(super) fn check_file(&self, path: &str, bytes: usize, is_new: bool) -> Result<(), ToolError> {
        let others = || self.since.files.iter().filter(|change| change.path != path);
        if self.load.files + others().count() >= MAX_CHANGED_FILES {
            return Err(ToolError(format!("one turn changes at most {MAX_CHANGED_FILES} files")));
        }
        let so_far = self.load.file_bytes + others().map(|change| content_bytes(&change.content)).sum::<usize>();
        if so_far + bytes > MAX_CHANGED_FILE_BYTES {
            return Err(ToolError(format!("one turn writes at most {MAX_CHANGED_FILE_BYTES} bytes of files")));
        }
        if is_new && self.files_beside(path) >= MAX_FILES {
            return Err(ToolError(format!("{MAX_FILES} files are there: delete some before you write new ones")));
        }
        Ok(())
    }

    /// How many files the records have in the area of a path.
    fn files_beside(&self, path: &str) -> usize {
        let own = format!("agents/{}/workspace/", self.due.agent);
        let area = if path.starts_with(&own) { own.as_str() } else { "shared/" };
        let files = self.run.state.files.range(area.to_owned()..).take_while(|(path, _)| path.starts_with(area));
        files.filter(|(_, file)| file.sha256.is_some()).count()
    }

    /// Says why a memory key may not have this value, with what it sheds; nothing if it may. `longest`: the most bytes
    /// of one value.
    pub(super) fn objection(&self, key: &MemoryKey, value: &Value, shed: &[Value], longest: usize) -> Option<String> {
        if !self.values.contains_key(key) && self.values.len() >= MAX_MEMORY_KEYS {
            return Some(format!("your memory has {MAX_MEMORY_KEYS} keys: delete some before you add {key}"));
        }
        // A single value of any length that the organisation allows fits.
        let most = MAX_CHANGED_MEMORY_BYTES.max(longest.saturating_mul(2));
        let others = self.since.memory.iter().filter(|change| change.key != *key);
        let others: usize = others.map(|change| value_bytes(change.value.as_ref())).sum();
        let new = bytes(value) + shed.iter().map(bytes).sum::<usize>();
        (self.load.memory_bytes + self.archived_bytes() + others + new > most)
            .then(|| format!("one turn changes at most {most} bytes of memory: {key} was left as it is"))
    }

    /// Says whether nothing more may be archived in this turn: the next one goes on.
    pub(super) fn has_archived_enough(&self) -> bool {
        self.archived_bytes() >= MAX_CHANGED_MEMORY_BYTES
    }

    fn archived_bytes(&self) -> usize {
        self.since.archive.iter().map(|archived| bytes(&archived.value)).sum()
    }
}
