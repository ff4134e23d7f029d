//! Who asks, and whether they may.
//!
//! A key comes in `X-API-Key`, or in `Authorization: Bearer`; behind AWS's own authorization the latter is taken, so the
//! former counts first. For a WebSocket, of which a page can set neither, it may be among the protocols. Whoever has no valid key is counted by address, and so are those who try keys.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;

use super::body;
use super::error::ApiError;
use super::hosts;
use super::keys;
use super::limit::Who;
use super::state::{Access, ApiState};
use crate::domain::api_key::{ApiKey, Scope};
use crate::domain::ingress::Author;
use crate::domain::name::{HUMAN, KeyName};
use crate::provider::secret::Secret;

/// The address that a request came from, as whoever accepted it saw it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Who asks: the holder of a key, or somebody who needs none.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The name of the key.
    pub key: Option<KeyName>,
    /// What that lets the caller do; everything, where no key is needed.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// In whose name it is done: the key's, or `human`.
    #[must_use]
    pub fn author(&self) -> Author {
        Author(self.key.as_ref().map_or(HUMAN, KeyName::as_str).to_owned())
    }
}

/// Lets in only those who may do this, and none of them too often.
pub(super) fn need(state: &ApiState, scope: Scope, methods: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    methods.route_layer(from_fn_with_state((state.clone(), scope), gate))
}

async fn gate(
    State((state, scope)): State<(ApiState, Scope)>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let caller = admit(&state, scope, request.headers(), peer).await?;
    // Also where nothing is in the body: what a page of others can send by a plain form changes nothing.
    if !request.method().is_safe() && !body::is_json(request.headers()) {
        return Err(ApiError::not_json());
    }
    request.extensions_mut().insert(caller.clone());
    let mut response = next.run(request).await;
    // For the log.
    response.extensions_mut().insert(caller);
    Ok(response)
}

/// Lets in who may do this, and says who it is.
///
/// # Errors
/// The caller has no key that is known, or one that may not; or asks too often; or the keys cannot be read.
pub(super) async fn admit(
    state: &ApiState,
    scope: Scope,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Result<Caller, ApiError> {
    let limit = |who: &Who| {
        let now = state.org.clock().now();
        state.limiter.take(who, now).map_err(ApiError::too_many_requests)
    };
    let presented = presented(headers);
    let found = look_up(state, presented.as_ref()).await?;
    let (name, key) = match found {
        Found::Key(name, key) => (name, key),
        Found::Nothing { are_keys } => {
            limit(&Who::at(peer))?;
            return match presented {
                Some(_) => Err(ApiError::unauthorized("this key is not known here")),
                None if !are_keys && state.settings.access == Access::Local && is_forwarded(headers) => {
                    // A proxy on this machine asks as this machine would, for whoever asked it.
                    Err(ApiError::unauthorized("this server is behind a proxy, and has no keys")
                        .hint("`lemming keys add NAME --role viewer` makes one"))
                }
                None if !are_keys && state.settings.access != Access::Keys && hosts::check_page(headers).is_err() => {
                    // It may ask, and does not speak for whoever sits at this machine.
                    Err(ApiError::unauthorized("a page of another origin needs a key")
                        .hint("`lemming keys add NAME --role viewer` makes one"))
                }
                None if !are_keys && state.settings.access != Access::Keys => {
                    Ok(Caller { key: None, scopes: Scope::ALL.to_vec() })
                }
                None => Err(ApiError::unauthorized("this needs a key")
                    .hint("send it in the header `Authorization: Bearer KEY`; `lemming keys add` makes one")),
            };
        }
    };
    limit(&Who::Key(state.folder.clone(), name.clone()))?;
    let scopes = key.allowed();
    if !scopes.contains(&scope) {
        return Err(ApiError::forbidden(format!(
            "the key {name} may not do this: it needs the scope {}",
            scope.as_str()
        )));
    }
    Ok(Caller { key: Some(name), scopes })
}

/// Somebody who was let in, and stays: may they still?
#[derive(Debug, Clone)]
pub(super) struct Standing {
    state: ApiState,
    scope: Scope,
    headers: HeaderMap,
    peer: Option<IpAddr>,
}

impl Standing {
    pub(super) fn new(state: &ApiState, scope: Scope, headers: &HeaderMap, peer: Option<IpAddr>) -> Self {
        Self { state: state.clone(), scope, headers: headers.clone(), peer }
    }

    /// Says whether their key still opens this. Where that cannot be found out now, it does.
    pub(super) async fn holds(&self) -> bool {
        match admit(&self.state, self.scope, &self.headers, self.peer).await {
            Err(error) => !matches!(error.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
            Ok(_) => true,
        }
    }
}

/// What a request's key is.
enum Found {
    Key(KeyName, ApiKey),
    /// None that opens this organisation.
    Nothing {
        /// Whether there are any that do.
        are_keys: bool,
    },
}

/// Looks a key up among those of the organisation, and among those of the place above it.
async fn look_up(state: &ApiState, presented: Option<&Secret>) -> Result<Found, ApiError> {
    let ours = state.keys.holding(presented).await?;
    if let Some((name, key)) = presented.and_then(|secret| keys::find(&ours, secret)) {
        return Ok(Found::Key(name.clone(), key.clone()));
    }
    let mut are_keys = !ours.keys.is_empty();
    if let Some(above) = &state.above {
        let theirs = above.holding(presented).await?;
        let opens = |key: &ApiKey| state.folder.as_deref().is_some_and(|folder| key.opens(folder));
        if let Some((name, key)) = presented.and_then(|secret| keys::find(&theirs, secret))
            && opens(key)
        {
            return Ok(Found::Key(name.clone(), key.clone()));
        }
        // Even those that open others: whoever made one wants keys to be needed.
        are_keys |= !theirs.keys.is_empty();
    }
    Ok(Found::Nothing { are_keys })
}

/// Says whether a proxy passed a request on, and says so.
fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// The key that a request brings, whatever it is worth.
fn presented(headers: &HeaderMap) -> Option<Secret> {
    let text = |value: &axum::http::HeaderValue| Secret::new(String::from_utf8_lossy(value.as_bytes()));
    if let Some(key) = headers.get("x-api-key") {
        return Some(text(key));
    }
    let Some(value) = headers.get(header::AUTHORIZATION) else { return offered(headers) };
    let value = String::from_utf8_lossy(value.as_bytes());
    let (scheme, key) = value.split_once(' ')?;
    // Another scheme is not for us: a signature of AWS, say.
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(key))
}

/// What stands before the key among the protocols that a client of a WebSocket offers.
const OFFERED_KEY: &str = "bearer.";

/// The key among the protocols of a WebSocket: a page can set no other header of one. It is never among those that are chosen.
fn offered(headers: &HeaderMap) -> Option<Secret> {
    let upgrade = headers.get(header::UPGRADE)?;
    if !upgrade.as_bytes().eq_ignore_ascii_case(b"websocket") {
        return None;
    }
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let texts: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let key = texts.iter().flat_map(|text| text.split(',')).find_map(|text| text.trim().strip_prefix(OFFERED_KEY));
    key.map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_a_proxy_passed_on_is_known() {
        let mut headers = HeaderMap::new();
        assert!(!is_forwarded(&headers));
        headers.insert("x-forwarded-for", "203.0.113.7".parse().expect("value"));
        assert!(is_forwarded(&headers));
    }

    #[test]
    fn a_key_comes_in_either_header_and_the_own_one_counts_first() {
        let key = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().expect("value"));
            }
            presented(&map).map(|key| key.expose().to_owned())
        };
        assert_eq!(key(&[]), None);
        assert_eq!(key(&[("authorization", "Bearer abc")]).as_deref(), Some("abc"));
        assert_eq!(key(&[("authorization", "bearer  abc ")]).as_deref(), Some("abc"));
        assert_eq!(key(&[("authorization", "AWS4-HMAC-SHA256 Credential=x")]), None);
        assert_eq!(key(&[("authorization", "abc")]), None);
        assert_eq!(key(&[("authorization", "Bearer abc"), ("x-api-key", "def")]).as_deref(), Some("def"));
        let socket = |protocols| key(&[("upgrade", "WebSocket"), ("sec-websocket-protocol", protocols)]);
        assert_eq!(socket("lemming.v1, bearer.lemming_abc").as_deref(), Some("lemming_abc"));
        assert_eq!(socket("lemming.v1"), None);
        assert_eq!(key(&[("sec-websocket-protocol", "bearer.abc")]), None, "of sockets alone");
        let both = [("authorization", "Bearer a"), ("upgrade", "websocket"), ("sec-websocket-protocol", "bearer.b")];
        assert_eq!(key(&both).as_deref(), Some("a"));
        assert_eq!(key(&[("x-api-key", "")]).as_deref(), Some(""), "an empty key is a wrong one, and not none");
    }
}
