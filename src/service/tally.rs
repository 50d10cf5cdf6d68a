//! What the service counts for the operator.
//!
//! # Privacy
//! Numbers by words of closed sets. How many, never who: what is known by provider is summed up before it leaves here.

use std::sync::Arc;

use restante_process::metrics::{Counted, Exposition, Histogram, Kind, Label, Unit};

use super::Service;

/// Which lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneKind {
    /// Those of groups, together.
    Groups,
    /// That of KeyPackages, tokens and Welcomes that wait.
    Pool,
}

impl Label for LaneKind {
    const ALL: &'static [Self] = &[Self::Groups, Self::Pool];

    fn word(self) -> &'static str {
        match self {
            Self::Groups => "groups",
            Self::Pool => "pool",
        }
    }
}

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

impl Label for BatchEnd {
    const ALL: &'static [Self] = &[Self::Durable, Self::Conflict, Self::Failed];

    fn word(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }
}

/// What a lane decided about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It was carried out.
    Done,
    /// It was refused.
    Refused,
}

impl Label for Decision {
    const ALL: &'static [Self] = &[Self::Done, Self::Refused];

    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// What came of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushEnd {
    /// The subscriber has all there is, for now.
    Done,
    /// The subscriber has it, and there is more.
    More,
    /// The subscriber refused it.
    Refused,
    /// The subscriber could not be reached, or is blocked.
    Unreached,
    /// It could not be made, or what came of it could not be recorded.
    Stuck,
}

impl Label for PushEnd {
    const ALL: &'static [Self] = &[Self::Done, Self::More, Self::Refused, Self::Unreached, Self::Stuck];

    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::More => "more",
            Self::Refused => "refused",
            Self::Unreached => "unreached",
            Self::Stuck => "stuck",
        }
    }
}

/// Whether a public state was at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Found,
    Missed,
}

impl Label for Lookup {
    const ALL: &'static [Self] = &[Self::Found, Self::Missed];

    fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Missed => "missed",
        }
    }
}

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

    /// Writes everything that the service knows of itself, as numbers.
    pub fn expose(&self, text: &mut Exposition) {
        self.expose_lanes(text);
        self.expose_memory(text);
        self.expose_budgets(text);
        self.expose_observing(text);
        self.expose_retention(text);
        let help = "Pushes to subscribers, by what came of them.";
        text.counted("restante_hub_pushes_total", help, "outcome", &self.tally.pushes);
    }

    fn expose_lanes(&self, text: &mut Exposition) {
        let lanes = LaneKind::ALL.iter().map(|kind| (kind.word(), self.tally.lane(*kind)));
        let help = "Commands that wait for their lane.";
        let queued = self.lanes.queued().map(|(kind, commands)| (kind.word(), commands));
        text.words(Kind::Gauge, "restante_hub_lane_queued_commands", help, "lane", queued);
        let commands = lanes.clone().map(|(lane, tally)| (lane, &tally.commands));
        text.histograms("restante_hub_batch_commands", "Commands in a batch that was written.", "lane", commands);
        let micros = lanes.clone().map(|(lane, tally)| (lane, &tally.micros));
        let help = "How long deciding and writing a batch took.";
        text.histograms("restante_hub_commit_seconds", help, "lane", micros);
        let batches: Vec<_> = lanes
            .clone()
            .flat_map(|(lane, tally)| tally.batches.all().map(move |(word, count)| ([lane, word], count)))
            .collect();
        let rows = batches.iter().map(|(words, count)| (&words[..], *count));
        let help = "Batches, by what came of them.";
        text.labelled(Kind::Counter, "restante_hub_batches_total", help, &["lane", "outcome"], rows);
        let decisions: Vec<_> = lanes
            .flat_map(|(lane, tally)| tally.decisions.all().map(move |(word, count)| ([lane, word], count)))
            .collect();
        let rows = decisions.iter().map(|(words, count)| (&words[..], *count));
        let help = "Commands that were decided in a batch that was written, by what was decided.";
        text.labelled(Kind::Counter, "restante_hub_commands_total", help, &["lane", "outcome"], rows);
    }

    fn expose_memory(&self, text: &mut Exposition) {
        let waiting = self.waiters.waiting() as u64;
        text.number(Kind::Gauge, "restante_hub_receives_waiting", "Receives and inboxes that wait.", waiting);
        let help = "Bytes lent to answers until their clients have taken them up.";
        text.number(Kind::Gauge, "restante_hub_answers_lent_bytes", help, self.pages.lent_bytes());
        let help = "Bytes that may be lent to answers at once.";
        text.number(Kind::Gauge, "restante_hub_answers_lent_bytes_max", help, self.pages.bytes_max());
    }

    /// What providers keep here without anybody vouching for it yet, as sums over all of them.
    fn expose_budgets(&self, text: &mut Exposition) {
        let budget = self.policy().budget_in_all;
        let sums = self.ledger.sums(budget);
        for (name, help, value) in [
            ("orphan_providers", "Providers with partitions that no commit vouches for yet.", sums.providers),
            ("orphan_providers_near_budget", "Those that use half of their budget, or more.", sums.near_budget),
            ("orphan_partitions", "Partitions that no commit vouches for yet.", sums.usage.partitions),
            ("orphan_bytes", "Bytes in partitions that no commit vouches for yet.", sums.usage.bytes),
            ("undelivered_welcomes", "Welcomes that are not delivered yet.", sums.undelivered.welcomes),
            ("undelivered_welcome_bytes", "Bytes of Welcomes that are not delivered yet.", sums.undelivered.bytes),
            ("followed_partitions", "Partitions at other hubs that are followed.", self.ledger.followed() as u64),
        ] {
            text.number(Kind::Gauge, &format!("restante_hub_{name}"), help, value);
        }
    }

    fn expose_observing(&self, text: &mut Exposition) {
        let standing = self.observing.standing();
        for (name, help, value) in [
            ("states_at_hand", "Public states of groups that are kept at hand.", standing.states as u64),
            ("states_at_hand_bytes", "Bytes of public states that are kept at hand.", standing.bytes as u64),
        ] {
            text.number(Kind::Gauge, &format!("restante_hub_{name}"), help, value);
        }
        let help = "Looks for a public state at hand.";
        text.counted("restante_hub_state_lookups_total", help, "outcome", standing.lookups);
        let help = "Turns at public states that are taken.";
        text.words(Kind::Gauge, "restante_hub_observing_turns_taken", help, "kind", standing.turns_taken);
    }

    fn expose_retention(&self, text: &mut Exposition) {
        let status = self.retention_status();
        let now = self.now();
        let last = status.last_removed;
        let help = "What the last walk of retention that ended has looked at and removed.";
        let rows = [
            ("groups_seen", last.groups),
            ("partitions_seen", last.partitions),
            ("messages", last.messages),
            ("bytes", last.bytes),
            ("partitions_emptied", last.emptied),
            ("receipts", last.receipts),
            ("presentations", last.presentations),
            ("unreadable", last.unreadable),
        ];
        text.words(Kind::Gauge, "restante_hub_retention_last_walk", help, "what", rows);
        for (name, help, value) in [
            ("retention_walking", "Whether a walk of retention is under way.", u64::from(status.started_ms.is_some())),
            (
                "retention_resting",
                "Whether retention removes nothing because the hub was away or its clock leapt.",
                u64::from(status.rests_until_ms.is_some_and(|until| until > now)),
            ),
            (
                "retention_last_ended_timestamp_seconds",
                "When the last walk of retention ended, since 1970; 0: none did.",
                status.last_ended_ms / 1000,
            ),
        ] {
            text.number(Kind::Gauge, &format!("restante_hub_{name}"), help, value);
        }
    }
}

impl super::ledger::Ledger {
    /// What all providers use together; `budget` is what each may.
    fn sums(&self, budget: crate::sequencer::Usage) -> Sums {
        let mut sums = Sums::default();
        for (usage, undelivered) in self.all() {
            sums.usage = sums.usage.plus(usage);
            sums.undelivered = sums.undelivered.plus(undelivered);
            sums.providers += u64::from(usage.partitions > 0 || usage.bytes > 0);
            let is_near = usage.partitions.saturating_mul(2) >= budget.partitions.max(1)
                || usage.bytes.saturating_mul(2) >= budget.bytes.max(1);
            sums.near_budget += u64::from(is_near);
        }
        sums
    }
}

#[derive(Debug, Default)]
struct Sums {
    providers: u64,
    near_budget: u64,
    usage: crate::sequencer::Usage,
    undelivered: crate::sequencer::Undelivered,
}
