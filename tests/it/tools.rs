//! Tools within turns: files that a turn and people write, the web, and calls that may not be made twice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lemming::config::Environment;
use lemming::domain::toolbox::Effect;
use lemming::engine::{Outcome, run_tick};
use lemming::record::plan::Trigger;
use lemming::record::turn::{Content, ToolResult};
use lemming::store::local::LocalStore;
use lemming::tool::web::SystemResolver;
use lemming::tool::{CallFailure, Desk, Outside, Tool};
use object_store::ObjectStore;
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::gate::Gate;
use crate::server::{Names, Server, response};
use crate::world::{World, name};

/// A call of a tool, as it stands in an answer.
pub fn call(tool: &str, arguments: Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

/// A mind that, in each of `ada`'s turns, makes these calls, one list a step.
pub type Steps = Vec<Vec<Value>>;

fn mind(turns: Vec<Steps>) -> impl Fn(&lemming::provider::Request) -> Result<String, lemming::provider::CallError> {
    move |request| {
        let view = &request.view;
        let steps = turns.get(usize::try_from(view.tick.0).unwrap() - 1);
        let calls = steps.and_then(|steps| steps.get(view.step as usize)).filter(|_| view.agent.as_str() == "ada");
        Ok(json!({"tool_calls": calls.cloned().unwrap_or_default()}).to_string())
    }
}

fn tools() -> Value {
    json!(lemming::tool::builtin().iter().map(|tool| tool.name()).collect::<Vec<_>>())
}

/// A world in which `ada` may use every tool, and makes these calls.
pub async fn of_ada(turns: Vec<Steps>) -> World {
    over(Arc::new(object_store::memory::InMemory::new()), turns).await
}

async fn over(objects: Arc<dyn ObjectStore>, turns: Vec<Steps>) -> World {
    let mut world = World::over(objects, mind(turns));
    world.org["limits"] = json!({"lease": "5ms", "max_inline_bytes": 200});
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": tools()}})).await;
    world
}

/// What the tools answered in a turn, in the order of the calls.
pub async fn results(world: &World, tick: u64) -> Vec<ToolResult> {
    let turn = world.turn(tick, "ada").await;
    turn.exchanges.into_iter().flat_map(|exchange| exchange.results).collect()
}

async fn text(world: &World, path: &str) -> Option<String> {
    Some(String::from_utf8(world.raw.get_path(path).await.unwrap()?.to_vec()).unwrap())
}

#[tokio::test]
async fn what_a_turn_writes_it_sees_at_once_and_everybody_else_with_its_commit() {
    let world = of_ada(vec![
        vec![
            vec![
                call("file_write", json!({"path": "shared/plan.md", "text": "one\ntwo\n"})),
                call("file_write", json!({"path": "workspace/a/b.txt", "text": "mine"})),
                call("file_read", json!({"path": "shared/plan.md"})),
            ],
            vec![
                call("file_list", json!({})),
                call("file_list", json!({"folder": "workspace/a"})),
                call("file_search", json!({"pattern": "TWO", "ignore_case": true})),
                call("file_delete", json!({"path": "workspace/a/b.txt"})),
                call("file_list", json!({"folder": "workspace/"})),
                call("file_read", json!({"path": "workspace/a/b.txt"})),
                call("file_delete", json!({"path": "workspace/a/b.txt"})),
            ],
        ],
        vec![vec![call("file_delete", json!({"path": "shared/plan.md"})), call("file_list", json!({}))]],
    ])
    .await;
    world.tick().await;
    let all: Vec<(bool, Value)> =
        results(&world, 1).await.into_iter().map(|result| (result.ok, result.result)).collect();
    assert_eq!(all[2], (true, json!({"path": "shared/plan.md", "text": "one\ntwo\n"})));
    assert_eq!(all[3].1["files"], json!(["shared/plan.md", "workspace/a/b.txt"]));
    assert_eq!(all[4].1["files"], json!(["workspace/a/b.txt"]));
    assert_eq!(all[5].1["matches"], json!([{"path": "shared/plan.md", "line": 2, "text": "two"}]));
    assert_eq!(all[6], (true, json!({"path": "workspace/a/b.txt", "deleted": true})));
    assert_eq!(all[7].1["files"], json!([]));
    assert_eq!(all[8], (false, json!("there is no file workspace/a/b.txt")));
    assert_eq!(all[9], (false, json!("there is no file workspace/a/b.txt")));
    assert_eq!(text(&world, "shared/plan.md").await.as_deref(), Some("one\ntwo\n"));
    assert_eq!(text(&world, "agents/ada/workspace/a/b.txt").await, None);
    let effects = world.turn(1, "ada").await.effects;
    let deleted = effects.files.iter().find(|change| change.path == "agents/ada/workspace/a/b.txt").unwrap();
    assert_eq!((&deleted.content, &deleted.sha256), (&Content::Deleted, &None));
    world.tick().await;
    assert_eq!(text(&world, "shared/plan.md").await, None);
    assert_eq!(results(&world, 2).await[1].result["files"], json!([]));
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn a_failed_turn_writes_and_deletes_nothing() {
    let mut world = of_ada(vec![
        vec![vec![call("file_write", json!({"path": "shared/a", "text": "a"}))]],
        vec![vec![
            call("file_delete", json!({"path": "shared/a"})),
            call("file_write", json!({"path": "shared/b", "text": "b"})),
        ]],
    ])
    .await;
    let mind = world.thinker.mind.clone();
    world.thinker.mind = Arc::new(move |request| match (request.view.tick.0, request.view.step) {
        (2, 1) => Ok("no contract".to_owned()),
        _ => mind(request),
    });
    world.tick().await;
    world.tick().await;
    assert!(!world.turn(2, "ada").await.status.is_good());
    assert_eq!(text(&world, "shared/a").await.as_deref(), Some("a"));
    assert_eq!(text(&world, "shared/b").await, None);
}

#[tokio::test]
async fn files_that_people_add_change_and_delete_are_listed_and_found() {
    let list = || vec![vec![call("file_list", json!({})), call("file_search", json!({"pattern": "person"}))]];
    let world = of_ada(vec![
        vec![vec![
            call("file_write", json!({"path": "shared/ours.md", "text": "ours"})),
            call("file_write", json!({"path": "shared/gone.md", "text": "gone"})),
            call("file_write", json!({"path": "workspace/dead.md", "text": "dead"})),
        ]],
        vec![vec![call("file_delete", json!({"path": "workspace/dead.md"}))]],
        list(),
    ])
    .await;
    world.tick().await;
    world.tick().await;
    let put = |path: &'static str, text: &'static str| world.raw.put_path(path, text.into());
    put("shared/theirs/notes.md", "first\nby a person\n").await.unwrap();
    put("shared/ours.md", "a person was here").await.unwrap();
    put("agents/ada/workspace/mine.md", "x").await.unwrap();
    put("shared/.hidden", "person").await.unwrap();
    put("shared/a%20b", "person").await.unwrap();
    put("shared/image.png", "\u{0}").await.unwrap();
    world.raw.put_path("shared/blob.bin", vec![0xff, 0xfe, 0x00].into()).await.unwrap();
    put("agents/bob/workspace/secret.md", "person").await.unwrap();
    world.raw.delete_path("shared/gone.md").await.unwrap();
    // What we deleted may come back by a late write of ours, or by a person.
    put("agents/ada/workspace/dead.md", "dead").await.unwrap();
    let before = world.requests();
    world.tick().await;
    let results = results(&world, 3).await;
    assert_eq!(
        results[0].result["files"],
        json!(["shared/blob.bin", "shared/image.png", "shared/ours.md", "shared/theirs/notes.md", "workspace/mine.md"])
    );
    assert_eq!(results[0].result["note"], "2 files have names that no tool can use");
    assert_eq!(
        results[1].result["matches"],
        json!([
            {"path": "shared/ours.md", "line": 1, "text": "a person was here"},
            {"path": "shared/theirs/notes.md", "line": 2, "text": "by a person"},
        ])
    );
    assert_eq!(results[1].result["files_skipped"], 1);
    // A bucket lists each area once, whatever is called: beside them the agents, the ingress, and now and then the memory.
    assert!((world.requests() - before).list <= 2 + 3);
}

#[tokio::test]
async fn what_is_no_text_can_be_deleted_and_written_over_and_the_records_keep_it() {
    let world = of_ada(vec![vec![vec![
        call("file_read", json!({"path": "shared/a.bin"})),
        call("file_delete", json!({"path": "shared/a.bin"})),
        call("file_write", json!({"path": "shared/b.bin", "text": "text"})),
        call("file_read", json!({"path": "shared/b.bin"})),
    ]]])
    .await;
    for path in ["shared/a.bin", "shared/b.bin"] {
        world.raw.put_path(path, vec![0xff, 0x00].into()).await.unwrap();
    }
    world.tick().await;
    let ok: Vec<bool> = results(&world, 1).await.iter().map(|result| result.ok).collect();
    assert_eq!(ok, [false, true, true, true]);
    assert_eq!(world.raw.get_path("shared/a.bin").await.unwrap(), None);
    assert_eq!(text(&world, "shared/b.bin").await.as_deref(), Some("text"));
    let turn = world.turn(1, "ada").await;
    assert_eq!(turn.imports.len(), 2);
    let Content::Blob(sha) = &turn.imports[0].content else { panic!("{:?}", turn.imports) };
    assert_eq!(world.raw.get_path(&format!("blobs/{sha}")).await.unwrap().unwrap()[..], [0xff, 0x00]);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn what_is_long_comes_in_parts_with_a_note() {
    let long: String = (1..=4_000).map(|n| format!("line {n} needle\n")).collect();
    let world = of_ada(vec![vec![vec![
        call("file_read", json!({"path": "shared/long.txt"})),
        call("file_read", json!({"path": "shared/long.txt", "from_line": 3999})),
        call("file_read", json!({"path": "shared/long.txt", "from_line": 4001})),
        call("file_read", json!({"path": "shared/huge.txt"})),
        call("file_search", json!({"pattern": "ne+dle$", "regex": true})),
        call("file_search", json!({"pattern": "line 77 "})),
    ]]])
    .await;
    world.raw.put_path("shared/long.txt", long.into()).await.unwrap();
    world.raw.put_path("shared/huge.txt", "x".repeat((1 << 20) + 1).into()).await.unwrap();
    world.tick().await;
    let results = results(&world, 1).await;
    let note = results[0].result["note"].as_str().unwrap();
    assert!(note.starts_with("shortened: lines 1 to ") && note.contains("go on with from_line "), "{note}");
    assert_eq!(results[1].result["text"], "line 3999 needle\nline 4000 needle\n");
    assert_eq!((results[2].ok, results[3].ok), (false, false));
    assert_eq!(results[4].result["matches"].as_array().unwrap().len(), 100);
    assert!(results[4].result["note"].as_str().unwrap().contains("may be more"));
    assert_eq!(
        results[5].result["matches"],
        json!([{"path": "shared/long.txt", "line": 77, "text": "line 77 needle"}])
    );
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_folders_in_the_way_concern_one_file_and_stop_no_tick() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let steps = vec![
        call("file_read", json!({"path": "shared/link"})),
        call("file_read", json!({"path": "workspace/dir/secret"})),
        call("file_write", json!({"path": "shared/link", "text": "over"})),
        call("file_write", json!({"path": "workspace/dir/new", "text": "over"})),
        call("file_delete", json!({"path": "shared/link"})),
        call("file_write", json!({"path": "shared/taken/x", "text": "below a file"})),
        call("file_write", json!({"path": "shared/a", "text": "a file"})),
        call("file_write", json!({"path": "shared/a/b", "text": "below it"})),
        call("file_write", json!({"path": "shared/late/x", "text": "before the link is there"})),
        call("file_list", json!({})),
        call("file_search", json!({"pattern": "secret"})),
    ];
    let objects: Arc<dyn ObjectStore> = Arc::new(LocalStore::new(folder.path()).with_fsync(false));
    let mut world = over(objects, vec![vec![steps]]).await;
    let org = folder.path().join("org");
    std::fs::create_dir_all(org.join("shared")).unwrap();
    std::fs::create_dir_all(org.join("agents/ada/workspace")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), org.join("shared/link")).unwrap();
    std::os::unix::fs::symlink(outside.path(), org.join("agents/ada/workspace/dir")).unwrap();
    std::fs::write(org.join("shared/taken"), "a file").unwrap();
    // A person is quicker than the close.
    let (mind, late) = (world.thinker.mind.clone(), org.join("shared/late"));
    let target = outside.path().to_owned();
    world.thinker.mind = Arc::new(move |request| {
        if request.view.step == 1 {
            let _ = std::os::unix::fs::symlink(&target, &late);
        }
        mind(request)
    });
    world.tick().await;
    let results = results(&world, 1).await;
    let ok: Vec<bool> = results.iter().map(|result| result.ok).collect();
    // A file where a folder is needed is met at the close, as by two agents at once: the records keep the text.
    assert_eq!(ok, [false, false, false, false, false, true, true, false, true, true, true], "{results:#?}");
    assert!(!results[9].result.to_string().contains("link"), "{:?}", results[9].result);
    assert_eq!(results[10].result["matches"], json!([]));
    assert_eq!(std::fs::read_to_string(outside.path().join("secret")).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1, "nothing is written through a link");
    assert_eq!(std::fs::read_to_string(org.join("shared/a")).unwrap(), "a file");
    assert_eq!(world.closed(1).await.tick.0, 1);
    world.tick().await;
}

#[tokio::test]
async fn two_agents_whose_files_exclude_each_other_stop_no_tick() {
    let folder = tempfile::tempdir().unwrap();
    let objects: Arc<dyn ObjectStore> = Arc::new(LocalStore::new(folder.path()).with_fsync(false));
    let mut world = World::over(objects, |request| {
        let path = if request.view.agent.as_str() == "ada" { "shared/a" } else { "shared/a/b" };
        let calls = if request.view.step == 0 {
            json!([call("file_write", json!({"path": path, "text": "x"}))])
        } else {
            json!([])
        };
        Ok(json!({"tool_calls": calls}).to_string())
    });
    world.org["limits"] = json!({"lease": "5ms"});
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({"permissions": {"tools": tools()}})).await;
    }
    for tick in 1..4 {
        world.tick().await;
        assert_eq!(world.closed(tick).await.tick.0, tick);
    }
}

/// A tool that counts its calls, and may not be called twice for one answer.
#[derive(Debug, Default)]
struct Bell(Arc<AtomicU64>);

#[async_trait]
impl Tool for Bell {
    fn name(&self) -> &'static str {
        "ring"
    }
    fn description(&self) -> &'static str {
        "Rings a bell."
    }
    fn arguments(&self) -> Value {
        json!({"type": "object"})
    }
    fn effect(&self) -> Effect {
        Effect::Once
    }
    async fn call(&self, _: Value, _: &mut dyn Desk) -> Result<Value, CallFailure> {
        Ok(json!(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}

#[tokio::test]
async fn a_call_that_may_not_be_made_twice_is_not_made_for_an_answer_that_was_only_adopted() {
    let mut world =
        of_ada(vec![vec![vec![call("ring", json!({})), call("file_list", json!({}))], vec![call("ring", json!({}))]]])
            .await;
    let rules = json!({"approvals": {"rules": [{"tools": ["ring"], "approval": "never"}]}});
    world.put("config/tools.json", &rules).await;
    let bell = Bell::default();
    let rung = bell.0.clone();
    world.tools.push(Arc::new(bell));
    let mut permitted = tools();
    permitted.as_array_mut().unwrap().push(json!("ring"));
    world.agent("ada", json!({"permissions": {"tools": permitted}})).await;
    // The first runner rings, and dies before the next answer.
    let gate = Gate::closing_at(1);
    let mut context = world.context();
    let mut thinker = world.thinker.clone();
    let (mind, dies) = (thinker.mind.clone(), gate.clone());
    thinker.mind = Arc::new(move |request| {
        if request.view.step == 1 {
            dies.knock();
        }
        mind(request)
    });
    thinker.delay = Duration::from_millis(1);
    context.providers = Arc::new(thinker);
    tokio::select! {
        biased;
        () = gate.hit() => {}
        done = run_tick(&context, Trigger::Invocation) => panic!("it did not die: {done:?}"),
    }
    assert_eq!(rung.load(Ordering::SeqCst), 1);
    // As if it had died a moment before: the bell has rung, and nobody wrote down that it did.
    let written = world.all().await.into_keys().find(|path| path.ends_with("/result.json")).expect("what it returned");
    world.raw.delete_path(&written).await.expect("deleted");
    world.tick().await;
    let results = results(&world, 1).await;
    assert_eq!(rung.load(Ordering::SeqCst), 2, "the bell of the second answer, which nobody had heard yet");
    assert!(!results[0].ok && results[0].result["unknown"].as_str().unwrap().contains("not made again"), "{results:?}");
    assert!(results[1].ok, "what can be repeated is");
    assert_eq!((results[2].ok, &results[2].result), (true, &json!(2)));
    world.audit(&Expect::default()).await;
}

/// A tool whose answer does not come the first time.
#[derive(Debug)]
struct Silent(Arc<Gate>, AtomicU64);

#[async_trait]
impl Tool for Silent {
    fn name(&self) -> &'static str {
        "ask"
    }
    fn description(&self) -> &'static str {
        "Asks somebody who does not answer."
    }
    fn arguments(&self) -> Value {
        json!({"type": "object"})
    }
    fn effect(&self) -> Effect {
        Effect::Repeatable
    }
    async fn call(&self, _: Value, _: &mut dyn Desk) -> Result<Value, CallFailure> {
        if self.1.fetch_add(1, Ordering::SeqCst) > 0 {
            return Ok(json!("at last"));
        }
        self.0.knock();
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_runner_that_is_told_to_leave_does_not_wait_for_a_slow_tool() {
    let mut world = of_ada(vec![vec![vec![call("ask", json!({}))]]]).await;
    let asked = Gate::closing_at(1);
    world.tools = vec![Arc::new(Silent(asked.clone(), AtomicU64::new(0)))];
    world.agent("ada", json!({"permissions": {"tools": ["ask"]}})).await;
    let (leave, stop) = lemming::engine::Stop::channel();
    let context = lemming::engine::Context { stop, ..world.context() };
    let told = async {
        asked.hit().await;
        leave.stop();
    };
    let run = run_tick(&context, Trigger::Invocation);
    let both = async { tokio::join!(run, told).0 };
    let left = tokio::time::timeout(Duration::from_secs(5), both).await.expect("it leaves").unwrap();
    assert!(matches!(left, Outcome::Ran(report) if !report.closed));
    world.tick().await;
    assert_eq!(results(&world, 1).await[0].result, "at last", "what can be repeated is");
    world.audit(&Expect::default()).await;
}

/// A tool that writes another file for each runner.
#[derive(Debug)]
struct Scribble(&'static str);

#[async_trait]
impl Tool for Scribble {
    fn name(&self) -> &'static str {
        "scribble"
    }
    fn description(&self) -> &'static str {
        "Writes a file."
    }
    fn arguments(&self) -> Value {
        json!({"type": "object"})
    }
    async fn call(&self, _: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        desk.write_file(&format!("shared/{}", self.0), self.0.to_owned()).await?;
        Ok(json!(self.0))
    }
}

#[tokio::test]
async fn who_adopts_a_rivals_step_forgets_what_its_own_tools_did() {
    let steps = vec![vec![call("scribble", json!({}))], vec![call("file_list", json!({})), call("ring", json!({}))]];
    let mut world = of_ada(vec![steps]).await;
    world.agent("ada", json!({"permissions": {"tools": ["scribble", "file_list", "ring"]}})).await;
    world.put("config/tools.json", &json!({"approvals": {"rules": [{"tools": ["ring"], "approval": "never"}]}})).await;
    let rung: Arc<AtomicU64> = Arc::default();
    // The first runner stalls in its second call, until another has journalled that step and stalled in its third.
    let gates = [Gate::closing_at(3), Gate::closing_at(3)];
    let mut contexts = Vec::new();
    for (gate, runner) in gates.iter().zip(["first", "second"]) {
        world.tools = vec![Arc::new(Scribble(runner)), Arc::new(Bell(rung.clone()))];
        world.tools.extend(lemming::tool::builtin());
        let mut context = world.context();
        let mut thinker = world.thinker.clone();
        thinker.gate = Some(gate.clone());
        context.providers = Arc::new(thinker);
        contexts.push(context);
    }
    let mut runs: Vec<_> = contexts.iter().map(|context| Box::pin(run_tick(context, Trigger::Invocation))).collect();
    for (run, gate) in runs.iter_mut().zip(&gates) {
        // A runner that is not polled is a process that the system has stopped.
        tokio::select! {
            biased;
            done = run => panic!("it did not stall: {done:?}"),
            () = gate.hit() => {}
        }
    }
    gates[0].open();
    let first = runs.swap_remove(0);
    let done = tokio::time::timeout(Duration::from_secs(5), first).await.expect("the first goes on");
    assert!(matches!(done.unwrap(), Outcome::Ran(report) if report.closed));
    let turn = world.turn(1, "ada").await;
    let listed = &turn.exchanges[1].results[0].result["files"];
    assert_eq!(*listed, json!(["shared/second"]), "{turn:#?}");
    assert_eq!(turn.effects.files.len(), 1);
    // The rival has rung for the answer that was adopted, and wrote down at once what came of it.
    assert_eq!(turn.exchanges[1].results[1].result, 1);
    assert_eq!(rung.load(Ordering::SeqCst), 1);
    assert_eq!(text(&world, "shared/first").await, None);
}

fn page(path: &str) -> Vec<u8> {
    match path {
        "/page" => response(
            "200 OK",
            "Content-Type: text/html; charset=utf-8\r\n",
            "<title>A page</title><script>no()</script><h1>Head</h1><p>See <a href='/next'>next</a>.",
        ),
        "/text" => response("200 OK", "Content-Type: text/plain\r\n", "plain"),
        "/json" => response("200 OK", "Content-Type: application/json\r\n", "{\"a\": 1}"),
        "/long" => response("200 OK", "Content-Type: text/plain\r\n", "x".repeat(2 << 20)),
        "/image" => response("200 OK", "Content-Type: image/png\r\n", [0x89, 0x50]),
        "/packed" => response("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "x"),
        "/missing" => response("404 Not Found", "", "gone"),
        "/hop" => response("302 Found", "Location: /page\r\n", ""),
        "/loop" => response("301 Moved Permanently", "Location: /loop\r\n", ""),
        "/metadata" => response("302 Found", "Location: http://169.254.169.254/latest/meta-data/\r\n", ""),
        "/private" => response("307 Temporary Redirect", "Location: http://inside.example/\r\n", ""),
        "/user" => response("302 Found", "Location: http://a:b@1.1.1.1/\r\n", ""),
        "/file" => response("302 Found", "Location: file:///etc/passwd\r\n", ""),
        "/strange" => response("200 OK", "Content-Type: text/plain\r\nContent-Length: 5\r\n", "x"),
        _ => b"nonsense\r\n\r\n".to_vec(),
    }
}

/// A world whose names lead where the tests want, and whose organisation allows these hosts.
pub async fn of_the_web(turns: Vec<Steps>, allow: &[String]) -> World {
    let mut world = of_ada(turns).await;
    let resolver = Names::of(&[("inside.example", &["10.0.0.1"]), ("mixed.example", &["127.0.0.1", "::1"])]);
    world.tools = lemming::tool::with(Outside { environment: Environment::default(), resolver });
    world.org["tools"] = json!({"web_fetch": {"allow_hosts": allow}});
    world.found().await;
    world
}

#[tokio::test]
async fn a_page_is_fetched_from_a_host_that_org_json_allows() {
    let server = Server::start(page).await;
    let fetch = |path: &str| call("web_fetch", json!({"url": server.url(path)}));
    let paths = [
        "/page",
        "/text",
        "/json",
        "/hop",
        "/long",
        "/image",
        "/packed",
        "/missing",
        "/loop",
        "/metadata",
        "/private",
        "/user",
        "/file",
        "/strange",
        "/nonsense",
    ];
    let mut calls: Vec<Value> = paths.iter().map(|path| fetch(path)).collect();
    calls.push(call("web_fetch", json!({"url": server.url("/long"), "part": 32})));
    calls.push(call("web_fetch", json!({"url": server.url("/long"), "part": 33})));
    let world = of_the_web(vec![vec![calls]], &[server.address.to_string()]).await;
    world.tick().await;
    let results = results(&world, 1).await;
    let markdown = format!("# Head\n\nSee [next]({}).", server.url("/next"));
    let html = json!({"url": server.url("/page"), "title": "A page", "text": markdown});
    assert_eq!(results[0].result, html);
    assert_eq!(results[1].result["text"], "plain");
    assert_eq!(results[2].result["text"], "{\"a\": 1}");
    assert_eq!(results[3].result, html, "a redirect is followed");
    let note = results[4].result["note"].as_str().unwrap();
    assert!(note.contains("part 1 of 32") && note.contains("the rest was not read"), "{note}");
    assert_eq!(results[4].result["text"].as_str().unwrap().len(), 32 * 1024);
    for (result, said) in results[5..15].iter().zip([
        "only text can be read",
        "answers packed",
        "answered 404",
        "more than 5 redirects",
        "a cloud's metadata address",
        "a private address",
        "it names a user",
        "only http and https",
        "did not answer",
        "did not answer",
    ]) {
        assert!(!result.ok && result.result.as_str().unwrap().contains(said), "{said}: {result:?}");
    }
    assert!(results[15].ok && !results[16].ok);
    let head = server.seen.lock().unwrap()[0].to_ascii_lowercase();
    assert!(head.starts_with("get /page http/1.1\r\n") && head.contains("accept-encoding: identity"), "{head}");
    // Run again, the turn asks nobody, and says the same.
    let asked = server.requests();
    world.audit(&Expect::default()).await;
    assert_eq!(server.requests(), asked);
}

#[tokio::test]
async fn the_same_page_is_refused_where_org_json_does_not_allow_its_host() {
    let server = Server::start(page).await;
    let port = server.address.port();
    let urls = [
        server.url("/page"),
        format!("http://mixed.example:{port}/page"),
        format!("http://localhost:{port}/page"),
        format!("http://2130706433:{port}/page"),
        format!("http://[::ffff:127.0.0.1]:{port}/page"),
    ];
    let calls = urls.iter().map(|url| call("web_fetch", json!({"url": url}))).collect();
    let mut world =
        of_the_web(vec![vec![calls]], &["other.example".to_owned(), format!("127.0.0.1:{}", port ^ 1)]).await;
    world.tools = lemming::tool::with(Outside {
        environment: Environment::default(),
        resolver: Names::of(&[("mixed.example", &["127.0.0.1", "::1"]), ("localhost", &["127.0.0.1"])]),
    });
    world.tick().await;
    for result in results(&world, 1).await {
        assert!(!result.ok && result.result.as_str().unwrap().contains("may not be fetched"), "{result:?}");
    }
    assert_eq!(server.requests(), 0, "nobody was asked");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_asked_and_the_systems_names_are_checked() {
    let calls = vec![call("web_fetch", json!({"url": "http://localhost/"}))];
    let mut world = of_ada(vec![vec![calls]]).await;
    let environment = Environment::new(["lemming"], [("HTTP_PROXY".to_owned(), "http://127.0.0.1:9".to_owned())]);
    world.tools = lemming::tool::with(Outside { environment, resolver: Arc::new(SystemResolver) });
    world.tick().await;
    let result = &results(&world, 1).await[0];
    assert_eq!(result.result, "localhost may not be fetched: localhost leads to a loopback address");
}

#[tokio::test]
async fn the_search_engine_of_org_json_is_asked_with_its_key_which_nobody_sees() {
    const KEY: &str = "s3cret-of-the-search";
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let server = Server::start(move |path| {
        log.lock().unwrap().push(path.to_owned());
        let answer =
            json!({"web": {"results": [{"title": "T", "url": "https://t.example", "description": "<b>D</b>"}]}});
        match path.starts_with("/moved") {
            true => response("302 Found", "Location: http://elsewhere.example/\r\n", ""),
            false => response("200 OK", "Content-Type: application/json\r\n", answer.to_string()),
        }
    })
    .await;
    let calls = || vec![vec![call("web_search", json!({"query": "a b"}))]];
    let mut world = of_ada(vec![calls(), calls(), calls(), calls()]).await;
    let environment = Environment::new(["lemming"], [("SEARCH_KEY".to_owned(), KEY.to_owned())]);
    world.tools = lemming::tool::with(Outside { environment, resolver: Names::of(&[]) });
    world.tick().await;
    assert!(results(&world, 1).await[0].result.as_str().unwrap().contains("tools.web_search"));
    for (path, key) in [("/search", "env:SEARCH_KEY"), ("/search", "env:OTHER"), ("/moved", "env:SEARCH_KEY")] {
        world.org["tools"] = json!({"web_search": {"url": server.url(path), "kind": "brave", "key": key}});
        world.found().await;
        world.tick().await;
    }
    let found = json!({"results": [{"title": "T", "url": "https://t.example", "text": "D"}]});
    assert_eq!(results(&world, 2).await[0].result, found);
    let missing = results(&world, 3).await[0].result.clone();
    assert!(missing.as_str().unwrap().contains("OTHER is not set"), "{missing}");
    assert_eq!(results(&world, 4).await[0].result, "the search engine answered 302 Found");
    assert_eq!(*asked.lock().unwrap(), ["/search?q=a+b&count=10", "/moved?q=a+b&count=10"]);
    assert!(server.seen.lock().unwrap()[0].contains(KEY));
    for (path, bytes) in world.all().await {
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "{path} holds the key");
    }
}

#[tokio::test]
async fn an_agent_sees_whom_it_may_read_and_address() {
    let world =
        of_ada(vec![vec![vec![call("list_agents", json!({})), call("list_agents", json!({"prefix": "c"}))]]]).await;
    world.agent("bob", json!({})).await;
    world.agent("cyd", json!({})).await;
    let permissions =
        json!({"permissions": {"tools": ["list_agents"], "read_outboxes": ["bob"], "send_outboxes": ["cyd"]}});
    world.agent("ada", permissions).await;
    world.tick().await;
    let results = results(&world, 1).await;
    let card = |name: &str, readable: bool, addressable: bool| json!({"name": name, "readable": readable, "addressable": addressable});
    assert_eq!(
        results[0].result["agents"],
        json!([card("ada", false, false), card("bob", true, false), card("cyd", false, true)])
    );
    assert_eq!(results[1].result["agents"], json!([card("cyd", false, true)]));
    assert!(world.state().await.agents.contains_key(&name("cyd")));
}

#[tokio::test]
async fn only_what_the_resume_permits_can_be_called() {
    let calls = lemming::tool::builtin()
        .iter()
        .map(|tool| call(tool.name(), json!({"path": "shared/x", "text": "x"})))
        .collect();
    let world = of_ada(vec![vec![calls]]).await;
    world.agent("ada", json!({"permissions": {"tools": []}})).await;
    world.tick().await;
    for result in results(&world, 1).await {
        assert!(!result.ok && result.result.as_str().unwrap().starts_with("you have no tool"), "{result:?}");
    }
    assert!(!world.all().await.keys().any(|path| path.starts_with("shared/")));
}
