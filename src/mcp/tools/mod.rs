//! What an assistant can call: the trait, and the table of all tools. One file for each, or for a few of a kind.

mod agents;
mod approvals;
mod control;
mod credits;
mod files;
mod memory;
mod messages;
mod send;
mod status;
mod threads;
mod ticks;

use std::sync::{Arc, LazyLock};

use futures::future::BoxFuture;
use rmcp::model::{self, JsonObject, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use self::agents::document as agent_document;
pub(super) use self::threads::document as thread_document;
use super::arguments::{self, Field};
use super::refusal::Refusal;
use super::rights::Rights;
use crate::domain::api_key::Scope;
use crate::runner::compose::Org;

/// A call that is being answered: where, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) org: &'a Org,
    pub(super) rights: &'a Rights,
}

/// One tool. Its fields are what its answer holds.
trait Tool {
    type Arguments: DeserializeOwned + JsonSchema + Send;
    const NAME: &'static str;
    const TITLE: &'static str;
    const ABOUT: &'static str;
    const SCOPE: Scope = Scope::Read;
    const FIELDS: &'static [Field];

    fn call(call: Call<'_>, arguments: Self::Arguments) -> impl Future<Output = Result<Value, Refusal>> + Send;
}

type Answer<'a> = BoxFuture<'a, Result<Value, Refusal>>;

/// A tool of the table.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// What clients are told of it.
    pub(super) told: model::Tool,
    /// Which scope it needs.
    pub(super) scope: Scope,
    call: for<'a> fn(Call<'a>, JsonObject) -> Answer<'a>,
}

impl Entry {
    fn of<T: Tool>() -> Self {
        let is_reading = T::SCOPE == Scope::Read;
        // Everything that is changed is put into the ingress, where it waits for a tick: nothing is destroyed.
        let hints = ToolAnnotations::with_title(T::TITLE)
            .read_only(is_reading)
            .destructive(T::SCOPE == Scope::Control)
            .idempotent(is_reading)
            .open_world(false);
        let mut told = model::Tool::new(T::NAME, T::ABOUT, Arc::new(arguments::input::<T::Arguments>()));
        told.title = Some(T::TITLE.to_owned());
        told.output_schema = Some(Arc::new(arguments::output(T::FIELDS)));
        told.annotations = Some(hints);
        Self { told, scope: T::SCOPE, call: run::<T> }
    }

    /// Answers a call.
    pub(super) async fn call(&self, call: Call<'_>, arguments: JsonObject) -> Result<Value, Refusal> {
        call.rights.need(self.scope, &self.told.name)?;
        (self.call)(call, arguments).await
    }
}

fn run<T: Tool>(call: Call<'_>, arguments: JsonObject) -> Answer<'_> {
    Box::pin(async move { T::call(call, arguments::parse(arguments)?).await })
}

/// Every tool, in the order in which a person would need them.
pub(super) fn all() -> &'static [Entry] {
    static ALL: LazyLock<Vec<Entry>> = LazyLock::new(table);
    &ALL
}

fn table() -> Vec<Entry> {
    vec![
        Entry::of::<status::Status>(),
        Entry::of::<status::Problems>(),
        Entry::of::<agents::ListAgents>(),
        Entry::of::<agents::ShowAgent>(),
        Entry::of::<messages::Inbox>(),
        Entry::of::<messages::SearchMessages>(),
        Entry::of::<threads::ListThreads>(),
        Entry::of::<threads::ReadThread>(),
        Entry::of::<ticks::Why>(),
        Entry::of::<ticks::ListTicks>(),
        Entry::of::<ticks::ShowTick>(),
        Entry::of::<memory::ReadMemory>(),
        Entry::of::<memory::SearchMemory>(),
        Entry::of::<files::ListFiles>(),
        Entry::of::<files::ReadFile>(),
        Entry::of::<credits::Credits>(),
        Entry::of::<credits::Ledger>(),
        Entry::of::<approvals::ListApprovals>(),
        Entry::of::<send::SendMessage>(),
        Entry::of::<control::TopUp>(),
        Entry::of::<control::Pause>(),
        Entry::of::<control::Resume>(),
        Entry::of::<approvals::Approve>(),
        Entry::of::<approvals::Deny>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_says_what_it_takes_and_gives_and_whether_it_changes_anything() {
        let mut names = Vec::new();
        for Entry { told, scope, .. } in all() {
            let name = told.name.to_string();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(told.description.as_ref().is_some_and(|about| about.len() > 20 && about.ends_with('.')), "{name}");
            let input = &told.input_schema;
            assert_eq!(input["type"], "object", "{name}");
            assert_eq!(input["additionalProperties"], false, "{name}");
            for (field, schema) in input["properties"].as_object().expect("properties") {
                assert!(schema["description"].is_string(), "{name}: {field} says nothing");
            }
            assert!(told.output_schema.is_some(), "{name}");
            let hints = told.annotations.as_ref().expect("hints");
            assert_eq!(hints.read_only_hint, Some(*scope == Scope::Read), "{name}");
            names.push(name);
        }
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "two tools have one name");
    }
}
