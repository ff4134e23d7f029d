//! `lemming demo --chaos`: what it shows, and that its audit sees what is wrong.

#![cfg(unix)]
#![allow(clippy::expect_used, missing_docs, reason = "tests fail by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use lemming::chaos::audit::{Findings, Witness, audit};
use lemming::chaos::model::Call;
use lemming::domain::ids::Sha;
use lemming::store::Store;
use lemming::store::open::open;
use serde_json::{Value, json};
use uuid::Uuid;

fn demo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(["demo", "--chaos"]).current_dir(folder).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
    command
}

fn store(root: &Path) -> Store {
    let opened = open(root.to_str().expect("text"), []).expect("a folder");
    Store::new(opened.store, opened.prefix, opened.lists_freely)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))).expect("json")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a copy");
        }
    }
}

/// A clean play that an audit is then misled about.
struct Scene {
    root: PathBuf,
    witness: Witness,
}

impl Scene {
    fn path(&self, tick: u64, rest: &str) -> PathBuf {
        self.root.join(format!("ticks/{tick:012}/{rest}"))
    }

    /// Changes a record, as somebody would who also mends the hash in the closed record.
    fn edit(&self, tick: u64, rest: &str, edit: impl FnOnce(&mut Value)) {
        let path = self.path(tick, rest);
        let before = Sha::of(&fs::read(&path).expect("a record"));
        let mut record = read(&path);
        edit(&mut record);
        let bytes = lemming::record::encode(&record);
        assert_ne!(Sha::of(&bytes), before, "{rest} was changed");
        fs::write(&path, &bytes).expect("written");
        let closed = self.path(tick, "closed.json");
        let text = fs::read_to_string(&closed).expect("closed");
        fs::write(&closed, text.replace(before.as_str(), Sha::of(&bytes).as_str())).expect("written");
    }

    fn call(&mut self, index: usize) -> &mut Call {
        &mut self.witness.calls[index]
    }

    /// A call whose caller nobody disturbed: where it stands in the log.
    fn undisturbed(&self) -> usize {
        let Witness { calls, killed, .. } = &self.witness;
        let of = |call: &Call| (call.tick, call.agent.clone());
        let is_alone = |call: &Call| calls.iter().filter(|other| of(other) == of(call)).count() == 1;
        calls.iter().rposition(|call| is_alone(call) && !killed.contains(&call.runner)).expect("a call in peace")
    }

    fn one_more_call(&mut self) {
        let mut call = self.witness.calls[self.undisturbed()].clone();
        call.id = "call-999".to_owned();
        self.witness.calls.push(call);
    }
}

/// What is done to a clean play, and what the audit must say of it.
type Lie = (&'static str, fn(&mut Scene), &'static str);

const LIES: &[Lie] = &[
    (
        "a call is struck from the model's log",
        |s| drop(s.witness.calls.remove(s.undisturbed())),
        "the model's log does not have",
    ),
    ("the model was called once more", Scene::one_more_call, "the model was paid 0.02 for"),
    ("and nobody disturbed its caller", Scene::one_more_call, "is in no turn, and nobody disturbed it"),
    ("the model's log has a call twice", |s| s.witness.calls.push(s.witness.calls[0].clone()), "twice"),
    ("another runner made a call", |s| s.call(0).runner = 99, "runner 99 made call-001"),
    ("a call was made for another tick", |s| s.call(0).tick = 77, "was made in tick 77, which is not closed"),
    (
        "a byte of a turn changes",
        |s| {
            let path = s.path(1, "turns/ada.json");
            let text = fs::read_to_string(&path).expect("a turn");
            fs::write(path, text.replacen("Letter 1", "Letter 9", 1)).expect("written");
        },
        "ticks/000000000001/turns/ada.json is not what was closed",
    ),
    ("a turn is gone", |s| fs::remove_file(s.path(2, "turns/bob.json")).expect("it"), "turns/bob.json is missing"),
    ("a link is gone", |s| fs::remove_file(s.path(1, "shards/0/0000.json")).expect("it"), "0000.json is missing"),
    (
        "a link is added after the seal",
        |s| {
            let links = fs::read_dir(s.path(1, "shards/0")).expect("links");
            let count = links.filter(|e| e.as_ref().expect("it").path().extension().is_some()).count();
            let seal = s.path(1, &format!("shards/0/{:04}.json", count - 1));
            fs::copy(seal, s.path(1, &format!("shards/0/{count:04}.json"))).expect("a copy");
        },
        "a link after the end of its chain",
    ),
    ("a plan is another", |s| s.edit(2, "plan.json", |plan| plan["previous"] = json!(null)), "does not follow"),
    (
        "less is charged than was spent",
        |s| s.edit(3, "closed.json", |closed| closed["turns"]["cleo"]["charge"] = json!({})),
        "cleo was charged 0.00, and its licences come to 0.0",
    ),
    (
        "more is granted than charged, backwards",
        |s| s.edit(4, "plan.json", |plan| plan["due"][0]["grant_credits"] = json!(0)),
        "of a grant of 0",
    ),
    (
        "a turn reads a message again",
        |s| {
            let again = read(&s.path(1, "turns/dan.json"))["inbox"].clone();
            s.edit(2, "turns/dan.json", |turn| turn["inbox"] = again);
        },
        "dan read a message 2 times",
    ),
    (
        "a message is lost",
        |s| s.edit(2, "turns/eve.json", |turn| turn["inbox"] = json!([])),
        "eve never read a message to it",
    ),
    (
        "a letter takes another way",
        |s| {
            s.edit(4, "turns/hal.json", |turn| {
                turn["effects"]["outbox"][0]["payload"]["hands"] = json!(["hal", "hal", "hal", "hal"]);
            });
        },
        "came home through hal, hal, hal, hal",
    ),
    ("a letter more was sent", |s| s.witness.letters.push(Uuid::nil()), "9 letters were sent"),
    ("and never came", |s| s.witness.letters.push(Uuid::nil()), "letter 9 came home 0 times"),
];

#[tokio::test(flavor = "multi_thread")]
async fn six_runners_die_in_mid_call_no_invariant_is_violated_and_every_lie_about_it_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = demo(folder.path()).arg("--json").output().expect("the demo");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}\n{}", String::from_utf8_lossy(&done.stdout));
    let shown: Value = serde_json::from_slice(&done.stdout).expect("one document");
    assert_eq!((&shown["ok"], &shown["runners"]), (&json!(true), &json!(8)));
    let witness: Witness = serde_json::from_value(shown["witness"].clone()).expect("a witness");
    assert_eq!(witness.killed.len(), 6, "{:?}", witness.killed);
    let kills = shown["events"].as_array().expect("events").iter().filter(|event| event["event"] == "killed");
    for kill in kills {
        let asked = kill["agents"].as_array().expect("agents");
        assert!(!asked.is_empty() && kill["into_call_ms"].as_u64() > Some(0), "{kill} is in no call");
    }
    let lost: u64 = shown["findings"]["crashes"].as_object().expect("crashes").values().fold(0, |sum, crash| {
        assert!(crash["calls_lost"].as_u64() >= Some(1), "a crash in mid-call loses a call: {crash}");
        sum + crash["calls_lost"].as_u64().expect("a number")
    });
    assert!(witness.calls.len() as u64 >= 32 + lost, "{} calls, {lost} lost", witness.calls.len());
    let root = folder.path().join("chaos-org");
    assert_eq!(read(&root.join("config/calls.json"))["calls"], shown["witness"]["calls"], "the log that is left");

    let Findings { messages, violations, .. } = audit(&store(&root), &witness).await.expect("an audit");
    assert_eq!(violations, Vec::<String>::new());
    assert_eq!((messages.once, messages.twice, messages.never, messages.home), (32, 0, 0, 8));
    for (what, lie, said) in LIES {
        let folder = tempfile::tempdir().expect("a folder");
        let mut scene = Scene { root: folder.path().join("org"), witness: witness.clone() };
        copy(&root, &scene.root);
        lie(&mut scene);
        let findings = audit(&store(&scene.root), &scene.witness).await.expect("an audit");
        let seen = findings.violations.iter().any(|violation| violation.contains(said));
        assert!(seen, "{what}: {said:?} is not in {:#?}", findings.violations);
    }
}

/// Waits until a tick is closed.
fn closed(root: &Path, tick: u64, demo: &mut Child) {
    while !root.join(format!("ticks/{tick:012}/closed.json")).exists() {
        assert!(demo.try_wait().expect("a child").is_none(), "the demo ended before tick {tick} was closed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_record_that_is_changed_behind_its_back_fails_the_demo_in_lines_that_fit_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = demo(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the demo");
    let root = folder.path().join("chaos-org");
    // By then nobody reads the turns of the first tick any more.
    closed(&root, 2, &mut child);
    let path = root.join("ticks/000000000001/turns/ada.json");
    let text = fs::read_to_string(&path).expect("a turn");
    fs::write(&path, text.replacen("Letter 1", "Letter 9", 1)).expect("written");
    let done = child.wait_with_output().expect("an end");
    let printed = String::from_utf8(done.stdout).expect("text");
    assert_eq!(done.status.code(), Some(1), "{printed}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(printed.contains("turns/ada.json is not what was closed"), "{printed}");
    assert!(!printed.contains('\u{1b}'), "no colours where there is no terminal: {printed}");
    let place = folder.path().display().to_string();
    for line in printed.lines().filter(|line| !line.contains(&place)) {
        assert!(line.chars().count() <= 80, "{line:?} has {} characters", line.chars().count());
    }
}

#[test]
fn ctrl_c_in_the_middle_leaves_no_process_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = demo(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the demo");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let killed = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("is killed")));
    assert!(killed.is_some(), "nobody was killed");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    let runners = children(&child);
    assert!(cfg!(not(target_os = "linux")) || runners.len() >= 2, "{runners:?}");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    let done = child.wait_with_output().expect("an end");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(130), "{errors}");
    for said in ["nothing is left running", "it can be read, not run", "remove it: rm -r chaos-org"] {
        assert!(errors.contains(said), "{said}: {errors}");
    }
    for runner in runners {
        // The demo has waited for each, so that none is even a zombie.
        assert!(!Path::new(&format!("/proc/{runner}")).exists(), "runner {runner} is still there");
    }
    let again = demo(folder.path()).output().expect("the demo");
    let errors = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(1), "{errors}");
    assert!(errors.contains("holds an earlier chaos") && errors.contains("rm -r chaos-org"), "{errors}");
}

#[test]
fn memory_that_eight_processes_cannot_share_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = demo(folder.path()).args(["--store", "memory://"]).output().expect("the demo");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{errors}");
    assert!(errors.contains("8 processes cannot share memory://"), "{errors}");
}

/// The processes that a process has started, where the system tells.
fn children(of: &Child) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", of.id())).into_iter().flatten();
    let text = |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.ok()?.path().join("children")).ok();
    threads
        .filter_map(text)
        .flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .filter(|pid| !pid.is_empty())
        .collect()
}

#[test]
fn a_place_where_something_is_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("mine")).expect("a folder");
    fs::write(folder.path().join("mine/letter.txt"), "dear").expect("a file");
    for place in [["--dir", "mine"], ["--store", "mine"]] {
        let done = demo(folder.path()).args(place).output().expect("the demo");
        let errors = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{errors}");
        assert!(errors.contains("exists and this needs a new place: it was left alone"), "{errors}");
    }
    assert_eq!(fs::read_dir(folder.path().join("mine")).expect("it").count(), 1);
}
