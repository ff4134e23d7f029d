//! The archive: what left a memory and is kept for good.
//!
//! Nothing is ever taken out of a memory but by the agent's own word or a person's: what leaves it
//! for want of room, for its age or because a person archives it goes here, in the same transaction.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::name::{AgentName, MemoryKey};
use super::time::{Tick, Timestamp};

/// Why something left the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// A list had more items than may stay: these are its oldest, the oldest first.
    Overflow,
    /// Nobody changed the key for as many ticks as a memory may rest: this is its whole value.
    Age,
    /// A person said so: this is its whole value.
    Command,
}

/// Something that left the memory, as its turn record or plan has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Archived {
    /// The key that it stood at.
    pub key: MemoryKey,
    /// Why it left.
    pub because: Because,
    /// What left.
    pub value: Value,
}

/// The same as it stands in `agents/<agent>/archive/<key>/<tick:08>_<hash>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ArchiveFile {
    /// The key that it stood at.
    pub key: MemoryKey,
    /// What left the memory.
    pub value: Value,
    /// Why it left.
    pub because: Because,
    /// When: the time of the plan.
    pub timestamp_utc: Timestamp,
    /// Whose memory it was.
    pub agent: AgentName,
    /// In which tick it left.
    pub tick: Tick,
    /// Which of the things that left in this tick it is, from 0: those that a command archives first.
    pub part: u32,
}

/// Takes the oldest items off a list, so that at most `most` stay.
pub fn shed(list: &mut Vec<Value>, most: usize) -> Vec<Value> {
    list.drain(..list.len().saturating_sub(most)).collect()
}

/// Says how many of the newest items of a list fit half of `bytes`, and at least one: a list that is
/// full is halved, so that it is not archived item by item from then on.
#[must_use]
pub fn newest_within(list: &[Value], bytes: usize) -> usize {
    let mut used = 0;
    let fitting = list.iter().rev().take_while(|item| {
        used += item.to_string().len() + 1;
        used <= bytes / 2
    });
    fitting.count().max(1)
}

/// Adds what left to what left before. Items of one list that leave in one turn leave together.
pub fn add(archived: &mut Vec<Archived>, new: Archived) {
    let last = archived.iter_mut().rev().find(|old| old.key == new.key);
    match (last, new) {
        (
            Some(Archived { because: Because::Overflow, value: Value::Array(old), .. }),
            Archived { because: Because::Overflow, value: Value::Array(items), .. },
        ) => old.extend(items),
        (_, new) => archived.push(new),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn items_of_one_list_leave_together_and_in_their_order() {
        let key = |key: &str| MemoryKey::new(key).expect("key");
        let archived = |at: &str, because, value| Archived { key: key(at), because, value };
        let mut all = Vec::new();
        for new in [
            archived("a", Because::Overflow, json!([1])),
            archived("b", Because::Age, json!([7])),
            archived("a", Because::Overflow, json!([2, 3])),
            archived("b", Because::Overflow, json!([8])),
        ] {
            add(&mut all, new);
        }
        let expected = [
            archived("a", Because::Overflow, json!([1, 2, 3])),
            archived("b", Because::Age, json!([7])),
            archived("b", Because::Overflow, json!([8])),
        ];
        assert_eq!(all, expected);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_doubled(items in prop::collection::vec(any::<u16>(), 0..40), most in 1_usize..20) {
            let (mut kept, mut archived) = (Vec::new(), Vec::new());
            for item in &items {
                kept.push(json!(item));
                archived.extend(shed(&mut kept, most));
                prop_assert!(kept.len() <= most);
            }
            let all: Vec<Value> = archived.into_iter().chain(kept).collect();
            prop_assert_eq!(json!(all), json!(items));
        }

        #[test]
        fn a_full_list_is_halved_and_keeps_its_newest_item(lengths in prop::collection::vec(0_usize..60, 1..30)) {
            let list: Vec<Value> = lengths.iter().map(|length| json!("x".repeat(*length))).collect();
            let most = newest_within(&list, 100);
            prop_assert!(most >= 1 && most <= list.len());
            let kept = json!(list[list.len() - most..]).to_string();
            prop_assert!(most == 1 || kept.len() <= 52, "{}", kept.len());
        }
    }
}
