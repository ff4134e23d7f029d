//! Whoever carries one entry or problem to where a rule says, and why it does not arrive.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::parcel::Parcel;
use crate::domain::delivery::Rule;
use crate::domain::org::OrgConfig;
use crate::domain::time::Timestamp;

/// One thing to carry.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// The rule that asks for it.
    pub rule: &'a Rule,
    /// The organisation's settings.
    pub org: &'a OrgConfig,
    /// What is carried.
    pub parcel: &'a Parcel,
    /// The present moment.
    pub now: Timestamp,
}

/// Carries things outside. Dropped in the middle, it may have arrived.
#[async_trait]
pub trait Carrier: Send + Sync + fmt::Debug {
    /// Carries one thing. That it returns means that it arrived.
    ///
    /// # Errors
    /// It did not arrive, or nobody knows: it is carried again.
    async fn carry(&self, sending: Sending<'_>) -> Result<(), Failure>;
}

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The receiver does not answer, or is in trouble: nothing else would arrive either.
    Receiver,
    /// The receiver refuses this; others may arrive.
    Item,
    /// This process lacks something, such as a secret that is not set: another one may have it.
    Here,
}

/// Why something did not arrive. The message holds no secret, and nothing that the receiver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// What it is about.
    pub whose: Whose,
    /// When the receiver wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// The receiver is in trouble.
    #[must_use]
    pub fn of_receiver(message: impl Into<String>) -> Self {
        Self { message: message.into(), whose: Whose::Receiver, retry_after: None }
    }

    /// The receiver refuses this one.
    #[must_use]
    pub fn of_item(message: impl Into<String>) -> Self {
        Self { whose: Whose::Item, ..Self::of_receiver(message) }
    }

    /// This process lacks something.
    #[must_use]
    pub fn here(message: impl Into<String>) -> Self {
        Self { whose: Whose::Here, ..Self::of_receiver(message) }
    }
}
