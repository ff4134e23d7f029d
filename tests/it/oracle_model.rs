//! The oracle: what an organisation does if its agents run strictly one after another. A small
//! program over sets, which shares no code with the engine.

use std::collections::{BTreeMap, BTreeSet};

/// An agent, as plain data.
#[derive(Debug, Clone)]
pub struct Agent {
    pub period: i64,
    pub offset: i64,
    pub on_message: bool,
    /// Whom it reads, from the tick given on; the last that applies counts. `None`: everybody.
    pub reads: Vec<(u64, Option<BTreeSet<usize>>)>,
    /// The tick before which it joins.
    pub joins: u64,
}

#[derive(Debug, Clone)]
pub struct Mail {
    pub tick: u64,
    pub to: Option<BTreeSet<usize>>,
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct Org {
    pub seed: u64,
    pub ordered: bool,
    pub agents: Vec<Agent>,
    pub mail: Vec<Mail>,
    pub ticks: u64,
    pub max_hops: u32,
}

/// What a model answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Says(Vec<(Option<BTreeSet<usize>>, String)>),
    Garbage,
    Outage,
}

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub tick: u64,
    pub agent: usize,
    pub good: bool,
    pub inbox: Vec<String>,
    pub says: Vec<(Option<BTreeSet<usize>>, String)>,
    pub hops: u32,
}

pub fn name(agent: usize) -> String {
    format!("a{agent}")
}

fn mix(mut x: u64) -> u64 {
    for _ in 0..3 {
        x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(0x1234_5678_9abc_def1);
    }
    x ^ (x >> 31)
}

impl Org {
    /// The answer of a model: a function of the tick, the agent and the texts that it reads.
    pub fn think<'a>(&self, tick: u64, agent: usize, inbox: impl Iterator<Item = &'a str>) -> Answer {
        let mut x = mix(self.seed ^ mix(tick) ^ mix(1000 + agent as u64));
        for byte in inbox.flat_map(str::bytes) {
            x = mix(x ^ u64::from(byte));
        }
        match x % 8 {
            // Some seeds have agents that stumble over the same mail again and again.
            0 => return Answer::Garbage,
            1 if self.seed.is_multiple_of(3) && agent == 0 => return Answer::Garbage,
            2 if self.seed.is_multiple_of(3) && agent == 0 => return Answer::Garbage,
            3 if self.seed.is_multiple_of(3) && agent == 0 => return Answer::Garbage,
            4 if agent == 1 => return Answer::Outage,
            _ => {}
        }
        let here: Vec<usize> = (0..self.agents.len()).filter(|other| self.agents[*other].joins <= tick).collect();
        let says = (0..(x >> 8) % 3).map(|i| {
            let y = mix(x ^ i);
            let others: BTreeSet<usize> =
                here.iter().copied().filter(|o| *o != agent && mix(y ^ *o as u64).is_multiple_of(3)).collect();
            let to = if y.is_multiple_of(2) || others.is_empty() { None } else { Some(others) };
            (to, format!("{tick}/{}/{i}/{:x}", name(agent), y % 65536))
        });
        Answer::Says(says.collect())
    }

    fn list(&self, agent: usize, tick: u64) -> Option<&Option<BTreeSet<usize>>> {
        self.agents[agent].reads.iter().rev().find(|(from, _)| *from <= tick).map(|(_, list)| list)
    }

    fn reads(&self, agent: usize, tick: u64, author: usize) -> bool {
        let list = self.list(agent, tick);
        list.is_some_and(|list| list.as_ref().is_none_or(|list| list.contains(&author)))
    }

    /// Runs it.
    pub fn run(&self) -> Vec<Turn> {
        struct Entry {
            author: Option<usize>,
            to: Option<BTreeSet<usize>>,
            text: String,
            hops: u32,
        }
        /// Failures in a row, and the tick of the last.
        struct Failing {
            count: u32,
            last: u64,
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut passed: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut blamed: BTreeMap<usize, (u32, BTreeSet<usize>)> = BTreeMap::new();
        let mut failing: BTreeMap<usize, Failing> = BTreeMap::new();
        let mut turns = Vec::new();
        for tick in 1..=self.ticks {
            // Who changed is given another chance.
            failing.retain(|agent, _| self.list(*agent, tick) == self.list(*agent, tick - 1));
            for agent in (0..self.agents.len()).filter(|agent| self.agents[*agent].joins == tick) {
                passed.insert(agent, (0..entries.len()).collect());
            }
            let mail = self.mail.iter().filter(|mail| mail.tick == tick);
            entries.extend(mail.map(|mail| Entry {
                author: None,
                to: mail.to.clone(),
                text: mail.text.clone(),
                hops: 0,
            }));
            let planned = entries.len();
            let unread = |agent: usize, entries: &[Entry], upto: usize, passed: &BTreeSet<usize>| -> Vec<usize> {
                (0..upto)
                    .filter(|i| !passed.contains(i))
                    .filter(|i| {
                        let entry = &entries[*i];
                        entry.author != Some(agent)
                            && entry.author.is_none_or(|author| self.reads(agent, tick, author))
                            && entry.to.as_ref().is_none_or(|to| to.contains(&agent))
                    })
                    .collect()
            };
            let mut due: Vec<usize> = (0..self.agents.len())
                .filter(|i| {
                    let agent = &self.agents[*i];
                    let n = i128::from(agent.period);
                    let fires = (i128::from(tick) + i128::from(agent.offset) % n) % n == 0;
                    let woken = || {
                        let unread = unread(*i, &entries, planned, &passed[i]);
                        unread.iter().any(|e| entries[*e].hops <= self.max_hops)
                    };
                    // After five failures in a row it is left alone: for a period, two, four, up to 32.
                    let rests = failing.get(i).filter(|failing| failing.count >= 5).is_some_and(|failing| {
                        let periods = 1_i128 << (failing.count - 5).min(5);
                        i128::from(tick - failing.last) <= n * periods
                    });
                    agent.joins <= tick && fires && !rests && (!agent.on_message || woken())
                })
                .collect();
            // By the fraction of the period that has passed at the fire point, then by name.
            due.sort_by(|a, b| {
                let point = |i: usize| {
                    let n = i128::from(self.agents[i].period);
                    ((((-i128::from(self.agents[i].offset)) % n) + n) % n, n)
                };
                let ((p, n), (q, m)) = (point(*a), point(*b));
                (p * m).cmp(&(q * n)).then_with(|| name(*a).cmp(&name(*b)))
            });
            for agent in due {
                let upto = if self.ordered { entries.len() } else { planned };
                let inbox = unread(agent, &entries, upto, &passed[&agent]);
                let texts: Vec<String> = inbox.iter().map(|i| entries[*i].text.clone()).collect();
                let hops = inbox.iter().map(|i| entries[*i].hops + 1).max().unwrap_or(0);
                let hops = if self.agents[agent].on_message { hops } else { 0 };
                let answer = self.think(tick, agent, texts.iter().map(String::as_str));
                let passed = passed.get_mut(&agent).expect("it has joined");
                let mut turn = Turn { tick, agent, good: false, inbox: texts, says: Vec::new(), hops };
                let fails = failing.entry(agent).or_insert(Failing { count: 0, last: 0 });
                (fails.count, fails.last) = (fails.count + 1, tick);
                match answer {
                    Answer::Says(says) => {
                        passed.extend(0..upto);
                        blamed.remove(&agent);
                        failing.remove(&agent);
                        for (to, text) in &says {
                            entries.push(Entry { author: Some(agent), to: to.clone(), text: text.clone(), hops });
                        }
                        turn.good = true;
                        turn.says = says;
                    }
                    Answer::Garbage if !inbox.is_empty() => {
                        let blame = blamed.entry(agent).or_insert_with(|| (0, (0..upto).collect()));
                        blame.0 += 1;
                        if blame.0 == 3 {
                            passed.extend(blamed.remove(&agent).expect("it is blamed").1);
                        }
                    }
                    Answer::Garbage | Answer::Outage => {}
                }
                turns.push(turn);
            }
        }
        turns
    }
}
