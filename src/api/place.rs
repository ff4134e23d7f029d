//! One server for one organisation, or for all in the folders directly below a place.
//!
//! `/api/orgs/NAME/X` is `/api/X` of the organisation in the folder NAME: the front is taken off before anything is routed, so that
//! every route is there for each of them. Without it the default one answers: the organisation itself, the one that was
//! named, or the only one.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Response};
use tower::ServiceExt as _;

use super::auth::{self, Peer};
use super::error::ApiError;
use super::layers;
use super::router::{above_router, router};
use super::state::ApiState;
use super::wake::Waker;
use crate::domain::api_key::Scope;
use crate::runner::compose::Org;
use crate::store::Key;

/// What stands before the name of an organisation in a path.
const FRONT: &str = "/api/orgs/";

/// The name by which an organisation that is served alone answers, too.
pub(super) const ALONE: &str = "default";

/// The most bytes of a folder's name.
const MAX_FOLDER_BYTES: usize = 255;

/// Makes what wakes an organisation that is asked for, for the first time.
pub type Wakers = Arc<dyn Fn(&Org) -> Arc<dyn Waker> + Send + Sync>;

/// Several organisations below a place.
#[derive(Clone)]
struct Place {
    /// What they share; its organisation is the place above them, which is none.
    above: ApiState,
    wakers: Wakers,
    default: Option<String>,
    front: Router,
    // Each is made when it is first asked for, and kept: there are as many as the place has folders.
    open: Arc<Mutex<BTreeMap<String, Router>>>,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("default", &self.default).finish_non_exhaustive()
    }
}

/// The API of one organisation that is served alone. It answers as the organisation `default`, too.
pub fn alone(state: ApiState) -> Router {
    let routes = router(state);
    Router::new().fallback(async move |request: Request| -> Response {
        let request = match named(request.uri()) {
            Some((ALONE, uri)) => with_uri(request, uri),
            // What is below another name is no route, and answered as such.
            _ => request,
        };
        answer(routes.clone(), request).await
    })
}

/// The API of every organisation in the folders directly below a place, which `above` is the state of. `default` is the folder of
/// the one that answers without a name.
pub fn each(above: ApiState, default: Option<String>, wakers: Wakers) -> Router {
    let front = above_router(above.clone(), default.clone());
    let place = Place { above, wakers, default, front, open: Arc::default() };
    Router::new().fallback(dispatch).with_state(place)
}

async fn dispatch(State(place): State<Place>, request: Request) -> Response {
    let (folder, uri) = match named(request.uri()) {
        Some((folder, uri)) => (Some(folder.to_owned()), Some(uri)),
        None if is_of_place(request.uri().path()) => (None, None),
        None => (place.default.clone(), None),
    };
    let Some(folder) = folder else {
        if is_of_place(request.uri().path()) {
            return answer(place.front, request).await;
        }
        let unnamed = ApiError::no_such("several organisations are served here, and none of them is the default one")
            .hint("name one: `/api/orgs/NAME/...`; `GET /api/orgs` lists them");
        return layers::outside(&place.above, request, unnamed).await;
    };
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let routes = match place.routes(&folder, request.headers().clone(), peer).await {
        Ok(routes) => routes,
        Err(refused) => return layers::outside(&place.above, request, refused).await,
    };
    let request = match uri {
        Some(uri) => with_uri(request, uri),
        None => request,
    };
    answer(routes, request).await
}

/// Says whether a path is about the place, whichever organisation is the default one.
fn is_of_place(path: &str) -> bool {
    !path.starts_with("/api/") && path != "/ws" && path != "/mcp"
        || matches!(path, "/api/orgs" | "/api/health" | "/api/ready" | "/api/openapi.json" | "/api/docs")
}

impl Place {
    /// The routes of the organisation in a folder.
    async fn routes(&self, folder: &str, headers: HeaderMap, peer: Option<IpAddr>) -> Result<Router, ApiError> {
        if let Some(routes) = self.known(folder) {
            return Ok(routes);
        }
        let unknown = || ApiError::no_such("there is no organisation of that name").hint("`GET /api/orgs` lists them");
        // Before the store is asked: whoever may see no list of them learns no name by trying.
        let admitted = auth::admit(&self.above, Scope::Read, &headers, peer).await;
        if !is_folder(folder) {
            return Err(admitted.err().unwrap_or_else(unknown));
        }
        let org = self.above.org.child(folder);
        match org.store.get(&Key::Org).await {
            Ok(Some(_)) => {}
            Ok(None) => return Err(admitted.err().unwrap_or_else(unknown)),
            Err(error) => return Err(error.into()),
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Made once, however many ask at first: what wakes it is a chore of the server.
        let make = || router(self.above.below(folder, org.clone(), (self.wakers)(&org)));
        Ok(open.entry(folder.to_owned()).or_insert_with(make).clone())
    }

    fn known(&self, folder: &str) -> Option<Router> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(folder).cloned()
    }
}

/// A name that leads nowhere but to a folder directly below.
fn is_folder(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= MAX_FOLDER_BYTES && !name.starts_with('.') && name.bytes().all(plain)
}

/// The name of the organisation that an address asks for, and the address without it.
fn named(uri: &Uri) -> Option<(&str, Uri)> {
    let rest = uri.path().strip_prefix(FRONT)?;
    let (name, path) = rest.split_once('/')?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let whole = PathAndQuery::try_from(format!("/api/{path}{query}")).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(whole);
    Some((name, Uri::from_parts(parts).ok()?))
}

fn with_uri(mut request: Request, uri: Uri) -> Request {
    *request.uri_mut() = uri;
    request
}

async fn answer(routes: Router, request: Request) -> Response {
    match routes.oneshot(request).await {
        Ok(response) => response.map(Body::new).into_response(),
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_organisation_is_taken_off_an_address() {
        for (address, wanted) in [
            ("/api/orgs/desk/status", Some(("desk", "/api/status"))),
            ("/api/orgs/desk/agents/a%2Fb?at=3&x", Some(("desk", "/api/agents/a%2Fb?at=3&x"))),
            ("http://h:1/api/orgs/desk/ws", Some(("desk", "http://h:1/api/ws"))),
            ("/api/orgs/desk", None),
            ("/api/orgs", None),
            ("/api/status", None),
        ] {
            let uri: Uri = address.parse().expect("an address");
            let found = named(&uri).map(|(name, uri)| (name, uri.to_string()));
            assert_eq!(found.as_ref().map(|(name, uri)| (*name, uri.as_str())), wanted, "{address}");
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_no_folder() {
        assert!(["desk", "a-b_c.2", "A"].into_iter().all(is_folder));
        for name in ["", ".", "..", ".hidden", "a%2Fb", "a%00", "ä", "a b", &"x".repeat(300)] {
            assert!(!is_folder(name), "{name}");
        }
    }
}
