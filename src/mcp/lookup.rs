//! The agents that a caller names, and those that there are instead.

use super::refusal::Refusal;
use crate::chronicle::moment::Moment;
use crate::domain::name::AgentName;
use crate::validate::who_instead;

/// The agent of this name among those that there are.
pub(super) async fn present(moment: &Moment, name: &str, pointer: &str) -> Result<AgentName, Refusal> {
    among(&moment.agents().await?, name, pointer)
}

/// The agent of this name among those that there are and that the records know of, gone ones too.
pub(super) async fn of_any_time(moment: &Moment, name: &str, pointer: &str) -> Result<AgentName, Refusal> {
    among(&moment.agents_of_any_time().await?, name, pointer)
}

fn among(agents: &[AgentName], name: &str, pointer: &str) -> Result<AgentName, Refusal> {
    if let Some(agent) = agents.iter().find(|agent| agent.as_str() == name) {
        return Ok(agent.clone());
    }
    let short: String = name.chars().take(80).collect();
    Err(Refusal::not_found(format!("there is no agent {short:?}")).at(pointer).hint(who_instead(&short, agents)))
}
