//! One file: is it there, is it text, is it JSON, has it the shape?

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::shape::Shape;
use super::{Finding, Findings, ValidateError, unknown};
use crate::causes::causes;
use crate::schema::FileKind;
use crate::store::Store;

/// A file that was read.
#[derive(Debug)]
pub(super) struct Read<T> {
    /// Its JSON, whatever its shape; absent where it is not there or no JSON.
    pub(super) json: Option<Value>,
    /// What it says; absent where its shape is wrong.
    pub(super) typed: Option<T>,
}

/// Reads a file and checks its shape. What cannot be used is in `found`, unless it is not there.
pub(super) async fn read<T: DeserializeOwned>(
    store: &Store,
    path: &str,
    kind: FileKind,
    found: &mut Findings,
) -> Result<Read<T>, ValidateError> {
    let Some(bytes) = bytes(store, path, found).await? else { return Ok(Read { json: None, typed: None }) };
    let Some(value) = json(path, &bytes, found) else { return Ok(Read { json: None, typed: None }) };
    let typed = shaped(path, kind, &bytes, &value, found);
    Ok(Read { json: Some(value), typed })
}

fn shaped<T: DeserializeOwned>(
    path: &str,
    kind: FileKind,
    bytes: &[u8],
    value: &Value,
    found: &mut Findings,
) -> Option<T> {
    let shape = Shape::of(kind);
    let before = found.errors();
    shape.check(path, value, found);
    unknown::check(path, &shape.schema, value, found);
    if found.errors() > before {
        return None;
    }
    match serde_json::from_slice(bytes) {
        Ok(read) => Some(read),
        // The schema says less than the type: what it lets pass is named here, without a pointer.
        Err(error) => {
            found.add(
                Finding::error("wrong_shape", path, "")
                    .says(error.to_string(), format!("see `lemming schema {}`", kind.as_str())),
            );
            None
        }
    }
}

async fn bytes(store: &Store, path: &str, found: &mut Findings) -> Result<Option<Vec<u8>>, ValidateError> {
    match store.get_path(path).await {
        Ok(bytes) => Ok(bytes.map(|bytes| bytes.to_vec())),
        // This one file is refused, such as a link out of the organisation: the others may be read.
        Err(error) if error.is_final() => {
            let why = causes(&error).join(": ");
            found.add(Finding::error("unreadable", path, "").says(why, "must be a plain file that may be read"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn json(path: &str, bytes: &[u8], found: &mut Findings) -> Option<Value> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let at = error.valid_up_to();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("is not UTF-8 text: byte {at}, on line {line}, is {:#04x}", bytes[at]);
        found.add(Finding::error("not_utf8", path, "").says(message, "save the file as UTF-8"));
        return None;
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        let finding = Finding::error("broken_json", path, "");
        found.add(finding.says("begins with a byte order mark", "save the file as UTF-8 without one"));
        return None;
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            let expected = "must be one JSON document, without comments or trailing commas";
            let message = format!("is not JSON: {error}");
            found.add(Finding::error("broken_json", path, "").says(message, expected));
            None
        }
    }
}
