//! What processes took at some time, and what happened in a minute.

use std::time::Duration;

use super::{record::Happened, world::World};
use crate::usage::Usage;

/// All processes, in this order; the last one is the generator.
pub(crate) const PROCESSES: [&str; 4] = ["hub", "follower", "relay", "generator"];

/// Of [`PROCESSES`].
pub(crate) type Usages = [Usage; 4];

pub(crate) fn of_all(world: &World) -> Usages {
    let [hub, follower, relay] = &world.site.processes;
    [Usage::of(hub.id()), Usage::of(follower.id()), Usage::of(relay.id()), Usage::of(std::process::id())]
}

pub(crate) struct Sample {
    /// Since traffic began.
    pub(crate) at: Duration,
    pub(crate) usages: Usages,
}

pub(crate) struct Minute {
    pub(crate) length: Duration,
    pub(crate) happened: Happened,
    /// At its end.
    pub(crate) usages: Usages,
    /// Processor time of each process in it, in seconds.
    pub(crate) cpu_seconds: [f64; 4],
    /// Of the databases of hub and follower.
    pub(crate) disk_bytes: [u64; 2],
}

impl Minute {
    pub(crate) fn new(
        length: Duration,
        happened: Happened,
        (before, after): (&Usages, &Usages),
        disk_bytes: [u64; 2],
    ) -> Self {
        let cpu_seconds = std::array::from_fn(|process| after[process].cpu_seconds - before[process].cpu_seconds);
        Self { length, happened, usages: *after, cpu_seconds, disk_bytes }
    }
}

/// The slope of the line that is nearest to these points, by least squares.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let across: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    across / points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>()
}
