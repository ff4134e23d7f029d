//! `lemming models`, `bootstrap --model`, and what `validate` says of models: the real program.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A key that must never be seen.
const SECRET: &str = "sk-hunter2-hunter2";

struct World(TempDir);

impl World {
    fn empty() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    fn founded() -> Self {
        let world = Self::empty();
        assert!(world.run(&["bootstrap"]).status.success());
        world
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(["--store", self.path().to_str().expect("path")]).args(args);
        command.env_clear().env("THE_KEY", SECRET).env("HOME", "/nowhere");
        let output = command.output().expect("run");
        for stream in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(stream).contains("hunter2"), "{output:?}");
        }
        output
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        let stream = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
        serde_json::from_slice(stream).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).expect(path)
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path().join(path), text).expect(path);
    }
}

#[test]
fn one_agent_is_switched_and_nothing_else_of_the_files_changes() {
    let world = World::founded();
    let (models, critic) = (world.read("config/models.json"), world.read("agents/critic/resume.json"));
    let switched = world.json(&["models", "use", "ollama:llama3.2", "--agent", "critic"]);
    assert_eq!((&switched["model"], &switched["agents"]), (&json!("llama3.2"), &json!(["critic"])));
    assert_eq!(world.read("agents/critic/resume.json"), critic.replace("\"desk\"", "\"llama3.2\""));
    assert!(world.read("agents/editor/resume.json").contains("\"desk\""));
    let after = world.read("config/models.json");
    let kept = models.trim_end().trim_end_matches('}').trim_end();
    assert!(after.starts_with(kept), "{after}");
    let entry = serde_json::from_str::<Value>(&after).expect("json")["llama3.2"].clone();
    let wanted = json!({"provider": "ollama", "model_name": "llama3.2", "price": {"input": 0, "output": 0},
        "context_tokens": 32768, "max_concurrency": 1});
    assert_eq!(entry, wanted);
    assert_eq!(world.json(&["models", "use", "ollama:llama3.2", "--agent", "critic"])["changed"], json!([]));
}

#[test]
fn a_listed_model_has_its_price_with_its_date_and_an_unlisted_one_needs_one() {
    let world = World::founded();
    let switched = world.json(&["models", "use", "anthropic:claude-haiku-4-5", "--key", "env:THE_KEY"]);
    assert_eq!(switched["price"]["cached_input"], 0.1);
    assert_eq!(switched["price"]["as_of"].as_str().map(str::len), Some(10));
    assert_eq!((&switched["problem"], switched["agents"].as_array().map(Vec::len)), (&Value::Null, Some(5)));
    let before = world.read("config/models.json");
    let refused = world.run(&["models", "use", "openai:gpt-99"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--price"), "{refused:?}");
    assert_eq!(world.read("config/models.json"), before);
    let switched = world.json(&["models", "use", "openai:gpt-99", "--price", "0.4,1.6"]);
    assert_eq!((&switched["price"]["input"], &switched["price"]["output"]), (&json!(0.4), &json!(1.6)));
    assert!(switched["problem"].as_str().is_some_and(|why| why.contains("OPENAI_API_KEY is not set")), "{switched}");
}

#[test]
fn wrong_names_say_what_would_be_right() {
    let world = World::founded();
    for (args, said) in [
        (vec!["models", "use", "gpt-5"], "it must be PROVIDER:NAME"),
        (vec!["models", "use", "antropic:x"], "did you mean anthropic?"),
        (vec!["models", "use", "azure:x"], "--base-url"),
        (vec!["models", "use", "ollama:x", "--agent", "edtor"], "did you mean editor?"),
        (vec!["models", "use", "openai:gpt-5", "--key", SECRET], "a key itself never stands in this file"),
        (vec!["models", "use", "openai:gpt-5", "--base-url", "http://a:hunter2@b"], "is no address of a provider"),
        (vec!["models", "test", "dsk"], "did you mean desk?"),
    ] {
        let output = world.run(&args);
        assert!(matches!(output.status.code(), Some(2 | 6)), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{output:?}");
    }
}

#[test]
fn the_list_says_of_each_model_whether_it_can_be_used() {
    let world = World::founded();
    world.run(&["models", "use", "openai:gpt-5-mini", "--key", "env:THE_KEY", "--agent", "critic"]);
    world.run(&["models", "use", "anthropic:claude-haiku-4-5", "--agent", "editor"]);
    let output = world.run(&["models", "--json"]);
    assert_eq!(output.status.code(), Some(3), "one is unusable");
    let list: Value = serde_json::from_slice(&output.stdout).expect("json");
    let of = |key: &str| {
        let models = list["models"].as_array().expect("list");
        models.iter().find(|model| model["key"] == key).cloned().expect("model")
    };
    assert_eq!((&of("desk")["usable"], &of("desk")["key_ref"]), (&json!(true), &Value::Null));
    assert_eq!((&of("gpt-5-mini")["usable"], &of("gpt-5-mini")["key_ref"]), (&json!(true), &json!("env:THE_KEY")));
    let haiku = of("claude-haiku-4-5");
    assert_eq!((&haiku["usable"], &haiku["agents"]), (&json!(false), &json!(["editor"])));
    assert_eq!(haiku["key_ref"], "env:ANTHROPIC_API_KEY");
    assert!(String::from_utf8_lossy(&world.run(&["models"]).stdout).contains("unusable"));
}

#[test]
fn a_new_organisation_thinks_with_the_model_that_is_named() {
    let world = World::empty();
    let refused = world.run(&["bootstrap", "--model", "openai:gpt-99"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!world.path().join("org.json").exists(), "nothing is half-done");
    let founded = world.json(&["bootstrap", "--model", "ollama:llama3.2"]);
    assert_eq!((&founded["model"], founded["agents"].as_array().map(Vec::len)), (&json!("llama3.2"), Some(5)));
    assert!(world.read("agents/editor/resume.json").contains("\"llama3.2\""));
    let valid = world.json(&["validate"]);
    assert_eq!(valid["errors"], 0, "{valid}");
}

#[test]
fn validate_refuses_models_without_price_provider_or_sound_references_and_repeats_no_secret() {
    let world = World::founded();
    let price = json!({"input": 1, "output": 1});
    let models = json!({
        "desk": {"provider": "scripted", "price": price, "provider_config": {"rules": []}},
        "a": {"provider": "openai", "model_name": "x", "key": SECRET, "price": price},
        "b": {"provider": "openai", "model_name": "x", "base_url": format!("https://u:{SECRET}@x/"), "price": price},
        "c": {"provider": "opnai", "model_name": "x", "price": price},
        "d": {"provider": "openai", "model_name": "x"},
        "e": {"provider": "openai", "model_name": "x", "price": price, "api_key": SECRET},
        "f": {"provider": "openai", "model_name": "x", "price": price, "provider_config": {"api_key": SECRET}},
        "i": {"provider": "anthropic", "model_name": "x", "price": price, "provider_config": {"prompt_cache": "1h"}},
        "j": {"provider": "anthropic", "model_name": "x", "price": price, "provider_config": {"prompt_cache": "5m"}},
        "g": {"provider": "ollama", "model_name": "x", "price": price, "fallback": ["g", "nobody"]},
    });
    for (key, codes) in [
        ("a", vec![("bad_key_reference", "/a/key")]),
        ("b", vec![("bad_base_url", "/b/base_url")]),
        ("c", vec![("unknown_provider", "/c/provider")]),
        ("d", vec![("missing_field", "/d")]),
        ("e", vec![("secret_in_file", "/e/api_key")]),
        ("f", vec![("secret_in_file", "/f/provider_config/api_key"), ("unusable_model", "/f")]),
        ("i", vec![("price_too_low", "/i/price/cache_write_input")]),
        ("j", vec![("price_too_low", "/j/price/cache_write_input")]),
        ("g", vec![("unusable_model", "/g"), ("unknown_model", "/g/fallback/1"), ("own_fallback", "/g/fallback/0")]),
    ] {
        let one = json!({"desk": models["desk"], key: models[key]});
        world.write("config/models.json", &one.to_string());
        let output = world.run(&["validate", "--json"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let found: Value = serde_json::from_slice(&output.stdout).expect("json");
        for (code, pointer) in codes {
            let is_it = |finding: &Value| finding["code"] == code && finding["pointer"] == pointer;
            assert!(found["findings"].as_array().expect("list").iter().any(is_it), "{key} {code}: {found}");
        }
        world.run(&["tick"]);
        world.run(&["models"]);
    }
    // A key that is elsewhere is no error of the files.
    let away = json!({"desk": models["desk"], "h": {"provider": "openai", "model_name": "x", "price": price}});
    world.write("config/models.json", &away.to_string());
    let found = world.json(&["validate"]);
    assert_eq!((&found["errors"], &found["findings"][0]["code"]), (&json!(0), &json!("unusable_here")), "{found}");
}
