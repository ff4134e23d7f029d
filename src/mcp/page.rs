//! A page of a list: as many items as were asked for, and as many as an answer holds. What comes after it has a cursor.

use serde_json::Value;

use super::answer::{MAX_ANSWER_BYTES, size};
use super::refusal::Refusal;

/// The most items of a page, whoever asks.
pub(super) const MAX_LIMIT: usize = 100;

/// The most bytes of a cursor that is looked at.
const MAX_CURSOR_BYTES: usize = 256;

/// So much of an answer is for the items: the rest stands around them.
const BUDGET: usize = MAX_ANSWER_BYTES / 3 * 2;

/// A page that is being filled.
#[derive(Debug)]
pub(super) struct Page {
    items: Vec<Value>,
    limit: usize,
    bytes: usize,
}

impl Page {
    /// An empty page for at most so many items.
    pub(super) fn new(limit: Option<usize>, usual: usize) -> Result<Self, Refusal> {
        Ok(Self { items: Vec::new(), limit: checked(limit, usual)?, bytes: 0 })
    }

    /// How many items it may hold.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes an item, unless there is no room for it. The first always has: it is cut if need be.
    pub(super) fn takes(&mut self, item: Value) -> bool {
        let bytes = size(&item);
        if self.items.len() >= self.limit || (!self.items.is_empty() && self.bytes + bytes > BUDGET) {
            return false;
        }
        self.bytes += bytes;
        self.items.push(item);
        true
    }

    /// Its items.
    pub(super) fn items(self) -> Value {
        Value::Array(self.items)
    }
}

/// A limit within what is allowed.
pub(super) fn checked(limit: Option<usize>, usual: usize) -> Result<usize, Refusal> {
    match limit {
        None => Ok(usual),
        Some(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        Some(_) => Err(Refusal::usage(format!("it must be 1 to {MAX_LIMIT}")).at("/limit")),
    }
}

/// What a cursor says, by its reader.
pub(super) fn cursor<T>(cursor: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    let Some(text) = cursor else { return Ok(None) };
    let read = Some(text).filter(|text| text.len() <= MAX_CURSOR_BYTES).and_then(read);
    let wrong = || Refusal::usage("it is no cursor of this list").at("/cursor").hint("give `next_cursor` as it came");
    read.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_is_full_by_its_items_or_by_their_size_and_never_empty() {
        let mut page = Page::new(Some(2), 20).expect("a page");
        assert!(page.takes(json!(1)) && page.takes(json!(2)) && !page.takes(json!(3)));
        let mut page = Page::new(None, 20).expect("a page");
        assert!(page.takes(json!("x".repeat(10 * BUDGET))) && !page.takes(json!(2)));
        for wrong in [0, MAX_LIMIT + 1, usize::MAX] {
            assert!(Page::new(Some(wrong), 20).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_is_one_of_ours_or_refused() {
        let number = |text: &str| text.parse::<u64>().ok();
        assert_eq!(cursor(None, number), Ok(None));
        assert_eq!(cursor(Some("7"), number), Ok(Some(7)));
        for wrong in ["", "x", &"7".repeat(300)] {
            assert_eq!(cursor(Some(wrong), number).expect_err(wrong).code(), "usage");
        }
    }
}
