//! Pages of lists: how many at once, and from where on. One cursor is one list's, and opaque.

use serde::Deserialize;
use utoipa::IntoParams;

use super::error::ApiError;

/// The most bytes of a cursor that is looked at.
const MAX_CURSOR_BYTES: usize = 4096;

/// Which page of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
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
        match self.limit {
            None => Ok(usual),
            Some(limit) if (1..=most).contains(&limit) => Ok(limit),
            Some(_) => Err(ApiError::usage(format!("the parameter limit must be 1 to {most}"))),
        }
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
    fn a_cursor_is_one_of_ours_or_refused() {
        let number = |text: &str| text.parse::<u64>().ok();
        assert_eq!(paging(None, None).cursor(number).ok(), Some(None));
        assert_eq!(paging(None, Some("7")).cursor(number).ok(), Some(Some(7)));
        for wrong in ["", "x", &"7".repeat(5000)] {
            assert_eq!(paging(None, Some(wrong)).cursor(number).expect_err("refused").status(), 400);
        }
    }
}
