//! The metrics that there are: names, units, labels and what they mean, in the order in which they are told.

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// A metric, or a family of them with the same labels.
#[derive(Debug)]
pub struct Metric {
    /// Its name without the suffix of its unit and without `_total`.
    pub stem: &'static str,
    /// What it is measured in, if that is not a number of things.
    pub unit: Measure,
    /// The sort of it.
    pub sort: Sort,
    /// Its labels beside `org`.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A number of things, or 0 and 1 for no and yes.
    Number,
    /// Seconds.
    Seconds,
    /// Credits.
    Credits,
}

/// The sort of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// It only grows, but for a reset.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many were no larger than each of some bounds.
    Histogram,
}

impl Metric {
    /// The name that queries use: a histogram's is that before `_bucket`, `_sum` and `_count`.
    #[must_use]
    pub fn name(&self) -> String {
        let unit = match self.unit {
            Measure::Number => "",
            Measure::Seconds => "_seconds",
            Measure::Credits => "_credits",
        };
        let total = if self.sort == Sort::Counter { "_total" } else { "" };
        format!("{}{unit}{total}", self.stem)
    }

    pub(super) fn prometheus_unit(&self) -> Option<Unit> {
        match self.unit {
            Measure::Number => None,
            Measure::Seconds => Some(Unit::Seconds),
            Measure::Credits => Some(Unit::Other("credits".to_owned())),
        }
    }

    pub(super) fn prometheus_type(&self) -> MetricType {
        match self.sort {
            Sort::Counter => MetricType::Counter,
            Sort::Gauge => MetricType::Gauge,
            Sort::Histogram => MetricType::Histogram,
        }
    }
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident = $sort:ident $stem:literal $unit:ident [$($label:literal),*] $help:literal;)*) => {
        $($(#[$doc])* pub(super) static $name: Metric = Metric {
            stem: $stem, unit: Measure::$unit, sort: Sort::$sort, labels: &[$($label),*], help: $help,
        };)*

        /// Every metric, in the order in which they are told.
        pub static ALL: &[&Metric] = &[$(&$name),*];
    };
}

metrics! {
    BUILD = Gauge "lemming_build_info" Number ["version"]
        "1, for the version of the program that answers. Has no label org.";
    UP = Gauge "lemming_up" Number []
        "1 if the records of the organisation could be read for this answer, else 0; then only this and the requests are told of it.";
    BEHIND = Gauge "lemming_metrics_behind_ticks" Number []
        "Closed ticks whose turns are not counted yet. Until it is 0 for the first time, no counter that needs them is told.";

    TICKS = Counter "lemming_ticks" Number []
        "Closed ticks, since the organisation was founded.";
    TICK = Gauge "lemming_last_tick" Number []
        "Number of the last closed tick; 0 before the first.";
    TICK_AGE = Gauge "lemming_last_tick_age" Seconds []
        "Since the last closed tick was planned. Absent before the first.";
    TICK_INTERVAL = Gauge "lemming_tick_interval" Seconds []
        "How often a tick is due, by pace.every of org.json. Absent where nothing says so.";
    OPEN_TICK_AGE = Gauge "lemming_open_tick_age" Seconds []
        "Since the tick that is open was planned; 0 if none is.";
    PAUSED = Gauge "lemming_paused" Number []
        "1 if a person paused the organisation, else 0.";

    TURNS = Counter "lemming_turns" Number ["status"]
        "Turns of closed ticks by how they ended: ok, failed, or waiting for a person's yes.";
    FAILURES = Counter "lemming_turn_failures" Number ["kind"]
        "Failed turns by the sort of failure.";
    SKIPPED = Counter "lemming_turns_skipped" Number ["reason"]
        "Agents that were due and did not run, by reason.";
    TURN_DURATION = Histogram "lemming_turn_duration" Seconds []
        "How long the attempt took that was committed.";
    VIOLATIONS = Counter "lemming_contract_violations" Number []
        "Places where an answer of a model broke the contract.";
    DEAD_LETTERS = Counter "lemming_dead_letters" Number []
        "Messages given up after three turns in a row that failed over the mail.";

    MODEL_CALLS = Counter "lemming_model_calls" Number ["model"]
        "Model calls that were answered, by the model's key.";
    MODEL_RETRIES = Counter "lemming_model_retries" Number ["model"]
        "Requests that it took beyond one for each answered call.";
    MODEL_DURATION = Histogram "lemming_model_call_duration" Seconds ["model"]
        "How long an answered call took, its last request alone.";
    TOKENS = Counter "lemming_tokens" Number ["model", "kind"]
        "Tokens as providers counted them. cached_input and cache_write_input are parts of input, reasoning_output of output.";
    MODEL_COST = Counter "lemming_model_cost" Credits ["model"]
        "What answered calls cost, whether or not they were charged as paid.";
    TOOL_CALLS = Counter "lemming_tool_calls" Number ["outcome"]
        "Calls of tools: ok, error, waiting for a person's yes, or unknown where a runner ended meanwhile.";

    CHARGED = Counter "lemming_charged" Credits ["kind"]
        "Charged to accounts since the organisation was founded: paid for answers and actions, unanswered at the worst case, forfeited by runners that died.";
    BALANCE = Gauge "lemming_balance" Credits []
        "What the accounts of all agents hold together.";
    BUDGET = Gauge "lemming_budget" Credits []
        "The ceiling: what may be spent in the present window of the budget, top-ups included. Absent without a budget.";
    BUDGET_CHARGED = Gauge "lemming_budget_charged" Credits []
        "What was charged in the present window of the budget. Absent without a budget.";
    BUDGET_LEFT = Gauge "lemming_budget_left" Credits []
        "What is left of the budget in its present window. Absent without a budget.";

    AGENTS = Gauge "lemming_agents" Number ["state"]
        "Agents as the last closed tick knows them: broken, disabled, paused, out_of_credits, failing (the last turn failed), or active.";
    AGENT_BALANCE = Gauge "lemming_agent_balance" Credits ["agent"]
        "What the account of an agent holds. Told of up to 200 agents; of more, none.";
    AGENT_CHARGED = Counter "lemming_agent_charged" Credits ["agent"]
        "What was charged to an agent since it was created. Told of up to 200 agents; of more, none.";
    AGENT_TURNS = Counter "lemming_agent_turns" Number ["agent"]
        "Turns of an agent since it was created. Told of up to 200 agents; of more, none.";
    AGENT_FAILURES = Gauge "lemming_agent_failures" Number ["agent"]
        "How many of the last turns of an agent failed in a row. Told of up to 200 agents; of more, none.";
    AGENT_UNREAD = Gauge "lemming_agent_unread_messages" Number ["agent"]
        "Messages that an agent has not read. Told of up to 200 agents; of more, none.";

    MESSAGES = Counter "lemming_messages" Number ["from"]
        "Messages said: by agents, or admitted from outside.";
    UNREAD = Gauge "lemming_unread_messages" Number []
        "Messages that somebody who may read them has not read.";
    UNREAD_AGE = Gauge "lemming_oldest_unread_age" Seconds []
        "Since the tick was planned in which the oldest of them was said; 0 if there is none.";
    INGRESS = Gauge "lemming_ingress_waiting" Number []
        "Messages and commands from outside that the next tick will find.";
    APPROVALS = Gauge "lemming_approvals_waiting" Number []
        "Calls that wait for a person's yes.";
    APPROVALS_AGE = Gauge "lemming_oldest_approval_age" Seconds []
        "Since the tick was planned that asked for the oldest of them; 0 if there is none.";
    DECIDED = Counter "lemming_approvals" Number ["verdict"]
        "Calls that waited, by the answer: approved, denied, or expired.";
    DELIVERIES = Gauge "lemming_deliveries_waiting" Number ["rule"]
        "What a rule of deliver has tried to send and that did not arrive yet.";
    DELIVERIES_LOST = Gauge "lemming_deliveries_given_up" Number ["rule"]
        "What a rule of deliver has given up lately.";
    PROBLEMS = Gauge "lemming_problems" Number ["kind"]
        "What `lemming problems` tells, by kind; at most a minute old.";

    STORE_REQUESTS = Counter "lemming_store_requests" Number ["class"]
        "Requests that this process made to the store of the organisation, by class: put, get, list, delete.";
    READ_ERRORS = Counter "lemming_read_errors" Number []
        "How often this process could not read the records for an answer.";
}
