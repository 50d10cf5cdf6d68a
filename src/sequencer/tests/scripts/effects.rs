//! What a command did, in words.

use std::collections::BTreeMap;

use super::{
    super::{
        memory::Rows,
        notation::{self, Names, counted, written_time, written_usage},
        *,
    },
    play::Play,
};
use crate::wire::{MaskedPartitionKey, ServiceProviderId};

impl Play {
    /// Everything that the transition changes beside its outcome.
    pub(super) fn effects(&self, before: &Rows, transition: &Transition) -> Vec<String> {
        let mut effects = Vec::new();
        let mut partitions: Vec<_> = transition.partitions.iter().collect();
        partitions.sort_by_key(|(key, _)| self.names.of(key).to_owned());
        for (key, after) in partitions {
            self.partition_effects(before.partitions.get(key).map(|before| &**before), key, after, &mut effects);
        }
        let users_before = before.group.as_ref().map_or(&[][..], |group| &group.users);
        let users = transition.group.as_ref().map_or(&[][..], |group| &group.users);
        for user in users.iter().filter(|user| !users_before.contains(user)) {
            effects.push(format!("{} uses the group", notation::provider_name(user)));
        }
        let changed: BTreeMap<_, _> = transition.budgets.iter().cloned().collect();
        for (provider, after) in changed {
            let before = before.budgets.get(&provider).copied().unwrap_or_default();
            let name = notation::provider_name(&provider);
            for (what, usage) in [("refunded", before.minus(after)), ("charged", after.minus(before))] {
                if !usage.is_nothing() {
                    effects.push(format!("{name} is {what} {}", written_usage(usage)));
                }
            }
        }
        self.outbox_effects(transition, &mut effects);
        if let Some(group) = &transition.group {
            let was_deleted = before.group.as_ref().is_some_and(|group| group.deleted_ms.is_some());
            if group.deleted_ms.is_some() && !was_deleted {
                effects.push("the group is deleted".into());
            }
            if group.is_tombstone() {
                effects.push("nothing is left of the group".into());
            }
        }
        let gone = transition.blob_counts.iter().filter(|(_, count)| *count == 0).count() as u64;
        if gone > 0 {
            effects.push(format!("{} gone", counted(gone, "GroupInfo or tree")));
        }
        let receipts = transition.forgotten_receipts.len() as u64;
        if receipts > 0 {
            effects.push(format!("{} forgotten", counted(receipts, "receipt")));
        }
        effects.extend(transition.removed.iter().map(|key| format!("{} is gone", self.names.of(key))));
        match (before.reservation, transition.reservation) {
            (Some(_), Some(None)) => effects.push("the reservation ends".into()),
            (_, Some(Some(after))) => effects.push(format!("reserved until {}", written_time(after.until_ms))),
            (_, None) | (None, Some(None)) => {}
        }
        effects.extend(self.push_effects(transition));
        for timer in &transition.timers {
            let (name, at) = (self.names.of(&timer.partition), written_time(timer.due_ms));
            effects.push(format!("timer: {name} at {at}"));
        }
        effects
    }

    fn outbox_effects(&self, transition: &Transition, effects: &mut Vec<String>) {
        let names = |providers: &mut dyn Iterator<Item = &ServiceProviderId>| {
            providers.map(notation::provider_name).collect::<Vec<_>>().join(" and ")
        };
        for (name, outgoing) in &transition.outgoing {
            let into = format!("a Welcome into {}", self.names.of(&name.partition));
            let mut set = transition.dispatches.iter().filter(|(key, later)| key.welcome == *name && later.is_some());
            let with_ticket = |later: &Option<Dispatch>| later.is_some_and(|later| later.ticket.is_some());
            let to: Vec<_> = set
                .by_ref()
                .map(|(key, later)| (notation::provider_name(&key.provider), with_ticket(later)))
                .map(|(name, ticket)| if ticket { format!("{name} with a ticket") } else { name.to_string() })
                .collect();
            let to = to.join(" and ");
            match outgoing {
                None => effects.push(format!("{into} is gone")),
                Some(outgoing) if !outgoing.held_for.is_empty() => {
                    effects.push(format!("{into} is held for {}", names(&mut outgoing.held_for.iter())));
                }
                Some(_) if !to.is_empty() => effects.push(format!("{into} goes to {to}")),
                Some(outgoing) => effects.push(format!("{into} is still to go to {}", outgoing.dispatches)),
            }
        }
        let changed = transition.outgoing.iter().map(|(name, _)| name).collect::<Vec<_>>();
        for (key, later) in transition.dispatches.iter().filter(|(key, _)| !changed.contains(&&key.welcome)) {
            let Some(later) = later else { continue };
            let (to, at) = (notation::provider_name(&key.provider), written_time(key.due_ms));
            let ticket = if later.ticket.is_some() { ", with a ticket" } else { "" };
            effects.push(format!("again to {to} at {at}{ticket}"));
        }
    }

    fn partition_effects(
        &self,
        before: Option<&Partition>,
        key: &MaskedPartitionKey,
        after: &Partition,
        effects: &mut Vec<String>,
    ) {
        let name = self.names.of(key);
        let epoch = after.epoch.map_or("unconnected".into(), |epoch| format!("epoch {}", epoch.0));
        match (before.and_then(|before| before.parent), after.parent) {
            (None, Some(parent)) => {
                let adopted = if before.is_some() { " adopts" } else { "" };
                effects.push(format!("{} {}{adopted} -> {name} ({epoch})", self.names.of(&parent.key), parent.index));
            }
            (Some(_), None) => effects.push(format!("{name} is an orphan now")),
            (None, None) if before.is_none() && after.is_connected() => effects.push(format!("root {name} ({epoch})")),
            (None, None) if before.is_none() => effects.push(format!("orphan {name}")),
            (Some(old), Some(parent)) if old != parent => {
                let (from, away) = (self.names.of(&parent.key), self.names.of(&old.key));
                effects.push(format!("{from} {} takes -> {name} ({epoch}) from {away}", parent.index));
            }
            (Some(_), Some(_)) if before.is_some_and(|before| before.epoch != after.epoch) => {
                effects.push(format!("{name} is connected ({epoch})"));
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
        match (before.and_then(|before| before.terminated), after.terminated) {
            (None, Some(termination)) => {
                effects.push(format!("{name} is terminated with {}", self.names.of(&termination.top)));
            }
            (Some(_), None) => effects.push(format!("{name} is restored")),
            (None, None) | (Some(_), Some(_)) => {}
        }
        if after.group_info.is_some() && before.is_none_or(|before| before.group_info != after.group_info) {
            effects.push(format!("{name} has a GroupInfo"));
        }
        if after.ratchet_tree.is_some() {
            effects.push(format!("{name} has a ratchet tree"));
        }
        self.public_effects(before, key, after, effects);
        let known: Vec<_> = before.map_or(Vec::new(), |before| signs(&before.evidence).collect());
        for sign in signs(&after.evidence).filter(|sign| !known.contains(sign)) {
            effects.push(format!("evidence in {name}: {sign}"));
        }
    }
}

pub(super) fn outcome(transition: &Transition, names: &Names) -> String {
    let again = if transition.is_unchanged() { "again: " } else { "" };
    match transition.outcome {
        Outcome::Reserved => "reserved".into(),
        Outcome::Created(created_ms) => format!("{again}created at {}", written_time(created_ms)),
        Outcome::Sent(receipt) => {
            let before = counted(receipt.commits_before.into(), "commit");
            format!("{again}index {}, {before} before, at {}", receipt.index, written_time(receipt.accepted_ms))
        }
        Outcome::Trimmed { messages, bytes, is_emptied } => {
            let rest = if is_emptied { "and all that was left" } else { "and more is there" };
            let size = written_usage(Usage { partitions: 0, bytes });
            format!("{} removed, {size}, {rest}", counted(messages.into(), "message"))
        }
        Outcome::Wanted(None) => "not followed".into(),
        Outcome::Wanted(Some(next)) => format!("{next} is wanted next"),
        Outcome::Branch(outcome) => branch_outcome(outcome, names),
        Outcome::Done if transition.is_unchanged() => "nothing new".into(),
        Outcome::Done => "recorded".into(),
    }
}

fn branch_outcome(outcome: BranchOutcome, names: &Names) -> String {
    match outcome {
        BranchOutcome::Spread { partitions, is_done } => {
            let rest = if is_done { "and that is all" } else { "and more to come" };
            format!("{}, {rest}", counted(partitions.into(), "partition"))
        }
        BranchOutcome::NotThere => "there is no such partition".into(),
        BranchOutcome::NotABranch => "that is no branch".into(),
        BranchOutcome::AlreadyTerminated { top } => format!("terminated already, with {}", names.of(&top)),
        BranchOutcome::NotTerminated => "not terminated".into(),
        BranchOutcome::TerminatedAbove { top } => format!("terminated with {}", names.of(&top)),
        BranchOutcome::TooLate => "too late".into(),
        BranchOutcome::Busy => "another branch is under way".into(),
    }
}

pub(super) fn signs(evidence: &Evidence) -> impl Iterator<Item = &'static str> {
    evidence.iter().map(|seen| match seen.sign {
        Sign::OtherEpoch => "other epoch",
        Sign::NoEdge => "no edge",
        Sign::LateHandshake => "late handshake",
        Sign::RivalChildren => "rival children",
        Sign::SharedOrphan => "shared orphan",
        Sign::RivalHeads => "rival heads",
    })
}
