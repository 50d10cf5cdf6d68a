//! The end of a server: a signal begins it, and a limit or a second signal cuts it short.

use std::{
    future::{Future, pending},
    panic::resume_unwind,
    pin::pin,
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

use crate::Ends;

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Unasked,
    /// All that was being served was answered.
    Drained,
    /// It was still draining when a second signal came or the limit was over.
    CutShort,
}

/// Runs a server until a signal, then until it has drained: at most `limit`, or until a second signal. The server is
/// given a receiver that turns true when it is to drain; it should refuse what is new, finish what it serves, and end.
///
/// When the drain is cut short, the server's future is dropped: what it owns must end with it. A server whose parts take
/// their time to end runs [`on_runtime`].
///
/// # Errors
/// What the server ended with.
pub async fn until_drained<S, E>(
    server: impl FnOnce(watch::Receiver<bool>) -> S,
    ends: &mut Ends,
    limit: Duration,
) -> Result<Ended, E>
where
    S: Future<Output = Result<(), E>>,
{
    let (stop, stopping) = watch::channel(false);
    let mut server = pin!(server(stopping));
    tokio::select! {
        ended = &mut server => return ended.map(|()| Ended::Unasked),
        () = ends.next() => {}
    }
    tracing::info!("draining");
    stop.send_replace(true);
    tokio::select! {
        ended = &mut server => {
            ended?;
            tracing::info!("drained");
            return Ok(Ended::Drained);
        }
        () = ends.next() => tracing::warn!("a second signal: ending without having drained"),
        () = sleep(limit) => tracing::warn!("the limit for draining is over: ending without having drained"),
    }
    Ok(Ended::CutShort)
}

/// Runs a future as a task, so that the runtime drops it when the caller gives up: [`crate::block_on`] waits for that,
/// with a limit, where dropping a future in place would wait without one.
///
/// # Panics
/// When the future did.
pub async fn on_runtime<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(future).await {
        Ok(ended) => ended,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime itself is ending, and drops the caller next.
            Err(_) => pending().await,
        },
    }
}
