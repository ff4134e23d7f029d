//! Templates: those of the program do what they say, and whatever else calls itself one writes nothing outside.

use serde_json::{Value, json};

use crate::program::Program;

/// What people were told, the oldest first.
fn told(world: &Program) -> Vec<String> {
    let inbox = world.json(&["inbox", "--limit", "100"]);
    let messages = inbox["messages"].as_array().expect("messages").iter();
    messages.map(|message| message["payload"]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

fn quiet(world: &Program) {
    for _ in 0..4 {
        world.text(&["tick"]);
    }
    assert_eq!(world.json(&["tick"])["due"], json!([]), "everybody falls silent");
}

#[test]
fn the_list_shows_the_programs_templates_without_any_organisation() {
    let world = Program::empty();
    let list = world.json(&["templates"]);
    let names: Vec<&str> =
        list["templates"].as_array().unwrap().iter().map(|template| template["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["brief_desk", "code_review", "folder_watch", "support_desk"]);
    let shown = world.text(&["templates", "show", "support_desk"]);
    assert!(shown.contains("shared/handbook.md") && shown.contains("tools: file_read, file_write"), "{shown}");
    let (exit, error) = world.refused(&["templates", "show", "support_dsk"]);
    assert_eq!((exit, &error["hint"]), (6, &json!("did you mean support_desk?")));
    assert!(world.files("").is_empty());
}

#[test]
fn the_support_desk_answers_from_its_handbook_and_escalates_what_is_not_in_it() {
    let world = Program::empty();
    world.text(&["bootstrap", "--template", "support_desk"]);
    assert_eq!(world.json(&["validate"])["findings"], json!([]));
    world.text(&["send", "triage", "I was charged twice for the same invoice, please help today."]);
    world.text(&["send", "triage", "The export of my data hangs."]);
    world.text(&["send", "triage", "My parrot sings too loud."]);
    world.text(&["send", "triage", "Hello there"]);
    quiet(&world);
    let told = told(&world);
    let has = |words: &[&str]| told.iter().any(|text| words.iter().all(|word| text.contains(word)));
    assert!(has(&["billing, urgent), to be sent: We have found the second charge"]), "{told:#?}");
    assert!(
        has(&["technical, normal), to be sent: Under account, Data"])
            || has(&["technical, normal), to be sent: Under Account, Data, Export"]),
        "{told:#?}"
    );
    assert!(has(&["has no answer in shared/handbook.md", "My parrot sings too loud."]), "{told:#?}");
    assert!(has(&["Hello. Send me a request"]), "{told:#?}");
    let cases = world.read("shared/cases.md");
    assert_eq!(cases.matches("answered").count(), 2, "{cases}");
    assert_eq!(cases.matches("given to a person").count(), 1, "{cases}");
    // The handbook is the people's: from the next case on it counts as they left it.
    let handbook = world.read("shared/handbook.md");
    world.write("shared/handbook.md", format!("{handbook}- parrot, bird: Please cover the cage.\n"));
    world.text(&["send", "triage", "My parrot sings too loud."]);
    quiet(&world);
    assert!(world.json(&["inbox", "--limit", "100"]).to_string().contains("to be sent: Please cover the cage."));
    assert_eq!(world.read("shared/cases.md").lines().filter(|line| line.starts_with("- ")).count(), 4);
}

#[test]
fn the_review_team_finds_what_is_wrong_with_a_change_and_approves_a_good_one() {
    let world = Program::empty();
    world.text(&["bootstrap", "--template", "code_review", "--name", "Ours"]);
    assert_eq!(world.json(&["validate"])["findings"], json!([]));
    let bad = "+ let port = env::var(\"PORT\").unwrap();\n- let old = eval(x);\n+ let reply = get(\"http://\" + host);\n+ // TODO later";
    world.text(&["send", "lead", bad]);
    quiet(&world);
    let verdict = |world: &Program| {
        let told = told(world);
        told.into_iter()
            .filter(|text| text.contains("reject") || text.contains("approve") || text.contains("amend"))
            .collect::<Vec<_>>()
    };
    let found = verdict(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    for line in
        ["reject", "security, line 3: speaks without encryption", "line 1: stops the program", "line 4: is a note"]
    {
        assert!(found[0].contains(line), "{line} is not in {}", found[0]);
    }
    assert!(!found[0].contains("line 2"), "what a change takes away is not looked at: {}", found[0]);
    let files = world.files("shared/reviews");
    assert!(files.len() == 1 && String::from_utf8_lossy(&files[0].1).contains(": reject"), "{files:?}");
    world.text(&["send", "lead", "+ let port = parse(text)?;"]);
    quiet(&world);
    assert_eq!(verdict(&world).iter().filter(|text| text.contains("approve")).count(), 1);
}

#[test]
fn agents_of_templates_become_parts_of_an_organisation_with_the_models_they_need() {
    let world = Program::empty();
    world.text(&["bootstrap"]);
    world.text(&["agents", "new", "--from", "support_desk"]);
    world.text(&["agents", "new", "second_critic", "--from", "brief_desk/critic"]);
    assert_eq!(world.json(&["validate"])["errors"], json!(0));
    let models: Value = serde_json::from_str(&world.read("config/models.json")).unwrap();
    assert!(models["desk"].is_object() && models["support"].is_object());
    assert!(world.has("shared/handbook.md") && world.has("config/support.json"));
    assert!(world.read("agents/second_critic/resume.json").contains("\"name\": \"second_critic\""));
    world.text(&["send", "triage", "I want a refund."]);
    for _ in 0..4 {
        world.text(&["tick"]);
    }
    assert!(told(&world).iter().any(|text| text.contains("to be sent: Within 30 days")));
    let before = world.files("agents");
    assert_eq!(world.refused(&["agents", "new", "--from", "support_desk"]).0, 2, "they are there already");
    assert_eq!(world.refused(&["agents", "new", "x", "--from", "support_desk/nobody"]).0, 6);
    assert_eq!(world.refused(&["agents", "new", "x", "--from", "support_desk"]).0, 2);
    // Its model needs a script whose place is taken by another.
    let other = Program::founded();
    let (exit, error) = other.refused(&["agents", "new", "c", "--from", "brief_desk/critic"]);
    assert!(exit == 1 && error["hint"].as_str().unwrap().contains("--model"), "{error}");
    other.text(&["agents", "new", "c", "--from", "brief_desk/critic", "--model", "m"]);
    assert_eq!(world.files("agents"), before);
}

#[test]
fn servers_come_along_with_the_agents_that_may_call_them_and_what_was_accepted_does_not() {
    let world = Program::empty();
    world.text(&["bootstrap", "--store", "watch", "--template", "folder_watch"]);
    assert_eq!(world.json(&["--store", "watch", "validate"])["errors"], json!(0));
    world.write("watch/config/tools.lock.json", "{}\n");
    let mut tools: Value = serde_json::from_str(&world.read("watch/config/tools.json")).unwrap();
    tools["servers"]["other"] = json!({"url": "https://other.example/mcp"});
    world.write("watch/config/tools.json", tools.to_string());
    world.text(&["--store", "watch", "templates", "export", "kept", "--name", "kept", "--description", "Kept."]);
    let kept: Value = serde_json::from_str(&world.read("kept/config/tools.json")).unwrap();
    assert_eq!(kept["servers"], json!({"files": tools["servers"]["files"]}), "nobody may call the other");
    assert_eq!(kept["approvals"], tools["approvals"]);
    assert!(!world.has("kept/config/tools.lock.json"));
    world.text(&["bootstrap", "--store", "desk"]);
    world.text(&["--store", "desk", "agents", "new", "lookout", "--from", "./kept/watcher"]);
    assert_eq!(world.json(&["--store", "desk", "validate"])["errors"], json!(0));
    let joined: Value = serde_json::from_str(&world.read("desk/config/tools.json")).unwrap();
    assert_eq!((&joined["servers"], &joined["approvals"]["rules"]), (&kept["servers"], &kept["approvals"]["rules"]));
    assert!(!world.has("desk/config/tools.lock.json"));
}

#[test]
fn an_organisation_becomes_a_template_and_that_an_organisation_again() {
    let world = Program::empty();
    world.text(&["bootstrap", "--store", "one", "--template", "support_desk"]);
    world.text(&["--store", "one", "keys", "add", "web", "--scope", "send"]);
    world.text(&["--store", "one", "tick"]);
    world.text(&["--store", "one", "templates", "export", "ours", "--description", "Ours.", "--tags", "a,b"]);
    let names: Vec<String> = world.files("ours").into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "README.md",
            "agents/billing/resume.json",
            "agents/reviewer/resume.json",
            "agents/technical/resume.json",
            "agents/triage/resume.json",
            "config/models.json",
            "config/support.json",
            "org.json",
            "template.json"
        ],
        "neither keys nor what agents said"
    );
    assert_eq!(world.refused(&["--store", "one", "templates", "export", "ours", "--name", "other"]).0, 2);
    world.text(&["bootstrap", "--store", "two", "--template", "./ours", "--name", "Two"]);
    assert_eq!(world.json(&["--store", "two", "validate"])["errors"], json!(0));
    // Kept by an organisation it has a name there.
    world.text(&["--store", "two", "templates", "import", "code_review", "--name", "review"]);
    let list = world.json(&["--store", "two", "templates"]);
    assert!(list.to_string().contains(r#""of":"organisation""#), "{list}");
    world.text(&["--store", "two", "agents", "new", "--from", "review"]);
    assert!(world.has("two/agents/lead/resume.json"));
    assert_eq!(world.refused(&["--store", "two", "templates", "import", "./ours", "--name", "review"]).0, 2);
    world.text(&["--store", "two", "templates", "import", "./ours", "--name", "review", "--replace"]);
    assert!(!world.has("two/templates/review/agents/lead/resume.json"), "nothing of the former one is left");
    assert_eq!(world.json(&["--store", "two", "validate"])["errors"], json!(0));
}

#[test]
fn who_reads_whom_is_said_of_a_template_and_of_an_organisation() {
    let world = Program::empty();
    let found = world.json(&["templates", "analyse", "code_review"]);
    assert_eq!(found["readings"].as_array().map(Vec::len), Some(3));
    assert_eq!(found["remarks"], json!([]));
    world.text(&["bootstrap"]);
    let shown = world.text(&["templates", "analyse"]);
    assert!(shown.contains("writer reads editor within 3 ticks"), "{shown}");
}

#[cfg(unix)]
#[test]
fn a_hostile_template_writes_nothing_outside_and_nothing_that_is_no_part_of_one() {
    let world = Program::empty();
    let about = json!({ "name": "bad", "description": "\u{1b}[31mred\u{1b}[0m" }).to_string();
    world.write("bad/template.json", &about);
    world.write("bad/org.json", r#"{"format": 1, "name": "Bad"}"#);
    world.write(
        "bad/config/models.json",
        r#"{"m": {"provider": "scripted", "price": {"input": 0, "output": 0}, "provider_config": {"rules": []}}}"#,
    );
    world.write("bad/agents/ada/resume.json", crate::program::resume("ada"));
    world.write("bad/config/keys.json", r#"{"x": {"sha256": "", "scopes": ["control"]}}"#);
    world.write("bad/ingress/control/x.json", "{}");
    world.write("bad/head.json", "{}");
    world.write("outside.txt", "secret");
    std::os::unix::fs::symlink(world.at("outside.txt"), world.at("bad/shared.txt")).unwrap();
    std::fs::create_dir_all(world.at("bad/shared")).unwrap();
    std::os::unix::fs::symlink(world.at("outside.txt"), world.at("bad/shared/link.txt")).unwrap();
    let shown = world.text(&["templates", "show", "./bad"]);
    assert!(!shown.contains('\u{1b}') && !shown.contains("secret"), "{shown}");
    world.text(&["bootstrap", "--store", "org", "--template", "./bad"]);
    let names: Vec<String> =
        world.files("org").into_iter().map(|(name, _)| name).filter(|name| !name.starts_with("schemas/")).collect();
    assert_eq!(names, ["agents/ada/resume.json", "config/models.json", "org.json"]);
    // Too large, too many, and none at all.
    world.write("bad/shared/big.bin", vec![0; 1024 * 1024 + 1]);
    let (exit, error) = world.refused(&["bootstrap", "--store", "big", "--template", "./bad"]);
    assert!(exit == 3 && error["message"].as_str().unwrap().contains("big.bin"), "{error}");
    std::fs::remove_file(world.at("bad/shared/big.bin")).unwrap();
    for i in 0..2001 {
        world.write(&format!("bad/shared/{i}.txt"), "x");
    }
    assert_eq!(world.refused(&["bootstrap", "--store", "big", "--template", "./bad"]).0, 3);
    std::fs::create_dir_all(world.at("none")).unwrap();
    assert_eq!(world.refused(&["bootstrap", "--store", "big", "--template", "./none"]).0, 6);
    assert!(!world.has("big"), "nothing was founded");
}

#[test]
fn founding_again_brings_back_nobody_and_no_agents_without_their_models() {
    let world = Program::empty();
    world.text(&["bootstrap"]);
    world.text(&["agents", "remove", "critic", "--yes"]);
    world.text(&["bootstrap"]);
    assert!(!world.path().join("agents/critic/resume.json").exists(), "who was removed stays away");
    let refused = world.run(&["bootstrap", "--template", "support_desk"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("agents new --from support_desk"), "{told}");
    assert!(!world.path().join("agents/triage").exists());
    world.text(&["bootstrap", "--template", "brief_desk"]);
    let refused = world.run(&["agents", "new", "all", "--title", "A", "--instructions", "I", "--model", "desk"]);
    assert_eq!(refused.status.code(), Some(2), "everybody is no agent");
}
