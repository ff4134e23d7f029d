//! What a server does besides answering: ticks for those who have mail, following what happens elsewhere.
//!
//! Whatever a request sets going that outlives it belongs to the server: nothing is detached. A function has no server, and
//! does none of it.

use std::fmt;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc;

use crate::engine::Stop;

/// Takes chores. Each must end soon after the server's stop, by itself.
#[derive(Clone)]
pub struct Chores(Option<(mpsc::UnboundedSender<BoxFuture<'static, ()>>, Stop)>);

impl fmt::Debug for Chores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chores").field(&self.0.is_some()).finish()
    }
}

/// Does the chores.
#[derive(Debug)]
pub struct Crew(mpsc::UnboundedReceiver<BoxFuture<'static, ()>>);

impl Chores {
    /// Where chores go, and what does them until `stop`.
    #[must_use]
    pub fn new(stop: &Stop) -> (Self, Crew) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some((sender, stop.clone()))), Crew(receiver))
    }

    /// Of one who does none: a function, which is asleep between two requests.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Has something done, which is given the server's stop. Says whether it will be: not without a server, nor after its stop.
    pub fn add<F: Future<Output = ()> + Send + 'static>(&self, chore: impl FnOnce(Stop) -> F) -> bool {
        let Some((sender, stop)) = &self.0 else { return false };
        let chore = AssertUnwindSafe(chore(stop.clone())).catch_unwind();
        let chore = async move {
            // It owns what it changes; those of other organisations go on.
            if chore.await.is_err() {
                tracing::error!(
                    event = "chore_panicked",
                    "what the server did besides answering met a fault of this program"
                );
            }
        };
        !stop.is_requested() && sender.send(Box::pin(chore)).is_ok()
    }
}

impl Crew {
    /// Does what comes until `stop`, and ends when all of it has ended.
    pub async fn work(mut self, stop: &Stop) {
        let mut going = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => break,
                Some(chore) = self.0.recv() => going.push(chore),
                Some(()) = going.next() => {}
                else => break,
            }
        }
        self.0.close();
        while let Some(chore) = self.0.recv().await {
            going.push(chore);
        }
        while going.next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn chores_are_done_side_by_side_and_end_with_the_server() {
        let (stopper, stop) = Stop::channel();
        let (chores, crew) = Chores::new(&stop);
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            let done = Arc::clone(&done);
            assert!(chores.add(|stop| async move {
                stop.requested().await;
                done.fetch_add(1, Ordering::SeqCst);
            }));
        }
        tokio::join!(crew.work(&stop), async {
            tokio::task::yield_now().await;
            stopper.stop();
        });
        assert_eq!(done.load(Ordering::SeqCst), 3);
        assert!(!chores.add(|_| async {}), "nothing is begun after a stop");
        assert!(!Chores::none().add(|_| async {}));
    }
}
