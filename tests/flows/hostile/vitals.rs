//! What the system says of a process.

use std::{collections::BTreeSet, fs, time::Duration};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::time::sleep;

use crate::process::PATIENCE;

/// Between two looks at what nobody announces.
const STEP: Duration = Duration::from_millis(20);

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vitals(pub(super) u32);

impl Vitals {
    pub(super) fn descriptors(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0)).unwrap().count()
    }

    /// Memory that it has, in KiB.
    pub(super) fn resident_kib(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Time of processors that it has used, in the system's ticks, of which there are a hundred in a second.
    pub(super) fn ticks(self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        // The name of the program stands in parentheses, and may hold spaces.
        let (_, behind) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = behind.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Waits until it has no more descriptors than that.
    pub(super) async fn descriptors_fall_to(self, most: usize, what: &str) {
        let waited = comes_true(|| self.descriptors() <= most).await;
        assert!(waited, "{what}: {} descriptors are left, and there were {most}", self.descriptors());
    }

    /// Waits until it has so many descriptors at least.
    pub(super) async fn descriptors_rise_to(self, least: usize, what: &str) {
        let waited = comes_true(|| self.descriptors() >= least).await;
        assert!(waited, "{what}: {} descriptors, and not {least}", self.descriptors());
    }

    /// Waits until it has no more memory than that.
    pub(super) async fn memory_falls_to(self, most_kib: u64, what: &str) {
        let waited = comes_true(|| self.resident_kib() <= most_kib).await;
        assert!(waited, "{what}: {} KiB are left, and not {most_kib}", self.resident_kib());
    }

    /// From here on it opens nothing more, until that is taken back with what this returns.
    pub(super) fn exhaust_descriptors(self) -> Rlimit {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.0)).unwrap();
        let open: BTreeSet<u64> =
            entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
        // Not how many there are is limited, but how they are numbered; a new one gets the lowest number that is free.
        let free = (0..).find(|number| !open.contains(number)).unwrap();
        // The hard limit, which it has from us, stays: only so can the other one be raised again.
        self.limit_descriptors(Rlimit { current: Some(free), maximum: getrlimit(Resource::Nofile).maximum })
    }

    /// Sets its limits of open files, and returns those before.
    pub(super) fn limit_descriptors(self, limit: Rlimit) -> Rlimit {
        let process = Pid::from_raw(i32::try_from(self.0).unwrap()).unwrap();
        prlimit(Some(process), Resource::Nofile, limit).unwrap()
    }
}

/// Looks again and again, as nobody announces it. `false` when it takes too long.
async fn comes_true(is_true: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !is_true() {
            sleep(STEP).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.is_ok()
}
