//! The runtime under a program.

use std::{future::Future, io, time::Duration};

use tokio::runtime::Builder;

/// How long tasks and threads that are left behind may hold up the end of the process.
const LEFT_BEHIND_MAX: Duration = Duration::from_secs(3);

/// Runs a future to its end on a runtime of its own, and then what it leaves behind to its end, for three seconds at
/// most: tasks are dropped where they wait, and with the last of them what they own, such as a database.
///
/// # Errors
/// The system gave no threads.
pub fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(LEFT_BEHIND_MAX);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;

    struct Owned(Arc<AtomicBool>);

    impl Drop for Owned {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }

    #[test]
    fn what_abandoned_tasks_own_has_ended_when_the_runtime_has() {
        let ended = Arc::new(AtomicBool::new(false));
        let owned = Owned(ended.clone());
        let waiting = async move {
            std::future::pending::<()>().await;
            drop(owned);
        };
        block_on(async { drop(tokio::spawn(waiting)) }).unwrap();
        assert!(ended.load(Ordering::Acquire));
    }
}
