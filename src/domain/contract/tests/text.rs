//! Where a reply stands, and what is left of a broken one.

use super::check;

#[test]
fn a_reply_is_found_wherever_it_stands() {
    check(&[
        ("{}", ""),
        ("```json\n{ }\n```", ""),
        ("", "no contract; !"),
        ("I have nothing to say.", "no contract; !"),
        (r#"{"outbox_entries":[]}"#, ""),
        (r#"{"notes":"hm"}"#, "notes hm"),
        ("\u{feff}{\"notes\":\"hm\"}\n", "notes hm"),
        ("```json\n{\"notes\":\"hm\"}\n```", "notes hm"),
        ("```\n{\"notes\":\"hm\"}\n```\nThat is all.", "notes hm"),
        ("~~~\n{\"notes\":\"hm\"}\n~~~", "notes hm"),
        ("```json {\"notes\":\"hm\"}```", "notes hm"),
        ("Sure [1], {as asked}: {\"notes\":\"hm\"} Bye {now}.", "notes hm"),
        ("Todo [ ] [x] [\"a\" b] {\"notes\":\"hm\"}", "notes hm"),
        ("```sh\nls {a,b}\n```\n```json\n{\"a\":1}\n```\n```json\n{\"notes\":\"hm\"}\n```", "notes hm"),
        ("```\n{\"notes\":\"one\"}\n```\n```\n{\"notes\":\"two\"}\n```", "notes one; !"),
        ("As in {\"notes\":\"example\"}:\n```json\n{\"notes\":\"hm\"}\n```", "notes hm; !"),
        (r#"Like { "outbox_entries": [...] }, so: {"notes":"hm"}"#, "notes hm; !"),
        (
            r#"[{"payload":{"text":"a"}},{"text":"b"}]"#,
            r#"message to everyone {"text":"a"}; message to everyone {"text":"b"}; !; !/1/text"#,
        ),
        (r#"[{"outbox_entries":[{"payload":{"text":"a"}}]}]"#, r#"message to everyone {"text":"a"}; !"#),
        (r#"{"kind":"status","payload":{"text":"a"},"to":"bob"}"#, r#"status to bob {"text":"a"}; !"#),
        (r#"{"text":"a"}"#, r#"message to everyone {"text":"a"}; !; !/text"#),
        (r#"{"kind":"Pod","metadata":{}}"#, "no contract; !"),
        (r#"[1, "a", []]"#, "no contract; !"),
        (r#"{"answer":{"notes":"quoted"}}"#, "no contract; !"),
        ("```json\nnull\n```", "no contract; !"),
    ]);
}

#[test]
fn flawed_json_is_mended() {
    check(&[
        (r#"{"notes":"hm",}"#, "notes hm; !"),
        (r#"{"tool_calls":[{"tool":"t",},],}"#, "call t {}; !"),
        ("{// why\n\"notes\": /* ** */ \"hm\"}", "notes hm; !"),
        ("{\"notes\":\"a\nb\"}", "notes a\nb; !"),
        (r#"{"notes":"\d \'"}"#, r"notes \d \'; !"),
        (r#"{"notes":"\u00e9\ud83d\ude00\n\/\"\\"}"#, "notes é😀\n/\"\\"),
        (r#"{"notes":"\ud83d!"}"#, "notes \u{fffd}!; !"),
        (r#"{"notes":"\u12"}"#, r"notes \u12; !"),
        ("{\"notes\":\"\0\u{7}\"}", "notes \0\u{7}; !"),
        (r#"{"notes":"\u0000"}"#, "notes \0"),
        (r#"{"notes":"a","notes":"b"}"#, "notes b; !"),
        (
            r#"{"memory_updates":[{"key":"k","value":[1e999,-0.5,18446744073709551615,-3,1E2]}]}"#,
            "set k [null,-0.5,18446744073709551615,-3,100.0]; !",
        ),
    ]);
}

#[test]
fn of_a_broken_reply_the_whole_parts_are_kept() {
    let a = r#"{"outbox_entries":[{"payload":{"text":"a"},"recipients":["bob"]}"#;
    let kept = r#"message to bob {"text":"a"}; !"#;
    let with = |rest: &str| format!("{a}{rest}");
    for rest in [
        "",
        ",",
        "]",
        "],",
        r#"],"not"#,
        r#"],"notes""#,
        r#"],"notes":"#,
        r#"],"notes":"hm"#,
        r#"],"notes":["hm""#,
        r#",{"payload":{"text":"b"},"recipients":["bo"#,
        r#",{"payload":{"text":"b"},"recipients":["bob"]"#,
        r#"],"memory_updates":[{"key":"k","value":1"#,
        r#"],"memory_updates":{"k":1,"l":2"#,
        r#"],"tool_calls":[{"tool":"t"#,
        "}",
        "\n```\nSorry, I ran out of space.",
        ",{\"payload\":{\"text\":\"he said \"no\"\"}}]}",
        r#",oops],"memory_updates":[{"key":"k","value":{"outbox_entries":[{"text":"quoted"}]}}]}"#,
    ] {
        check(&[(&with(rest), kept)]);
    }
    check(&[
        (&with(r#"],"memory_updates":[{"key":"k","value":1},{"#), r#"message to bob {"text":"a"}; set k 1; !"#),
        (&format!("```json\n{a},\n```\nOnce more:\n```json\n{{\"notes\":\"hm\"}}\n```"), "notes hm; !"),
        (r#"{"outbox_en"#, "no contract; !"),
        (r#"{"outbox_entries""#, "no contract; !"),
        (r#"{"outbox_entries":"#, "!"),
        (r#"{"kind":"report","#, "no contract; !"),
        (r#"{"payload":{"text":"a"},"recipients":["bob""#, "!; !"),
        (r#"{"payload":{"text":"a"}"#, "!; !"),
        (r#"[{"payload":{"text":"a"},"to":"bob"},{"payload":{"#, r#"message to bob {"text":"a"}; !; !"#),
        (r#"[{"payload":{"text":"a"},"to":"#, "!; !"),
        (r#"[{"outbox_entries":[{"payload":{},"to":"bob"},{"#, "message to bob {}; !; !"),
        (r#"[{"a":1},{"outbox_entries":[{"payload":{}},{"#, "no contract; !"),
        (r#"{"thoughts":{"outbox_entries":[{"payload":{}}]}"#, "no contract; !"),
        ("{ \"outbox_entries\": [ /* none", "!; !"),
    ]);
}
