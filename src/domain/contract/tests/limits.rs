//! Hostile replies, and the schema.

use std::collections::BTreeSet;

use super::*;

#[test]
fn limits_hold_and_are_named() {
    let list = |field: &str, element: &str, n: usize| format!("{{\"{field}\":[{}]}}", vec![element; n].join(","));
    let reply = parse(&list("outbox_entries", r#"{"payload":{}}"#, 65), &ORG);
    assert_eq!((reply.entries.len(), reply.violations.len()), (MAX_ENTRIES, 1));
    let reply = parse(&list("tool_calls", r#"{"tool":"t"}"#, 33), &ORG);
    assert_eq!((reply.tool_calls.len(), reply.violations.len()), (MAX_TOOL_CALLS, 1));
    let reply = parse(&list("memory_updates", r#"{"key":"k","value":1}"#, 65), &ORG);
    assert_eq!((reply.memory_updates.len(), reply.violations.len()), (MAX_MEMORY_UPDATES, 1));
    let fields: Vec<_> = (0..65).map(|n| format!("\"k{n}\":1")).collect();
    let reply = parse(&format!("{{\"memory_updates\":{{{}}}}}", fields.join(",")), &ORG);
    assert_eq!((reply.memory_updates.len(), reply.violations.len()), (MAX_MEMORY_UPDATES, 2));
    let entry = list("tags", "\"x\"", 33).replace('{', r#"{"payload":{},"#);
    let reply = parse(&format!("{{\"outbox_entries\":[{entry}]}}"), &ORG);
    assert_eq!((reply.entries[0].tags.len(), reply.violations.len()), (MAX_TAGS, 1));
    let entry = list("recipients", "7", 5000).replace('{', r#"{"payload":{},"#);
    let reply = parse(&format!("{{\"outbox_entries\":[{entry}]}}"), &ORG);
    assert_eq!(reply.violations.len(), MAX_VIOLATIONS + 1);
    assert_eq!(reply.violations[MAX_VIOLATIONS].message, "4900 more violations");
    let long = format!("{{\"notes\":\"hm\",\"tool_calls\":[{{\"tool\":\"t\"}}],\"x\":\"{}\"}}", "é".repeat(1 << 20));
    assert_eq!(show(&parse(&long, &ORG)), "call t {}; notes hm; !; !");
}

#[test]
fn deep_nesting_is_dropped() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let set =
        |depth| format!(r#"{{"memory_updates":[{{"key":"k","value":{}}},{{"key":"l","value":1}}]}}"#, nested(depth));
    assert_eq!(parse(&set(MAX_VALUE_DEPTH), &ORG).memory_updates.len(), 2);
    assert_eq!(show(&parse(&set(MAX_VALUE_DEPTH + 1), &ORG)), "set l 1; !/memory_updates/0");
    assert_eq!(show(&parse(&set(1000), &ORG)), "!");
    let stored = serde_json::to_string(&parse(&set(MAX_VALUE_DEPTH), &ORG)).expect("json");
    assert!(serde_json::from_str::<Reply>(&stored).is_ok());
    check_entries(&[
        (&format!(r#"{{"payload":{{"x":{}}}}}"#, nested(64)), "!/payload"),
        (&format!(r#"{{"payload":{{}},"meta":{{"x":{}}}}}"#, nested(64)), "message to everyone {}; !/meta"),
    ]);
    let call = format!(r#"{{"tool_calls":[{{"tool":"t","args":"{{\"x\":{}}}"}}]}}"#, nested(64));
    assert_eq!(show(&parse(&call, &ORG)), "!/tool_calls/0");
}

#[test]
fn hostile_replies_cost_no_more_than_long_ones() {
    let pieces = [
        "{",
        "[",
        "[{",
        "{\"\":",
        "{\"outbox_entries\":",
        "{\"outbox_entries\":[",
        "[\"",
        "\"",
        "\\",
        "{\"a",
        "/*",
        "[/",
        "[//\n",
        "```{",
        "`",
        "[1,",
        "{\"payload\":{},",
        "{\"outbox_entries\":[\n```\n",
        "[[]",
        "{\"a\":1} ",
        "\n",
        "[\\u",
        "[ \n",
    ];
    for piece in pieces {
        for start in ["", "{\"outbox_entries\":[", "{\"outbox_entries\":[!", "{\"outbox_entries\":[{\"recipients\":["] {
            let text = format!("{start}{}", piece.repeat(MAX_REPLY_BYTES / piece.len()));
            // A quadratic reading would take minutes: the test would never end.
            let reply = parse(&text, &ORG);
            assert!(reply.entries.is_empty() && reply.violations.len() <= MAX_VIOLATIONS + 1);
        }
    }
}

#[test]
fn the_schema_names_the_fields_that_are_read() {
    let schema = schema();
    let mut fields: Vec<_> = schema["properties"].as_object().expect("object").keys().map(String::as_str).collect();
    fields.sort_unstable();
    let mut known = find::FIELDS;
    known.sort_unstable();
    assert_eq!(fields, known);
    let entry = schema["properties"]["outbox_entries"]["items"]["properties"].as_object().expect("object");
    let draft = json!({"payload": {}, "recipients": ["bob"], "kind": "status", "tags": ["x"], "importance": "high",
        "reply_to": uuid::Uuid::nil(), "thread_id": uuid::Uuid::nil(), "meta": {"x": 1}});
    let sorted = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(sorted(draft.as_object().expect("object")), sorted(entry));
    let reply = parse(&json!({ "outbox_entries": [draft] }).to_string(), &ORG);
    assert_eq!(reply.violations, []);
    assert_eq!(reply.to_contract()["outbox_entries"][0], draft);
}
