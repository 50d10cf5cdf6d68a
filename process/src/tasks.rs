//! Tasks that a program cannot do without: when one ends before all are told to, the program ends.
//!
//! A task that panics ends alone: nothing else of the process notices. A program whose listener is gone in this way would
//! go on, look alive, and serve nobody.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

/// Tasks, each with a name of the program's own. They end with this.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

/// A task that the program cannot do without has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a part of the process stopped by a bug: {0}")]
pub struct Stopped(pub &'static str);

impl Tasks {
    /// Starts a task.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until one ends, which none does before it is told to unless it has a bug. Nothing is lost when the future is
    /// dropped.
    pub async fn stopped(&mut self) -> Stopped {
        match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => self.told(id),
            Some(Err(error)) => self.told(error.id()),
            // There is none that could end.
            None => std::future::pending().await,
        }
    }

    /// Waits until all have ended, as they were told to.
    ///
    /// # Errors
    /// One panicked. All have ended nevertheless.
    pub async fn ended(mut self) -> Result<(), Stopped> {
        let mut ended = Ok(());
        while let Some(one) = self.running.join_next().await {
            ended = ended.and(one.map_err(|error: JoinError| self.told(error.id())));
        }
        ended
    }

    /// Ends all of them where they wait, and returns when they have ended.
    pub async fn shutdown(mut self) {
        self.running.shutdown().await;
    }

    fn told(&self, id: Id) -> Stopped {
        let name = self.names.get(&id).copied().unwrap_or("unknown");
        tracing::error!(part = name, "a part of the process stopped by a bug");
        Stopped(name)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn whichever_ends_first_is_told_by_its_name() {
        let mut tasks = Tasks::default();
        tasks.spawn("lasting", std::future::pending());
        tasks.spawn("panicking", async { panic!("a bug") });
        assert_eq!(tasks.stopped().await, Stopped("panicking"));
        tasks.spawn("returning", async {});
        assert_eq!(tasks.stopped().await, Stopped("returning"));
    }

    #[tokio::test]
    async fn those_that_are_told_to_end_have_not_stopped() {
        let (end, told) = oneshot::channel::<()>();
        let mut tasks = Tasks::default();
        tasks.spawn("serving", async move { drop(told.await) });
        drop(end);
        assert_eq!(tasks.ended().await, Ok(()));
        let mut tasks = Tasks::default();
        tasks.spawn("panicking", async { panic!("a bug") });
        tasks.spawn("serving", async {});
        assert_eq!(tasks.ended().await, Err(Stopped("panicking")));
    }
}
