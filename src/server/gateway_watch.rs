//! What the operator is told of the gateway in this process: lines below the first of `/readyz`, and a line of the log
//! when something begins and when it is over.
//!
//! # Privacy
//! Sentences of a closed set.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use restante_gateway::{Counters, Gateway, Machine, Outcome, Policy, ReplayWindow, Surroundings as _};
use restante_process::clock::{ClockWatch, Jump, LOOK_INTERVAL};
use tokio::{sync::watch, time::Instant};

use crate::http::Hub;

/// A jump of the clock, and requests that found no room, are told for so long.
const RECENT: Duration = Duration::from_secs(15 * 60);

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Keyring,
    Forgotten,
    Full,
    ClockAhead,
    ClockBack,
}

impl Trouble {
    fn sentence(self) -> &'static str {
        match self {
            Self::Keyring => {
                "gateway: the keyring cannot be read or written: the keys stay as they are, and none will follow them \
                 (public.keys_path)"
            }
            Self::Forgotten => {
                "gateway: all requests are refused for now: marks of earlier ones were lost, or the clock went back"
            }
            Self::Full => "gateway: requests were refused because there was no room to recognise copies of them",
            Self::ClockAhead => "gateway: the clock jumped ahead: requests that are dated by another are refused",
            Self::ClockBack => "gateway: the clock jumped back: requests that are dated by another are refused",
        }
    }
}

/// Looks at a gateway now and then.
pub(super) struct GatewayWatch {
    counters: Arc<Counters>,
    replays: Arc<ReplayWindow>,
    keyring_fails: Arc<AtomicBool>,
    date_window_ms: u64,
    clock: ClockWatch,
    last_jump: Option<(Jump, Duration)>,
    /// How many requests had found no room, and when that number was last found grown.
    full: (u64, Option<Duration>),
    told: BTreeSet<Trouble>,
}

impl GatewayWatch {
    /// `keyring_fails` is what [`super::public::keep_fresh`] says.
    pub(super) fn new<T>(gateway: &Gateway<T>, keyring_fails: Arc<AtomicBool>) -> Self {
        Self {
            counters: gateway.counters(),
            replays: gateway.replays(),
            keyring_fails,
            date_window_ms: u64::try_from(Policy::default().date_window.as_millis()).unwrap_or(u64::MAX),
            clock: ClockWatch::new(Machine.now_ms(), Duration::ZERO),
            last_jump: None,
            full: (0, None),
            told: BTreeSet::new(),
        }
    }

    /// Until the end.
    pub(super) async fn watch(mut self, hub: Arc<Hub>, mut stopping: watch::Receiver<bool>) {
        let began = Instant::now();
        loop {
            hub.remark(self.look(Machine.now_ms(), began.elapsed()));
            tokio::select! {
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                _ = stopping.wait_for(|ends| *ends) => return,
            }
        }
    }

    /// What is wrong now; what was not before, and what is not any more, is logged.
    fn look(&mut self, now_ms: u64, elapsed: Duration) -> Vec<&'static str> {
        let troubles = self.troubles(now_ms, elapsed);
        for begun in troubles.difference(&self.told) {
            tracing::warn!("{}", begun.sentence());
        }
        for over in self.told.difference(&troubles) {
            tracing::info!("over: {}", over.sentence());
        }
        self.told = troubles;
        self.told.iter().map(|trouble| trouble.sentence()).collect()
    }

    fn troubles(&mut self, now_ms: u64, elapsed: Duration) -> BTreeSet<Trouble> {
        let is_recent = |when: Duration| elapsed.saturating_sub(when) < RECENT;
        if let Some((jump, _)) = self.clock.look(now_ms, elapsed) {
            self.last_jump = Some((jump, elapsed));
        }
        let full = self.counters.of(Outcome::WindowFull);
        if full > self.full.0 {
            self.full = (full, Some(elapsed));
        }
        let jump = self.last_jump.filter(|(_, when)| is_recent(*when)).map(|(jump, _)| match jump {
            Jump::Ahead => Trouble::ClockAhead,
            Jump::Back => Trouble::ClockBack,
        });
        // Also those that are dated now.
        let is_refusing = self.replays.forgotten_ms() > now_ms.saturating_add(self.date_window_ms);
        let so = |trouble: Trouble, is_so: bool| is_so.then_some(trouble);
        [
            so(Trouble::Keyring, self.keyring_fails.load(Ordering::Relaxed)),
            so(Trouble::Forgotten, is_refusing),
            so(Trouble::Full, self.full.1.is_some_and(is_recent)),
            jump,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use restante_gateway::ReplayMark;

    use super::*;

    const NOW_MS: u64 = 1_000_000_000;
    const WINDOW_MS: u64 = 120_000;

    fn watch() -> GatewayWatch {
        GatewayWatch {
            counters: Arc::default(),
            replays: Arc::new(ReplayWindow::new(10)),
            keyring_fails: Arc::default(),
            date_window_ms: WINDOW_MS,
            clock: ClockWatch::new(NOW_MS, Duration::ZERO),
            last_jump: None,
            full: (0, None),
            told: BTreeSet::new(),
        }
    }

    fn seconds(passed: u64) -> (u64, Duration) {
        (NOW_MS + passed * 1000, Duration::from_secs(passed))
    }

    impl GatewayWatch {
        fn look_after(&mut self, passed: u64) -> Vec<&'static str> {
            let (now_ms, elapsed) = seconds(passed);
            self.look(now_ms, elapsed)
        }
    }

    #[test]
    fn a_keyring_that_fails_is_told_as_long_as_it_does() {
        let mut watch = watch();
        assert!(watch.look_after(5).is_empty());
        watch.keyring_fails.store(true, Ordering::Relaxed);
        assert_eq!(watch.look_after(10), [Trouble::Keyring.sentence()]);
        watch.keyring_fails.store(false, Ordering::Relaxed);
        assert!(watch.look_after(15).is_empty());
    }

    #[test]
    fn a_window_that_refuses_what_is_dated_now_is_told_until_it_does_not() {
        let mut watch = watch();
        watch.replays.restore([ReplayMark { digest: [1; 32], expires_ms: NOW_MS + WINDOW_MS }], NOW_MS + WINDOW_MS);
        assert!(watch.look_after(0).is_empty(), "all dates are later");
        watch.replays.distrust(NOW_MS + WINDOW_MS + 10_000);
        assert_eq!(watch.look_after(5), [Trouble::Forgotten.sentence()]);
        assert!(watch.look_after(10).is_empty());
    }

    #[test]
    fn a_jump_of_the_clock_is_told_for_a_quarter_of_an_hour() {
        let mut watch = watch();
        let (now_ms, elapsed) = seconds(5);
        assert_eq!(watch.look(now_ms + 60_000, elapsed), [Trouble::ClockAhead.sentence()]);
        let (now_ms, elapsed) = seconds(10);
        assert_eq!(watch.look(now_ms, elapsed), [Trouble::ClockBack.sentence()]);
        assert_eq!(watch.look_after(9 + 15 * 60).len(), 1);
        assert!(watch.look_after(10 + 15 * 60).is_empty());
    }
}
