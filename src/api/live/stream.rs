//! Events as `text/event-stream` (HTML Standard, 9.2).

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;

use super::HEARTBEAT;
use super::choice::Types;
use super::seats::Seat;
use super::subscription::{Heard, Subscription};
use crate::api::auth::Standing;
use crate::chronicle::feed::{Cursor, Page, Told};
use crate::domain::time::Timestamp;
use crate::runner::compose::Org;

/// So long a client waits before it asks again, in milliseconds, when a stream breaks off.
const RETRY_MS: u32 = 2_000;

/// The same where each stream is only what there is by now.
const RETRY_PAGE_MS: u32 = 5_000;

/// One who listens to a stream.
#[derive(Debug)]
pub(in crate::api) struct Stream {
    pub(in crate::api) subscription: Subscription,
    pub(in crate::api) types: Types,
    pub(in crate::api) standing: Standing,
    /// When that was found out last.
    pub(in crate::api) since: Timestamp,
    pub(in crate::api) org: Arc<Org>,
    /// Free again at the end.
    pub(in crate::api) _seat: Seat,
}

impl Stream {
    /// The body of an answer that goes on until one side ends it.
    pub(in crate::api) fn into_body(self) -> Body {
        // At once, so that a client knows that it is heard.
        let begun = (self, Some(format!("retry: {RETRY_MS}\n\n")));
        let told = stream::unfold(Some(begun), async |begun| {
            let (mut stream, first) = begun?;
            if let Some(text) = first {
                return Some((text, Some((stream, None))));
            }
            let (text, goes_on) = stream.next().await?;
            Some((text, goes_on.then_some((stream, None))))
        });
        Body::from_stream(told.map(|text| Ok::<_, Infallible>(Bytes::from(text))))
    }

    /// What is written next, and whether anything follows it.
    async fn next(&mut self) -> Option<(String, bool)> {
        let org = Arc::clone(&self.org);
        let mut silence = org.clock().sleep(HEARTBEAT);
        loop {
            let heard = tokio::select! {
                biased;
                heard = self.subscription.next() => Some(heard),
                () = &mut silence => None,
            };
            let now = org.clock().now();
            if now.unix_ms() - self.since.unix_ms() >= i64::try_from(HEARTBEAT.as_millis()).unwrap_or(i64::MAX) {
                if !self.standing.holds().await {
                    return None;
                }
                self.since = now;
            }
            match heard {
                Some(Heard::Event(event)) if self.types.want(event.kind) => return Some((written(&event), true)),
                Some(Heard::Event(_)) => {}
                Some(Heard::TooSlow) => {
                    return Some((": too slow: ask again behind the last id\n\n".to_owned(), false));
                }
                Some(Heard::Over) => return None,
                None => return Some((alive(self.subscription.cursor()), true)),
            }
        }
    }
}

/// What there is by now as a stream that ends, where none can be kept open: a client of streams asks again by itself.
pub(in crate::api) fn of_page(page: &Page, types: &Types) -> String {
    let mut text = format!("retry: {}\n\n", if page.more { RETRY_MS } else { RETRY_PAGE_MS });
    text.extend(page.events.iter().filter(|event| types.want(event.kind)).map(written));
    text + &alive(&page.cursor)
}

fn written(event: &Told) -> String {
    let mut text = String::with_capacity(event.json.len() + 64);
    // Neither has a line break in it.
    if let Some(cursor) = &event.cursor {
        let _ = writeln!(text, "id: {cursor}");
    }
    let _ = write!(text, "event: {}\ndata: {}\n\n", event.kind, event.json);
    text
}

/// A sign of life. It says how far everything was told, also of what the client did not want to hear of: an `id` without
/// `data` makes no event, and is remembered.
fn alive(cursor: &Cursor) -> String {
    format!(":\nid: {cursor}\n\n")
}
