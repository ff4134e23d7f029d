//! The fields of a reply, entries and addresses.

use super::*;

#[test]
fn wrong_types_of_the_reply_are_repaired_or_dropped() {
    check(&[
        (r#"{"outbox_entries":null,"tool_calls":null,"memory_updates":null,"notes":null}"#, ""),
        (r#"{"outbox_entries":{"payload":{"text":"a"}}}"#, r#"message to everyone {"text":"a"}; !/outbox_entries"#),
        (r#"{"outbox_entries":"hello","tool_calls":3}"#, "!/outbox_entries; !/tool_calls"),
        (r#"{"outbox_entries":["hello",null,[]]}"#, "!/outbox_entries/0; !/outbox_entries/1; !/outbox_entries/2"),
        (r#"{"notes":{"a":[1]}}"#, r#"notes {"a":[1]}; !/notes"#),
        (r#"{"notes":7}"#, "notes 7; !/notes"),
        (r#"{"notes":"hm","plan":1,"x":2}"#, "notes hm; !"),
    ]);
}

#[test]
fn entries_are_repaired_or_dropped() {
    check_entries(&[
        (
            r#"{"kind":"report","payload":{"text":"a","n":1},"tags":["x","y"]}"#,
            r#"report to everyone {"n":1,"text":"a"} #x #y"#,
        ),
        (r#"{"id":"x","tick":3,"agent":"ada","created_at":"now","payload":{}}"#, "message to everyone {}"),
        (r#"{"payload":"a"}"#, r#"message to everyone {"text":"a"}; !/payload"#),
        (r#"{"payload":[1,2]}"#, r#"message to everyone {"value":[1,2]}; !/payload"#),
        (r#"{"payload":5}"#, r#"message to everyone {"value":5}; !/payload"#),
        (r#"{"kind":"message"}"#, "!/payload"),
        (r#"{"payload":null}"#, "!/payload"),
        (r#"{"text":"a"}"#, r#"message to everyone {"text":"a"}; !/text"#),
        (r#"{"text":5}"#, r#"message to everyone {"text":"5"}; !/text; !/text"#),
        (r#"{"payload":{"n":1},"text":"a"}"#, r#"message to everyone {"n":1,"text":"a"}; !/text"#),
        (r#"{"payload":{"text":"a"},"text":"a"}"#, r#"message to everyone {"text":"a"}"#),
        (r#"{"payload":{"text":"a"},"text":"b"}"#, r#"message to everyone {"text":"a"}; !/text"#),
        (r#"{"payload":{},"kind":"Report"}"#, "report to everyone {}; !/kind"),
        (r#"{"payload":{},"kind":"shout"}"#, "message to everyone {}; !/kind"),
        (r#"{"payload":{},"kind":4}"#, "message to everyone {}; !/kind"),
        (r#"{"payload":{},"tags":"x"}"#, "message to everyone {} #x; !/tags"),
        (r#"{"payload":{},"tags":["x",1,null,"y"]}"#, "message to everyone {} #x #y; !/tags/1; !/tags/2"),
        (r#"{"payload":{},"tags":{"x":1}}"#, "message to everyone {}; !/tags"),
        (r#"{"payload":{},"importance":"high"}"#, r#"message to everyone {} "high""#),
        (
            r#"{"payload":{},"meta":{"importance":"critical","hops":99,"x":1}}"#,
            r#"message to everyone {} "critical" meta {"x":1}"#,
        ),
        (
            r#"{"payload":{},"importance":"HIGH","meta":{"importance":"normal"}}"#,
            r#"message to everyone {} "high"; !/meta/importance; !/importance"#,
        ),
        (r#"{"payload":{},"importance":9}"#, "message to everyone {}; !/importance"),
        (
            r#"{"payload":{},"reply_to":"11111111-1111-1111-1111-111111111111","meta":{"thread_id":"22222222-2222-2222-2222-222222222222"}}"#,
            "message to everyone {} reply_to 1111 thread 2222",
        ),
        (
            r#"{"payload":{},"reply_to":"the last","meta":{"thread_id":2}}"#,
            "message to everyone {}; !/reply_to; !/meta/thread_id",
        ),
        (r#"{"payload":{},"meta":[1]}"#, "message to everyone {}; !/meta"),
        (r#"{"payload":{},"subject":"a","cc":["bob"]}"#, "message to everyone {}; !"),
    ]);
}

#[test]
fn addresses_are_read_and_broken_ones_never_widen() {
    check_entries(&[
        (r#"{"payload":{},"recipients":["bob","cy","bob"]}"#, "message to bob+cy {}"),
        (r#"{"payload":{},"recipients":"bob"}"#, "message to bob {}"),
        (r#"{"payload":{},"to":"bob"}"#, "message to bob {}"),
        (r#"{"payload":{},"to":["human","bob"]}"#, "message to human+bob {}"),
        (r#"{"payload":{},"recipients":null,"to":"bob"}"#, "message to bob {}"),
        (r#"{"payload":{},"recipients":["bob"],"to":"bob"}"#, "message to bob {}"),
        (r#"{"payload":{},"recipients":["bob"],"to":"cy"}"#, "message to bob {}; !/to"),
        (r#"{"payload":{},"recipients":5,"to":"cy"}"#, "message to human {}; !/recipients; !/to"),
        (r#"{"payload":{},"recipients":null}"#, "message to everyone {}"),
        (r#"{"payload":{},"recipients":"*"}"#, "message to everyone {}"),
        (r#"{"payload":{},"recipients":["all"]}"#, "message to everyone {}"),
        (r#"{"payload":{},"to":"everyone"}"#, "message to everyone {}"),
        (r#"{"payload":{},"recipients":5}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":false}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":{"name":"bob"}}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":""}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":[]}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":[null]}"#, "message to human {}; !/recipients/0"),
        (r#"{"payload":{},"recipients":[["bob"]]}"#, "message to human {}; !/recipients/0"),
        (r#"{"payload":{},"recipients":["nobody"]}"#, "message to human {}; !/recipients/0"),
        (r#"{"payload":{},"recipients":"Bob"}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":"Everyone"}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":"eve"}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":["nobody","bob",7]}"#, "message to bob {}; !/recipients/0; !/recipients/2"),
        (r#"{"payload":{},"recipients":["*","nobody"]}"#, "message to human {}; !/recipients/1; !/recipients"),
        (r#"{"payload":{},"recipients":["*","bob"]}"#, "message to everyone {}"),
        (r#"{"payload":{},"recipients":[" bob ","@cy"]}"#, "message to bob+cy {}; !/recipients/0; !/recipients/1"),
        (r#"{"payload":{},"recipients":"bob, cy"}"#, "message to human {}; !/recipients"),
        (r#"{"payload":{},"recipients":"bob\u0000"}"#, "message to human {}; !/recipients"),
    ]);
}

#[test]
fn an_unaddressed_entry_of_a_restricted_author_goes_to_those_he_may_address() {
    let restricted = Org { restricted: true };
    for (address, expected) in [("null", "bob+cy"), ("\"*\"", "bob+cy"), ("\"bob\"", "bob"), ("\"human\"", "human")] {
        let text = format!(r#"{{"outbox_entries":[{{"payload":{{}},"to":{address}}}]}}"#);
        assert_eq!(show(&parse(&text, &restricted)), format!("message to {expected} {{}}"));
    }
}

#[test]
fn an_agent_may_be_called_all() {
    struct All;
    impl Addresses for All {
        fn knows(&self, name: &AgentName) -> bool {
            name.as_str() == "all"
        }
        fn may_address(&self, _: &AgentName) -> bool {
            true
        }
    }
    assert_eq!(show(&parse(r#"{"outbox_entries":[{"payload":{},"to":"all"}]}"#, &All)), "message to all {}");
}
