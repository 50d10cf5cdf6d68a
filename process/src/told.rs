//! What a program that serves waits for: its end, a reload, or a part that stops by a bug.

use tokio::sync::watch;

use crate::{Reloads, Stopped, Supervisor};

/// What a program is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// To end: `stopping` turned true, or its sender is gone.
    ToEnd,
    /// To read its files again.
    ToReload,
}

/// Waits until the program is told something: it serves, and the service manager is told so, and what comes of it.
/// `stopped` is the first of its parts that stops. Nothing is lost when the future is dropped.
///
/// # Errors
/// Something stopped that the rest is no program without.
pub async fn told(
    supervisor: &Supervisor,
    stopping: &mut watch::Receiver<bool>,
    reloads: &mut Reloads,
    stopped: impl Future<Output = Stopped>,
) -> Result<Told, Stopped> {
    supervisor.serves();
    tokio::select! {
        biased;
        // First: told to end, the parts do.
        _ = stopping.wait_for(|ends| *ends) => {
            supervisor.ends();
            Ok(Told::ToEnd)
        }
        stopped = stopped => Err(stopped),
        () = reloads.next() => {
            supervisor.reloads();
            Ok(Told::ToReload)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        time::Duration,
    };

    use super::*;
    use crate::Signals;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// One test: signals are the whole process's.
    #[tokio::test]
    async fn the_end_comes_first_then_what_stopped_then_a_reload() {
        let nobody = Supervisor::default();
        let (stop, mut stopping) = watch::channel(false);
        let mut reloads = Signals::install().expect("signals can be handled").reloads;
        signal_hook::low_level::raise(signal_hook::consts::SIGHUP).expect("it can be raised");
        let waited = tokio::time::timeout(PATIENCE, told(&nobody, &mut stopping, &mut reloads, pending())).await;
        assert_eq!(waited, Ok(Ok(Told::ToReload)));
        assert_eq!(told(&nobody, &mut stopping, &mut reloads, ready(Stopped("part"))).await, Err(Stopped("part")));
        stop.send_replace(true);
        assert_eq!(told(&nobody, &mut stopping, &mut reloads, ready(Stopped("part"))).await, Ok(Told::ToEnd));
        let (stop, mut stopping) = watch::channel(false);
        drop(stop);
        assert_eq!(told(&nobody, &mut stopping, &mut reloads, pending()).await, Ok(Told::ToEnd));
    }
}
