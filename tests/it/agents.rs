//! `lemming agents`: resumes are made, changed, put away and brought back, and nothing else is touched.

use serde_json::{Value, json};

use crate::program::{Program, resume, utf8};

#[test]
fn the_list_and_one_agent_are_shown_now_and_as_they_were() {
    let world = Program::founded();
    world.text(&["tick"]);
    world.text(&["agents", "edit", "ada", "--set", "/title=Lead"]);
    let before = world.files("");
    let list = world.text(&["agents"]);
    insta::assert_snapshot!(list.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"), @r"
    agent  title  model  runs        reads     credits  unread
    ada    Lead   m      every tick  ada, bob    99.99       1
    bob    Agent  m      every tick  ada, bob    99.99       0
    ");
    assert_eq!(world.text(&["list-agents"]), list);
    let now = world.json(&["agents", "list"]);
    let then = world.json(&["agents", "list", "--at", "1"]);
    assert_eq!((&now["agents"][0]["title"], &then["agents"][0]["title"]), (&json!("Lead"), &json!("Agent")));
    assert_eq!(world.json(&["agents", "list", "--at", "0"])["agents"], json!([]));
    let shown = world.json(&["agents", "show", "ada"]);
    assert_eq!(shown["text"].as_str().unwrap(), world.read("agents/ada/resume.json"));
    assert_eq!(shown["next"][0]["clock"], 2);
    assert_eq!(shown["account"]["balance"], json!(99.99));
    assert_eq!(shown["findings"], json!([]));
    let text = world.text(&["show-agent", "ada"]);
    assert!(text.contains("next at clock: 2, 3, 4, 5, 6") && text.contains("\"temperature\": 0.30"), "{text}");
    assert_eq!(world.refused(&["agents", "show", "add"]).1["hint"], "did you mean ada?");
    assert_eq!(world.files(""), before, "looking writes nothing");
}

#[test]
fn a_resume_that_is_wrong_is_shown_with_what_is_wrong() {
    let world = Program::founded();
    world.write("agents/bob/resume.json", resume("bob").replace("\"m\"", "\"mm\""));
    let shown = world.json(&["agents", "show", "bob"]);
    assert_eq!(shown["findings"][0]["pointer"], "/model/key");
    world.write("agents/bob/resume.json", "{ half");
    let shown = world.json(&["agents", "show", "bob"]);
    assert_eq!((&shown["resume"], &shown["text"]), (&Value::Null, &json!("{ half")));
    assert!(world.text(&["agents"]).contains("broken resume"));
}

#[test]
fn an_agent_is_made_of_words_and_takes_part_in_the_next_tick() {
    let world = Program::founded();
    let made = world.json(&[
        "agents",
        "new",
        "poet",
        "--title",
        "Poet",
        "--instructions",
        "Rhyme.",
        "--reads",
        "ada,bob",
        "--sends",
        "ada",
        "--every",
        "2",
        "--offset",
        "-1",
        "--max-credits",
        "3",
        "--tools",
        "memory_read",
    ]);
    assert_eq!(made["agents"], json!(["poet"]));
    insta::assert_snapshot!(world.read("agents/poet/resume.json"), @r#"
    {
      "$schema": "../../schemas/resume.schema.json",
      "name": "poet",
      "title": "Poet",
      "short_description": "Poet",
      "instructions": "Rhyme.",
      "model": { "key": "m" },
      "permissions": { "read_outboxes": ["ada", "bob"], "send_outboxes": ["ada"], "tools": ["memory_read"] },
      "schedule": { "run_every_n_ticks": 2, "phase_offset": -1 },
      "credits": { "max_credits": 3, "soft_cap": 0.75 }
    }
    "#);
    assert_eq!(world.json(&["validate"])["findings"], json!([]));
    let due = world.json(&["tick"])["due"].clone();
    assert!(due.to_string().contains("poet"), "{due}");
    for (args, code) in [
        (vec!["poet", "--title", "P", "--instructions", "x"], 2),
        (vec!["human", "--title", "P", "--instructions", "x"], 2),
        (vec!["../up", "--title", "P", "--instructions", "x"], 2),
        (vec!["eve", "--title", "P", "--instructions", "x", "--model", "mm"], 3),
        (vec!["eve", "--title", "P"], 2),
    ] {
        let before = world.files("");
        let (exit, error) = world.refused(&[&["agents", "new"], &args[..]].concat());
        assert_eq!(exit, code, "{args:?}: {error}");
        assert_eq!(world.files(""), before);
    }
}

#[test]
fn a_clone_has_the_others_resume_and_nothing_else_of_it() {
    let world = Program::founded();
    world.text(&["tick"]);
    world.text(&["agents", "clone", "ada", "eve", "--title", "Second", "--set", "/schedule/run_every_n_ticks=5"]);
    let wanted = resume("eve").replace("\"Agent\"", "\"Second\"");
    let text = world.read("agents/eve/resume.json");
    assert!(text.starts_with(wanted.trim_end().trim_end_matches("\n}")), "{text}");
    assert_eq!(world.json(&["agents", "show", "eve"])["account"], Value::Null);
    assert!(!world.has("agents/eve/memory"));
}

#[test]
fn an_edit_changes_what_was_named_and_keeps_the_layout_of_the_rest() {
    let world = Program::founded();
    let edited = world.json(&[
        "agents",
        "edit",
        "ada",
        "--set",
        "/model/temperature=0.5",
        "--set",
        "/permissions/read_outboxes/-=*",
        "--unset",
        "/permissions/read_outboxes/0",
    ]);
    assert_eq!(edited["saved"]["written"], true);
    assert_eq!(edited["saved"]["changes"][0]["path"], "agents/ada/resume.json");
    let text = world.read("agents/ada/resume.json");
    assert!(text.contains("{ \"key\": \"m\",   \"temperature\": 0.5 }"), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["permissions"]["read_outboxes"], json!(["bob", "*"]));
    let before = world.files("");
    for (args, code, word) in [
        (vec!["--set", "/model/key=mm"], 3, "nothing was written"),
        (vec!["--set", "/model/temperature=hot"], 3, "nothing was written"),
        (vec!["--set", "/name=bob"], 3, "nothing was written"),
        (vec!["--set", "title=x"], 2, "JSON pointer"),
        (vec!["--set", "/permissions/read_outboxes/7=x"], 2, "no place"),
        (vec!["--file", "none.json"], 2, "cannot be read"),
        (vec![], 2, "no editor"),
    ] {
        let (exit, error) = world.refused(&[&["agents", "edit", "ada"], &args[..]].concat());
        assert_eq!(exit, code, "{args:?}: {error}");
        assert!(error.to_string().contains(word), "{args:?}: {error}");
    }
    assert_eq!(world.json(&["agents", "edit", "ada", "--set", "/title=B", "--dry-run"])["saved"]["written"], false);
    assert_eq!(world.json(&["agents", "edit", "ada", "--set", "/title=Agent"])["saved"]["changes"], json!([]));
    assert_eq!(world.files(""), before);
}

#[cfg(unix)]
#[test]
fn in_an_editor_a_text_that_is_wrong_is_kept_and_not_saved() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = Program::founded().with_var("EDITOR", "./editor --wait");
    let editor = |script: &str| {
        world.write("editor", format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(world.at("editor"), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    editor(r#"sed -i 's/"Agent"/"Changed"/' "$2""#);
    let shown = world.text(&["agents", "edit", "ada"]);
    assert!(shown.contains("-  \"title\": \"Agent\",\n+  \"title\": \"Changed\","), "{shown}");
    assert_eq!(world.read("agents/ada/resume.json"), resume("ada").replace("\"Agent\"", "\"Changed\""));
    editor(r#"echo '{' > "$2""#);
    let (exit, error) = world.refused(&["agents", "edit", "bob"]);
    let hint = error["hint"].as_str().unwrap();
    assert!(exit == 3 && hint.contains("your text is kept in "), "{error}");
    let kept = hint.split("kept in ").nth(1).unwrap().split(": mend").next().unwrap();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "{\n");
    std::fs::remove_file(kept).unwrap();
    // Somebody else saves while the editor is open.
    editor(&format!(
        "sed -i 's/\"Agent\"/\"Mine\"/' \"$2\"\nsed -i 's/\"Does it.\"/\"Theirs.\"/' '{}'",
        world.at("agents/bob/resume.json").display()
    ));
    let (exit, error) = world.refused(&["agents", "edit", "bob"]);
    assert!(exit == 1 && error["message"].as_str().unwrap().contains("somebody else"), "{error}");
    assert_eq!(world.read("agents/bob/resume.json"), resume("bob").replace("Does it.", "Theirs."));
    editor("exit 3");
    assert_eq!(world.refused(&["agents", "edit", "ada"]).0, 1);
}

#[test]
fn a_disabled_agent_rests_and_an_enabled_one_goes_on() {
    let world = Program::founded();
    let done = world.json(&["agents", "disable", "ada", "bob"]);
    assert_eq!(done["disabled"], json!(["ada", "bob"]));
    assert_eq!(world.json(&["agents", "disable", "ada"])["unchanged"], json!(["ada"]));
    assert_eq!(world.json(&["tick"])["due"], json!([]));
    world.json(&["agents", "enable", "bob"]);
    assert!(world.json(&["tick"])["due"].to_string().contains("bob"));
    // Whoever is broken can still be put to rest.
    world.write("agents/ada/resume.json", resume("ada").replace("\"m\"", "\"none\""));
    world.text(&["agents", "disable", "ada"]);
}

#[test]
fn a_removed_agent_is_none_but_stays_readable_and_comes_back_as_it_was() {
    let world = Program::founded();
    world.text(&["tick"]);
    let told = resume("bob");
    assert_eq!(world.refused(&["agents", "remove", "bob"]).0, 2, "nobody is there to ask");
    assert_eq!(world.refused(&["agents", "remove", "bobb", "--yes"]).0, 6);
    let kept = world.files("agents/bob/memory");
    let records = world.files("ticks");
    world.text(&["agents", "remove", "bob", "--yes"]);
    assert_eq!((world.has("agents/bob/resume.json"), world.read("removed/bob.json")), (false, told.clone()));
    assert_eq!((world.files("agents/bob/memory"), world.files("ticks")), (kept, records), "nothing else is touched");
    assert_eq!(world.json(&["agents", "list", "--removed"])["removed"], json!(["bob"]));
    let validated = world.json(&["validate"]);
    assert_eq!((&validated["agents"], &validated["errors"]), (&json!(1), &json!(0)), "{validated}");
    assert_eq!(world.json(&["status"])["agents"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.refused(&["send", "bob", "hi"]).0, 6);
    let (exit, error) = world.refused(&["agents", "new", "bob", "--title", "B", "--instructions", "x"]);
    assert!(exit == 2 && error["hint"].as_str().unwrap().contains("agents restore bob"), "{error}");
    // The tick that finds it gone says so, and no other.
    let told_of = |world: &Program| world.json(&["status"])["problems"].to_string().contains("missing_resume");
    world.text(&["tick"]);
    assert!(told_of(&world));
    let due = world.json(&["tick"])["due"].to_string();
    assert!(!due.contains("bob") && !told_of(&world), "{due}");
    assert!(world.json(&["inbox", "ada"]).to_string().contains("tick 1"), "what it said is still there");
    for args in [
        &["replay", "1", "--agent", "bob"][..],
        &["credits", "ledger", "--agent", "bob"],
        &["inspect", "bob"],
        &["memory", "list", "bob"],
        &["memory", "search", "bob", "word"],
        &["files", "list", "bob"],
        &["inbox", "bob"],
        &["agents", "show", "bob"],
    ] {
        let document = world.json(args);
        assert!(document.is_object(), "{args:?}: {document}");
    }
    assert_eq!(world.json(&["replay", "1", "--agent", "bob"])["turns"][0]["agent"], json!("bob"));
    assert!(!world.json(&["credits", "ledger", "--agent", "bob"])["lines"].as_array().unwrap().is_empty());
    assert!(!world.json(&["inspect", "bob"])["turns"].as_array().unwrap().is_empty());
    assert!(world.text(&["agents", "show", "bob"]).contains("removed; its resume is removed/bob.json"));
    assert_eq!(world.refused(&["pause", "bob"]).0, 6, "what changes an agent is for those that there are");
    // It comes back with what it had, and reads what was said while it was away.
    let back = world.json(&["agents", "restore", "bob"]);
    assert_eq!(back["credits_left"], json!(99.99));
    assert_eq!((world.read("agents/bob/resume.json"), world.has("removed/bob.json")), (told, false));
    world.text(&["tick"]);
    let turn = &world.json(&["inspect", "bob", "--turns", "1"])["turns"][0]["record"];
    let ticks: Vec<&str> =
        turn["inbox"].as_array().unwrap().iter().map(|read| read["position"].as_str().unwrap()).collect();
    assert_eq!(ticks.len(), 3, "ada's entries of ticks 2, 3 and 4: {ticks:?}");
    assert_eq!(world.refused(&["agents", "restore", "bob"]).0, 2);
    assert_eq!(world.refused(&["agents", "restore", "nobody"]).0, 6);
    // Of one whose files were deleted by hand, the records know the resume.
    std::fs::remove_dir_all(world.at("agents/bob")).unwrap();
    world.text(&["tick"]);
    world.text(&["agents", "restore", "bob"]);
    assert_eq!(world.read("agents/bob/resume.json"), resume("bob"));
}

#[test]
fn removing_the_same_agent_twice_keeps_the_last_resume() {
    let world = Program::founded();
    world.text(&["agents", "remove", "bob", "--yes"]);
    world.write("agents/bob/resume.json", resume("bob").replace("Agent", "Other"));
    assert_eq!(world.json(&["agents"])["agents"].as_array().map(Vec::len), Some(2), "whoever has a resume is an agent");
    world.text(&["agents", "remove", "bob", "--yes"]);
    assert!(world.read("removed/bob.json").contains("Other"));
}

#[test]
fn help_of_agents_shows_examples() {
    let world = Program::empty();
    let output = world.run(&["agents", "edit", "--help"]);
    assert!(utf8(&output.stdout).contains("lemming agents edit writer --set"), "{}", utf8(&output.stdout));
}

#[test]
fn where_there_is_no_organisation_they_say_so_and_write_nothing() {
    let world = Program::empty();
    for args in [
        &["agents"][..],
        &["agents", "show", "ada"],
        &["agents", "new", "ada", "--title", "A", "--instructions", "x"],
        &["agents", "remove", "ada", "--yes"],
        &["templates", "export", "t"],
        &["apply", "git", "--yes"],
        &["export", "a.tar.gz"],
    ] {
        let (exit, error) = world.refused(args);
        assert_eq!(exit, 6, "{args:?}: {error}");
        assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("lemming bootstrap")), "{args:?}: {error}");
        assert!(world.files("").is_empty(), "{args:?}");
    }
}
