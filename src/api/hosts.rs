//! By which names a server on loopback answers, and to whose pages.
//!
//! A page of the web can make a browser ask `127.0.0.1`, by a name of its own that leads there or by a plain form. The
//! first shows in `Host`, the second in `Origin`; both are refused.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use url::{Host, Url};

use super::cors::Origins;
use super::error::ApiError;

/// Lets pass what asks for this machine by its own names, and comes from no page, from one of this server, or from one that
/// it was told of.
pub(super) fn check(headers: &HeaderMap, others: &Origins) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    if !is_this_machine(host) {
        return Err(ApiError::forbidden("this server answers to localhost and loopback addresses only")
            .hint("`lemming serve --host` listens elsewhere; that needs keys"));
    }
    match text(header::ORIGIN) {
        Some(origin) if others.has(origin) => Ok(()),
        Some(origin) if !origin.eq_ignore_ascii_case(&format!("http://{host}")) => {
            Err(ApiError::forbidden("this server answers to no pages of others")
                .hint("`lemming serve --allow-origin` names those that may ask"))
        }
        _ => Ok(()),
    }
}

/// Lets pass what comes from no page, or from one of this server: wherever it listens, a browser opens a WebSocket for any
/// page, and asks nobody.
pub(super) fn check_page(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    let host = text(header::HOST).unwrap_or_default();
    let is_own = ["http://", "https://"].iter().any(|scheme| origin.eq_ignore_ascii_case(&format!("{scheme}{host}")));
    if is_own && !host.is_empty() {
        return Ok(());
    }
    Err(ApiError::forbidden("this server opens no connection for pages of others"))
}

fn is_this_machine(host: &str) -> bool {
    let url = Url::parse(&format!("http://{host}/"));
    match url.as_ref().map(Url::host) {
        Ok(Some(Host::Domain(name))) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Some(Host::Ipv4(address))) => address.is_loopback(),
        Ok(Some(Host::Ipv6(address))) => IpAddr::V6(address).to_canonical().is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_and_their_pages_are_refused() {
        for (host, origin, wanted) in [
            ("127.0.0.1:8080", None, true),
            ("localhost", None, true),
            ("LOCALHOST:1", None, true),
            ("[::1]:8080", None, true),
            ("desk.localhost:8080", None, true),
            ("localhost:8080", Some("http://localhost:8080"), true),
            ("localhost:8080", Some("http://localhost:9999"), false),
            ("localhost:8080", Some("https://evil.example"), false),
            ("localhost:8080", Some("null"), false),
            ("evil.example", None, false),
            ("localhost.evil.example", None, false),
            ("127.0.0.1.evil.example:8080", None, false),
            ("192.168.0.1", None, false),
            ("", None, false),
            ("localhost@evil.example", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("host"));
            headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().expect("origin"))));
            assert_eq!(check(&headers, &Origins::default()).is_ok(), wanted, "{host} {origin:?}");
        }
        assert!(check(&HeaderMap::new(), &Origins::default()).is_err(), "no host at all");
    }

    #[test]
    fn a_socket_is_for_no_page_of_others() {
        for (host, origin, wanted) in [
            ("desk.example", None, true),
            ("desk.example", Some("https://desk.example"), true),
            ("desk.example:8080", Some("http://desk.example:8080"), true),
            ("desk.example:8080", Some("http://desk.example"), false),
            ("desk.example", Some("https://desk.example.evil.example"), false),
            ("desk.example", Some("https://evil.example"), false),
            ("desk.example", Some("null"), false),
            ("", Some("http://"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("host"));
            headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().expect("origin"))));
            assert_eq!(check_page(&headers).is_ok(), wanted, "{host} {origin:?}");
        }
    }
}
