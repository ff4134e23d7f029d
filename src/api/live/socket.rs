//! Events over a WebSocket (RFC 6455): a snapshot first, then one frame for each event.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseCode, CloseFrame, Message, WebSocket, close_code};
use serde_json::Value;

use super::HEARTBEAT;
use super::choice::Types;
use super::seats::Seat;
use super::subscription::{Heard, Subscription};
use crate::api::auth::Standing;
use crate::runner::compose::Org;

/// The most bytes of what a client may say: nothing that it says is heeded.
pub(in crate::api) const MAX_SAID_BYTES: usize = 4 * 1024;

/// So often a client may say something between two signs of life.
const MAX_SAID: usize = 64;

/// So long a client may take for what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// So long a client may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// One who listens through a socket.
#[derive(Debug)]
pub(in crate::api) struct Session {
    pub(in crate::api) subscription: Subscription,
    pub(in crate::api) snapshot: Value,
    pub(in crate::api) types: Types,
    pub(in crate::api) standing: Standing,
    pub(in crate::api) org: Arc<Org>,
    /// Free again at the end.
    pub(in crate::api) _seat: Seat,
}

/// Why it ends.
type Goodbye = (CloseCode, &'static str);

impl Session {
    /// Tells what happens until one side ends it.
    pub(in crate::api) async fn live(mut self, mut socket: WebSocket) {
        // Whoever went away is told nothing.
        let Some((code, reason)) = self.tell(&mut socket).await else { return };
        let close = CloseFrame { code, reason: reason.into() };
        let goodbye = async {
            socket.send(Message::Close(Some(close))).await.ok()?;
            while let Some(Ok(_)) = socket.recv().await {}
            Some(())
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }

    async fn tell(&mut self, socket: &mut WebSocket) -> Option<Goodbye> {
        if let Err(goodbye) = send(socket, self.snapshot.to_string()).await {
            return goodbye;
        }
        let (mut said, mut is_heard) = (0, true);
        let org = Arc::clone(&self.org);
        let mut heartbeat = org.clock().sleep(HEARTBEAT);
        loop {
            tokio::select! {
                biased;
                from_client = socket.recv() => {
                    said += 1;
                    is_heard = true;
                    match from_client {
                        None | Some(Err(_) | Ok(Message::Close(_))) => return None,
                        Some(Ok(_)) if said > MAX_SAID => return Some((close_code::POLICY, "too much was said")),
                        Some(Ok(_)) => {}
                    }
                }
                () = &mut heartbeat => {
                    if !is_heard {
                        return Some((close_code::AGAIN, "no sign of life"));
                    }
                    if !self.standing.holds().await {
                        return Some((close_code::POLICY, "the key opens this no more"));
                    }
                    (said, is_heard) = (0, false);
                    if let Err(goodbye) = send_message(socket, Message::Ping(bytes::Bytes::new())).await {
                        return goodbye;
                    }
                    heartbeat = org.clock().sleep(HEARTBEAT);
                }
                heard = self.subscription.next() => match heard {
                    Heard::Event(event) => {
                        if self.types.want(event.kind)
                            && let Err(goodbye) = send(socket, event.json.clone()).await
                        {
                            return goodbye;
                        }
                    }
                    Heard::TooSlow => return Some((close_code::AGAIN, "too slow: ask again behind the last id")),
                    Heard::Over => return Some((close_code::AWAY, "ask again behind the last id")),
                },
            }
        }
    }
}

async fn send(socket: &mut WebSocket, text: String) -> Result<(), Option<Goodbye>> {
    send_message(socket, Message::Text(text.into())).await
}

/// Sends something to somebody who takes it in time.
async fn send_message(socket: &mut WebSocket, message: Message) -> Result<(), Option<Goodbye>> {
    match tokio::time::timeout(PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some((close_code::AGAIN, "too slow: ask again behind the last id"))),
    }
}
