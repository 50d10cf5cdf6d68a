//! A clock that goes many times faster than time, and waits for what is on its way.

use std::time::Duration;

use tokio::task::JoinSet;

/// How far it goes at once.
const STEP: Duration = Duration::from_millis(50);
/// How long it waits at each step.
const PAUSE: Duration = Duration::from_micros(300);

/// How late something may be by this clock.
pub(crate) const LATE: Duration = Duration::from_secs(2);

/// No listener here waits so long for anything: what takes longer does not happen.
const NEVER: Duration = Duration::from_secs(500);

/// Waits for something that a listener has to do.
pub(crate) async fn in_time<F: Future>(done: F) -> F::Output {
    tokio::time::timeout(NEVER, done).await.expect("it happens")
}

/// Runs until it is dropped, on a runtime whose clock is paused. Such a clock jumps to the next timer as soon as everybody
/// waits, and would pass over bytes that are still between two sockets: no ping would be answered in time.
#[must_use]
pub(crate) fn quick_clock() -> JoinSet<()> {
    let mut clock = JoinSet::new();
    clock.spawn(async {
        loop {
            tokio::time::sleep(STEP).await;
            // Nobody has anything to do but the system: it delivers what was sent.
            std::thread::sleep(PAUSE);
        }
    });
    clock
}
