//! `lemming models test`

use std::sync::Arc;

use serde_json::json;

use super::check::registry;
use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{GOOD, one_line, styled};
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::time::{Clock, Tick};
use crate::provider::{CallCost, CallError, Message, Request, Role, TurnView};
use crate::validate::nearest;

/// The most tokens of the answer: one that thinks first needs some to say a word.
const MAX_TOKENS: u32 = 512;

/// Makes one tiny call to a model, and shows the answer, its tokens, its cost and how long it took.
///
/// The call is paid for outside of any account: it appears in no record.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TestArgs {
    /// The model's key in config/models.json
    key: String,
}

fn request(model_name: &str, context_tokens: Option<u64>) -> Request {
    Request {
        messages: vec![
            Message::new(Role::System, "Answer with one JSON object: {\"notes\": \"ok\"}"),
            Message::new(Role::User, "Are you there?"),
        ],
        model_name: model_name.to_owned(),
        temperature: 0.0,
        max_tokens: MAX_TOKENS,
        tools: Arc::default(),
        context_tokens,
        view: TurnView {
            agent: AgentName::human(),
            tick: Tick(0),
            clock: Clock(0),
            step: 0,
            inbox: Arc::default(),
            memory: Arc::default(),
            results: Vec::new(),
            answered: Vec::new(),
        },
    }
}

pub(super) async fn run(args: TestArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let registry = registry(&org).await?;
    let unknown = || {
        let error = CliError::new(Exit::NotFound, format!("there is no model {:?}", args.key));
        match nearest(&args.key, registry.models.keys().map(ModelKey::as_str)) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("`lemming models` lists them"),
        }
    };
    let found = ModelKey::new(&args.key).ok().and_then(|key| registry.models.get_key_value(&key));
    let (key, model) = found.ok_or_else(unknown)?;
    let limit = chronicle::settings(&org.store).await?.limits.call_timeout.duration();
    let provider = org.providers().open(key, model).await.map_err(|error| failed(&error))?;
    let request = request(&model.model_name, model.context_tokens.map(std::num::NonZeroU64::get));
    let began = org.clock().now();
    let answer = tokio::time::timeout(limit, provider.complete(&request)).await;
    let duration_ms = u64::try_from(org.clock().now().unix_ms() - began.unix_ms()).unwrap_or(0);
    let answer = match answer {
        Ok(answer) => answer.map_err(|error| failed(&error))?,
        Err(_) => return Err(CliError::new(Exit::Failed, format!("{key} did not answer within {limit:?}"))),
    };
    let cost = answer.usage.map(|usage| model.price.of(usage));
    if session.out.json() {
        session.out.document(&json!({
            "model": key,
            "answer": answer.text,
            "usage": answer.usage,
            "cost_credits": cost,
            "duration_ms": duration_ms,
            "reported_model": answer.reported_model,
            "response_id": answer.response_id,
        }))?;
        return Ok(Exit::Ok);
    }
    let out = &mut session.out;
    out.line(format!("{} {key} answers: {}", styled(GOOD, "ok"), one_line(&answer.text, 200)))?;
    match (answer.usage, cost) {
        (Some(usage), Some(cost)) => out.line(format!(
            "{} tokens in ({} cached), {} out ({} of them reasoning), {cost} credits, {duration_ms} ms",
            usage.input_tokens, usage.cached_input_tokens, usage.output_tokens, usage.reasoning_output_tokens
        ))?,
        _ => out.line(format!("the provider does not say how many tokens; {duration_ms} ms"))?,
    }
    if let Some(reported) = &answer.reported_model {
        out.line(format!("answered by {}", one_line(reported, 80)))?;
    }
    Ok(Exit::Ok)
}

fn failed(error: &CallError) -> CliError {
    let said = CliError::new(Exit::Failed, error.message.clone());
    match error.cost {
        CallCost::Nothing => said,
        CallCost::Used(_) | CallCost::Unknown => said.hint("the provider may have billed the call"),
    }
}
