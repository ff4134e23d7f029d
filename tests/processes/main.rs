//! Real processes and bad surroundings: who waits for whom, who leaves how, and what a disk or a
//! bucket that does not work looks like. Each time: the exit code, the message, nothing half-done.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real clock")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A model that does not answer as long as the gate is shut. It ends with its organisation.
const MODEL: &str = r#"
printf '%s\n' call >> "$CALLS"
while [ -e "$GATE" ]; do sleep 0.02; done
printf '{"outbox_entries": [{"payload": {"text": "done"}}]}\n'
"#;

/// An organisation of one agent in a temporary folder, with the model's gate and log beside it.
struct World {
    folder: TempDir,
}

impl World {
    fn found(lease: &str) -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a folder") };
        world.write("config/model.sh", MODEL);
        world.write("org.json", json!({ "format": 1, "name": "Test", "limits": { "lease": lease } }).to_string());
        let env = json!({ "CALLS": world.beside("calls"), "GATE": world.beside("gate") });
        let model = json!({
            "provider": "cli",
            "price": { "input": 0, "output": 0, "request": 0.01 },
            "provider_config": { "command": ["/bin/sh", "config/model.sh"], "env": env },
        });
        world.write("config/models.json", json!({ "m": model }).to_string());
        let resume = json!({
            "name": "ada", "title": "Hand", "short_description": "Does its part.", "instructions": "Do it.",
            "model": { "key": "m", "max_tokens": 100 },
        });
        world.write("agents/ada/resume.json", resume.to_string());
        world
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn root(&self) -> PathBuf {
        self.beside("org")
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn shut_gate(&self) {
        fs::write(self.beside("gate"), "").expect("a gate");
    }

    fn open_gate(&self) {
        fs::remove_file(self.beside("gate")).expect("a gate");
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.beside("calls")).unwrap_or_default().lines().count()
    }

    fn json(&self, path: &str) -> Value {
        let bytes = fs::read(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// Every file with its content.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, found);
                } else {
                    let bytes = fs::read(&path).unwrap_or_default();
                    found.insert(path, bytes);
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(&self.root(), &mut found);
        found
    }

    fn lemming(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).current_dir(self.root()).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.lemming(args).output().expect("the program")
    }
}

/// A process that goes on while the test looks at what it says.
struct Running {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Running {
    fn start(world: &World, args: &[&str]) -> Self {
        let mut command = world.lemming(args);
        command.env("LEMMING_LOG", "warn,lemming=debug").args(["--log-format", "json"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                if sender.send(line.expect("a line")).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, said: String::new() }
    }

    /// Waits until it says this.
    fn until(&mut self, part: &str) -> String {
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("{part:?} was not said: {}", self.said));
            self.said.push_str(&format!("{line}\n"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Waits until the model was called so often: the log says it just before.
    fn until_called(&mut self, world: &World, times: usize) {
        self.until(r#""phase":"call""#);
        let began = Instant::now();
        while world.calls() < times {
            assert!(began.elapsed() < PATIENCE, "the model is not called: {}", self.said);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("a signal");
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Its exit code, and all that it said.
    fn end(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        while self.is_running() {
            assert!(began.elapsed() < PATIENCE, "it hangs: {}", self.said);
            std::thread::sleep(Duration::from_millis(5));
        }
        for line in self.lines.iter() {
            self.said.push_str(&format!("{line}\n"));
        }
        (self.child.wait().expect("an end").code(), self.said)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A command that failed: its exit code, and the error that it ended with.
fn failed(output: &Output) -> (Option<i32>, Value) {
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    let stderr = text(&output.stderr);
    let last = stderr.lines().last().unwrap_or_default();
    let envelope: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("no envelope: {stderr}"));
    (output.status.code(), envelope["error"].clone())
}

#[test]
fn the_second_waits_says_for_whom_and_takes_over_from_the_dead() {
    let world = World::found("400ms");
    world.shut_gate();
    let mut first = Running::start(&world, &["tick"]);
    first.until_called(&world, 1);
    let holder = world.json("ticks/000000000001/shards/0/0000.json")["by"].as_str().expect("a runner").to_owned();
    let mut second = Running::start(&world, &["tick"]);
    let said = second.until("waiting: ");
    assert!(said.contains(&format!("runner {holder} holds shard 0 of tick 1")), "{said}");
    // Longer than a lease: whoever shows life is not passed over.
    std::thread::sleep(Duration::from_millis(1000));
    assert!(first.is_running() && second.is_running());
    assert_eq!(world.calls(), 1);
    first.signal(Signal::KILL);
    assert_eq!(first.end().0, None);
    world.open_gate();
    let (code, said) = second.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("waiting: ").count(), 1, "{said}");
    let closed = world.json("ticks/000000000001/closed.json");
    assert_eq!(closed["turns"]["ada"]["status"], "ok");
    let turn = world.json("ticks/000000000001/turns/ada.json");
    assert_ne!(turn["by"], json!(holder));
    assert_eq!(world.calls(), 2);
    let charge = &closed["turns"]["ada"]["charge"];
    assert!(charge["paid"].as_f64() >= Some(0.01) && charge["forfeited"].as_f64() >= Some(0.01), "{charge}");
}

#[test]
fn a_loop_that_is_told_to_leave_releases_and_the_next_goes_on_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        // A lease that nobody could wait for.
        let world = World::found("10m");
        world.shut_gate();
        let mut first = Running::start(&world, &["run", "--every", "1ms"]);
        first.until_called(&world, 1);
        first.signal(signal);
        let (code, said) = first.end();
        // The tick is not closed: that is what the code says.
        assert_eq!(code, Some(5), "{said}");
        assert!(said.contains("\"event\":\"stopping\"") && said.contains("\"event\":\"shard_released\""), "{said}");
        let release = world.json("ticks/000000000001/shards/0/0001.json");
        assert_eq!((&release["link"], &release["spent"][0]["agent"]), (&json!("release"), &json!("ada")));
        assert!(!world.root().join("ticks/000000000001/turns").exists());
        world.open_gate();
        let began = Instant::now();
        let output = world.run(&["tick", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let tick: Value = serde_json::from_slice(&output.stdout).expect("a document");
        assert_eq!((&tick["tick"], &tick["closed"], &tick["resumed"]), (&json!(1), &json!(true), &json!(true)));
        // The call that was given up may have been paid: it is charged, and nothing more.
        assert_eq!(world.json("ticks/000000000001/closed.json")["turns"]["ada"]["charge"]["unanswered"], json!(0.01));
        assert_eq!(world.calls(), 2);
    }
}

#[test]
fn a_loop_that_rests_between_ticks_ends_at_once_and_well() {
    let world = World::found("10m");
    let mut running = Running::start(&world, &["run", "--every", "1h"]);
    running.until(r#""event":"tick_closed""#);
    // After the close come the hint and the report; then it rests.
    std::thread::sleep(Duration::from_millis(300));
    running.signal(Signal::INT);
    let began = Instant::now();
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(fs::read_dir(world.root().join("ticks")).expect("ticks").count(), 1);
}

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
fn a_bucket_that_cannot_be_reached_is_given_up_soon() {
    let world = World::found("30s");
    let url = "s3://nowhere?endpoint=http://127.0.0.1:1&allow_http=true&region=us-east-1";
    for args in [vec!["tick"], vec!["status"], vec!["bootstrap"], vec!["send", "ada", "hello"]] {
        let began = Instant::now();
        let mut command = world.lemming(&args);
        command.args(["--json", "--store", url]);
        command.env("AWS_ACCESS_KEY_ID", "nobody").env("AWS_SECRET_ACCESS_KEY", "never-shown");
        let output = command.output().expect("the program");
        let took = began.elapsed();
        let (code, error) = failed(&output);
        assert_eq!((code, &error["code"]), (Some(4), &json!("store")), "{args:?}: {error}");
        assert!(took < Duration::from_secs(20), "{args:?}: {took:?}");
        let said = error.to_string();
        assert!(said.contains("127.0.0.1:1") && !said.contains("never-shown"), "{args:?}: {said}");
    }
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

#[test]
fn without_agents_or_without_an_organisation_nothing_is_written() {
    let world = World::found("30s");
    fs::remove_dir_all(world.root().join("agents")).expect("remove");
    let before = world.files();
    let output = world.run(&["tick", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let tick: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((&tick["tick"], &tick["idle"]), (&Value::Null, &json!("no_agents")), "{tick}");
    assert_eq!(world.files(), before);
    fs::remove_file(world.root().join("org.json")).expect("remove");
    let before = world.files();
    for args in [vec!["tick"], vec!["run", "--ticks", "1"], vec!["status"], vec!["send", "ada", "hello"]] {
        let (code, error) = failed(&world.lemming(&args).arg("--json").output().expect("the program"));
        assert_eq!((code, &error["code"]), (Some(6), &json!("not_found")), "{args:?}: {error}");
        assert_eq!(world.files(), before, "{args:?}");
    }
}
