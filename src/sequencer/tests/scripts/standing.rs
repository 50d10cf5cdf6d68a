//! How things stand: the commands of a script that only look.

use super::{
    super::{
        memory::Rows,
        notation::{self, counted, written_time, written_usage},
        *,
    },
    effects::signs,
    play::Play,
};
use crate::wire::MaskedPartitionKey;

impl Play {
    pub(super) fn list(&self, keys: &[MaskedPartitionKey]) -> String {
        keys.iter().map(|key| self.names.of(key)).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn dominant(&mut self, name: &str) -> Vec<String> {
        let key = self.names.masked(name);
        let partition = &self.rows().partitions[&key];
        let child = self.hub.dominant(self.key(), partition);
        vec![child.map_or("none".into(), |child| self.names.of(&child).to_owned())]
    }

    /// Whether whoever shows the key is taken for a member.
    pub(super) fn token(&mut self, name: &str) -> Vec<String> {
        let key = self.names.masked(name);
        let is_member = self.hub.shows_membership(self.key(), &key, &self.policy);
        vec![if is_member { "a token" } else { "none" }.into()]
    }

    pub(super) fn show(&mut self, name: &str) -> Vec<String> {
        let key = self.names.masked(name);
        let Some(partition) = self.rows().partitions.get(&key) else { return vec![format!("{name} is not there")] };
        let last = partition.last_commit.map_or(String::new(), |index| format!(", the last at {index}"));
        let mut printed = vec![format!(
            "{name}: {}, {}{last}, {}",
            counted(partition.next_index.into(), "message"),
            counted(partition.commits.into(), "commit"),
            written_usage(Usage { partitions: 0, bytes: partition.bytes })
        )];
        for a_use in &partition.uses {
            let (first, last) = (written_time(a_use.first_ms), written_time(a_use.last_ms));
            printed.push(format!("  used by {} from {first} to {last}", notation::provider_name(&a_use.provider)));
        }
        for charge in &partition.charges {
            let usage = written_usage(charge.usage);
            printed.push(format!("  charged to {}: {usage}", notation::provider_name(&charge.provider)));
        }
        printed.extend(self.subscriptions(partition));
        printed.extend(signs(&partition.evidence).map(|sign| format!("  evidence: {sign}")));
        printed
    }

    /// The group's forest: the root's tree first, then the orphans'.
    pub(super) fn tree(&self) -> Vec<String> {
        let rows = self.rows();
        let root = rows.group.as_ref().map(|group| group.root);
        let mut tops: Vec<_> = rows.partitions.iter().filter(|(_, partition)| partition.parent.is_none()).collect();
        tops.sort_by_key(|(key, _)| (Some(**key) != root, self.names.of(key).to_owned()));
        let mut printed = Vec::new();
        for (key, _) in tops {
            self.branch(rows, key, 0, &mut printed);
        }
        printed
    }

    fn branch(&self, rows: &Rows, key: &MaskedPartitionKey, depth: usize, printed: &mut Vec<String>) {
        let partition = &rows.partitions[key];
        let epoch = partition.epoch.map_or("unconnected".into(), |epoch| format!("epoch {}", epoch.0));
        let messages = match partition.first_index {
            0 => counted(partition.next_index.into(), "message"),
            first => format!("{} from {first} on", counted((partition.next_index - first).into(), "message")),
        };
        let terminated = if partition.is_terminated() { ", terminated" } else { "" };
        printed.push(format!("{}{} ({epoch}, {messages}{terminated})", "  ".repeat(depth), self.names.of(key)));
        for child in partition.children.iter().filter(|child| rows.partitions.contains_key(&child.key)) {
            self.branch(rows, &child.key, depth + 1, printed);
        }
    }

    pub(super) fn timers(&self) -> Vec<String> {
        let mut timers: Vec<_> = self.rows().timers.iter().collect();
        timers.sort_by_key(|(due_ms, key)| (*due_ms, self.names.of(key).to_owned()));
        let written = |(due_ms, key): &(UnixMillis, _)| format!("{} at {}", self.names.of(key), written_time(*due_ms));
        timers.into_iter().map(written).collect()
    }

    pub(super) fn budget(&self, name: &str) -> Vec<String> {
        let provider = notation::provider(name);
        let in_group = self.rows().budgets.get(&provider).copied().unwrap_or_default();
        let in_all = self.hub.in_all(&provider);
        let elsewhere =
            if in_all == in_group { String::new() } else { format!("; over all groups {}", written_usage(in_all)) };
        vec![format!("{name} has used {}{elsewhere}", written_usage(in_group))]
    }
}
