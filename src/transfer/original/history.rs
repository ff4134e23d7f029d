//! What was said in the original: kept for people, and delivered to whoever had not read it yet.
//!
//! Every agent of the original read the newest messages again in each of its turns, and no record says who has read what. So
//! an entry counts as unread by those who may read it and had no turn after it; where the sign of an offset makes a difference, by
//! the earlier of both last turns: it is better read twice than lost. Here nobody but an agent speaks as that agent: such an entry
//! comes as mail of people, which says who said it.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::staff::Staff;
use super::{Draft, MAX_FILE_BYTES};
use crate::domain::ingress::{MAX_INGRESS_BYTES, Mail};
use crate::domain::name::{AgentName, HUMAN, IngressName};
use crate::domain::outbox::{Importance, Kind};
use crate::domain::resume::Resume;
use crate::domain::time::Timestamp;
use crate::record::encode;
use crate::store::{Key, Store, StoreError};

/// An entry of the original.
struct Entry {
    tick: u64,
    author: String,
    value: Value,
}

impl Entry {
    fn text(&self) -> String {
        match &self.value["payload"] {
            Value::String(text) => text.clone(),
            payload => payload["text"].as_str().map_or_else(|| payload.to_string(), str::to_owned),
        }
    }

    /// Whom it names; none: everybody who reads the author.
    fn recipients(&self) -> Option<Vec<&str>> {
        match &self.value["recipients"] {
            Value::String(name) => Some(vec![name]),
            Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect()),
            _ => None,
        }
    }
}

/// Keeps every message, and sends those that somebody had not read.
pub(super) async fn deliver(
    source: &Store,
    listed: &[(String, u64)],
    staff: &Staff,
    now: Timestamp,
    draft: &mut Draft,
) -> Result<(), StoreError> {
    let mut entries = Vec::new();
    for (path, size) in listed {
        let parts: Vec<&str> = path.split('/').collect();
        let ["agents", author, "outbox", file] = parts.as_slice() else { continue };
        let is_person = *author == HUMAN;
        let owner = AgentName::new(author).ok().filter(|name| staff.contains_key(name));
        let place = match owner {
            Some(_) => format!("agents/{author}/archive/outbox/{file}"),
            None if is_person => format!("config/original/outbox/{file}"),
            None => {
                draft.leave(path, "is of no agent that came along");
                continue;
            }
        };
        let Some(key) = Key::parse(&place).filter(|_| *size <= MAX_FILE_BYTES) else {
            draft.leave(path, "has a name or a size that no file has here");
            continue;
        };
        let Some(bytes) = source.get_path(path).await? else { continue };
        if let Ok(value @ Value::Object(_)) = serde_json::from_slice(&bytes) {
            let named = file.split('_').next().and_then(|digits| digits.parse().ok());
            let tick = value["tick"].as_u64().or(named).unwrap_or(0);
            entries.push(Entry { tick, author: (*author).to_owned(), value });
        }
        draft.done.archived += 1;
        draft.others.push((key, bytes));
    }
    entries.sort_by(|a, b| (a.tick, &a.author).cmp(&(b.tick, &b.author)));
    let last = draft.done.tick;
    let mut sent = BTreeSet::new();
    let max_age = draft.max_age;
    for entry in entries.iter().filter(|entry| entry.tick.saturating_add(max_age) >= last) {
        let readers: Vec<AgentName> = staff
            .iter()
            .filter(|(name, resume)| is_unread(entry, name, resume, staff, last))
            .map(|(name, _)| name.clone())
            .collect();
        if readers.is_empty() {
            continue;
        }
        let mail = mail(entry, readers, now);
        let body = encode(&mail);
        if body.len() > MAX_INGRESS_BYTES {
            draft.note(format!(
                "a message of {} in tick {} is too large to be delivered; it is in the archive",
                entry.author, entry.tick
            ));
            continue;
        }
        // Of two with one id the first counts.
        if sent.insert(mail.id)
            && let Ok(name) = IngressName::new(mail.id.to_string())
        {
            draft.others.push((Key::Mail(name), Bytes::from(body)));
            draft.done.mail += 1;
        }
    }
    if draft.done.mail > 0 {
        draft.note(
            "what an agent may not have read yet comes as mail of people with the tag `imported`, which says who said it; all of \
             what was said is in agents/NAME/archive/outbox, and what people said in config/original/outbox",
        );
    }
    Ok(())
}

/// Whether an agent may read an entry and had no turn after it.
fn is_unread(entry: &Entry, name: &AgentName, resume: &Resume, staff: &Staff, last: u64) -> bool {
    let is_person = entry.author == HUMAN;
    let author = AgentName::new(&entry.author).ok();
    let may_read = is_person || author.as_ref().is_some_and(|author| resume.permissions.read_outboxes.allows(author));
    let is_meant = entry.recipients().is_none_or(|names| names.contains(&name.as_str()));
    if entry.author == name.as_str() || !may_read || !is_meant {
        return false;
    }
    let turn = last_turn(resume, last);
    let speaks_later = || {
        let theirs = author.as_ref().and_then(|author| staff.get(author)).map(|resume| resume.schedule.fire_point());
        theirs.is_none_or(|theirs| (theirs, entry.author.as_str()) > (resume.schedule.fire_point(), name.as_str()))
    };
    entry.tick > turn || entry.tick == turn && (is_person || speaks_later())
}

/// The last tick in which an agent had its turn, by the rule or by the code of the original, whichever was earlier.
fn last_turn(resume: &Resume, last: u64) -> u64 {
    let period = i128::from(resume.schedule.run_every_n_ticks.get());
    let offset = i128::from(resume.schedule.phase_offset);
    let by = |sign: i128| {
        let ahead = (i128::from(last) + sign * offset).rem_euclid(period);
        u64::try_from(i128::from(last) - ahead).unwrap_or(0)
    };
    by(1).min(by(-1))
}

fn mail(entry: &Entry, readers: Vec<AgentName>, now: Timestamp) -> Mail {
    let value = &entry.value;
    let said = encode(value);
    let digest = Sha256::digest(&said);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // In the order in which it was said: names are admitted in theirs.
    bytes[..6].copy_from_slice(&entry.tick.to_be_bytes()[2..]);
    let is_person = entry.author == HUMAN;
    let mut payload = match &value["payload"] {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    let text = entry.text();
    let said_by = format!("From {}, in tick {} before the move: {text}", entry.author, entry.tick);
    payload.insert("text".to_owned(), json!(if is_person { text } else { said_by }));
    if !is_person {
        payload.insert("said_by".to_owned(), json!(entry.author));
    }
    let mut tags: Vec<String> =
        value["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    tags.push("imported".to_owned());
    let importance = value["meta"]["importance"].as_str().or_else(|| value["importance"].as_str());
    let created = value["created_at"].as_str().and_then(|text| Timestamp::try_from(text.to_owned()).ok());
    Mail {
        format: 1,
        id: uuid::Builder::from_custom_bytes(bytes).into_uuid(),
        from: AgentName::human(),
        recipients: Some(readers),
        kind: value["kind"].as_str().and_then(Kind::parse).unwrap_or_default(),
        payload,
        tags,
        importance: importance.and_then(Importance::parse).unwrap_or_default(),
        reply_to: None,
        thread_id: value["meta"]["thread_id"].as_str().and_then(|id| id.parse::<Uuid>().ok()),
        sent_at: created.unwrap_or(now),
        hops: 0,
    }
}
