//! Traces of the real program: what is delivered, what is not, and that no tick needs a collector.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::collector::{Collector, attribute};

/// Said to an agent, said by the model, and kept: none of it may leave by a trace.
const PROMPT: &str = "planted-prompt-7f3a";
const ANSWER: &str = "planted-answer-91cc";
const MEMORY: &str = "planted-memory-55d0";
/// A key of the collector.
const KEY: &str = "planted-key-e402";

fn lemming(folder: &Path, args: &[&str], vars: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(args).current_dir(folder).env_remove("LEMMING_STORE").env("LEMMING_LOG", "warn");
    command.envs(vars.iter().copied()).output().expect("the program")
}

fn good(folder: &Path, args: &[&str], vars: &[(&str, &str)]) -> String {
    let done = lemming(folder, args, vars);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{args:?}: {said}");
    said
}

/// An organisation of one agent, who calls a tool and then says something, and mail for it.
fn desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, value: Value| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, value.to_string()).expect("written");
    };
    write("org.json", json!({ "format": 1, "name": "desk" }));
    let price = json!({ "input": 1, "output": 2 });
    let model = json!({ "provider": "scripted", "model_name": "rules-1", "price": price,
        "provider_config": { "script": "config/script.json" } });
    write("config/models.json", json!({ "m": model }));
    write(
        "config/script.json",
        json!({ "rules": [
            { "agent": "ada", "when": { "step": 0 }, "answer": { "tool_calls": [
                { "tool": "memory_write", "arguments": { "key": "seen", "value": MEMORY } },
                { "tool": "memory_read", "arguments": { "key": "nothing" } }] } },
            { "agent": "ada", "when": { "step": 1 }, "answer": { "outbox_entries": [
                { "kind": "message", "to": ["human"], "payload": { "text": ANSWER } }], "notes": ANSWER } },
        ] }),
    );
    write(
        "agents/ada/resume.json",
        json!({ "name": "ada", "title": "Clerk", "short_description": "Answers.", "instructions": PROMPT,
            "model": { "key": "m" }, "schedule": { "run_every_n_ticks": 1 },
            "permissions": { "read_outboxes": [], "tools": ["memory_write", "memory_read"] } }),
    );
    good(folder.path(), &["send", "ada", PROMPT], &[]);
    folder
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[test]
fn a_tick_is_delivered_with_its_turns_and_calls_and_without_what_was_said() {
    let (folder, collector) = (desk(), Collector::answering("200 OK"));
    let header = format!("authorization=Bearer%20{KEY}");
    let vars = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_EXPORTER_OTLP_HEADERS", header),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=a%20test".to_owned()),
        ("OTEL_SERVICE_NAME", "desk-ticks".to_owned()),
        ("LEMMING_LOG", "trace".to_owned()),
    ];
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let said = good(folder.path(), &["tick"], &vars);

    let spans = collector.spans();
    let only = |name: &str| match named(&spans, name).as_slice() {
        [one] => (*one).clone(),
        other => panic!("{} spans {name} in {spans:#?}\n{said}", other.len()),
    };
    let (organisation, plan, tick) = (only("organisation"), only("plan"), only("tick"));
    let (turn, calls) = (only("invoke_agent ada"), named(&spans, "chat rules-1"));
    assert!(organisation.parent_span_id.is_empty());
    assert_eq!(plan.parent_span_id, organisation.span_id);
    assert_eq!(tick.parent_span_id, organisation.span_id);
    assert_eq!(turn.parent_span_id, tick.span_id);
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.parent_span_id == turn.span_id));
    let tools = [only("execute_tool memory_write"), only("execute_tool memory_read")];
    assert!(tools.iter().all(|tool| tool.parent_span_id == turn.span_id));
    assert!(spans.iter().all(|span| span.trace_id == organisation.trace_id), "{spans:#?}");
    assert!(spans.iter().all(|span| span.events.is_empty()), "events may quote a model");

    let has = |span: &Span, wanted: &[(&str, &str)]| {
        for (name, value) in wanted {
            assert_eq!(attribute(&span.attributes, name).as_deref(), Some(*value), "{name} of {}", span.name);
        }
    };
    has(&tick, &[("lemming.tick", "1"), ("lemming.due", "1"), ("lemming.skipped", "0"), ("lemming.closed", "true")]);
    let agent = ("gen_ai.agent.name", "ada");
    let turned = [("gen_ai.operation.name", "invoke_agent"), agent, ("lemming.status", "ok"), ("lemming.calls", "2")];
    has(&turn, &turned);
    for call in &calls {
        assert_eq!(call.kind, 3, "of a client");
        let chat = ("gen_ai.operation.name", "chat");
        has(call, &[chat, ("gen_ai.provider.name", "scripted"), ("gen_ai.request.model", "rules-1"), agent]);
        for count in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
            let tokens = attribute(&call.attributes, count).expect(count).parse::<u64>().expect("a number");
            assert!(tokens > 0, "{count}");
        }
    }
    for tool in &tools {
        has(tool, &[("gen_ai.operation.name", "execute_tool")]);
    }
    let resource = collector.resource();
    assert_eq!(attribute(&resource, "service.name").as_deref(), Some("desk-ticks"));
    assert_eq!(attribute(&resource, "service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(attribute(&resource, "deployment.environment.name").as_deref(), Some("a test"));

    for request in collector.requests() {
        assert!(request.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", request.head);
        assert!(request.head.contains(&format!("authorization: Bearer {KEY}\r\n")), "{}", request.head);
        let bytes = String::from_utf8_lossy(&request.body).into_owned();
        for planted in [PROMPT, ANSWER, MEMORY, KEY] {
            assert!(!bytes.contains(planted), "{planted} in a trace");
        }
    }
    for planted in [PROMPT, ANSWER, MEMORY, KEY] {
        assert!(!said.contains(planted), "{planted} in a log line");
    }
}

#[test]
fn a_failed_call_says_of_what_sort_its_failure_was() {
    let (folder, collector) = (desk(), Collector::answering("200 OK"));
    std::fs::write(folder.path().join("config/script.json"), r#"{"rules": 7}"#).expect("written");
    let endpoint = collector.endpoint();
    lemming(folder.path(), &["tick"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    let spans = collector.spans();
    let turn = named(&spans, "invoke_agent ada");
    assert_eq!(turn.len(), 1, "{spans:#?}");
    assert_eq!(attribute(&turn[0].attributes, "lemming.status").as_deref(), Some("failed"));
    assert_eq!(attribute(&turn[0].attributes, "error.type").as_deref(), Some("misconfigured"));
    assert_eq!(turn[0].status.as_ref().map(|status| status.code), Some(2), "an error");
}

#[test]
fn a_server_delivers_the_requests_that_it_answered_before_it_ends() {
    let (folder, collector) = (desk(), Collector::answering("200 OK"));
    let mut server = Command::new(env!("CARGO_BIN_EXE_lemming"))
        .args(["serve", "--port", "0", "--no-wake"])
        .current_dir(folder.path())
        .env_remove("LEMMING_STORE")
        .env("LEMMING_LOG", "warn")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on http://").expect("an address").to_owned();
    for path in ["/livez", "/api/agents-planted-path/x", "/metrics"] {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    }
    // As a scheduler of containers ends it.
    let id = rustix::process::Pid::from_child(&server);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("told to end");
    assert!(server.wait().expect("its end").success());

    let spans = collector.spans();
    for (name, status) in [("GET /livez", "200"), ("GET /metrics", "200"), ("GET -", "404")] {
        let found = named(&spans, name);
        assert_eq!(found.len(), 1, "{name} in {spans:#?}");
        assert_eq!(found[0].kind, 2, "of a server");
        assert_eq!(attribute(&found[0].attributes, "http.response.status_code").as_deref(), Some(status));
    }
    for request in collector.requests() {
        assert!(!String::from_utf8_lossy(&request.body).contains("planted-path"), "a path that is no route");
    }
}

#[test]
fn a_collector_that_is_dead_or_refuses_costs_no_tick_and_is_complained_of_once() {
    let refusing = Collector::answering("503 Service Unavailable");
    // Nobody listens where somebody just did.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for endpoint in [format!("http://{dead}/s3cret"), refusing.endpoint()] {
        let folder = desk();
        let said = good(folder.path(), &["tick"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
        assert_eq!(said.matches("traces_not_delivered").count(), 1, "{said}");
        assert!(!said.contains("s3cret"), "{said}");
        let status = lemming(folder.path(), &["status", "--json"], &[]);
        let status: Value = serde_json::from_slice(&status.stdout).expect("json");
        assert_eq!((&status["tick"], &status["open"]), (&json!(1), &Value::Null), "the tick is closed");
    }
}

#[test]
fn wrong_variables_cost_no_tick_either() {
    let folder = desk();
    let said = good(folder.path(), &["tick"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "no address")]);
    assert_eq!(said.matches("no_traces").count(), 1, "{said}");
    assert!(said.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{said}");
}

#[test]
fn nothing_is_delivered_where_the_sampler_or_a_switch_says_so() {
    let collector = Collector::answering("200 OK");
    let endpoint = collector.endpoint();
    for (name, value) in [("OTEL_TRACES_SAMPLER", "always_off"), ("OTEL_SDK_DISABLED", "true")] {
        let folder = desk();
        good(folder.path(), &["tick"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), (name, value)]);
        assert_eq!(collector.requests().len(), 0, "{name}={value}");
    }
}
