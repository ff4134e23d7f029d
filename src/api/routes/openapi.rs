//! `GET /api/openapi.json`: the document of all this.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi;

/// The document, as it is sent.
#[derive(Debug, Clone)]
pub(in crate::api) struct Document(Arc<[u8]>);

impl Document {
    /// The document of these routes.
    pub(in crate::api) fn of(document: &OpenApi) -> Self {
        let text = serde_json::to_vec_pretty(document).unwrap_or_default();
        Self(text.into())
    }
}

/// This document: OpenAPI 3.1.
#[utoipa::path(get, path = "/api/openapi.json", tag = "serve", responses((status = 200, body = Object)))]
pub(in crate::api) async fn show(Extension(document): Extension<Document>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], Bytes::from_owner(document.0))
}
