//! The end of a server: a signal begins it, and a limit or a second signal cuts it short.

use std::{future::Future, pin::pin, time::Duration};

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
/// When the drain is cut short, the server's future is dropped: what it owns must end with it.
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
