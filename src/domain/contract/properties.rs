//! What holds of every reply.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::tests::ORG;
use super::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        // What could be mistaken for the reply itself.
        Just(json!({"outbox_entries": [{"payload": {"text": "quoted"}}]})),
        Just(json!("```json\n{\"outbox_entries\":[{\"payload\":{}}]}\n```")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn entry() -> impl Strategy<Value = Value> {
    let ids = || prop::option::of(any::<u128>().prop_map(|n| uuid::Uuid::from_u128(n).to_string()));
    let names = prop::sample::subsequence(vec!["ada", "bob", "cy", "human"], 1..4);
    (
        prop::sample::select(vec!["message", "report", "request", "response", "status"]),
        prop::collection::hash_map(any::<String>(), value(), 0..3),
        prop::option::of(names),
        prop::collection::vec(any::<String>(), 0..3),
        prop::sample::select(vec!["normal", "high", "critical"]),
        ids(),
        ids(),
    )
        .prop_map(|(kind, payload, recipients, tags, importance, reply_to, thread_id)| {
            json!({"kind": kind, "payload": payload, "recipients": recipients, "tags": tags,
                "importance": importance, "reply_to": reply_to, "thread_id": thread_id})
        })
}

fn update() -> impl Strategy<Value = Value> {
    prop_oneof![
        ("[A-Za-z0-9_-]{1,8}", prop::sample::select(vec!["set", "append"]), value())
            .prop_map(|(key, op, value)| json!({"key": key, "op": op, "value": value})),
        "[A-Za-z0-9_-]{1,8}".prop_map(|key| json!({"key": key, "op": "delete"})),
    ]
}

/// Replies that follow the contract.
fn contract() -> impl Strategy<Value = Value> {
    let call = ("[a-z_]{1,8}", prop::collection::hash_map(any::<String>(), value(), 0..3))
        .prop_map(|(tool, arguments)| json!({"tool": tool, "arguments": arguments}));
    (
        prop::collection::vec(entry(), 0..4),
        prop::collection::vec(call, 0..3),
        prop::collection::vec(update(), 0..3),
        prop::option::of(any::<String>()),
    )
        .prop_map(|(entries, calls, updates, notes)| {
            json!({"outbox_entries": entries, "tool_calls": calls, "memory_updates": updates, "notes": notes})
        })
}

/// A text as models write it: in one of several wrappings, plain or pretty.
fn written() -> impl Strategy<Value = String> {
    (contract(), any::<bool>(), 0..4).prop_map(|(contract, pretty, wrapping)| {
        let json = if pretty { format!("{contract:#}") } else { contract.to_string() };
        match wrapping {
            0 => json,
            1 => format!("```json\n{json}\n```\n"),
            2 => format!("\u{feff}Here [1] is {{it}}:\n~~~\n{json}\n~~~\nBye."),
            _ => contract["outbox_entries"].to_string(),
        }
    })
}

#[derive(Debug, Clone)]
enum Mutation {
    Truncate(prop::sample::Index),
    Delete(prop::sample::Index, usize),
    Insert(prop::sample::Index, String),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<prop::sample::Index>;
    let piece =
        prop::sample::select(vec!["\"", "{", "}", "[", "]", ",", ":", "\\", "\n", "null", "5", "```", "/*", "é"]);
    prop_oneof![
        at().prop_map(Mutation::Truncate),
        (at(), 1..20_usize).prop_map(|(at, n)| Mutation::Delete(at, n)),
        (at(), piece).prop_map(|(at, piece)| Mutation::Insert(at, piece.to_owned())),
        (at(), any::<String>()).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
    ]
}

fn mutate(text: &str, mutation: &Mutation) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (at, gone, new) = match mutation {
        Mutation::Truncate(at) => (at, chars.len(), ""),
        Mutation::Delete(at, n) => (at, *n, ""),
        Mutation::Insert(at, piece) => (at, 0, piece.as_str()),
    };
    let at = at.index(chars.len() + 1);
    let rest = chars.iter().skip(at.saturating_add(gone));
    chars[..at].iter().copied().chain(new.chars()).chain(rest.copied()).collect()
}

/// What holds of every reply, whatever its text.
fn check_invariants(text: &str) -> Reply {
    let reply = parse(text, &ORG);
    assert!(reply.entries.len() <= MAX_ENTRIES && reply.tool_calls.len() <= MAX_TOOL_CALLS);
    assert!(reply.memory_updates.len() <= MAX_MEMORY_UPDATES && reply.violations.len() <= MAX_VIOLATIONS + 1);
    assert!(reply.entries.iter().all(|e| e.recipients.as_ref().is_none_or(|names| !names.is_empty())));
    let stored = serde_json::to_value(&reply).expect("json");
    assert_eq!(serde_json::from_value::<Reply>(stored).expect("reply"), reply);
    if reply.is_contract {
        let again = parse(&reply.to_contract().to_string(), &ORG);
        assert_eq!(again.to_contract(), reply.to_contract());
        assert!(again.violations.iter().all(|v| v.pointer.ends_with("/arguments")), "{:?}", again.violations);
    }
    reply
}

fn assert_is_prefix(cut: &Reply, whole: &Reply) {
    assert!(whole.entries.starts_with(&cut.entries), "{:?}", cut.entries);
    assert!(whole.tool_calls.starts_with(&cut.tool_calls));
    assert!(whole.memory_updates.starts_with(&cut.memory_updates));
    assert!(cut.notes.is_none() || cut.notes == whole.notes);
}

#[test]
fn cutting_a_reply_anywhere_keeps_what_was_whole_and_invents_nothing() {
    let a = json!({"kind": "report", "payload": {"text": "a \"quote\" {é"}, "recipients": ["bob", "cy"]});
    let b = json!({"payload": {"n": [1, {"x": null}]}, "to": "human", "tags": ["x"], "meta": {"importance": "high"}});
    let whole = json!({"notes": "ü", "outbox_entries": [a, b, {"payload": {}}], "thoughts": {"outbox_entries": [b]},
        "memory_updates": [{"key": "k", "value": 12.5}], "tool_calls": [{"tool": "t", "arguments": {"a": "b"}}]});
    for text in
        [whole.to_string(), format!("{whole:#}"), json!([a, b]).to_string(), a.to_string(), json!([whole]).to_string()]
    {
        for text in [text.clone(), format!("So:\n```json\n{text}\n```\n")] {
            let reply = parse(&text, &ORG);
            assert!(!reply.entries.is_empty());
            let mut kept = 0;
            for (at, _) in text.char_indices() {
                let cut = check_invariants(&text[..at]);
                assert_is_prefix(&cut, &reply);
                assert!(cut.entries.len() >= kept && (!cut.violations.is_empty() || cut == reply), "{}", &text[..at]);
                kept = cut.entries.len();
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_gives_a_reply(text: String) {
        check_invariants(&text);
    }

    #[test]
    fn any_text_of_json_pieces_gives_a_reply(
        text in r#"([\[\]{},:"\\ ]|null|1|-|"(a|text|to|key|payload|outbox_entries|tool_calls|memory_updates|notes)":?|```|//|\n){0,60}"#
    ) {
        check_invariants(&text);
    }

    #[test]
    fn a_reply_by_the_contract_has_no_violations(contract in contract()) {
        let reply = check_invariants(&contract.to_string());
        prop_assert!(reply.is_contract);
        prop_assert_eq!(&reply.violations, &[]);
        prop_assert_eq!(&parse(&format!("Well:\n```json\n{contract:#}\n```"), &ORG), &reply);
        for (draft, entry) in reply.entries.iter().zip(contract["outbox_entries"].as_array().expect("list")) {
            prop_assert_eq!(&json!(draft.payload), &entry["payload"]);
            prop_assert_eq!(&json!(draft.recipients), &entry["recipients"]);
        }
    }

    #[test]
    fn valid_json_is_read_as_serde_json_reads_it(value in value(), pretty: bool) {
        let value = json!([value]);
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let scan = scan::read(&text, 0);
        prop_assert!(scan.flaws.is_empty() && scan.end == text.len());
        prop_assert!(matches!(scan.outcome, scan::Outcome::Whole(read) if read == value), "{}", text);
    }

    #[test]
    fn a_mutated_reply_gives_a_reply(text in written(), mutations in prop::collection::vec(mutation(), 1..5)) {
        let mutated = mutations.iter().fold(text, |text, mutation| mutate(&text, mutation));
        check_invariants(&mutated);
    }

    #[test]
    fn a_cut_off_reply_is_a_prefix_of_the_whole(text in written(), at: prop::sample::Index) {
        let whole = parse(&text, &ORG);
        let cut = check_invariants(&mutate(&text, &Mutation::Truncate(at)));
        assert_is_prefix(&cut, &whole);
    }

    #[test]
    fn a_broken_address_reaches_no_more_than_its_valid_names(
        field in prop::sample::select(vec!["recipients", "to"]),
        names in prop::collection::vec(prop::sample::select(vec!["bob", "cy", "*", "human"]), 0..4),
        broken in prop_oneof![
            Just(json!(5)), Just(json!("")), Just(json!(true)), Just(json!({})), Just(json!([])), Just(json!("Ada")),
            Just(json!("nobody")), Just(json!("eve")), Just(json!("a b")), Just(json!("*a")),
        ],
        at: prop::sample::Index,
        alone: bool,
    ) {
        let mut list: Vec<Value> = names.iter().map(|name| json!(name)).collect();
        list.insert(at.index(list.len() + 1), broken.clone());
        let address = if alone { broken } else { Value::from(list) };
        let entry = Map::from_iter([("payload".to_owned(), json!({})), (field.to_owned(), address)]);
        let reply = check_invariants(&json!({"outbox_entries": [entry]}).to_string());
        prop_assert!(!reply.violations.is_empty());
        let recipients = reply.entries[0].recipients.as_ref().expect("never everyone");
        prop_assert!(recipients.iter().all(|name| name.is_human() || names.contains(&name.as_str())));
    }
}
