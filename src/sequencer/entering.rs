//! What a message changes in the partition that it enters: the edge that a commit makes, what it costs, what is kept.
//!
//! Whether it may enter was decided before.

use std::sync::Arc;

use super::{
    Announcement, Blob, BlobKey, Charge, Child, Cut, Entry, EntryCommit, Group, Head, Parent, Partition, Policy,
    Receipt, Refusal, Rejection, Sight, Sign, State, Timer, Transition, UnixMillis, Usage, Welcome, WelcomeName,
    dominance::{WALK_MAX, descends, dominant_child, is_on_dominant_branch, is_outnumbered_nowhere, orphan_above},
    evidence,
    outbox::{self, Departure},
    subscribe::follow_commit,
};
use crate::{
    mls::{ContentType, EpochNumber, ProposalRef, Sender, WireFormat, WireMessage},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// How many partitions one commit may connect to the root by adopting an orphan and what hangs below it.
const ADOPTION_MAX: usize = 4096;

/// A message that is about to enter a partition.
pub(super) struct Entering<'a> {
    pub(super) submitter: &'a ServiceProviderId,
    pub(super) partition: MaskedPartitionKey,
    pub(super) message: &'a WireMessage,
    pub(super) announcement: Option<&'a Announcement>,
    /// Whether the submitter has shown the partition's key.
    pub(super) presents: bool,
    /// Of a commit, what was seen of it.
    pub(super) sight: &'a Sight,
}

impl Entering<'_> {
    /// Appends the message to its partition, as it was `found`, with everything that follows from it. What that changes
    /// is added to `so_far`, which may have entered other partitions.
    pub(super) fn enter<S: State + ?Sized>(
        &self,
        state: &S,
        group: Arc<Group>,
        found: Option<Arc<Partition>>,
        policy: &Policy,
        now: UnixMillis,
        so_far: Transition,
    ) -> Result<(Receipt, Transition), Refusal<S::Error>> {
        let opens = found.is_none();
        let before = found.unwrap_or_else(|| Arc::new(Partition::new(now, None, None)));
        if before.next_index == u32::MAX {
            return Err(Rejection::PartitionFull.into());
        }
        let receipt = Receipt { accepted_ms: now, index: before.next_index, commits_before: before.commits };
        let mut change =
            Change { state, policy, now, group, target: (*before).clone(), before, exempt: false, transition: so_far };
        change.exempt = change.is_exempt(self).map_err(Refusal::State)?;
        let child = change.announce(self, receipt).map_err(Refusal::State)?;
        if self.presents && change.before.use_by(self.submitter).is_none() {
            let place = (self.partition, &mut change.target);
            let so_far = &mut change.transition;
            follow_commit(state, place, self.submitter, so_far, now).map_err(Refusal::State)?;
            change.note_first_use(self).map_err(Refusal::State)?;
        }
        change.charge(self, opens, child)?;
        change.vouch(self).map_err(Refusal::State)?;
        change.append(self, receipt, opens);
        change.post(self, receipt)?;
        if self.presents {
            outbox::release(state, &self.partition, &mut change.target, now, &mut change.transition)
                .map_err(Refusal::State)?;
        }
        change.transition.partitions.push((self.partition, change.target));
        Ok((receipt, change.transition))
    }

    /// Whether somebody sends who is no member, or not yet.
    fn is_external(&self) -> bool {
        let sender = self.message.sender();
        matches!(sender, Some(Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit))
    }
}

/// A message on its way to a transition.
struct Change<'a, S: ?Sized> {
    state: &'a S,
    policy: &'a Policy,
    now: UnixMillis,
    group: Arc<Group>,
    /// The target as it was.
    before: Arc<Partition>,
    /// The target as it will be.
    target: Partition,
    /// Whether it is one of the first commits of its provider's members on a branch that no other outnumbers, which cost
    /// nothing.
    exempt: bool,
    transition: Transition,
}

impl<S: State + ?Sized> Change<'_, S> {
    /// Makes the edge that a commit asks for. Returns whether that created a partition.
    fn announce(&mut self, entering: &Entering<'_>, receipt: Receipt) -> Result<bool, S::Error> {
        let Some(announcement) = entering.announcement else { return Ok(false) };
        let next = announcement.next;
        let parent = Parent { key: entering.partition, index: receipt.index };
        let found = self.state.partition(&next)?;
        let is_taken = found.as_ref().is_some_and(|found| found.is_connected());
        let (mut child, created) = match found {
            _ if next == entering.partition || next == self.group.root => return self.no_edge(),
            None => {
                let epoch = self.target.epoch.map(|epoch| epoch.next());
                // No epoch follows the last one.
                let Some(epoch) = epoch.map_or(Some(None), |next| next.map(Some)) else { return self.no_edge() };
                (Partition::new(self.now, epoch, Some(parent)), true)
            }
            Some(found) => {
                if !self.may_adopt(&next, &found, &entering.partition)? {
                    return self.no_edge();
                }
                let mut child = (*found).clone();
                child.parent = Some(parent);
                if !self.connect(next, &mut child)? {
                    return self.no_edge();
                }
                if let Some(displaced) = found.parent {
                    self.displace(&displaced, &next)?;
                }
                (child, false)
            }
        };
        if is_taken {
            // What was seen of it in another place is not what it is here. It is not looked at again.
            (child.public, child.unobserved) = (None, false);
        } else {
            self.observe(entering, next, &mut child);
        }
        let is_shared = self.before.is_used_beside(entering.submitter)
            || self.before.announced_by.as_ref() != Some(entering.submitter);
        child.unshared = if is_shared { 0 } else { self.before.unshared.saturating_add(1) };
        child.announced_by = Some(entering.submitter.clone());
        child.group_info = announcement.group_info.as_ref().map(|group_info| BlobKey::of(group_info.bytes()));
        if let Some(epoch) = self.target.epoch.filter(|_| self.target.is_head()) {
            self.transition.heads.push(Head { partition: entering.partition, epoch, is_head: false });
        }
        self.target.children.push(Child { key: next, index: receipt.index, announced_ms: self.now, cut: Cut::None });
        if child.is_connected() {
            self.transition.announced.push(next);
            self.note_rivals(&next, &child)?;
        }
        self.note_head(next, &child);
        self.transition.partitions.push((next, child));
        Ok(created)
    }

    /// Notes a sign of a fork where the message enters.
    fn note(&mut self, sign: Sign) {
        if self.target.evidence.note(sign, self.now) {
            evidence::show(&mut self.group, sign, self.now, &mut self.transition);
        }
    }

    /// What it shows that the submitter has never used the partition before.
    fn note_first_use(&mut self, entering: &Entering<'_>) -> Result<(), S::Error> {
        let Self { state, now, group, target, transition, .. } = self;
        let place = (&entering.partition, &mut *target);
        evidence::of_first_use(*state, place, entering.submitter, group, *now, transition)
    }

    /// Whether a child that was used before it was one has come beside one that others use.
    fn note_rivals(&mut self, key: &MaskedPartitionKey, child: &Partition) -> Result<(), S::Error> {
        let users: Vec<_> = child.uses.iter().map(|a_use| a_use.provider.clone()).collect();
        if !users.is_empty()
            && !self.target.evidence.shows(Sign::RivalChildren)
            && evidence::has_rival(self.state, &self.target, key, &users)?
        {
            self.note(Sign::RivalChildren);
        }
        Ok(())
    }

    /// What is known from now on of the public state of the epoch that the commit creates.
    fn observe(&mut self, entering: &Entering<'_>, next: MaskedPartitionKey, child: &mut Partition) {
        let group_info = entering.announcement.and_then(|announcement| announcement.group_info.as_ref());
        let commit_bytes = entering.message.bytes().len() as u64;
        let replay = self.before.public.as_ref().map(|public| public.replay);
        if let Some(observation) = entering.sight.of(&self.before) {
            child.public = observation.public(group_info, replay, commit_bytes);
            self.transition.owners.push((next, observation.owners.clone()));
            self.transition.checkpoints.extend(observation.checkpoint.clone().map(|saved| (next, saved)));
        }
        // One who looked and could not follow, or found a lie, will not see more later.
        let may_be_seen = child.public.is_none()
            && self.before.may_be_observable()
            && entering.message.wire_format() == WireFormat::PublicMessage
            && matches!(entering.sight, Sight::NotLooked | Sight::Seen(_));
        child.unobserved = may_be_seen;
    }

    fn no_edge(&mut self) -> Result<bool, S::Error> {
        self.note(Sign::NoEdge);
        Ok(false)
    }

    /// A connected partition may adopt whatever is not connected: an orphan, and one that was announced by what is not
    /// connected itself. Otherwise a committer could announce the next epoch from a made-up partition first, and the
    /// group would go on below an orphan that ages out. Elsewhere an orphan may be adopted by any partition that does
    /// not descend from it.
    fn may_adopt(
        &self,
        key: &MaskedPartitionKey,
        found: &Partition,
        by: &MaskedPartitionKey,
    ) -> Result<bool, S::Error> {
        if found.is_connected() {
            return self.may_take(key, found, by);
        }
        if self.before.is_connected() || !found.is_orphan() {
            return Ok(self.before.is_connected());
        }
        Ok(orphan_above(self.state, by, &self.before)?.is_some_and(|top| top != *key))
    }

    /// On the dominant branch a commit may also take what another one had announced off that branch, as long as nobody
    /// has used it but the provider that announced it there. Otherwise whoever makes the next epoch could hang it below
    /// an old one first, and the group would go on with wrong epoch numbers off the dominant branch.
    fn may_take(&self, key: &MaskedPartitionKey, found: &Partition, by: &MaskedPartitionKey) -> Result<bool, S::Error> {
        let is_new_to_others = found.announced_by.as_ref().is_some_and(|announcer| !found.is_used_beside(announcer));
        let is_elsewhere = found.parent.is_some_and(|parent| parent.key != *by);
        Ok(is_new_to_others
            && is_elsewhere
            && !found.is_terminated()
            && is_on_dominant_branch(self.state, by, &self.before)?
            && !is_on_dominant_branch(self.state, key, found)?
            && descends(self.state, (by, &self.before), key)? == Some(false))
    }

    /// A partition's record as the message has left it so far.
    fn newest(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, S::Error> {
        match self.transition.changed(key) {
            Some(changed) => Ok(Some(Arc::new(changed.clone()))),
            None => self.state.partition(key),
        }
    }

    /// Takes away the edge that another partition had made to `child`.
    fn displace(&mut self, edge: &Parent, child: &MaskedPartitionKey) -> Result<(), S::Error> {
        if let Some(above) = self.newest(&edge.key)? {
            let mut above = Arc::unwrap_or_clone(above);
            above.children.retain(|known| known.key != *child);
            self.note_head(edge.key, &above);
            if above.evidence.note(Sign::NoEdge, self.now) {
                evidence::show(&mut self.group, Sign::NoEdge, self.now, &mut self.transition);
            }
            self.transition.change(edge.key, above);
        }
        Ok(())
    }

    /// Gives an adopted partition, and everything below it, its epoch. What it had cost is given back when an exempt
    /// commit adopts it: it is part of the dominant branch then. Otherwise a provider could grow a group without end
    /// off that branch, by adopting its own orphans.
    ///
    /// Returns false, with nothing changed, when there is too much below it.
    fn connect(&mut self, key: MaskedPartitionKey, orphan: &mut Partition) -> Result<bool, S::Error> {
        let Some(mut epoch) = self.target.epoch else { return Ok(true) };
        let mut connected: Vec<(MaskedPartitionKey, Partition)> = Vec::new();
        let mut level: Vec<MaskedPartitionKey> = orphan.children.iter().map(|child| child.key).collect();
        let Some(next) = epoch.next() else { return Ok(false) };
        epoch = next;
        let is_taken = orphan.is_connected();
        let mut no_heads = former_head(&key, orphan, epoch).into_iter().collect::<Vec<_>>();
        orphan.epoch = Some(epoch);
        orphan.evidence.forget(Sign::SharedOrphan);
        let mut refunds = self.refund(orphan);
        while !level.is_empty() {
            let Some(next) = epoch.next() else { return Ok(false) };
            epoch = next;
            let mut below = Vec::new();
            for key in level {
                if connected.len() == ADOPTION_MAX {
                    return Ok(false);
                }
                let Some(partition) = self.state.partition(&key)? else { continue };
                let mut partition = (*partition).clone();
                no_heads.extend(former_head(&key, &partition, epoch));
                partition.epoch = Some(epoch);
                partition.evidence.forget(Sign::SharedOrphan);
                // By what kind of commits they were announced, whoever follows them will see.
                partition.unobserved = !is_taken && self.before.may_be_observable();
                if is_taken {
                    partition.public = None;
                }
                refunds.append(&mut self.refund(&mut partition));
                below.extend(partition.children.iter().map(|child| child.key));
                connected.push((key, partition));
            }
            level = below;
        }
        self.transition.heads.append(&mut no_heads);
        self.give_back(refunds)?;
        self.join_users(orphan);
        for (key, partition) in connected {
            self.join_users(&partition);
            self.transition.announced.push(key);
            self.note_head(key, &partition);
            self.transition.partitions.push((key, partition));
        }
        Ok(true)
    }

    fn give_back(&mut self, charges: impl IntoIterator<Item = Charge>) -> Result<(), S::Error> {
        for charge in charges {
            let usage = self.in_group(&charge.provider)?.minus(charge.usage);
            self.set_in_group(&charge.provider, usage);
        }
        Ok(())
    }

    fn note_head(&mut self, partition: MaskedPartitionKey, record: &Partition) {
        if let Some(epoch) = record.epoch.filter(|_| record.is_head()) {
            self.transition.heads.push(Head { partition, epoch, is_head: true });
        }
    }

    /// Takes what an adopted partition had cost out of its record, if it is to be given back: when the commit is free, and
    /// the first that something follows. Others adopt what is off the dominant branch, as far as anybody knows.
    fn refund(&self, partition: &mut Partition) -> Vec<Charge> {
        if !self.exempt || !self.target.is_head() {
            return Vec::new();
        }
        partition.debtors.clear();
        std::mem::take(&mut partition.charges)
    }

    /// Whoever used a partition that is now connected to the root has used the group.
    fn join_users(&mut self, partition: &Partition) {
        for a_use in &partition.uses {
            if !self.group.users.contains(&a_use.provider) {
                Arc::make_mut(&mut self.group).users.push(a_use.provider.clone());
                self.transition.group = Some((*self.group).clone());
            }
        }
    }

    /// A group in which members send, or which somebody joins, is in use.
    fn note_use(&mut self, entering: &Entering<'_>) {
        let joins = entering.message.sender() == Some(Sender::NewMemberCommit);
        if (entering.presents || joins) && self.group.is_use_news(self.now) {
            Arc::make_mut(&mut self.group).used_ms = self.now;
            self.transition.group = Some((*self.group).clone());
        }
    }

    /// Whoever is welcomed may look for the group by its keys alone.
    fn note_welcomed(&mut self, entering: &Entering<'_>) {
        let Some(Announcement { welcome_data: Some(data), .. }) = entering.announcement else { return };
        if Arc::make_mut(&mut self.group).welcome(data) {
            self.transition.group = Some((*self.group).clone());
        }
    }

    fn in_group(&self, provider: &ServiceProviderId) -> Result<Usage, S::Error> {
        match self.transition.budgets.iter().find(|(whose, _)| whose == provider) {
            Some((_, usage)) => Ok(*usage),
            None => Ok(self.state.budget(provider)?.in_group),
        }
    }

    fn set_in_group(&mut self, provider: &ServiceProviderId, usage: Usage) {
        match self.transition.budgets.iter_mut().find(|(whose, _)| whose == provider) {
            Some((_, old)) => *old = usage,
            None => self.transition.budgets.push((provider.clone(), usage)),
        }
    }

    /// Whether it is a member's commit, one of the first of its provider in a partition on a branch that no other
    /// outnumbers: honest races never hit a budget, whatever others have sent before. What one provider makes and uses
    /// alone, in a group that others use, is free up to some length: there is no race in it.
    fn is_exempt(&self, entering: &Entering<'_>) -> Result<bool, S::Error> {
        let is_member_commit = entering.announcement.is_some() && !entering.is_external();
        let sent = self.before.commits_of(entering.submitter);
        let is_alone = self.before.unshared >= self.policy.free_chain
            && !self.before.is_used_beside(entering.submitter)
            && self.group.users.len() > 1;
        if !is_member_commit || sent >= self.policy.free_commits || is_alone {
            return Ok(false);
        }
        // While a branch is being ended, nobody outruns that for free.
        let ending = self.group.spreading.filter(|spread| !spread.restores);
        if ending.is_some_and(|spread| self.before.epoch >= Some(spread.epoch)) {
            return Ok(false);
        }
        is_outnumbered_nowhere(self.state, &entering.partition, &self.before)
    }

    /// What the send costs the submitter's budget: for the target, and for the partition that it announces.
    fn cost(&mut self, entering: &Entering<'_>, opens: bool, created_child: bool) -> Result<(Usage, Usage), S::Error> {
        let attached = entering.announcement.map_or(0, attached_bytes);
        let message = entering.message.bytes().len() as u64;
        let child = Usage { partitions: u64::from(created_child), bytes: 0 };
        if !self.before.is_connected() {
            let target = Usage { partitions: u64::from(opens), bytes: message + attached };
            return Ok((target, child));
        }
        let late = self.is_late()?;
        if late && entering.message.content_type() != ContentType::Application {
            self.note(Sign::LateHandshake);
        }
        if self.exempt {
            return Ok((Usage::default(), Usage::default()));
        }
        let bytes = if late || entering.is_external() { message + attached } else { attached };
        Ok((Usage { partitions: 0, bytes }, child))
    }

    /// Whether the dominant child has been in use, as a child, for longer than honest stragglers need.
    fn is_late(&self) -> Result<bool, S::Error> {
        let Some(child) = dominant_child(self.state, &self.before)? else { return Ok(false) };
        let first_used = self.state.partition(&child.key)?.and_then(|child| child.first_used_ms());
        // It may have been used as an orphan, before anybody here could know of it.
        let since = first_used.map(|first_used| first_used.max(child.announced_ms));
        Ok(since.is_some_and(|since| self.now > since.saturating_add(self.policy.late_after_ms)))
    }

    fn charge(&mut self, entering: &Entering<'_>, opens: bool, created_child: bool) -> Result<(), Refusal<S::Error>> {
        let (target, child) = self.cost(entering, opens, created_child).map_err(Refusal::State)?;
        let cost = target.plus(child);
        if cost.is_nothing() {
            return Ok(());
        }
        let budget = self.state.budget(entering.submitter).map_err(Refusal::State)?;
        let in_group = self.in_group(entering.submitter).map_err(Refusal::State)?.plus(cost);
        let in_all = budget.in_all.minus(budget.in_group).plus(in_group);
        if !in_group.fits(self.policy.budget_in_group) || !in_all.fits(self.policy.budget_in_all) {
            let retry_after_seconds = self.policy.retry_after_seconds;
            return Err(Rejection::RateLimited { retry_after_seconds }.into());
        }
        self.set_in_group(entering.submitter, in_group);
        self.target.record_charge(entering.submitter, target);
        if let Some(record) = self.opened(entering) {
            record.record_charge(entering.submitter, child);
        }
        Ok(())
    }

    /// A member's free commit shows that members follow what leads to its partition: everybody gets back what that had
    /// cost, joins from outside above all. Whoever joined cannot say so of itself; of the hub's own users, who are limited
    /// one by one, it is believed.
    fn vouch(&mut self, entering: &Entering<'_>) -> Result<(), S::Error> {
        if self.exempt {
            let policy = self.policy;
            let is_vouched =
                |of: &ServiceProviderId| of != entering.submitter || policy.hub.as_ref().is_some_and(|hub| hub == of);
            let mut refunds = self.target.forgive(is_vouched);
            let mut parent = self.target.parent.filter(|_| refunds.is_some());
            for _step in 0..WALK_MAX {
                let Some(up) = parent else { break };
                let Some(above) = self.newest(&up.key)? else { break };
                let mut above = Arc::unwrap_or_clone(above);
                let Some(given_back) = above.forgive(is_vouched) else { break };
                refunds.get_or_insert_default().extend(given_back);
                parent = above.parent;
                self.transition.change(up.key, above);
            }
            self.give_back(refunds.into_iter().flatten())?;
        }
        let debtors = self.target.debtors.clone();
        if let Some(child) = self.opened(entering).filter(|_| !debtors.is_empty()) {
            debtors.iter().for_each(|debtor| child.owe(debtor));
        }
        Ok(())
    }

    /// The partition to which the message makes an edge.
    fn opened(&mut self, entering: &Entering<'_>) -> Option<&mut Partition> {
        let announced = entering.announcement?.next;
        let mut changed = self.transition.partitions.iter_mut();
        let is_child = |partition: &Partition| partition.parent.is_some_and(|parent| parent.key == entering.partition);
        changed.find(|(key, partition)| *key == announced && is_child(partition)).map(|(_, child)| child)
    }

    fn append(&mut self, entering: &Entering<'_>, receipt: Receipt, opens: bool) {
        if self.target.epoch.is_some_and(|epoch| epoch != entering.message.epoch()) {
            self.note(Sign::OtherEpoch);
        }
        let Self { transition, target, .. } = self;
        let message = entering.message.bytes();
        let mut bytes = message.len() as u64;
        let commit = entering.announcement.map(|announcement| {
            let group_info = announcement.group_info.as_ref().map(|group_info| Blob::new(group_info.bytes()));
            bytes += group_info.as_ref().map_or(0, |blob| blob.bytes.len() as u64);
            let commit = EntryCommit {
                next: announcement.next,
                group_info: group_info.as_ref().map(|blob| (blob.key, blob.length())),
            };
            transition.blobs.extend(group_info);
            commit
        });
        if entering.presents {
            let is_member_commit = commit.is_some() && !entering.is_external();
            target.record_use(entering.submitter, self.now).commits += u32::from(is_member_commit);
        }
        target.next_index += 1;
        target.bytes += bytes;
        if commit.is_some() {
            target.commits += 1;
            target.last_commit = Some(receipt.index);
        }
        if opens {
            let due_ms = self.now.saturating_add(self.policy.orphan_ms);
            transition.timers.push(Timer { due_ms, partition: entering.partition });
        }
        // A commit may take it up by reference, and who follows the group finds it by that.
        if !target.is_connected() || target.may_be_observable() {
            let reference = ProposalRef::of(entering.message, self.group.cipher_suite);
            transition.proposals.extend(reference.map(|reference| (entering.partition, reference, receipt.index)));
        }
        let entry = Entry { accepted_ms: self.now, message: message.clone(), commit };
        transition.appends.push((entering.partition, receipt.index, entry));
        self.note_welcomed(entering);
        if self.target.is_connected() {
            let target = self.target.clone();
            self.join_users(&target);
            self.note_use(entering);
        }
    }

    /// Puts the commit's Welcome into the outbox. Nobody is invited into an epoch that may not exist: unless the commit
    /// is the first of a connected partition, its Welcome is held until somebody presents the key of the partition that
    /// it opens. If there is no such partition, because the announcement made no edge, nobody ever could.
    fn post(&mut self, entering: &Entering<'_>, receipt: Receipt) -> Result<(), Refusal<S::Error>> {
        let Some(Announcement { next, welcome_data: Some(data), preflight, .. }) = entering.announcement else {
            return Ok(());
        };
        let commit = Parent { key: entering.partition, index: receipt.index };
        let is_held = receipt.commits_before > 0 || !self.before.is_connected();
        // Addressed to nobody, it is not kept, and nothing waits for it.
        if is_held && !data.service_providers.is_empty() {
            let mut changed = self.transition.partitions.iter_mut();
            let opened = changed.find(|(key, child)| key == next && child.parent == Some(commit));
            let Some((_, child)) = opened else { return Ok(()) };
            if !child.held.contains(&commit) {
                child.held.push(commit);
            }
            let due_ms = self.now.saturating_add(self.policy.welcome_hold_ms);
            self.transition.timers.push(Timer { due_ms, partition: *next });
        }
        let name = WelcomeName { partition: *next, commit: Some(commit) };
        let welcome = Welcome { name, data: data.clone() };
        let when = (self.policy, self.now);
        let departure = if is_held { Departure::Held } else { Departure::Now(preflight) };
        outbox::post(self.state, welcome, departure, entering.submitter, when, &mut self.transition)
    }
}

/// A head that will have another epoch number.
fn former_head(key: &MaskedPartitionKey, partition: &Partition, epoch: EpochNumber) -> Option<Head> {
    let old = partition.epoch.filter(|old| *old != epoch && partition.is_head())?;
    Some(Head { partition: *key, epoch: old, is_head: false })
}

/// Bytes of the GroupInfo and the Welcome of a commit.
fn attached_bytes(announcement: &Announcement) -> u64 {
    let group_info = announcement.group_info.as_ref().map_or(0, |group_info| group_info.bytes().len());
    let welcome = announcement.welcome_data.as_ref().map_or(0, |data| data.welcome.bytes().len());
    (group_info + welcome) as u64
}
