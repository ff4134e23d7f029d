//! The organisation's own tools over HTTP, within turns: what is sent, what comes back, and what is never sent at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use lemming::config::Environment;
use lemming::connect::{Connections, Parts};
use lemming::domain::time::Tick;
use lemming::engine::{EngineError, Outcome, replay};
use lemming::record::plan::Trigger;
use lemming::record::turn::ToolResult;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::server::{Names, Server, response};
use crate::tools::{call, results};
use crate::world::World;

/// A secret that must never be seen but by the server.
const SECRET: &str = "hunter2_hunter2";

/// Where the names of these tests lead.
fn names() -> Arc<Names> {
    Names::of(&[
        ("loop.example", &["127.0.0.1"]),
        ("private.example", &["10.1.2.3", "fd12::1"]),
        ("metadata.example", &["169.254.169.254"]),
    ])
}

fn connections() -> Arc<Connections> {
    let environment = Environment::new([""], [("TOKEN".to_owned(), SECRET.to_owned())]);
    Arc::new(Connections::new(Parts { environment, sandbox: None, resolver: names() }))
}

/// A world in which `ada` has these tools of the organisation's own, and makes these calls in her first turn.
async fn world(allow: &[String], tools: Value, calls: Vec<Value>) -> World {
    let mut world = World::new(move |request| {
        let calls = if (request.view.tick.0, request.view.step) == (1, 0) { calls.clone() } else { Vec::new() };
        Ok(json!({"tool_calls": calls}).to_string())
    });
    world.connector = connections();
    world.org["tools"] = json!({"web_fetch": {"allow_hosts": allow}});
    world.found().await;
    let mut named: BTreeSet<String> = tools.as_object().unwrap().keys().cloned().collect();
    named.insert("web_fetch".to_owned());
    let rules = json!([{"tools": ["*"], "approval": "never"}]);
    world.put("config/tools.json", &json!({"tools": tools, "approvals": {"rules": rules}})).await;
    world.agent("ada", json!({"permissions": {"tools": named}})).await;
    world
}

/// A tool over HTTP that takes anything.
fn tool(method: &str, url: &str, more: Value) -> Value {
    let mut tool = json!({"description": "Does it.", "arguments": {"type": "object", "properties": {"id": {}, "q": {}},
        "required": ["id"]}, "http": {"method": method, "url": url, "headers": {"Authorization": "Bearer env:TOKEN"}}});
    for (name, value) in more.as_object().unwrap() {
        tool[name] = value.clone();
    }
    tool
}

fn host(server: &Server) -> String {
    server.address.to_string()
}

/// One call of one tool against a server, after which the secret is in nothing that was stored.
async fn one(server: &Server, tool: Value, arguments: Value) -> ToolResult {
    let world = world(&[host(server)], json!({"crm": tool}), vec![call("crm", arguments)]).await;
    world.tick().await;
    for (path, bytes) in world.all().await {
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{path}");
    }
    results(&world, 1).await.remove(0)
}

#[tokio::test]
async fn a_request_is_what_the_organisation_wrote_with_the_arguments_in_their_places() {
    let server = Server::start(|_| response("200 OK", "Content-Type: application/json\r\n", "{\"ok\": [1]}")).await;
    let get = tool("GET", &server.url("/v1/{id}?fixed=1"), json!({"effect": "none"}));
    let post = tool("POST", &server.url("/v1/{id}"), json!({}));
    let put = tool("PUT", &server.url("/v1/{id}"), json!({"idempotency_key": "X-Request-Id"}));
    let calls = ["get", "post", "put"].map(|name| call(name, json!({"q": "a&b", "id": "x/y"})));
    let world = world(&[host(&server)], json!({"get": get, "post": post, "put": put}), calls.to_vec()).await;
    world.tick().await;
    let results = results(&world, 1).await;
    for result in &results {
        assert_eq!((result.ok, &result.result), (true, &json!({"status": 200, "json": {"ok": [1]}})));
    }
    let seen = server.seen.lock().unwrap().clone();
    let [get, post, put] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(get.starts_with("GET /v1/x%2Fy?fixed=1&q=a%26b HTTP/1.1\r\n"), "{get}");
    assert!(!get.to_lowercase().contains("idempotency-key"), "{get}");
    assert!(post.starts_with("POST /v1/x%2Fy HTTP/1.1\r\n") && post.ends_with(r#"{"id":"x/y","q":"a&b"}"#), "{post}");
    let id = |result: &ToolResult| result.call.expect("an id");
    assert!(post.contains(&format!("idempotency-key: {}\r\n", id(&results[1]))), "{post}");
    assert!(post.contains("content-type: application/json\r\n"), "{post}");
    assert!(put.contains(&format!("x-request-id: {}\r\n", id(&results[2]))), "{put}");
    assert!(seen.iter().all(|request| request.contains(&format!("authorization: Bearer {SECRET}\r\n"))));
    assert!(results[0].call.is_none(), "a call without effect has no id");
}

#[tokio::test]
async fn answers_are_json_text_markdown_or_a_size_and_refusals_are_told() {
    let server = Server::start(|path| match path {
        "/text" => response("200 OK", "Content-Type: text/plain\r\n", "plain"),
        "/html" => response("200 OK", "Content-Type: text/html\r\n", "<title>T</title><h1>Head</h1><p>Text"),
        "/empty" => response("204 No Content", "", ""),
        "/image" => response("200 OK", "Content-Type: image/png\r\n", [0_u8; 700]),
        "/latin" => response("200 OK", "Content-Type: text/plain; charset=latin1\r\n", b"\xe4"),
        "/broken" => response("200 OK", "Content-Type: application/json\r\n", b"{\"a\": \xff}"),
        "/deep" => {
            response("200 OK", "Content-Type: application/json\r\n", format!("{}{}", "[".repeat(100), "]".repeat(100)))
        }
        "/refused" => {
            response("422 Unprocessable Entity", "Content-Type: application/json\r\n", "{\"error\": \"no stock\"}")
        }
        "/failed" => response("500 Internal Server Error", "Content-Type: text/plain\r\n", "x".repeat(10_000)),
        _ => response("404 Not Found", "", ""),
    })
    .await;
    let of = async |path: &str| {
        let result = one(&server, tool("POST", &server.url("/{id}"), json!({})), json!({"id": path})).await;
        (result.ok, result.result)
    };
    assert_eq!(of("text").await, (true, json!({"status": 200, "text": "plain"})));
    assert_eq!(of("html").await, (true, json!({"status": 200, "title": "T", "text": "# Head\n\nText"})));
    assert_eq!(of("empty").await, (true, json!({"status": 204})));
    let image = of("image").await.1;
    assert_eq!((&image["media_type"], &image["bytes"]), (&json!("image/png"), &json!(700)));
    assert_eq!(of("latin").await.1["text"], "ä");
    assert_eq!(of("broken").await.1["text"], "{\"a\": \u{fffd}}");
    assert!(of("deep").await.1["text"].is_string(), "what nests deeper than a record can is text");
    assert_eq!(
        of("refused").await,
        (false, json!("127.0.0.1 answered 422 Unprocessable Entity: {\"error\": \"no stock\"}"))
    );
    let (ok, failed) = of("failed").await;
    assert!(!ok && failed.as_str().unwrap().len() < 1_200);
    assert_eq!(of("other").await, (false, json!("127.0.0.1 answered 404 Not Found")));
}

#[tokio::test]
async fn arguments_that_do_not_fit_the_schema_are_refused_before_anything_is_sent() {
    let server = Server::start(|_| response("200 OK", "", "")).await;
    let schema = json!({"type": "object", "required": ["id"], "additionalProperties": false,
        "properties": {"id": {"type": "string", "pattern": "^[a-z]+$"}, "q": {"type": "integer", "maximum": 5}}});
    let tool = tool("POST", &server.url("/{id}"), json!({"arguments": schema}));
    let calls =
        [json!({}), json!({"id": "A"}), json!({"id": "a", "q": 6}), json!({"id": "a", "x": 1}), json!([1]), json!("a")];
    let calls = calls.map(|arguments| call("crm", arguments)).to_vec();
    let world = world(&[host(&server)], json!({"crm": tool}), calls).await;
    world.tick().await;
    let told: Vec<String> = results(&world, 1).await.iter().map(|result| result.result.to_string()).collect();
    for (told, part) in told.iter().zip(["id", "/id", "/q: it is greater", "'x'", "object", "object"]) {
        assert!(told.contains("wrong arguments") && told.contains(part), "{told}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn no_argument_changes_where_a_call_goes() {
    let server = Server::start(|_| response("200 OK", "Content-Type: text/plain\r\n", "ok")).await;
    let values = [
        "../admin",
        "..",
        ".",
        "a/../../b",
        "..\\b",
        "",
        "a\r\nX-Evil: 1",
        "a\0",
        "%2f..%2fadmin",
        "?x=1",
        "#x",
        "@evil",
        "//evil/",
        ":81/",
        "\u{202e}",
        " ",
        "a b",
    ];
    let calls = values.iter().map(|value| call("crm", json!({"id": value, "q": "x\r\nX-Evil: 1"}))).collect();
    let world =
        world(&[host(&server)], json!({"crm": tool("GET", &server.url("/v1/{id}/end"), json!({}))}), calls).await;
    world.tick().await;
    let results = results(&world, 1).await;
    let refused: Vec<&str> =
        values.iter().zip(&results).filter(|(_, result)| !result.ok).map(|(value, _)| *value).collect();
    assert_eq!(refused, values[..8]);
    let seen = server.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), values.len() - 8);
    for request in seen {
        let path = request.split_whitespace().nth(1).unwrap();
        assert!(path.starts_with("/v1/") && path.split('?').next().unwrap().ends_with("/end"), "{path}");
        assert_eq!(path.matches('/').count(), 3, "{path}");
        assert!(!request.to_lowercase().contains("\r\nx-evil"), "{request}");
    }
}

#[tokio::test]
async fn nothing_is_sent_into_the_network_of_the_runner() {
    let server = Server::start(|_| response("200 OK", "", "")).await;
    let port = server.address.port();
    let urls = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://loop.example:{port}/"),
        "http://private.example/".to_owned(),
        "http://metadata.example/".to_owned(),
        "http://169.254.169.254/latest".to_owned(),
    ];
    let tools: Value = (0..)
        .zip(&urls)
        .map(|(i, url): (u8, _)| (format!("t{i}"), tool("POST", url, json!({}))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let calls = (0..urls.len()).map(|i| call(&format!("t{i}"), json!({"id": 1}))).collect();
    let world = world(&["other.example".to_owned()], tools, calls).await;
    world.tick().await;
    for result in results(&world, 1).await {
        let told = result.result.as_str().unwrap().to_owned();
        assert!(!result.ok && told.contains("may not be fetched") && !told.contains("may have been done"), "{told}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let target = Server::start(|_| response("200 OK", "", "")).await;
    let location = format!("Location: {}\r\n", target.url(&format!("/?token={SECRET}")));
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let location = location.clone();
        let server = Server::start(move |_| response(status, &location, "")).await;
        let world = world(
            &[host(&server), host(&target)],
            json!({"crm": tool("POST", &server.url("/"), json!({}))}),
            vec![call("crm", json!({"id": 1}))],
        )
        .await;
        world.tick().await;
        let result = results(&world, 1).await.remove(0);
        assert!(!result.ok && result.result.as_str().unwrap().contains("sends us to 127.0.0.1"), "{result:?}");
        assert!(!result.result.to_string().contains("hunter2"), "{result:?}");
        assert_eq!(server.requests(), 1);
    }
    assert_eq!(target.requests(), 0);
}

#[tokio::test]
async fn a_secret_that_a_server_repeats_is_cut_out_of_everything() {
    let escaped: String = SECRET.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let bodies: Vec<Vec<u8>> = vec![
        response("200 OK", "Content-Type: text/plain\r\n", format!("you sent Bearer {SECRET}")),
        response(
            "200 OK",
            "Content-Type: application/json\r\n",
            format!("{{\"{SECRET}\": [\"{SECRET}\", \"{escaped}\"]}}"),
        ),
        response(
            "200 OK",
            "Content-Type: text/html\r\n",
            format!("<title>{SECRET}</title><p>{SECRET}<a href=\"/{SECRET}\">x</a>"),
        ),
        response("401 Unauthorized", "Content-Type: text/plain\r\n", format!("{}{SECRET}", "x".repeat(1_015))),
        response("200 OK", &format!("Content-Type: {SECRET}/x\r\n"), "x"),
        response("200 OK", &format!("Content-Encoding: {SECRET}\r\n"), "x"),
        response(&format!("200 {SECRET}"), "", "x"),
    ];
    for body in bodies {
        let shown = body.clone();
        let server = Server::start(move |_| body.clone()).await;
        // Looks into every record that was written, too.
        let result = one(&server, tool("POST", &server.url("/"), json!({})), json!({"id": 1})).await;
        assert!(!result.result.to_string().contains("hunter"), "{} {result:?}", String::from_utf8_lossy(&shown));
    }
}

#[tokio::test]
async fn a_huge_answer_is_cut_and_one_that_never_comes_ends_with_its_time() {
    let server = Server::start(|path| match path {
        // Without a length: it goes on for as long as anybody reads.
        "/huge" => [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n".as_slice(), &vec![b'x'; 4 << 20]].concat(),
        "/json" => response("200 OK", "Content-Type: application/json\r\n", json!(vec!["y"; 40_000]).to_string()),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec(),
    })
    .await;
    let of = async |path: &str, more| one(&server, tool("POST", &server.url("/{id}"), more), json!({"id": path})).await;
    let huge = of("huge", json!({})).await;
    assert!(huge.ok && huge.result.to_string().len() < 40_000, "{}", huge.result.to_string().len());
    assert!(huge.result["note"].as_str().unwrap().contains("the rest was not read"));
    let small = of("json", json!({"max_result_bytes": 1000})).await;
    assert!(small.result["text"].as_str().unwrap().len() == 1000 && small.result["note"].is_string());
    let torn = of("torn", json!({})).await;
    assert!(!torn.ok && torn.result.as_str().unwrap().contains("may have been done"), "{torn:?}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    let slow = tool("POST", &format!("http://{address}/"), json!({"timeout": "100ms"}));
    let world = world(&[address.to_string()], json!({"crm": slow}), vec![call("crm", json!({"id": 1}))]).await;
    world.tick().await;
    silent.abort();
    let result = results(&world, 1).await.remove(0);
    assert_eq!((result.ok, result.result), (false, json!("no answer within 0.1 s; it may have been done")));
}

#[tokio::test]
async fn a_call_is_sent_once_whatever_the_server_does_to_the_connection() {
    // It takes the request and closes the connection, as a server does whose kept connection has become too old.
    let server = Server::start(|_| Vec::new()).await;
    let calls = (0..3).map(|i| call("crm", json!({"id": i}))).collect();
    let world = world(&[host(&server)], json!({"crm": tool("POST", &server.url("/"), json!({}))}), calls).await;
    world.tick().await;
    assert!(results(&world, 1).await.iter().all(|result| !result.ok));
    let ids: Vec<String> = server
        .seen
        .lock()
        .unwrap()
        .iter()
        .filter_map(|request| {
            request.lines().find_map(|line| line.strip_prefix("idempotency-key: ").map(str::to_owned))
        })
        .collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (3, 3), "{ids:?}");
}

#[tokio::test]
async fn a_replay_takes_what_a_server_said_from_the_record() {
    let server = Server::start(|_| response("200 OK", "Content-Type: application/json\r\n", "{\"n\": 1}")).await;
    let tool = tool("GET", &server.url("/{id}"), json!({"effect": "none"}));
    let world = world(&[host(&server)], json!({"crm": tool}), vec![call("crm", json!({"id": 1}))]).await;
    world.tick().await;
    let replayed = replay(&world.replaying(), Tick(1), None).await.unwrap().expect("a tick");
    assert!(replayed.iter().all(lemming::engine::Replayed::is_equal), "{replayed:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_tool_that_is_wrong_refuses_every_call_and_one_that_no_model_could_call_is_left_out() {
    let server = Server::start(|_| response("200 OK", "", "")).await;
    let tools = json!({
        "both": tool("GET", &server.url("/"), json!({"command": ["echo"]})),
        "schema": tool("GET", &server.url("/"), json!({"arguments": {"type": "object", "properties": {"id": {"type": "text"}}}})),
        "host": tool("GET", "http://{id}/", json!({})),
        "web_fetch": tool("GET", &server.url("/"), json!({})),
        "a.b": tool("GET", &server.url("/"), json!({})),
        "unset": tool("GET", &server.url("/"), json!({"http": {"method": "GET", "url": server.url("/"), "headers": {"X-Key": "env:UNSET"}}})),
    });
    let calls = ["both", "schema", "host", "a.b", "unset"].map(|name| call(name, json!({"id": 1}))).to_vec();
    let world = world(&[host(&server)], tools, calls).await;
    world.tick().await;
    let told: Vec<String> = results(&world, 1).await.iter().map(|result| result.result.to_string()).collect();
    for (told, part) in told.iter().zip([
        "/tools/both",
        "/tools/schema/arguments/properties/id/type",
        "/tools/host/http/url",
        "no tool",
        "variable UNSET is not set",
    ]) {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(server.requests(), 0);
    let shown = world.calls();
    assert!(!shown.is_empty());
}

#[tokio::test]
async fn a_broken_file_of_tools_starts_no_tick_and_says_where_it_is_broken() {
    for (file, part) in [
        (json!({"tools": {"crm": {"description": "x", "timeout": "soon"}}}), "soon"),
        (json!({"tools": {"crm": {}}}), "description"),
        (json!({"tools": 7}), "tools.json"),
    ] {
        let world = world(&[], json!({}), Vec::new()).await;
        world.put("config/tools.json", &file).await;
        let refused = world.run(Trigger::Invocation).await;
        let error = match refused {
            Err(error @ EngineError::Config { .. }) => error.to_string(),
            Ok(Outcome::Ran(_)) | Ok(Outcome::Idle { .. }) => panic!("a tick ran with {file}"),
            Err(other) => panic!("{other}"),
        };
        assert!(error.contains("config/tools.json") && error.contains(part), "{error}");
        assert!(world.all().await.keys().all(|path| !path.starts_with("ticks/")));
    }
}

/// What `validate` says of both files: severity, code, file and pointer.
async fn findings(tools: Value, lock: Option<Value>, permitted: Value) -> Vec<String> {
    let world = world(&[], json!({}), Vec::new()).await;
    world.put("config/tools.json", &tools).await;
    if let Some(lock) = lock {
        world.put("config/tools.lock.json", &lock).await;
    }
    world.agent("ada", json!({"permissions": {"tools": permitted}})).await;
    let environment = Environment::new([""], [("TOKEN".to_owned(), SECRET.to_owned())]);
    let found = lemming::validate::check(&world.raw, &world.thinker, &world.tools, &environment, None).await.unwrap();
    let all = found.findings.into_iter().map(|finding| {
        let said = format!(
            "{} {} {}{}",
            json!(finding.severity).as_str().unwrap(),
            finding.code,
            finding.path,
            finding.pointer
        );
        assert!(!finding.to_string().contains("hunter2"), "{finding}");
        assert!(!finding.message.is_empty() && !finding.expected.is_empty(), "{said}");
        said.replace("config/tools.json", "tools")
    });
    all.filter(|said| !said.contains("config/models.json")).collect()
}

#[tokio::test]
async fn validate_says_all_at_once_what_is_wrong_with_the_tools() {
    let schema = json!({"type": "object", "properties": {"id": {"type": "string"}, "list": {"type": "array"}},
        "required": ["list"], "additionalProperties": false});
    let http = |method: &str, url: &str| json!({"description": "x", "arguments": schema, "effect": "none", "http": {"method": method, "url": url}});
    let command = |words: Value| json!({"description": "x", "arguments": schema, "command": words});
    let with = |mut tool: Value, pointer: &str, value: Value| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        tool.pointer_mut(parent).unwrap()[name] = value;
        tool
    };
    let good = || http("POST", "https://a.example/");
    let bad = json!({
        "neither": {"description": "x", "arguments": schema},
        "both": with(good(), "/command", json!(["echo"])),
        "shell": good(),
        "a.b": good(),
        "method": http("post", "https://a.example/"),
        "host": http("POST", "https://{id}/"),
        "optional": http("POST", "https://a.example/{id}"),
        "nobody": http("POST", "https://a.example/?x={ids}"),
        "list": http("POST", "https://a.example/?x={list}"),
        "query": http("POST", "https://a.example/?api_key=hunter2"),
        "user": http("POST", "https://u:hunter2@a.example/"),
        "header": with(good(), "/http/headers", json!({"Authorization": "Bearer hunter2", "Host": "x"})),
        "twice": with(good(), "/http/headers", json!({"Idempotency-Key": "1"})),
        "unset": with(good(), "/http/headers", json!({"X-A": "env:UNSET"})),
        "slow": with(good(), "/timeout", json!("1h")),
        "schema": with(good(), "/arguments", json!({"type": "object", "properties": {"a": {"type": "text"}}, "additionalProperties": false})),
        "remote": with(good(), "/arguments", json!({"type": "object", "$ref": "https://a.example/x"})),
        "open": with(good(), "/arguments", json!({"type": "object"})),
        "worth": with(good(), "/worth", json!({"argument": "/amount"})),
        "asks": with(http("GET", "https://a.example/"), "/effect", Value::Null),
        "empty": command(json!([])),
        "folder": command(json!(["/bin/ls"])),
        "place": command(json!(["ls", "{ids}"])),
        "misspelt": with(good(), "/effekt", json!("none")),
        "shape": with(good(), "/effect", json!("never")),
        "good": command(json!(["echo", "{id}", "{{ids}}"])),
    });
    let rules = json!([{"tools": ["good", "shell", "god", "mcp:files/*", "mcp:nobody/*", "*"], "agents": ["ada", "bob"], "approval": "never"}]);
    let servers = json!({"files": {"url": "https://a.example"}, "none": {}});
    let lock = json!({"servers": {
        "files": {"accepted_at": "2026-11-22T21:03:00.123Z", "sha256": "0".repeat(64), "tools": [{"name": "read", "arguments": {}}]},
        "gone": {"accepted_at": "2026-11-22T21:03:00.123Z", "sha256": "0".repeat(64), "tools": []},
    }});
    let permitted = json!([
        "good",
        "god",
        "mcp:files/read",
        "mcp:files/write",
        "mcp:files/*",
        "mcp:none/*",
        "mcp:nobody/x",
        "shell"
    ]);
    let found =
        findings(json!({"tools": bad, "servers": servers, "approvals": {"rules": rules}}), Some(lock), permitted).await;
    let expected = [
        "warning unknown_tool agents/ada/resume.json/permissions/tools/1",
        "warning unknown_tool agents/ada/resume.json/permissions/tools/3",
        "warning unknown_tool agents/ada/resume.json/permissions/tools/5",
        "warning unknown_tool agents/ada/resume.json/permissions/tools/6",
        "error bad_tool_name tools/tools/a.b",
        "error ambiguous_tool tools/tools/both",
        "error bad_server tools/servers/none",
        "error bad_program tools/tools/empty/command",
        "error bad_program tools/tools/folder/command/0",
        "error bad_header tools/tools/header/http/headers/Host",
        "error secret_in_file tools/tools/header/http/headers/Authorization",
        "error bad_url tools/tools/host/http/url",
        "error wrong_argument tools/tools/list/http/url",
        "error wrong_value tools/tools/method/http/method",
        "error empty_tool tools/tools/neither",
        "error unknown_argument tools/tools/nobody/http/url",
        "error optional_argument tools/tools/optional/http/url",
        "error unknown_argument tools/tools/place/command/1",
        "error secret_in_file tools/tools/query/http/url",
        "error bad_schema tools/tools/remote/arguments/$ref",
        "error bad_schema tools/tools/schema/arguments/properties/a/type",
        "error bad_tool_name tools/tools/shell",
        "error out_of_range tools/tools/slow/timeout",
        "error bad_header tools/tools/twice/http/headers",
        "error bad_url tools/tools/user/http/url",
        "warning unknown_name tools/approvals/rules/0/agents/1",
        "warning unknown_tool tools/approvals/rules/0/tools/2",
        "warning unknown_tool tools/approvals/rules/0/tools/4",
        "warning no_effect_said tools/tools/asks",
        "warning open_arguments tools/tools/open/arguments",
        "warning unusable_here tools/tools/unset/http/headers/X-A",
        "warning unknown_argument tools/tools/worth/worth/argument",
        "warning unknown_field tools/tools/misspelt/effekt",
        "warning unknown_server config/tools.lock.json/servers/gone",
    ];
    for said in expected {
        assert!(found.iter().any(|found| found == said), "{said} is not said:\n{}", found.join("\n"));
    }
    assert!(
        found.iter().any(|said| said.starts_with("error") && said.contains("tools/tools/shape/effect")),
        "{found:?}"
    );
    let more: Vec<&String> =
        found.iter().filter(|said| !expected.contains(&said.as_str()) && !said.contains("/shape/")).collect();
    assert!(more.is_empty(), "{more:#?}");
}

#[tokio::test]
async fn what_is_right_is_passed_over_in_silence() {
    let page = include_str!("../../docs/TOOLS.md");
    let section = page.split("## The organisation's own tools").nth(1).unwrap().split("\n## ").next().unwrap();
    let snippets: Vec<Value> = section
        .split("```json\n")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .filter(|snippet: &Value| snippet.get("tools").is_some())
        .collect();
    assert_eq!(snippets.len(), 2, "a command and an endpoint");
    for snippet in snippets {
        let names: Vec<&String> = snippet["tools"].as_object().unwrap().keys().collect();
        let text = snippet.to_string().replace("env:CRM_TOKEN", "env:TOKEN");
        assert_eq!(findings(serde_json::from_str(&text).unwrap(), None, json!(names)).await, Vec::<String>::new());
    }
}
