//! The engine: one tick, from load to close. [`run_tick`] reads like the protocol's list.
//!
//! Time, randomness and the store come only from the [`Context`]; nothing is detached, so that
//! dropping the future of a tick at any await is a crash, and a crash is safe.

mod apply;
mod approval;
mod breaker;
mod close;
mod command;
mod commit;
mod context;
mod due;
mod error;
mod fold;
mod follow_up;
mod inputs;
mod licence;
mod load;
mod memo;
mod money;
mod plan;
mod prompt;
mod proof;
mod recorded;
mod rehearsal;
mod replay;
mod report;
mod run;
mod shard;
mod shards;
mod terms;
mod tick;
mod timing;
mod trust;
mod turn;
mod verdict;
mod view;

pub use self::apply::apply;
pub use self::context::{Context, Progress, Silent, Stop, Stopper};
pub use self::due::{FAILING_AFTER, NotDue, Pause, left_alone};
pub use self::error::EngineError;
pub use self::follow_up::follow_up;
pub use self::load::{CHECKPOINT_EVERY, Head, Loaded, load, load_at};
pub use self::memo::{Memo, Present};
pub use self::money::{Short, Worst, budget_window, chosen_model, worst};
pub use self::proof::{Code, Finding, Proof, ProvenTick, Prover, named_contents, prove};
pub use self::recorded::{may_miss_by_our_deletion, recorded};
pub use self::rehearsal::{Opening, Rehearsal, rehearse};
pub use self::replay::{Difference, Replayed, Replaying, replay};
pub use self::report::{Ending, Idle, Outcome, TickReport, TurnReport};
pub use self::terms::{Deadline, Part, Terms};
pub use self::tick::run_tick;
pub use self::trust::note_probed;
pub use self::verdict::{Decision, Verdict, Why, verdict};
pub use self::view::{commanded_views, kept_views};
