//! An organisation in a folder of its own, and the real program: from a pipe, and in a pseudo-terminal.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long something may take that a test waits for, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// An organisation of some agents, whose model costs nothing and follows a script.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new(agents: &[&str], rules: Value) -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        place.write("org.json", &json!({"format": 1, "name": "Test"}));
        let price = json!({"input": 0, "output": 0});
        let model =
            json!({"provider": "scripted", "price": price, "provider_config": {"script": "config/script.json"}});
        place.write("config/models.json", &json!({"m": model}));
        place.write("config/script.json", &json!({"rules": rules}));
        for agent in agents {
            place.agent(agent, json!({}));
        }
        place
    }

    pub fn agent(&self, name: &str, change: Value) {
        let mut resume = json!({
            "name": name, "title": "Agent", "short_description": "Does what it is told.", "instructions": "Answer.",
            "model": {"key": "m"}, "permissions": {"read_outboxes": ["*"], "tools": ["file_write"]},
        });
        crate::world::merge(&mut resume, change);
        self.write(&format!("agents/{name}/resume.json"), &resume);
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, path: &str, value: &Value) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, serde_json::to_vec_pretty(value).expect("JSON")).expect("written");
    }

    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path().join(path)).ok()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command
            .args(args)
            .current_dir(self.path())
            .env_remove("LEMMING_STORE")
            .env_remove("LEMMING_LOG")
            .env("TZ", "UTC");
        command.env("XDG_STATE_HOME", self.path().join(".state"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().expect("the program")
    }

    /// What a command prints that must do what it was asked.
    pub fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}: {stdout}{stderr}");
        stdout
    }

    /// The document that a command prints.
    pub fn json(&self, args: &[&str]) -> Value {
        let said = self.says(&[args, &["--json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{args:?}: {error}: {said}"))
    }

    /// How a command fails: its exit code, its message and its hint.
    pub fn fails(&self, args: &[&str]) -> String {
        let output = self.run(&[args, &["--json"]].concat());
        assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
        let stderr = text(&output.stderr);
        let error: Value = serde_json::from_str(stderr.lines().last().expect("a line")).expect("an envelope");
        let part = |name: &str| error["error"][name].as_str().unwrap_or_default().to_owned();
        let code = output.status.code().expect("an exit code");
        let told = format!("{code} {} | {}", part("message"), part("hint"));
        told.replace(&self.path().display().to_string(), "<place>").trim_end().to_owned()
    }

    pub fn tick(&self) {
        self.says(&["tick", "--seed", "1"]);
    }

    /// What a command answers that is given some lines on standard input.
    pub fn piped(&self, args: &[&str], input: &str) -> Output {
        let mut child = self.spawn(args, Stdio::piped());
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
        child.wait_with_output().expect("the program")
    }

    pub fn spawn(&self, args: &[&str], stdin: Stdio) -> Child {
        let mut command = self.command(args);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program")
    }

    /// The program in a terminal of 100 columns and 30 rows.
    pub fn terminal(&self, args: &[&str]) -> Terminal {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
        pty.resize(pty_process::Size::new(30, 100)).expect("a size");
        let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_lemming"))
            .args(args)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join(".state"))
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC")
            .env_remove("NO_COLOR")
            .env_remove("LEMMING_STORE")
            .env_remove("LEMMING_LOG");
        let child = command.spawn(pts).expect("the program");
        let pty = Arc::new(pty);
        let size = |n| std::num::NonZeroU16::new(n).expect("a size");
        let parser = Arc::new(Mutex::new(vt100::Parser::new(size(30), size(100), 1000)));
        let (reader, seen) = (Arc::clone(&pty), Arc::clone(&parser));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = (&*reader).read(&mut bytes) {
                seen.lock().expect("the screen").process(&bytes[..read]);
            }
        });
        Terminal { child, pty, parser }
    }
}

/// The program at work in a pseudo-terminal.
pub struct Terminal {
    child: Child,
    pty: Arc<pty_process::blocking::Pty>,
    parser: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// What a person sees.
    pub fn screen(&self) -> String {
        self.parser.lock().expect("the screen").screen().contents()
    }

    pub fn types(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("typed");
    }

    /// Waits until the screen is as it should be.
    pub fn waits(&self, what: &str, is_there: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_there(self.parser.lock().expect("the screen").screen()) {
            assert!(Instant::now() < deadline, "waited for {what}, and saw:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn sees(&self, text: &str) {
        self.waits(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the program asks for a line with this prompt: what is typed then, it reads itself.
    pub fn prompts(&self, prompt: &str) {
        self.waits(prompt, |screen| {
            let (row, column) = screen.cursor_position();
            let columns = screen.size().1.get();
            let line = screen.rows(0, columns).nth(usize::from(row)).unwrap_or_default();
            line.trim_end() == prompt.trim_end() && usize::from(column) == prompt.len()
        });
    }

    /// Waits for the end, and gives the exit code.
    pub fn ends(mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The same without spaces at the ends of lines.
pub fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The same with `<id 1>`, `<id 2>` ... for ids, in the order in which they first appear, and without times.
pub fn nameless(text: &str) -> String {
    let id = regex::Regex::new("[0-9a-f]{8}-[0-9a-f]{4}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?").expect("a pattern");
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\d(T[0-9:.]+Z| \d\d:\d\d:\d\d UTC)").expect("a pattern");
    let mut known: Vec<String> = Vec::new();
    let named = id.replace_all(text, |found: &regex::Captures<'_>| {
        let at = known.iter().position(|known| *known == found[0][..13]).unwrap_or_else(|| {
            known.push(found[0][..13].to_owned());
            known.len() - 1
        });
        format!("<id {}>", at + 1)
    });
    time.replace_all(&named, "<time>").into_owned()
}
