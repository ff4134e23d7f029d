//! The graph of an organisation at a moment, and what a person should look at in it.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::PARALLEL;
use super::moment::Moment;
use crate::domain::graph::{Gap, Graph, Member};
use crate::domain::name::AgentName;
use crate::engine::EngineError;

/// The graph, and what the resumes say besides.
#[derive(Debug, Clone)]
pub struct OrgGraph {
    /// Whose mail can reach whom.
    pub graph: Graph,
    /// Job titles.
    pub titles: BTreeMap<AgentName, String>,
    /// The agents whose resumes cannot be read, and why: they are not in the graph.
    pub broken: BTreeMap<AgentName, String>,
    /// Past that many hops mail wakes nobody.
    pub max_hops: u32,
}

/// An agent in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its name.
    pub agent: AgentName,
    /// Its job title.
    pub title: Option<String>,
    /// Whether it ever runs.
    pub enabled: bool,
    /// Whether mail alone makes it run.
    pub woken_by_mail: bool,
    /// Whose mail reaches it, wildcards resolved; those whom it reads and who may write to it.
    pub hears: Vec<AgentName>,
    /// Whom its mail reaches, wildcards resolved.
    pub heard_by: Vec<AgentName>,
    /// How many agents its mail reaches, itself or by being passed on.
    pub reaches: usize,
}

/// What a person should look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GraphNotes)]
pub struct Notes {
    /// Nobody's mail reaches them, and theirs reaches nobody.
    pub unreachable: Vec<AgentName>,
    /// They hear others, and theirs reaches nobody: what they say is for people, or for no one.
    pub mute: Vec<AgentName>,
    /// Others hear them, and no other agent's mail reaches them: only people do.
    pub only_people_reach: Vec<AgentName>,
    /// They never run.
    pub disabled: Vec<AgentName>,
    /// Agents that wake each other: only `max_hops` and their credits end it if none falls silent.
    pub loops: Vec<Vec<AgentName>>,
    /// Permissions that lead nowhere.
    pub gaps: Vec<GapNote>,
}

/// A permission that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GapNote {
    /// Whose permission it is.
    pub agent: AgentName,
    /// Whom it names.
    pub other: AgentName,
    /// `reads_nobody`, `sends_to_nobody`, `not_read` or `not_addressed`.
    pub gap: &'static str,
}

impl GapNote {
    fn of(gap: Gap<'_>) -> Self {
        let (agent, other, gap) = match gap {
            Gap::ReadsNobody(agent, other) => (agent, other, "reads_nobody"),
            Gap::SendsToNobody(agent, other) => (agent, other, "sends_to_nobody"),
            Gap::NotRead(agent, other) => (agent, other, "not_read"),
            Gap::NotAddressed(agent, other) => (agent, other, "not_addressed"),
        };
        Self { agent: agent.clone(), other: other.clone(), gap }
    }

    /// The note for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { agent, other, gap } = self;
        match *gap {
            "reads_nobody" => format!("{agent} reads {other}, and there is no {other}"),
            "sends_to_nobody" => format!("{agent} may write to {other}, and there is no {other}"),
            "not_read" => format!("{agent} may write to {other}, which does not read {agent}"),
            _ => format!("{agent} reads {other}, which may not write to {agent}"),
        }
    }
}

/// The graph at a moment, from the resumes.
///
/// # Errors
/// The store failed, or the settings cannot be read.
pub async fn graph(moment: &Moment) -> Result<OrgGraph, EngineError> {
    let max_hops = moment.settings().await?.limits.max_hops;
    let read = |agent: AgentName| async move {
        let resume = moment.resume(&agent).await?;
        Ok::<_, EngineError>((agent, resume))
    };
    let agents = stream::iter(moment.agents().await?);
    let resumes: Vec<_> = agents.map(read).buffered(PARALLEL).try_collect().await?;
    let (mut members, mut titles, mut broken) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for (agent, resume) in resumes {
        match resume {
            Ok(resume) => {
                members.push(Member::from(&resume));
                titles.insert(agent, resume.title);
            }
            Err(error) => _ = broken.insert(agent, error),
        }
    }
    Ok(OrgGraph { graph: Graph::new(members), titles, broken, max_hops })
}

impl OrgGraph {
    /// An agent in the graph; none where there is none of that name whose resume can be read.
    #[must_use]
    pub fn place(&self, agent: &AgentName) -> Option<Place> {
        let member = self.graph.member(agent)?;
        let owned = |names: Vec<&AgentName>| names.into_iter().cloned().collect();
        Some(Place {
            title: self.titles.get(agent).cloned(),
            enabled: member.enabled,
            woken_by_mail: member.woken_by_mail,
            hears: owned(self.graph.heard(agent)),
            heard_by: owned(self.graph.hearers(agent)),
            reaches: self.graph.reach(agent).len(),
            agent: agent.clone(),
        })
    }

    /// Every agent in the graph, by name. As much as the square of the agents where all read each other.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.graph.members().iter().filter_map(|member| self.place(&member.name))
    }

    /// What a person should look at.
    #[must_use]
    pub fn notes(&self) -> Notes {
        let mut notes = Notes {
            loops: self.graph.loops().into_iter().map(|set| set.into_iter().cloned().collect()).collect(),
            // A name whose resume is broken is somebody's.
            gaps: self.graph.gaps().into_iter().map(GapNote::of).filter(|gap| !self.is_broken(gap)).collect(),
            ..Notes::default()
        };
        for (member, degree) in self.graph.members().iter().zip(self.graph.degrees()) {
            let list = match (member.enabled, degree.heard, degree.hearers) {
                (false, ..) => &mut notes.disabled,
                (true, 0, 0) => &mut notes.unreachable,
                (true, _, 0) => &mut notes.mute,
                (true, 0, _) => &mut notes.only_people_reach,
                _ => continue,
            };
            list.push(member.name.clone());
        }
        notes
    }

    fn is_broken(&self, gap: &GapNote) -> bool {
        gap.gap.ends_with("_nobody") && self.broken.contains_key(&gap.other)
    }

    /// The agents and ways that concern one agent: itself, whom it hears, and who hears it; all without one.
    #[must_use]
    pub fn around(&self, agent: Option<&AgentName>) -> (BTreeSet<&AgentName>, Vec<(&AgentName, &AgentName)>) {
        let graph = &self.graph;
        match agent {
            None => (graph.members().iter().map(|member| &member.name).collect(), graph.ways().collect()),
            Some(name) => {
                let Some(member) = graph.member(name) else { return (BTreeSet::new(), Vec::new()) };
                let from = graph.heard(name).into_iter().map(|author| (author, &member.name));
                let to = graph.hearers(name).into_iter().map(|reader| (&member.name, reader));
                let ways: Vec<_> = from.chain(to).collect();
                let ends = ways.iter().flat_map(|(from, to)| [*from, *to]).chain([&member.name]);
                (ends.collect(), ways)
            }
        }
    }

    /// The graph, or what concerns one agent, for Graphviz. Whoever never runs is dashed, whom mail wakes is round.
    #[must_use]
    pub fn dot(&self, agent: Option<&AgentName>) -> String {
        let (agents, ways) = self.around(agent);
        let mut text = "digraph organisation {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for member in self.graph.members().iter().filter(|member| agents.contains(&member.name)) {
            let mut marks = Vec::new();
            marks.extend((!member.enabled).then_some("style=dashed"));
            marks.extend(member.woken_by_mail.then_some("shape=ellipse"));
            let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
            text.push_str(&format!("  \"{}\"{marks};\n", member.name));
        }
        for (from, to) in ways {
            text.push_str(&format!("  \"{from}\" -> \"{to}\";\n"));
        }
        text + "}\n"
    }

    /// The graph, or what concerns one agent, for Mermaid. Ids have a prefix: some names, such as `end`, are words of
    /// its own there.
    #[must_use]
    pub fn mermaid(&self, agent: Option<&AgentName>) -> String {
        let (agents, ways) = self.around(agent);
        let mut text = "flowchart LR\n".to_owned();
        for member in self.graph.members().iter().filter(|member| agents.contains(&member.name)) {
            let name = &member.name;
            let shape = if member.woken_by_mail { format!("([\"{name}\"])") } else { format!("[\"{name}\"]") };
            text.push_str(&format!("  a_{name}{shape}\n"));
            if !member.enabled {
                text.push_str(&format!("  style a_{name} stroke-dasharray: 4\n"));
            }
        }
        for (from, to) in ways {
            text.push_str(&format!("  a_{from} --> a_{to}\n"));
        }
        text
    }
}
