//! Findings about an organisation's files, as people and programs see them.

use serde_json::{Value, json};

use super::error::CliError;
use super::output::{BAD, DIM, Output, WARN, clean, one_line, styled};
use crate::engine::Finding;

/// How much of a value is shown.
const SHOWN_CHARS: usize = 400;

/// Shows one finding: its code and where, what is wrong, and the first difference.
pub(super) fn show(finding: &Finding, out: &mut Output) -> Result<(), CliError> {
    let style = if finding.code.is_error() { BAD } else { WARN };
    out.line(format!("{}  {}", styled(style, finding.code.as_str()), clean(&finding.path)))?;
    out.line(format!("  {}", one_line(&finding.message, SHOWN_CHARS)))?;
    if let Some(difference) = &finding.difference {
        out.line(format!("  at {}", clean(&difference.pointer)))?;
        for (what, value) in [("recorded", &difference.recorded), ("again   ", &difference.replayed)] {
            let value = value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
            out.line(format!("    {} {}", styled(DIM, what), one_line(&value, SHOWN_CHARS)))?;
        }
    }
    Ok(())
}

/// The finding for programs.
pub(super) fn document(finding: &Finding) -> Value {
    let severity = if finding.code.is_error() { "error" } else { "note" };
    let mut document = json!({
        "severity": severity,
        "code": finding.code,
        "path": finding.path,
        "message": finding.message,
    });
    if let (Some(difference), Some(fields)) = (&finding.difference, document.as_object_mut()) {
        fields.insert("difference".to_owned(), json!(difference));
    }
    document
}
