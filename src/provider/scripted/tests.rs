//! Matching, joining and faults, as tables.

use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::domain::outbox::Kind;
use crate::domain::time::{Clock, Tick};
use crate::provider::CallErrorKind;
use crate::provider::fixture::{entry, name, request};

fn scripted(rules: Value) -> Scripted {
    let file = Value::from_iter([("rules", rules)]);
    Scripted::new(Arc::new(Script::from_value(file, "config/script.json").expect("script")))
}

fn mail() -> Request {
    request(vec![
        entry("human", Kind::Request, "Write about Rust, please", &["urgent"]),
        entry("writer", Kind::Report, "done", &[]),
        entry("human", Kind::Request, "write about GO", &[]),
    ])
}

async fn answer(rules: Value, request: &Request) -> Value {
    let answer = scripted(rules).complete(request).await.expect("answer");
    serde_json::from_str(&answer.text).expect("JSON")
}

async fn notes(rules: Value, request: &Request) -> Value {
    answer(rules, request).await["notes"].take()
}

#[tokio::test]
async fn a_rule_fits_when_every_condition_holds() {
    for (when, fits) in [
        (json!({}), true),
        (json!({"inbox": "not_empty"}), true),
        (json!({"inbox": "empty"}), false),
        (json!({"tick": 3}), true),
        (json!({"tick": [1, 2]}), false),
        (json!({"tick": {"every": 2, "offset": 1}}), true),
        (json!({"tick": {"every": 2}}), false),
        (json!({"clock": {"every": 5, "offset": -3}}), true),
        (json!({"step": 0}), true),
        (json!({"step": [1, 2]}), false),
        (json!({"kind": "report"}), true),
        (json!({"kind": ["status", "response"]}), false),
        (json!({"kind": []}), false),
        (json!({"from": "human"}), true),
        (json!({"from": ["nobody", "writer"], "kind": "report"}), true),
        (json!({"from": "writer", "kind": "request"}), false),
        (json!({"tag": "urgent"}), true),
        (json!({"tag": "urgent", "text_contains": "go"}), false),
        (json!({"text_contains": "about RUST"}), true),
        (json!({"text_contains": ["python", "rust"]}), true),
        (json!({"text_matches": "^write"}), true),
        (json!({"text_matches": "^WRITE"}), false),
        (json!({"text_matches": "(?i)^WRITE"}), true),
        (json!({"if": "memory.count > 3"}), true),
        (json!({"if": "memory.missing"}), false),
        (json!({"kind": "request", "if": "'GO' in message.text"}), true),
        (json!({"if": "inbox | length == 3 and agent == 'editor' and tick == 3 and step == 0"}), true),
    ] {
        let rules = json!([{"when": when, "answer": {"notes": "fits"}}]);
        let expected = if fits { "fits" } else { "no rule matches" };
        assert_eq!(notes(rules, &mail()).await, expected, "{when}");
    }
}

#[tokio::test]
async fn a_rule_is_for_its_agents() {
    for (agent, fits) in [(json!("editor"), true), (json!(["writer", "editor"]), true), (json!("writer"), false)] {
        let rules = json!([{"agent": agent, "answer": {"notes": "fits"}}]);
        assert_eq!(notes(rules, &mail()).await == "fits", fits, "{agent}");
    }
}

#[tokio::test]
async fn the_first_rule_for_the_whole_turn_is_the_answer() {
    let rules = json!([
        {"when": {"kind": "status"}, "answer": {"notes": "a"}},
        {"when": {"kind": "report"}, "answer": {"notes": "b {{ message.text }}"}},
        {"answer": {"notes": "c"}},
        {"for_each": "message", "answer": {"notes": "d"}},
    ]);
    assert_eq!(notes(rules, &mail()).await, "b done");
}

#[tokio::test]
async fn without_a_rule_that_fits_the_answer_is_empty() {
    assert_eq!(answer(json!([]), &mail()).await, json!({"notes": "no rule matches", "outbox_entries": []}));
    let calls_once = json!([{"answer": {"tool_calls": [{"tool": "t", "args": {}}]}}]);
    let mut second = mail();
    second.view.step = 1;
    assert_eq!(answer(calls_once, &second).await["notes"], "no rule matches", "a rule is for step 0 unless it says");
}

#[tokio::test]
async fn each_message_goes_to_the_first_rule_it_fits_and_the_answers_follow_the_messages() {
    let rules = json!([
        {"when": {"text_contains": "go"}, "for_each": "message",
         "answer": {"outbox_entries": [{"payload": {"text": "go!"}}], "notes": "one"}},
        {"answer": {"notes": "for a whole turn, and too late"}},
        {"when": {"kind": "request", "text_matches": "about (?<what>\\w+)"}, "for_each": "message",
         "answer": {"outbox_entries": [{"payload": {"text": "{{ captures.what }}"}}, {"to": "{{ message.agent }}"}],
                    "notes": "two", "memory_updates": []}},
    ]);
    let joined = json!({
        "outbox_entries": [{"payload": {"text": "Rust"}}, {"to": "human"}, {"payload": {"text": "go!"}}],
        "notes": "two\none",
        "memory_updates": [],
    });
    assert_eq!(answer(rules, &mail()).await, joined);
}

#[tokio::test]
async fn a_rule_for_messages_that_fits_none_leaves_the_turn_to_the_next() {
    let rules = json!([
        {"when": {"kind": "status"}, "for_each": "message", "answer": {"notes": "a"}},
        {"when": {"if": "memory.missing"}, "for_each": "message", "answer": {"notes": "b"}},
        {"answer": {"notes": "c"}},
    ]);
    assert_eq!(notes(rules, &mail()).await, "c");
}

#[tokio::test]
async fn templates_see_the_turn_as_data() {
    let mut request = mail();
    request.view.results = vec![json!({"files": ["a.md"]}), json!("text")];
    request.view.step = 1;
    request.view.clock = Clock(-7);
    for (template, value) in [
        ("{{ agent }} {{ tick }} {{ clock }} {{ step }}", json!("editor 3 -7 1")),
        ("{{ clock }}", json!(-7)),
        ("{{ memory.topics + ['c'] }}", json!(["a", "b", "c"])),
        ("{{ memory.count + 1 }}", json!(5)),
        ("{{ inbox | map(attribute='text') | list }}", json!(["Write about Rust, please", "done", "write about GO"])),
        ("{{ inbox[0].payload }}", json!({"text": "Write about Rust, please"})),
        ("{{ message.tags }}", json!(["urgent"])),
        ("{{ message.id }}", json!("00000000-0000-0000-0000-00000000001d")),
        ("{{ results[0].files[0] }}: {{ results[1] }}", json!("a.md: text")),
        ("{{ {'n': inbox | length} }}", json!({"n": 3})),
    ] {
        let rules = json!([{"when": {"step": 1}, "answer": {"x": [{"y": template}]}}]);
        assert_eq!(answer(rules, &request).await["x"][0]["y"], value, "{template}");
    }
}

#[tokio::test]
async fn what_mail_says_is_never_a_template() {
    let request = request(vec![entry("human", Kind::Message, "{{ 7 * 7 }} {% endif %}", &[])]);
    let rules = json!([{"answer": {"notes": "{{ message.text }}", "other": "said: {{ message.text }}"}}]);
    let answer = answer(rules, &request).await;
    assert_eq!(answer["notes"], "{{ 7 * 7 }} {% endif %}");
    assert_eq!(answer["other"], "said: {{ 7 * 7 }} {% endif %}");
}

#[tokio::test]
async fn a_template_that_fails_names_its_place() {
    for (rule, place) in [
        (json!({"answer": {"outbox_entries": [{"to": "{{ memory.boss }}"}]}}), "/rules/1/answer/outbox_entries/0/to: "),
        (json!({"when": {"if": "memory.a.b"}}), "/rules/1/when/if: "),
        (json!({"answer": {"notes": "{{ results[0].x }}"}}), "/rules/1/answer/notes: "),
    ] {
        let error = scripted(json!([{"agent": "other"}, rule])).complete(&mail()).await.expect_err(place);
        assert_eq!(error.kind, CallErrorKind::Misconfigured);
        assert!(error.message.starts_with(&format!("config/script.json, at {place}")), "{error}");
    }
}

#[test]
fn mistakes_in_a_script_are_found_when_it_is_read() {
    for (file, place) in [
        (json!([]), "/rules: "),
        (json!({}), "/rules: "),
        (json!({"rules": [], "rule": 1}), "/: unknown field `rule`"),
        (json!({"rules": [{}, {"when": {"knd": "report"}}]}), "/rules/1: unknown field `knd`"),
        (json!({"rules": [{"when": {"kind": "gossip"}}]}), "/rules/0: expected one value of the right form"),
        (json!({"rules": [{"when": {"tick": {"every": 0}}}]}), "/rules/0: expected a number"),
        (json!({"rules": [{"agent": "Bad Name"}]}), "/rules/0: expected one value of the right form"),
        (json!({"rules": [{"fault": {"fail": "sulk"}}]}), "/rules/0: unknown variant `sulk`"),
        (json!({"rules": [{"when": {"text_matches": "("}}]}), "/rules/0/when/text_matches: "),
        (json!({"rules": [{"when": {"if": "a b"}}]}), "/rules/0/when/if: "),
        (json!({"rules": [{"answer": {"notes": "{{"}}]}), "/rules/0/answer/notes: "),
        (json!({"rules": [{"answer": "text"}]}), "/rules/0: "),
    ] {
        let error = Script::from_value(file.clone(), "s.json").expect_err(place);
        assert!(error.to_string().starts_with(&format!("s.json, at {place}")), "{file}: {error}");
    }
    assert!(Script::from_bytes(b"{", "s.json").expect_err("not JSON").cause.contains("line 1"));
}

#[tokio::test(start_paused = true)]
async fn faults_delay_and_then_fail() {
    let rules = json!([{"when": {"tick": 3},
        "fault": {"delay_ms": 60_000, "fail": "rate_limited", "retry_after_ms": 1_500}}]);
    let start = Instant::now();
    let error = scripted(rules).complete(&mail()).await.expect_err("fault");
    assert_eq!(start.elapsed(), Duration::from_secs(60));
    assert_eq!(error.kind, CallErrorKind::RateLimited);
    assert_eq!(error.retry_after, Some(Duration::from_millis(1_500)));
    assert_eq!(error.message, "config/script.json, at /rules/0/fault: the script asks for this failure");
}

#[tokio::test]
async fn every_kind_of_failure_can_be_asked_for() {
    for kind in ["unanswered", "timed_out", "rate_limited", "refused", "context_too_long", "misconfigured"] {
        let error = scripted(json!([{"fault": {"fail": kind}}])).complete(&mail()).await.expect_err(kind);
        assert_eq!(serde_json::to_value(error.kind).expect("JSON"), kind);
    }
}

#[tokio::test]
async fn garbage_takes_the_place_of_the_answer() {
    for (garbage, text) in [
        (json!(true), "I would rather not say it in JSON."),
        (json!("{\"outbox_entries\": [{{"), "{\"outbox_entries\": [{{"),
        (json!(false), r#"{"notes":"fine","outbox_entries":[]}"#),
    ] {
        let rules = json!([{"answer": {"notes": "fine"}, "fault": {"garbage": garbage}}]);
        assert_eq!(scripted(rules).complete(&mail()).await.expect("answer").text, text);
    }
}

#[tokio::test]
async fn four_bytes_count_as_one_token_and_the_answer_is_cut_at_the_most() {
    let rules = json!([{"fault": {"garbage": "ab cdéfgh"}}]);
    let mut request = mail();
    for (max_tokens, text, output_tokens) in [(100, "ab cdéfgh", 3), (2, "ab cdéf", 2), (0, "", 0)] {
        request.max_tokens = max_tokens;
        let answer = scripted(rules.clone()).complete(&request).await.expect("answer");
        assert_eq!(answer.text, text);
        assert_eq!(answer.usage, Some(Usage { input_tokens: 3, output_tokens, ..Usage::default() }));
        assert_eq!((answer.reported_model.as_deref(), answer.response_id), (Some("scripted"), None));
    }
}

#[tokio::test]
async fn the_same_call_has_the_same_bytes() {
    let script = Script::from_bytes(include_bytes!("../script.example.json"), "example").expect("script");
    let again = Script::from_bytes(include_bytes!("../script.example.json"), "example").expect("script");
    let (a, b) = (Scripted::new(Arc::new(script)), Scripted::new(Arc::new(again)));
    let mut request = mail();
    request.view.agent = name("writer");
    let first = a.complete(&request).await.expect("answer");
    for _ in 0..3 {
        assert_eq!(a.complete(&request).await.expect("answer"), first);
        assert_eq!(b.complete(&request).await.expect("answer"), first);
    }
}

#[tokio::test]
async fn the_example_of_the_documentation_does_what_it_says() {
    let script = Script::from_bytes(include_bytes!("../script.example.json"), "example").expect("script");
    let example = Scripted::new(Arc::new(script));
    let answer = async |request: &Request| {
        let answer = example.complete(request).await.expect("answer");
        serde_json::from_str::<Value>(&answer.text).expect("JSON")
    };

    let mut writer = mail();
    writer.view.agent = name("writer");
    let drafts = answer(&writer).await;
    assert_eq!(drafts["outbox_entries"][0]["to"], json!(["editor", "human"]));
    assert_eq!(drafts["outbox_entries"][0]["reply_to"], "00000000-0000-0000-0000-00000000001d");
    assert_eq!(drafts["outbox_entries"][0]["payload"]["text"], "A draft on Rust, please.");
    assert_eq!(drafts["memory_updates"][1], json!({"key": "topics", "op": "append", "value": "GO"}));

    let draft = |text| entry("writer", Kind::Response, text, &["draft"]);
    let mut editor = request(vec![draft("A."), entry("human", Kind::Message, "hi", &[]), draft("B.")]);
    assert_eq!(answer(&editor).await["tool_calls"][0]["tool"], "file_read");
    editor.view.step = 1;
    editor.view.results = vec![json!({"content": "be brief"})];
    let report = json!({"text": "A. B.", "style": {"content": "be brief"}});
    assert_eq!(answer(&editor).await["outbox_entries"][0]["payload"], report);

    let mut idle = request(vec![]);
    assert_eq!(answer(&idle).await["notes"], "no rule matches");
    idle.view.clock = Clock(6);
    assert_eq!(answer(&idle).await["outbox_entries"][0]["payload"]["text"], "Nothing new at tick 3.");

    idle.view.tick = Tick(8);
    assert_eq!(example.complete(&idle).await.expect_err("outage").kind, CallErrorKind::RateLimited);
}
