//! Puts mail and commands into an organisation's ingress, where the next tick's plan finds them.
//!
//! Names are new in each call (UUID version 7, from the injected clock and entropy), and the body
//! is checked to read back before anything is written.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::clock::{Clock, Entropy};
use crate::domain::ingress::{Action, Author, Control, Mail};
use crate::domain::name::{AgentName, IngressName};
use crate::domain::outbox::{Importance, Kind};
use crate::record::encode;
use crate::store::{Created, Key, Store, StoreError};

/// The format of ingress objects that this version writes.
const FORMAT: u32 = 1;

/// Why something did not enter the ingress. Nothing was written, unless the store cannot say.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    /// The store failed, or does not say whether it was written.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A runner would not read the same thing back.
    #[error("it would not be read back as it was meant")]
    Unreadable,
}

/// What a message from outside says.
#[derive(Debug, Clone)]
pub struct Letter {
    /// To whom; `None`: everyone.
    pub recipients: Option<Vec<AgentName>>,
    /// What it is for.
    pub kind: Kind,
    /// How early it is shown.
    pub importance: Importance,
    /// Its text.
    pub text: String,
    /// The entry that it answers.
    pub reply_to: Option<Uuid>,
    /// The conversation it belongs to.
    pub thread_id: Option<Uuid>,
}

/// Whoever puts things into the ingress: a store, a clock and a source of names.
#[derive(Debug, Clone, Copy)]
pub struct Postbox<'a> {
    /// The organisation's files.
    pub store: &'a Store,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Names.
    pub entropy: &'a dyn Entropy,
}

impl Postbox<'_> {
    /// Puts a person's message into the mail slot.
    ///
    /// # Errors
    /// Nothing was sent, unless the store cannot say: then look before sending again.
    pub async fn send(&self, letter: Letter) -> Result<Mail, IngressError> {
        let (id, name) = self.new_name();
        let mail = Mail {
            format: FORMAT,
            id,
            from: AgentName::human(),
            recipients: letter.recipients,
            kind: letter.kind,
            payload: [("text".to_owned(), letter.text.into())].into_iter().collect(),
            tags: Vec::new(),
            importance: letter.importance,
            reply_to: letter.reply_to,
            thread_id: letter.thread_id,
            sent_at: self.clock.now(),
        };
        self.create(&Key::Mail(name), &mail).await?;
        Ok(mail)
    }

    /// Gives the organisation a command.
    ///
    /// # Errors
    /// Nothing was ordered, unless the store cannot say: then look before ordering again.
    pub async fn order(&self, action: Action) -> Result<IngressName, IngressError> {
        let (_, name) = self.new_name();
        let control = Control { format: FORMAT, by: Author("human".to_owned()), sent_at: self.clock.now(), action };
        self.create(&Key::Control(name.clone()), &control).await?;
        Ok(name)
    }

    fn new_name(&self) -> (Uuid, IngressName) {
        let ms = u64::try_from(self.clock.now().unix_ms()).unwrap_or(0);
        let mut random = [0; 10];
        random.copy_from_slice(&self.entropy.bytes()[..10]);
        let id = uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid();
        let name = IngressName::new(id.to_string()).unwrap_or_else(|_| unreachable!("a UUID is an ingress name"));
        (id, name)
    }

    async fn create<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        key: &Key,
        item: &T,
    ) -> Result<(), IngressError> {
        let body = encode(item);
        if serde_json::from_slice::<T>(&body).ok().as_ref() != Some(item) {
            return Err(IngressError::Unreadable);
        }
        match self.store.create_own(key, Bytes::from(body)).await? {
            Created::Won => Ok(()),
            // Eighty random bits and a millisecond: a rival's object there is a broken store.
            Created::Lost(_) => Err(StoreError::Conflict { key: key.clone() }.into()),
        }
    }
}
