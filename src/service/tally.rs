//! What the service counts for the operator.
//!
//! # Privacy
//! Numbers by words of closed sets. How many, never who.

use std::sync::Arc;

use restante_process::{
    metrics::{Counted, Histogram, Unit},
    words,
};

use super::Service;

/// Which lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneKind {
    /// Those of groups, together.
    Groups,
    /// That of KeyPackages, tokens and Welcomes that wait.
    Pool,
}

words!(LaneKind { Groups => "groups", Pool => "pool" });

/// What came of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchEnd {
    /// It is durable.
    Durable,
    /// Somebody else wrote; it is decided again.
    Conflict,
    /// It could not be written.
    Failed,
}

words!(BatchEnd { Durable => "durable", Conflict => "conflict", Failed => "failed" });

/// What a lane decided about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It was carried out.
    Done,
    /// It was refused.
    Refused,
}

words!(Decision { Done => "done", Refused => "refused" });

/// What came of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushEnd {
    /// The subscriber has all there is, for now.
    Done,
    /// The subscriber has it, and there is more.
    More,
    /// The subscriber refused it.
    Refused,
    /// The subscriber could not be reached.
    Unreached,
    /// It could not be made, or what came of it could not be recorded.
    Stuck,
}

words!(PushEnd { Done => "done", More => "more", Refused => "refused", Unreached => "unreached", Stuck => "stuck" });

/// Whether a public state was at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Found,
    Missed,
}

words!(Lookup { Found => "found", Missed => "missed" });

/// Commands in a batch: up to as many as one takes.
const COMMANDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// Microseconds from half a millisecond to ten seconds.
const MICROS: &[u64] =
    &[500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];

/// What lanes of one kind count.
#[derive(Debug)]
pub(super) struct LaneTally {
    /// How many commands a durable batch had.
    pub(super) commands: Histogram,
    /// How long deciding and writing a durable batch took, from when its first command was looked at.
    pub(super) micros: Histogram,
    pub(super) batches: Counted<BatchEnd>,
    pub(super) decisions: Counted<Decision>,
}

impl Default for LaneTally {
    fn default() -> Self {
        Self {
            commands: Histogram::new(Unit::Number, COMMANDS),
            micros: Histogram::new(Unit::Micros, MICROS),
            batches: Counted::default(),
            decisions: Counted::default(),
        }
    }
}

/// Everything that is counted where it happens.
#[derive(Debug, Default)]
pub struct Tally {
    groups: LaneTally,
    pool: LaneTally,
    /// Pushes, by what came of them.
    pub pushes: Counted<PushEnd>,
}

impl Tally {
    pub(super) fn lane(&self, kind: LaneKind) -> &LaneTally {
        match kind {
            LaneKind::Groups => &self.groups,
            LaneKind::Pool => &self.pool,
        }
    }
}

impl Service {
    /// What is counted.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }
}
