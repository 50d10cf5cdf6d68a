//! When a courier looks: at the start, when it is called, when something is known to be due, and now and then by itself.

use std::time::Duration;

use tokio::sync::{Notify, watch};

/// Calls may be lost: after so long a courier looks all the same.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(30);

/// Does `rounds` until `stopping` turns true or its sender is gone. A round that is under way then is dropped where it
/// waits: what it was about stays due.
pub(super) async fn until_stopped(mut stopping: watch::Receiver<bool>, rounds: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        _ = stopping.wait_for(|ends| *ends) => {}
        () = rounds => {}
    }
}

/// Rests until the courier is called, and no longer than `longest` or [`LONGEST_REST`]. A call that came during the
/// round before is kept, and ends the rest at once; several are one.
pub(super) async fn rest(call: &Notify, longest: Option<Duration>) {
    let longest = longest.map_or(LONGEST_REST, |longest| longest.min(LONGEST_REST));
    drop(tokio::time::timeout(longest, call.notified()).await);
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{Instant, timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn calls_between_two_rounds_are_kept_as_one() {
        let call = Notify::new();
        call.notify_one();
        call.notify_one();
        timeout(PATIENCE, rest(&call, None)).await.expect("called before");
        let start = Instant::now();
        rest(&call, Some(SHORT)).await;
        assert!(start.elapsed() >= SHORT, "nobody called since");
    }

    #[tokio::test]
    async fn a_call_ends_the_rest() {
        let call = Notify::new();
        timeout(PATIENCE, async { tokio::join!(rest(&call, None), async { call.notify_one() }) })
            .await
            .expect("called");
    }

    #[tokio::test]
    async fn what_is_due_soon_shortens_the_rest() {
        let start = Instant::now();
        timeout(PATIENCE, rest(&Notify::new(), Some(SHORT))).await.expect("short");
        assert!(start.elapsed() >= SHORT);
    }

    #[tokio::test]
    async fn a_round_that_hangs_ends_with_the_process() {
        let (stop, stopping) = watch::channel(false);
        let rounds = until_stopped(stopping, pending());
        stop.send_replace(true);
        timeout(PATIENCE, rounds).await.expect("told to stop");
        let (stop, stopping) = watch::channel(false);
        drop(stop);
        timeout(PATIENCE, until_stopped(stopping, pending())).await.expect("nobody can tell it to stop any more");
    }
}
