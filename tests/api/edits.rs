//! Files that people write: checked whole, never written over what was not seen, and noted with who did it.

use lemming::api::Access;
use lemming::domain::ids::Sha;
use serde_json::{Value, json};

use crate::world::{World, bearer};

const RESUME: &str = "agents/editor/resume.json";

fn tag(text: &str) -> String {
    format!("\"{}\"", Sha::of(text.as_bytes()))
}

/// The files that commands in the ingress say were edited, and by whom.
async fn noted(world: &World) -> Vec<(String, Vec<String>)> {
    let commands = world.commands().await.into_iter().filter(|command| command["action"] == "edited");
    let paths = |command: &Value| {
        let files = command["files"].as_array().expect("files").iter();
        files.map(|file| file["path"].as_str().expect("a path").to_owned()).collect()
    };
    commands.map(|command| (command["by"].as_str().expect("somebody").to_owned(), paths(&command))).collect()
}

#[tokio::test]
async fn a_resume_is_replaced_to_the_byte_by_whoever_has_seen_it() {
    let world = World::new(Access::Keys).await;
    let [key] = world.keys([("ada", &["edit"])]).await;
    let key = bearer(&key);
    let before = world.text(RESUME).await.expect("a resume");
    let after = before.replace("\"title\": \"Editor\"", "\"title\":    \"Editor in chief\"");
    assert_ne!(before, after);
    let put = async |query: &str, body: &str, version: Option<&str>| {
        let mut headers = vec![("authorization", key.as_str())];
        headers.extend(version.map(|version| ("if-match", version)));
        world.change("PUT", &format!("/api/agents/editor/resume{query}"), body, &headers).await
    };
    assert_eq!(put("", &after, None).await.error(), (428, "precondition_required", ""));
    assert_eq!(put("", &after, Some(&tag("other"))).await.error(), (412, "precondition_failed", ""));
    let dry = put("?dry_run=true", &after, Some(&tag(&before))).await;
    assert_eq!((dry.status.as_u16(), &dry.body["written"]), (200, &json!(false)), "{}", dry.body);
    assert_eq!(dry.body["changes"][0]["path"], RESUME);
    assert!(
        dry.body["changes"][0]["difference"].as_str().expect("lines").contains("+  \"title\":    \"Editor in chief\"")
    );
    assert_eq!(dry.header("etag"), tag(&before));
    assert_eq!(world.text(RESUME).await.as_deref(), Some(before.as_str()), "nothing is written");
    assert!(noted(&world).await.is_empty());
    let saved = put("", &after, Some(&tag(&before))).await;
    assert_eq!((saved.status.as_u16(), &saved.body["written"]), (200, &json!(true)), "{}", saved.body);
    assert_eq!((saved.body["agent"].as_str(), saved.header("etag")), (Some("editor"), tag(&after).as_str()));
    assert_eq!(world.text(RESUME).await, Some(after.clone()));
    assert_eq!(noted(&world).await, [("ada".to_owned(), vec![RESUME.to_owned()])]);
    let note = world.commands().await.remove(0);
    let sha = |text: &str| json!(Sha::of(text.as_bytes()));
    assert_eq!((&note["files"][0]["before"], &note["files"][0]["after"]), (&sha(&before), &sha(&after)));
    assert_eq!(world.woken(), 1);
    // Whoever saw the old one does not write over the new one.
    assert_eq!(put("", &before, Some(&tag(&before))).await.error(), (412, "precondition_failed", ""));
    assert_eq!(world.text(RESUME).await, Some(after.clone()));
    let same = put("", &after, Some(&tag(&after))).await;
    assert_eq!((same.status.as_u16(), &same.body["written"]), (200, &json!(false)), "nothing changes");
    world.tick().await;
    let plan = world.json("ticks/000000000001/plan.json").await.expect("a plan");
    assert_eq!(
        (&plan["ingress"][0]["control"]["by"], plan["ingress"].as_array().map(Vec::len)),
        (&json!("ada"), Some(1)),
        "{plan}"
    );
    assert!(noted(&world).await.is_empty(), "it is in the records");
}

#[tokio::test]
async fn what_would_be_wrong_is_refused_with_every_finding_and_its_place() {
    let world = World::new(Access::Local).await;
    let before = world.text(RESUME).await.expect("a resume");
    let put = async |query: &str, body: &str| {
        world.change("PUT", &format!("/api/agents/editor/resume{query}"), body, &[("if-match", &tag(&before))]).await
    };
    let mut resume: Value = serde_json::from_str(&before).expect("json");
    resume["model"]["key"] = json!("nope");
    resume["schedule"]["run_every_n_ticks"] = json!(0);
    for body in [resume.to_string(), "{".to_owned(), "[]".to_owned(), before.replace("\"editor\"", "\"writer\"")] {
        let answer = put("", &body).await;
        let (status, code, _) = answer.error();
        assert_eq!((status, code), (422, "invalid"), "{body}: {}", answer.body);
        let findings = answer.body["error"]["findings"].as_array().expect("findings");
        assert!(
            findings.iter().all(|finding| finding["path"] == RESUME && finding["pointer"].is_string()),
            "{findings:?}"
        );
        let dry = put("?dry_run=true", &body).await;
        assert_eq!((dry.status.as_u16(), &dry.body["written"]), (200, &json!(false)), "{}", dry.body);
        assert!(
            dry.body["findings"].as_array().expect("findings").iter().any(|finding| finding["severity"] == "error")
        );
    }
    let wrong = put("", &resume.to_string()).await;
    assert!(wrong.error().2.starts_with("/schedule") || wrong.error().2.starts_with("/model"), "{}", wrong.body);
    assert_eq!(put("?dry_run=maybe", &before).await.error().0, 400);
    assert_eq!(put("?dry=true", &before).await.error().0, 400);
    let huge = format!("{{\"x\": \"{}\"}}", "x".repeat(300_000));
    assert_eq!(put("", &huge).await.error(), (413, "too_large", ""));
    let nobody = world.change("PUT", "/api/agents/nobody/resume", &before, &[("if-match", &tag(&before))]).await;
    assert_eq!(nobody.error(), (404, "not_found", ""));
    let any = world.change("PUT", "/api/agents/editor/resume", &before, &[("if-match", "*")]).await;
    assert_eq!(any.error(), (428, "precondition_required", ""), "any version is none");
    assert_eq!(world.text(RESUME).await, Some(before));
    assert!(noted(&world).await.is_empty());
    assert_eq!(world.woken(), 0);
}

#[tokio::test]
async fn agents_are_made_of_words_of_a_resume_of_a_template_and_of_each_other() {
    let world = World::new(Access::Local).await;
    let post = async |path: &str, body: &Value| world.change("POST", path, body, &[]).await;
    let words =
        json!({"name": "poet", "title": "Poet", "instructions": "Answer in rhyme.", "reads": ["editor"], "every": 3});
    let dry = post("/api/agents?dry_run=true", &words).await;
    assert_eq!((dry.status.as_u16(), &dry.body["written"]), (200, &json!(false)));
    assert_eq!(world.text("agents/poet/resume.json").await, None);
    let made = post("/api/agents", &words).await;
    assert_eq!((made.status.as_u16(), &made.body["agents"]), (201, &json!(["poet"])), "{}", made.body);
    let resume = world.json("agents/poet/resume.json").await.expect("a resume");
    assert_eq!((&resume["schedule"]["run_every_n_ticks"], &resume["model"]["key"]), (&json!(3), &json!("desk")));
    let mut whole = resume.clone();
    whole["name"] = json!("bard");
    let made = post("/api/agents", &json!({"resume": whole})).await;
    assert_eq!((made.status.as_u16(), &made.body["agents"]), (201, &json!(["bard"])), "{}", made.body);
    assert!(
        world.text("agents/bard/resume.json").await.expect("a resume").contains("\n  \"name\""),
        "laid out for people"
    );
    let made = post("/api/agents", &json!({"from": "brief_desk/critic", "name": "second_critic"})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = post("/api/agents/clone", &json!({"from": "poet", "name": "rhymer", "title": "Rhymer"})).await;
    assert_eq!((made.status.as_u16(), &made.body["agent"]), (201, &json!("rhymer")), "{}", made.body);
    let clone = world.json("agents/rhymer/resume.json").await.expect("a resume");
    assert_eq!((&clone["name"], &clone["title"]), (&json!("rhymer"), &json!("Rhymer")));
    assert_eq!(noted(&world).await.len(), 4);
    let report = world.tick().await;
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    for (path, body, wanted) in [
        ("/api/agents", words.clone(), (409, "conflict", "/name")),
        ("/api/agents", json!({"name": "x"}), (400, "usage", "/title")),
        ("/api/agents", json!({}), (400, "usage", "/name")),
        ("/api/agents", json!({"name": "Bad Name", "title": "t", "instructions": "i"}), (400, "usage", "/name")),
        ("/api/agents", json!({"name": "human", "title": "t", "instructions": "i"}), (400, "usage", "/name")),
        ("/api/agents", json!({"name": "all", "title": "t", "instructions": "i"}), (400, "usage", "/name")),
        ("/api/agents", json!({"name": "x", "title": "t", "instructions": "i", "every": 0}), (400, "usage", "/every")),
        ("/api/agents", json!({"name": "x", "colour": "red"}), (400, "usage", "/colour")),
        ("/api/agents", json!({"resume": {"name": "x"}, "title": "t"}), (400, "usage", "/title")),
        ("/api/agents", json!({"resume": {"title": "x"}}), (400, "usage", "/resume/name")),
        ("/api/agents", json!({"from": "nothing_like_it"}), (400, "not_found", "/from")),
        ("/api/agents", json!({"from": "/etc"}), (400, "not_found", "/from")),
        ("/api/agents", json!({"from": "../brief_desk"}), (400, "not_found", "/from")),
        ("/api/agents", json!({"from": "https://evil.example/x"}), (400, "usage", "/from")),
        ("/api/agents", json!({"from": "brief_desk/nobody"}), (400, "not_found", "/from")),
        ("/api/agents/clone", json!({"from": "nobody", "name": "x"}), (400, "not_found", "/from")),
        ("/api/agents/clone", json!({"from": "poet", "name": "editor"}), (409, "conflict", "/name")),
    ] {
        let answer = post(path, &body).await;
        assert_eq!(answer.error(), wanted, "{body}: {}", answer.body);
    }
    let unknown = json!({"name": "x", "title": "t", "instructions": "i", "model": "nope"});
    assert_eq!(post("/api/agents", &unknown).await.error().0, 422);
    assert_eq!(world.text("agents/x/resume.json").await, None);
}

#[tokio::test]
async fn an_agent_is_put_away_and_brought_back_and_kept_from_being_due() {
    let world = World::new(Access::Local).await;
    world.tick().await;
    let before = world.text(RESUME).await.expect("a resume");
    let stale = world.change("DELETE", "/api/agents/editor", "", &[("if-match", &tag("old"))]).await;
    assert_eq!(stale.error(), (412, "precondition_failed", ""));
    let removed = world.change("DELETE", "/api/agents/editor", "", &[("if-match", &tag(&before))]).await;
    assert_eq!((removed.status.as_u16(), &removed.body["removed"]), (200, &json!(["editor"])), "{}", removed.body);
    assert_eq!(world.text(RESUME).await, None);
    assert_eq!(world.text("removed/editor.json").await, Some(before.clone()));
    assert_eq!(noted(&world).await[0].1, ["removed/editor.json", RESUME]);
    assert_eq!(world.change("DELETE", "/api/agents/editor", "", &[]).await.error(), (404, "not_found", ""));
    let taken = json!({"name": "editor", "title": "t", "instructions": "i"});
    assert_eq!(world.change("POST", "/api/agents", taken, &[]).await.error(), (409, "conflict", "/name"));
    let back = world.change("POST", "/api/agents/editor/restore", "{}", &[]).await;
    assert_eq!((back.status.as_u16(), &back.body["restored"]), (200, &json!("editor")), "{}", back.body);
    assert!(back.body["credits_left"].is_number());
    assert_eq!(world.text(RESUME).await, Some(before.clone()));
    assert_eq!(world.text("removed/editor.json").await, None);
    assert_eq!(world.change("POST", "/api/agents/editor/restore", "{}", &[]).await.error(), (409, "conflict", ""));
    assert_eq!(world.change("POST", "/api/agents/nobody/restore", "{}", &[]).await.error(), (404, "not_found", ""));
    for (enabled, written) in [(false, true), (false, false), (true, true)] {
        let answer = world.change("PUT", "/api/agents/editor/enabled", json!({"enabled": enabled}), &[]).await;
        assert_eq!((answer.status.as_u16(), &answer.body["written"]), (200, &json!(written)), "{}", answer.body);
        assert_eq!(world.json(RESUME).await.expect("a resume").get("enabled").unwrap_or(&json!(true)), &json!(enabled));
    }
}

#[tokio::test]
async fn settings_and_models_are_replaced_by_whoever_has_seen_them() {
    let world = World::new(Access::Local).await;
    for (path, file, wrong) in [
        ("/api/config", "org.json", json!({"format": 1, "name": "x", "pace": {"every": "soon"}})),
        ("/api/models", "config/models.json", json!({})),
    ] {
        let before = world.text(file).await.expect("a file");
        let version = tag(&before);
        assert_eq!(world.change("PUT", path, &before, &[]).await.error(), (428, "precondition_required", ""));
        let refused = world.change("PUT", path, &wrong, &[("if-match", &version)]).await;
        assert_eq!((refused.error().0, refused.error().1), (422, "invalid"), "{path}: {}", refused.body);
        assert_eq!(world.text(file).await, Some(before.clone()));
        let after = format!("{}\n\n", before.trim_end());
        let saved = world.change("PUT", path, &after, &[("if-match", &version)]).await;
        assert_eq!((saved.status.as_u16(), saved.header("etag")), (200, tag(&after).as_str()), "{}", saved.body);
        assert_eq!(world.text(file).await, Some(after));
        assert_eq!(world.change("PUT", path, &before, &[("if-match", &version)]).await.error().0, 412);
    }
    assert_eq!(noted(&world).await.len(), 2);
}

#[tokio::test]
async fn settings_of_the_first_version_are_changed_where_they_have_a_place() {
    let world = World::new(Access::Local).await;
    let post = async |body: Value| world.change("POST", "/api/engine/config", body, &[]).await;
    let saved = post(json!({"base_turn_seconds": 90, "max_outbox_age_ticks": 40, "max_turns": null})).await;
    assert_eq!((saved.status.as_u16(), &saved.body["written"]), (200, &json!(true)), "{}", saved.body);
    let org = world.json("org.json").await.expect("settings");
    assert_eq!((&org["pace"]["every"], &org["limits"]["max_outbox_age_ticks"]), (&json!("90s"), &json!(40)));
    assert_eq!(post(json!({"base_turn_seconds": null})).await.status, 200);
    let org = world.json("org.json").await.expect("settings");
    assert!(org["pace"].get("every").is_none() && org["limits"]["max_outbox_age_ticks"] == 40, "{org}");
    for (body, wanted) in [
        (json!({"max_turns": 9}), (400, "usage", "/max_turns")),
        (json!({"summary_every_n_turns": 9}), (400, "usage", "/summary_every_n_turns")),
        (json!({"base_turn_seconds": 0}), (400, "usage", "/base_turn_seconds")),
        (json!({"turbo": true}), (400, "usage", "/turbo")),
    ] {
        let answer = post(body.clone()).await;
        assert_eq!(answer.error(), wanted, "{body}: {}", answer.body);
    }
    let stale = world.change("POST", "/api/engine/config", json!({}), &[("if-match", &tag("old"))]).await;
    assert_eq!(stale.error(), (412, "precondition_failed", ""));
}

#[tokio::test]
async fn who_still_names_an_agent_that_goes_is_told_and_its_going_is_no_problem() {
    let world = World::new(Access::Local).await;
    world.tick().await;
    let dry = world.change("DELETE", "/api/agents/writer?dry_run=true", "", &[]).await;
    let whose = |found: &Value| -> Vec<String> {
        let findings = found["findings"].as_array().expect("findings").iter();
        findings.map(|finding| finding["path"].as_str().expect("a path").to_owned()).collect()
    };
    assert!(whose(&dry.body).contains(&"agents/editor/resume.json".to_owned()), "{}", dry.body);
    let gone = world.change("DELETE", "/api/agents/writer", "", &[]).await;
    assert_eq!((gone.status.as_u16(), whose(&gone.body)), (200, whose(&dry.body)), "{}", gone.body);
    world.tick().await;
    let problems = world.get("/api/problems").await;
    let kinds: Vec<&str> =
        problems.body["problems"].as_array().expect("problems").iter().filter_map(|one| one["kind"].as_str()).collect();
    assert!(!kinds.contains(&"missing_resume"), "{}", problems.body);
}
