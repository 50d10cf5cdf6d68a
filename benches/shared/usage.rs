//! What a process takes of the machine, from /proc.

use std::fs;

/// Bytes, and numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// All that is in memory for it.
    pub(crate) resident: u64,
    /// The same with its share only of what other processes have too.
    pub(crate) proportional: u64,
    pub(crate) descriptors: usize,
    /// User and system time so far.
    pub(crate) cpu_seconds: f64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Self {
        let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap();
        Self {
            resident: kib(&read("status"), "VmRSS:") * 1024,
            proportional: kib(&read("smaps_rollup"), "Pss:") * 1024,
            descriptors: fs::read_dir(format!("/proc/{process}/fd")).unwrap().count(),
            cpu_seconds: crate::cpu::seconds(process),
        }
    }
}

/// The number behind a word at the beginning of a line.
fn kib(text: &str, word: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(word)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()
}
