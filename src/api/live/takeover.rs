//! Whom a connection belongs to once it speaks another protocol: to the server, as before.
//!
//! The library that changes the protocol does so in a task of its own, which ends as soon as it has. It hands the rest of
//! the connection's life over here, and the server lives it where it served the connection.

use futures::future::BoxFuture;
use tokio::sync::mpsc;

/// What is to be done with a connection after its last answer.
type Life = BoxFuture<'static, ()>;

/// In the extensions of a request whose connection can change its protocol.
#[derive(Debug, Clone)]
pub(in crate::api) struct Takeover(mpsc::Sender<Life>);

/// The rest of a connection's life, if there is one.
pub(in crate::api) struct Rest(mpsc::Receiver<Life>);

pub(in crate::api) fn takeover() -> (Takeover, Rest) {
    let (sender, receiver) = mpsc::channel(1);
    (Takeover(sender), Rest(receiver))
}

impl Takeover {
    /// Goes on with the connection like this. One whose server has ended is not gone on with.
    pub(in crate::api) async fn live(self, life: impl Future<Output = ()> + Send + 'static) {
        let _ = self.0.send(Box::pin(life)).await;
    }
}

impl Rest {
    /// Lives it, once HTTP is over on the connection; there is none where it never changed its protocol.
    pub(in crate::api) async fn live(mut self) {
        if let Some(life) = self.0.recv().await {
            life.await;
        }
    }
}
