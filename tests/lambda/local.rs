//! `localstack/lambda.sh`, from its start to Ctrl-C, and what is left of it after a kill.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::program;

/// How long anything may take before the test gives it up.
const PATIENCE: Duration = Duration::from_secs(180);

/// The script, in a home of its own.
struct Local {
    home: PathBuf,
    child: Child,
    lines: Receiver<String>,
}

fn script(home: &Path, name: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("localstack").join(name));
    command.env("LEMMING_LOCAL_HOME", home).env("LEMMING_BIN", program());
    command.env_remove("LEMMING_STORE");
    command
}

impl Local {
    fn start(home: &Path, seconds: &str) -> Self {
        let mut child = script(home, "lambda.sh").arg(seconds).stdout(Stdio::piped()).spawn().expect("the script");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { home: home.to_owned(), child, lines }
    }

    /// The next line that holds these words.
    fn line(&self, words: &[&str]) -> String {
        let (began, mut seen) = (Instant::now(), String::new());
        loop {
            let line = self.lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed()));
            let line = line.unwrap_or_else(|_| panic!("no line with {words:?} in\n{seen}"));
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = script(&self.home, "down.sh").status();
    }
}

#[test]
fn the_local_lambda_ticks_on_its_schedule_and_wakes_when_mail_arrives() {
    if std::env::var("LEMMING_TEST_LAMBDA").is_err() {
        println!("skipped: LEMMING_TEST_LAMBDA is not set (`make test-lambda` sets it)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    let is_left = |name: &str| home.join(name).exists();

    // Two seconds in this test are a minute for a person.
    let mut local = Local::start(&home, "2");
    local.line(&["schedule", "closed"]);
    local.line(&["schedule", "closed"]);
    kill_process(Pid::from_child(&local.child), Signal::INT).expect("a signal");
    local.line(&["all is stopped"]);
    assert!(local.child.wait().expect("an end").success());
    assert!(!is_left("pid") && !is_left("lambda.pids"), "something was left behind");
    assert!(is_left("buckets/lemming/org/ticks/000000000002/closed.json"), "the organisation stays");

    // No slot comes in time: it is the mail that wakes.
    let mut local = Local::start(&home, "3600");
    let export = local.line(&["export ", "LEMMING_STORE="]);
    local.line(&["schedule"]);
    // As the script says: these variables, and then the program.
    let lemming = |arguments: &str| {
        let line = format!("{export}\n{} {arguments}", program().display());
        let done = Command::new("sh").args(["-euc", &line]).output().expect("sh");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    };
    lemming("send editor 'Should we move our nightly backups to object storage?'");
    local.line(&["mail", "closed"]);
    let inbox = lemming("inbox");
    assert!(inbox.contains("editor"), "nobody answers: {inbox}");

    // Killed, it leaves everything running; `down.sh` knows what.
    let pids = std::fs::read_to_string(home.join("lambda.pids")).expect("who runs");
    let pids: Vec<&str> = pids.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(pids.len(), 4, "itself, the emulator and two functions: {pids:?}");
    local.child.kill().expect("a signal");
    local.child.wait().expect("an end");
    assert!(script(&home, "down.sh").arg("--clean").status().expect("the script").success());
    assert!(!home.exists());
    // One that has ended and that nobody has waited for yet is no process any more.
    let state = |pid: &&str| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let runs = |pid: &&str| !state(pid).is_empty() && !state(pid).contains(") Z ");
    assert!(!pids.iter().any(runs), "something still runs");
}
