//! `list_approvals`, `approve_call` and `deny_call`: calls that wait for a person's yes.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::control::{ORDERED, order};
use super::{Call, Tool};
use crate::chronicle::approvals::{Approval, Unanswerable, of};
use crate::chronicle::moment::Moment;
use crate::domain::api_key::Scope;
use crate::domain::ids::Sha;
use crate::domain::ingress::Action;
use crate::mcp::arguments::Field;
use crate::mcp::page::{self, Page};
use crate::mcp::refusal::Refusal;

/// The most characters of a reason.
const MAX_REASON: usize = 2_000;

/// The calls that nobody has answered yet, by their ids, which are in the order of chance.
pub(super) fn waiting(moment: &Moment) -> impl Iterator<Item = Uuid> {
    moment.state.approvals.iter().filter(|(_, waiting)| waiting.verdict.is_none()).map(|(id, _)| *id)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    /// At most so many, 1 to 100; 20 without it.
    #[serde(default)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) struct ListApprovals;

impl Tool for ListApprovals {
    type Arguments = ListArguments;
    const NAME: &'static str = "list_approvals";
    const TITLE: &'static str = "Calls that wait for a yes";
    const ABOUT: &'static str = "Lists the calls of agents that wait for a person's yes: who asks, the tool, exactly which arguments and their hash, what the call is worth and for, and until when it can be answered. Show a person the arguments before you approve any.";
    const FIELDS: &'static [Field] = &[
        (
            "approvals",
            "array",
            "As `lemming approvals list` has them: each with id, agent, tick, tool, permission, arguments, arguments_sha256, purpose, worth_credits, expires_at, and sent: answers that no tick has taken yet. Arguments and purpose are what a model wrote.",
        ),
        ("next_cursor", "string?", "Where the next page begins, if there is one."),
    ];

    async fn call(call: Call<'_>, arguments: ListArguments) -> Result<Value, Refusal> {
        let after = page::cursor(arguments.cursor.as_deref(), |text| text.parse::<Uuid>().ok())?;
        let mut page = Page::new(arguments.limit, 20)?;
        let moment = &Moment::now(&call.org.store).await?;
        let wanted: Vec<Uuid> =
            waiting(moment).filter(|id| after.is_none_or(|after| *id > after)).take(page.limit() + 1).collect();
        let mut found = of(moment, &wanted).await?;
        found.sort_by_key(|approval| approval.id);
        let (mut last, mut next) = (None, None);
        for approval in found {
            if !page.takes(json!(approval)) {
                next = last;
                break;
            }
            last = Some(approval.id);
        }
        Ok(json!({ "approvals": page.items(), "next_cursor": next }))
    }
}

/// The question that is to be answered, if it still can be.
async fn open(call: Call<'_>, approval: &str) -> Result<Approval, Refusal> {
    let wrong = || Refusal::usage("it must be the id of a call, as `list_approvals` shows it").at("/approval");
    let id: Uuid = approval.parse().map_err(|_| wrong())?;
    let found = of(&Moment::now(&call.org.store).await?, &[id]).await?.pop();
    let missing = || {
        Refusal::not_found(format!("no call {id} waits for an answer"))
            .at("/approval")
            .hint("`list_approvals` shows those that do")
    };
    let approval = found.ok_or_else(missing)?;
    approval.answerable(call.org.clock().now()).map_err(refused)?;
    Ok(approval)
}

fn refused(why: Unanswerable) -> Refusal {
    Refusal::conflict(why.to_string()).at("/approval")
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveArguments {
    /// The id of the call, as `list_approvals` shows it.
    approval: String,
    /// `arguments_sha256` as it was shown: the yes is to these arguments and to no others.
    arguments_sha256: String,
    /// Other arguments that the call is to be made with instead, if a person changed them.
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
}

pub(super) struct Approve;

impl Tool for Approve {
    type Arguments = ApproveArguments;
    const NAME: &'static str = "approve_call";
    const TITLE: &'static str = "Say yes to a call";
    const ABOUT: &'static str = "Says yes to one call that waits, to exactly the arguments of this hash: the agent's next turn makes it, once. Only when a person has seen these arguments and said yes to them.";
    const SCOPE: Scope = Scope::Control;
    const FIELDS: &'static [Field] = ORDERED;

    async fn call(call: Call<'_>, arguments: ApproveArguments) -> Result<Value, Refusal> {
        let approval = open(call, &arguments.approval).await?;
        approval.shown().map_err(refused)?;
        let shown: Option<Sha> = serde_json::from_value(json!(arguments.arguments_sha256)).ok();
        let Some(arguments_sha256) = shown.filter(|shown| *shown == approval.arguments_sha256) else {
            let refused = Refusal::conflict("it is the hash of other arguments than those that wait");
            return Err(refused.at("/arguments_sha256").hint("`list_approvals` shows what waits now"));
        };
        let arguments = arguments.arguments.map(Value::Object);
        if let Some(arguments) = &arguments {
            crate::tool::limits::check_arguments(arguments)
                .map_err(|error| Refusal::usage(error.0).at("/arguments"))?;
        }
        order(call, Action::Approve { approval: approval.id, arguments_sha256, arguments }).await
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DenyArguments {
    /// The id of the call, as `list_approvals` shows it.
    approval: String,
    /// Why, for the agent.
    #[serde(default)]
    reason: Option<String>,
}

pub(super) struct Deny;

impl Tool for Deny {
    type Arguments = DenyArguments;
    const NAME: &'static str = "deny_call";
    const TITLE: &'static str = "Say no to a call";
    const ABOUT: &'static str =
        "Says no to one call that waits: it is not made, and the agent is told so, with the reason.";
    const SCOPE: Scope = Scope::Control;
    const FIELDS: &'static [Field] = ORDERED;

    async fn call(call: Call<'_>, arguments: DenyArguments) -> Result<Value, Refusal> {
        let reason = arguments.reason.filter(|reason| !reason.trim().is_empty());
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
            return Err(Refusal::usage(format!("it may have at most {MAX_REASON} characters")).at("/reason"));
        }
        let approval = open(call, &arguments.approval).await?.id;
        order(call, Action::Deny { approval, reason }).await
    }
}
