//! `lemming agents restore`

use serde_json::json;

use crate::chronicle;
use crate::chronicle::moment::Moment;
use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::domain::name::AgentName;
use crate::revision::Revision;
use crate::store::Key;
use crate::validate::nearest;

/// Brings back a removed agent, with its balance, its memory and the mail that it had not read.
///
/// The resume is the one that was put away; of an agent whose files somebody deleted, the last one that a tick used.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RestoreArgs {
    /// The agent's name
    agent: String,
}

pub(super) async fn run(args: &RestoreArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = Moment::now(&org.store).await?;
    let removed = chronicle::removed(&org.store).await?;
    let name = AgentName::new(&args.agent).ok().filter(AgentName::may_be_an_agent);
    let known = name.and_then(|name| {
        let sha = moment.state.agents.get(&name).map(|known| known.resume.clone());
        (sha.is_some() || removed.contains(&name)).then_some((name, sha))
    });
    let Some((agent, sha)) = known else {
        let error = CliError::new(Exit::NotFound, format!("no agent {:?} was removed", args.agent));
        return Err(match nearest(&args.agent, removed.iter().map(AgentName::as_str)) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("`lemming agents list --removed` lists those that were"),
        });
    };
    let key = Key::Resume(agent.clone());
    if org.store.get(&key).await?.is_some() {
        return Err(CliError::new(Exit::Usage, format!("there is an agent {agent}: it is not removed")));
    }
    let put_away = org.store.get(&Key::Removed(agent.clone())).await?;
    let resume = match (&put_away, sha) {
        (Some(bytes), _) => Some(bytes.clone()),
        (None, Some(sha)) => org.store.get(&Key::Input(sha)).await?,
        (None, None) => None,
    };
    let Some(resume) = resume else {
        return Err(CliError::new(Exit::NotFound, format!("nothing is left of the resume of {agent}")));
    };
    let mut revision = Revision::default();
    revision.set(key, None, Some(resume));
    revision.set(Key::Removed(agent.clone()), put_away, None);
    let saved = changes::save(&org, &revision).await?;
    let account = moment.state.agents.get(&agent).map(|known| known.account.balance);
    if session.out.json() {
        session.out.document(&json!({ "restored": agent, "credits_left": account, "saved": saved }))?;
        return Ok(Exit::Ok);
    }
    let with = account.map_or(String::new(), |left| format!(", with {left} credits"));
    session.out.line(format!("{agent} is back{with}; the next `lemming tick` knows it"))?;
    changes::warn(&saved.warnings, &mut session.out);
    Ok(Exit::Ok)
}
