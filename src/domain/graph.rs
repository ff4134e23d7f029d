//! The graph of an organisation: whose mail can reach whom, by what the resumes permit. Nothing else makes it.
//!
//! Mail goes from one agent to another where the reader's `read_outboxes` has the author and the author's
//! `send_outboxes` has the reader, and both are enabled. People stand outside: they write to everybody, and everybody
//! may write to them. All here takes time and room by what the resumes say, not by the square of the agents: everybody
//! who may write to anyone, and everybody who reads everyone, meet at one node in the middle.

mod loops;

use std::collections::{BTreeMap, BTreeSet};

use super::name::AgentName;
use super::resume::{ReadList, Resume};
use super::schedule::When;

/// What the graph needs of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: AgentName,
    /// Whose outboxes it reads.
    pub reads: ReadList,
    /// Whom it may address; absent: anyone.
    pub sends: Option<ReadList>,
    /// Whether it ever runs.
    pub enabled: bool,
    /// Whether mail alone makes it run.
    pub woken_by_mail: bool,
}

impl From<&Resume> for Member {
    fn from(resume: &Resume) -> Self {
        Self {
            name: resume.name.clone(),
            reads: resume.permissions.read_outboxes.clone(),
            sends: resume.permissions.send_outboxes.clone(),
            enabled: resume.enabled,
            woken_by_mail: resume.schedule.when == When::OnMessage,
        }
    }
}

impl Member {
    fn may_address(&self, name: &AgentName) -> bool {
        self.sends.as_ref().is_none_or(|sends| sends.allows(name))
    }
}

/// A permission that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap<'a> {
    /// The first reads the second's outbox, and there is no second.
    ReadsNobody(&'a AgentName, &'a AgentName),
    /// The first may write to the second, and there is no second.
    SendsToNobody(&'a AgentName, &'a AgentName),
    /// The first is told to write to the second, which does not read the first.
    NotRead(&'a AgentName, &'a AgentName),
    /// The first is told to read the second, which may not write to the first.
    NotAddressed(&'a AgentName, &'a AgentName),
}

/// The graph. Agents are numbered in the order of their names.
#[derive(Debug, Clone)]
pub struct Graph {
    members: Vec<Member>,
    numbers: BTreeMap<AgentName, usize>,
    /// Where mail goes from each, and, last, from the node in the middle.
    next: Vec<Vec<usize>>,
}

impl Graph {
    /// The graph of these agents. Where two have one name, the last counts.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Member>) -> Self {
        let by_name: BTreeMap<AgentName, Member> =
            members.into_iter().map(|member| (member.name.clone(), member)).collect();
        let members: Vec<Member> = by_name.into_values().collect();
        let numbers: BTreeMap<_, _> = (0..).zip(&members).map(|(i, member)| (member.name.clone(), i)).collect();
        let middle = members.len();
        let mut next = vec![BTreeSet::new(); middle + 1];
        for (i, member) in members.iter().enumerate().filter(|(_, member)| member.enabled) {
            if member.reads.is_everybody() {
                next[middle].insert(i);
            }
            for author in member.reads.names().iter().filter_map(|name| numbers.get(name)) {
                let sends = members[*author].enabled && members[*author].may_address(&member.name);
                if *author != i && sends {
                    next[*author].insert(i);
                }
            }
            match &member.sends {
                Some(sends) if !sends.is_everybody() => {
                    for reader in sends.names().iter().filter_map(|name| numbers.get(name)) {
                        let reads = members[*reader].enabled && members[*reader].reads.allows(&member.name);
                        if *reader != i && reads {
                            next[i].insert(*reader);
                        }
                    }
                }
                _ => _ = next[i].insert(middle),
            }
        }
        Self { members, numbers, next: next.into_iter().map(|next| next.into_iter().collect()).collect() }
    }

    /// The agents, in the order of their names.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The agent of this name.
    #[must_use]
    pub fn member(&self, name: &AgentName) -> Option<&Member> {
        self.numbers.get(name).map(|i| &self.members[*i])
    }

    fn middle(&self) -> usize {
        self.members.len()
    }

    /// Whom an agent's mail reaches at once, by name.
    #[must_use]
    pub fn hearers(&self, name: &AgentName) -> Vec<&AgentName> {
        let Some(from) = self.numbers.get(name) else { return Vec::new() };
        let mut found = BTreeSet::new();
        for to in &self.next[*from] {
            if *to == self.middle() { found.extend(&self.next[*to]) } else { _ = found.insert(to) }
        }
        found.into_iter().filter(|to| *to != from).map(|to| &self.members[*to].name).collect()
    }

    /// Whose mail reaches an agent at once, by name.
    #[must_use]
    pub fn heard(&self, name: &AgentName) -> Vec<&AgentName> {
        let Some(reader) = self.member(name).filter(|reader| reader.enabled) else { return Vec::new() };
        let heard = |author: &&Member| author.enabled && author.may_address(name) && author.name != *name;
        let known = |names: &[AgentName]| names.iter().filter_map(|name| self.member(name)).collect::<Vec<_>>();
        let authors: Vec<&Member> =
            if reader.reads.is_everybody() { self.members.iter().collect() } else { known(reader.reads.names()) };
        let found: BTreeSet<&AgentName> = authors.into_iter().filter(heard).map(|author| &author.name).collect();
        found.into_iter().collect()
    }

    /// Every way that mail goes, from whom to whom, by name.
    pub fn ways(&self) -> impl Iterator<Item = (&AgentName, &AgentName)> {
        self.members.iter().flat_map(|from| self.hearers(&from.name).into_iter().map(|to| (&from.name, to)))
    }

    /// How many whom each agent's mail reaches at once, and how many whose mail reaches it, without listing them.
    #[must_use]
    pub fn degrees(&self) -> Vec<Degree> {
        let middle = self.middle();
        let mut degrees = vec![Degree::default(); middle];
        let open: Vec<bool> = (0..middle).map(|i| self.next[i].last() == Some(&middle)).collect();
        let readers: BTreeSet<usize> = self.next[middle].iter().copied().collect();
        let authors = open.iter().filter(|open| **open).count();
        for from in 0..middle {
            if open[from] {
                degrees[from].hearers += readers.len() - usize::from(readers.contains(&from));
            }
            for to in self.next[from].iter().filter(|to| **to != middle) {
                // Who reads everyone was counted as such, if the author writes to anyone.
                if !(open[from] && readers.contains(to)) {
                    degrees[from].hearers += 1;
                    degrees[*to].heard += 1;
                }
            }
        }
        for reader in readers {
            degrees[reader].heard += authors - usize::from(open[reader]);
        }
        degrees
    }

    /// Whom mail of an agent reaches, itself or by being passed on, in so many steps each; the agent itself excepted.
    #[must_use]
    pub fn reach(&self, name: &AgentName) -> BTreeMap<&AgentName, usize> {
        let Some(from) = self.numbers.get(name) else { return BTreeMap::new() };
        let mut steps: Vec<Option<usize>> = vec![None; self.next.len()];
        steps[*from] = Some(0);
        // The node in the middle is no step: whatever is reached through it comes at its own distance.
        let mut now = vec![*from];
        let mut distance = 0;
        while !now.is_empty() {
            distance += 1;
            let mut later = Vec::new();
            let mut visit = |steps: &mut Vec<Option<usize>>, to: usize| {
                if steps[to].is_none() {
                    steps[to] = Some(distance);
                    later.push(to);
                }
            };
            for node in now {
                for to in &self.next[node] {
                    if *to == self.middle() {
                        if steps[*to].replace(distance).is_none() {
                            self.next[*to].iter().for_each(|to| visit(&mut steps, *to));
                        }
                    } else {
                        visit(&mut steps, *to);
                    }
                }
            }
            now = later;
        }
        let reached = self.members.iter().zip(steps).enumerate().filter(|(i, _)| i != from);
        reached.filter_map(|(_, (member, steps))| Some((&member.name, steps?))).collect()
    }

    /// Whose mail reaches an agent, itself or by being passed on; the agent itself excepted.
    #[must_use]
    pub fn reached_by(&self, name: &AgentName) -> BTreeMap<&AgentName, usize> {
        let Some(to) = self.numbers.get(name) else { return BTreeMap::new() };
        let back = self.backwards();
        let reached = back.reach(name);
        let named = |(name, steps): (&AgentName, usize)| Some((self.members.get(*self.numbers.get(name)?)?, steps));
        let found = reached.into_iter().filter_map(named).map(|(member, steps)| (&member.name, steps));
        found.filter(|(name, _)| self.numbers.get(*name) != Some(to)).collect()
    }

    /// The same with every way the other way round.
    fn backwards(&self) -> Self {
        let mut next = vec![Vec::new(); self.next.len()];
        for (from, tos) in self.next.iter().enumerate() {
            for to in tos {
                next[*to].push(from);
            }
        }
        Self { members: self.members.clone(), numbers: self.numbers.clone(), next }
    }

    /// Permissions that lead nowhere: of names that there are not, and those that only one side gives.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap<'_>> {
        let mut gaps = Vec::new();
        for member in &self.members {
            for author in member.reads.names().iter().filter(|author| **author != member.name) {
                match self.member(author) {
                    None if author.is_human() => {}
                    None => gaps.push(Gap::ReadsNobody(&member.name, author)),
                    Some(author) if !author.may_address(&member.name) => {
                        gaps.push(Gap::NotAddressed(&member.name, &author.name));
                    }
                    Some(_) => {}
                }
            }
            for reader in member.sends.iter().flat_map(ReadList::names).filter(|reader| **reader != member.name) {
                match self.member(reader) {
                    None if reader.is_human() => {}
                    None => gaps.push(Gap::SendsToNobody(&member.name, reader)),
                    Some(reader) if !reader.reads.allows(&member.name) => {
                        gaps.push(Gap::NotRead(&member.name, &reader.name));
                    }
                    Some(_) => {}
                }
            }
        }
        gaps.sort_unstable();
        gaps
    }
}

/// How many agents an agent's mail reaches at once, and how many reach it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Degree {
    /// Whom its mail reaches.
    pub hearers: usize,
    /// Whose mail reaches it.
    pub heard: usize,
}

#[cfg(test)]
mod tests;
