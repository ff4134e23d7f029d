//! The protocol without one of its rules, to prove that the simulation's auditors would see a mistake.
//!
//! In a build with the feature `sim`, `leave_out` takes a rule out, and the places that keep it ask
//! [`is`]. In every other build [`is`] is `false` at compile time, and nothing of this is left.

/// A rule, and what a world is like without it. Source: docs/PROTOCOL.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Mutant {
    /// Runners draw their nonces and names from one seed.
    OwnEntropy = 1,
    /// A warm process keeps its name from one invocation to the next.
    NewIdentityEachInvocation,
    /// Licences whose holders died are not charged.
    EveryLicenceIsCharged,
    /// Grants take no account of what others were granted.
    GrantsFitTheBudget,
    /// Every licence is worth a whole attempt, whatever the ones before it may have spent.
    LicencesFitTheGrant,
    /// A turn's bill is that of its recorded answers.
    TheMeterIsTheBill,
    /// A call that got no answer is not on the meter.
    UnansweredCallsAreMetered,
    /// A request is sent whether it fits the licence or not.
    RequestsFitTheLicence,
    /// After a good turn in snapshot mode the cursor stands where ordered mode has it.
    SnapshotReadsClosedTicks,
    /// A failed turn passes its mail.
    FailedTurnsLeaveTheirMail,
    /// A turn does not wait for those that it reads.
    TurnsWaitForWhatTheyRead,
    /// A tick is closed without seals.
    ShardsAreSealed,
    /// Who seals leaves out the views of turns that others committed.
    SealersWriteAllViews,
    /// The ingress is listed before the state is read, and admitted names are forgotten at once.
    IngressIsListedLast,
    /// Admitted names are forgotten at once.
    AdmittedNamesAreKept,
    /// Who lost a commit publishes its own effects.
    LosersDropTheirEffects,
    /// Who lost a step goes on with its own answer.
    TheJournalDecides,
    /// An adopted step's effects are kept beside those of the own attempt.
    EffectsCountOnce,
    /// Who adopts an answer reads its memory anew, instead of what the answer was given.
    StepZeroPinsInputs,
    /// Who leaves releases first and then lets its calls run on.
    CallsStopBeforeRelease,
    /// Views are written before the commit.
    ViewsFollowTheCommit,
    /// Shared files are written at each commit.
    SharedFilesFollowTheSeals,
    /// A view that is not the newest is taken for a person's edit.
    StaleViewsAreNoEdits,
    /// Of the older versions of a file only two are known.
    OldVersionsAreKnown,
    /// A file that is missing after our own deletion is taken for a person's.
    OwnDeletionsAreKnown,
    /// The hint is believed.
    TheHintIsAHint,
    /// Plans and chains of closed ticks are deleted.
    FencesStay,
    /// Turn records of closed ticks are deleted.
    TurnRecordsStay,
    /// A call of an adopted answer is made, although it may have been made.
    OutsideCallsAreMadeOnce,
    /// An approved call is made by whoever comes to it.
    ApprovedCallsAreMadeOnce,
    /// A yes counts whatever arguments it was said to.
    AnswersAreToWhatWasShown,
    /// A question is answered by everybody who answers it.
    QuestionsAreAnsweredOnce,
    /// A create that ends in an error is believed to have been applied.
    ErrorsAreSettledByReading,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::OwnEntropy,
        Self::NewIdentityEachInvocation,
        Self::EveryLicenceIsCharged,
        Self::GrantsFitTheBudget,
        Self::LicencesFitTheGrant,
        Self::TheMeterIsTheBill,
        Self::UnansweredCallsAreMetered,
        Self::RequestsFitTheLicence,
        Self::SnapshotReadsClosedTicks,
        Self::FailedTurnsLeaveTheirMail,
        Self::TurnsWaitForWhatTheyRead,
        Self::ShardsAreSealed,
        Self::SealersWriteAllViews,
        Self::IngressIsListedLast,
        Self::AdmittedNamesAreKept,
        Self::LosersDropTheirEffects,
        Self::TheJournalDecides,
        Self::EffectsCountOnce,
        Self::StepZeroPinsInputs,
        Self::CallsStopBeforeRelease,
        Self::ViewsFollowTheCommit,
        Self::SharedFilesFollowTheSeals,
        Self::StaleViewsAreNoEdits,
        Self::OldVersionsAreKnown,
        Self::OwnDeletionsAreKnown,
        Self::TheHintIsAHint,
        Self::FencesStay,
        Self::TurnRecordsStay,
        Self::OutsideCallsAreMadeOnce,
        Self::ApprovedCallsAreMadeOnce,
        Self::AnswersAreToWhatWasShown,
        Self::QuestionsAreAnsweredOnce,
        Self::ErrorsAreSettledByReading,
    ];
}

#[cfg(feature = "sim")]
static LEFT_OUT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Leaves a rule out from now on, in the whole process; `None`: keeps them all.
#[cfg(feature = "sim")]
pub fn leave_out(rule: Option<Mutant>) {
    LEFT_OUT.store(rule.map_or(0, |rule| rule as u8), std::sync::atomic::Ordering::Relaxed);
}

/// Says whether this rule is left out.
#[cfg(feature = "sim")]
#[must_use]
pub fn is(rule: Mutant) -> bool {
    LEFT_OUT.load(std::sync::atomic::Ordering::Relaxed) == rule as u8
}

/// Says whether this rule is left out: never, in this build.
#[cfg(not(feature = "sim"))]
#[inline(always)]
#[must_use]
pub const fn is(_: Mutant) -> bool {
    false
}
