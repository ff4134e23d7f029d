//! What a model may send to hurt: paths, addresses, names, keys, patterns and arguments. All of it is refused, nothing is
//! written, and the next turn goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use lemming::config::Environment;
use lemming::domain::contract::MAX_TOOL_CALLS;
use lemming::tool::Outside;
use serde_json::{Value, json};

use crate::server::{Names, Server, response};
use crate::tools::{Steps, call, of_ada, results};
use crate::world::{World, says};

/// Paths that no tool may read, write, delete, list or search.
fn paths() -> Vec<String> {
    let plain = [
        "",
        ".",
        "..",
        "/",
        "//",
        "~",
        "~/x",
        "x",
        "org.json",
        "head.json",
        "config/models.json",
        "config/script.json",
        "agents/ada/resume.json",
        "agents/ada/memory/k.json",
        "agents/bob/workspace/x",
        "ticks/000000000001/plan.json",
        "ingress/mail/x.json",
        "inputs/x",
        "blobs/x",
        "checkpoints/x",
        "schemas/x",
        "workspace",
        "workspace/",
        "shared",
        "shared/",
        "Workspace/x",
        "SHARED/x",
        "workspace\\x",
        "shared\\..\\x",
        "/workspace/x",
        "/shared/x",
        "./shared/x",
        "shared/./x",
        "shared/../org.json",
        "shared/..",
        "workspace/../resume.json",
        "workspace/../../bob/resume.json",
        "workspace/a/../../../../org.json",
        "shared//x",
        "shared/x/",
        "shared/x/.",
        "shared/.git/config",
        "shared/.x",
        "shared/x.",
        "shared/x ",
        "shared/ x",
        "shared/x\0",
        "shared/x\0.txt",
        "shared/x\n",
        "shared/\r",
        "shared/\u{1b}[2J",
        "shared/\u{7f}",
        "C:\\x",
        "C:/x",
        "shared/C:x",
        "shared/x:stream",
        "\\\\host\\share",
        "//host/share",
        "file:///etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        "shared/%2e%2e/x",
        "shared/%2e%2e%2forg.json",
        "shared/%00",
        "shared/a%2fb",
        "shared/..%2f..",
        "shared/..%c0%af",
        "shared/\u{ff0e}\u{ff0e}/x",
        "shared/\u{2024}\u{2024}/x",
        "shared/\u{2025}/x",
        "shared\u{ff0f}x",
        "shared/a\u{2215}b",
        "shared/a\u{2044}b",
        "shared/a\u{29f8}b",
        "shared/a\u{202e}b",
        "shared/a\u{200b}b",
        "shared/a\u{ad}b",
        "shared/a\u{feff}",
        "shared/e\u{301}",
        "shared/a\u{a0}b",
        "shared/\u{e0041}a",
        "shared/a\u{2028}b",
        "shared/\u{fe0f}a",
        "shared/*",
        "shared/?",
        "shared/a|b",
        "shared/<x>",
        "shared/\"x\"",
        "shared/a#b",
        "shared/a;b/../../x",
        "shared/$(x)/..",
        "shared/x/../../../..",
        "shared/...",
        "\u{ff53}hared/x",
        "sh\u{430}red/x",
        "shаred/x",
        "../shared/x",
        "workspace/shared/../x/..",
    ];
    let mut paths: Vec<String> = plain.iter().map(|path| (*path).to_owned()).collect();
    paths.push(format!("shared/{}", "a".repeat(201)));
    paths.push(format!("shared/{}", "a/".repeat(300)));
    paths.push(format!("shared/{}x", "../".repeat(1_000)));
    paths.push("a".repeat(1 << 17));
    paths
}

/// Addresses that may not be fetched. Names lead where [`names`] says; `SERVER` is a server on loopback.
fn urls() -> Vec<String> {
    let plain = [
        "",
        " ",
        "x",
        "//x",
        "http:",
        "http://",
        "http:///",
        "https://",
        "http://?",
        "http://#",
        "http://:80/",
        "http://:80",
        "ftp://public.example/",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "gopher://127.0.0.1:70/_x",
        "data:text/plain,x",
        "javascript:alert(1)",
        "ws://public.example/",
        "blob:http://public.example/x",
        "about:blank",
        "unix:/var/run/docker.sock",
        "jar:http://x!/",
        "dict://127.0.0.1:11211/",
        "ldap://127.0.0.1/",
        "mailto:a@b.example",
        "HTTP+UNIX://x/",
        "s3://bucket/key",
        "http://127.0.0.1/",
        "http://127.0.0.1:PORT/",
        "https://127.0.0.1:PORT/",
        "http://127.1:PORT/",
        "http://127.0.1:PORT/",
        "http://2130706433:PORT/",
        "http://0x7f000001:PORT/",
        "http://0x7f.0.0.1:PORT/",
        "http://0x7F.1:PORT/",
        "http://017700000001:PORT/",
        "http://0177.0.0.1:PORT/",
        "http://0177.0.0.01:PORT/",
        "http://127.0.0.1.:PORT/",
        "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1:PORT/",
        "http://127\u{3002}0\u{3002}0\u{3002}1:PORT/",
        "http://\u{2460}\u{2461}\u{2466}.0.0.1:PORT/",
        "http://%31%32%37.0.0.1:PORT/",
        "http://127.0.0.1%2f@public.example/",
        "http:\\\\127.0.0.1:PORT\\",
        "http:/127.0.0.1:PORT/",
        "http:127.0.0.1:PORT/",
        "\thttp://127.0.0.1:PORT/",
        "ht\ntp://127.0.0.1:PORT/",
        "http://127.0.0.1\t:PORT/",
        "http://0/",
        "http://0.0.0.0:PORT/",
        "http://00000000:PORT/",
        "http://0x0:PORT/",
        "http://0.1.2.3/",
        "http://10.0.0.1/",
        "http://012.0.0.1/",
        "http://167772161/",
        "http://172.16.0.1/",
        "http://172.31.255.254/",
        "http://192.168.0.1/",
        "http://3232235521/",
        "http://0xc0a80001/",
        "http://100.64.0.1/",
        "http://100.127.255.255/",
        "http://100.100.100.200/",
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.170.2/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://168.63.129.16/",
        "http://192.0.0.192/",
        "http://192.0.2.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://239.255.255.250:1900/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://256.0.0.1/",
        "http://1.2.3.4.5/",
        "http://0x100000000/",
        "http://[::]/",
        "http://[::1]:PORT/",
        "http://[0:0:0:0:0:0:0:1]:PORT/",
        "http://[::127.0.0.1]:PORT/",
        "http://[::ffff:127.0.0.1]:PORT/",
        "http://[::ffff:7f00:1]:PORT/",
        "http://[::ffff:8.8.8.8]/",
        "http://[::ffff:0:7f00:1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:7f00:1::]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[2001:db8::1]/",
        "http://[100::1]/",
        "http://[::1",
        "http://[v1.x]/",
        "http://[1]/",
        "http://localhost:PORT/",
        "http://LOCALHOST:PORT/",
        "http://localhost.:PORT/",
        "http://loop.example:PORT/",
        "http://loop6.example:PORT/",
        "http://mapped.example:PORT/",
        "http://private.example/",
        "http://metadata.example/",
        "http://nat64.example/",
        "http://shared.example/",
        "http://zero.example:PORT/",
        "http://multicast.example/",
        "http://nowhere.example/",
        "http://empty.example/",
        "http://\u{24db}\u{24de}\u{24de}\u{24df}.example:PORT/",
        "http://user@public.example/",
        "http://user:pass@public.example/",
        "http://:pass@public.example/",
        "http://public.example@127.0.0.1:PORT/",
        "http://public.example:x@127.0.0.1:PORT/",
        "http://127.0.0.1:PORT#@public.example/",
        "http://127.0.0.1:PORT?@public.example/",
        "http://public.example:0/",
        "http://public.example:99999/",
        "http://public.example:-1/",
        "http://pub lic.example/",
        "http://public.example\0/",
        "http://xn--/",
        "http://a..b/",
        "http://-/",
        "http://\u{200b}/",
    ];
    let mut urls: Vec<String> = plain.iter().map(|url| (*url).to_owned()).collect();
    urls.push(format!("http://public.example/{}", "x".repeat(5_000)));
    urls.push(format!("http://{}/", "a".repeat(300)));
    urls.push(format!("http://{}example/", "a.".repeat(1_000)));
    for path in ["metadata", "loopback", "name", "user", "file", "loop", "decimal", "mapped"] {
        urls.push(format!("http://allowed.example:PORT/{path}"));
    }
    urls
}

fn names() -> Arc<Names> {
    Names::of(&[
        // Where a test must never come: a public address that belongs to nobody.
        ("public.example", &[]),
        ("empty.example", &[]),
        ("allowed.example", &["127.0.0.1"]),
        ("localhost", &["127.0.0.1", "::1"]),
        ("localhost.", &["127.0.0.1"]),
        ("loop.example", &["127.0.0.1"]),
        ("loop6.example", &["::1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("private.example", &["10.1.2.3", "192.168.1.1", "fd12::1"]),
        ("metadata.example", &["169.254.169.254"]),
        ("nat64.example", &["64:ff9b::7f00:1"]),
        ("shared.example", &["100.64.1.1"]),
        ("zero.example", &["0.0.0.0", "::"]),
        ("multicast.example", &["224.0.0.251"]),
    ])
}

/// Names that no agent may be given.
fn agent_names() -> Vec<Value> {
    let mut names: Vec<Value> = [
        "",
        " ",
        "A",
        "Kid",
        "1kid",
        "_kid",
        "kid-1",
        "kid.",
        "kid/..",
        "../kid",
        "..",
        "kid\0",
        "kid ",
        "kíd",
        "кid",
        "kid\u{200b}",
        "human",
        "agent_template",
        "ada",
        "kid.json",
        "*",
        "con:",
        "kid\\x",
        "k%69d",
    ]
    .iter()
    .map(|name| json!(name))
    .collect();
    names.extend([json!("a".repeat(129)), json!(null), json!(7), json!(["kid"]), json!({"name": "kid"}), json!(true)]);
    names
}

/// Keys that no memory may have.
fn memory_keys() -> Vec<Value> {
    let mut keys: Vec<Value> = [
        "",
        ".",
        "..",
        "a/b",
        "../resume",
        "a.json",
        "a b",
        "a%2fb",
        "ä",
        "a\0",
        "a\n",
        "\u{202e}a",
        "a\\b",
        "*",
        "a:b",
    ]
    .iter()
    .map(|key| json!(key))
    .collect();
    keys.extend([json!("k".repeat(129)), json!(7), json!(["k"]), json!({"k": 1})]);
    keys
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

/// Arguments of other types, sizes and shapes than a tool's schema says.
fn arguments() -> Vec<Value> {
    let tools = lemming::tool::builtin();
    let mut calls = Vec::new();
    for tool in &tools {
        for wrong in [
            json!([]),
            json!("x"),
            json!(7),
            json!({"unknown": 1}),
            json!({"path": {"a": 1}, "url": 1, "key": [1], "name": 0,
            "pattern": 0, "query": 0, "prefix": 0, "folder": 0}),
            json!({"deep": nested(60)}),
            json!({"long": "x".repeat(1 << 17)}),
        ] {
            calls.push(call(tool.name(), wrong));
        }
    }
    calls.extend([
        call("file_write", json!({"path": "shared/x"})),
        call("file_write", json!({"path": "shared/x", "text": 7})),
        call("file_write", json!({"path": "shared/x", "text": null})),
        call("file_write", json!({"path": "shared/x", "text": "x".repeat(100 * 1024 + 1)})),
        call("file_write", json!({"path": "shared/x", "text": "x", "mode": "0777"})),
        call("file_read", json!({"path": "shared/none"})),
        call("file_read", json!({"path": "shared/none", "from_line": -1})),
        call("file_read", json!({"path": "shared/none", "from_line": 1e300})),
        call("memory_write", json!({"key": "k", "value": "x".repeat(60 * 1024)})),
        call("memory_write", json!({"key": "k", "value": 1, "operation": "increment"})),
        call("web_search", json!({"query": ""})),
        call("web_search", json!({"query": "x".repeat(401)})),
        call("web_search", json!({"query": "no engine is set"})),
        call("file_read\0", json!({"path": "shared/x"})),
        call("FILE_READ", json!({"path": "shared/x"})),
        call("../file_read", json!({"path": "shared/x"})),
        call("shell_of_mine", json!({"command": "rm -rf /"})),
    ]);
    for pattern in
        ["", "(", "[", "a{1000000}", "(a{1000}){1000}", "(?P<x", "\\p{Nonsense}", "(?=x)", "\\1", "*", "a**{", "\\"]
    {
        calls.push(call("file_search", json!({"pattern": pattern, "regex": true})));
    }
    calls.push(call("file_search", json!({"pattern": "(".repeat(500) + &")".repeat(500), "regex": true})));
    calls.push(call("file_search", json!({"pattern": "x".repeat(1_001)})));
    calls
}

fn all(port: u16) -> Vec<Value> {
    let mut calls = Vec::new();
    for path in paths() {
        for tool in ["file_read", "file_delete"] {
            calls.push(call(tool, json!({"path": path})));
        }
        calls.push(call("file_write", json!({"path": path, "text": "x"})));
        // These two are folders that may be listed.
        if !["workspace", "workspace/", "shared", "shared/", "shared/x/"].contains(&path.as_str()) {
            calls.push(call("file_list", json!({"folder": path})));
            calls.push(call("file_search", json!({"pattern": "x", "folder": path})));
        }
    }
    for url in urls() {
        calls.push(call("web_fetch", json!({"url": url.replace("PORT", &port.to_string())})));
    }
    let resume = json!({"title": "T", "short_description": "D", "instructions": "I", "model": {"key": "m"}});
    for name in agent_names() {
        calls.push(call("create_agent", json!({"name": name, "credits": 1, "resume": resume})));
        calls
            .push(call("create_agent", json!({"name": "kid", "credits": 1, "template": name, "resume": {"title": 1}})));
    }
    for credits in
        [json!(-1), json!(0), json!(1e30), json!("NaN"), json!(null), json!([1]), json!(0.000_000_1), json!(1_000_000)]
    {
        calls.push(call("create_agent", json!({"name": "kid", "credits": credits, "resume": resume})));
    }
    for key in memory_keys() {
        calls.push(call("memory_read", json!({"key": key})));
        calls.push(call("memory_write", json!({"key": key, "value": 1})));
    }
    calls.extend(arguments());
    calls
}

/// The objects that are no records.
async fn files(world: &World) -> BTreeSet<String> {
    let is_file =
        |path: &String| ["agents/", "shared/", "org.json", "config/"].iter().any(|start| path.starts_with(start));
    world.all().await.into_keys().filter(is_file).collect()
}

#[tokio::test]
async fn whatever_a_model_sends_is_refused_and_nothing_is_written() {
    let server = Server::start(|path| {
        let to = match path {
            "/metadata" => "http://169.254.169.254/latest/meta-data/",
            "/loopback" => "http://127.0.0.1:1/",
            "/name" => "http://loop.example/",
            "/user" => "http://a:b@public.example/",
            "/file" => "file:///etc/passwd",
            "/loop" => "/loop",
            "/decimal" => "http://2130706433/",
            "/mapped" => "http://[::ffff:127.0.0.1]/",
            _ => return response("200 OK", "Content-Type: text/plain\r\n", "the inside"),
        };
        response("302 Found", &format!("Location: {to}\r\n"), "")
    })
    .await;
    let port = server.address.port();
    let calls = all(port);
    assert!(calls.len() >= 700, "{} hostile inputs", calls.len());
    // As many as one answer may have, in as many answers as a turn may have.
    let steps: Steps = calls.chunks(MAX_TOOL_CALLS).map(<[Value]>::to_vec).collect();
    let mut turns: Vec<Steps> = steps.chunks(7).map(<[Vec<Value>]>::to_vec).collect();
    let hostile_turns = turns.len();
    turns.push(vec![vec![call("file_list", json!({}))]]);
    let mut world = of_ada(turns).await;
    world.tools = lemming::tool::with(Outside { environment: Environment::default(), resolver: names() });
    world.org["tools"] = json!({"web_fetch": {"allow_hosts": [format!("allowed.example:{port}")]}});
    world.org["limits"]["max_prompt_tokens"] = json!(10_000_000);
    world.found().await;
    // A model that costs nothing: no turn ends for want of money.
    world.put("config/models.json", &json!({"m": {"provider": "test", "price": {"input": 0, "output": 0}}})).await;
    let before = files(&world).await;
    let mut answered = Vec::new();
    for tick in 1..=hostile_turns {
        let report = world.tick().await;
        assert!(report.closed && report.turns[0].status.is_good(), "{report:?}");
        answered.extend(results(&world, tick as u64).await);
    }
    assert_eq!(answered.len(), calls.len(), "each was answered");
    let mut done: Vec<String> = Vec::new();
    for (result, sent) in answered.iter().zip(&calls) {
        if result.ok {
            done.push(sent.to_string().chars().take(300).collect());
        }
    }
    assert!(done.is_empty(), "{} were not refused:\n{}", done.len(), done.join("\n"));
    assert_eq!(files(&world).await, before, "nothing was written");
    let asked = server.seen.lock().unwrap().clone();
    let allowed = asked
        .iter()
        .filter(|head| head.to_ascii_lowercase().contains(&format!("host: allowed.example:{port}")))
        .count();
    assert_eq!(asked.len(), allowed, "only the allowed host was asked: {asked:?}");
    assert_eq!(allowed, 7 + 6, "seven redirects that are refused, and one that never ends");
    world.tick().await;
    let after = results(&world, hostile_turns as u64 + 1).await;
    assert_eq!((after[0].ok, &after[0].result["files"]), (true, &json!([])), "the process is alive");
}

#[tokio::test]
async fn what_nests_so_deep_that_no_plan_could_be_read_again_is_not_admitted() {
    let world = World::new(|_| Ok(says("x")));
    world.found().await;
    world.agent("ada", json!({})).await;
    for depth in 60..127 {
        let id = format!("00000000-0000-7000-8000-{depth:012}");
        let mail = json!({"format": 1, "id": id, "from": "human", "kind": "message", "payload": {"deep": nested(depth)},
            "sent_at": "2027-01-15T08:00:00.000Z"});
        world.raw.put_path(&format!("ingress/mail/{id}.json"), mail.to_string().into()).await.unwrap();
    }
    for tick in 1..=2 {
        assert!(world.tick().await.closed);
        let plan = world.plan(tick).await;
        assert_eq!(plan.ingress.len(), if tick == 1 { 35 } else { 0 });
        assert!(plan.problems.iter().any(|problem| problem.message.contains("nests deeper than 96 levels")));
    }
}
