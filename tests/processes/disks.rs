//! Disks that are full, read-only, shut or broken, and folders with things in them that are no files of an organisation.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::world::{World, failed, text};

/// Runs a shell script in a world of mounts of its own, as root of a user namespace; nothing where
/// the system does not allow that.
fn with_mounts(world: &World, script: &str) -> Option<Output> {
    let allowed = Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|output| output.status.success());
    if !allowed {
        #[expect(clippy::print_stderr, reason = "a test that did not run should say so")]
        {
            eprintln!("skipped: `unshare -rm` is not allowed here");
        }
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-rm", "/bin/sh", "-euc", script]).current_dir(world.folder.path());
    command.env("LEMMING", env!("CARGO_BIN_EXE_lemming")).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
    Some(command.output().expect("a script"))
}

#[test]
fn a_read_only_disk_is_named_and_can_still_be_read() {
    let world = World::found("30s");
    assert_eq!(world.run(&["tick"]).status.code(), Some(0));
    let before = world.files();
    for (args, code, stdout_is_empty) in [
        ("tick --json", 4, true),
        ("run --ticks 1 --json", 4, true),
        ("send ada hello --json", 4, true),
        ("credits top-up ada 1 --json", 4, true),
        ("pause --json", 4, true),
        ("bootstrap --json", 4, true),
        ("status --json", 0, false),
        ("validate --json", 0, false),
        ("inbox --json", 0, false),
    ] {
        let script = format!(
            "mount --bind org org && mount -o remount,ro,bind org\ncd org\nset +e\n\"$LEMMING\" {args}\nexit $?"
        );
        let Some(output) = with_mounts(&world, &script) else { return };
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args}: {stderr}");
        assert_eq!(output.stdout.is_empty(), stdout_is_empty, "{args}");
        if code == 4 {
            let (_, error) = failed(&output);
            assert_eq!(error["code"], "store", "{args}: {error}");
            assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("read-only")), "{args}: {error}");
        }
        assert_eq!(world.files(), before, "{args}");
    }
}

#[test]
fn a_full_disk_is_named_and_the_next_tick_goes_on() {
    let world = World::found("200ms");
    // Room for a different number of blocks each time, so that it is full at different points of the tick.
    for free in 0..14 {
        let script = format!(
            r#"
            mkdir -p disk && mount -t tmpfs -o size=128k,nr_inodes=1000 tmpfs disk && cp -r org disk/org && cd disk/org
            set +e
            dd if=/dev/zero of=../filler bs=4096 2> /dev/null
            truncate -s -$(( {free} * 4096 )) ../filler
            "$LEMMING" tick --json > ../../out 2> ../../err
            echo $? > ../../code
            rm ../filler
            "$LEMMING" tick --json > ../../next || exit 1
            find . -name '.lemming*'
            ls ticks/000000000001/turns ticks/000000000001/closed.json agents/ada/outbox
            "#
        );
        let Some(output) = with_mounts(&world, &script) else { return };
        let stdout = text(&output.stdout);
        assert!(output.status.success(), "{free} blocks free: {stdout}{}", text(&output.stderr));
        // No draft is left, and the turn, its view and the close are there once; a tick after it may be, too.
        assert!(
            !stdout.contains(".lemming") && stdout.contains("ada.json") && stdout.contains("00000001_"),
            "{stdout}"
        );
        let read = |name: &str| fs::read_to_string(world.beside(name)).expect("a file");
        let (code, err) = (read("code").trim().to_owned(), read("err"));
        assert!(["0", "4"].contains(&code.as_str()), "{free} blocks free: exit code {code}: {err}");
        // From not even the first object to all of them.
        assert!((free > 0 || code == "4") && (free < 13 || code == "0"), "{free} blocks free: {code}: {err}");
        if code == "4" {
            assert_eq!(read("out"), "");
            let error: Value = serde_json::from_str(err.lines().last().expect("a line")).expect("an envelope");
            assert_eq!(error["error"]["code"], "store");
            assert!(error["error"]["hint"].as_str().is_some_and(|hint| hint.contains("full")), "{error}");
            // The next one makes room for nothing else: it ends the tick that was begun, if one was.
            let tick: Value = serde_json::from_str(&read("next")).expect("a document");
            assert_eq!((&tick["tick"], &tick["closed"]), (&json!(1), &json!(true)), "{tick}");
            assert_eq!(tick["turns"][0]["status"], "ok", "{tick}");
        }
    }
}

#[test]
fn a_limit_on_files_is_an_error_like_any_other() {
    let world = World::found("30s");
    let before = world.files();
    let script = r#"trap '' XFSZ; ulimit -f 0; exec "$LEMMING" tick --json"#;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).current_dir(world.root()).env("LEMMING", env!("CARGO_BIN_EXE_lemming"));
    command.env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
    let (code, error) = failed(&command.output().expect("a script"));
    assert_eq!((code, &error["code"]), (Some(4), &json!("store")), "{error}");
    assert!(error["causes"].to_string().contains("too large"), "{error}");
    assert_eq!(world.files(), before);
    assert_eq!(world.run(&["tick"]).status.code(), Some(0));
}

#[test]
fn names_that_are_no_text_and_links_are_named_and_passed_over() {
    let world = World::found("30s");
    for folder in ["shared", "agents", "agents/ada/memory", "ingress/mail"] {
        let path = world.root().join(folder);
        fs::create_dir_all(&path).expect("a folder");
        if fs::write(path.join(OsStr::from_bytes(b"no\xfftext.json")), "{}").is_err() {
            return; // A file system that has only names in UTF-8.
        }
    }
    fs::create_dir(world.root().join("agents").join(OsStr::from_bytes(b"e\xffe"))).expect("a folder");
    let outside = world.beside("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("resume.json"), "{}").expect("a file");
    for link in ["shared/link", "agents/eve", "agents/ada/memory/link.json", "ingress/mail/link.json"] {
        std::os::unix::fs::symlink(&outside, world.root().join(link)).expect("a link");
    }
    let before = world.files();
    let output = world.run(&["validate", "--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let of = |code: &str| {
        let findings = found["findings"].as_array().expect("findings").iter();
        findings
            .filter(|f| f["code"] == code)
            .map(|f| f["path"].as_str().expect("a path").to_owned())
            .collect::<Vec<_>>()
    };
    for link in ["shared/link", "agents/eve", "agents/ada/memory/link.json", "ingress/mail/link.json"] {
        assert!(of("symlink").iter().any(|path| path == link), "{link}: {found}");
    }
    assert!(of("bad_name").len() >= 5, "{found}");
    let output = world.run(&["tick", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let tick: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((&tick["due"], &tick["closed"]), (&json!(["ada"]), &json!(true)), "{tick}");
    assert_eq!(tick["turns"][0]["status"], "ok");
    let after = world.files();
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)), "what was there stays as it was");
    assert_eq!(fs::read_dir(outside).expect("a folder").count(), 1, "nothing was written through a link");
}
