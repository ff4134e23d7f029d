//! Who reads whom, and how often: what the permissions and schedules of some agents come to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::name::AgentName;
use crate::domain::resume::Resume;
use crate::domain::schedule::{Schedule, When};

/// An agent that reads another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Who reads.
    pub reader: AgentName,
    /// Whose outbox.
    pub author: AgentName,
    /// After at most so many ticks it reads what was said.
    pub within_ticks: u64,
    /// Whether the author may address the reader; otherwise it hears what is said to all.
    pub addressed: bool,
}

/// Something that most likely was not meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// A stable word for its sort.
    pub kind: &'static str,
    /// Whom it concerns.
    pub agent: AgentName,
    /// What it is.
    pub message: String,
}

/// When an agent runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rhythm {
    /// Who.
    pub agent: AgentName,
    /// When.
    pub schedule: Schedule,
    /// How many others read it.
    pub read_by: usize,
    /// How many others it reads.
    pub reads: usize,
}

/// What permissions and schedules come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Analysis {
    /// Each agent, by name.
    pub agents: Vec<Rhythm>,
    /// Who reads whom, by reader.
    pub readings: Vec<Reading>,
    /// What most likely was not meant.
    pub remarks: Vec<Remark>,
}

/// Analyses some agents. People read everything and may write to everybody: they are not named.
#[must_use]
pub fn analyse(agents: &BTreeMap<AgentName, Resume>) -> Analysis {
    let mut found = Analysis::default();
    let may_address = |author: &Resume, reader: &AgentName| {
        author.permissions.send_outboxes.as_ref().is_none_or(|list| list.allows(reader))
    };
    for (reader, resume) in agents {
        for (author, theirs) in agents.iter().filter(|(author, _)| *author != reader) {
            if resume.permissions.read_outboxes.allows(author) {
                found.readings.push(Reading {
                    reader: reader.clone(),
                    author: author.clone(),
                    within_ticks: resume.schedule.run_every_n_ticks.get(),
                    addressed: may_address(theirs, reader),
                });
            }
        }
    }
    for (agent, resume) in agents {
        let reads = found.readings.iter().filter(|reading| reading.reader == *agent).count();
        let read_by = found.readings.iter().filter(|reading| reading.author == *agent).count();
        found.agents.push(Rhythm { agent: agent.clone(), schedule: resume.schedule.clone(), read_by, reads });
        found.remarks.extend(remarks(agent, resume, agents, reads, read_by));
    }
    found
}

fn remarks(
    agent: &AgentName,
    resume: &Resume,
    agents: &BTreeMap<AgentName, Resume>,
    reads: usize,
    read_by: usize,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut remark = |kind, message: String| remarks.push(Remark { kind, agent: agent.clone(), message });
    let permissions = &resume.permissions;
    let sends = permissions.send_outboxes.iter().flat_map(|list| list.names());
    for name in permissions.read_outboxes.names().iter().filter(|name| !agents.contains_key(*name)) {
        remark("unknown_author", format!("reads {name}, who is not here"));
    }
    for name in sends.filter(|name| !name.is_human()) {
        match agents.get(name) {
            None => remark("unknown_recipient", format!("may address {name}, who is not here")),
            Some(other) if !other.permissions.read_outboxes.allows(agent) => {
                remark("unheard", format!("may address {name}, who does not read it"));
            }
            Some(_) => {}
        }
    }
    if read_by == 0 && agents.len() > 1 {
        remark("unread", "is read by people alone".to_owned());
    }
    if reads == 0 && resume.schedule.when == When::OnMessage {
        remark("people_only", "is due by mail and reads nobody: only people can set it to work".to_owned());
    }
    if !resume.enabled {
        remark("disabled", "is disabled".to_owned());
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents(resumes: &[(&str, &str)]) -> BTreeMap<AgentName, Resume> {
        let one = |(name, rest): &(&str, &str)| {
            let text = format!(
                r#"{{"name": "{name}", "title": "T", "short_description": "s", "instructions": "", "model": {{"key": "m"}}, {rest}}}"#
            );
            let name = AgentName::new(name).expect("name");
            let resume = Resume::parse(text.as_bytes(), &name).expect("resume");
            (name, resume)
        };
        resumes.iter().map(one).collect()
    }

    #[test]
    fn it_says_who_reads_whom_how_soon_and_what_was_hardly_meant() {
        let agents = agents(&[
            ("ada", r#""permissions": {"read_outboxes": ["bob", "eve"], "send_outboxes": ["bob", "cyd", "dan"]}"#),
            ("bob", r#""permissions": {"read_outboxes": ["*"]}, "schedule": {"run_every_n_ticks": 3}"#),
            ("cyd", r#""schedule": {"run_every_n_ticks": 1, "when": "on_message"}, "enabled": false"#),
        ]);
        let found = analyse(&agents);
        let readings: Vec<String> = found
            .readings
            .iter()
            .map(|r| format!("{} {} {} {}", r.reader, r.author, r.within_ticks, r.addressed))
            .collect();
        assert_eq!(readings, ["ada bob 1 true", "bob ada 3 true", "bob cyd 3 true"]);
        let remarks: Vec<String> = found.remarks.iter().map(|r| format!("{} {}", r.agent, r.kind)).collect();
        assert_eq!(
            remarks,
            ["ada unknown_author", "ada unheard", "ada unknown_recipient", "cyd people_only", "cyd disabled"]
        );
    }
}
