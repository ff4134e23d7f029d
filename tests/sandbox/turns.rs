//! The tools within turns of the real program, and where there is no sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lemming::domain::tools::SandboxRule;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{World, assert_none_is_left, mark, marked, running};

/// Planted in the environment of the runner.
const SECRET: &str = "secret-5f2b91";

/// An organisation of one agent that makes these calls, one after another (those of a list in one answer), and then
/// is done.
fn organisation(calls: &[Value], tools: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, value: Value| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value.to_string()).unwrap();
    };
    let mut rules: Vec<Value> = (0..)
        .zip(calls)
        .map(|(step, call)| {
            let calls = if call.is_array() { call.clone() } else { json!([call]) };
            json!({"when": {"step": step}, "answer": {"tool_calls": calls}})
        })
        .collect();
    let said = json!({"outbox_entries": [{"payload": {"text": "{{ results | tojson }}"}}]});
    rules.push(json!({"when": {"step": calls.len()}, "answer": said}));
    write("org.json", json!({"format": 1, "name": "Test", "tools": tools}));
    let config = json!({"rules": rules});
    write(
        "config/models.json",
        json!({"m": {"provider": "scripted", "price": {"input": 0, "output": 0}, "provider_config": config}}),
    );
    let resume = json!({
        "name": "ada", "title": "Hand", "short_description": "Does its part.", "instructions": "Do it.",
        "model": {"key": "m", "max_tokens": 4000}, "permissions": {"tools": ["shell", "python"]},
    });
    write("agents/ada/resume.json", resume);
    folder
}

fn lemming(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(arguments).current_dir(folder).env("PLANTED", SECRET).env_remove("LEMMING_STORE");
    command
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
    found
}

#[tokio::test]
async fn a_turn_runs_programs_and_code_on_one_and_the_same_workspace() {
    if World::new().await.is_none() {
        return;
    }
    let allow = json!({"shell": {"allow": ["sh", "env", "cat", "rm"]}});
    let calls = [
        json!({"tool": "shell", "arguments": {"command": ["sh", "-c", "echo 20 > workspace/a; echo gone > workspace/b; env"]}}),
        json!({"tool": "python", "arguments": {"code": "write_file('workspace/c', str(int(read_file('workspace/a')) + 1))"}}),
        json!({"tool": "shell", "arguments": {"command": ["sh", "-c", "cat workspace/c; rm workspace/b; cat /proc/$PPID/environ"]}}),
    ];
    let org = organisation(&calls, &allow);
    let output = lemming(org.path(), &["tick"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let workspace = files(&org.path().join("agents/ada/workspace"));
    let contents: Vec<(&str, &str)> =
        workspace.iter().map(|(path, text)| (path.rsplit('/').next().unwrap(), text.as_str())).collect();
    assert_eq!(contents, [("a", "20\n"), ("c", "21")]);
    let turn: Value =
        serde_json::from_slice(&fs::read(org.path().join("ticks/000000000001/turns/ada.json")).unwrap()).unwrap();
    assert_eq!(turn["status"], "ok", "{turn}");
    assert_eq!(turn["exchanges"][2]["results"][0]["result"]["stdout"], "21", "{turn}");
    let all = files(org.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(all.values().chain([&said]).all(|text| !text.contains(SECRET)), "the planted secret has been seen");
    // The next tick finds what was kept.
    let output = lemming(org.path(), &["tick"]).output().unwrap();
    assert!(output.status.success());
}

#[tokio::test]
async fn files_that_the_runner_was_left_open_are_closed_to_programs() {
    let Some(world) = World::new().await else { return };
    let call = json!({"tool": "shell", "arguments": {"command": ["sh", "-c", "cat <&5 || cat <&6; echo done"]}});
    let org = organisation(&[call], &json!({"shell": {"allow": ["sh", "cat"]}}));
    let script = r#"exec 5< "$0" 6< "$0"; exec "$LEMMING" tick"#;
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(world.outside())
        .current_dir(org.path())
        .env("LEMMING", env!("CARGO_BIN_EXE_lemming"))
        .env_remove("LEMMING_STORE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let turn = fs::read(org.path().join("ticks/000000000001/turns/ada.json")).unwrap();
    let turn: Value = serde_json::from_slice(&turn).unwrap();
    assert_eq!(turn["exchanges"][0]["results"][0]["result"]["stdout"], "done\n", "{turn}");
}

#[tokio::test]
async fn a_file_that_a_program_deletes_is_gone_with_the_commit_and_stays_gone() {
    if World::new().await.is_none() {
        return;
    }
    let folder = organisation(&[], &json!({"shell": {"allow": ["sh", "rm"]}}));
    let shell =
        |script: &str| json!({"tool_calls": [{"tool": "shell", "arguments": {"command": ["sh", "-c", script]}}]});
    let list = json!({"tool_calls": [{"tool": "python", "arguments": {"code": "list_files()"}}]});
    let config = json!({"rules": [
        {"when": {"if": "tick == 1"}, "answer": shell("echo a > workspace/a; echo b > workspace/b")},
        {"when": {"if": "tick == 2"}, "answer": shell("rm workspace/a")},
        {"when": {"if": "tick == 3"}, "answer": list},
        {"when": {"step": 1}, "answer": {"outbox_entries": []}},
    ]});
    let models = json!({"m": {"provider": "scripted", "price": {"input": 0, "output": 0}, "provider_config": config}});
    fs::write(folder.path().join("config/models.json"), models.to_string()).unwrap();
    let workspace = folder.path().join("agents/ada/workspace");
    for there in [&["a", "b"][..], &["b"], &["b"]] {
        let output = lemming(folder.path(), &["tick"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = files(&workspace);
        assert_eq!(found.keys().map(|path| path.rsplit('/').next().unwrap()).collect::<Vec<_>>(), there);
    }
    let turn = fs::read(folder.path().join("ticks/000000000003/turns/ada.json")).unwrap();
    let turn: Value = serde_json::from_slice(&turn).unwrap();
    assert_eq!(turn["exchanges"][0]["results"][0]["result"]["value"], "['workspace/b']", "{turn}");
}

#[tokio::test]
async fn what_a_program_writes_is_there_with_the_commit_and_a_dead_runner_leaves_nothing() {
    if World::new().await.is_none() {
        return;
    }
    let allow = json!({"shell": {"allow": ["sh", "sleep"]}});
    let calls = [
        json!({"tool": "shell", "arguments": {"command": ["sh", "-c", "echo new > workspace/new"]}}),
        json!({"tool": "shell", "arguments": {"command": ["sh", "-c", marked("sleep MARK & sleep MARK", 20)]}}),
    ];
    let org = organisation(&calls, &allow);
    // What it leaves there is for a later runner to remove.
    let scratch = tempfile::tempdir().unwrap();
    let mut command = lemming(org.path(), &["tick"]);
    let mut runner = command.env("TMPDIR", scratch.path()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while running(&format!("sleep {}", mark(20))).len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(20), "the second program is not started");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(org.path().join("ticks/000000000001/steps/ada/1.json").exists(), "the first call has been done");
    assert!(!org.path().join("agents/ada/workspace").exists());
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert_none_is_left(&mark(20));
    assert!(!org.path().join("agents/ada/workspace").exists());
}

/// Runs a test in a thread where the kernel seems to know nothing of Landlock; so do the processes that it starts.
fn without_landlock(test: impl Future<Output = ()> + Send + 'static) {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

    let denied = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let rules = [(libc::SYS_landlock_create_ruleset, Vec::new())].into_iter().collect();
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch).unwrap().try_into().unwrap();
    std::thread::spawn(move || {
        seccompiler::apply_filter(&filter).unwrap();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    })
    .join()
    .unwrap();
}

#[test]
fn without_a_sandbox_the_tools_refuse_unless_the_organisation_wants_them_to_run() {
    without_landlock(async {
        let mut world = World::unprobed();
        world.desk.settings.shell.allow = vec!["sh".to_owned()];
        for result in [world.script("echo x > workspace/x").await, world.python("write_file('workspace/x', 'x')").await]
        {
            let error = result.unwrap_err();
            assert!(error.contains("there is no working sandbox here") && error.contains("Landlock"), "{error}");
        }
        assert!(world.desk.log.is_empty());
        world.desk.settings.sandbox = SandboxRule::WhereAvailable;
        // Now links can be made; they are passed over all the same.
        let result = world.script("echo x > workspace/x; ln -s /etc/passwd workspace/link 2> home/x; :").await.unwrap();
        assert_eq!(result["written"], json!(["workspace/x"]), "{result}");
        assert!(result["notes"].to_string().contains("ran without a whole sandbox"), "{result}");
        assert_eq!(world.python("1 + 1").await.unwrap()["value"], "2");
    });
}

#[test]
fn a_replay_runs_no_program_and_needs_no_sandbox() {
    let probe = tokio::runtime::Runtime::new().unwrap().block_on(World::new());
    if probe.is_none() {
        return;
    }
    let allow = json!({"shell": {"allow": ["sh", "rm", "ls"]}});
    let shell = |script: &str| json!({"tool": "shell", "arguments": {"command": ["sh", "-c", script]}});
    let python = |code: &str| json!({"tool": "python", "arguments": {"code": code}});
    let calls = [
        // Nobody gets this twice.
        shell("echo $$ > workspace/number; echo 1 > workspace/gone; ls -l --full-time workspace; echo $$"),
        python("write_file('workspace/copy', read_file('workspace/number')); read_file('workspace/mine')"),
        shell("rm workspace/gone; echo new > workspace/number; exit 3"),
        python("read_file('workspace/number') + str(list_files())"),
        shell("rm -r /"),
    ];
    let org = organisation(&calls, &allow);
    fs::create_dir_all(org.path().join("agents/ada/workspace")).unwrap();
    fs::write(org.path().join("agents/ada/workspace/mine"), "a person's").unwrap();
    let output = lemming(org.path(), &["tick"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let before = files(org.path());
    let replay = || lemming(org.path(), &["replay", "1"]).output().unwrap();
    let output = replay();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let folder = org.path().to_owned();
    without_landlock(async move {
        let output = lemming(&folder, &["replay", "1"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        // A new turn says what is missing.
        let output = lemming(&folder, &["tick"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    let after = files(org.path());
    assert!(before.iter().all(|(path, text)| path.ends_with("head.json") || after.get(path) == Some(text)));
    let turn = fs::read(org.path().join("ticks/000000000002/turns/ada.json")).unwrap();
    let turn: Value = serde_json::from_slice(&turn).unwrap();
    assert!(turn["exchanges"][0]["results"][0]["result"].as_str().unwrap().contains("no working sandbox"), "{turn}");
    // Somebody who touched the record is found out all the same.
    let path = org.path().join("ticks/000000000001/turns/ada.json");
    let record = fs::read_to_string(&path).unwrap();
    let touched = record.replace("\"new\\n\"", "\"old\\n\"");
    assert_ne!(touched, record);
    fs::write(&path, touched).unwrap();
    let output = replay();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_replay_knows_what_it_cannot_know_of_files_that_one_answer_changes_twice() {
    let probe = tokio::runtime::Runtime::new().unwrap().block_on(World::new());
    if probe.is_none() {
        return;
    }
    let shell = |script: &str| json!({"tool": "shell", "arguments": {"command": ["sh", "-c", script]}});
    let python = |code: &str| json!({"tool": "python", "arguments": {"code": code}});
    let file = |tool: &str, path: &str| json!({"tool": tool, "arguments": {"path": path}});
    let write = |path: &str, text: &str| json!({"tool": "file_write", "arguments": {"path": path, "text": text}});
    let calls = [
        json!([
            shell("echo first $$ > workspace/a; echo kept > workspace/b; echo short > workspace/gone"),
            file("file_read", "workspace/a"),
            file("file_read", "workspace/b"),
            file("file_read", "workspace/gone"),
            shell("echo second > workspace/a"),
            file("file_read", "workspace/a"),
            file("file_delete", "workspace/gone"),
            write("workspace/b", "over"),
            file("file_read", "workspace/b"),
        ]),
        json!([
            shell("rm workspace/a; echo x > workspace/c"),
            file("file_read", "workspace/a"),
            write("workspace/a", "again"),
            python("write_file('workspace/c', read_file('workspace/c') + 'y')"),
            file("file_read", "workspace/c"),
        ]),
        json!([
            file("file_read", "workspace/a"),
            json!({"tool": "file_list", "arguments": {"folder": "workspace"}}),
            file("file_read", "workspace/c")
        ]),
    ];
    let org = organisation(&calls, &json!({"shell": {"allow": ["sh", "rm"]}}));
    let path = org.path().join("agents/ada/resume.json");
    let mut resume: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    resume["permissions"]["tools"] = json!(["shell", "python", "file_read", "file_write", "file_delete", "file_list"]);
    fs::write(&path, resume.to_string()).unwrap();
    let output = lemming(org.path(), &["tick"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = org.path().join("ticks/000000000001/turns/ada.json");
    let record = fs::read_to_string(&path).unwrap();
    let turn: Value = serde_json::from_str(&record).unwrap();
    let read = |answer: usize, call: usize| turn["exchanges"][answer]["results"][call]["result"]["text"].clone();
    assert!(read(0, 1).as_str().unwrap().starts_with("first "), "{record}");
    assert_eq!((read(0, 5), read(0, 8)), (json!("second\n"), json!("over")));
    assert_eq!((read(1, 4), read(2, 0)), (json!("x\ny"), json!("again")));
    let replay = || lemming(org.path(), &["replay", "1"]).output().unwrap();
    let output = replay();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // What it can know it still checks: what was read after the last change.
    let touched = record.replacen("\"text\": \"second\\n\"", "\"text\": \"third\\n\"", 1);
    assert_ne!(touched, record);
    fs::write(&path, touched).unwrap();
    let output = replay();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn links_and_special_files_are_passed_over_where_nothing_forbids_them() {
    without_landlock(async {
        let mut world = World::unprobed();
        world.desk.settings.shell.allow = ["sh", "ln", "mkfifo"].map(str::to_owned).into();
        world.desk.settings.sandbox = SandboxRule::WhereAvailable;
        let outside = world.outside();
        let script =
            format!("ln -s {} workspace/link; ln -s / workspace/folder; mkfifo workspace/fifo", outside.display());
        let result = world.script(&script).await.unwrap();
        assert!(result.get("written").is_none(), "{result}");
        let notes = result["notes"].to_string();
        for note in [
            "workspace/link is a symbolic link",
            "workspace/folder is a symbolic link",
            "workspace/fifo is a special file",
        ] {
            assert!(notes.contains(note), "{note}: {notes}");
        }
    });
}

#[test]
fn validate_warns_of_an_organisation_that_does_without_and_names_wrong_programs() {
    let org = organisation(&[], &json!({"sandbox": "where_available", "shell": {"allow": ["ls", "/bin/ls", ""]}}));
    let output = lemming(org.path(), &["validate", "--json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap();
    let of = |code: &str| -> Vec<(&str, &str)> {
        let of = findings.iter().filter(|finding| finding["code"] == code);
        of.map(|finding| (finding["severity"].as_str().unwrap(), finding["pointer"].as_str().unwrap())).collect()
    };
    assert_eq!(of("unsandboxed"), [("warning", "/tools/sandbox")], "{found}");
    assert_eq!(of("bad_program"), [("error", "/tools/shell/allow/1"), ("error", "/tools/shell/allow/2")], "{found}");
}
