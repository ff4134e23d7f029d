//! The agents that a path or a parameter names, and those that there are instead.

use super::error::ApiError;
use super::state::ApiState;
use crate::chronicle;
use crate::chronicle::moment::Moment;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::validate::who_instead;

/// How much of a name that nobody has is repeated.
const SHOWN: usize = 80;

/// The agent that a path names, gone ones included.
///
/// # Errors
/// There is none of that name, and never was.
pub(super) async fn agent(moment: &Moment, name: &str) -> Result<AgentName, ApiError> {
    find(&moment.agents_of_any_time().await?, name)
}

/// The agent that a path names, of those that there are now.
///
/// # Errors
/// There is none of that name.
pub(super) async fn present(state: &ApiState, name: &str) -> Result<AgentName, ApiError> {
    find(&chronicle::agents(&state.org.store).await?, name)
}

fn find(agents: &[AgentName], name: &str) -> Result<AgentName, ApiError> {
    agents.iter().find(|agent| agent.as_str() == name).cloned().ok_or_else(|| {
        let short: String = name.chars().take(SHOWN).collect();
        ApiError::no_such(format!("there is no agent {short:?}")).hint(who_instead(&short, agents))
    })
}

/// The same of a parameter; `None` where it is not given.
///
/// # Errors
/// There is none of that name, and never was.
pub(super) async fn among(moment: &Moment, name: Option<&str>) -> Result<Option<AgentName>, ApiError> {
    match name {
        Some(name) => Ok(Some(agent(moment, name).await?)),
        None => Ok(None),
    }
}

/// That a tick is not there, with those that are.
pub(super) fn no_tick(number: u64, last: Tick) -> ApiError {
    let hint = match last {
        Tick(0) => "no tick has run yet: `lemming tick` runs the first".to_owned(),
        last => format!("the last closed tick is {last}; `GET /api/ticks` lists them"),
    };
    ApiError::no_such(format!("tick {number} was not planned")).hint(hint)
}
