//! The reading routes: what they answer, page by page, in the past, and to those who ask for what is not there.

use lemming::api::Access;
use lemming::store::Key;
use serde_json::{Value, json};

use super::worked::{TICKS, all, raw, worked};
use super::world::{World, bearer};

/// The lists, and where their items stand.
const LISTS: [(&str, &str); 17] = [
    ("/api/agents", "agents"),
    ("/api/agents/editor/turns", "turns"),
    ("/api/agents/editor/logs", "events"),
    ("/api/agents/editor/credits", "history"),
    ("/api/agents/editor/memory", "memory"),
    ("/api/agents/editor/files", "files"),
    ("/api/agents/editor/inbox", "messages"),
    ("/api/shared/files", "files"),
    ("/api/credits", "agents"),
    ("/api/credits/ledger", "lines"),
    ("/api/messages", "messages"),
    ("/api/messages?agent=editor", "messages"),
    ("/api/search?q=storage", "messages"),
    ("/api/threads", "threads"),
    ("/api/ticks", "ticks"),
    ("/api/templates", "templates"),
    ("/api/problems", "problems"),
];

#[tokio::test]
async fn pages_to_the_end_are_one_big_page() {
    let world = worked(Access::Local).await;
    for (path, list) in LISTS {
        let whole = all(&world, path, list, 100).await;
        for limit in [1, 3] {
            assert_eq!(all(&world, path, list, limit).await, whole, "{path} by {limit}");
        }
        if path != "/api/problems" {
            assert!(!whole.is_empty(), "{path} has nothing");
        }
    }
}

#[tokio::test]
async fn an_agent_is_told_with_what_it_does_and_when_it_runs_next() {
    let world = worked(Access::Local).await;
    let agents = world.get("/api/agents").await.body;
    assert_eq!(agents["tick"], TICKS);
    let named = |name: &str| {
        let agents = agents["agents"].as_array().unwrap();
        agents.iter().find(|agent| agent["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let editor = named("editor");
    assert_eq!(
        (&editor["doing"], &editor["title"], &editor["enabled"]),
        (&json!("idle"), &json!("Editor"), &json!(true))
    );
    assert!(editor["turns"].as_u64() > Some(0) && editor["next"][0]["clock"].as_i64() > Some(8), "{editor}");
    let one = world.get("/api/agents/editor").await.body;
    for field in ["name", "doing", "credits_left", "next", "model", "reads", "max_credits", "unread"] {
        assert_eq!(one[field], editor[field], "{field}");
    }
    assert_eq!(one["resume"]["name"], "editor");
    assert_eq!(one["findings"], json!([]));
    let resume = raw(&world, "/api/agents/editor/resume", &[]).await;
    assert_eq!(resume.header("etag"), format!("\"{}\"", one["sha256"].as_str().unwrap()));
    assert_eq!(one["text"].as_str(), Some(resume.text().as_str()));
}

#[tokio::test]
async fn an_agent_does_what_its_state_says() {
    let world = worked(Access::Local).await;
    let does = async |name: &str| world.get(&format!("/api/agents/{name}")).await.body["doing"].clone();
    let pause = lemming::domain::ingress::Action::Pause { agent: Some("critic".parse().unwrap()) };
    world.org.postbox().order(pause).await.expect("ordered");
    world.tick().await;
    assert_eq!(does("critic").await, "paused");
    world.write("agents/writer/resume.json", &json!({"name": "writer"})).await;
    world.tick().await;
    assert_eq!(does("writer").await, "broken");
    assert_eq!(does("editor").await, "idle");
    let problems = world.get("/api/problems").await.body;
    let broken =
        problems["problems"].as_array().unwrap().iter().find(|problem| problem["kind"] == "broken_resume").unwrap();
    assert_eq!(
        broken["action"],
        json!({"kind": "edit_resume", "agent": "writer", "path": "agents/writer/resume.json"})
    );
    assert_eq!(world.get("/api/agents/writer").await.body["findings"][0]["severity"], "error");
}

#[tokio::test]
async fn a_turn_is_told_whole() {
    let world = worked(Access::Local).await;
    let turns = world.get("/api/agents/editor/turns?limit=100").await.body;
    let first = turns["turns"].as_array().unwrap().last().unwrap().clone();
    let tick = first["tick"].as_u64().unwrap();
    let turn = world.get(&format!("/api/ticks/{tick}/turns/editor")).await.body;
    assert_eq!((&turn["state"], &turn["status"], &turn["agent"]), (&json!("closed"), &json!("ok"), &json!("editor")));
    assert_eq!(turn["because"], "mail");
    assert_eq!(turn["runners"].as_array().map(Vec::len), Some(1));
    assert_eq!(turn["record"]["prompt"][0]["role"], "system");
    assert_eq!(turn["messages"].as_array().map(Vec::len), first["said"].as_u64().map(|said| said as usize));
    for (field, value) in first.as_object().unwrap() {
        assert_eq!(&turn[field], value, "{field}");
    }
    let why = world.get(&format!("/api/agents/editor/why?tick={tick}")).await.body;
    assert_eq!((why["answers"][0]["ran"].as_bool(), &why["answers"][0]["reason"]), (Some(true), &json!("ran")));
    assert_eq!(world.get("/api/agents/editor/why").await.body["answers"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_past_is_as_it_was() {
    let world = worked(Access::Local).await;
    let then = async |path: &str| world.get(path).await.body;
    assert_eq!(then("/api/status?at=1").await["tick"], 1);
    assert_eq!(then("/api/messages?at=0").await["messages"], json!([]));
    let early = all(&world, "/api/messages?at=2", "messages", 100).await;
    let now = all(&world, "/api/messages", "messages", 100).await;
    assert!(early.len() < now.len() && now.ends_with(&early), "{} of {}", early.len(), now.len());
    assert_eq!(then("/api/agents/editor/turns?at=0").await["turns"], json!([]));
    assert_eq!(then("/api/ticks?at=3").await["ticks"].as_array().map(Vec::len), Some(3));
    assert_eq!(then("/api/agents/editor/credits?at=0").await["history"], json!([]));
    for path in ["/api/status?at=99", "/api/agents?at=99", "/api/messages?at=99", "/api/diff?from=1&to=99"] {
        let answer = world.get(path).await;
        assert_eq!(answer.error().0, 404, "{path}");
        assert!(answer.text("message").contains("99 is not closed"), "{}", answer.body);
    }
    let diff = then(&format!("/api/diff?from=0&to={TICKS}")).await;
    assert_eq!(
        (&diff["before"]["tick"], &diff["after"]["tick"], &diff["equal"]),
        (&json!(0), &json!(TICKS), &json!(false))
    );
}

#[tokio::test]
async fn what_was_charged_adds_up_the_same_everywhere() {
    let world = worked(Access::Local).await;
    let micros = |value: &Value| (value.as_f64().unwrap_or(0.0) * 1e6).round() as i64;
    let spend = world.get("/api/spend").await.body;
    let lines = all(&world, "/api/credits/ledger", "lines", 100).await;
    let sums = |field: &str| -> i64 {
        lines.iter().filter(|line| line["kind"] == "turn").map(|line| micros(&line[field])).sum()
    };
    for field in ["paid", "unanswered", "forfeited", "action"] {
        assert_eq!(micros(&spend["total"][field]), sums(field), "{field}");
    }
    let of = |list: &str, field: &str| -> i64 {
        spend[list].as_array().unwrap().iter().map(|one| micros(&one[field])).sum()
    };
    assert_eq!(of("agents", "charged"), micros(&spend["total"]["charged"]));
    assert_eq!(of("days", "charged"), micros(&spend["total"]["charged"]));
    assert!(micros(&spend["total"]["charged"]) > 0, "{spend}");
    assert_eq!((&spend["first_tick"], &spend["last_tick"]), (&json!(1), &json!(TICKS)));
    let csv = raw(&world, "/api/credits/ledger", &[("accept", "text/csv")]).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.text().lines().count(), lines.len() + 1);
    assert!(csv.text().starts_with("kind,tick,time,agent,"), "{}", csv.text());
    assert_eq!(raw(&world, "/api/credits/ledger?from=1&to=5000", &[("accept", "text/csv")]).await.status, 200);
}

#[tokio::test]
async fn a_conversation_is_found_by_its_id_and_by_how_that_of_a_message_begins() {
    let world = worked(Access::Local).await;
    let threads = world.get("/api/threads").await.body;
    let thread = &threads["threads"][0];
    let by_id = world.get(&format!("/api/threads/{}", thread["id"].as_str().unwrap())).await.body;
    assert_eq!(by_id["messages"][0]["text"], "Should we move our nightly backups to object storage?");
    assert_eq!(by_id["messages"][0]["depth"], 0);
    let newest = thread["newest"].as_str().unwrap();
    assert_eq!(world.get(&format!("/api/threads/{newest}")).await.body["thread_id"], by_id["thread_id"]);
    assert_eq!(world.get("/api/threads/xyz!").await.error().0, 400);
    assert_eq!(world.get("/api/threads/00000000-0000-0000-0000-000000000000").await.error().0, 404);
    let whole = all(&world, &format!("/api/threads/{newest}"), "messages", 100).await;
    assert_eq!(all(&world, &format!("/api/threads/{newest}"), "messages", 2).await, whole);
}

#[tokio::test]
async fn what_is_not_there_is_404_with_what_may_have_been_meant() {
    let world = worked(Access::Local).await;
    for (path, hint) in [
        ("/api/agents/editr", "did you mean editor?"),
        ("/api/agents/editr/turns", "did you mean editor?"),
        ("/api/agents/editr/memory", "did you mean editor?"),
        ("/api/agents/editr/files/a.md", "did you mean editor?"),
        ("/api/messages?agent=editr", "did you mean editor?"),
        ("/api/ticks?agent=editr", "did you mean editor?"),
        ("/api/ticks/99", "the last closed tick is 8"),
        ("/api/ticks/99/turns/editor", "the last closed tick is 8"),
        ("/api/agents/editor/why?tick=99", "the last closed tick is 8"),
        ("/api/templates/brief_dsk", "did you mean"),
        ("/api/deliveries?rule=x", "lists them"),
        ("/api/agents/editor/memory/nothing_such", "memory"),
        ("/api/approvals/00000000-0000-0000-0000-000000000000", "state=all"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.error().0, 404, "{path}: {}", answer.body);
        assert!(answer.text("hint").contains(hint), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_400_and_named() {
    let world = worked(Access::Local).await;
    for (path, named) in [
        ("/api/agents?bogus=1", "bogus"),
        ("/api/agents?limit=0", "limit"),
        ("/api/agents?limit=1001", "limit"),
        ("/api/agents?limit=many", "limit"),
        ("/api/messages?limit=101", "limit"),
        ("/api/messages?cursor=x", "cursor"),
        ("/api/messages?kind=shout", "kind"),
        ("/api/messages?from=No%20One", "from"),
        ("/api/messages?at=-1", "at"),
        ("/api/ticks?cursor=0", "cursor"),
        ("/api/ticks/first", "first"),
        ("/api/threads?cursor=1~x", "cursor"),
        ("/api/search", "q"),
        ("/api/search?q=%20", "q"),
        ("/api/spend?ticks=0", "ticks"),
        ("/api/spend?ticks=10001", "ticks"),
        ("/api/diff?from=3&to=1", "from"),
        ("/api/diff?limit=0", "limit"),
        ("/api/credits/ledger?from=5&to=2", "from"),
        ("/api/org-graph?format=png", "format"),
        ("/api/approvals?state=maybe", "state"),
        ("/api/approvals/1", "id"),
        ("/api/agents/human/inbox?unread=true", "unread"),
        ("/api/agents/editor/memory-archive?key=a%2Fb", "key"),
        ("/api/status?att=1", "att"),
    ] {
        let answer = world.get(path).await;
        assert_eq!((answer.error().0, answer.error().1), (400, "usage"), "{path}: {}", answer.body);
        assert!(answer.text("message").contains(named), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn no_path_is_so_hostile_that_the_server_fails() {
    let world = worked(Access::Local).await;
    let huge = "a".repeat(20_000);
    let names = [
        "..%2f..%2fconfig%2fkeys.json",
        "%2e%2e",
        "%00",
        "%0d%0aSet-Cookie:%20a",
        "%ff%fe",
        "%F0%9F%90%9C",
        "a%20b",
        "EDITOR",
        "*",
        "%25",
        "-1",
        "18446744073709551616",
        "editor%2fresume",
        "human",
        "agent_template",
        huge.as_str(),
    ];
    for name in names {
        for path in [
            format!("/api/agents/{name}"),
            format!("/api/agents/{name}/turns"),
            format!("/api/agents/editor/memory/{name}"),
            format!("/api/agents/editor/files/{name}"),
            format!("/api/agents/{name}/files/{name}"),
            format!("/api/shared/files/{name}"),
            format!("/api/ticks/{name}"),
            format!("/api/ticks/1/turns/{name}"),
            format!("/api/threads/{name}"),
            format!("/api/approvals/{name}"),
            format!("/api/templates/{name}"),
            format!("/api/messages?cursor={name}"),
            format!("/api/messages?tag={name}"),
            format!("/api/search?q={name}"),
            format!("/api/agents/editor/logs?cursor={name}"),
            format!("/api/credits/ledger?cursor={name}"),
            format!("/api/ingress?cursor={name}"),
            format!("/api/status?at={name}"),
        ] {
            let answer = raw(&world, &path, &[]).await;
            let short: String = path.chars().take(80).collect();
            assert!(
                answer.status.is_success() || answer.status.is_client_error(),
                "{short}: {} {}",
                answer.status,
                answer.text()
            );
            if !answer.status.is_success() {
                assert!(answer.json()["error"]["message"].is_string() && answer.bytes.len() < 1_000, "{short}");
            }
        }
    }
}

#[tokio::test]
async fn files_are_saved_and_never_shown_and_nothing_else_is_reached_through_them() {
    let world = worked(Access::Local).await;
    let file = raw(&world, "/api/agents/editor/files/notes/plan.html", &[]).await;
    assert_eq!((file.status.as_u16(), file.text().as_str()), (200, "<script>1</script>"));
    for (header, wanted) in [
        ("content-type", "application/octet-stream"),
        ("content-disposition", "attachment; filename*=UTF-8''plan.html"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(file.header(header), wanted, "{header}");
    }
    assert_eq!(raw(&world, "/api/shared/files/terms.md", &[]).await.text(), "Be brief.\n");
    world.keys([("ada", &["read"])]).await;
    world.org.store.put(&Key::api_keys(), "{}".into()).await.expect("written");
    for path in [
        "/api/agents/editor/files/../resume.json",
        "/api/agents/editor/files/..%2fresume.json",
        "/api/agents/editor/files/../../../config/keys.json",
        "/api/agents/editor/files/%2e%2e/%2e%2e/%2e%2e/config/keys.json",
        "/api/shared/files/../config/keys.json",
        "/api/shared/files/..%2fconfig%2fkeys.json",
        "/api/shared/files/%2fetc%2fpasswd",
        "/api/shared/files/missing.md",
        "/api/agents/critic/files/notes/plan.html",
    ] {
        assert_eq!(raw(&world, path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_viewer_may_look_and_who_may_only_send_may_not() {
    let world = worked(Access::Keys).await;
    let [viewer, sender] = world.keys([("viewer", &["read"]), ("sender", &["send"])]).await;
    for path in ["/api/agents", "/api/messages", "/api/config", "/api/shared/files/terms.md", "/api/spend"] {
        for (key, wanted) in [(Some(&viewer), 200), (Some(&sender), 403), (None, 401)] {
            let key = key.map(|key| bearer(key));
            let headers: Vec<(&str, &str)> = key.iter().map(|key| ("authorization", key.as_str())).collect();
            assert_eq!(raw(&world, path, &headers).await.status, wanted, "{path}");
        }
    }
}

#[tokio::test]
async fn what_people_set_is_answered_as_it_is_written() {
    let world = World::new(Access::Local).await;
    for (path, key) in [("/api/config", Key::Org), ("/api/models", Key::Models)] {
        let written = world.org.store.get(&key).await.unwrap().unwrap();
        let answer = raw(&world, path, &[]).await;
        assert_eq!((answer.header("content-type"), &answer.bytes[..]), ("application/json", &written[..]), "{path}");
        assert_eq!(answer.header("etag"), format!("\"{}\"", lemming::domain::ids::Sha::of(&written)));
    }
    let engine = world.get("/api/engine/config").await.body;
    assert_eq!((&engine["max_turns"], &engine["max_outbox_age_ticks"]), (&Value::Null, &json!(100)));
    let graph = world.get("/api/org-graph").await.body;
    assert!(graph["edges"].as_array().unwrap().iter().any(|edge| edge["both"] == true), "{graph}");
    assert!(raw(&world, "/api/org-graph?format=mermaid", &[]).await.text().starts_with("flowchart LR\n"));
}

#[tokio::test]
async fn what_waits_for_the_next_tick_is_told_until_it_is_taken() {
    let world = World::new(Access::Local).await;
    world.post(json!({"recipients": ["editor"], "text": "Hello"}), &[]).await;
    let pause = lemming::domain::ingress::Action::Pause { agent: None };
    world.org.postbox().order(pause).await.expect("ordered");
    let waiting = all(&world, "/api/ingress", "waiting", 1).await;
    assert_eq!(waiting.len(), 2);
    assert_eq!(
        (&waiting[0]["control"]["action"], &waiting[1]["mail"]["payload"]["text"]),
        (&json!("pause"), &json!("Hello"))
    );
    world.tick().await;
    assert_eq!(world.get("/api/ingress").await.body["count"], 0);
}
