//! What the system says of a process.

use std::{fs, time::Duration};

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
        let fallen = async {
            while self.descriptors() > most {
                sleep(STEP).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, fallen).await;
        assert!(waited.is_ok(), "{what}: {} descriptors are left, and there were {most}", self.descriptors());
    }
}
