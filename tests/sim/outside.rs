//! The world outside of the organisation: two tools that change it, each of which must be called at most once with one
//! call's id, one of them only after a person's yes to exactly these arguments; and people who are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use lemming::domain::ids::Sha;
use lemming::domain::ingress::{Action, Control};
use lemming::domain::toolbox::Effect;
use lemming::record::approval::{Outcome, Question, Verdict};
use lemming::record::plan::{Item, Plan};
use lemming::record::turn::TurnRecord;
use lemming::record::{decode, hash};
use lemming::tool::{CallFailure, Desk, Tool, ToolError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::network::Network;
use crate::people::People;
use crate::process::Process;

/// Whom a call reaches; nobody, where a past turn is run again.
#[derive(Debug, Clone)]
pub struct Line {
    pub network: Arc<Network>,
    pub process: Arc<Process>,
}

/// A tool that changes the world outside.
#[derive(Debug)]
struct Outside {
    name: &'static str,
    line: Option<Line>,
}

/// `ring` is called at once, `order` after a person's yes.
pub const TOOLS: [&str; 2] = ["ring", "order"];

/// The rules by which calls wait.
pub fn toolbox() -> Value {
    json!({"approvals": {"expire_after": "90s", "rules": [{"tools": ["ring"], "approval": "never"}]}})
}

/// The tools, as one process has them.
pub fn tools(line: Option<&Line>) -> Vec<Arc<dyn Tool>> {
    TOOLS.map(|name| Arc::new(Outside { name, line: line.cloned() }) as Arc<dyn Tool>).into()
}

#[async_trait]
impl Tool for Outside {
    fn name(&self) -> &str {
        self.name
    }
    fn description(&self) -> &str {
        "Changes the world."
    }
    fn arguments(&self) -> Value {
        json!({"type": "object"})
    }
    fn effect(&self) -> Effect {
        Effect::Once
    }
    async fn call(&self, arguments: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Some(Line { network, process }) = &self.line else {
            return Err(ToolError("a past turn reaches nobody".to_owned()).into());
        };
        process.pass().await;
        let id = desk.call_id();
        network.bucket.note(&format!("{:?} calls {} as {id}", process.hand, self.name));
        {
            let inner = &mut *network.bucket.inner();
            let approved = self.name == "order";
            inner.witness.reached(&inner.objects, id, approved, &arguments);
        }
        tokio::time::sleep(network.dice.time(1, 3_000)).await;
        process.think().await;
        match network.dice.chance(2_000) {
            true => Err(ToolError(format!("{id} failed")).into()),
            false => Ok(json!({"done": id})),
        }
    }
}

/// All turns that are committed, and all plans.
fn records(network: &Network) -> (Vec<TurnRecord>, Vec<Plan>) {
    let below = network.bucket.below("ticks/");
    let of = |part: &'static str| below.iter().filter(move |(path, _)| path.contains(part));
    let turns = of("/turns/").filter_map(|(_, object)| decode(&object.bytes).ok()).collect();
    let plans = of("/plan.json").filter_map(|(_, object)| decode(&object.bytes).ok()).collect();
    (turns, plans)
}

impl People {
    /// Somebody answers a question, of those that were ever asked: rightly, wrongly, or again.
    pub async fn answer(&self) {
        let dice = &self.network().dice;
        let (turns, _) = records(self.network());
        let questions: Vec<Question> = turns.into_iter().flat_map(|turn| turn.waiting).collect();
        if questions.is_empty() {
            return;
        }
        // The newest are those that wait.
        let newest = questions.len().saturating_sub(3);
        let Question { id, arguments_sha256, .. } = match dice.chance(8_000) {
            true => dice.pick(&questions[newest..]).clone(),
            false => dice.pick(&questions).clone(),
        };
        let approve = json!({"action": "approve", "approval": id, "arguments_sha256": arguments_sha256});
        let answer = match dice.below(10) {
            0 | 1 => json!({"action": "deny", "approval": id, "reason": "no"}),
            2 => json!({"action": "approve", "approval": id, "arguments_sha256": hash(&json!({"what": "else"}))}),
            3 => {
                let instead = json!({"instead": dice.below(1_000_000)});
                json!({"action": "approve", "approval": id, "arguments_sha256": arguments_sha256, "arguments": instead})
            }
            _ => approve,
        };
        if dice.chance(2_000) {
            self.command(answer.clone()).await;
        }
        self.command(answer).await;
    }
}

/// Looks at what came of all calls, when all is over. Panics at what must not be.
pub fn audit(network: &Network) {
    let (turns, plans) = records(network);
    let reached = network.bucket.inner().witness.reached.clone();
    let mut decided: BTreeMap<Uuid, Verdict> = BTreeMap::new();
    for decision in plans.iter().flat_map(|plan| &plan.decisions) {
        let first = decided.insert(decision.approval, decision.verdict).is_none();
        assert!(first, "{} is decided twice", decision.approval);
    }
    let hashes: BTreeMap<Uuid, &Sha> =
        turns.iter().flat_map(|turn| &turn.waiting).map(|question| (question.id, &question.arguments_sha256)).collect();
    for plan in &plans {
        for decision in plan.decisions.iter().filter(|decision| decision.verdict == Verdict::Approved) {
            let command = plan.ingress.iter().find(|admitted| Some(&admitted.name) == decision.command.as_ref());
            let said = command.and_then(|admitted| match &admitted.item {
                Item::Control(Control { action: Action::Approve { arguments_sha256, .. }, .. }) => {
                    Some(arguments_sha256)
                }
                _ => None,
            });
            assert_eq!(said, hashes.get(&decision.approval).copied(), "{} is approved as shown", decision.approval);
        }
    }
    let (mut asked, mut heard) = (BTreeSet::new(), BTreeSet::new());
    for turn in &turns {
        let at = format!("the turn of {} in tick {}", turn.agent, turn.tick);
        for question in &turn.waiting {
            assert!(asked.insert(question.id), "{at} asks {} again", question.id);
            assert_eq!(hash(&question.arguments), question.arguments_sha256, "{at}");
        }
        for result in turn.exchanges.iter().flat_map(|exchange| &exchange.results) {
            let Some(id) = result.call else { continue };
            let times = reached.get(&id).copied().unwrap_or_default();
            if result.waits {
                assert!(turn.waiting.iter().any(|question| question.id == id) || !turn.status.is_good(), "{at}: {id}");
            } else if !result.unknown {
                assert_eq!(times, 1, "{at} has what {id} returned");
            }
        }
        for settled in &turn.answered {
            let times = reached.get(&settled.id).copied().unwrap_or_default();
            let good = turn.status.is_good();
            assert!(!good || heard.insert(settled.id), "{at} hears of {} again", settled.id);
            assert_eq!(decided.get(&settled.id), Some(&settled.verdict), "{at}: {}", settled.id);
            match settled.outcome {
                Outcome::Made => assert_eq!(times, 1, "{at} has what {} returned", settled.id),
                Outcome::NotMade => assert_eq!(times, 0, "{at} says that {} was not made", settled.id),
                Outcome::Unknown => {}
            }
        }
    }
}
