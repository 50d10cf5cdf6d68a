//! How the service tells the operator of itself, in numbers.
//!
//! # Privacy
//! Numbers by words of closed sets. How many, never who: what is known by provider is summed up before it leaves here.

use restante_process::metrics::{Exposition, Kind, Label};

use super::{Service, tally::LaneKind};

impl Service {
    /// Writes everything that the service knows of itself, as numbers.
    pub fn expose(&self, text: &mut Exposition) {
        self.expose_lanes(text);
        self.expose_database(text);
        self.expose_memory(text);
        self.expose_budgets(text);
        self.expose_observing(text);
        self.expose_backups(text);
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

    fn expose_database(&self, text: &mut Exposition) {
        let footprint = self.store.footprint();
        let help = "Memory that the database takes.";
        let memory = [("blocks", footprint.blocks), ("recent", footprint.recent), ("open_files", footprint.open_files)];
        text.words(Kind::Gauge, "restante_hub_database_memory_bytes", help, "what", memory);
        for (name, help, value) in [
            ("files_bytes", "Files of the database, without its logs.", footprint.files),
            ("unsorted_bytes", "What is to be written again to bring files into order.", footprint.unsorted),
            ("writes_slowed", "Whether writes wait for files to be brought into order.", footprint.is_slowed.into()),
        ] {
            text.number(Kind::Gauge, &format!("restante_hub_database_{name}"), help, value);
        }
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

    fn expose_backups(&self, text: &mut Exposition) {
        let status = self.backup_status();
        let help = "Backups that ended, by what came of them.";
        let outcomes = [("made", status.made), ("failed", status.ended().saturating_sub(status.made))];
        text.words(Kind::Counter, "restante_hub_backups_total", help, "outcome", outcomes);
        let help = "When the last backup was made, since 1970; 0: none was since the start.";
        let name = "restante_hub_backup_last_made_timestamp_seconds";
        text.number(Kind::Gauge, name, help, status.last_made_ms / 1000);
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
