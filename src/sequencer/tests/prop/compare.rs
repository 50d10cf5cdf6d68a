//! What is looked at after an operation.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{memory::Hub, *},
    GROUPS,
    run::{Run, masked, name, narrow},
};
use crate::mls::EpochNumber;

impl Run {
    /// Counts the rarer things that a send can do.
    pub(super) fn saw_change(&mut self, before: &Hub, group: GroupKey, transition: &Transition) {
        let rows = before.rows(&group);
        for (key, after) in &transition.partitions {
            let was = rows.partitions.get(key);
            if was.and_then(|was| was.parent).is_some_and(|parent| after.parent.is_some_and(|after| after != parent)) {
                self.saw("displaced");
            }
            if after.parent.is_some() && was.is_some_and(|was| was.parent.is_none()) {
                self.saw(if after.is_connected() { "adopted" } else { "adopted by an orphan" });
            }
            if was.is_some_and(|was| was.parent.is_some() && was.epoch.is_none()) && after.is_connected() {
                self.saw("connected below an orphan");
            }
            if was.is_some_and(|was| !was.charges.is_empty()) && after.charges.is_empty() {
                self.saw("refunded");
            }
            if after.is_connected() && after.charges.is_empty() && after.parent.is_some() && was.is_none() {
                self.saw("free child");
            }
            if after.evidence.shows(Sign::NoEdge) {
                self.saw("no edge");
            }
            let was_connected = was.is_some_and(|was| was.is_connected() && was.parent != after.parent);
            if was_connected {
                self.saw("taken");
            }
            for (sign, text) in [(Sign::RivalChildren, "rival children"), (Sign::SharedOrphan, "shared orphan")] {
                if after.evidence.shows(sign) {
                    self.saw(text);
                }
            }
            if after.evidence.shows(Sign::LateHandshake) {
                self.saw("late handshake");
            }
        }
    }

    /// The hub's rows of a group are what the model says.
    pub(super) fn compare(&self, group: usize) {
        let group_key = GroupKey::of(GROUPS[group].as_bytes());
        let (model, rows) = (&self.models[group], self.hub.rows(&group_key));
        let keys: BTreeSet<_> = model.partitions.keys().map(|key| masked(*key)).collect();
        assert_eq!(rows.partitions.keys().copied().collect::<BTreeSet<_>>(), keys);
        for (key, modelled) in &model.partitions {
            let partition = &rows.partitions[&masked(*key)];
            assert_eq!(partition.created_ms, modelled.created);
            assert_eq!(partition.next_index as usize, modelled.messages.len());
            assert_eq!(partition.first_index as usize, modelled.trimmed);
            assert_eq!(partition.is_remnant(), modelled.is_remnant);
            assert_eq!(
                partition.parent.map(|parent| (parent.key, parent.index)),
                modelled.parent.map(|(key, index)| (masked(key), narrow(index)))
            );
            let children: Vec<_> = model.children(*key).into_iter().map(masked).collect();
            assert_eq!(partition.children.iter().map(|child| child.key).collect::<Vec<_>>(), children);
            assert_eq!(partition.forked_ms, modelled.forked);
            assert_eq!(partition.epoch, model.epoch(*key).map(EpochNumber));
            let dominant = self.hub.dominant(group_key, partition);
            assert_eq!(dominant, model.dominant(*key).map(masked));
            assert_eq!(partition.group_info.is_some(), modelled.has_group_info);
            let uses: BTreeMap<_, _> =
                partition.uses.iter().map(|a_use| (a_use.provider.clone(), (a_use.first_ms, a_use.last_ms))).collect();
            assert_eq!(uses, modelled.uses.iter().map(|(by, times)| (name(*by), *times)).collect());
            let charges: BTreeMap<_, _> =
                partition.charges.iter().map(|charge| (charge.provider.clone(), charge.usage)).collect();
            assert_eq!(charges, modelled.charges.iter().map(|(by, usage)| (name(*by), *usage)).collect());
            let debtors: BTreeSet<_> = partition.debtors.iter().cloned().collect();
            assert_eq!(debtors, modelled.debtors.iter().map(|by| name(*by)).collect());
            assert_eq!(partition.unshared, modelled.unshared);
            let ended = partition.terminated.map(|termination| (termination.top, termination.at_ms));
            assert_eq!(ended, modelled.ended.map(|(top, at_ms)| (masked(top), at_ms)));
            for (sign, text) in [
                (Sign::OtherEpoch, "other epoch"),
                (Sign::NoEdge, "no edge"),
                (Sign::LateHandshake, "late handshake"),
                (Sign::RivalChildren, "rival children"),
                (Sign::SharedOrphan, "shared orphan"),
            ] {
                assert_eq!(partition.evidence.shows(sign), modelled.signs.contains(text), "{text}");
            }
        }
        let record = rows.group.as_ref().unwrap();
        assert_eq!((record.used_ms, record.deleted_ms), (model.used, model.deleted));
        let users: BTreeSet<_> = record.users.iter().cloned().collect();
        assert_eq!(users, model.users.iter().map(|by| name(*by)).collect());
    }
}
