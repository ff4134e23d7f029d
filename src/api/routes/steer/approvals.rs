//! `POST /api/approvals/{id}`: yes or no to a call that waits for a person.

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Given, Ordered, order};
use crate::api::auth::Caller;
use crate::api::body::{Document, Named};
use crate::api::error::ApiError;

use crate::api::repeat::IdempotencyKey;
use crate::api::state::ApiState;
use crate::chronicle::approvals::{Unanswerable, of};
use crate::chronicle::moment::Moment;
use crate::domain::ids::Sha;
use crate::domain::ingress::Action;
use crate::domain::json::sorted;
use crate::tool::limits::check_arguments;

/// The most bytes of a reason: the agent reads it in its prompt.
const MAX_REASON_BYTES: usize = 4 * 1024;

/// Which call, in a path.
#[derive(Debug, Deserialize)]
pub(in crate::api) struct ApprovalPath {
    id: String,
}

/// Yes, or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum Said {
    /// The call is made, once.
    Approved,
    /// It is not made, and the agent is told so.
    Denied,
}

/// An answer to a call that waits.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Verdict {
    /// Yes, or no.
    #[schema(inline)]
    verdict: Said,
    /// The hash of the arguments that the person was shown: a yes is to these and to no others. A no may leave it out.
    #[serde(default)]
    arguments_sha256: Option<Sha>,
    /// Other arguments that the call is to be made with instead, with a yes.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    arguments: Option<Map<String, Value>>,
    /// Why not, for the agent, with a no.
    #[serde(default)]
    reason: Option<String>,
}

/// Answers a call that waits for a person.
///
/// With the next tick the agent is due, and hears of it.
#[utoipa::path(
    post,
    path = "/api/approvals/{id}",
    tag = "steer",
    params(
        ("id" = String, Path, description = "The call that waits"),
        IdempotencyKey,
    ),
    request_body = Verdict,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn answer(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(ApprovalPath { id }): Named<ApprovalPath>,
    repeat: IdempotencyKey,
    Document(verdict): Document<Verdict>,
) -> Result<Given, ApiError> {
    let unknown =
        || ApiError::no_such("no call of this id waits for an answer").hint("`GET /api/approvals` lists those");
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    let found = of(&Moment::now(&state.org.store).await?, &[id]).await?;
    let approval = found.first().ok_or_else(unknown)?;
    approval.answerable(state.org.clock().now()).map_err(|why| refused(&why))?;
    let action = match verdict.verdict {
        Said::Denied => Action::Deny { approval: id, reason: verdict.denial()? },
        Said::Approved => {
            approval.shown().map_err(|why| refused(&why))?;
            let (arguments_sha256, arguments) = verdict.consent()?;
            if arguments_sha256 != approval.arguments_sha256 {
                let error = ApiError::conflict("it is the hash of other arguments than those that wait");
                return Err(error.at("/arguments_sha256").hint("`GET /api/approvals` shows what waits now"));
            }
            Action::Approve { approval: id, arguments_sha256, arguments }
        }
    };
    order(&state, &caller, &repeat, action).await
}

impl Verdict {
    /// What a no says besides.
    fn denial(self) -> Result<Option<String>, ApiError> {
        if self.arguments.is_some() {
            return Err(ApiError::usage("a call that is not made needs no arguments").at("/arguments"));
        }
        let reason = self.reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        match reason.as_ref().map(String::len).filter(|bytes| *bytes > MAX_REASON_BYTES) {
            Some(bytes) => {
                Err(ApiError::usage(format!("it has {bytes} bytes, more than {MAX_REASON_BYTES}")).at("/reason"))
            }
            None => Ok(reason),
        }
    }

    /// What a yes is to, and with which arguments instead.
    fn consent(self) -> Result<(Sha, Option<Value>), ApiError> {
        if self.reason.is_some() {
            return Err(ApiError::usage("a yes has no reason").at("/reason"));
        }
        let shown = self.arguments_sha256.ok_or_else(|| {
            ApiError::usage("a yes names the hash of the arguments that were shown").at("/arguments_sha256")
        })?;
        let arguments = self.arguments.map(|arguments| sorted(&Value::Object(arguments)));
        if let Some(arguments) = &arguments {
            check_arguments(arguments).map_err(|error| ApiError::usage(error.0).at("/arguments"))?;
        }
        Ok((shown, arguments))
    }
}

fn refused(why: &Unanswerable) -> ApiError {
    let error = ApiError::conflict(format!("{why}; nothing was ordered"));
    match why {
        Unanswerable::Answered { .. } => error,
        Unanswerable::Late(_) => {
            error.hint("the next tick tells its agent that nobody answered in time; it may ask again")
        }
        Unanswerable::Unshown => {
            error.hint("nobody can say yes to what cannot be shown: deny it; the agent may ask again")
        }
        Unanswerable::Damaged => error.hint("`lemming fsck` tells what is damaged"),
    }
}
