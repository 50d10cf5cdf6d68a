//! Processes that have no descriptor left, whatever they kept for themselves: they wait, say so once for each listener, and
//! go on when there are some.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{
    grounds::Grounds,
    target::{Connection, NEIGHBOUR, Target},
    vitals::Vitals,
};

/// Lines of `[limits]`: whoever waits is borne with.
const LIMITS: &str = "header_read_timeout_seconds = 60\n";

/// More on each listener than descriptors that may have come free since it was looked.
const FILLING: usize = 8;

/// For so long it is watched whether a process spins, or fills its log: it may try to accept some ten times.
const WATCHED: Duration = Duration::from_secs(1);

/// What a listener says that cannot accept.
const COMPLAINT: &str = "connections are not accepted";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptors_that_run_out_are_waited_for() {
    let grounds = Grounds::new(LIMITS).await;
    for process in grounds.processes() {
        let vitals = Vitals(process.id());
        let listeners: Vec<&Target> = grounds.of(vitals).collect();
        let mut usual = Vec::new();
        for listener in &listeners {
            usual.push((listener.name, listener.ask().await));
        }
        let plain = listeners.iter().find(|listener| listener.tls.is_none()).unwrap();
        let mut kept = plain.connect(NEIGHBOUR, b"http/1.1").await.unwrap();
        let answered = plain.ask_on(&mut kept).await;
        let before = vitals.descriptors();
        assert_eq!(process.logged().matches(COMPLAINT).count(), 0);

        let allowed = vitals.exhaust_descriptors();
        let mut filling: Vec<Connection> = Vec::new();
        for listener in &listeners {
            for _connection in 0..FILLING {
                // The system takes them, for the process.
                filling.push(listener.bare(NEIGHBOUR).await.unwrap());
            }
        }
        process.has_logged(COMPLAINT, listeners.len()).await;
        let mut waiting = JoinSet::new();
        for listener in &listeners {
            let listener = Target::clone(listener);
            waiting.spawn(async move { (listener.name, listener.ask().await) });
        }
        let ticks = vitals.ticks();
        // Whoever is there already is served.
        assert_eq!(plain.ask_on(&mut kept).await, answered, "[{}] on a connection that it has", plain.name);
        tokio::time::sleep(WATCHED).await;
        let used = vitals.ticks() - ticks;
        assert!(used < 60, "[{}] used {used} hundredths of a second in {WATCHED:?}", plain.name);
        assert!(waiting.try_join_next().is_none(), "[{}] somebody was served without a descriptor", plain.name);

        // Whoever waited is served, and whoever comes, and nothing was started anew.
        vitals.limit_descriptors(allowed);
        let mut served = waiting.join_all().await;
        served.sort_unstable();
        usual.sort_unstable();
        assert_eq!(served, usual);
        drop(filling);
        for listener in &listeners {
            assert!(usual.contains(&(listener.name, listener.ask().await)), "[{}] serves again", listener.name);
        }
        let complaints = process.logged().matches(COMPLAINT).count();
        assert_eq!(complaints, listeners.len(), "each says it once in a minute: {}", process.logged());
        assert!(!process.logged().contains("no more writes"), "{}", process.logged());
        vitals.descriptors_fall_to(before, &format!("clients of [{}] that have gone", plain.name)).await;
    }
}
