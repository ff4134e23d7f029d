//! Leaving in time: before an invocation is killed it stops its calls and releases what it holds.

use std::future::Future;

use crate::engine::{Deadline, Stopper};

/// Does `work` until it is done. A little before the deadline it is told to stop, and then waited for.
pub async fn within<F: Future>(deadline: Option<Deadline>, stopper: &Stopper, work: F) -> F::Output {
    let Some(deadline) = deadline else { return work.await };
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        () = tokio::time::sleep_until(deadline.leave()) => {
            tracing::info!(event = "deadline_near", "time is nearly over: calls are stopped, and what is held is released");
            stopper.stop();
            work.await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::Stop;

    #[tokio::test(start_paused = true)]
    async fn work_is_told_to_stop_before_the_deadline_and_waited_for() {
        let (stopper, stop) = Stop::channel();
        let begin = tokio::time::Instant::now();
        let work = async {
            stop.requested().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            begin.elapsed()
        };
        let took = within(Some(Deadline::after(Duration::from_secs(3))), &stopper, work).await;
        assert_eq!(took.as_millis(), 2_600);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_done_in_time_is_not_stopped() {
        let (stopper, stop) = Stop::channel();
        let deadline = Some(Deadline::after(Duration::from_secs(3)));
        assert_eq!(within(deadline, &stopper, std::future::ready(7)).await, 7);
        assert!(!stop.is_requested());
    }
}
