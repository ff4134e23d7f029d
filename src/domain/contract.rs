//! The contract (placeholder until merge).

/// A violation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Violation {
    /// Where.
    pub pointer: String,
    /// What.
    pub message: String,
}
