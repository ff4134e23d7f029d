//! What programs can do, and what comes back.

use serde_json::json;

use super::{CANARY, World, assert_none_is_left, mark, marked};

#[tokio::test]
async fn the_seven_programs_work_on_copies_of_the_files() {
    let Some(mut world) = World::new().await else { return };
    world.desk.put("workspace/notes/a.md", "one\ntwo\nthree\n");
    world.desk.put("shared/data.json", r#"{"a": [1, 2]}"#);
    for (command, stdout) in [
        (json!("ls workspace/notes shared"), "shared:\ndata.json\n\nworkspace/notes:\na.md\n"),
        (json!(["cat", "workspace/notes/a.md"]), "one\ntwo\nthree\n"),
        (json!("grep -rn 't[wh]' workspace"), "workspace/notes/a.md:2:two\nworkspace/notes/a.md:3:three\n"),
        (json!("head -n 1 workspace/notes/a.md"), "one\n"),
        (json!("tail -n 1 workspace/notes/a.md"), "three\n"),
        (json!(["echo", "a  b", "$HOME", "*"]), "a  b $HOME *\n"),
        (json!(["jq", "-c", ".a", "shared/data.json"]), "[1,2]\n"),
    ] {
        // Not every machine has it.
        if command[0] == "jq" && !std::path::Path::new("/usr/bin/jq").exists() {
            continue;
        }
        let result = world.call("shell", json!({"command": command})).await;
        assert_eq!(result, Ok(json!({"exit_code": 0, "stdout": stdout, "stderr": ""})), "{command}");
    }
    let failed = world.shell(&["cat", "workspace/missing"]).await.unwrap();
    assert_eq!(failed["exit_code"], 1);
    assert!(failed["stderr"].as_str().unwrap().contains("No such file"), "{failed}");
    // One that was too large already is no news.
    world.desk.put("workspace/large", &"x".repeat(200_000));
    assert_eq!(world.shell(&["echo"]).await, Ok(json!({"exit_code": 0, "stdout": "\n", "stderr": ""})));
    assert!(world.desk.log.is_empty());
}

#[tokio::test]
async fn changed_new_and_deleted_files_of_the_workspace_come_back() {
    let Some(mut world) = World::with_more().await else { return };
    world.desk.put("workspace/keep", "keep");
    world.desk.put("workspace/change", "old");
    world.desk.put("workspace/gone", "gone");
    world.desk.put("shared/read", "read");
    let script = "echo new > workspace/change; rm workspace/gone; mkdir -p workspace/a/b; cp shared/read workspace/a/b/c; \
                  sed -i s/keep/keep/ workspace/keep; chmod 755 workspace/change; touch home/thrown-away";
    let result = world.script(script).await.unwrap();
    assert_eq!(
        result,
        json!({"exit_code": 0, "stdout": "", "stderr": "", "written": ["workspace/a/b/c", "workspace/change"],
            "deleted": ["workspace/gone"]})
    );
    assert_eq!(world.desk.log, ["write workspace/a/b/c", "write workspace/change", "delete workspace/gone"]);
    assert_eq!(world.desk.files["workspace/change"], "new\n");
    assert_eq!(world.desk.files["workspace/a/b/c"], "read");
}

#[tokio::test]
async fn what_is_no_text_too_large_or_badly_named_is_reported_and_not_taken() {
    let Some(mut world) = World::with_more().await else { return };
    world.desk.put("workspace/file", "file");
    world.desk.put("workspace/folder/x", "x");
    let script = r"printf '\377' > workspace/binary; yes | head -c 200000 > workspace/large; echo > workspace/.hidden
        echo > 'workspace/a:b'; printf x > workspace/$(printf 'no\377text'); ln workspace/file workspace/same
        rm workspace/file; mkdir workspace/file; echo > workspace/file/inside
        rm -r workspace/folder; echo > workspace/folder; echo fine > workspace/fine";
    let result = world.script(script).await.unwrap();
    assert_eq!((&result["exit_code"], &result["stderr"]), (&json!(0), &json!("")), "{result}");
    assert_eq!(result["written"], json!(["workspace/fine", "workspace/same"]), "{result}");
    let notes = result["notes"].to_string();
    for note in [
        "workspace/binary is not text",
        "workspace/large has more than 102400 bytes",
        "begins with a dot",
        "a:b",
        "which is not text",
        "which is a file",
        "is a folder",
    ] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    assert_eq!(result["notes"].as_array().unwrap().len(), 7, "{notes}");
}

#[tokio::test]
async fn nothing_outside_can_be_read_or_written() {
    let Some(mut world) = World::with_more().await else { return };
    world.desk.put("shared/read", "read");
    let outside = world.outside();
    let outside = outside.display();
    // Put together by the shell: the tool itself would refuse it as it stands.
    let beside = "$up/$up/outside";
    let script = format!(
        "up=.; up=$up.; cat {outside}; cat {beside}; cat /etc/passwd /etc/shadow /etc/hostname /proc/self/environ /proc/1/environ /proc/cpuinfo
        ls / /root /home /etc /proc /tmp $up; echo bad > {outside}; echo bad > {beside}; rm -f {outside}
        mv {outside} workspace/x; ln {outside} workspace/x; ln -s {outside} workspace/x; cp {outside} workspace/x
        echo bad > shared/read; rm shared/read; touch shared/new; touch new; mkdir shared/d; mv shared/read workspace/
        mkfifo workspace/fifo; touch /tmp/{CANARY}; touch /dev/shm/{CANARY}; touch /usr/share/{CANARY}; exit 0"
    );
    let result = world.script(&script).await.unwrap();
    assert_eq!((&result["exit_code"], &result["stdout"]), (&json!(0), &json!("")), "{result}");
    assert!(result.get("written").is_none() && result.get("notes").is_none(), "{result}");
    assert!(world.desk.log.is_empty(), "{:?}", world.desk.log);
    for folder in ["/tmp", "/dev/shm", "/usr/share"] {
        assert!(!std::path::Path::new(folder).join(CANARY).exists(), "{folder}");
    }
}

#[tokio::test]
async fn only_allowed_programs_can_be_started_by_others_too() {
    let Some(mut world) = World::with_more().await else { return };
    world.desk.settings.shell.allow = vec!["sh".to_owned(), "cp".to_owned()];
    let result = world.script("ls; cp /bin/cp workspace/mine; workspace/mine; echo $?").await.unwrap();
    let stderr = result["stderr"].as_str().unwrap();
    assert!(stderr.contains("ls: Permission denied"), "{result}");
    assert_eq!(result["stdout"], "126\n", "{result}");
}

#[tokio::test]
async fn there_is_no_network() {
    let Some(mut world) = World::with_more().await else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!("echo hello > /dev/tcp/127.0.0.1/{port}");
    // Outside it works, or this test would tell nothing.
    if !std::process::Command::new("bash").args(["-c", &script]).status().is_ok_and(|status| status.success()) {
        return;
    }
    listener.accept().unwrap();
    let result = world.shell(&["bash", "-c", &script]).await.unwrap();
    assert_ne!(result["exit_code"], 0, "{result}");
    let result = world.shell(&["bash", "-c", &format!("echo hello > /dev/udp/127.0.0.1/{port}")]).await.unwrap();
    assert_ne!(result["exit_code"], 0, "{result}");
    assert!(listener.accept().is_err(), "somebody has come through");
}

#[tokio::test]
async fn programs_see_three_variables_and_are_nobody_of_importance() {
    let Some(mut world) = World::with_more().await else { return };
    let result = world.shell(&["env"]).await.unwrap();
    let names: Vec<&str> =
        result["stdout"].as_str().unwrap().lines().filter_map(|l| Some(l.split_once('=')?.0)).collect();
    assert_eq!(
        {
            let mut names = names;
            names.sort_unstable();
            names
        },
        ["HOME", "LANG", "PATH"]
    );
    let result = world.shell(&["id", "-u"]).await.unwrap();
    assert_ne!(result["stdout"], "0\n");
}

#[tokio::test]
async fn what_a_program_leaves_running_is_killed() {
    let Some(mut world) = World::with_more().await else { return };
    for (n, script) in (10..).zip([
        "sleep MARK & exit 0",
        "(sleep MARK &) & exit 0",
        "nohup sleep MARK > /dev/null 2>&1 & exit 0",
        "setsid sleep MARK & sleep 0.1; exit 0",
        "trap '' TERM HUP INT; sleep MARK & exit 0",
    ]) {
        let result = world.script(&marked(script, n)).await.unwrap();
        assert_eq!(result["exit_code"], 0, "{script}: {result}");
        assert_none_is_left(&mark(n));
    }
}

#[tokio::test]
async fn no_other_process_can_be_signalled() {
    let Some(mut world) = World::with_more().await else { return };
    let mut victim = tokio::process::Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
    let number = victim.id().unwrap();
    let result = world.script(&format!("kill -9 {number}; kill -9 -1; echo alive")).await.unwrap();
    assert!(result["stdout"] == "alive\n" && result["stderr"].to_string().contains("not permitted"), "{result}");
    assert!(victim.try_wait().unwrap().is_none());
    victim.kill().await.unwrap();
}
