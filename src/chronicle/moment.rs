//! A moment of an organisation: now, or as it was after a tick. Whoever reads for people reads from one, so that every
//! command can look back.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::{PARALLEL, agents};
use crate::domain::ids::Sha;
use crate::domain::memory::MemoryFile;
use crate::domain::model::ModelRegistry;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::org::OrgConfig;
use crate::domain::resume::Resume;
use crate::domain::time::Tick;
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::engine::{EngineError, load, load_at, recorded};
use crate::record::state::{FileState, State};
use crate::store::{Key, Prefix, Store};

/// An organisation at a moment.
#[derive(Debug, Clone)]
pub struct Moment {
    store: Store,
    /// The state after the last closed tick that it knows.
    pub state: State,
    /// Whether it is in the past: then nothing counts but the records.
    pub is_past: bool,
}

/// Why there is no such moment.
#[derive(Debug, thiserror::Error)]
pub enum MomentError {
    /// The tick is not closed, or not even begun.
    #[error("tick {tick} is not closed; the last closed tick is {last}")]
    NotClosed {
        /// The tick that was asked for.
        tick: Tick,
        /// The last one that there is.
        last: Tick,
    },
    /// The records cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Moment {
    /// The organisation as it is now, or as it was after a tick.
    ///
    /// # Errors
    /// That tick is not closed; or the store failed, or its records contradict each other.
    pub async fn of(store: &Store, at: Option<Tick>) -> Result<Self, MomentError> {
        let Some(tick) = at else { return Ok(Self::now(store).await?) };
        if tick.0 > 0 && store.get(&Key::Closed(tick)).await.map_err(EngineError::from)?.is_none() {
            let last = load(store).await?.state.tick;
            return Err(MomentError::NotClosed { tick, last });
        }
        Ok(Self { store: store.clone(), state: load_at(store, tick).await?, is_past: true })
    }

    /// The organisation as it is now.
    ///
    /// # Errors
    /// The store failed, or its records contradict each other.
    pub async fn now(store: &Store) -> Result<Self, EngineError> {
        Ok(Self { store: store.clone(), state: load(store).await?.state, is_past: false })
    }

    /// The store that it is read from.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The settings: the present `org.json`, or the version that the tick used.
    ///
    /// # Errors
    /// There are none, or they cannot be read.
    pub async fn settings(&self) -> Result<OrgConfig, EngineError> {
        let (key, bytes) = self.settings_file(Key::Org, self.state.org.as_ref()).await?;
        let bytes = bytes.ok_or(EngineError::NoOrg)?;
        serde_json::from_slice(&bytes).map_err(|error| EngineError::config(&key, "", error.to_string()))
    }

    /// The models: the present `config/models.json`, or the version that the tick used.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn models(&self) -> Result<Option<ModelRegistry>, EngineError> {
        let (key, bytes) = self.settings_file(Key::Models, self.state.models.as_ref()).await?;
        let Some(bytes) = bytes else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&bytes).map_err(|error| EngineError::config(&key, "", error.to_string()))?))
    }

    /// The organisation's own tools and servers, and what was accepted of them: the present files, or those that the tick
    /// used; none, if there are none.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn toolbox(&self) -> Result<Option<(Toolbox, AcceptedTools)>, EngineError> {
        let (key, bytes) = self.settings_file(Key::Tools, self.state.tools.as_ref()).await?;
        // What a tick did without is not read from what lies there now.
        let Some(bytes) = bytes.filter(|_| !self.is_past || self.state.tools.is_some()) else { return Ok(None) };
        let broken = |key: &Key, error: serde_json::Error| EngineError::config(key, "", error.to_string());
        let toolbox = serde_json::from_slice(&bytes).map_err(|error| broken(&key, error))?;
        let (key, bytes) = self.settings_file(Key::ToolsLock, self.state.tools_lock.as_ref()).await?;
        let accepted = match bytes.filter(|_| !self.is_past || self.state.tools_lock.is_some()) {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| broken(&key, error))?,
            None => AcceptedTools::default(),
        };
        Ok(Some((toolbox, accepted)))
    }

    async fn settings_file(&self, key: Key, pinned: Option<&Sha>) -> Result<(Key, Option<Bytes>), EngineError> {
        let key = match (self.is_past, pinned) {
            (true, Some(sha)) => Key::Input(sha.clone()),
            // Before the first tick there was no other.
            _ => key,
        };
        let bytes = self.store.get(&key).await?;
        Ok((key, bytes))
    }

    /// The agents by name: those that have a folder now, or those that the ticks knew then.
    ///
    /// # Errors
    /// The store failed.
    pub async fn agents(&self) -> Result<Vec<AgentName>, EngineError> {
        if !self.is_past {
            return Ok(agents(&self.store).await?);
        }
        Ok(self.state.agents.iter().filter(|(_, agent)| agent.present).map(|(name, _)| name.clone()).collect())
    }

    /// Those, and whoever else the records know of, by name: gone ones, too.
    ///
    /// # Errors
    /// The store failed.
    pub async fn agents_of_any_time(&self) -> Result<Vec<AgentName>, EngineError> {
        let mut names = self.agents().await?;
        names.extend(self.state.agents.keys().cloned());
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The bytes of an agent's resume, as they lie there now, or as the tick had them last.
    ///
    /// # Errors
    /// The store failed.
    pub async fn resume_bytes(&self, agent: &AgentName) -> Result<Option<Bytes>, EngineError> {
        if !self.is_past {
            return Ok(self.store.get(&Key::Resume(agent.clone())).await?);
        }
        let Some(known) = self.state.agents.get(agent).filter(|known| known.present) else { return Ok(None) };
        Ok(self.store.get(&Key::Input(known.resume.clone())).await?)
    }

    /// An agent's resume; why not, for people, where there is none or it cannot be read.
    ///
    /// # Errors
    /// The store failed.
    pub async fn resume(&self, agent: &AgentName) -> Result<Result<Resume, String>, EngineError> {
        Ok(match self.resume_bytes(agent).await? {
            Some(bytes) => Resume::parse(&bytes, agent).map_err(|error| error.to_string()),
            None if !self.is_past && self.store.get(&Key::Removed(agent.clone())).await?.is_some() => {
                Err(format!("the agent is removed; its resume is {}", Key::Removed(agent.clone())))
            }
            None => Err("resume.json is missing".to_owned()),
        })
    }

    /// The files of a folder that the records have, of all agents' files those alone.
    pub(super) fn recorded_below(&self, prefix: &Prefix) -> impl Iterator<Item = (&String, &FileState)> {
        let folder = format!("{}/", prefix.path());
        let from = self.state.files.range(folder.clone()..);
        from.take_while(move |(path, _)| path.starts_with(&folder)).filter(|(_, file)| file.sha256.is_some())
    }

    /// The keys of an agent's memory.
    ///
    /// # Errors
    /// The store failed.
    pub async fn memory_keys(&self, agent: &AgentName) -> Result<Vec<MemoryKey>, EngineError> {
        let prefix = Prefix::Memory(agent.clone());
        let paths: Vec<String> = match self.is_past {
            true => self.recorded_below(&prefix).map(|(path, _)| path.clone()).collect(),
            false => self.store.list(&prefix).await?,
        };
        let of_agent = |path: &String| match Key::parse(path)? {
            Key::Memory(owner, key) if owner == *agent => Some(key),
            _ => None,
        };
        Ok(paths.iter().filter_map(of_agent).collect())
    }

    /// What an agent keeps, by key; `Err` for what cannot be read.
    ///
    /// # Errors
    /// The store failed.
    pub async fn memory(&self, agent: &AgentName) -> Result<BTreeMap<MemoryKey, Result<Value, String>>, EngineError> {
        let keys = self.memory_keys(agent).await?;
        let read = |key: MemoryKey| async move {
            let value = match self.file(&Key::Memory(agent.clone(), key.clone())).await {
                Ok(bytes) => bytes.map(|bytes| MemoryFile::value_in(&bytes)),
                Err(error @ EngineError::Erased { .. }) => Some(Err(error.to_string())),
                Err(error) => return Err(error),
            };
            Ok::<_, EngineError>(value.map(|value| (key, value)))
        };
        stream::iter(keys)
            .map(read)
            .buffered(PARALLEL)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }

    /// The bytes of a memory, workspace or shared file: as they lie there now, or as the records had them then.
    ///
    /// # Errors
    /// The store failed.
    pub async fn file(&self, key: &Key) -> Result<Option<Bytes>, EngineError> {
        match self.is_past {
            true => recorded(&self.store, &self.state, key).await,
            false => Ok(self.store.get(key).await?),
        }
    }
}
