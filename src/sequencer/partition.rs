//! What is known of one partition: its place in the tree, its counters, who used it and what it cost.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{BlobKey, Evidence, Forgotten, Policy, Public, UnixMillis, Usage};
use crate::{
    mls::EpochNumber,
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// The commit that announced a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct Parent {
    /// The partition in which the commit stands.
    pub key: MaskedPartitionKey,
    /// Its index there.
    pub index: u32,
}

/// A partition that a commit of this one announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Child {
    /// Which partition.
    pub key: MaskedPartitionKey,
    /// The index of the commit here.
    pub index: u32,
    /// When the commit was sequenced.
    pub announced_ms: UnixMillis,
    /// What the operator has made of it.
    pub cut: Cut,
}

/// Whether the operator has ended what a commit announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub enum Cut {
    /// It goes on.
    #[default]
    None = 0,
    /// The branch that begins with it was ended.
    Here = 1,
    /// It was ended together with the partition in which the commit stands.
    Above = 2,
}

/// That the operator has ended the branch on which a partition is (specs/protocol.md F11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Termination {
    /// The partition with which the branch begins.
    pub top: MaskedPartitionKey,
    /// When it was ended.
    pub at_ms: UnixMillis,
}

/// That a provider was given commits of the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Given {
    /// The index of the last one.
    pub commit: u32,
    /// When it was given the first one.
    pub first_ms: UnixMillis,
}

/// That a provider presented the partition's key, by sending or by receiving.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Use {
    /// Who.
    pub provider: ServiceProviderId,
    /// The first time.
    pub first_ms: UnixMillis,
    /// The last time, to the hour (see [`super::Policy::presentation_interval_ms`]).
    pub last_ms: UnixMillis,
    /// Which commits of the partition it has received.
    pub given: Option<Given>,
    /// How many commits of members it has sent there.
    pub commits: u32,
}

impl Use {
    /// From when on going on here means that the provider's users do not follow that commit; `None` as long as nobody
    /// knows that they were given it. When exactly they were is known of the first commit only.
    pub(crate) fn would_doubt_ms(&self, child: &Child, policy: &Policy) -> Option<UnixMillis> {
        let given = self.given.filter(|given| given.commit >= child.index)?;
        Some(given.first_ms.max(child.announced_ms).saturating_add(policy.doubt_after_ms))
    }
}

/// What a provider's budget was charged because of this partition.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Charge {
    /// Whose budget.
    pub provider: ServiceProviderId,
    /// How much.
    pub usage: Usage,
}

/// That a provider wants the partition's messages pushed.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Subscription {
    /// Who.
    pub provider: ServiceProviderId,
    /// The index of the message to push next.
    pub next_index: u32,
    /// When the lease ends.
    pub until_ms: UnixMillis,
    /// Tells this lease from earlier ones of the same provider.
    pub serial: u32,
}

/// One partition of a group.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Partition {
    /// When it was announced, or first sent to.
    pub created_ms: UnixMillis,
    /// The group's epoch in this partition: known exactly when edges connect it to the root.
    pub epoch: Option<EpochNumber>,
    /// The commit that announced it. The root has none, nor has an orphan.
    pub parent: Option<Parent>,
    /// Whose user sent that commit.
    pub announced_by: Option<ServiceProviderId>,
    /// What its commits announced, in the order in which they were sequenced, as far as it is still there.
    pub children: Vec<Child>,
    /// When the first of them was announced, also one that retention has removed.
    pub forked_ms: Option<UnixMillis>,
    /// The index that the next message will get.
    pub next_index: u32,
    /// The index of the first message that is still there.
    pub first_index: u32,
    /// How many commits were sequenced.
    pub commits: u32,
    /// The index of the last commit.
    pub last_commit: Option<u32>,
    /// Bytes of the messages and GroupInfos that are still there.
    pub bytes: u64,
    /// The GroupInfo of this partition's epoch, if one was published.
    pub group_info: Option<BlobKey>,
    /// The ratchet tree that came beside it.
    pub ratchet_tree: Option<BlobKey>,
    /// How long the two are together.
    pub published_bytes: u64,
    /// Who used it.
    pub uses: Vec<Use>,
    /// What it cost whom.
    pub charges: Vec<Charge>,
    /// Who was charged for it, or for what leads to it, and may get that back.
    pub debtors: Vec<ServiceProviderId>,
    /// How many partitions lead here, one after the other, that nobody used but one provider that made all of them; a second
    /// commit of that provider in one of them counts for as many as are free.
    pub unshared: u32,
    /// Signs of a fork.
    pub evidence: Evidence,
    /// The commits whose Welcomes into this partition are held until somebody presents its key.
    pub held: Vec<Parent>,
    /// Who wants its messages pushed.
    pub subscriptions: Vec<Subscription>,
    /// How many subscriptions were made.
    pub serials: u32,
    /// When it is looked at which leases are over.
    pub lease_timer_ms: Option<UnixMillis>,
    /// Present exactly when the operator has ended its branch: nothing is sequenced into it any more.
    pub terminated: Option<Termination>,
    /// What is known of the public state of its epoch; nothing where one who is no member cannot follow.
    pub public: Option<Public>,
    /// Whether that is still to be found out.
    #[mls_codec(with = "crate::wire::flag")]
    pub unobserved: bool,
    /// When retention had removed everything in it: what is left keeps its place in the tree and its indexes.
    pub emptied_ms: Option<UnixMillis>,
}

impl Partition {
    /// A partition without messages.
    pub(crate) fn new(created_ms: UnixMillis, epoch: Option<EpochNumber>, parent: Option<Parent>) -> Self {
        Self {
            created_ms,
            epoch,
            parent,
            announced_by: None,
            children: Vec::new(),
            forked_ms: None,
            next_index: 0,
            first_index: 0,
            commits: 0,
            last_commit: None,
            bytes: 0,
            group_info: None,
            ratchet_tree: None,
            published_bytes: 0,
            uses: Vec::new(),
            charges: Vec::new(),
            debtors: Vec::new(),
            unshared: 0,
            evidence: Evidence::default(),
            held: Vec::new(),
            subscriptions: Vec::new(),
            serials: 0,
            lease_timer_ms: None,
            terminated: None,
            public: None,
            unobserved: false,
            emptied_ms: None,
        }
    }

    /// Whether edges connect it to the root.
    pub fn is_connected(&self) -> bool {
        self.epoch.is_some()
    }

    /// Whether a commit may still announce it: it has no parent and is not the root.
    pub fn is_orphan(&self) -> bool {
        self.parent.is_none() && !self.is_connected()
    }

    /// Whether the operator has ended its branch.
    pub fn is_terminated(&self) -> bool {
        self.terminated.is_some()
    }

    /// What its commits announced and the operator has not ended.
    pub fn live_children(&self) -> impl Iterator<Item = &Child> {
        self.children.iter().filter(|child| child.cut == Cut::None)
    }

    /// The children among which one is dominant: those that the operator has not ended. Within a branch that is ended,
    /// where reading goes on, all of them.
    pub(super) fn rivals(&self) -> Vec<&Child> {
        if self.is_terminated() { self.children.iter().collect() } else { self.live_children().collect() }
    }

    /// The only one of them.
    pub(super) fn sole_rival(&self) -> Option<MaskedPartitionKey> {
        match self.rivals().as_slice() {
            [only] => Some(only.key),
            _ => None,
        }
    }

    /// Whether it is the newest epoch of its branch: of what follows nothing is left, and it is not ended itself.
    pub fn is_head(&self) -> bool {
        self.is_connected() && !self.is_terminated() && self.live_children().next().is_none()
    }

    /// Whether nothing but its place in the tree was left by retention. What was sent to it since does not change that.
    pub fn is_remnant(&self) -> bool {
        self.emptied_ms.is_some()
    }

    /// Whether messages are there.
    pub fn has_messages(&self) -> bool {
        self.first_index < self.next_index
    }

    /// How many messages are there, as far as indexes tell: those that restores have passed over are none. In a database that
    /// never was put back each index is a message. In one that was, and where a partition was given more messages than a
    /// restore passes over, as many as there are at the least.
    pub fn messages(&self, forgotten: Forgotten) -> u64 {
        let indexes = self.next_index.saturating_sub(self.first_index);
        let passed_over = (indexes.min(forgotten.indexes) / Forgotten::GAP).saturating_mul(Forgotten::GAP);
        (indexes - passed_over).into()
    }

    /// Whether every message that it was ever given is there, and their indexes count up from 0: then a list of them says
    /// everything, and needs no index beside it. It is not so of more messages than a restore passes over, which no list
    /// holds.
    pub fn is_whole(&self) -> bool {
        self.first_index == 0 && self.next_index < Forgotten::GAP
    }

    /// From which index on what is not there was passed over by a restore, and not removed by retention, as far as anybody
    /// may go on behind it. Where retention has removed messages, the first that is left has another index than those with
    /// which partitions begin after restores. In an orphan
    /// that begins with such an index nobody is to go on, until the commit that leads there is known again.
    pub fn passes_over_from(&self) -> u32 {
        let begins_so = self.first_index.is_multiple_of(Forgotten::GAP);
        if begins_so && !self.is_orphan() { 0 } else { self.first_index }
    }

    /// The GroupInfo and the tree that it refers to.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = BlobKey> {
        [self.group_info, self.ratchet_tree].into_iter().flatten()
    }

    /// When anyone presented its key for the first time.
    pub fn first_used_ms(&self) -> Option<UnixMillis> {
        self.uses.iter().map(|a_use| a_use.first_ms).min()
    }

    /// That provider's use of it.
    pub fn use_by(&self, provider: &ServiceProviderId) -> Option<&Use> {
        self.uses.iter().find(|a_use| a_use.provider == *provider)
    }

    /// How many commits of that provider's members stand there.
    pub fn commits_of(&self, provider: &ServiceProviderId) -> u32 {
        self.use_by(provider).map_or(0, |a_use| a_use.commits)
    }

    /// That provider's subscription.
    pub fn subscription_of(&self, provider: &ServiceProviderId) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| subscription.provider == *provider)
    }

    /// Records that the provider presented the key.
    pub(crate) fn record_use(&mut self, provider: &ServiceProviderId, now: UnixMillis) -> &mut Use {
        let known = self.uses.iter().position(|a_use| a_use.provider == *provider);
        let at = known.unwrap_or_else(|| {
            let first = Use { provider: provider.clone(), first_ms: now, last_ms: now, given: None, commits: 0 };
            self.uses.push(first);
            self.uses.len() - 1
        });
        let a_use = &mut self.uses[at];
        a_use.last_ms = a_use.last_ms.max(now);
        a_use
    }

    /// Records that the provider, whose use of the partition is recorded, was given its commits up to that index.
    pub(crate) fn record_given(&mut self, provider: &ServiceProviderId, commit: u32, now: UnixMillis) {
        if let Some(a_use) = self.uses.iter_mut().find(|a_use| a_use.provider == *provider) {
            let given = a_use.given.get_or_insert(Given { commit, first_ms: now });
            given.commit = given.commit.max(commit);
        }
    }

    /// Whether somebody else than that provider used it.
    pub(super) fn is_used_beside(&self, provider: &ServiceProviderId) -> bool {
        self.uses.iter().any(|a_use| a_use.provider != *provider)
    }

    /// Records what the provider's budget was charged because of this partition.
    pub(crate) fn record_charge(&mut self, provider: &ServiceProviderId, usage: Usage) {
        if usage.is_nothing() {
            return;
        }
        match self.charges.iter_mut().find(|charge| charge.provider == *provider) {
            Some(charge) => charge.usage = charge.usage.plus(usage),
            None => self.charges.push(Charge { provider: provider.clone(), usage }),
        }
        self.owe(provider);
    }

    /// Records that the provider was charged for it, or for what leads to it.
    pub(crate) fn owe(&mut self, provider: &ServiceProviderId) {
        if !self.debtors.contains(provider) {
            self.debtors.push(provider.clone());
        }
    }

    /// Takes out what those had to pay who get it back; `None` if none of them owes anything here or above.
    pub(crate) fn forgive(&mut self, gets_back: impl Fn(&ServiceProviderId) -> bool) -> Option<Vec<Charge>> {
        let before = self.debtors.len();
        self.debtors.retain(|debtor| !gets_back(debtor));
        let is_any = self.debtors.len() < before;
        is_any.then(|| self.charges.extract_if(.., |charge| gets_back(&charge.provider)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: u32 = Forgotten::GAP;

    fn of(first_index: u32, next_index: u32) -> Partition {
        Partition { first_index, next_index, ..Partition::new(0, None, None) }
    }

    #[test]
    fn indexes_that_were_passed_over_are_no_messages_and_all_others_are() {
        let after = |restores: u32| Forgotten { until_ms: 1, indexes: restores * GAP };
        // Never put back: however many there are.
        assert_eq!(of(0, 7).messages(after(0)), 7);
        assert_eq!(of(0, GAP + 7).messages(after(0)), u64::from(GAP) + 7);
        // Passed over before its messages, between them, behind them, and twice.
        assert_eq!(of(0, GAP + 7).messages(after(1)), 7);
        assert_eq!(of(0, 2 * GAP + 7).messages(after(2)), 7);
        assert_eq!(of(GAP, GAP + 7).messages(after(1)), 7);
        assert_eq!(of(3, GAP).messages(after(1)), u64::from(GAP) - 3, "so many can be there");
        // More were passed over in the database than in this partition, or fewer than it has.
        assert_eq!(of(0, 7).messages(after(3)), 7);
        assert_eq!(of(0, 3 * GAP + 7).messages(after(1)), 2 * u64::from(GAP) + 7);
    }

    #[test]
    fn a_list_without_indexes_is_of_all_messages_from_0_on() {
        assert!(of(0, 7).is_whole());
        assert!(!of(1, 7).is_whole(), "retention has removed one");
        assert!(!of(GAP, GAP + 7).is_whole(), "it begins behind what was passed over");
        assert!(!of(0, GAP + 7).is_whole(), "some were passed over in it");
    }

    #[test]
    fn what_was_passed_over_is_told_from_what_retention_removed() {
        let announced = |first_index| {
            let parent = Parent { key: MaskedPartitionKey::NONE, index: 0 };
            Partition { parent: Some(parent), ..of(first_index, 2 * GAP) }
        };
        assert_eq!(announced(0).passes_over_from(), 0);
        assert_eq!(announced(GAP).passes_over_from(), 0);
        assert_eq!(announced(5).passes_over_from(), 5);
        assert_eq!(announced(GAP + 5).passes_over_from(), GAP + 5);
        assert_eq!(of(GAP, 2 * GAP).passes_over_from(), GAP, "nobody commits in an orphan");
    }
}
