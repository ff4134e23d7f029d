//! The organisation's own tools: commands and HTTP endpoints of `config/tools.json`.

use std::sync::Arc;

use super::Parts;
use crate::domain::toolbox::Toolbox;
use crate::tool::Tool;

/// The organisation's own tools.
pub(super) fn tools(_: &Parts, _: &Toolbox) -> Vec<Arc<dyn Tool>> {
    Vec::new()
}
