//! The router behind a function: events as AWS documents them, and answers in their shape.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use lemming::api::auth::Peer;
use lemming::api::lambda::{answer, is_http};
use lemming::api::{Access, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::world::{World, hello};

/// A function URL's event. Source: AWS Lambda Developer Guide, "Function URL request payload".
fn function_url(method: &str, path: &str, headers: &Value, body: Option<&str>, is_base64: bool) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "cookies": ["a=1", "b=2"],
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous", "apiId": "id", "domainName": "id.lambda-url.eu-west-2.on.aws", "domainPrefix": "id",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "agent"},
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
        },
        "body": body, "isBase64Encoded": is_base64,
    })
}

/// An HTTP API's event, with a stage that is in the path and an authorizer. Source: API Gateway Developer Guide, payload 2.0.
fn http_api(method: &str, path: &str, query: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": {"accept": "*/*"},
        "queryStringParameters": {"parameter1": "value1,value2"},
        "requestContext": {
            "accountId": "123456789012", "apiId": "api-id", "authorizer": {"jwt": {"claims": {"c": "v"}, "scopes": ["s"]}},
            "domainName": "id.execute-api.us-east-1.amazonaws.com", "domainPrefix": "id",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "2001:db8::1", "userAgent": "agent"},
            "requestId": "id", "routeKey": "$default", "stage": "prod",
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
        },
        "pathParameters": {"parameter1": "value1"}, "isBase64Encoded": false, "stageVariables": {"a": "b"},
    })
}

/// A REST API's event. Source: API Gateway Developer Guide, "Input format of a Lambda function for proxy integration".
fn rest_api(method: &str, path: &str, body: Option<&str>) -> Value {
    json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": {"Content-Type": "application/json", "X-Many": "two"},
        "multiValueHeaders": {"Content-Type": ["application/json"], "X-Many": ["one", "two"]},
        "queryStringParameters": {"store": "true"}, "multiValueQueryStringParameters": {"store": ["true"]},
        "pathParameters": {"proxy": "x"}, "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012", "apiId": "api-id", "authorizer": {"principalId": "p"}, "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.8", "userAgent": "agent", "user": null},
            "path": path, "protocol": "HTTP/1.1", "requestId": "id", "requestTime": "04/Mar/2020:19:15:17 +0000",
            "requestTimeEpoch": 1_583_349_317_135_i64, "resourceId": null, "resourcePath": "/{proxy+}", "stage": "prod",
        },
        "body": body, "isBase64Encoded": false,
    })
}

/// Answers with what it was asked.
fn echo() -> Router {
    Router::new().fallback(async |request: Request| {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.to_string());
        let headers: Vec<String> = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        json!({"method": parts.method.as_str(), "uri": parts.uri.to_string(), "peer": peer, "headers": headers,
            "body": String::from_utf8_lossy(&body)})
        .to_string()
    })
}

async fn echoed(event: Value) -> Value {
    assert!(is_http(&event));
    let said = answer(event, &echo(), "req-1").await;
    assert_eq!((&said["statusCode"], &said["isBase64Encoded"]), (&json!(200), &json!(false)), "{said}");
    serde_json::from_str(said["body"].as_str().expect("text")).expect("json")
}

#[tokio::test]
async fn a_function_url_s_event_is_the_request_that_the_client_made() {
    let headers = json!({"content-type": "application/json", "cookie": "a=1", "x-request-id": "mine"});
    let asked = echoed(function_url("POST", "/api/messages", &headers, Some("eyJhIjogMX0="), true)).await;
    assert_eq!((&asked["method"], &asked["uri"]), (&json!("POST"), &json!("/api/messages")));
    assert_eq!((&asked["peer"], &asked["body"]), (&json!("192.0.2.7"), &json!(r#"{"a": 1}"#)));
    let headers = asked["headers"].to_string();
    for header in ["content-type: application/json", "cookie: a=1; b=2", "x-request-id: mine"] {
        assert!(headers.contains(header), "{header}: {headers}");
    }
    assert!(!headers.contains("req-1"), "the client's own id stays");
    let asked = echoed(function_url("GET", "/", &json!({}), None, false)).await;
    assert!(asked["headers"].to_string().contains("x-request-id: req-1"));
}

#[tokio::test]
async fn stages_are_no_part_of_the_path_and_odd_addresses_are_encoded() {
    for (path, query, wanted) in [
        ("/prod/api/health", "store=true&a=b%20c", "/api/health?store=true&a=b%20c"),
        ("/prod", "", "/"),
        ("/prod/", "", "/"),
        // A name of the customer's own: no stage in it.
        ("/api/health", "", "/api/health"),
        ("/product/1", "", "/product/1"),
        ("/prod/a b/ä?#[]\"\\|", "", "/a%20b/%C3%A4%3F%23%5B%5D%22%5C%7C"),
        ("/prod/a%2Fb", "q=%", "/a%2Fb?q=%"),
        ("", "", "/"),
        ("/prod/x", "q=<script>&r=[1]", "/x?q=%3Cscript%3E&r=%5B1%5D"),
    ] {
        let asked = echoed(http_api("GET", path, query)).await;
        assert_eq!(asked["uri"], json!(wanted), "{path}");
        assert_eq!(asked["peer"], json!("2001:db8::1"));
    }
}

#[tokio::test]
async fn a_rest_api_s_event_is_the_request_that_the_client_made() {
    let asked = echoed(rest_api("PUT", "/prod/x", Some("text"))).await;
    assert_eq!(
        (&asked["method"], &asked["uri"], &asked["body"]),
        (&json!("PUT"), &json!("/x?store=true"), &json!("text"))
    );
    assert_eq!(asked["peer"], json!("192.0.2.8"));
    let headers = asked["headers"].to_string();
    assert!(headers.contains("x-many: one") && headers.contains("x-many: two"), "{headers}");
    let mut single = rest_api("GET", "/x", None);
    single["multiValueHeaders"] = Value::Null;
    single["multiValueQueryStringParameters"] = Value::Null;
    single["queryStringParameters"] = json!({"a b": "c&d"});
    let asked = echoed(single).await;
    assert_eq!(asked["uri"], json!("/x?a+b=c%26d"));
    assert!(asked["headers"].to_string().contains("x-many: two"));
}

#[tokio::test]
async fn answers_have_the_shape_that_each_gateway_wants() {
    let router = Router::new().fallback(async || {
        let mut headers = HeaderMap::new();
        for (name, value) in [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-two", "1"), ("x-two", "2")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        (axum::http::StatusCode::CREATED, headers, vec![0xff, 0xfe]).into_response()
    });
    let said = answer(function_url("GET", "/", &json!({}), None, false), &router, "req").await;
    assert_eq!(
        (&said["statusCode"], &said["body"], &said["isBase64Encoded"]),
        (&json!(201), &json!("//4="), &json!(true))
    );
    assert_eq!((&said["cookies"], &said["headers"]["x-two"]), (&json!(["a=1", "b=2"]), &json!("1, 2")));
    assert!(said["headers"].get("set-cookie").is_none());
    let said = answer(rest_api("GET", "/", None), &router, "req").await;
    assert_eq!(said["multiValueHeaders"]["set-cookie"], json!(["a=1", "b=2"]));
    assert_eq!((&said["statusCode"], &said["body"]), (&json!(201), &json!("//4=")));
    let huge = Router::new().fallback(async || Response::new(axum::body::Body::from(vec![b'x'; 7 << 20])));
    let said = answer(rest_api("GET", "/", None), &huge, "req").await;
    assert_eq!(said["statusCode"], json!(500), "more than a function may say");
    assert!(said["body"].as_str().expect("text").contains("\"failed\""));
}

#[tokio::test]
async fn the_api_answers_events_as_it_answers_requests() {
    let world = World::new(Access::Keys).await;
    let [key] = world.keys([("hook", &["send"])]).await;
    let headers = json!({"content-type": "application/json", "x-api-key": key, "authorization": "AWS4-HMAC-SHA256 x"});
    let body = hello().to_string();
    let said =
        answer(function_url("POST", "/api/messages", &headers, Some(&body), false), &world.router, "req-9").await;
    assert_eq!(said["statusCode"], json!(201), "{said}");
    assert_eq!(said["headers"]["x-request-id"], json!("req-9"));
    assert_eq!(world.mail().await.len(), 1);
    let said = answer(http_api("GET", "/prod/api/ready", ""), &world.router, "r").await;
    assert_eq!((&said["statusCode"], &said["headers"]["cache-control"]), (&json!(200), &json!("no-store")));
    let said = answer(rest_api("POST", "/prod/api/messages", Some(&body)), &world.router, "r").await;
    assert_eq!(said["statusCode"], json!(401));
    assert_eq!(said["multiValueHeaders"]["www-authenticate"], json!(["Bearer realm=\"lemming\""]));
}

#[tokio::test]
async fn addresses_without_a_key_are_counted_by_what_the_gateway_saw() {
    let rate = lemming::api::limit::Rate { per_second: 1, burst: 1 };
    let settings = Settings { rate, ..Settings::new(Access::Keys) };
    let world = World::with(settings, Arc::new(object_store::memory::InMemory::new())).await;
    let headers = json!({"content-type": "application/json", "x-forwarded-for": "198.51.100.1"});
    let post = function_url("POST", "/api/messages", &headers, Some("{}"), false);
    assert_eq!(answer(post.clone(), &world.router, "r").await["statusCode"], json!(401));
    let mut forged = post.clone();
    forged["headers"]["x-forwarded-for"] = json!("198.51.100.2");
    assert_eq!(answer(forged, &world.router, "r").await["statusCode"], json!(429), "a header is no address");
    let mut other = post;
    other["requestContext"]["http"]["sourceIp"] = json!("192.0.2.99");
    assert_eq!(answer(other, &world.router, "r").await["statusCode"], json!(401));
}

#[tokio::test]
async fn what_is_no_request_is_told_and_no_invocation_fails() {
    for other in [
        json!({}),
        json!(null),
        json!([]),
        json!({"source": "aws.scheduler", "time": "2026-01-01T00:00:00Z"}),
        json!({"Records": [{"eventSource": "aws:s3"}]}),
        json!({"trigger": "tick"}),
        json!({"requestContext": {"eventType": "CONNECT", "connectionId": "x", "routeKey": "$connect"}}),
        json!({"requestContext": {"elb": {"targetGroupArn": "x"}}, "httpMethod": "GET", "path": "/", "headers": {}}),
        json!({"httpMethod": "GET", "path": "/"}),
    ] {
        assert!(!is_http(&other), "{other}");
    }
    let mut broken = function_url("POST", "/api/messages", &json!({}), Some("not base64 s3cret!"), true);
    let said = answer(broken.clone(), &echo(), "r").await;
    assert_eq!(said["statusCode"], json!(400), "{said}");
    broken["headers"] = json!({"bad name": "s3cret"});
    broken["isBase64Encoded"] = json!(false);
    let said = answer(broken.clone(), &echo(), "r").await;
    assert!(!said.to_string().contains("s3cret") || said["statusCode"] == json!(200), "{said}");
    broken["requestContext"]["http"]["method"] = json!("NO METHOD");
    let said = answer(broken, &echo(), "r").await;
    assert_eq!(said["statusCode"], json!(400));
    assert!(!said.to_string().contains("s3cret"), "{said}");
    let long = "a".repeat(70_000);
    let said = answer(function_url("GET", &format!("/{long}"), &json!({}), None, false), &echo(), "r").await;
    assert_eq!(said["statusCode"], json!(400));
    let mut empty = rest_api("GET", "/x", None);
    empty["multiValueQueryStringParameters"] = json!({"a": [], "b": ["1", "2"]});
    assert_eq!(echoed(empty).await["uri"], json!("/x?b=1&b=2"));
    let mut v1 = rest_api("GET", "/", None);
    v1["multiValueHeaders"] = json!({"x": 5});
    assert_eq!(answer(v1, &echo(), "r").await["statusCode"], json!(400));
}

/// An event of either payload, with anything that a client can put into it.
fn events() -> impl Strategy<Value = Value> {
    let texts = prop::collection::vec("\\PC{0,12}|[ -~]{0,12}|[\\x00-\\x1f]{0,3}", 6);
    (texts, any::<bool>(), any::<bool>(), prop::sample::select(vec!["$default", "prod", ""])).prop_map(
        |(texts, is_rest, is_base64, stage)| {
            let [path, query, name, value, body, host] = texts.try_into().expect("six");
            let headers = json!({name: value, "host": host, "x-forwarded-proto": query});
            let mut event = match is_rest {
                true => rest_api("POST", &path, Some(&body)),
                false => function_url("POST", &path, &headers, Some(&body), is_base64),
            };
            event["requestContext"]["stage"] = json!(stage);
            event["isBase64Encoded"] = json!(is_base64);
            match is_rest {
                true => event["multiValueQueryStringParameters"] = json!({query: [value, host]}),
                false => event["rawQueryString"] = json!(query),
            }
            event
        },
    )
}

proptest! {
    #[test]
    fn whatever_a_client_sends_is_answered(event in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let said = runtime.block_on(answer(event, &echo(), "r"));
        let status = said["statusCode"].as_u64().expect("a status");
        prop_assert!(status == 200 || status == 400, "{}", said);
        prop_assert!(said["body"].is_string());
    }
}
