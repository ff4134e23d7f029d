//! What a server does besides answering: ticks for those who have mail, following what happens elsewhere.
//!
//! Whatever a request sets going that outlives it belongs to the server: nothing is detached. A function has no server, and
//! does none of it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{mpsc, oneshot};

use crate::engine::Stop;

/// Pauses before a chore that the store kept from going on is tried again, one after the other.
pub(super) const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

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

    /// Does something to its end, whatever becomes of the request that waits for it, and gives what came of it; nothing where
    /// that met a fault of the program. Where no server takes it, the request does it itself.
    pub async fn finish<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (done, told) = oneshot::channel();
        let chore = caught(async move {
            // Whoever asked may have gone away.
            let _ = done.send(work.await);
        });
        match &self.0 {
            Some((sender, _)) => {
                if let Err(mpsc::error::SendError(chore)) = sender.send(chore) {
                    chore.await;
                }
            }
            None => chore.await,
        }
        told.await.ok()
    }

    /// Has something done, which is given the server's stop. Says whether it will be: not without a server, nor after its stop.
    pub fn add<F: Future<Output = ()> + Send + 'static>(&self, chore: impl FnOnce(Stop) -> F) -> bool {
        let Some((sender, stop)) = &self.0 else { return false };
        !stop.is_requested() && sender.send(caught(chore(stop.clone()))).is_ok()
    }
}

/// A chore that ends alone where it meets a fault of the program: it owns what it changes, and those of other organisations go on.
fn caught(chore: impl Future<Output = ()> + Send + 'static) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        if AssertUnwindSafe(chore).catch_unwind().await.is_err() {
            tracing::error!(
                event = "chore_panicked",
                "what the server did besides answering met a fault of this program"
            );
        }
    })
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

    #[tokio::test]
    async fn what_is_to_be_finished_is_though_nobody_waits_for_it_any_more() {
        let (stopper, stop) = Stop::channel();
        let (chores, crew) = Chores::new(&stop);
        let (begin, begun) = oneshot::channel::<()>();
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        let asked = async {
            let work = async move {
                let _ = begun.await;
                counted.fetch_add(1, Ordering::SeqCst)
            };
            // Whoever asks goes away before it is done.
            assert!(tokio::time::timeout(Duration::from_millis(1), chores.finish(work)).await.is_err());
            begin.send(()).expect("somebody does it");
            stopper.stop();
        };
        tokio::join!(crew.work(&stop), asked);
        assert_eq!(done.load(Ordering::SeqCst), 1);
        assert_eq!(chores.finish(async { 7 }).await, Some(7), "after a stop the request does it itself");
        assert_eq!(Chores::none().finish(async { 8 }).await, Some(8));
        let fault = async { [0_u8; 0].first().copied().expect("a fault") };
        assert_eq!(Chores::none().finish(fault).await, None);
    }
}
