//! Problems as lines for people: one look for `tick`, `run` and `watch`, and one with what to do for `problems` and `status`.

use std::io;

use crate::chronicle::problems::Trouble;
use crate::cli::output::{DIM, NAME, Output, WARN, clean, styled};
use crate::domain::name::AgentName;
use crate::record::state::Problem;

/// A line for each problem: where, or whose, and what. What several agents have in common is said once.
pub(super) fn lines(problems: &[Problem]) -> Vec<String> {
    let mut told: Vec<(&Problem, Vec<&AgentName>)> = Vec::new();
    for problem in problems {
        let same = told.iter_mut().find(|(said, _)| said.path == problem.path && said.message == problem.message);
        match same {
            Some((_, agents)) => agents.extend(problem.agent.as_ref().filter(|agent| !agents.contains(agent))),
            None => told.push((problem, problem.agent.iter().collect())),
        }
    }
    told.iter().map(|(problem, agents)| line(problem, agents)).collect()
}

fn line(problem: &Problem, agents: &[&AgentName]) -> String {
    let agents = agents.iter().map(|agent| agent.as_str()).collect::<Vec<_>>().join(", ");
    // The path of an agent's file names the agent.
    let place = problem.path.as_deref().unwrap_or(&agents);
    let colon = if place.is_empty() { "" } else { ": " };
    let text = format!("{place}{colon}{}", problem.message);
    format!("{} {}", styled(WARN, "problem:"), clean(&text).replace('\n', " "))
}

/// Two lines for each trouble: whose, of what sort, since when and what; and the command that mends or shows it.
pub(super) fn troubles(troubles: &[Trouble], out: &mut Output) -> io::Result<()> {
    for trouble in troubles {
        let agent = trouble.agent.as_ref().map(|agent| format!("{} ", styled(NAME, agent))).unwrap_or_default();
        let path = trouble.path.as_deref().map(|path| format!("{}: ", clean(path))).unwrap_or_default();
        let since = trouble.since.map(|tick| styled(DIM, format!(" since tick {tick}"))).unwrap_or_default();
        let kind = styled(WARN, trouble.kind.replace('_', " "));
        out.line(format!("{agent}{kind}{since}: {path}{}", clean(&trouble.message).replace('\n', " ")))?;
        if let Some(advice) = &trouble.advice {
            out.line(format!("  {}", styled(DIM, format!("`{advice}`"))))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_file_or_its_agents_and_is_said_once() {
        let agent = |name: &str| AgentName::new(name).expect("a name");
        let problem = |message: &str| Problem::new("turn_failed", message);
        let problems = [
            problem("no braces").of(&agent("ada")).at("agents/ada/resume.json"),
            problem("no key").of(&agent("bob")),
            problem("the clock\nis ahead"),
            problem("no key").of(&agent("cleo")),
            problem("no key").of(&agent("cleo")),
            problem("no braces").of(&agent("dan")).at("agents/dan/resume.json"),
        ];
        let plain: Vec<String> =
            lines(&problems).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        let expected = [
            "problem: agents/ada/resume.json: no braces",
            "problem: bob, cleo: no key",
            "problem: the clock is ahead",
            "problem: agents/dan/resume.json: no braces",
        ];
        assert_eq!(plain, expected);
    }
}
