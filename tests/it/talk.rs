//! Messages, conversations, memories and files from the command line, on disk.

use serde_json::{Value, json};

use crate::place::{Place, nameless, text, trimmed};

/// `ada` answers whoever writes to her, `bob` takes part in what she says.
fn answering() -> Place {
    let rules = json!([
        {"agent": "ada", "when": {"from": "human"}, "for_each": "message", "answer": {"outbox_entries": [
            {"kind": "response", "to": ["human", "bob"], "reply_to": "{{ message.id }}", "tags": ["travel"],
             "importance": "high", "payload": {"text": "You said: {{ message.text }}"}}]}},
        {"agent": "bob", "when": {"from": "ada"}, "for_each": "message", "answer": {"outbox_entries": [
            {"kind": "report", "to": "ada", "reply_to": "{{ message.id }}", "payload": {"text": "Noted by Bob."}}]}},
    ]);
    Place::new(&["ada", "bob"], rules)
}

fn ids(messages: &Value) -> Vec<&str> {
    messages.as_array().expect("messages").iter().map(|message| message["id"].as_str().expect("an id")).collect()
}

fn texts(document: &Value) -> Vec<String> {
    let messages = document["messages"].as_array().expect("messages");
    messages.iter().map(|message| message["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn messages_are_found_by_words_and_by_who_said_what_to_whom() {
    let place = answering();
    place.says(&["send", "ada", "When do we go to Berlin?"]);
    place.tick();
    place.says(&["send", "all", "Lunch is at noon."]);
    place.tick();
    insta::assert_snapshot!(nameless(&place.says(&["messages"])), @"
    human → ada  tick 1, <time>, <id 1>
      When do we go to Berlin?
    ada → human, bob  tick 1, <time>, <id 2>, response, high, #travel, answers <id 1>
      You said: When do we go to Berlin?
    bob → ada  tick 1, <time>, <id 3>, report, answers <id 2>, thread <id 1>
      Noted by Bob.
    human → everyone  tick 2, <time>, <id 4>
      Lunch is at noon.
    ada → human, bob  tick 2, <time>, <id 5>, response, high, #travel, answers <id 4>
      You said: Lunch is at noon.
    bob → ada  tick 2, <time>, <id 6>, report, answers <id 5>, thread <id 4>
      Noted by Bob.
    ");
    insta::assert_snapshot!(nameless(&place.says(&["messages", "berl", "SAID"])), @"
    ada → human, bob  tick 1, <time>, <id 1>, response, high, #travel, answers <id 2>
      You said: When do we go to Berlin?
    ");
    let found = |args: &[&str]| texts(&place.json(&[&["messages"], args].concat()));
    let said = ["When do we go to Berlin?", "You said: When do we go to Berlin?", "Noted by Bob.", "Lunch is at noon."];
    assert_eq!(found(&["--from", "human"]), [said[0], said[3]]);
    assert_eq!(found(&["--to", "ada"]), [said[0], said[2], said[2]]);
    assert_eq!(found(&["--to", "all"]), [said[3]]);
    assert_eq!(found(&["--kind", "report"]), [said[2], said[2]]);
    assert_eq!(found(&["--tag", "travel", "--ticks", "1..1"]), [said[1]]);
    assert_eq!(found(&["travel", "berlin"]), [said[1]], "a tag is a word too");
    assert_eq!(found(&["--agent", "bob", "--ticks", "1..1"]), [said[1], said[2]]);
    assert_eq!(found(&["--agent", "ada", "--unread"]), ["Noted by Bob."]);
    assert_eq!(found(&["--at", "1"]), said[..3]);
    assert_eq!(found(&["nothing of the kind"]), [""; 0]);
    let newest = place.json(&["messages", "--limit", "1"]);
    assert_eq!((texts(&newest), &newest["more"]), (vec!["Noted by Bob.".to_owned()], &json!(true)));
    let lines = place.says(&["messages", "--jsonl", "--from", "ada", "--ticks", "1..1"]);
    assert_eq!(lines.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&lines).expect("a line")["from"], json!("ada"));
    insta::assert_snapshot!(place.fails(&["messages", "--agent", "adda"]), @r#"6 there is no agent "adda" at <place> | did you mean ada?"#);
    insta::assert_snapshot!(place.fails(&["messages", "--agent", "human", "--unread"]), @"2 what you have read is not kept: --unread is for agents | `lemming inbox` shows what was said to you");
}

#[test]
fn a_conversation_is_a_tree_whichever_of_its_messages_is_named() {
    let place = answering();
    place.says(&["send", "ada", "When do we go to Berlin?"]);
    place.says(&["send", "ada", "Something else."]);
    place.tick();
    let all = place.json(&["messages", "berlin"]);
    let all = ids(&all["messages"]);
    place.says(&["send", "ada", "--reply-to", all[1], "And back?"]);
    place.tick();
    let shown = place.says(&["thread", all[1]]);
    insta::assert_snapshot!(nameless(&shown), @"
    human → ada  tick 1, <time>, <id 1>
      When do we go to Berlin?
      ada → human, bob  tick 1, <time>, <id 2>, response, high, #travel, answers <id 1>  <- this one
        You said: When do we go to Berlin?
        bob → ada  tick 1, <time>, <id 3>, report, answers <id 2>, thread <id 1>
          Noted by Bob.
        human → ada  tick 2, <time>, <id 4>, answers <id 2>, thread <id 1>
          And back?
          ada → human, bob  tick 2, <time>, <id 5>, response, high, #travel, answers <id 4>, thread <id 1>
            You said: And back?
            bob → ada  tick 2, <time>, <id 6>, report, answers <id 5>, thread <id 1>
              Noted by Bob.
    ");
    let document = place.json(&["thread", all[1]]);
    let depths: Vec<&Value> = document["messages"].as_array().expect("messages").iter().map(|m| &m["depth"]).collect();
    assert_eq!(json!(depths), json!([0, 1, 2, 2, 3, 4]));
    assert_eq!(document["thread_id"], json!(all[0]));
    for id in ids(&document["messages"]) {
        assert_eq!(ids(&place.json(&["thread", id])["messages"]), ids(&document["messages"]), "from {id}");
    }
    let short = place.json(&["thread", &all[1][..13], "--limit", "2"]);
    assert_eq!((short["messages"].as_array().map(Vec::len), &short["more"]), (Some(2), &json!(true)));
    assert_eq!(ids(&place.json(&["thread", all[1], "--at", "1"])["messages"]).len(), 3);
    insta::assert_snapshot!(place.fails(&["thread", "00000000-0000-0000-0000-000000000000"]), @"6 there is no message 00000000-0000-0000-0000-000000000000 in the last 1000 ticks | `lemming messages` shows the ids; --ticks looks further back");
    insta::assert_snapshot!(place.fails(&["thread", "what"]), @r#"2 "what" is no id of a message, nor its first four characters or more | `lemming inbox` and `lemming messages` show the ids"#);
}

#[test]
fn an_answer_that_comes_late_belongs_to_its_conversation_all_the_same() {
    // The id is remembered: what is answered is not in the inbox any more.
    let rules = json!([
        {"agent": "ada", "when": {"from": "human"}, "answer":
            {"memory_updates": [{"key": "asked", "op": "set", "value": "{{ inbox[0].id }}"}]}},
        {"agent": "ada", "when": {"tick": 3}, "answer":
            {"outbox_entries": [{"to": "human", "reply_to": "{{ memory.asked }}", "payload": {"text": "Now I know."}}]}},
        {"agent": "ada", "when": {"tick": 4}, "answer": {"outbox_entries": [
            {"to": "human", "reply_to": "11111111-1111-4111-8111-111111111111", "payload": {"text": "To nobody."}}]}},
    ]);
    let place = Place::new(&["ada"], rules);
    place.says(&["send", "ada", "Who is it?"]);
    for _ in 0..4 {
        place.tick();
    }
    let asked = place.json(&["messages", "who"]);
    let thread = place.json(&["thread", ids(&asked["messages"])[0]]);
    assert_eq!(texts(&thread), ["Who is it?", "Now I know."]);
    assert_eq!(thread["messages"][1]["depth"], json!(1));
    // An id that nobody knows is kept as it was said, and leads nowhere.
    let lost = place.json(&["messages", "nobody"]);
    let lost = place.json(&["thread", ids(&lost["messages"])[0]]);
    assert_eq!(texts(&lost), ["To nobody."]);
    assert_eq!(lost["messages"][0]["reply_to"], json!("11111111-1111-4111-8111-111111111111"));
}

#[test]
fn hostile_mail_that_answers_itself_in_circles_is_shown_and_ends() {
    let place = Place::new(&["ada"], json!([]));
    let id = |n: u32| format!("00000000-0000-7000-8000-{n:012}");
    for (n, to) in [(1, 2), (2, 3), (3, 1), (4, 4)] {
        let mail = json!({"format": 1, "id": id(n), "from": "outside", "payload": {"text": format!("\u{1b}[2Jno {n}")},
            "reply_to": id(to), "thread_id": id(to), "tags": ["\u{1b}[31mred"], "sent_at": "2027-01-15T08:00:00.000Z"});
        place.write(&format!("ingress/mail/{}.json", id(n)), &mail);
    }
    place.tick();
    let circle = place.json(&["thread", &id(2)]);
    assert_eq!(texts(&circle), ["\u{1b}[2Jno 1", "\u{1b}[2Jno 3", "\u{1b}[2Jno 2"].map(str::to_owned)[..].to_vec());
    assert_eq!(ids(&place.json(&["thread", &id(4)])["messages"]), [id(4)]);
    for args in [&["thread", &*id(1)][..], &["messages"], &["inbox", "ada"]] {
        let shown = place.says(args);
        assert!(!shown.contains('\u{1b}') && shown.contains("no 1"), "{shown:?}");
    }
}

/// `ada` keeps a log and a plan.
fn keeping() -> Place {
    let rules = json!([
        {"agent": "ada", "when": {"tick": 1}, "answer": {"memory_updates": [
            {"key": "log", "op": "set", "value": ["went to Berlin", "saw the wall", "went home"]},
            {"key": "plan", "op": "set", "value": {"city": "Paris"}}]}},
    ]);
    let place = Place::new(&["ada", "bob"], rules);
    place.tick();
    place
}

#[test]
fn memories_are_listed_read_and_found() {
    let place = keeping();
    place.write("agents/ada/memory/note.json", &json!({"value": "by hand"}));
    insta::assert_snapshot!(trimmed(&place.says(&["memory", "list", "ada"])), @r#"
    key   changed  bytes  value
    log   tick 1      45  3 items: ["went to Berlin","saw the wall","went home"]
    note  not yet      9  by hand                                                 edited by hand; the next turn takes it over
    plan  tick 1      16  {"city":"Paris"}
    3 memories
    "#);
    assert_eq!(place.says(&["memory", "list", "bob"]), "bob keeps nothing\n");
    let listed = place.json(&["memory", "list", "ada"]);
    assert_eq!(
        listed["memory"][2],
        json!({"key": "plan", "value": {"city": "Paris"}, "bytes": 16, "changed": 1, "is_edited": false})
    );
    assert_eq!(place.says(&["memory", "get", "ada", "note"]), "by hand\n");
    assert_eq!(place.json(&["memory", "get", "ada", "plan", "--at", "1"])["value"], json!({"city": "Paris"}));
    insta::assert_snapshot!(place.says(&["memory", "search", "ada", "Berlin"]), @"ada  log[0]  went to Berlin");
    let found = place.json(&["memory", "search", "--all", "paris", "wall"]);
    assert_eq!(found["found"].as_array().map(Vec::len), Some(2));
    insta::assert_snapshot!(place.fails(&["memory", "get", "ada", "none"]), @"6 ada keeps nothing at none | `lemming memory list ada` shows the keys; with --archive what has left");
    insta::assert_snapshot!(place.fails(&["memory", "get", "ada", "plan", "--at", "0"]), @r#"6 there is no agent "ada" at <place> | there are no agents yet: `lemming bootstrap` writes examples"#);
    insta::assert_snapshot!(place.fails(&["memory", "search", "ada"]), @"2 there are no words to look for | `lemming memory search AGENT WORDS`, or `lemming memory search --all WORDS`");
}

#[test]
fn memories_are_changed_with_the_next_tick_and_brought_back() {
    let place = keeping();
    let get = |key: &str| place.json(&["memory", "get", "ada", key])["value"].clone();
    assert_eq!(
        place.says(&["memory", "set", "ada", "plan", r#"{"by": "train"}"#, "--merge"]),
        "the value is laid over plan of ada with the next tick\n"
    );
    place.says(&["memory", "set", "ada", "log", "42", "--text", "--append"]);
    place.says(&["memory", "set", "ada", "count", "42"]);
    assert_eq!(get("plan"), json!({"city": "Paris"}), "not before the next tick");
    place.tick();
    assert_eq!(get("plan"), json!({"city": "Paris", "by": "train"}));
    assert_eq!(get("log"), json!(["went to Berlin", "saw the wall", "went home", "42"]));
    assert_eq!(get("count"), json!(42));
    assert_eq!(
        place.says(&["memory", "compact", "ada", "log", "--keep", "9"]),
        "log of ada has 4 items: nothing to archive\n"
    );
    assert_eq!(
        place.says(&["memory", "compact", "ada", "log", "--keep", "1"]),
        "3 items of log of ada, the oldest, go to the archive with the next tick\n"
    );
    assert_eq!(
        place.says(&["memory", "archive", "ada", "plan"]),
        "plan of ada goes to the archive with the next tick\n"
    );
    place.says(&["memory", "delete", "ada", "count"]);
    place.tick();
    assert_eq!(get("log"), json!(["42"]));
    let archive = place.json(&["memory", "list", "ada", "--archive"]);
    let path = |at: usize| archive["archive"][at]["path"].as_str().expect("a path").to_owned();
    assert_eq!(place.json(&["memory", "get", "ada", &path(1)])["file"]["because"], json!("command"));
    assert_eq!(place.json(&["memory", "search", "ada", "wall"])["found"][0]["archived"], json!(path(0)));
    assert_eq!(
        place.says(&["memory", "restore", "ada", "log"]),
        "3 items go back to the beginning of log of ada with the next tick\n"
    );
    place.says(&["memory", "restore", "ada", &path(1)]);
    assert_eq!(
        place.says(&["memory", "restore", "ada", "count", "--at", "2"]),
        "count of ada is set as it was after tick 2 with the next tick\n"
    );
    place.tick();
    assert_eq!(get("log"), json!(["went to Berlin", "saw the wall", "went home", "42"]));
    assert_eq!(get("plan"), json!({"city": "Paris", "by": "train"}));
    assert_eq!(get("count"), json!(42));
    insta::assert_snapshot!(place.fails(&["memory", "restore", "ada", "plan"]), @"1 ada keeps something else at plan now | --replace sets what was archived in its place");
    insta::assert_snapshot!(place.fails(&["memory", "restore", "ada", "count"]), @"6 nothing of count of ada is in the archive | --at TICK brings back the value that it had after a tick");
    insta::assert_snapshot!(place.fails(&["memory", "compact", "ada", "plan", "--keep", "1"]), @"2 plan of ada is no list | `lemming memory archive ada plan` archives the whole of it");
    insta::assert_snapshot!(place.fails(&["memory", "set", "ada", "plan", "x", "--json-value"]), @"2 the value is no JSON: expected value at line 1 column 1 |");
    insta::assert_snapshot!(place.fails(&["memory", "delete", "ada", "none"]), @"6 ada keeps nothing at none | `lemming memory list ada` shows the keys; with --archive what has left");
}

#[test]
fn what_rested_for_long_is_archived_at_once_and_what_is_pinned_stays() {
    let place = keeping();
    place.agent("ada", json!({"memory": {"pinned": ["plan"]}}));
    place.says(&["memory", "set", "ada", "fresh", "new"]);
    place.tick();
    place.tick();
    assert_eq!(
        place.says(&["memory", "archive", "ada", "--older-than", "5"]),
        "ada keeps nothing that rested so long\n"
    );
    let ordered = place.json(&["memory", "archive", "ada", "--older-than", "2"]);
    assert_eq!(ordered["keys"], json!(["log"]));
    assert_eq!(ordered["commands"][0]["unchanged_since"], json!(3));
    place.tick();
    let keys: Vec<Value> = place.json(&["memory", "list", "ada"])["memory"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|kept| kept["key"].clone())
        .collect();
    assert_eq!(json!(keys), json!(["fresh", "plan"]));
}

#[test]
fn a_command_may_be_waited_for_until_a_tick_has_admitted_it() {
    let place = keeping();
    let waiting =
        place.spawn(&["memory", "set", "ada", "plan", "new", "--wait", "--json"], std::process::Stdio::null());
    // As soon as it lies there, a tick admits it.
    while std::fs::read_dir(place.path().join("ingress/control")).is_ok_and(|mut found| found.next().is_none())
        || !place.path().join("ingress/control").exists()
    {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    place.tick();
    let output = waiting.wait_with_output().expect("the program");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!((output.status.code(), &document["admitted_in"]), (Some(0), &json!(2)));
    assert_eq!(document["problems"], json!([]));
}

#[test]
fn files_are_listed_shown_and_brought_back() {
    let write = |tick: u64, path: &str, text: &str| {
        json!({"agent": "ada", "when": {"tick": tick, "step": 0},
            "answer": {"tool_calls": [{"tool": "file_write", "args": {"path": path, "text": text}}]}})
    };
    let rules = json!([
        write(1, "shared/a.md", "first"),
        write(2, "shared/a.md", "second"),
        write(3, "workspace/own.md", "mine")
    ]);
    let place = Place::new(&["ada"], rules);
    for _ in 0..3 {
        place.tick();
    }
    insta::assert_snapshot!(place.says(&["files", "list"]), @"
    agents/ada/workspace/own.md  tick 3  ada
    shared/a.md                  tick 2  ada
    ");
    insta::assert_snapshot!(place.says(&["files", "list", "shared", "--at", "1"]), @"shared/a.md  tick 1  ada");
    assert_eq!(place.says(&["files", "show", "shared", "a.md"]), "second\n");
    assert_eq!(place.says(&["files", "show", "shared", "shared/a.md", "--at", "1"]), "first\n");
    for path in ["own.md", "workspace/own.md", "agents/ada/workspace/own.md"] {
        assert_eq!(place.json(&["files", "show", "ada", path])["text"], json!("mine"));
    }
    assert_eq!(
        place.says(&["files", "restore", "shared", "a.md", "--at", "1"]),
        "shared/a.md becomes what it was after tick 1 with the next tick\n"
    );
    assert_eq!(place.json(&["files", "restore", "ada", "own.md", "--at", "1"])["deletes"], json!(true));
    place.tick();
    assert_eq!(place.read("shared/a.md").as_deref(), Some("first"));
    assert_eq!(place.read("agents/ada/workspace/own.md"), None);
    insta::assert_snapshot!(place.fails(&["files", "show", "shared", "none.md"]), @"6 there is no file shared/none.md | `lemming files list` shows those that there are; --at TICK those that there were");
    insta::assert_snapshot!(place.fails(&["files", "restore", "shared", "none.md", "--at", "1"]), @"6 there was no file shared/none.md after tick 1 | `lemming files list --at 1` shows those that there were");
    insta::assert_snapshot!(place.fails(&["files", "show", "shared", "../org.json"]), @r#"2 "../org.json" is not a path that may be used here: a segment begins with a dot |"#);
}
