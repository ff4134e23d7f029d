//! What an invocation answers, and how it fails.

use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use super::event::EventError;
use crate::causes::causes;
use crate::engine::Ending;
use crate::runner::job::Done;
use crate::store::StoreError;

/// A failed invocation: Lambda counts it, and whoever sent the event may send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// A word for programs.
    pub(super) kind: &'static str,
    /// What failed.
    pub(super) message: String,
}

impl Failed {
    pub(super) fn event(error: &EventError) -> Self {
        Self { kind: "EventUnknown", message: error.to_string() }
    }

    pub(super) fn store(error: &StoreError) -> Self {
        Self { kind: "Store", message: error.brief() }
    }

    pub(super) fn no_organisation(place: &str) -> Self {
        let message = format!("there is no organisation in a folder directly below {place}");
        Self { kind: "NoOrganisation", message }
    }

    pub(super) fn unknown_organisation(name: &str, place: &str) -> Self {
        let message = format!("there is no organisation {name:?} directly below {place} (is LEMMING_ALL set?)");
        Self { kind: "NoOrganisation", message }
    }
}

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
        Self { error_type: failed.kind.to_owned(), error_message: failed.message }
    }
}

/// The answer: of one organisation its summary, of many a list of them.
///
/// # Errors
/// An organisation failed. The message says which, and what became of the others.
pub(super) fn answer(done: Vec<(Option<String>, Done)>, reinvoked: bool) -> Result<Value, Failed> {
    let failures: Vec<String> = done
        .iter()
        .filter_map(|(name, done)| {
            let message = causes(done.error.as_ref()?).join(": ");
            Some(name.as_ref().map_or_else(|| message.clone(), |name| format!("{name}: {message}")))
        })
        .collect();
    if !failures.is_empty() {
        let others = match done.len() - failures.len() {
            0 => String::new(),
            n => format!(" ({n} others did not fail)"),
        };
        return Err(Failed { kind: "TickFailed", message: format!("{}{others}", failures.join("; ")) });
    }
    let worst = done.iter().filter_map(|(_, done)| done.ending()).max().unwrap_or(Ending::Idle);
    let mut summaries: Vec<Value> = done
        .into_iter()
        .map(|(name, done)| {
            let mut summary = json!(done.summary());
            if let Some(name) = name {
                summary["organisation"] = name.into();
            }
            summary
        })
        .collect();
    let is_alone = summaries.len() == 1 && summaries[0].get("organisation").is_none();
    let mut answer = match summaries.pop() {
        Some(summary) if is_alone => summary,
        last => {
            summaries.extend(last);
            json!({ "outcome": worst, "organisations": summaries })
        }
    };
    answer["reinvoked"] = reinvoked.into();
    Ok(answer)
}
