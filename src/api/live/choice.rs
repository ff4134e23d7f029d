//! To what somebody wants to listen, and from where on.

use axum::http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::error::ApiError;
use crate::api::paging::within;
use crate::chronicle::feed::{Cursor, What};

/// What a client asks for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Wanted {
    /// The `id` of the last event that is known; without it, what the open tick brings and what comes after it.
    #[serde(default)]
    after: Option<String>,
    /// Types of events, with commas between them; without it, all.
    #[serde(default)]
    #[param(example = "message,turn_committed")]
    types: Option<String>,
    /// At most so many, of a page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// The types that somebody wants to hear of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::api) struct Types(Option<Vec<&'static str>>);

impl Types {
    /// Says whether an event of this type is told. `reset` always is.
    pub(in crate::api) fn want(&self, kind: &str) -> bool {
        kind == "reset" || self.0.as_ref().is_none_or(|types| types.contains(&kind))
    }
}

impl Wanted {
    /// From where on. A stream that breaks off is taken up with a header, which counts before what stands in its address.
    ///
    /// # Errors
    /// It is no cursor.
    pub(in crate::api) fn cursor(&self, headers: &HeaderMap) -> Result<Option<Cursor>, ApiError> {
        let resumed = headers.get("last-event-id").map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        let text = resumed.filter(|id| !id.is_empty()).or_else(|| self.after.clone());
        let wrong = |_| ApiError::usage("this is no cursor").hint("give the `id` of an event as it came");
        text.filter(|text| !text.is_empty()).map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// How many at most, of a page: what was asked for, or what is usual.
    ///
    /// # Errors
    /// It is none, or more than `most`.
    pub(in crate::api) fn limit(&self, usual: usize, most: usize) -> Result<usize, ApiError> {
        within(self.limit, usual, most)
    }

    /// Which types.
    ///
    /// # Errors
    /// There is no such type.
    pub(in crate::api) fn types(&self) -> Result<Types, ApiError> {
        let Some(text) = &self.types else { return Ok(Types::default()) };
        let known = |named: &str| What::TYPES.into_iter().find(|known| *known == named);
        let wrong = || {
            let hint = format!("there are {}", What::TYPES.join(", "));
            ApiError::usage("the parameter types names a type of events that there is not").hint(hint)
        };
        let types: Option<Vec<_>> = text.split(',').map(|named| known(named.trim())).collect();
        Ok(Types(Some(types.ok_or_else(wrong)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(after: Option<&str>, types: Option<&str>) -> Wanted {
        Wanted { after: after.map(str::to_owned), types: types.map(str::to_owned), limit: None }
    }

    #[test]
    fn a_stream_is_taken_up_where_it_broke_off_whatever_its_address_says() {
        let mut headers = HeaderMap::new();
        let cursor = |after, headers: &HeaderMap| wanted(after, None).cursor(headers).map(|c| c.map(|c| c.to_string()));
        assert_eq!(cursor(None, &headers).ok(), Some(None));
        assert_eq!(cursor(Some(""), &headers).ok(), Some(None));
        assert_eq!(cursor(Some("1.7"), &headers).ok(), Some(Some("1.7".to_owned())));
        headers.insert("last-event-id", "1.9".parse().expect("value"));
        assert_eq!(cursor(Some("1.7"), &headers).ok(), Some(Some("1.9".to_owned())));
        headers.insert("last-event-id", "x".parse().expect("value"));
        assert_eq!(cursor(None, &headers).expect_err("refused").status(), 400);
    }

    #[test]
    fn only_types_that_there_are_can_be_asked_for() {
        assert!(wanted(None, None).types().is_ok_and(|types| types.want("log")));
        let some = wanted(None, Some("message, problem")).types().expect("types");
        assert!(some.want("message") && some.want("problem") && some.want("reset") && !some.want("log"));
        for wrong in ["", "messages", "message,", "message;log"] {
            assert_eq!(wanted(None, Some(wrong)).types().expect_err("refused").status(), 400, "{wrong:?}");
        }
    }
}
