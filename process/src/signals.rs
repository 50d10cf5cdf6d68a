//! Signals: when to end, and when to read files again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, SIGINT and SIGHUP, caught from here on.
#[derive(Debug)]
pub struct Signals {
    /// SIGTERM and SIGINT.
    pub ends: Ends,
    /// SIGHUP.
    pub reloads: Reloads,
}

impl Signals {
    /// Catches the signals.
    ///
    /// # Errors
    /// The system refuses, or there is no runtime with I/O.
    pub fn install() -> io::Result<Self> {
        Ok(Self { ends: Ends::install()?, reloads: Reloads(signal(SignalKind::hangup())?) })
    }
}

/// Signals that ask for the end: the first to drain, the second at once.
#[derive(Debug)]
pub struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    /// Catches SIGTERM and SIGINT only: SIGHUP keeps its meaning, the end.
    ///
    /// # Errors
    /// As [`Signals::install`].
    pub fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of either. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Signals that ask to read files again. Several that come while one is being acted on count as one.
#[derive(Debug)]
pub struct Reloads(Signal);

impl Reloads {
    /// Waits for the next. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}
