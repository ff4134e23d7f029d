//! MCP servers: what people accepted of them, and the secrets that they need here.

use crate::config::Environment;
use crate::connect::mcp::accepted::is_whole;
use crate::connect::secrets::reference;
use crate::domain::name::ServerName;
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::store::{Key, Store, StoreError};

use super::{Finding, Findings};

impl Findings {
    /// Adds what is wrong with servers. A file that cannot be read is another finding.
    ///
    /// # Errors
    /// The store failed.
    pub async fn check_servers(&mut self, store: &Store, environment: &Environment) -> Result<(), StoreError> {
        let (toolbox, accepted) = futures::try_join!(store.get(&Key::Tools), store.get(&Key::ToolsLock))?;
        let Some(toolbox) = toolbox.and_then(|bytes| serde_json::from_slice(&bytes).ok()) else { return Ok(()) };
        match accepted.map(|bytes| serde_json::from_slice(&bytes)) {
            None => check(&toolbox, &AcceptedTools::default(), self),
            Some(Ok(accepted)) => check(&toolbox, &accepted, self),
            Some(Err(_)) => {}
        }
        check_secrets(&toolbox, environment, self);
        self.findings.sort_by(|a, b| (&a.path, a.severity, &a.pointer).cmp(&(&b.path, b.severity, &b.pointer)));
        Ok(())
    }
}

fn check(toolbox: &Toolbox, accepted: &AcceptedTools, found: &mut Findings) {
    let at = |server: &ServerName| format!("/servers/{server}");
    for server in toolbox.servers.keys() {
        match accepted.servers.get(server) {
            None => {
                let finding = Finding::warning("unaccepted_server", Key::Tools.path(), at(server));
                let expected = format!("look at them and accept them: `lemming tools accept {server}`");
                found.add(finding.says("nobody has accepted its tools, so no agent can call them", expected));
            }
            Some(list) if !is_whole(list) => {
                let finding = Finding::error("changed_lock", Key::ToolsLock.path(), at(server));
                let expected = format!("look at what the server says: `lemming tools accept {server}`");
                found.add(finding.says("was changed by hand, so no agent can call its tools", expected));
            }
            Some(_) => {}
        }
    }
}

/// Warns of references to variables that are not set where this runs.
fn check_secrets(toolbox: &Toolbox, environment: &Environment, found: &mut Findings) {
    let mut look = |at: String, text: &str| {
        let Some((_, reference)) = reference(text) else { return };
        if let Err(why) = environment.secret(reference) {
            let finding = Finding::warning("unset_secret", Key::Tools.path(), at);
            found.add(finding.says(format!("{why} here"), "set it wherever ticks run"));
        }
    };
    let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
    for (server, of) in &toolbox.servers {
        of.headers.iter().for_each(|(name, text)| look(format!("/servers/{server}/headers/{}", escape(name)), text));
        of.env.iter().for_each(|(name, text)| look(format!("/servers/{server}/env/{}", escape(name)), text));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connect::mcp::accepted::accept;
    use crate::domain::time::Timestamp;

    #[test]
    fn servers_that_nobody_accepted_and_secrets_that_are_not_set_are_named() {
        let toolbox: Toolbox = serde_json::from_value(json!({"servers": {
            "new": {"url": "https://a.example/", "headers": {"authorization": "Bearer env:MISSING", "x": "plain"}},
            "good": {"command": ["a"], "env": {"SET": "env:SET", "UNSET": "env:UNSET"}},
            "forged": {"command": ["a"]},
        }}))
        .expect("a toolbox");
        let whole = accept(Vec::new(), Timestamp::from_unix_ms(0));
        let mut forged = whole.clone();
        forged.tools.push(serde_json::from_value(json!({"name": "a", "arguments": {}})).expect("a tool"));
        let name = |name: &str| ServerName::new(name).expect("a name");
        let mut accepted = AcceptedTools::default();
        accepted.servers.extend([(name("good"), whole), (name("forged"), forged)]);
        let mut found = Findings::default();
        check(&toolbox, &accepted, &mut found);
        let environment = Environment::new(["lemming"], [("SET".to_owned(), "s3cret".to_owned())]);
        check_secrets(&toolbox, &environment, &mut found);
        let found: Vec<(&str, &str)> =
            found.findings.iter().map(|finding| (finding.code, finding.pointer.as_str())).collect();
        assert_eq!(
            found,
            [
                ("changed_lock", "/servers/forged"),
                ("unaccepted_server", "/servers/new"),
                ("unset_secret", "/servers/good/env/UNSET"),
                ("unset_secret", "/servers/new/headers/authorization"),
            ]
        );
    }
}
