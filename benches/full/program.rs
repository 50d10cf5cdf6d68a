//! `restante serve` on a database.

use std::{
    fs,
    net::SocketAddr,
    thread::sleep,
    time::{Duration, Instant},
};

use super::database::Database;
use crate::{
    program::{self, is_ready},
    usage::Usage,
};

/// No start takes longer.
const START_MAX: Duration = Duration::from_secs(120);
/// Between two looks whether it is ready.
const STEP: Duration = Duration::from_millis(1);
/// A process that took no processor time in so long has nothing to do. The system counts it in hundredths of a second.
const SETTLED: Duration = Duration::from_millis(300);
/// How long it may have something to do.
const SETTLING_MAX: Duration = Duration::from_secs(900);

pub(crate) struct Program {
    process: program::Program,
    pub(crate) address: SocketAddr,
    /// From its start until `/readyz` said so.
    pub(crate) start: Duration,
}

impl Program {
    pub(crate) fn start(database: &Database) -> Self {
        let begun = Instant::now();
        let mut process = program::Program::serve(&program::restante(), &database.folder.join("hub.toml"));
        let address = process.listening("local").expect("the hub says where it listens");
        while !is_ready(address) {
            assert!(begun.elapsed() < START_MAX, "the hub does not get ready");
            sleep(STEP);
        }
        Self { process, address, start: begun.elapsed() }
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.process.id())
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        crate::cpu::seconds(self.process.id())
    }

    /// Waits until it has nothing to do: no walk, and no compaction.
    pub(crate) fn settle(&self) {
        let begun = Instant::now();
        let mut before = self.cpu_seconds();
        loop {
            sleep(SETTLED);
            let now = self.cpu_seconds();
            if now <= before {
                return;
            }
            assert!(begun.elapsed() < SETTLING_MAX, "the hub does not come to rest");
            before = now;
        }
    }
}

/// What the system has of memory that is not used, in bytes.
pub(crate) fn memory_available() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}
