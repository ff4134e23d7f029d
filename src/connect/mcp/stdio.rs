//! A server that is a program: found, started in the sandbox unless the owner has said otherwise, and spoken to by its
//! standard streams.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::Environment;
use crate::connect::Parts;
use crate::connect::secrets::Secrets;
use crate::domain::toolbox::{McpServer, ServerSandbox};
use crate::sandbox::{PATH, SandboxError, Served, ServerProcess};

/// The variables of the runner that a server has too.
const PASSED_ON: [&str; 2] = ["PATH", "LANG"];

/// Starts the program of a server.
pub(super) async fn start(
    command: &[String],
    server: &McpServer,
    rule: ServerSandbox,
    parts: &Parts,
    secrets: &mut Secrets,
) -> Result<ServerProcess, String> {
    let served = served(command, server, rule, &parts.environment, secrets)?;
    if rule == ServerSandbox::Off {
        return ServerProcess::unconfined(&served, &parts.environment.temporary()).map_err(|error| error.to_string());
    }
    let opt_out = "a person may allow it without one: config/tools.json, \"sandbox\": \"where_available\" or \"off\"";
    let Some(sandbox) = &parts.sandbox else {
        return Err(format!("there is no sandbox here, so it was not started; {opt_out}"));
    };
    sandbox.serve(served, rule == ServerSandbox::Required).await.map_err(|error| match error {
        SandboxError::Unavailable(why) => {
            format!("there is no working sandbox here, so it was not started ({why}); {opt_out}")
        }
        error => error.to_string(),
    })
}

fn served(
    command: &[String],
    server: &McpServer,
    rule: ServerSandbox,
    environment: &Environment,
    secrets: &mut Secrets,
) -> Result<Served, String> {
    let Some((name, arguments)) = command.split_first() else { return Err("/command is empty".to_owned()) };
    let mut variables = BTreeMap::new();
    for passed in PASSED_ON {
        variables.extend(environment.var(passed).map(|value| (passed.to_owned(), value.to_owned())));
    }
    variables.entry("PATH".to_owned()).or_insert_with(|| PATH.to_owned());
    // In the sandbox it is at home in its scratch folder.
    if rule == ServerSandbox::Off {
        variables.extend(environment.var("HOME").map(|home| ("HOME".to_owned(), home.to_owned())));
    }
    for (variable, value) in &server.env {
        let wrong = |why: &str| format!("/env/{variable}: {why}");
        if variable.is_empty() || variable.contains(['=', '\0']) {
            return Err(wrong("no variable can have this name"));
        }
        let value = secrets.resolve(value, environment).map_err(|error| wrong(&error))?;
        if value.contains('\0') {
            return Err(wrong("no variable can hold a NUL"));
        }
        variables.insert(variable.clone(), value);
    }
    if command.iter().any(|word| word.contains('\0')) {
        return Err("/command: no argument can hold a NUL".to_owned());
    }
    let places = |at: &str, named: &[String]| -> Result<Vec<PathBuf>, String> {
        named.iter().map(|place| absolute(at, place)).collect()
    };
    let folder = server.cwd.as_deref().map(|folder| absolute("/cwd", folder)).transpose()?;
    let folders = variables.get("PATH").map_or(PATH, String::as_str);
    let program = find(name, folders).ok_or_else(|| {
        format!("/command: there is no program {name:?} on this machine; local runs alone can start programs")
    })?;
    let (reads, writes) = (places("/reads", &server.reads)?, places("/writes", &server.writes)?);
    Ok(Served { name: name.clone(), program, arguments: arguments.to_vec(), variables, folder, reads, writes })
}

fn absolute(at: &str, place: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(place);
    if !path.is_absolute() || place.contains('\0') {
        return Err(format!("{at}: {place:?} is no absolute path"));
    }
    Ok(path)
}

/// The file of a program: itself if it is a path, otherwise the first of that name in these folders.
fn find(name: &str, folders: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_absolute() && can_run(path));
    }
    std::env::split_paths(folders).map(|folder| folder.join(name)).find(|path| path.is_absolute() && can_run(path))
}

#[cfg(unix)]
fn can_run(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn can_run(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn served_of(server: Value, rule: ServerSandbox) -> Result<Served, String> {
        let server: McpServer = serde_json::from_value(server).expect("a server");
        let vars = [("PATH", "/usr/bin:/bin"), ("HOME", "/root"), ("OTHER", "hidden"), ("KEY", "s3cret")];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let command = server.command.clone().expect("a command");
        served(&command, &server, rule, &Environment::new(["lemming"], vars), &mut Secrets::default())
    }

    #[test]
    fn a_server_has_the_variables_that_were_named_for_it_and_no_others() {
        let server = json!({"command": ["sh", "-c", "x"], "env": {"TOKEN": "env:KEY", "MODE": "quick"}});
        let served = served_of(server.clone(), ServerSandbox::Off).expect("served");
        let names: Vec<&str> = served.variables.keys().map(String::as_str).collect();
        assert_eq!(names, ["HOME", "MODE", "PATH", "TOKEN"]);
        assert_eq!((served.variables["TOKEN"].as_str(), served.arguments.len()), ("s3cret", 2));
        let served = served_of(server, ServerSandbox::Required).expect("served");
        assert!(!served.variables.contains_key("HOME"), "the sandbox is its home");
    }

    #[test]
    fn what_cannot_be_started_is_named_with_its_place() {
        for (server, at) in [
            (json!({"command": ["no-such-program-here"]}), "/command"),
            (json!({"command": ["./sh"]}), "/command"),
            (json!({"command": ["sh", "a\u{0}b"]}), "/command"),
            (json!({"command": ["sh"], "reads": ["relative"]}), "/reads"),
            (json!({"command": ["sh"], "writes": ["../up"]}), "/writes"),
            (json!({"command": ["sh"], "cwd": "here"}), "/cwd"),
            (json!({"command": ["sh"], "env": {"A": "env:MISSING"}}), "/env/A"),
            (json!({"command": ["sh"], "env": {"A=B": "1"}}), "/env/A=B"),
        ] {
            let error = served_of(server, ServerSandbox::Required).expect_err(at);
            assert!(error.starts_with(at), "{error}");
        }
    }
}
