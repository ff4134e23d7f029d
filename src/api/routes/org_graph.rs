//! `GET /api/org-graph`: whose mail can reach whom, what `lemming graph` shows.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::at::At;
use crate::api::body::Both;
use crate::api::caching::{Told, marked};
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::chronicle::graph::{Notes, OrgGraph, graph};
use crate::domain::name::AgentName;

/// How the graph is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// As a document.
    #[default]
    Json,
    /// For Graphviz.
    Dot,
    /// For Mermaid.
    Mermaid,
}

/// How the graph is asked for.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct InFormat {
    /// How it is written; `json` without it.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// An agent in the graph.
#[derive(Debug, Serialize, ToSchema)]
struct Node {
    /// Its name.
    name: AgentName,
    /// Its job title.
    title: Option<String>,
    /// Whether it ever runs.
    enabled: bool,
    /// Whether mail alone makes it run.
    woken_by_mail: bool,
}

/// A way that mail can take.
#[derive(Debug, Serialize, ToSchema)]
struct Edge {
    /// Whose mail.
    from: AgentName,
    /// Whom it reaches.
    to: AgentName,
    /// Whether it goes the other way, too: then this is the only edge of the two.
    both: bool,
}

/// The graph of an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Drawn {
    /// The agents whose resumes can be read, by name.
    nodes: Vec<Node>,
    /// The ways between them.
    edges: Vec<Edge>,
    /// What a person should look at.
    notes: Notes,
    /// The agents whose resumes cannot be read, and why.
    broken: BTreeMap<AgentName, String>,
    /// Past that many hops mail wakes nobody.
    max_hops: u32,
}

/// Whose mail can reach whom, wildcards resolved.
#[utoipa::path(
    get,
    path = "/api/org-graph",
    tag = "look",
    params(InFormat, At),
    responses(
        (status = 200, content((Drawn = "application/json"), (String = "text/plain"))),
    ),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Both(asked, at): Both<InFormat, At>,
) -> Result<Response, ApiError> {
    let found = graph(&at.moment(&state).await?).await?;
    let text = match asked.format {
        Format::Json => return Ok(Told::of(drawn(found), at.is_past()).into_response()),
        Format::Dot => found.dot(None),
        Format::Mermaid => found.mermaid(None),
    };
    let response = ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response();
    Ok(marked(response, at.is_past()))
}

fn drawn(found: OrgGraph) -> Drawn {
    let ways: BTreeSet<(&AgentName, &AgentName)> = found.graph.ways().collect();
    let edges = ways.iter().filter_map(|(from, to)| {
        let both = ways.contains(&(to, from));
        // Of two that are one, that stands whose name comes first.
        (!both || from < to).then(|| Edge { from: (*from).clone(), to: (*to).clone(), both })
    });
    let nodes = found.graph.members().iter().map(|member| Node {
        name: member.name.clone(),
        title: found.titles.get(&member.name).cloned(),
        enabled: member.enabled,
        woken_by_mail: member.woken_by_mail,
    });
    let (edges, nodes, notes) = (edges.collect(), nodes.collect(), found.notes());
    Drawn { nodes, edges, notes, max_hops: found.max_hops, broken: found.broken }
}
