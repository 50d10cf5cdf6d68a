//! What the sequencer does, said a second time, slowly and without looking at it.
//!
//! The model keeps the messages of each partition, who presented which key when, and who was charged what for which
//! partition. Everything else (children, epochs, dominance, budgets) it works out from these each time it is asked.

mod aging;
mod branches;
mod ending;
mod joining;
mod sending;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use joining::Found;
pub(super) use sending::{Asked, Verdict};

use crate::sequencer::{UnixMillis, Usage};

/// Partitions and providers go by small numbers.
pub(super) type Key = u8;
pub(super) type Provider = u8;

/// The hub is one of the providers.
pub(super) const HUB: Provider = 0;

/// What makes two sends the same: the message, the partition that it announces, and its Welcome.
pub(super) type Content = (u64, Option<Key>, bool);

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) at: UnixMillis,
    pub(super) by: Provider,
    pub(super) is_external: bool,
    /// Whether it came as a join. A send of the same bytes is something else.
    pub(super) joins: bool,
}

impl Message {
    fn next(&self) -> Option<Key> {
        self.content.1
    }

    fn is_members_commit(&self, by: Provider) -> bool {
        self.next().is_some() && !self.is_external && self.by == by
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Partition {
    pub(super) created: UnixMillis,
    pub(super) messages: Vec<Message>,
    /// The partition whose commit announced it, and which of its messages that is.
    pub(super) parent: Option<(Key, usize)>,
    pub(super) has_group_info: bool,
    /// The first and the last time, for each provider.
    pub(super) uses: BTreeMap<Provider, (UnixMillis, UnixMillis)>,
    pub(super) charges: BTreeMap<Provider, Usage>,
    /// Who was charged here or above, and may get it back.
    pub(super) debtors: BTreeSet<Provider>,
    /// How many messages, from the first one on, are not there any more.
    pub(super) trimmed: usize,
    /// How many of them are not recognised any more when they are sent again.
    pub(super) forgotten: usize,
    pub(super) is_remnant: bool,
    pub(super) announced_by: Option<Provider>,
    /// When it announced the first partition that was not taken elsewhere, or is gone by now.
    pub(super) forked: Option<UnixMillis>,
    pub(super) unshared: u32,
    /// With which partition the operator has ended it, and when.
    pub(super) ended: Option<(Key, UnixMillis)>,
    pub(super) signs: BTreeSet<&'static str>,
}

/// A group.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) root: Key,
    pub(super) root_epoch: u64,
    pub(super) partitions: BTreeMap<Key, Partition>,
    /// The joins that are known again: when they were sequenced, at which index, behind how many commits.
    pub(super) joins: BTreeMap<u64, (UnixMillis, usize, usize)>,
    pub(super) users: BTreeSet<Provider>,
    /// When it was last used, to the day.
    pub(super) used: UnixMillis,
    pub(super) deleted: Option<UnixMillis>,
}

impl Model {
    pub(super) fn new(root: Key, root_epoch: u64, by: Provider, now: UnixMillis) -> Self {
        let mut model = Self { root, root_epoch, used: now, ..Self::default() };
        let uses = BTreeMap::from([(by, (now, now))]);
        model.partitions.insert(root, Partition { created: now, uses, ..Partition::default() });
        model.users.insert(by);
        model
    }
}
