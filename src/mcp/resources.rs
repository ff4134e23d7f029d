//! What an assistant can open by its address: agents and conversations.

use rmcp::model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::Value;

use super::answer;
use super::lookup;
use super::page;
use super::refusal::Refusal;
use super::tools::{agent_document, thread_document};
use crate::chronicle::moment::Moment;
use crate::chronicle::roster::members;
use crate::chronicle::threads::recent;
use crate::clean::one_line;
use crate::domain::name::AgentName;
use crate::runner::compose::Org;

const AGENTS: &str = "lemming://agents/";
const THREADS: &str = "lemming://threads/";
const JSON: &str = "application/json";

/// How many agents stand on a page of the list; the newest conversations come after the last of them.
const AGENTS_A_PAGE: usize = 100;

/// How many conversations are listed: older ones have an address all the same.
const LISTED_THREADS: usize = 20;

/// How many turns of an agent are in its document.
const TURNS: usize = 3;

/// The addresses that there may be.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    let template = |uri: &str, name: &str, title: &str, about: &str| {
        ResourceTemplate::new(uri, name).with_title(title).with_description(about).with_mime_type(JSON)
    };
    vec![
        template(
            "lemming://agents/{name}",
            "agent",
            "An agent",
            "An agent by its name: its resume, how it stands, and its last turns.",
        ),
        template(
            "lemming://threads/{id}",
            "thread",
            "A conversation",
            "A conversation by its id, or by that of any message of it.",
        ),
    ]
}

/// A page of the list: the agents by name, and the conversations with the newest messages.
pub(super) async fn list(org: &Org, cursor: Option<&str>) -> Result<ListResourcesResult, Refusal> {
    let after = page::cursor(cursor, |text| AgentName::new(text).ok())?;
    let moment = Moment::now(&org.store).await?;
    let mut names = moment.agents().await?;
    names.sort_unstable();
    names.retain(|name| after.as_ref().is_none_or(|after| name > after));
    let is_last = names.len() <= AGENTS_A_PAGE;
    names.truncate(AGENTS_A_PAGE);
    let next = names.last().filter(|_| !is_last).map(ToString::to_string);
    let mut found = Vec::new();
    for member in members(&moment, names).await? {
        let title = member.resume.map(|resume| one_line(&resume.title, 100));
        let resource = Resource::new(format!("{AGENTS}{}", member.name), member.name.as_str()).with_mime_type(JSON);
        found.push(resource.with_title(title.unwrap_or_else(|| member.name.to_string())));
    }
    if is_last {
        let threads = recent(&moment, None).await?.threads;
        for thread in threads.iter().take(LISTED_THREADS) {
            let who: Vec<&str> = thread.who.iter().take(10).map(AgentName::as_str).collect();
            let resource = Resource::new(format!("{THREADS}{}", thread.id), thread.id.to_string()).with_mime_type(JSON);
            let title = format!("conversation of {}", who.join(", "));
            found.push(resource.with_title(title).with_description(one_line(&thread.last, 120)));
        }
    }
    let mut listed = ListResourcesResult::with_all_items(found);
    listed.next_cursor = next;
    Ok(listed)
}

/// What stands at an address.
pub(super) async fn read(org: &Org, uri: &str) -> Result<ReadResourceResult, Refusal> {
    let moment = Moment::now(&org.store).await?;
    let document = if let Some(name) = uri.strip_prefix(AGENTS) {
        let agent = lookup::of_any_time(&moment, name, "/uri").await?;
        agent_document(&moment, &agent, TURNS, false).await?
    } else if let Some(id) = uri.strip_prefix(THREADS) {
        thread_document(&moment, id, None, None).await.map_err(|refusal| refusal.at("/uri"))?
    } else {
        let short = one_line(uri, 80);
        let refused = Refusal::not_found(format!("there is nothing at {short:?}")).at("/uri");
        return Err(refused.hint("addresses are lemming://agents/NAME and lemming://threads/ID"));
    };
    let Value::Object(document) = document else { return Err(Refusal::failed()) };
    let text = answer::text(&Value::Object(answer::fit(document)));
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]))
}
