//! What a model may come up with: all of it is refused or contained, nothing is written, and the next call works.

use serde_json::{Value, json};

use super::{CANARY, World};

/// Arguments of `shell` that the tool itself refuses, by what it says.
fn refused() -> Vec<(Value, &'static str)> {
    let long = "x".repeat(40_000);
    let many = vec!["echo"; 400];
    vec![
        (json!({}), "wrong arguments"),
        (json!(null), "wrong arguments"),
        (json!("ls"), "wrong arguments"),
        (json!({"command": 5}), "wrong arguments"),
        (json!({"command": {"program": "ls"}}), "wrong arguments"),
        (json!({"command": [["ls"]]}), "wrong arguments"),
        (json!({"command": "ls", "sandbox": false}), "wrong arguments"),
        (json!({"command": "ls", "allow": ["sh"]}), "wrong arguments"),
        (json!({"command": []}), "empty"),
        (json!({"command": ""}), "empty"),
        (json!({"command": [""]}), "not allowed"),
        (json!({"command": ["sh", "-c", "ls"]}), "not allowed"),
        (json!({"command": "rm -rf ."}), "not allowed"),
        (json!({"command": "curl http://example.org"}), "not allowed"),
        (json!({"command": "python3 -c 'print(1)'"}), "not allowed"),
        (json!({"command": ["/bin/ls"]}), "not allowed"),
        (json!({"command": ["./ls"]}), "not allowed"),
        (json!({"command": ["../bin/ls"]}), "not allowed"),
        (json!({"command": ["ls\0"]}), "not allowed"),
        (json!({"command": ["ls "]}), "not allowed"),
        (json!({"command": ["LS"]}), "not allowed"),
        (json!({"command": ["ls;sh"]}), "not allowed"),
        (json!({"command": ["$(ls)"]}), "not allowed"),
        (json!({"command": ["l\u{200b}s"]}), "not allowed"),
        (json!({"command": "lemming sandbox-helper"}), "not allowed"),
        (json!({"command": "PATH=/tmp ls"}), "not allowed"),
        (json!({"command": "ls | cat"}), "no shell"),
        (json!({"command": "cat workspace/a > workspace/b"}), "no shell"),
        (json!({"command": "ls && cat workspace/a"}), "no shell"),
        (json!({"command": "ls ; ls ; ls"}), "no shell"),
        (json!({"command": "cat 'workspace/a"}), "quote"),
        (json!({"command": ["cat", "/etc/passwd"]}), "absolute path"),
        (json!({"command": "cat \"/etc/passwd\""}), "absolute path"),
        (json!({"command": "cat '/'etc/passwd"}), "absolute path"),
        (json!({"command": ["cat", "//etc/passwd"]}), "absolute path"),
        (json!({"command": ["cat", "/proc/self/environ"]}), "absolute path"),
        (json!({"command": ["cat", "/dev/stdin"]}), "absolute path"),
        (json!({"command": ["cat", "~/.ssh/id_rsa"]}), "absolute path"),
        (json!({"command": ["grep", "-f/etc/passwd", "x"]}), "absolute path"),
        (json!({"command": ["grep", "--file=/etc/passwd", "x"]}), "absolute path"),
        (json!({"command": ["jq", "--slurpfile", "x", "/etc/passwd"]}), "absolute path"),
        (json!({"command": ["cat", "../outside"]}), "`..`"),
        (json!({"command": ["cat", "workspace/../../outside"]}), "`..`"),
        (json!({"command": ["ls", ".."]}), "`..`"),
        (json!({"command": ["grep", "-r", "x", "shared/.."]}), "`..`"),
        (json!({"command": ["grep", "-f../x", "x"]}), "`..`"),
        (json!({"command": ["tail", "--pid=../x"]}), "`..`"),
        (json!({"command": ["cat", "a\0b"]}), "NUL"),
        (json!({"command": ["echo", long]}), "at most"),
        (json!({"command": many}), "at most"),
    ]
}

/// Commands of allowed programs that run and get nothing.
const CONTAINED: &[&[&str]] = &[
    &["cat", "workspace/..//..//outside "],
    &["cat", "file:outside"],
    &["cat", "-"],
    &["cat", "*"],
    &["cat", "$HOME/.bashrc"],
    &["cat", "`id`"],
    &["cat", "$(id)"],
    &["cat", "%2fetc%2fpasswd"],
    &["cat", "\\etc\\passwd"],
    &["cat", "C:\\outside"],
    &["cat", "workspace"],
    &["cat", "--", "--help"],
    &["echo", "-e", "\\x2f\\x65\\x74\\x63"],
    &["echo", "\u{202e}\u{1b}]0;title\u{7}\r\n"],
    &["grep", "-r", CANARY, "."],
    &["grep", "-E", "(a*)*(a*)*(a*)*b", "workspace/aaaa"],
    &["grep", "--include=*", "-R", CANARY],
    &["head", "-c", "99999999999999999999", "workspace/aaaa"],
    &["head", "-n", "-1", "workspace/aaaa"],
    &["tail", "-c", "+0", "workspace/aaaa"],
    &["ls", "-laR", "."],
    &["ls", "--color=always", "-d", "workspace"],
    &["jq", "-n", "env"],
    &["jq", "-n", "$ENV.PATH | input_filename"],
    &["jq", "-n", "[range(1e9)] | length"],
    &["jq", "-n", "def f: f; f"],
    &["jq", "-n", "include \"outside\"; ."],
    &["jq", "-n", "\"a\" * 1e9"],
    &["jq", "-n", "get_search_list"],
];

/// Code that tries the same in the interpreter.
const CODE: &[&str] = &[
    "open('/etc/passwd').read()",
    "open('workspace/aaaa', 'w').write('x')",
    "import os\nos.system('id')",
    "import os\nos.environ['PATH']",
    "import os\nos.getenv('HOME')",
    "import subprocess",
    "import socket",
    "import ctypes",
    "import sys\nsys.exit(1)",
    "import sys\nsys.setrecursionlimit(10**9)",
    "import pathlib\npathlib.Path('/etc/passwd').read_text()",
    "from pathlib import Path\nPath('/').iterdir()",
    "from pathlib import Path\nPath('/tmp/x').write_text('x')",
    "__import__('os').system('id')",
    "eval('1+1')",
    "exec('import os')",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: 0).__globals__",
    "(lambda f: f(f))(lambda f: f(f))",
    "def f(n):\n    return f(n + 1)\nf(0)",
    "a = []\na.append(a)\na",
    "a = []\nfor _ in range(100000):\n    a = [a]\nprint(a)",
    "'x' * (1 << 40)",
    "[0] * (1 << 40)",
    "bytes(1 << 40)",
    "10 ** 10 ** 10",
    "2 ** (1 << 62)",
    "1 << (1 << 40)",
    "'%' + 'd' * 100000 % 1",
    "f'{1:>99999999999}'",
    "'a'.ljust(1 << 45)",
    "import re\nre.match('(a*)*b', 'a' * 10000)",
    "range(10 ** 18).__len__()\nsum(range(10 ** 12))",
    "list(range(10 ** 12))",
    "int('9' * 1000000)",
    "while True:\n    try:\n        raise ValueError\n    except ValueError:\n        pass",
    "write_file('../outside', 'x')",
    "write_file('/tmp/x', 'x')",
    "write_file('agents/ada/resume.json', '{}')",
    "write_file('workspace/a\\x00b', 'x')",
    "write_file('workspace/' + 'a' * 5000, 'x')",
    "write_file('workspace/%2e%2e/x', 'x')",
    "write_file('workspace\\\\x', 'x')",
    "write_file('workspace/\u{202e}x', 'x')",
    "write_file('shared/x', 'x')",
    "write_file('workspace/aaaa/x', 'x')",
    "write_file(['workspace/x'], 'x')",
    "write_file()",
    "read_file('../outside')",
    "read_file('/proc/self/environ')",
    "read_file.__code__",
    "import asyncio\nasync def f():\n    await f()\nasyncio.run(f())",
    "await list_files()",
    "class A:\n    def __repr__(self):\n        return repr(self)\nA()",
    "\0",
    "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((",
];

#[tokio::test]
async fn hostile_inputs_are_refused_or_contained_and_nothing_is_written() {
    let Some(mut world) = World::new().await else { return };
    world.limits.cpu_seconds = 2;
    world.limits.memory_bytes = 256 << 20;
    world.desk.put("workspace/aaaa", &"a".repeat(3_000));
    let before = world.desk.files.clone();
    let (refused, mut inputs) = (refused(), 0);
    for (arguments, says) in &refused {
        let shown: String = arguments.to_string().chars().take(200).collect();
        let error = world.call("shell", arguments.clone()).await.expect_err(&shown);
        assert!(error.contains(says), "{shown}: {error}");
        inputs += 1;
    }
    let contained = CONTAINED.iter().map(|words| ("shell", json!({"command": words})));
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
    let deep = [nested("(", ")"), nested("[", "]"), nested("-", ""), nested("{1:", "}"), nested("f(", ")")];
    let code = CODE.iter().map(|code| (*code).to_owned()).chain(deep).map(|code| ("python", json!({"code": code})));
    for (tool, arguments) in contained.chain(code) {
        let shown: String = arguments.to_string().chars().take(200).collect();
        let outcome = world.call(tool, arguments).await;
        let said = format!("{outcome:?}");
        assert!(!said.contains(&format!("{CANARY}\\n")) && !said.contains("root:x:0"), "{shown}: {said}");
        assert!(said.len() < 100_000, "{shown}: {} bytes", said.len());
        inputs += 1;
        assert_eq!(world.desk.files, before, "{shown}: {said}");
    }
    assert!(inputs >= 60, "{inputs}");
    assert!(world.desk.log.is_empty(), "{:?}", world.desk.log);
    assert_eq!(world.shell(&["echo", "alive"]).await.unwrap()["stdout"], "alive\n");
    assert_eq!(world.python("'alive'").await.unwrap()["value"], "'alive'");
}

#[tokio::test]
async fn a_helper_that_is_given_garbage_refuses_it() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    for garbage in ["", "\n", "{}\n", "null\n", "{\"task\": {\"code\": {}}}\n", "\u{0}\n", "[[[[[[[[[[[[[[[[[[[\n"] {
        let mut helper = Command::new(env!("CARGO_BIN_EXE_lemming"))
            .arg(lemming::sandbox::HELPER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        helper.stdin.take().unwrap().write_all(garbage.as_bytes()).unwrap();
        let output = helper.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(report["refused"].as_str().unwrap().contains("this is no job"), "{garbage:?}: {report}");
    }
}
