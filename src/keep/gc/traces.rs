//! By what something that must go is known in records, blobs, and what waits beside them.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use uuid::Uuid;

use super::erase::{Records, What, blobs};
use crate::domain::archive::Archived;
use crate::domain::ids::Sha;
use crate::domain::ingress::{Action, Control, Mail};
use crate::domain::name::{AgentName, MemoryKey};
use crate::engine::EngineError;
use crate::record::closed::Closed;
use crate::record::decode;
use crate::record::erased::{Erased, Erasing};
use crate::record::plan::{Item, Plan};
use crate::record::recording::Recording;
use crate::record::turn::{Content, ERASED, TurnRecord};
use crate::store::{Key, Prefix, Store, StoreError};

/// So often a text is looked for as JSON within JSON.
const QUOTED_WITHIN: u32 = 3;

/// Texts shorter than this are no trace of anything: they are found by who wrote and read them alone.
const SHORTEST_TRACE: usize = 8;

/// So many objects are read at a time.
const READS_AT_ONCE: usize = 16;

/// By what something is known wherever it shows.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// The ids of the messages.
    pub(super) ids: BTreeSet<Uuid>,
    /// The hashes of its own versions, where they are files.
    pub(super) versions: BTreeSet<Sha>,
    /// Blobs that show it.
    pub(super) shown: BTreeSet<Sha>,
    /// What it says.
    pub(super) texts: BTreeSet<String>,
    /// The same in every form in which it may stand anywhere.
    forms: BTreeSet<String>,
    /// The blobs that there are.
    pub(super) existing: BTreeSet<Sha>,
}

impl Traces {
    /// What is known of it from the start, and from a run before that did not come to its end.
    pub(super) async fn of(store: &Store, what: &What, before: Option<&Erasing>) -> Result<Self, EngineError> {
        let mut traces = Self::default();
        if let What::Message(id) = what {
            traces.ids.insert(*id);
        }
        if let Some(before) = before {
            traces.ids.extend(before.ids.iter().copied());
            traces.versions.extend(before.blobs.iter().cloned());
            before.texts.iter().for_each(|text| traces.text(text));
        }
        let blobs = store.list(&Prefix::Area(crate::store::Area::Blobs)).await?;
        traces.existing = blobs.iter().filter_map(|path| blob(&Key::parse(path)?)).collect();
        Ok(traces)
    }

    /// Takes in what the records of a tick hold of it.
    pub(super) async fn take_in(&mut self, store: &Store, what: &What, records: &Records) -> Result<(), EngineError> {
        for mail in records.plan.ingress.iter().filter_map(|admitted| mail(&admitted.item)) {
            self.mail(what, mail);
        }
        if let What::Memory(agent, of) = what {
            for change in records.plan.memory.get(agent).into_iter().flatten().filter(|change| change.key == *of) {
                change.value.iter().for_each(|value| self.texts_of(value));
            }
            for left in records.plan.archive.get(agent).into_iter().flatten().filter(|left| left.key == *of) {
                self.texts_of(&left.value);
            }
        }
        for (turn, _) in &records.turns {
            self.turn(store, what, turn).await?;
        }
        self.versions(store, what, &records.closed, &records.turns).await
    }

    fn mail(&mut self, what: &What, mail: &Mail) {
        if matches!(what, What::Message(id) if *id == mail.id) {
            mail.payload.values().for_each(|value| self.texts_of(value));
        }
    }

    async fn turn(&mut self, store: &Store, what: &What, turn: &TurnRecord) -> Result<(), EngineError> {
        let is_whole = what.is_turn_of(turn.tick, &turn.agent);
        for entry in &turn.effects.outbox {
            if is_whole || matches!(what, What::Message(id) if *id == entry.id) {
                // A stub keeps the id, if nothing else: who read it is found by that.
                self.ids.insert(entry.id);
                entry.payload.values().for_each(|value| self.texts_of(value));
            }
        }
        let of_memory = |key: &MemoryKey| matches!(what, What::Memory(agent, of) if *agent == turn.agent && of == key);
        for change in turn.effects.memory.iter().filter(|change| is_whole || of_memory(&change.key)) {
            change.value.iter().for_each(|value| self.texts_of(value));
        }
        for left in turn.effects.archive.iter().filter(|left| is_whole || of_memory(&left.key)) {
            self.texts_of(&left.value);
        }
        for change in turn.imports.iter().chain(&turn.unimported) {
            let key = Key::parse(&change.path);
            if matches!(&key, Some(Key::Memory(owner, of)) if *owner == turn.agent && of_memory(of)) {
                self.text_of_content(store, &change.content).await?;
            }
        }
        if is_whole {
            for change in &turn.effects.files {
                self.text_of_content(store, &change.content).await?;
            }
        }
        Ok(())
    }

    /// Takes in the versions of files that a tick made, which may lie in blobs when the record that held them is a stub.
    async fn versions(
        &mut self,
        store: &Store,
        what: &What,
        closed: &Closed,
        turns: &[(TurnRecord, bytes::Bytes)],
    ) -> Result<(), EngineError> {
        for fold in &closed.files {
            let Some(sha) = &fold.sha256 else { continue };
            let key = Key::parse(&fold.path);
            let is_meant = match (what, &fold.agent) {
                (What::Memory(agent, of), _) => {
                    matches!(&key, Some(Key::Memory(owner, name)) if owner == agent && name == of)
                }
                (What::Agent(..), Some(agent)) => what.is_turn_of(closed.tick, agent),
                (What::Agent(..), None) | (What::Message(_), _) => false,
            };
            if !is_meant {
                continue;
            }
            self.versions.insert(sha.clone());
            // What a person wrote and a turn found is of the agent's records, but none of its words.
            let is_of = |turn: &TurnRecord| {
                fold.agent.as_ref() == Some(&turn.agent) && turn.imports.iter().any(|import| import.path == fold.path)
            };
            let is_others = matches!(what, What::Agent(..)) && turns.iter().any(|(turn, _)| is_of(turn));
            if matches!(key, Some(Key::Memory(..))) && !is_others && self.existing.contains(sha) {
                let bytes = store.get(&Key::Blob(sha.clone())).await?.unwrap_or_default();
                self.memory(&bytes);
            }
        }
        Ok(())
    }

    /// Takes in what a memory's file holds.
    fn memory(&mut self, bytes: &[u8]) {
        if let Ok(file) = serde_json::from_slice::<Value>(bytes) {
            self.texts_of(&file["value"]);
        }
    }

    /// Takes in what waits in the ingress, and what a fork carries of its origin.
    pub(super) async fn take_in_beside(&mut self, store: &Store, what: &What) -> Result<(), EngineError> {
        for (key, bytes) in beside(store).await? {
            match key {
                Key::Mail(_) => {
                    if let Ok(mail) = serde_json::from_slice::<Mail>(&bytes) {
                        self.mail(what, &mail);
                    }
                }
                Key::Control(_) => {
                    if let Ok(control) = serde_json::from_slice::<Control>(&bytes)
                        && commands(what, &control)
                    {
                        self.texts_of(&serde_json::to_value(&control.action).unwrap_or_default()["value"]);
                    }
                }
                _ => {
                    if let Ok(recording) = decode::<Recording>(&bytes)
                        && what.is_turn_of(recording.tick, &recording.agent)
                        && let Ok(answer) = serde_json::from_str::<Value>(&recording.answer)
                    {
                        let all = |field: &str| answer[field].as_array().cloned().unwrap_or_default();
                        all("outbox_entries").iter().for_each(|entry| self.texts_of(&entry["payload"]));
                        all("memory_updates").iter().for_each(|update| self.texts_of(&update["value"]));
                    }
                }
            }
        }
        Ok(())
    }

    /// Finds the blobs that show it.
    pub(super) async fn find_blobs(&mut self, store: &Store) -> Result<(), EngineError> {
        if self.forms.is_empty() {
            return Ok(());
        }
        let all: Vec<Sha> = self.existing.iter().cloned().collect();
        let reads = stream::iter(all).map(|sha| async move {
            let bytes = store.get(&Key::Blob(sha.clone())).await?;
            Ok::<_, StoreError>((sha, bytes.unwrap_or_default()))
        });
        let mut reads = std::pin::pin!(reads.buffer_unordered(READS_AT_ONCE));
        while let Some((sha, bytes)) = reads.try_next().await? {
            if self.stand_in(&Value::from(String::from_utf8_lossy(&bytes))) {
                self.shown.insert(sha);
            }
        }
        Ok(())
    }

    async fn text_of_content(&mut self, store: &Store, content: &Content) -> Result<(), EngineError> {
        let text = match content {
            Content::Text(text) => text.clone(),
            Content::Blob(sha) if self.existing.contains(sha) => {
                let bytes = store.get(&Key::Blob(sha.clone())).await?.unwrap_or_default();
                String::from_utf8(bytes.to_vec()).unwrap_or_default()
            }
            Content::Blob(_) | Content::Deleted => return Ok(()),
        };
        self.text(&text);
        self.memory(text.as_bytes());
        Ok(())
    }

    fn texts_of(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.texts_of(item)),
            Value::Object(fields) => fields.values().for_each(|value| self.texts_of(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        if text.len() >= SHORTEST_TRACE && text != ERASED {
            self.texts.insert(text.to_owned());
            // As it stands where JSON is text inside of JSON: in a prompt, in an answer, in a quotation of either.
            let mut text = text.to_owned();
            for _ in 0..=QUOTED_WITHIN {
                let quoted = Value::from(text.as_str()).to_string();
                self.forms.insert(std::mem::replace(&mut text, quoted[1..quoted.len() - 1].to_owned()));
            }
        }
    }

    /// Says whether one of the texts stands anywhere in a value.
    pub(super) fn stand_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.forms.iter().any(|trace| text.contains(trace.as_str())),
            Value::Array(items) => items.iter().any(|item| self.stand_in(item)),
            Value::Object(fields) => fields.values().any(|value| self.stand_in(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    pub(super) fn in_turn(&self, what: &What, turn: &TurnRecord) -> bool {
        let is_meant = match what {
            What::Agent(..) => what.is_turn_of(turn.tick, &turn.agent),
            What::Message(id) => turn.effects.outbox.iter().any(|entry| entry.id == *id),
            What::Memory(agent, of) => {
                *agent == turn.agent
                    && (turn.effects.memory.iter().any(|change| change.key == *of)
                        || turn.effects.archive.iter().any(|left| left.key == *of))
            }
        };
        is_meant
            || turn.inbox.iter().any(|read| self.ids.contains(&read.id))
            || blobs(turn).any(|sha| self.shown.contains(&sha))
            || self.stand_in(&serde_json::to_value(turn).unwrap_or_default())
    }

    pub(super) fn in_plan(&self, what: &What, plan: &Plan) -> bool {
        let commanded = matches!(what, What::Memory(agent, of)
            if plan.memory.get(agent).is_some_and(|changes| changes.iter().any(|change| change.key == *of)));
        commanded
            || plan.archive.iter().any(|(agent, all)| all.iter().any(|left| self.in_archived(what, agent, left)))
            || plan.ingress.iter().filter_map(|admitted| mail(&admitted.item)).any(|mail| self.ids.contains(&mail.id))
            || self.stand_in(&serde_json::to_value((&plan.ingress, &plan.memory)).unwrap_or_default())
    }

    /// Says whether something that left a memory is what is meant, or shows it.
    pub(super) fn in_archived(&self, what: &What, agent: &AgentName, left: &Archived) -> bool {
        matches!(what, What::Memory(of, name) if of == agent && *name == left.key) || self.stand_in(&left.value)
    }

    fn cut_out(&self, value: &mut Option<Value>) {
        if value.as_ref().is_some_and(|value| self.stand_in(value)) {
            *value = Some(Value::from(ERASED));
        }
    }

    fn cut_out_text(&self, text: &mut Option<String>) {
        if text.as_ref().is_some_and(|text| self.stand_in(&Value::from(text.as_str()))) {
            *text = Some(ERASED.to_owned());
        }
    }

    /// Says whether an object beside the records is what is meant, and whether it shows it.
    pub(super) fn in_beside(&self, what: &What, key: &Key, bytes: &[u8]) -> (bool, bool) {
        let is_meant = match (key, what) {
            (Key::Mail(_), What::Message(id)) => serde_json::from_slice::<Mail>(bytes).is_ok_and(|mail| mail.id == *id),
            (Key::Control(_), _) => {
                serde_json::from_slice::<Control>(bytes).is_ok_and(|control| commands(what, &control))
            }
            (Key::Recorded(_), _) => decode::<Recording>(bytes).is_ok_and(|of| what.is_turn_of(of.tick, &of.agent)),
            _ => false,
        };
        let value = serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into());
        (is_meant, self.stand_in(&value))
    }
}

/// What waits in the ingress, and the answers that a fork carries.
pub(super) async fn beside(store: &Store) -> Result<Vec<(Key, bytes::Bytes)>, EngineError> {
    let mut paths = store.list(&Prefix::Ingress).await?;
    paths.extend(store.list(&Prefix::Recorded).await?);
    let keys = paths.into_iter().filter_map(|path| Key::parse(&path));
    let keys = keys.filter(|key| matches!(key, Key::Mail(_) | Key::Control(_) | Key::Recorded(_)));
    let reads = stream::iter(keys.collect::<Vec<_>>()).map(|key| async move {
        let bytes = store.get(&key).await?;
        Ok::<_, EngineError>(bytes.map(|bytes| (key, bytes)))
    });
    reads.buffered(READS_AT_ONCE).try_filter_map(|read| async move { Ok(read) }).try_collect().await
}

fn commands(what: &What, control: &Control) -> bool {
    matches!((what, &control.action), (What::Memory(of, name), Action::Memory { agent, key, .. })
        if of == agent && name == key)
}

fn blob(key: &Key) -> Option<Sha> {
    match key {
        Key::Blob(sha) => Some(sha.clone()),
        _ => None,
    }
}

fn mail(item: &Item) -> Option<&Mail> {
    match item {
        Item::Mail(mail) => Some(mail),
        Item::Control(_) => None,
    }
}

/// The plan without it, as a stub.
pub(super) fn without(what: &What, traces: &Traces, mut plan: Plan, sha256: Sha) -> Plan {
    for admitted in &mut plan.ingress {
        match &mut admitted.item {
            Item::Mail(mail) => {
                let shows = traces.ids.contains(&mail.id) || mail.payload.values().any(|value| traces.stand_in(value));
                if shows {
                    mail.payload = std::iter::once(("text".to_owned(), Value::from(ERASED))).collect();
                }
            }
            Item::Control(control) => {
                if let Action::Memory { agent, key, value, .. } = &mut control.action {
                    let is_meant = matches!(what, What::Memory(of, name) if of == agent && name == key);
                    if is_meant || traces.stand_in(value) {
                        *value = Value::from(ERASED);
                    }
                }
                if let Action::PutBack { agent, key, items } = &mut control.action {
                    let is_meant = matches!(what, What::Memory(of, name) if of == agent && name == key);
                    let shown = items.iter_mut().filter(|item| is_meant || traces.stand_in(item));
                    shown.for_each(|item| *item = Value::from(ERASED));
                }
                match &mut control.action {
                    Action::Approve { arguments, .. } => traces.cut_out(arguments),
                    Action::Deny { reason, .. } => traces.cut_out_text(reason),
                    _ => {}
                }
            }
        }
    }
    for decision in &mut plan.decisions {
        traces.cut_out(&mut decision.arguments);
        traces.cut_out_text(&mut decision.reason);
    }
    for (agent, changes) in &mut plan.memory {
        for change in changes {
            let is_meant = matches!(what, What::Memory(of, name) if of == agent && *name == change.key);
            if is_meant || change.value.as_ref().is_some_and(|value| traces.stand_in(value)) {
                change.value = change.value.as_ref().map(|_| Value::from(ERASED));
            }
        }
    }
    for (agent, all) in &mut plan.archive {
        for left in all {
            if traces.in_archived(what, agent, left) {
                left.value = Value::from(ERASED);
            }
        }
    }
    plan.erased = Some(plan.erased.take().unwrap_or(Erased { sha256 }));
    plan
}
