//! `top_up`, `pause` and `resume`: commands to the organisation. The next tick carries them out.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Tool};
use crate::chronicle::moment::Moment;
use crate::chronicle::settings;
use crate::domain::api_key::Scope;
use crate::domain::credits::Credits;
use crate::domain::ingress::Action;
use crate::domain::name::AgentName;
use crate::mcp::arguments::Field;
use crate::mcp::lookup;
use crate::mcp::refusal::Refusal;

/// The fields of an answer to a command.
pub(super) const ORDERED: &[Field] = &[
    ("ordered", "string", "The command's name in the ingress."),
    ("by", "string", "In whose name it was given."),
    ("command", "object", "What the next tick will do."),
];

/// Puts a command into the ingress, in the caller's name.
pub(super) async fn order(call: Call<'_>, action: Action) -> Result<Value, Refusal> {
    let by = call.rights.author();
    let name = call.org.postbox().order_by(by.clone(), action.clone()).await?;
    tracing::info!(event = "command_given", by = by.0, command = name.as_str(), "a command was given");
    Ok(json!({ "ordered": name, "by": by, "command": action }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TopUpArguments {
    /// An agent's name, or `org`: the organisation's budget.
    account: String,
    /// How many credits, with at most six decimals.
    credits: Credits,
}

pub(super) struct TopUp;

impl Tool for TopUp {
    type Arguments = TopUpArguments;
    const NAME: &'static str = "top_up";
    const TITLE: &'static str = "Add credits";
    const ABOUT: &'static str = "Adds credits to an agent's account, or to the organisation's budget in its present window. Takes effect with the next tick; no top-up lifts an account above its max_credits.";
    const SCOPE: Scope = Scope::Control;
    const FIELDS: &'static [Field] = ORDERED;

    async fn call(call: Call<'_>, arguments: TopUpArguments) -> Result<Value, Refusal> {
        let TopUpArguments { account, credits } = arguments;
        if credits.is_zero() {
            return Err(Refusal::usage("the amount is 0: nothing would be added").at("/credits"));
        }
        let moment = Moment::now(&call.org.store).await?;
        let agent = match account.as_str() {
            "org" => None,
            name => Some(lookup::present(&moment, name, "/account").await?),
        };
        if agent.is_none() && settings(&call.org.store).await?.budget.is_none() {
            let refused = Refusal::usage("the organisation has no budget to top up: the accounts alone limit it");
            return Err(refused.at("/account").hint("name an agent, or set `budget` in org.json"));
        }
        order(call, Action::TopUp { agent, credits }).await
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhomArguments {
    /// An agent's name; without it, the whole organisation.
    #[serde(default)]
    agent: Option<String>,
}

async fn whom(call: Call<'_>, arguments: WhomArguments) -> Result<Option<AgentName>, Refusal> {
    match arguments.agent {
        None => Ok(None),
        Some(name) => Ok(Some(lookup::present(&Moment::now(&call.org.store).await?, &name, "/agent").await?)),
    }
}

pub(super) struct Pause;

impl Tool for Pause {
    type Arguments = WhomArguments;
    const NAME: &'static str = "pause";
    const TITLE: &'static str = "Pause";
    const ABOUT: &'static str = "Lets an agent, or the whole organisation, rest until `resume`. Takes effect with the next tick; a tick that is open is finished.";
    const SCOPE: Scope = Scope::Control;
    const FIELDS: &'static [Field] = ORDERED;

    async fn call(call: Call<'_>, arguments: WhomArguments) -> Result<Value, Refusal> {
        let agent = whom(call, arguments).await?;
        order(call, Action::Pause { agent }).await
    }
}

pub(super) struct Resume;

impl Tool for Resume {
    type Arguments = WhomArguments;
    const NAME: &'static str = "resume";
    const TITLE: &'static str = "Go on after a pause";
    const ABOUT: &'static str =
        "Lets an agent, or the whole organisation, go on after `pause`. Takes effect with the next tick.";
    const SCOPE: Scope = Scope::Control;
    const FIELDS: &'static [Field] = ORDERED;

    async fn call(call: Call<'_>, arguments: WhomArguments) -> Result<Value, Refusal> {
        let agent = whom(call, arguments).await?;
        order(call, Action::Resume { agent }).await
    }
}
