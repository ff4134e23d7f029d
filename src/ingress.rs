//! Puts mail and commands into an organisation's ingress, where the next tick's plan finds them.
//!
//! Names are new in each call (UUID version 7, from the injected clock and entropy) unless the caller
//! has one, and the body is checked to read back before anything is written. What a person wants to
//! say begins as a [`Draft`]: it becomes a [`Letter`] once all that it names is there.

mod draft;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

pub use self::draft::{Draft, DraftError};
use crate::clock::{Clock, Entropy};
use crate::domain::ingress::{Action, Author, Control, MAX_INGRESS_BYTES, MAX_INGRESS_DEPTH, Mail};
use crate::domain::name::{AgentName, HUMAN, IngressName};
use crate::domain::outbox::{Importance, Kind};
use crate::record::encode;
use crate::store::{Created, Key, Store, StoreError};
use crate::tool::limits::nests_within;

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
    /// No tick would admit it.
    #[error("it has {bytes} bytes, more than {MAX_INGRESS_BYTES}: no tick would admit it")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// Something else has its name.
    #[error("something else has been sent under its name")]
    Taken,
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
        self.send_as(self.new_id(), letter).await
    }

    /// Puts a person's message into the mail slot under an id of the caller's. A name is admitted once: to send the same
    /// letter again is to have sent it once.
    ///
    /// # Errors
    /// As [`Self::send`]; and another letter lies there under this id.
    pub async fn send_as(&self, id: Uuid, letter: Letter) -> Result<Mail, IngressError> {
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
            hops: 0,
        };
        match self.create(&Key::Mail(name_of(id)), &mail).await? {
            None => Ok(mail),
            Some(there) => match serde_json::from_slice::<Mail>(&there) {
                Ok(there) if there == (Mail { sent_at: there.sent_at, ..mail }) => Ok(there),
                _ => Err(IngressError::Taken),
            },
        }
    }

    /// Puts mail into the slot under its own id, whoever wrote it. Says whether it was not there before.
    ///
    /// # Errors
    /// As [`Self::send`]; and something else lies there under this id.
    pub async fn post(&self, mail: &Mail) -> Result<bool, IngressError> {
        match self.create(&Key::Mail(name_of(mail.id)), mail).await? {
            None => Ok(true),
            Some(there) => match serde_json::from_slice::<Mail>(&there) {
                Ok(there) if there.id == mail.id => Ok(false),
                _ => Err(IngressError::Taken),
            },
        }
    }

    /// Gives the organisation a command.
    ///
    /// # Errors
    /// Nothing was ordered, unless the store cannot say: then look before ordering again.
    pub async fn order(&self, action: Action) -> Result<IngressName, IngressError> {
        self.order_by(Author(HUMAN.to_owned()), action).await
    }

    /// Gives the organisation a command in somebody's name: that of a key, say.
    ///
    /// # Errors
    /// As [`Self::order`].
    pub async fn order_by(&self, by: Author, action: Action) -> Result<IngressName, IngressError> {
        // Eighty random bits and a millisecond: a rival's object there is a broken store.
        self.order_as(self.new_id(), by, action).await.map(|(name, _)| name)
    }

    /// Gives the organisation a command under an id of the caller's, and says how it lies in the ingress. A name is admitted
    /// once: to give the same command again is to have given it once.
    ///
    /// # Errors
    /// As [`Self::order`]; and another command lies there under this id.
    pub async fn order_as(&self, id: Uuid, by: Author, action: Action) -> Result<(IngressName, Control), IngressError> {
        let name = name_of(id);
        let control = Control { format: FORMAT, by, sent_at: self.clock.now(), action };
        match self.create(&Key::Control(name.clone()), &control).await? {
            None => Ok((name, control)),
            Some(there) => match serde_json::from_slice::<Control>(&there) {
                Ok(there) if there == (Control { sent_at: there.sent_at, ..control }) => Ok((name, there)),
                _ => Err(IngressError::Taken),
            },
        }
    }

    /// An id for something new.
    pub fn new_id(&self) -> Uuid {
        let ms = u64::try_from(self.clock.now().unix_ms()).unwrap_or(0);
        let mut random = [0; 10];
        random.copy_from_slice(&self.entropy.bytes()[..10]);
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }

    /// Creates an object, or says what is there instead.
    async fn create<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        key: &Key,
        item: &T,
    ) -> Result<Option<Bytes>, IngressError> {
        let body = encode(item);
        let is_admitted = |body: &Value| nests_within(body, MAX_INGRESS_DEPTH);
        let is_shallow = serde_json::from_slice(&body).as_ref().is_ok_and(is_admitted);
        if !is_shallow || serde_json::from_slice::<T>(&body).ok().as_ref() != Some(item) {
            return Err(IngressError::Unreadable);
        }
        if body.len() > MAX_INGRESS_BYTES {
            return Err(IngressError::TooLarge { bytes: body.len() });
        }
        Ok(match self.store.create_own(key, Bytes::from(body)).await? {
            Created::Won => None,
            Created::Lost(there) => Some(there),
        })
    }
}

fn name_of(id: Uuid) -> IngressName {
    IngressName::new(id.to_string()).unwrap_or_else(|_| unreachable!("a UUID is an ingress name"))
}
