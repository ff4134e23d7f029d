//! A bucket on a real server, the emulator of Lambda's runtime interface, and the real program as a function in it.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::front::Front;
use crate::http::{Client, Message};
use crate::organisation::{Kind, Organisation};
use crate::process::ServerProcess;
use crate::server::{self, Server};

/// Says that the emulator is to be started: without it nothing is.
const VARIABLE: &str = "LEMMING_TEST_LAMBDA";

pub const FUNCTION: &str = "lemming";

/// How long anything may take before a test gives it up. No test relies on it.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub struct World {
    functions: Vec<Function>,
    pub front: Front,
    emulator: ServerProcess,
    pub server: Server,
    folder: TempDir,
}

/// A process of the function.
#[derive(Debug)]
pub struct Function {
    child: Mutex<Child>,
    log: PathBuf,
}

/// What an invocation came to.
#[derive(Debug, Clone)]
pub struct Invoked {
    /// Whether the function reported an error.
    pub failed: bool,
    pub body: Value,
}

impl Invoked {
    /// Its `outcome`; fails if it is an error.
    pub fn outcome(&self) -> &str {
        assert!(!self.failed, "{}", self.body);
        self.body["outcome"].as_str().unwrap_or_else(|| panic!("no outcome: {}", self.body))
    }

    /// The message of the error that it ended with.
    pub fn error(&self) -> &str {
        assert!(self.failed, "no error: {}", self.body);
        self.body["errorMessage"].as_str().unwrap_or_else(|| panic!("no message: {}", self.body))
    }
}

impl World {
    /// Starts bucket and emulator; nothing if they are not asked for.
    pub fn start() -> Option<Self> {
        if std::env::var(VARIABLE).is_err() {
            println!("skipped: {VARIABLE} is not set (`make test-lambda` sets it)");
            return None;
        }
        let server = Server::run(server::Kind::Versitygw);
        let folder = tempfile::tempdir().expect("a folder");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/cargo-lambda/bin/cargo-lambda");
        assert!(program.exists(), "{} is not there: localstack/install.sh cargo-lambda", program.display());
        let manifest = package(folder.path());
        // It runs in a home of its own, and asks cargo about the package that it takes its function for.
        let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
        let of_home = |name: &str, folder: &str| {
            let path = std::env::var_os(name).map_or_else(|| home.join(folder), PathBuf::from);
            (name.to_owned(), path.display().to_string())
        };
        let env = [of_home("CARGO_HOME", ".cargo"), of_home("RUSTUP_HOME", ".rustup")];
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let arguments = [
            "lambda",
            "watch",
            "--only-lambda-apis",
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
            "{PORT}",
            "--manifest-path",
            manifest.to_str().expect("text"),
        ];
        let emulator = ServerProcess::start(&program, &arguments, &env).expect("the emulator");
        let began = Instant::now();
        while TcpStream::connect(emulator.address).is_err() {
            assert!(began.elapsed() < PATIENCE, "the emulator does not start: {}", emulator.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        let front = Front::start(emulator.address);
        Some(Self { functions: Vec::new(), front, emulator, server, folder })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Founds an organisation at a prefix of the bucket.
    pub fn found(&self, prefix: &str, kind: &Kind) -> Organisation {
        let store = self.server.open(self.server.address());
        Organisation::found(store, prefix, &self.folder().join(prefix.replace('/', "-")), kind)
    }

    /// A store as the function is to open it.
    pub fn url(&self, prefix: &str) -> String {
        self.server.url(self.server.address(), prefix)
    }

    /// Starts one more process of the function for an organisation, or with other variables.
    pub fn function(&mut self, prefix: &str, variables: &[(&str, &str)]) {
        let api = format!("http://{}/.rt/{FUNCTION}", self.front.address());
        let function = self.process(prefix, &api, variables);
        self.functions.push(function);
    }

    /// A process of the function that takes its invocations from this interface.
    pub fn process(&self, prefix: &str, api: &str, variables: &[(&str, &str)]) -> Function {
        let log = self.folder().join(format!("function-{}.log", self.functions.len()));
        let stderr = File::create(&log).expect("a file");
        let child = Command::new(program())
            // Lambda gives a function these variables and no others of ours.
            .env_clear()
            .envs(self.server.env())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("AWS_LAMBDA_RUNTIME_API", api)
            .env("AWS_LAMBDA_FUNCTION_NAME", FUNCTION)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_ENDPOINT_URL_LAMBDA", format!("http://{}", self.front.address()))
            .env("AWS_REGION", "us-east-1")
            .env("LEMMING_STORE", self.url(prefix))
            .envs(variables.iter().copied())
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(stderr.try_clone().expect("a file"))
            .stderr(stderr)
            .spawn()
            .expect("the program");
        Function { child: Mutex::new(child), log }
    }

    /// The interface of the emulator itself, without what stands before it.
    pub fn bare_api(&self) -> String {
        format!("http://{}/.rt/{FUNCTION}", self.emulator.address)
    }

    /// Invokes the function, and waits for what comes of it.
    pub fn invoke(&self, event: &Value) -> Invoked {
        let answer = self.send("POST", &format!("/2015-03-31/functions/{FUNCTION}/invocations"), &event.to_string());
        let body = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|_| panic!("{} {}", answer.start, String::from_utf8_lossy(&answer.body)));
        Invoked { failed: answer.status() != 200, body }
    }

    /// Asks the function's URL.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Message {
        self.send(method, &format!("/lambda-url/{FUNCTION}{path}"), body)
    }

    fn send(&self, method: &str, target: &str, body: &str) -> Message {
        let at = self.front.address();
        let mut request = Message::new(format!("{method} {target} HTTP/1.1"));
        request.set("Host", &at.to_string());
        request.set("Content-Type", "application/json");
        request.set("Content-Length", &body.len().to_string());
        request.body = body.as_bytes().to_vec();
        let (sender, answer) = channel();
        std::thread::spawn(move || sender.send(Client::new(at).send(&request)));
        let began = Instant::now();
        loop {
            // The emulator does not notice that a function has died.
            let has_ended = self.functions.iter().any(Function::has_ended);
            match answer.recv_timeout(Duration::from_millis(100)) {
                Ok(answer) => return answer.expect("an answer"),
                Err(_) if has_ended => panic!("the function has ended: {}", self.log()),
                Err(_) => assert!(began.elapsed() < PATIENCE, "the function does not answer: {}", self.log()),
            }
        }
    }

    /// What all processes of the function have logged.
    pub fn log(&self) -> String {
        self.functions.iter().map(|function| std::fs::read_to_string(&function.log).unwrap_or_default()).collect()
    }

    /// Their log lines of this event.
    pub fn logged(&self, event: &str) -> Vec<Value> {
        let log = self.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == event).collect()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, so: impl Fn() -> bool) {
        let began = Instant::now();
        while !so() {
            assert!(began.elapsed() < PATIENCE, "in vain: {what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Function {
    fn has_ended(&self) -> bool {
        !matches!(self.child.lock().expect("the process").try_wait(), Ok(None))
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let mut child = self.child.lock().expect("the process");
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The function: the program of this build, or another one, such as one that was packed for a release.
pub fn program() -> PathBuf {
    std::env::var_os("LEMMING_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_lemming")), PathBuf::from)
}

/// The emulator wants a package whose program the function is.
fn package(folder: &Path) -> PathBuf {
    let package = folder.join("package");
    std::fs::create_dir_all(package.join("src")).expect("a folder");
    let manifest = format!("[package]\nname = \"{FUNCTION}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n");
    std::fs::write(package.join("Cargo.toml"), manifest).expect("a file");
    std::fs::write(package.join("src/main.rs"), "fn main() {}\n").expect("a file");
    package.join("Cargo.toml")
}

/// What EventBridge Scheduler sends.
pub fn scheduled(time: &str) -> Value {
    json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.scheduler", "account": "123456789012", "time": time, "region": "us-east-1",
        "resources": ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/lemming"], "detail": "{}",
    })
}

/// What a rule of EventBridge sends.
pub fn by_rule(time: &str) -> Value {
    json!({
        "version": "0", "id": "cdc73f9d-aea9-11e3-9d5a-835b769c0d9c", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "123456789012", "time": time, "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/lemming"], "detail": {},
    })
}

/// What S3 sends when objects were put at these keys.
pub fn put(keys: &[&str]) -> Value {
    let record = |key: &&str| {
        json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
            "eventTime": "2026-11-25T12:00:00.000Z", "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "EXAMPLE" }, "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": "EXAMPLE123456789" },
            "s3": {
                "s3SchemaVersion": "1.0", "configurationId": "mail",
                "bucket": { "name": "lemming", "ownerIdentity": { "principalId": "EXAMPLE" }, "arn": "arn:aws:s3:::lemming" },
                "object": { "key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0A1B2C3D4E5F678901" },
            },
        })
    };
    json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() })
}
