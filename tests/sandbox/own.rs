//! The organisation's own commands: as `shell`, but for the word of the organisation.

use std::sync::Arc;

use lemming::config::Environment;
use lemming::connect::{Connections, Parts};
use lemming::domain::toolbox::{AcceptedTools, Effect, Toolbox};
use lemming::domain::tools::SandboxRule;
use lemming::tool::web::SystemResolver;
use lemming::tool::{CallFailure, Connector as _, RecordedCall, Tool};
use serde_json::{Value, json};

use super::World;

fn tools(world: &World, tools: Value) -> Vec<Arc<dyn Tool>> {
    let toolbox: Toolbox = serde_json::from_value(json!({"tools": tools})).unwrap();
    let environment = Environment::new([""], [("PLANTED".to_owned(), "hunter2".to_owned())]);
    let parts = Parts { environment, sandbox: Some(world.sandbox()), resolver: Arc::new(SystemResolver) };
    Connections::new(parts).tools(&toolbox, &AcceptedTools::default())
}

/// A command that takes `a` and `b`.
fn command(words: &[&str], more: Value) -> Value {
    let schema = json!({"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": false});
    let mut tool = json!({"description": "Runs.", "arguments": schema, "command": words});
    for (name, value) in more.as_object().unwrap() {
        tool[name] = value.clone();
    }
    tool
}

async fn call(world: &mut World, tool: Value, arguments: Value) -> Result<Value, String> {
    let tools = tools(world, json!({"own": tool}));
    match tools[0].call(arguments, &mut world.desk).await {
        Ok(result) => Ok(result),
        Err(CallFailure::Refused(error)) => Err(error.0),
        Err(broken) => panic!("{broken}"),
    }
}

#[tokio::test]
async fn a_command_runs_by_the_word_of_the_organisation_with_its_arguments_on_its_input() {
    let Some(mut world) = World::new().await else { return };
    world.desk.settings.shell.allow = Vec::new();
    let arguments = json!({"b": [1, {"x": "ä"}], "a": "one two"});
    let said = call(&mut world, command(&["cat", "-"], json!({})), arguments.clone()).await.unwrap();
    assert_eq!(said, json!({"json": arguments, "stderr": "", "exit_code": 0}));
    let said =
        call(&mut world, command(&["echo", "{a}", "--n={b}"], json!({})), json!({"a": "$(id); `id`"})).await.unwrap();
    assert_eq!(said["stdout"], "$(id); `id`\n");
    // It starts no other program than the one that was named.
    let said = call(&mut world, command(&["sh", "-c", "echo a; ls"], json!({})), json!({})).await.unwrap();
    assert!(said["stdout"] == "a\n" && said["exit_code"] != 0, "{said}");
}

#[tokio::test]
async fn its_changes_become_the_turns_and_it_reaches_nothing_else() {
    let Some(mut world) = World::new().await else { return };
    world.desk.put("workspace/a", "old");
    world.desk.put("shared/b", "theirs");
    let script =
        "read line; echo \"$line\" > workspace/new; echo x > shared/b; echo \"$PLANTED\"; echo y > /tmp/own-test";
    let said = call(&mut world, command(&["sh", "-c", script], json!({})), json!({"a": 1})).await.unwrap();
    assert_eq!(said["written"], json!(["workspace/new"]), "{said}");
    assert!(!said.to_string().contains("hunter2"), "{said}");
    assert_eq!(world.desk.files["workspace/new"], "{\"a\":1}\n");
    assert_eq!(world.desk.files["shared/b"], "theirs");
    assert!(!std::path::Path::new("/tmp/own-test").exists());
}

#[tokio::test]
async fn a_long_input_that_nobody_reads_and_a_long_output_that_comes_first_hold_up_nothing() {
    let Some(mut world) = World::new().await else { return };
    let long = json!({"a": "x".repeat(600_000)});
    let said = call(&mut world, command(&["sh", "-c", "exit 3"], json!({})), long.clone()).await.unwrap();
    assert_eq!(said["exit_code"], 3);
    let said = call(&mut world, command(&["cat"], json!({"max_result_bytes": 400})), long).await.unwrap();
    assert!(said["stdout"].as_str().unwrap().ends_with("more]") && said.to_string().len() < 700, "{said}");
}

#[tokio::test]
async fn a_command_ends_with_its_own_time_limit() {
    let Some(mut world) = World::new().await else { return };
    let endless = command(&["sh", "-c", "while :; do :; done"], json!({"timeout": "300ms"}));
    let error = call(&mut world, endless, json!({})).await.unwrap_err();
    assert!(error.contains("did not end within 0.3 seconds"), "{error}");
}

#[tokio::test]
async fn in_a_turn_that_is_run_again_nothing_runs_and_the_files_are_as_they_were_left() {
    let Some(mut world) = World::new().await else { return };
    let result = json!({"stdout": "then", "stderr": "", "exit_code": 0, "written": ["workspace/new"]});
    let files = [("workspace/new".to_owned(), Some("then".to_owned()))].into();
    world.desk.recorded = Some(RecordedCall { ok: true, result: result.clone(), files });
    let said = call(&mut world, command(&["sh", "-c", "echo now > workspace/new"], json!({})), json!({})).await;
    assert_eq!((said, world.desk.files["workspace/new"].as_str()), (Ok(result), "then"));
}

/// On any kernel: with limits under which no sandbox can be whole, there is none.
#[tokio::test]
async fn without_a_sandbox_a_command_runs_only_if_the_organisation_says_what_it_does_then() {
    let world = World::unprobed();
    let effect = |more| tools(&world, json!({"own": command(&["echo"], more)}))[0].effect();
    assert_eq!(effect(json!({})), Effect::None);
    assert_eq!(effect(json!({"effect": "once"})), Effect::Once);
    let Some(mut world) = World::new().await else { return };
    world.desk.settings.sandbox = SandboxRule::WhereAvailable;
    let writes = command(&["sh", "-c", "echo {a} > workspace/x"], json!({"effect": "repeatable"}));
    let said = call(&mut world, writes.clone(), json!({"a": "x"})).await.unwrap();
    assert!(said["notes"].to_string().contains("were not kept") && world.desk.log.is_empty(), "{said}");
    for outside in ["/etc/passwd", "../x", "~root"] {
        let error = call(&mut world, writes.clone(), json!({"a": outside})).await.unwrap_err();
        assert!(error.contains("/a is an absolute path") || error.contains("`..`"), "{error}");
    }
}
