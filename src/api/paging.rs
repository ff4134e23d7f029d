//! Pages of lists: how many at once, and from where on. One cursor is one list's, and opaque.

use serde::Deserialize;
use utoipa::IntoParams;

use super::error::ApiError;

/// The most bytes of a cursor that is looked at.
const MAX_CURSOR_BYTES: usize = 4096;

/// Which page of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// At most so many.
    #[serde(default)]
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// `next_cursor` of the page before; without it, the first page.
    #[serde(default)]
    cursor: Option<String>,
}

impl Paging {
    /// How many at most: what was asked for, or what is usual.
    ///
    /// # Errors
    /// It is none, or more than `most`.
    pub(super) fn limit(&self, usual: usize, most: usize) -> Result<usize, ApiError> {
        within(self.limit, usual, most)
    }

    /// Whether it is the first page.
    pub(super) fn is_first(&self) -> bool {
        self.cursor.is_none()
    }

    /// What the cursor says, by its list's reader.
    ///
    /// # Errors
    /// It is no cursor of this list.
    pub(super) fn cursor<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
        let Some(text) = &self.cursor else { return Ok(None) };
        let read = Some(text.as_str()).filter(|text| !text.is_empty() && text.len() <= MAX_CURSOR_BYTES).and_then(read);
        let wrong =
            || ApiError::usage("the parameter cursor is none of this list").hint("give `next_cursor` as it came");
        read.map(Some).ok_or_else(wrong)
    }
}

/// How many at most: what was asked for, or what is usual.
///
/// # Errors
/// It is none, or more than `most`.
pub(super) fn within(limit: Option<usize>, usual: usize, most: usize) -> Result<usize, ApiError> {
    match limit {
        None => Ok(usual),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::usage(format!("the parameter limit must be 1 to {most}"))),
    }
}

/// The first of some items, at most so many, and the cursor of the rest: what `place` says of the last one shown.
pub(super) fn first<T>(
    items: impl IntoIterator<Item = T>,
    limit: usize,
    place: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let mut items = items.into_iter();
    let shown: Vec<T> = items.by_ref().take(limit).collect();
    let next = items.next().and(shown.last()).map(place);
    (shown, next)
}

/// What a cursor that is a place in a list says: how many items come before it.
pub(super) fn index(text: &str) -> Option<usize> {
    text.parse().ok()
}

/// A page of a list that only grows at its end, from its `from`th item on.
pub(super) fn from<T>(items: impl IntoIterator<Item = T>, from: usize, limit: usize) -> (Vec<T>, Option<String>) {
    let mut items = items.into_iter().skip(from);
    let shown: Vec<T> = items.by_ref().take(limit).collect();
    let next = items.next().map(|_| from.saturating_add(shown.len()).to_string());
    (shown, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(limit: Option<usize>, cursor: Option<&str>) -> Paging {
        Paging { limit, cursor: cursor.map(ToOwned::to_owned) }
    }

    #[test]
    fn a_limit_is_within_what_is_allowed() {
        assert_eq!(paging(None, None).limit(20, 100).ok(), Some(20));
        assert_eq!(paging(Some(100), None).limit(20, 100).ok(), Some(100));
        for wrong in [0, 101, usize::MAX] {
            assert_eq!(paging(Some(wrong), None).limit(20, 100).expect_err("refused").status(), 400);
        }
    }

    #[test]
    fn pages_to_the_end_are_the_whole_list() {
        let all: Vec<u32> = (0..7).collect();
        for limit in 1..9 {
            let (mut seen, mut at) = (Vec::new(), Some(0));
            while let Some(place) = at {
                let (page, next) = from(all.clone(), place, limit);
                seen.extend(page);
                at = next.and_then(|next| index(&next));
            }
            assert_eq!(seen, all, "{limit}");
            let (page, next) = first(all.clone(), limit, ToString::to_string);
            assert_eq!(next.is_some(), limit < 7, "{limit}");
            assert_eq!(page, all[..limit.min(7)]);
        }
        assert_eq!(from(all, usize::MAX, 1), (Vec::new(), None));
    }

    #[test]
    fn a_cursor_is_one_of_ours_or_refused() {
        let number = |text: &str| text.parse::<u64>().ok();
        assert_eq!(paging(None, None).cursor(number).ok(), Some(None));
        assert_eq!(paging(None, Some("7")).cursor(number).ok(), Some(Some(7)));
        for wrong in ["", "x", &"7".repeat(5000)] {
            assert_eq!(paging(None, Some(wrong)).cursor(number).expect_err("refused").status(), 400);
        }
    }
}
