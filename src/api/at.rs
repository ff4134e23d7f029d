//! Which moment a request is about.

use serde::Deserialize;
use utoipa::IntoParams;

use super::error::ApiError;
use super::state::ApiState;
use crate::chronicle::moment::{Moment, MomentError};
use crate::domain::time::Tick;

/// The moment that a request is about.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct At {
    /// As it was after this tick; without it, as it is now.
    #[serde(default)]
    at: Option<u64>,
}

impl At {
    /// Whether it is a moment that nothing changes any more.
    pub(super) fn is_past(self) -> bool {
        self.at.is_some()
    }

    /// That moment of the organisation.
    ///
    /// # Errors
    /// That tick is not closed; or the records cannot be read.
    pub(super) async fn moment(self, state: &ApiState) -> Result<Moment, ApiError> {
        Ok(Moment::of(&state.org.store, self.at.map(Tick)).await?)
    }
}

impl From<MomentError> for ApiError {
    fn from(error: MomentError) -> Self {
        match error {
            MomentError::NotClosed { .. } => Self::no_such(error.to_string()),
            MomentError::Engine(error) => error.into(),
        }
    }
}
