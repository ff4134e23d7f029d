//! Which memories a prompt shows, and in which order.
//!
//! What changes least stands first, so that a provider's prompt cache reaches far: pinned keys, then
//! the others by the tick in which they last changed. If not all fit, three quarters of the room are
//! for the pinned and the newest, which do not depend on what is new in the turn, and what is left is
//! for those that fit the inbox best. The rest is named.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::name::MemoryKey;
use crate::domain::outbox::OutboxEntry;
use crate::domain::search::{Index, text_of};
use crate::domain::time::Tick;

/// The most keys that are named when they are left out.
const NAMED: usize = 24;

/// The memory of a turn that is to be shown.
#[derive(Debug)]
pub(in super::super) struct Recall<'a> {
    pub(in super::super) values: &'a BTreeMap<MemoryKey, Value>,
    /// When each key last changed; absent: nobody knows, long ago.
    pub(in super::super) changed: &'a BTreeMap<MemoryKey, Tick>,
    pub(in super::super) pinned: &'a [MemoryKey],
    /// The tools that the agent has to find what is left out.
    pub(in super::super) finders: &'a [&'a str],
    pub(in super::super) max_bytes: usize,
}

impl Recall<'_> {
    /// The memory as the prompt shows it.
    pub(super) fn shown(&self, inbox: &[OutboxEntry]) -> String {
        if self.values.is_empty() {
            return "(empty)\n".to_owned();
        }
        let ordered = self.ordered();
        let whole: Vec<String> = ordered.iter().map(|(key, value)| whole(key, value)).collect();
        if whole.iter().map(String::len).sum::<usize>() <= self.max_bytes {
            return whole.join("");
        }
        self.chosen(&ordered, inbox)
    }

    /// The keys and values, those that change least first.
    fn ordered(&self) -> Vec<(&MemoryKey, &Value)> {
        let mut ordered: Vec<(&MemoryKey, &Value)> = self.values.iter().collect();
        // Stable: keys of one tick stay in the order of their names.
        ordered.sort_by_key(|(key, _)| (self.pin(key), self.changed(key)));
        ordered
    }

    fn pin(&self, key: &MemoryKey) -> usize {
        self.pinned.iter().position(|pinned| pinned == key).unwrap_or(usize::MAX)
    }

    fn changed(&self, key: &MemoryKey) -> Tick {
        self.changed.get(key).copied().unwrap_or_default()
    }

    fn chosen(&self, ordered: &[(&MemoryKey, &Value)], inbox: &[OutboxEntry]) -> String {
        let (most, part) = (self.max_bytes, self.max_bytes / 4);
        let mut newest: Vec<usize> = (0..ordered.len()).collect();
        newest.sort_by_key(|at| (self.pin(ordered[*at].0), Reverse(self.changed(ordered[*at].0))));
        let (mut used, mut steady) = (0, BTreeMap::new());
        for at in newest {
            if let Some(line) = line(ordered[at], most - part - used, part) {
                used += line.len();
                steady.insert(at, line);
            }
        }
        let others: Vec<usize> = (0..ordered.len()).filter(|at| !steady.contains_key(at)).collect();
        let text_of = |at: &usize| format!("{} {}", ordered[*at].0, text_of(ordered[*at].1));
        let texts: Vec<String> = others.iter().map(text_of).collect();
        let asked: Vec<String> = inbox.iter().map(OutboxEntry::text).collect();
        let mut text: String = steady.into_values().collect();
        let mut left_out: BTreeSet<usize> = others.iter().copied().collect();
        for found in Index::of(texts.iter().map(String::as_str)).search(&asked.join("\n")) {
            let at = others[found];
            if let Some(line) = line(ordered[at], most - used, part) {
                used += line.len();
                text.push_str(&line);
                left_out.remove(&at);
            }
        }
        text.push_str(&self.note(left_out.into_iter().map(|at| ordered[at].0).collect()));
        text
    }

    fn note(&self, mut left_out: Vec<&MemoryKey>) -> String {
        if left_out.is_empty() {
            return String::new();
        }
        left_out.sort_unstable();
        let names: Vec<&str> = left_out.iter().take(NAMED).map(|key| key.as_str()).collect();
        let more = if left_out.len() > NAMED { " and others" } else { "" };
        let how = match self.finders {
            [] => "they do not fit".to_owned(),
            finders => format!("find them with {}", finders.join(" or ")),
        };
        format!("({} keys are left out: {}{more}; {how})\n", left_out.len(), names.join(", "))
    }
}

fn whole(key: &MemoryKey, value: &Value) -> String {
    format!("{}\n", super::line(&json!({"key": key, "value": value})))
}

/// A key's line if it fits what is `left`; of a list that does not, the newest items that fit a `part`
/// of it too.
fn line((key, value): (&MemoryKey, &Value), left: usize, part: usize) -> Option<String> {
    let line = whole(key, value);
    if line.len() <= left {
        return Some(line);
    }
    let items = value.as_array()?;
    let cut = |older: usize| {
        format!("{}\n", super::line(&json!({"key": key, "newest": items[older..], "older_items": older})))
    };
    let room = left.min(part).checked_sub(cut(items.len()).len())?;
    let mut used = 0;
    let fitting = items.iter().rev().take_while(|item| {
        used += item.to_string().len() + 1;
        used <= room
    });
    let fitting = fitting.count();
    (fitting > 0).then(|| cut(items.len() - fitting))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::Timestamp;

    fn key(key: &str) -> MemoryKey {
        MemoryKey::new(key).expect("key")
    }

    fn entry(text: &str) -> OutboxEntry {
        let entry = json!({"id": "00000000-0000-0000-0000-000000000000", "tick": 1, "agent": "bob", "kind": "message",
            "payload": {"text": text}, "created_at": Timestamp::from_unix_ms(0)});
        serde_json::from_value(entry).expect("entry")
    }

    fn shown(memory: &[(&str, u64, Value)], pinned: &[&str], asked: &str, max_bytes: usize) -> String {
        let values = memory.iter().map(|(name, _, value)| (key(name), value.clone())).collect();
        let changed = memory.iter().map(|(name, tick, _)| (key(name), Tick(*tick))).collect();
        let pinned: Vec<MemoryKey> = pinned.iter().map(|name| key(name)).collect();
        let finders = ["memory_search", "memory_read"];
        let recall = Recall { values: &values, changed: &changed, pinned: &pinned, finders: &finders, max_bytes };
        recall.shown(&[entry(asked)])
    }

    fn order(text: &str) -> Vec<String> {
        let keys = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        keys.map(|line| line["key"].as_str().expect("key").to_owned()).collect()
    }

    #[test]
    fn what_changes_least_stands_first() {
        let memory = [("b", 3, json!(1)), ("c", 9, json!(2)), ("a", 3, json!(3)), ("creed", 8, json!(4))];
        let before = shown(&memory, &["creed"], "", 10_000);
        assert_eq!(order(&before), ["creed", "a", "b", "c"]);
        let mut after = memory;
        after[1] = ("c", 10, json!("new"));
        let after = shown(&after, &["creed"], "anything", 10_000);
        let same = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        assert!(same > before.find("\"c\"").expect("c"), "a provider's cache reaches up to what changed");
        assert_eq!(shown(&[], &[], "", 10), "(empty)\n");
    }

    #[test]
    fn the_newest_and_the_fitting_are_shown_and_the_rest_is_named() {
        let memory: Vec<(String, u64, Value)> = (1..=40)
            .map(|i| (format!("note{i:02}"), i, json!(format!("about topic{i} and the weather of that day"))))
            .collect();
        let memory: Vec<(&str, u64, Value)> = memory.iter().map(|(k, t, v)| (k.as_str(), *t, v.clone())).collect();
        let text = shown(&memory, &["note03"], "Say: TOPIC7?", 1000);
        let order = order(&text);
        assert_eq!(order.first().map(String::as_str), Some("note03"), "{text}");
        assert!(order.contains(&"note40".to_owned()) && order.contains(&"note39".to_owned()), "{text}");
        assert!(!order.contains(&"note01".to_owned()), "{text}");
        assert_eq!(
            order.last().map(String::as_str),
            Some("note07"),
            "what fits the inbox stands after the rest: {text}"
        );
        let note = text.lines().last().expect("a note");
        assert!(note.contains("keys are left out: note01, note02, note04") && note.contains("and others"), "{note}");
        assert!(note.ends_with("find them with memory_search or memory_read)"), "{note}");
        // Another inbox changes the end alone.
        let other = shown(&memory, &["note03"], "topic9", 1000);
        let steady = text.find("note07").expect("note07");
        assert_eq!(text[..steady], other[..steady]);
    }

    #[test]
    fn of_a_list_that_does_not_fit_the_newest_items_are_shown() {
        let log: Vec<String> = (0..200).map(|i| format!("event {i}")).collect();
        let text = shown(&[("log", 2, json!(log)), ("name", 1, json!("Ada"))], &[], "", 400);
        assert_eq!(order(&text), ["name", "log"]);
        let line: Value = serde_json::from_str(text.lines().nth(1).expect("a line")).expect("json");
        let newest = line["newest"].as_array().expect("items");
        assert_eq!(newest.last(), Some(&json!("event 199")));
        assert_eq!(line["older_items"], 200 - newest.len());
    }

    proptest! {
        #[test]
        fn the_room_is_kept_and_every_key_is_shown_or_counted(
            memory in prop::collection::btree_map("[a-z]{1,6}", (0_u64..9, prop::collection::vec("[a-z ]{0,30}", 0..6)), 0..30),
            max in 0_usize..1500,
            asked in "[a-z ]{0,20}",
        ) {
            let memory: Vec<(&str, u64, Value)> =
                memory.iter().map(|(name, (tick, items))| (name.as_str(), *tick, json!(items))).collect();
            let text = shown(&memory, &["a"], &asked, max);
            let (lines, notes): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('{'));
            let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
            prop_assert!(bytes <= max, "{bytes} of {max}");
            let left_out = notes.first().and_then(|note| note[1..].split(' ').next()?.parse().ok()).unwrap_or(0);
            prop_assert_eq!(lines.len() + left_out, memory.len());
        }
    }
}
