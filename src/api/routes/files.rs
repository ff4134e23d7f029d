//! `GET /api/agents/{name}/files`, `GET /api/shared/files`, and what they hold: never shown by a browser, only saved.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::at::At;
use crate::api::body::{Both, Named, Parameters};
use crate::api::caching::{Told, marked};
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::paging::{Paging, first};
use crate::api::state::ApiState;
use crate::chronicle::files::{FileNote, Place, files};
use crate::chronicle::moment::Moment;
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::engine::EngineError;
use crate::store::Key;

/// The most bytes of a file that are sent: a function's answer holds no more.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A page of files.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Files {
    /// By path.
    files: Vec<FileNote>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// The files of an agent's workspace, by path.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/files",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), At, Paging),
    responses((status = 200, body = Files)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Files>, ApiError> {
    let moment = at.moment(&state).await?;
    let place = Place::Workspace(lookup::agent(&moment, &name).await?);
    Ok(Told::of(page(&moment, &place, &paging).await?, at.is_past()))
}

/// The files that all agents share, by path.
#[utoipa::path(
    get,
    path = "/api/shared/files",
    tag = "look",
    params(At, Paging),
    responses((status = 200, body = Files)),
)]
pub(in crate::api) async fn shared(
    State(state): State<ApiState>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Files>, ApiError> {
    let moment = at.moment(&state).await?;
    Ok(Told::of(page(&moment, &Place::Shared, &paging).await?, at.is_past()))
}

async fn page(moment: &Moment, place: &Place, paging: &Paging) -> Result<Files, ApiError> {
    let (limit, after) = (paging.limit(20, 100)?, paging.cursor(|text| Some(text.to_owned()))?);
    let mut found = files(moment, place).await?;
    found.retain(|file| after.as_ref().is_none_or(|after| file.path > *after));
    let (files, next_cursor) = first(found, limit, |file| file.path.clone());
    Ok(Files { files, next_cursor })
}

/// What a file of an agent's workspace holds, as it is or as it was after a tick.
///
/// It is sent to be saved, whatever it claims to be: `Content-Disposition: attachment`.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/files/{*path}",
    tag = "look",
    params(
        ("name" = AgentName, Path, description = "The agent"),
        ("path" = String, Path, description = "Its path below the workspace, slashes included"),
        At,
    ),
    responses((status = 200, body = [u8], content_type = "application/octet-stream")),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named((name, path)): Named<(String, String)>,
    Parameters(at): Parameters<At>,
) -> Result<Response, ApiError> {
    let moment = at.moment(&state).await?;
    let place = Place::Workspace(lookup::agent(&moment, &name).await?);
    content(&moment, &place, &path).await
}

/// What a shared file holds, as it is or as it was after a tick.
///
/// It is sent to be saved, whatever it claims to be: `Content-Disposition: attachment`.
#[utoipa::path(
    get,
    path = "/api/shared/files/{*path}",
    tag = "look",
    params(("path" = String, Path, description = "Its path below `shared/`, slashes included"), At),
    responses((status = 200, body = [u8], content_type = "application/octet-stream")),
)]
pub(in crate::api) async fn show_shared(
    State(state): State<ApiState>,
    Named(path): Named<String>,
    Parameters(at): Parameters<At>,
) -> Result<Response, ApiError> {
    let moment = at.moment(&state).await?;
    content(&moment, &Place::Shared, &path).await
}

async fn content(moment: &Moment, place: &Place, path: &str) -> Result<Response, ApiError> {
    let short: String = path.chars().take(80).collect();
    let missing = || ApiError::no_such(format!("there is no file {short:?} in {}", place.path()));
    // Only what is a file of this very place, by the one parser of paths: nothing else of the organisation is reached.
    let key = Key::parse(&format!("{}/{path}", place.path()));
    let key = key.filter(|key| place.has(key)).ok_or_else(missing)?;
    let bytes = match moment.file(&key).await {
        Ok(bytes) => bytes.ok_or_else(missing)?,
        Err(error @ EngineError::Erased { .. }) => return Err(ApiError::no_such(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    if bytes.len() > MAX_BYTES {
        let hint = format!("`lemming files show {}` writes it out", key.path());
        return Err(
            ApiError::too_large(format!("the file has {} bytes; {MAX_BYTES} can be sent", bytes.len())).hint(hint)
        );
    }
    Ok(marked(saved(bytes, path), moment.is_past))
}

/// Bytes to be saved under the last name of a path. A browser shows them in no case, and runs nothing of them.
fn saved(bytes: Bytes, path: &str) -> Response {
    let name = path.rsplit('/').next().unwrap_or(path);
    let disposition = format!("attachment; filename*=UTF-8''{}", encoded(name));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'"),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    let tag = HeaderValue::from_str(&format!("\"{}\"", Sha::of(&bytes))).ok();
    let mut response = (headers, bytes).into_response();
    let headers = response.headers_mut();
    headers.extend(tag.map(|tag| (header::ETAG, tag)));
    headers.extend(HeaderValue::from_str(&disposition).ok().map(|value| (header::CONTENT_DISPOSITION, value)));
    response
}

/// A name as RFC 8187 writes it: nothing that could end the value is left as it is.
fn encoded(name: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            text.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_cannot_end_the_header_it_stands_in() {
        let of =
            |path: &str| saved(Bytes::new(), path).headers()[header::CONTENT_DISPOSITION].to_str().map(str::to_owned);
        for (path, name) in [
            ("notes.md", "notes.md"),
            ("a/b c\".html", "b%20c%22.html"),
            ("x\r\nSet-Cookie: a", "x%0D%0ASet-Cookie%3A%20a"),
            ("ä;q='", "%C3%A4%3Bq%3D%27"),
        ] {
            assert_eq!(of(path).ok(), Some(format!("attachment; filename*=UTF-8''{name}")), "{path}");
        }
    }
}
