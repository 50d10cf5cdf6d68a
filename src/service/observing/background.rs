//! Threads for work that grows with groups: they give way to all others.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use super::Error;

/// How much less of a processor a thread gets than others that want it too, in the steps of nice(2). It still gets a tenth.
const NICENESS: i32 = 10;
/// How long one may work on when the service ends. What it does then is of no use to anybody.
const FINISH_WAIT: Duration = Duration::from_secs(10);

/// Some threads of low priority. Dropping them leaves what they are at to itself.
///
/// Whoever shares a processor with one that follows a large group would wait for its turn, some milliseconds each: those
/// who send to other groups must not notice.
pub(super) struct Background {
    handle: Handle,
    /// Only its threads for blocking work are used. Taken by `finish`.
    runtime: Mutex<Option<Runtime>>,
}

impl Background {
    /// Starts no thread before there is work.
    pub(super) fn start(threads: usize) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .thread_name("observer")
            .max_blocking_threads(threads.max(1))
            .on_thread_start(give_way)
            .build()
            .map_err(|_| Error::NoThread)?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Mutex::new(Some(runtime)) })
    }

    /// Begins work as soon as a thread is free. After `finish` it is cancelled.
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.handle.spawn_blocking(work)
    }

    /// Ends the threads once they have done what they are at. Blocks until then, within a limit.
    pub(super) fn finish(&self) {
        let Some(runtime) = self.take() else { return };
        // On a thread of its own: tokio lets none wait here that runs tasks, and tests have no other.
        std::thread::scope(|scope| {
            scope.spawn(move || runtime.shutdown_timeout(FINISH_WAIT));
        });
    }

    fn take(&self) -> Option<Runtime> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Perhaps on one of these threads, or on one that must not wait.
        if let Some(runtime) = self.take() {
            runtime.shutdown_background();
        }
    }
}

/// On Linux niceness is a thread's own.
fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "commits of large groups are followed at full priority, which may delay others");
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn the_threads_give_way_and_nobody_else_does() {
        let before = getpriority_process(None).unwrap();
        let background = Background::start(1).unwrap();
        let there = background.spawn(|| getpriority_process(None).unwrap()).await.unwrap();
        assert_eq!(there, (before + NICENESS).min(19));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }

    #[tokio::test]
    async fn what_was_begun_is_done_and_nothing_after_the_end() {
        let background = Background::start(1).unwrap();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
        let working = background.spawn(move || {
            begun.send(()).unwrap();
            may_go_on.recv_timeout(Duration::from_secs(5)).unwrap();
        });
        has_begun.recv_timeout(Duration::from_secs(5)).unwrap();
        go_on.send(()).unwrap();
        background.finish();
        working.await.unwrap();
        assert!(background.spawn(|| ()).await.unwrap_err().is_cancelled());
    }
}
