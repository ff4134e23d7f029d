//! The document of the API: OpenAPI 3.1, from what stands at the routes and their types.
//!
//! What all routes have in common is said here: who may ask, and how they refuse. A route says what is its own.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::MethodRouter;
use serde::Serialize;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, Info, License, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response as Said, Tag,
};
use utoipa::{PartialSchema as _, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::auth::need;
use super::caching;
use super::state::ApiState;
use crate::domain::api_key::Scope;

/// What all errors look like.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Envelope {
    /// What went wrong.
    error: EnvelopeError,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct EnvelopeError {
    /// A stable word for programs.
    code: String,
    /// What, for people.
    message: String,
    /// Where in the request's document, as a JSON pointer.
    #[schema(nullable = false)]
    pointer: Option<String>,
    /// What to do about it.
    #[schema(nullable = false)]
    hint: Option<String>,
    /// Where files would be wrong: all that is wrong with them, each with its place in its file.
    #[schema(nullable = false, value_type = Option<Vec<Object>>)]
    findings: Option<Vec<serde_json::Value>>,
}

/// How the key of a caller comes.
const BEARER: &str = "key";

/// What every route may answer, and what it means.
const ANY: [(&str, &str); 5] = [
    ("400", "the request is wrong, or names what there is not; nothing was done"),
    ("403", "a foreign name or page, on loopback; or the key lacks the scope"),
    ("429", "too often: wait `Retry-After` seconds"),
    ("500", "a fault of the program, or a file of the organisation is wrong"),
    ("503", "the store failed, or there is no organisation, or it took too long: try again later"),
];

/// The same of those that need a key.
const GUARDED: [(&str, &str); 2] =
    [("401", "it needs a key, or the key is not known"), ("404", "there is nothing of that name")];

/// The same of those that take a document.
const TAKING: [(&str, &str); 2] =
    [("409", "something else is there already, or it changed meanwhile"), ("413", "the document is too large")];

/// The same of all that change something, with a body or without one.
const NOT_JSON: (&str, &str) = ("415", "it does not come as `application/json`");

/// The same of those that a version can be named to.
const VERSIONED: (&str, &str) = ("412", "it is another version by now: nothing was written");

/// The same of those that a version must be named to.
const OF_A_VERSION: (&str, &str) = ("428", "`If-Match` must say which version is replaced");

/// The same of those that change files that people write.
const EDITING: (&str, &str) = ("422", "a file would be wrong: `findings` says all that is, and nothing was written");

/// The document before any route is in it.
fn bare() -> OpenApi {
    let mut info = Info::new("LeMMing", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "One organisation of agents, or several. Where a server has several, `/api/orgs/{org}/X` is `/api/X` of the \
         organisation in that folder, and every path below is there for each of them. Times are UTC, amounts are decimal \
         credits, ticks count from 1. Lists answer `next_cursor`, which is `null` at their end; `at` shows what was after a tick."
            .to_owned(),
    );
    info.license = Some(License::new("MIT OR Apache-2.0"));
    let mut components = Components::new();
    let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme(BEARER, key);
    let mut schemas = Vec::new();
    Envelope::schemas(&mut schemas);
    schemas.push((Envelope::name().into_owned(), Envelope::schema()));
    components.schemas.extend(schemas);
    OpenApiBuilder::new().info(info).components(Some(components)).tags(Some(TAGS.map(tag))).build()
}

const TAGS: [(&str, &str); 6] = [
    ("look", "What is, and what was"),
    ("talk", "Messages, and answers to agents that ask"),
    ("steer", "Commands, which the next tick carries out"),
    ("edit", "The files that people write"),
    ("live", "What happens, as it happens"),
    ("serve", "The server itself"),
];

fn tag((name, about): (&str, &str)) -> Tag {
    let mut tag = Tag::new(name);
    tag.description = Some(about.to_owned());
    tag
}

/// A router that gathers the document of its routes.
pub(super) fn documented() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(bare())
}

/// Routes for those who may do this: they are let in here, and the document says so.
pub(super) fn may(
    state: &ApiState,
    scope: Scope,
    (schemas, mut paths, methods): UtoipaMethodRouter<ApiState>,
) -> UtoipaMethodRouter<ApiState> {
    each(&mut paths, |operation| {
        let said = format!("Needs the scope `{}`.", scope.as_str());
        let about = operation.description.take().filter(|about| !about.is_empty());
        operation.description = Some(about.map_or(said.clone(), |about| format!("{about}\n\n{said}")));
        operation.security = Some(vec![SecurityRequirement::new(BEARER, [scope.as_str()])]);
        say(operation, &GUARDED);
    });
    (schemas, paths, need(state, scope, methods))
}

/// Routes that only look, for those who may: what they answer can be kept.
pub(super) fn look(state: &ApiState, routes: UtoipaMethodRouter<ApiState>) -> UtoipaMethodRouter<ApiState> {
    let (schemas, mut paths, methods) = routes;
    each(&mut paths, |operation| {
        let unchanged = RefOr::T(Said::new("nothing has changed since the answer with the tag in `If-None-Match`"));
        operation.responses.responses.insert("304".to_owned(), unchanged);
    });
    may(state, Scope::Read, (schemas, paths, methods.layer(from_fn(caching::around))))
}

/// The same of routes that may read much of the records for one answer: only so many of them are answered at once, whoever asks.
pub(super) fn search(state: &ApiState, routes: UtoipaMethodRouter<ApiState>) -> UtoipaMethodRouter<ApiState> {
    let (schemas, paths, methods) = routes;
    let few = Arc::clone(&state.searches);
    let methods = methods.layer(from_fn(move |request: Request, next: Next| {
        let few = Arc::clone(&few);
        async move {
            // Waits its turn, for no longer than a request may take.
            let _turn = few.acquire().await;
            next.run(request).await
        }
    }));
    look(state, (schemas, paths, methods))
}

/// Routes for everybody: what is behind them looks at who asks, if need be.
pub(super) fn open((schemas, mut paths, methods): UtoipaMethodRouter<ApiState>) -> UtoipaMethodRouter<ApiState> {
    each(&mut paths, |operation| operation.security = Some(Vec::new()));
    let methods: MethodRouter<ApiState> = methods;
    (schemas, paths, methods)
}

fn each(paths: &mut Paths, mut change: impl FnMut(&mut Operation)) {
    for (path, item) in &mut paths.paths {
        let all = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
            ("patch", &mut item.patch),
        ];
        for (method, operation) in all {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(operation_id(method, path));
            describe(operation);
            change(operation);
            say(operation, &ANY);
            if operation.request_body.is_some() {
                say(operation, &TAKING);
            }
            if method != "get" {
                say(operation, &[NOT_JSON]);
            }
            if operation.tags.iter().flatten().any(|tag| tag == "edit") {
                say(operation, &[EDITING]);
            }
            let version = operation.parameters.iter().flatten().find_map(|parameter| match parameter {
                RefOr::T(parameter) if parameter.name == "If-Match" => Some(&parameter.required),
                _ => None,
            });
            match version {
                Some(Required::True) => say(operation, &[VERSIONED, OF_A_VERSION]),
                Some(Required::False) => say(operation, &[VERSIONED]),
                None => {}
            }
        }
    }
}

/// A name that no two operations share: those of their functions are often the same.
fn operation_id(method: &str, path: &str) -> String {
    // `/metrics` is the server's, `/api/metrics` an organisation's.
    let of_server = (!path.starts_with("/api/")).then_some("server");
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty() && *word != "api");
    [method].into_iter().chain(of_server).chain(words).collect::<Vec<_>>().join("_")
}

/// OpenAPI wants words for every answer. What a route says of itself is what it answers with success.
fn describe(operation: &mut Operation) {
    let about = operation.summary.clone().filter(|about| !about.is_empty()).unwrap_or_else(|| "done".to_owned());
    for answer in operation.responses.responses.values_mut() {
        if let RefOr::T(said) = answer
            && said.description.is_empty()
        {
            said.description.clone_from(&about);
        }
    }
}

/// Adds refusals to an operation, but for what it says itself.
fn say(operation: &mut Operation, refusals: &[(&str, &str)]) {
    for (status, about) in refusals {
        operation.responses.responses.entry((*status).to_owned()).or_insert_with(|| {
            let mut said = Said::new(*about);
            let schema = RefOr::Ref(Ref::from_schema_name(Envelope::name()));
            said.content.insert("application/json".to_owned(), RefOr::T(Content::new(Some(schema))));
            RefOr::T(said)
        });
    }
}

/// The document with the names of its paths' parts as it writes them: the router marks those that hold slashes.
pub(super) fn with_plain_names(mut document: OpenApi) -> OpenApi {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    document
}
