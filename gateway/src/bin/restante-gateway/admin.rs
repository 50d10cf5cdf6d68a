//! What the operator's listener says.
//!
//! # Privacy
//! Words of a closed set and numbers.

use std::{fmt::Write as _, sync::Arc};

use restante_gateway::{Counters, ReplayWindow};
use restante_process::{admin::Standing, clock::Jump, metrics::Exposition};
use tokio::time::Instant;

use crate::{health::Health, marks::Marks, metrics};

/// How the gateway fares.
#[derive(Clone)]
pub(crate) struct GatewayStanding {
    pub(crate) counters: Arc<Counters>,
    pub(crate) replays: Arc<ReplayWindow>,
    pub(crate) marks: Marks,
    pub(crate) health: Arc<Health>,
    /// How far a date may be from now.
    pub(crate) date_window_ms: u64,
    /// Marks were gone before the start: until then requests are refused for that.
    pub(crate) lost_ms: Option<u64>,
    /// Milliseconds since the Unix epoch.
    pub(crate) now_ms: fn() -> u64,
}

impl GatewayStanding {
    /// Why requests had better go elsewhere. There is always a key: without one the process does not start.
    fn trouble(&self) -> Option<&'static str> {
        let now_ms = (self.now_ms)();
        if self.health.is_draining() {
            Some("draining")
        } else if self.marks.is_poisoned() {
            Some("marks of requests cannot be written: see replays.path, then restart")
        } else if self.refused_ms(now_ms) == 0 {
            None
        } else if self.lost_ms.is_some_and(|lost_ms| now_ms < lost_ms) {
            Some("marks of earlier requests were lost: requests are refused until copies would be too old")
        } else {
            Some("the clock went back: requests are refused until it is where it was")
        }
    }

    /// For how long a request that is dated now is still refused, because it may be a copy.
    fn refused_ms(&self, now_ms: u64) -> u64 {
        self.replays.forgotten_ms().saturating_sub(now_ms.saturating_add(self.date_window_ms))
    }

    /// What is wrong, and no reason to go elsewhere.
    fn warnings(&self) -> impl Iterator<Item = &'static str> {
        let keyring = self.health.keyring_fails().then_some(
            "the keyring cannot be read or written: the keys stay as they are, and none will follow them (keys.path)",
        );
        let clock = self.health.recent_jump(Instant::now()).map(|jump| match jump {
            Jump::Ahead => "the clock jumped ahead: requests that are dated by another are refused",
            Jump::Back => "the clock jumped back: requests that are dated by another are refused",
        });
        keyring.into_iter().chain(clock)
    }
}

impl Standing for GatewayStanding {
    fn readiness(&self) -> Result<String, String> {
        let trouble = self.trouble();
        let mut lines = format!("{}\n", trouble.unwrap_or("ready"));
        for warning in self.warnings() {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{warning}");
        }
        if trouble.is_none() { Ok(lines) } else { Err(lines) }
    }

    fn metrics(&self) -> Exposition {
        let refused_ms = self.refused_ms((self.now_ms)());
        metrics::expose(&self.counters, &self.replays, &self.health, refused_ms, self.trouble().is_none())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use restante_gateway::ReplayMark;
    use tempfile::TempDir;

    use super::*;
    use crate::marks::restore;

    const NOW_MS: u64 = 1_000_000_000;
    const WINDOW_MS: u64 = 120_000;

    fn standing(folder: &TempDir, lost_ms: Option<u64>) -> GatewayStanding {
        let (opened, _) = restore(folder.path(), 0).unwrap();
        let (marks, _) = Marks::start(opened, || NOW_MS).unwrap();
        GatewayStanding {
            counters: Arc::default(),
            replays: Arc::new(ReplayWindow::new(10)),
            marks,
            health: Arc::default(),
            date_window_ms: WINDOW_MS,
            lost_ms,
            now_ms: || NOW_MS,
        }
    }

    #[tokio::test]
    async fn a_clock_that_went_back_is_told_as_long_as_it_costs_requests() {
        let folder = TempDir::new().unwrap();
        let standing = standing(&folder, None);
        assert_eq!(standing.readiness(), Ok("ready\n".to_owned()));
        let expired = |expires_ms| ReplayMark { digest: [1; 32], expires_ms };
        // It was ahead until just now: what expired then is not let through, and all dates are later than that.
        standing.replays.restore([expired(NOW_MS + WINDOW_MS)], NOW_MS + WINDOW_MS);
        assert_eq!(standing.readiness(), Ok("ready\n".to_owned()));
        standing.replays.restore([expired(NOW_MS + WINDOW_MS + 1_500)], NOW_MS + 2 * WINDOW_MS);
        let told = "the clock went back: requests are refused until it is where it was\n";
        assert_eq!(standing.readiness(), Err(told.to_owned()));
        let metrics = standing.metrics().finish();
        assert!(metrics.contains("restante_gateway_refused_seconds 2\n"), "{metrics}");
        assert!(metrics.contains("restante_gateway_ready 0\n"), "{metrics}");
    }

    #[tokio::test]
    async fn lost_marks_are_told_until_their_time_is_over() {
        let folder = TempDir::new().unwrap();
        let standing = standing(&folder, Some(NOW_MS + 2 * WINDOW_MS + 1));
        standing.replays.distrust(NOW_MS + 2 * WINDOW_MS + 1);
        let told = "marks of earlier requests were lost: requests are refused until copies would be too old\n";
        assert_eq!(standing.readiness(), Err(told.to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn jumps_and_a_keyring_that_fails_stand_below() {
        let folder = TempDir::new().unwrap();
        let standing = standing(&folder, None);
        standing.health.note_jump(Jump::Ahead, Instant::now());
        standing.health.note_refresh(false);
        let told = standing.readiness().unwrap();
        assert!(told.starts_with("ready\nthe keyring cannot be read or written: "), "{told}");
        assert!(told.contains("\nthe clock jumped ahead: "), "{told}");
        let metrics = standing.metrics().finish();
        for line in [
            "restante_gateway_clock_jumps_total{direction=\"ahead\"} 1\n",
            "restante_gateway_clock_jumps_total{direction=\"back\"} 0\n",
            "restante_gateway_key_refreshes_total{outcome=\"failed\"} 1\n",
            "restante_gateway_key_refreshes_total{outcome=\"done\"} 0\n",
            "restante_gateway_ready 1\n",
        ] {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
        standing.health.note_refresh(true);
        tokio::time::advance(Duration::from_secs(15 * 60)).await;
        assert_eq!(standing.readiness(), Ok("ready\n".to_owned()));
    }

    #[tokio::test]
    async fn draining_comes_first() {
        let folder = TempDir::new().unwrap();
        let standing = standing(&folder, None);
        standing.replays.distrust(u64::MAX);
        standing.health.drain();
        assert_eq!(standing.readiness(), Err("draining\n".to_owned()));
    }
}
