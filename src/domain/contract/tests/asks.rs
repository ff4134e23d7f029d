//! Tool calls and memory updates.

use super::*;

#[test]
fn tool_calls_are_read_in_every_spelling() {
    let check_calls = |cases: &[(&str, &str)]| {
        for (call, expected) in cases {
            let shown = show(&parse(&format!(r#"{{"tool_calls":[{call}]}}"#), &ORG));
            assert_eq!(shown.replace("!/tool_calls/0", "!"), *expected, "{call}");
        }
    };
    check_calls(&[
        (r#"{"tool":"t","arguments":{"a":1},"id":"c1"}"#, r#"call t as c1 {"a":1}"#),
        (r#"{"name":" t ","args":{"a":1}}"#, r#"call t {"a":1}"#),
        (r#"{"function":"t","input":{"a":1}}"#, r#"call t {"a":1}"#),
        (r#"{"id":"c","type":"function","function":{"name":"t","arguments":"{\"a\":1}"}}"#, r#"call t as c {"a":1}"#),
        (r#"{"tool":"t","parameters":"{\"a\":1,}"}"#, r#"call t {"a":1}; !/parameters"#),
        (r#"{"tool":"t","arguments":null}"#, "call t {}"),
        (r#"{"tool":"t","arguments":" "}"#, "call t {}"),
        (r#"{"tool":"t","arguments":"ls -l"}"#, r#"call t "ls -l"; !/arguments"#),
        (r#"{"tool":"t","arguments":"{\"a\":"}"#, r#"call t "{\"a\":"; !/arguments"#),
        (r#"{"tool":"t","arguments":"{} {}"}"#, r#"call t "{} {}"; !/arguments"#),
        (r#"{"tool":"t","arguments":[1]}"#, "call t [1]; !/arguments"),
        (r#"{"tool":"t","id":7}"#, "call t {}; !/id"),
        (r#"{"arguments":{}}"#, "!"),
        (r#"{"tool":"","arguments":{}}"#, "!/tool"),
        (r#"{"tool":5}"#, "!/tool"),
        (r#"{"function":{"arguments":"{}"}}"#, "!"),
        (r#""t""#, "!"),
    ]);
    check(&[(r#"{"tool_calls":{"tool":"t"}}"#, "call t {}; !/tool_calls")]);
}

#[test]
fn memory_updates_are_read_as_a_list_or_as_fields() {
    let check_updates = |cases: &[(&str, &str)]| {
        for (updates, expected) in cases {
            let shown = show(&parse(&format!(r#"{{"memory_updates":{updates}}}"#), &ORG));
            assert_eq!(shown.replace("!/memory_updates", "!"), *expected, "{updates}");
        }
    };
    check_updates(&[
        (r#"[{"key":"k","value":1},{"key":"k","op":"append","value":[2]}]"#, "set k 1; append k [2]"),
        (
            r#"[{"key":"k","operation":"merge","value":{"a":1}},{"key":"k","op":"delete"}]"#,
            r#"merge k {"a":1}; delete k null"#,
        ),
        (r#"[{"key":"k","op":"delete","value":3}]"#, "delete k null"),
        (r#"[{"key":"k","value":null}]"#, "set k null"),
        (r#"[{"key":"k","op":"SET","value":1}]"#, "set k 1; !/0/op"),
        (r#"[{"key":"k","op":"set","operation":"delete","value":1}]"#, "set k 1; !/0/operation"),
        (r#"[{"key":"k","op":"drop"},{"key":"k","op":5}]"#, "!/0/op; !/1/op"),
        (r#"[{"key":"k"},{"key":"k","op":"append"}]"#, "!/0; !/1"),
        (r#"[{"key":"k","op":"merge","value":1}]"#, "!/0/value"),
        (r#"[{"key":"../k","value":1},{"key":5,"value":1},{"value":1},"k"]"#, "!/0/key; !/1/key; !/2; !/3"),
        (r#"[{"key":"k","op":"append","value":1,"cap":5}]"#, "append k 1 cap 5"),
        (r#"[{"key":"k","op":"append","value":1,"cap":0}]"#, "append k 1; !/0/cap"),
        (r#"[{"key":"k","op":"append","value":1,"cap":"5"}]"#, "append k 1; !/0/cap"),
        (r#"[{"key":"k","value":1,"cap":5}]"#, "set k 1; !/0/cap"),
        (r#"{"key":"k","value":1}"#, "set k 1; !"),
        (r#"{"a":1,"b":{"c":2},"d/e":3}"#, r#"set a 1; set b {"c":2}; !; !/d~1e"#),
        (r#"{"key":"k"}"#, r#"set key "k"; !"#),
    ]);
}
