//! The inbox of a turn: every entry that the agent may read now, after its cursor, in the order of
//! the positions.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::try_join_all;

use super::super::EngineError;
use super::super::fold::{Hashed, inbox_end, said};
use super::super::plan::mail_entries;
use super::super::run::Run;
use crate::domain::name::AgentName;
use crate::domain::org::Visibility;
use crate::domain::outbox::{Meta, OutboxEntry};
use crate::domain::position::Position;
use crate::record::plan::{Due, Item, Plan};
use crate::record::state::Unread;
use crate::record::turn::{Read, TurnRecord};

/// The committed turns of a shard.
pub(in super::super) type Committed = BTreeMap<AgentName, Hashed<Arc<TurnRecord>>>;

/// What a turn reads of what others said.
#[derive(Debug, Clone)]
pub(in super::super) struct Inbox {
    /// The entries shown.
    pub(in super::super) entries: Arc<Vec<OutboxEntry>>,
    /// Where each stands.
    pub(in super::super) read: Vec<Read>,
    /// The cursor after a good turn.
    pub(in super::super) end: Position,
    /// One more than the highest hops of the entries, for a turn that mail alone caused.
    pub(in super::super) hops: u32,
    /// Entries that did not fit; they stay unread.
    pub(in super::super) left_out: usize,
}

/// Collects the inbox of an agent. `committed` are the turns of its shard; of them it reads, in
/// ordered mode, those of lower rank. At most `max_bytes` are shown, and always one entry.
pub(in super::super) async fn collect(
    run: &Run,
    due: &Due,
    committed: &Committed,
    max_bytes: usize,
) -> Result<Inbox, EngineError> {
    let plan = &run.plan.value;
    let Some(agent) = run.agent(&due.agent) else {
        return Ok(Inbox {
            entries: Arc::default(),
            read: vec![],
            end: inbox_end(plan, due.rank),
            hops: 0,
            left_out: 0,
        });
    };
    let reads = &agent.facts.reads;
    let mut unread: Vec<Unread> = run.authors.inbox(&run.state, &due.agent, reads).into_iter().cloned().collect();
    let readable = |entry: &Unread| entry.position > agent.cursor && entry.readable_by(&due.agent, reads);
    unread.extend(mail_entries(&plan.ingress, plan).filter(readable));
    if plan.visibility == Visibility::Ordered {
        let mut earlier: Vec<&TurnRecord> = committed
            .values()
            .map(|turn| turn.value.as_ref())
            .filter(|record| record.rank < due.rank && record.status.is_good() && reads.allows(&record.agent))
            .collect();
        earlier.sort_unstable_by_key(|record| record.rank);
        for record in earlier {
            if let Some(author) = run.due(&record.agent) {
                unread.extend(said(plan, author, record).filter(readable));
            }
        }
    }
    let contents = try_join_all(unread.iter().map(|entry| content(run, entry, committed))).await?;
    Ok(cut(unread, contents, inbox_end(plan, due.rank), max_bytes))
}

/// Shows entries in the order of their positions until `max_bytes` are full.
fn cut(unread: Vec<Unread>, contents: Vec<Option<OutboxEntry>>, end: Position, max_bytes: usize) -> Inbox {
    let mut inbox = Inbox { entries: Arc::default(), read: Vec::new(), end, hops: 0, left_out: 0 };
    let (mut entries, mut used) = (Vec::new(), 0);
    for (unread, content) in unread.into_iter().zip(contents) {
        // An erased entry is passed over.
        let Some(mut entry) = content else { continue };
        let size = shown_bytes(&entry);
        if used + size > max_bytes && !entries.is_empty() {
            inbox.left_out += 1;
            continue;
        }
        if inbox.left_out > 0 {
            inbox.left_out += 1;
            continue;
        }
        if size > max_bytes {
            shorten(&mut entry, max_bytes);
        }
        // As a record gives it back: who has it in memory must not see another order of its fields.
        entry.payload.values_mut().for_each(serde_json::Value::sort_all_objects);
        entry.payload.sort_keys();
        used += size;
        inbox.hops = inbox.hops.max(unread.hops + 1);
        inbox.read.push(Read { position: unread.position, id: unread.id, from: unread.from });
        entries.push(entry);
    }
    if let (true, Some(last)) = (inbox.left_out > 0, inbox.read.last()) {
        inbox.end = last.position;
    }
    inbox.entries = Arc::new(entries);
    inbox
}

fn shown_bytes(entry: &OutboxEntry) -> usize {
    // Twice the text: escaping can double it; and room for the fields around it.
    2 * entry.text().len() + 300
}

fn shorten(entry: &mut OutboxEntry, max_bytes: usize) {
    let text: String = entry.text().chars().take((max_bytes / 8).max(1)).collect();
    entry.payload.clear();
    entry.payload.insert("text".to_owned(), format!("{text} [shortened]").into());
}

/// The content of an entry, from the record that holds it.
async fn content(run: &Run, entry: &Unread, committed: &Committed) -> Result<Option<OutboxEntry>, EngineError> {
    let index = usize::try_from(entry.position.index).unwrap_or(usize::MAX);
    if entry.mail {
        if entry.position.tick == run.tick() {
            return Ok(mail(&run.plan.value, index));
        }
        return Ok(run.plan_of(entry.position.tick).await?.and_then(|plan| mail(&plan, index)));
    }
    if entry.position.tick == run.tick() {
        let turn = committed.get(&entry.from);
        return Ok(turn.and_then(|turn| turn.value.effects.outbox.get(index).cloned()));
    }
    let turn = run.earlier_turn(entry.position.tick, &entry.from).await?;
    Ok(turn.and_then(|turn| turn.effects.outbox.get(index).cloned()))
}

/// Admitted mail, as an entry.
fn mail(plan: &Plan, index: usize) -> Option<OutboxEntry> {
    let Item::Mail(mail) = &plan.ingress.get(index)?.item else { return None };
    Some(OutboxEntry {
        id: mail.id,
        tick: plan.tick,
        agent: mail.from.clone(),
        kind: mail.kind,
        payload: mail.payload.clone(),
        tags: mail.tags.clone(),
        recipients: mail.recipients.clone(),
        created_at: mail.sent_at,
        meta: Meta {
            thread_id: mail.thread_id,
            reply_to: mail.reply_to,
            importance: mail.importance,
            ..Meta::default()
        },
    })
}
