//! What a page offers to do about a problem: the same that the command says in `do`, for programs.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problems::{About, Trouble};
use crate::domain::name::AgentName;
use crate::domain::time::Tick;

/// What is to be done about a problem, or where more of it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemedyKind {
    /// Credits are added to the account of `agent`; without one, to the budget.
    TopUp,
    /// The resume of `agent` is put right.
    EditResume,
    /// The last turn of `agent` is looked at.
    InspectAgent,
    /// Why `agent` does not run is looked at.
    ExplainAgent,
    /// The call `approval` is answered.
    AnswerApproval,
    /// What the rule `rule` could not send is sent again.
    RetryDelivery,
    /// The file `path` is put right.
    EditConfig,
    /// The models are tried.
    TestModels,
    /// The tools of a server are looked at and accepted, on the command line.
    AcceptTools,
    /// A tick is run, which goes on with the open one.
    RunTick,
    /// `tick` is looked at.
    ShowTick,
    /// The log is looked at; that of `agent`, if there is one.
    ShowLogs,
}

/// What is to be done about a problem, and to what. Fields that do not matter to it are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Remedy {
    /// What.
    pub kind: RemedyKind,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub agent: Option<AgentName>,
    /// Which call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub approval: Option<Uuid>,
    /// Which rule of `deliver` in org.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rule: Option<String>,
    /// Which file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub path: Option<String>,
    /// Which tick.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tick: Option<Tick>,
}

/// What is to be done about a problem that was found at a moment.
#[must_use]
pub fn remedy(trouble: &Trouble) -> Remedy {
    let has_agent = trouble.agent.is_some();
    let kind = match trouble.kind.as_str() {
        "broken_resume" | "missing_resume" if has_agent => RemedyKind::EditResume,
        "soft_cap" | "top_up_refused" | "out_of_credits" | "out_of_budget" => RemedyKind::TopUp,
        "unknown_model" => RemedyKind::TestModels,
        "waiting_approval" => RemedyKind::AnswerApproval,
        "delivery_stuck" | "delivery_given_up" => RemedyKind::RetryDelivery,
        "stale_hold" | "open_tick" => RemedyKind::RunTick,
        "tools_not_accepted" => RemedyKind::AcceptTools,
        "backed_off" | "mute" | "too_many_hops" | "answer_not_heard" if has_agent => RemedyKind::ExplainAgent,
        "failing" | "warning" if has_agent => RemedyKind::InspectAgent,
        "unknown_effect" => RemedyKind::ShowLogs,
        "dead_letters" => RemedyKind::ShowTick,
        _ if trouble.path.is_some() => RemedyKind::EditConfig,
        _ => RemedyKind::ShowTick,
    };
    let (approval, rule) = match &trouble.about {
        Some(About::Approval(id)) => (Some(*id), None),
        Some(About::Rule(rule)) => (None, Some(rule.clone())),
        None => (None, None),
    };
    let is_of_file = matches!(kind, RemedyKind::EditConfig | RemedyKind::AcceptTools | RemedyKind::EditResume);
    Remedy {
        kind,
        agent: trouble.agent.clone(),
        approval,
        rule,
        path: trouble.path.clone().filter(|_| is_of_file),
        tick: trouble.since.filter(|_| matches!(kind, RemedyKind::ShowTick | RemedyKind::ShowLogs)),
    }
}
