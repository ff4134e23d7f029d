//! What a call does to the world outside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a call of a tool does outside of the organisation's own files, and so whether it may be made again when nobody
/// knows whether it was made.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It only looks, or leaves all its changes at the desk of its turn.
    None,
    /// It changes something, and to do it twice is as good as once.
    Repeatable,
    /// It must not be done twice. What nobody knows the effect of is taken for this.
    #[default]
    Once,
}

impl Effect {
    /// The effect as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Repeatable => "repeatable",
            Self::Once => "once",
        }
    }

    /// Says whether a call may be made again when nobody knows whether it was made.
    #[must_use]
    pub const fn may_be_made_again(self) -> bool {
        !matches!(self, Self::Once)
    }
}
