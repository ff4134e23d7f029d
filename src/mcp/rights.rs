//! Who calls, and what they may: what stands between a caller and each tool.

use std::fmt;

use async_trait::async_trait;

use super::refusal::Refusal;
use crate::domain::api_key::{ApiKey, Scope};
use crate::domain::ingress::Author;
use crate::domain::name::{HUMAN, KeyName};

/// What a caller may do, and in whose name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    key: Option<KeyName>,
    scopes: Vec<Scope>,
}

impl Rights {
    /// Those of somebody without a key: to read.
    #[must_use]
    pub fn without_key() -> Self {
        Self { key: None, scopes: vec![Scope::Read] }
    }

    /// Those of the holder of a key.
    #[must_use]
    pub fn of_key(name: &KeyName, key: &ApiKey) -> Self {
        Self::of_scopes(name, &key.allowed())
    }

    /// Those of the holder of a key with these scopes.
    #[must_use]
    pub fn of_scopes(name: &KeyName, scopes: &[Scope]) -> Self {
        Self { key: Some(name.clone()), scopes: scopes.to_vec() }
    }

    /// Says whether what needs this scope may be done.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// In whose name it is done: the key's, or `human`.
    #[must_use]
    pub fn author(&self) -> Author {
        Author(self.key.as_ref().map_or(HUMAN, KeyName::as_str).to_owned())
    }

    /// Refuses what needs a scope that the caller does not have.
    ///
    /// # Errors
    /// It is refused: `what` is named, and what would be right.
    pub fn need(&self, scope: Scope, what: &str) -> Result<(), Refusal> {
        if self.may(scope) {
            return Ok(());
        }
        let needed = scope.as_str();
        let (message, hint) = match &self.key {
            Some(key) => (
                format!("the key {key} may not do this: {what} needs the scope {needed}"),
                format!("`lemming keys add NAME --scope {needed}` makes a key that may"),
            ),
            None => (
                format!("without a key this may only be read: {what} needs one with the scope {needed}"),
                format!(
                    "`lemming keys add NAME --scope read --scope {needed}` makes one; it goes into LEMMING_API_KEY, or over HTTP into the header Authorization"
                ),
            ),
        };
        Err(Refusal::forbidden(message).hint(hint))
    }
}

/// Says before each request what the caller may do now: a key that was taken away opens nothing soon after.
#[async_trait]
pub trait Gate: Send + Sync + fmt::Debug {
    /// What the caller may do.
    ///
    /// # Errors
    /// Nothing any more, or it cannot be found out.
    async fn rights(&self) -> Result<Rights, Refusal>;
}

/// Rights that stand for as long as the server does: those of one request.
#[async_trait]
impl Gate for Rights {
    async fn rights(&self) -> Result<Rights, Refusal> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_what_its_scopes_say_and_without_one_everything_can_only_be_read() {
        let name = KeyName::new("desk").expect("name");
        let sender = Rights::of_scopes(&name, &[Scope::Read, Scope::Send]);
        assert_eq!(sender.author().0, "desk");
        assert!(sender.need(Scope::Send, "send_message").is_ok());
        let said = sender.need(Scope::Control, "pause").expect_err("refused").document().to_string();
        assert!(said.contains("the key desk") && said.contains("scope control"), "{said}");
        let nobody = Rights::without_key();
        assert_eq!(nobody.author().0, "human");
        assert!(nobody.may(Scope::Read) && !nobody.may(Scope::Send) && !nobody.may(Scope::Control));
        let said = nobody.need(Scope::Send, "send_message").expect_err("refused").document().to_string();
        assert!(said.contains("without a key") && said.contains("LEMMING_API_KEY"), "{said}");
    }
}
