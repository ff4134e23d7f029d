//! `lemming keys`, with the real program.

use std::path::Path;
use std::process::{Command, Output};

use lemming::domain::ids::Sha;
use serde_json::{Value, json};

fn lemming(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(args).current_dir(folder).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
    command.output().expect("the program")
}

fn founded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    assert!(lemming(folder.path(), &["bootstrap"]).status.success());
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("json")
}

#[test]
fn a_key_is_printed_once_and_its_hash_is_kept() {
    let folder = founded();
    let added = lemming(folder.path(), &["keys", "add", "hook", "--scope", "send", "--scope", "read,send"]);
    assert!(added.status.success(), "{added:?}");
    let key = text(&added.stdout);
    let key = key.strip_suffix('\n').expect("one line");
    assert!(key.starts_with("lemming_") && !key.contains('\n'), "{key}");
    assert!(text(&added.stderr).contains("shown this once"), "{added:?}");
    let file = std::fs::read_to_string(folder.path().join("config/keys.json")).expect("the file");
    let kept: Value = serde_json::from_str(&file).expect("json");
    assert_eq!(kept["hook"]["sha256"], json!(Sha::of(key.as_bytes()).as_str()));
    assert_eq!(kept["hook"]["scopes"], json!(["read", "send"]));
    let listed = lemming(folder.path(), &["keys"]);
    let listed = text(&listed.stdout);
    assert!(listed.contains("hook") && listed.contains("read, send"), "{listed}");
    let listed = json_of(&lemming(folder.path(), &["keys", "list", "--json"]));
    assert_eq!((&listed["keys"][0]["name"], &listed["keys"][0]["scopes"]), (&json!("hook"), &json!(["read", "send"])));
    for shown in [file, listed.to_string()] {
        assert!(!shown.contains(&key[8..]), "{shown}");
    }
    assert_eq!(json_of(&lemming(folder.path(), &["validate", "--json"]))["findings"], json!([]));
}

#[test]
fn a_key_is_removed_and_the_rest_of_the_file_stays_as_it_was() {
    let folder = founded();
    let path = folder.path().join("config/keys.json");
    let first = json_of(&lemming(folder.path(), &["keys", "add", "a", "--scope", "read", "--json"]));
    assert!(first["key"].as_str().is_some_and(|key| key.len() == 72), "{first}");
    let before = std::fs::read_to_string(&path).expect("the file");
    assert!(lemming(folder.path(), &["keys", "add", "b", "--scope", "control"]).status.success());
    let removed = json_of(&lemming(folder.path(), &["keys", "remove", "b", "--json"]));
    assert_eq!(removed, json!({"removed": "b", "left": 1}));
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), before);
    let last = lemming(folder.path(), &["keys", "remove", "a"]);
    assert!(text(&last.stderr).contains("no keys left"), "{last:?}");
    assert!(text(&lemming(folder.path(), &["keys"]).stdout).contains("there are no keys"));
}

#[test]
fn what_cannot_be_done_with_keys_is_said() {
    let folder = founded();
    let run = |args: &[&str]| {
        let output = lemming(folder.path(), args);
        (output.status.code().expect("a code"), text(&output.stderr))
    };
    assert!(lemming(folder.path(), &["keys", "add", "hook", "--scope", "send"]).status.success());
    let (code, said) = run(&["keys", "add", "hook", "--scope", "send"]);
    assert!(code == 2 && said.contains("already"), "{code} {said}");
    let (code, said) = run(&["keys", "remove", "hok"]);
    assert!(code == 6 && said.contains("did you mean hook?"), "{code} {said}");
    assert_eq!(run(&["keys", "add", "x", "--scope", "admin"]).0, 2, "which is a role");
    assert_eq!(run(&["keys", "add", "x", "--role", "send"]).0, 2, "which is a scope");
    let (code, said) = run(&["keys", "add", "x", "--org", "desk"]);
    assert!(code == 2 && said.contains("this organisation alone"), "{code} {said}");
    assert_eq!(run(&["keys", "add", "a/b", "--scope", "send"]).0, 2);
    std::fs::write(folder.path().join("config/keys.json"), r#"{"hook": {"sha256": "lemming_s3cret"}}"#)
        .expect("written");
    for args in [&["keys"][..], &["keys", "add", "x", "--scope", "send"], &["keys", "remove", "hook"]] {
        let (code, said) = run(args);
        assert!(code == 3 && said.contains("config/keys.json") && !said.contains("s3cret"), "{code} {said}");
    }
    let found = lemming(folder.path(), &["validate"]);
    let said = text(&found.stdout);
    assert!(found.status.code() == Some(3) && said.contains("config/keys.json"), "{said}");
    let empty = json!({"hook": {"sha256": "0".repeat(64), "scopes": []}});
    std::fs::write(folder.path().join("config/keys.json"), empty.to_string()).expect("written");
    let found = json_of(&lemming(folder.path(), &["validate", "--json"]));
    assert_eq!(found["findings"][0]["code"], json!("no_scope"), "{found}");
}

#[test]
fn a_key_is_a_viewers_unless_it_is_told_otherwise() {
    let folder = founded();
    let added = |args: &[&str]| json_of(&lemming(folder.path(), &[&["keys", "add"], args, &["--json"]].concat()));
    let told = |key: &Value| (key["role"].clone(), key["scopes"].clone());
    assert_eq!(told(&added(&["a"])), (json!("viewer"), json!(["read"])));
    assert_eq!(told(&added(&["b", "--role", "operator"])), (json!("operator"), json!(["read", "send", "control"])));
    assert_eq!(told(&added(&["c", "--role", "admin"])), (json!("admin"), json!(["read", "send", "control", "edit"])));
    assert_eq!(told(&added(&["d", "--scope", "send"])), (Value::Null, json!(["send"])));
    let listed = text(&lemming(folder.path(), &["keys"]).stdout);
    assert!(listed.contains("operator") && !listed.contains("lemming_"), "{listed}");
}

#[test]
fn keys_above_several_organisations_open_those_that_they_name() {
    let above = tempfile::tempdir().expect("a folder");
    assert_eq!(lemming(above.path(), &["keys", "add", "x"]).status.code(), Some(6), "there is nothing to open");
    for folder in ["desk", "lab"] {
        std::fs::create_dir(above.path().join(folder)).expect("a folder");
        assert!(lemming(&above.path().join(folder), &["bootstrap"]).status.success());
    }
    let key = json_of(&lemming(above.path(), &["keys", "add", "x", "--role", "admin", "--org", "desk", "--json"]));
    assert_eq!(key["orgs"], json!(["desk"]));
    let refused = lemming(above.path(), &["keys", "add", "y", "--org", "dask"]);
    assert!(refused.status.code() == Some(6) && text(&refused.stderr).contains("did you mean desk?"), "{refused:?}");
    assert!(text(&lemming(above.path(), &["keys"]).stdout).contains("admin in desk"));
}
