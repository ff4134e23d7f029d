//! The provider `scripted`: answers by rules, with no model at all.
//!
//! It serves examples, tests and rehearsals of failure: the same call has the same answer, byte for
//! byte. Matching is here; the format of the rules is [`super::script`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use minijinja::value::Value as Scope;
use serde_json::{Map, Value, json};

use super::script::{AnyOf, Checked, Fault, InboxIs, Script, ScriptError};
use super::template::{Filler, data};
use super::{Answer, CallError, Provider, Request, TurnView};
use crate::domain::model::Usage;
use crate::domain::outbox::OutboxEntry;

/// Bytes that count as one token.
const BYTES_PER_TOKEN: usize = 4;

/// Answers by the rules of a script.
///
/// Four bytes count as one token. An answer longer than the call's `max_tokens` is cut there, as a
/// model's would be.
#[derive(Debug)]
pub struct Scripted {
    script: Arc<Script>,
}

impl Scripted {
    /// A provider that answers by `script`.
    #[must_use]
    pub fn new(script: Arc<Script>) -> Self {
        Self { script }
    }
}

#[async_trait]
impl Provider for Scripted {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let reply = reply(&self.script, &request.view).map_err(|e| CallError::misconfigured(e.to_string()))?;
        let delay_ms = reply.faults.iter().map(|(_, fault)| fault.delay_ms).max().unwrap_or(0);
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        for (pointer, fault) in &reply.faults {
            if let Some(kind) = fault.fail {
                let message = format!("{}, at {pointer}/fault: the script asks for this failure", self.script.origin);
                let retry_after = fault.retry_after_ms.map(Duration::from_millis);
                return Err(CallError { retry_after, ..CallError::new(kind, message) });
            }
        }
        let garbage = reply.faults.iter().find_map(|(_, fault)| fault.garbage.as_ref()?.text());
        let mut text = garbage.map_or_else(|| Value::Object(reply.answer).to_string(), str::to_owned);
        cut(&mut text, usize::try_from(request.max_tokens).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_TOKEN));
        let prompt = request.messages.iter().map(|message| message.content.len()).sum();
        let usage = Usage { input_tokens: tokens(prompt), output_tokens: tokens(text.len()), ..Usage::default() };
        Ok(Answer {
            text,
            tool_calls: Vec::new(),
            usage: Some(usage),
            reported_model: Some("scripted".to_owned()),
            response_id: None,
        })
    }
}

fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

/// Cuts `text` to `max` bytes at most, between two characters.
fn cut(text: &mut String, max: usize) {
    text.truncate(text.floor_char_boundary(max));
}

/// What the rules say to one call.
struct Reply<'a> {
    answer: Map<String, Value>,
    /// The faults of the rules that fit, with the pointers to these.
    faults: Vec<(&'a str, &'a Fault)>,
}

/// A rule that fits, with the message that it fits.
struct Fit<'a> {
    rule: &'a Checked,
    message: Option<usize>,
    scope: Scope,
}

fn reply<'a>(script: &'a Script, view: &TurnView) -> Result<Reply<'a>, ScriptError> {
    let mut turn = Turn::new(view);
    let fits = turn.fits(script)?;
    let mut reply = Reply { answer: Map::new(), faults: Vec::new() };
    if fits.is_empty() {
        reply.answer.insert("notes".to_owned(), json!("no rule matches"));
    }
    for fit in &fits {
        let pointer = format!("{}/answer", fit.rule.pointer);
        let answer = turn.filler.object(&fit.rule.rule.answer, &pointer, &fit.scope);
        join(&mut reply.answer, answer.map_err(|e| script.error(e))?);
        reply.faults.extend(fit.rule.rule.fault.as_ref().map(|fault| (fit.rule.pointer.as_str(), fault)));
    }
    // So that even an answer with nothing in it is seen to be in the contract.
    reply.answer.entry("outbox_entries").or_insert_with(|| json!([]));
    Ok(reply)
}

/// Joins one more answer to `answer`.
fn join(answer: &mut Map<String, Value>, more: Map<String, Value>) {
    for (key, value) in more {
        match (answer.get_mut(&key), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (Some(Value::String(text)), Value::String(more)) => {
                text.push('\n');
                text.push_str(&more);
            }
            (_, value) => {
                answer.insert(key, value);
            }
        }
    }
}

/// One call, as rules see it.
struct Turn<'a> {
    view: &'a TurnView,
    /// The texts of the inbox, and the same in lower case.
    texts: Vec<(String, String)>,
    messages: Vec<Scope>,
    scope: BTreeMap<&'static str, Scope>,
    filler: Filler,
}

impl<'a> Turn<'a> {
    fn new(view: &'a TurnView) -> Self {
        let texts = view.inbox.iter().map(OutboxEntry::text).map(|text| (text.to_lowercase(), text));
        let texts: Vec<_> = texts.map(|(lower, text)| (text, lower)).collect();
        let message = |(entry, (text, _)): (&OutboxEntry, &(String, String))| {
            let mut entry = serde_json::to_value(entry).unwrap_or_default();
            entry["text"] = Value::from(text.as_str());
            data(entry)
        };
        let messages: Vec<_> = view.inbox.iter().zip(&texts).map(message).collect();
        let scope = BTreeMap::from([
            ("agent", Scope::from(view.agent.as_str())),
            ("tick", Scope::from(view.tick.0)),
            ("clock", Scope::from(view.clock.0)),
            ("step", Scope::from(view.step)),
            ("inbox", Scope::from(messages.clone())),
            ("memory", data(&*view.memory)),
            ("results", data(&view.results)),
            ("answered", data(&view.answered)),
        ]);
        Self { view, texts, messages, scope, filler: Filler::new() }
    }

    /// The rules that answer this call, in the order of their messages.
    fn fits<'s>(&self, script: &'s Script) -> Result<Vec<Fit<'s>>, ScriptError> {
        let mut fits: Vec<Fit<'s>> = Vec::new();
        for rule in script.rules.iter().filter(|rule| self.is_for(rule)) {
            let per_message = rule.rule.for_each.is_some();
            if !per_message && !fits.is_empty() {
                continue;
            }
            let candidates: Vec<Option<usize>> = if per_message || rule.rule.when.is_about_a_message() {
                let taken = |i| fits.iter().any(|fit| fit.message == Some(i));
                (0..self.messages.len()).filter(|&i| !taken(i) && self.meets(rule, i)).map(Some).collect()
            } else {
                vec![if self.messages.is_empty() { None } else { Some(0) }]
            };
            for message in candidates {
                let scope = self.scope(rule, message);
                let holds = match &rule.rule.when.condition {
                    Some(condition) => self.filler.holds(condition, &rule.pointer, &scope),
                    None => Ok(true),
                };
                if holds.map_err(|e| script.error(e))? {
                    fits.push(Fit { rule, message, scope });
                    if !per_message {
                        return Ok(fits);
                    }
                }
            }
        }
        fits.sort_by_key(|fit| fit.message);
        Ok(fits)
    }

    /// Says whether the conditions on the turn hold.
    fn is_for(&self, rule: &Checked) -> bool {
        let (view, when) = (self.view, &rule.rule.when);
        let tick = i64::try_from(view.tick.0).unwrap_or(i64::MAX);
        allows(rule.rule.agent.as_ref(), |agent| *agent == view.agent)
            && when.step.any(|step| *step == view.step)
            && when.tick.as_ref().is_none_or(|count| count.holds(tick))
            && when.clock.as_ref().is_none_or(|count| count.holds(view.clock.0))
            && when.inbox.is_none_or(|inbox| (inbox == InboxIs::Empty) == self.messages.is_empty())
    }

    /// Says whether a message meets the conditions on messages.
    fn meets(&self, rule: &Checked, message: usize) -> bool {
        let when = &rule.rule.when;
        let (entry, (text, lower)) = (&self.view.inbox[message], &self.texts[message]);
        allows(when.kind.as_ref(), |kind| *kind == entry.kind)
            && allows(when.from.as_ref(), |from| *from == entry.agent)
            && allows(when.tag.as_ref(), |tag| entry.tags.contains(tag))
            && allows(when.text_contains.as_ref(), |part| lower.contains(&part.to_lowercase()))
            && rule.text_matches.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    /// What the templates of a rule see.
    fn scope(&self, rule: &Checked, message: Option<usize>) -> Scope {
        let mut scope = self.scope.clone();
        if let Some(i) = message {
            scope.insert("message", self.messages[i].clone());
            if let Some(regex) = &rule.text_matches
                && let Some(captures) = regex.captures(&self.texts[i].0)
            {
                let named = regex.capture_names().flatten();
                let named = named.filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str())));
                scope.insert("captures", Scope::from_pairs(named));
            }
        }
        Scope::from_pairs(scope)
    }
}

fn allows<T>(condition: Option<&AnyOf<T>>, fits: impl FnMut(&T) -> bool) -> bool {
    condition.is_none_or(|any| any.any(fits))
}

#[cfg(test)]
mod tests;
