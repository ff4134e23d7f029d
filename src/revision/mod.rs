//! A revision: changes to the files that people write, worked out whole before any of them is made.
//!
//! It is checked as the organisation would be after it, shown as a difference, and written in an order in which a crash
//! leaves something that works: what others name first, `org.json` last. A file that somebody changed since it was read
//! is not overwritten. Records, memory and whatever agents wrote are no part of it.

mod difference;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Serialize, Serializer};

pub use self::difference::difference;
use crate::domain::name::AgentName;
use crate::runner::compose::Org;
use crate::store::{Created, Key, Store, StoreError};
use crate::validate::{Finding, Severity, ValidateError, check_agents};

/// How many files are read at once.
const PARALLEL: usize = 16;

/// The rank of what is written last.
const LAST_RANK: u8 = 4;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// It has other content.
    Changed,
    /// It goes.
    Removed,
}

/// A change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which file.
    pub key: Key,
    /// What lies there.
    pub before: Option<Bytes>,
    /// What will.
    pub after: Option<Bytes>,
}

impl Change {
    /// What becomes of the file.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match (&self.before, &self.after) {
            (None, _) => ChangeKind::Created,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        }
    }

    /// The lines that differ, as a unified difference.
    #[must_use]
    pub fn difference(&self) -> String {
        difference(self.before.as_deref(), self.after.as_deref())
    }

    /// What is named by others comes before them, what goes comes after what replaces it, and `org.json`, by which there is
    /// an organisation, last.
    fn order(&self) -> (u8, String) {
        let rank = match (&self.key, &self.after) {
            (Key::Org, _) => LAST_RANK,
            (_, None) => 3,
            (Key::Resume(_), _) => 2,
            (Key::Models, _) => 1,
            _ => 0,
        };
        (rank, self.key.path())
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut change = serializer.serialize_struct("Change", 3)?;
        change.serialize_field("path", &self.key.path())?;
        change.serialize_field("change", &self.kind())?;
        change.serialize_field("difference", &self.difference())?;
        change.end()
    }
}

/// Why a revision was not written, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// Somebody changed a file since it was read.
    #[error("{path} was changed by somebody else in the meantime")]
    Meanwhile {
        /// The file.
        path: String,
        /// What of the revision was written before that was seen.
        written: Vec<String>,
    },
    /// The store failed.
    #[error("the store failed")]
    Store {
        /// How.
        #[source]
        source: StoreError,
        /// What of the revision was written before that, or may have been.
        written: Vec<String>,
    },
}

impl From<StoreError> for RevisionError {
    fn from(source: StoreError) -> Self {
        Self::Store { source, written: Vec::new() }
    }
}

/// What the organisation's files would be found to be.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Errors that the revision brings: it must not be written.
    pub errors: Vec<Finding>,
    /// What else there is to say of the files that it changes, and what it brings to others.
    pub others: Vec<Finding>,
}

/// Changes to the files that people write.
#[derive(Debug, Clone, Default)]
pub struct Revision {
    /// By rank and path: the order in which they are written.
    changes: BTreeMap<(u8, String), Change>,
}

impl Revision {
    /// A file that was read before gets other content, or goes.
    pub fn set(&mut self, key: Key, before: Option<Bytes>, after: Option<Bytes>) {
        let mut at = (0, key.path());
        for rank in 0..=LAST_RANK {
            at.0 = rank;
            self.changes.remove(&at);
        }
        if before != after {
            let change = Change { key, before, after };
            self.changes.insert(change.order(), change);
        }
    }

    /// A file gets this content, or goes, whatever it is now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn put(&mut self, store: &Store, key: Key, after: Option<Bytes>) -> Result<(), StoreError> {
        let before = store.get(&key).await?;
        self.set(key, before, after);
        Ok(())
    }

    /// An agent's resume is put away, where no runner takes it for one: everything else of the agent stays.
    ///
    /// # Errors
    /// The store failed.
    pub async fn put_away(&mut self, store: &Store, agent: &AgentName, resume: Bytes) -> Result<(), StoreError> {
        // One of an earlier removal is replaced: the records have every version that a tick used.
        self.put(store, Key::Removed(agent.clone()), Some(resume.clone())).await?;
        self.set(Key::Resume(agent.clone()), Some(resume), None);
        Ok(())
    }

    /// The changes, in the order in which they are written.
    #[must_use]
    pub fn changes(&self) -> Vec<&Change> {
        self.changes.values().collect()
    }

    /// Says whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Checks the organisation as it would be. Reads only; of the resumes those that change, or all where what they name
    /// changes.
    ///
    /// # Errors
    /// The store failed, or there would be no organisation.
    pub async fn check(&self, org: &Org) -> Result<Verdict, ValidateError> {
        let gone: BTreeSet<String> =
            self.changes.values().filter(|change| change.after.is_none()).map(|change| change.key.path()).collect();
        let after = org.store.over(move |path| !gone.contains(path));
        for change in self.changes.values() {
            if let Some(bytes) = &change.after {
                after.put(&change.key, bytes.clone()).await?;
            }
        }
        let only = self.agents();
        let found = |store: Store| {
            let (org, only) = (org.with_store(store), only.as_ref());
            async move {
                check_agents(&org.store, org.providers().as_ref(), (&org.tools(), org.environment()), None, only).await
            }
        };
        let before = match found(org.store.clone()).await {
            Ok(found) => found.findings,
            Err(ValidateError::NoOrg) => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut verdict = Verdict::default();
        let before: HashSet<Finding> = before.into_iter().collect();
        let mine: HashSet<String> = self.changes.values().map(|change| change.key.path()).collect();
        for finding in found(after).await?.findings {
            match finding.severity {
                Severity::Error if !before.contains(&finding) => verdict.errors.push(finding),
                _ if mine.contains(&finding.path) || !before.contains(&finding) => verdict.others.push(finding),
                _ => {}
            }
        }
        Ok(verdict)
    }

    /// The agents whose resumes are looked at; none: all of them.
    fn agents(&self) -> Option<BTreeSet<AgentName>> {
        let one = |change: &Change| match &change.key {
            // Whoever names one who goes is elsewhere.
            Key::Resume(_) if change.after.is_none() => None,
            Key::Resume(name) => Some(Some(name.clone())),
            Key::Removed(_) | Key::Shared(_) | Key::Template(..) => Some(None),
            _ => None,
        };
        let named: Option<Vec<Option<AgentName>>> = self.changes.values().map(one).collect();
        Some(named?.into_iter().flatten().collect())
    }

    /// Writes the changes. One that is there already is left as it is, so that a revision which was broken off can be
    /// written again.
    ///
    /// # Errors
    /// Somebody changed a file meanwhile: nothing was written, unless the error says what. Or the store failed.
    pub async fn write(&self, store: &Store) -> Result<(), RevisionError> {
        // Owned keys: a closure over borrowed ones could not be sent to another thread.
        let keys: Vec<Key> = self.changes.values().map(|change| change.key.clone()).collect();
        let looks = stream::iter(keys).map(|key| async move { store.get(&key).await }).buffered(PARALLEL);
        let now: Vec<Option<Bytes>> = looks.try_collect().await?;
        let now: Vec<(&Change, Option<Bytes>)> = self.changes.values().zip(now).collect();
        let mut written = Vec::new();
        let meanwhile = |change: &Change, written: &Vec<String>| RevisionError::Meanwhile {
            path: change.key.path(),
            written: written.clone(),
        };
        if let Some((change, _)) = now.iter().find(|(change, now)| *now != change.before && *now != change.after) {
            return Err(meanwhile(change, &written));
        }
        let failed = |source: StoreError, change: &Change, written: &Vec<String>| {
            let mut written = written.clone();
            // Nobody knows: whoever is told that it may have been looks.
            written.extend(matches!(source, StoreError::Uncertain { .. }).then(|| change.key.path()));
            RevisionError::Store { source, written }
        };
        for (change, now) in now {
            if now == change.after {
                continue;
            }
            let failed = |source| failed(source, change, &written);
            match (&change.before, &change.after) {
                (None, Some(after)) => match store.create_own(&change.key, after.clone()).await.map_err(failed)? {
                    Created::Won => {}
                    Created::Lost(there) if there == *after => {}
                    Created::Lost(_) => return Err(meanwhile(change, &written)),
                },
                (before, after) => {
                    // Read again, as late as can be: there is no write that is conditional on what was there.
                    if written.is_empty() || store.get(&change.key).await.map_err(failed)? == *before {
                        match after {
                            Some(after) => store.put(&change.key, after.clone()).await.map_err(failed)?,
                            None => store.delete_path(&change.key.path()).await.map_err(failed)?,
                        }
                    } else {
                        return Err(meanwhile(change, &written));
                    }
                }
            }
            written.push(change.key.path());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;

    fn store() -> Store {
        Store::new(Arc::new(InMemory::new()), Path::ROOT, true)
    }

    fn resume(name: &str) -> Key {
        Key::Resume(AgentName::new(name).expect("name"))
    }

    #[tokio::test]
    async fn org_json_is_written_last_and_what_goes_after_what_replaces_it() {
        let mut revision = Revision::default();
        let new = || Some(Bytes::from("new"));
        revision.set(Key::Org, None, new());
        revision.set(resume("ada"), new(), None);
        revision.set(Key::Removed(AgentName::new("ada").expect("name")), None, new());
        revision.set(resume("bob"), None, new());
        revision.set(Key::Models, None, new());
        revision.set(resume("cyd"), new(), new());
        let paths: Vec<String> = revision.changes().iter().map(|change| change.key.path()).collect();
        assert_eq!(
            paths,
            ["removed/ada.json", "config/models.json", "agents/bob/resume.json", "agents/ada/resume.json", "org.json"]
        );
    }

    #[test]
    fn of_a_file_the_last_change_counts_whatever_its_rank() {
        let mut revision = Revision::default();
        let bytes = |text: &'static str| Some(Bytes::from(text));
        revision.set(resume("ada"), bytes("old"), None);
        revision.set(resume("ada"), bytes("old"), bytes("new"));
        assert_eq!(revision.changes().iter().map(|change| change.kind()).collect::<Vec<_>>(), [ChangeKind::Changed]);
        revision.set(resume("ada"), bytes("old"), bytes("old"));
        assert!(revision.is_empty());
    }

    #[test]
    fn many_changes_are_in_order_whichever_way_they_come() {
        // Sorted at each of them it takes minutes.
        let mut revision = Revision::default();
        for n in (0..20_000).rev() {
            revision.set(resume(&format!("agent_{n:05}")), None, Some(Bytes::from("{}")));
        }
        let changes = revision.changes();
        assert_eq!(changes.len(), 20_000);
        assert!(changes.windows(2).all(|two| two[0].key.path() < two[1].key.path()));
    }

    #[tokio::test]
    async fn a_file_that_somebody_changed_meanwhile_is_not_overwritten() {
        let store = store();
        store.put(&resume("ada"), "old".into()).await.expect("put");
        let mut revision = Revision::default();
        revision.put(&store, resume("ada"), Some("new".into())).await.expect("read");
        revision.put(&store, resume("bob"), Some("new".into())).await.expect("read");
        store.put(&resume("ada"), "theirs".into()).await.expect("put");
        let said = revision.write(&store).await.expect_err("refused").to_string();
        assert_eq!(said, "agents/ada/resume.json was changed by somebody else in the meantime");
        assert_eq!(store.get(&resume("ada")).await.expect("get"), Some("theirs".into()));
        assert_eq!(store.get(&resume("bob")).await.expect("get"), None, "nothing is written");
        store.put(&resume("ada"), "new".into()).await.expect("put");
        revision.write(&store).await.expect("written again");
        assert_eq!(store.get(&resume("bob")).await.expect("get"), Some("new".into()));
    }
}
