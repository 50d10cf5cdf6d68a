//! Sequencing a message (draft §4.2).

use std::{collections::HashSet, sync::Arc};

use super::{
    Announcement, Blob, BlobKey, Charge, Child, Entry, EntryCommit, Evidence, Group, Outcome, Parent, Partition,
    Policy, Receipt, Refusal, Rejection, Send, SizeLimit, State, Timer, Transition, UnixMillis, Usage, Welcome,
    dominance::{dominant_child, is_on_dominant_branch, orphan_above},
};
use crate::{
    mls::{ContentType, Sender, WireGroupInfo},
    wire::{ExpectCommit, MaskedPartitionKey, WelcomeData},
};

/// How many partitions one commit may connect to the root by adopting an orphan and what hangs below it.
const ADOPTION_MAX: usize = 4096;

pub(super) fn send<S: State + ?Sized>(
    state: &S,
    send: &Send,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let group = state.group().map_err(Refusal::State)?.ok_or(Rejection::UnknownGroup)?;
    if let Some(receipt) = state.repeat(&send.partition, &send.repeat_key).map_err(Refusal::State)? {
        return Ok(Transition::unchanged(Outcome::Sent(receipt)));
    }
    check_sizes(send, policy)?;
    if let Some(announcement) = &send.announcement {
        check_announcement(&group, send, announcement, policy)?;
    }

    let found = state.partition(&send.partition).map_err(Refusal::State)?;
    let opens = found.is_none();
    let before = found.unwrap_or_else(|| Arc::new(Partition::new(now, None, None)));
    check_expectation(send, &before)?;
    if before.next_index == u32::MAX {
        return Err(Rejection::PartitionFull.into());
    }

    let receipt = Receipt { accepted_ms: now, index: before.next_index, commits_before: before.commits };
    let mut change = Change {
        state,
        policy,
        now,
        group,
        target: (*before).clone(),
        before,
        exempt: false,
        transition: Transition::unchanged(Outcome::Sent(receipt)),
    };
    change.exempt = change.is_exempt(send).map_err(Refusal::State)?;
    let child = change.announce(send, receipt).map_err(Refusal::State)?;
    change.charge(send, opens, child)?;
    change.append(send, receipt, opens);
    Ok(change.transition)
}

fn check_sizes(send: &Send, policy: &Policy) -> Result<(), Rejection> {
    let length = send.message.bytes().len();
    let (limit, name): (usize, fn(usize) -> SizeLimit) = match send.message.content_type() {
        ContentType::Application => (policy.sizes.application, SizeLimit::Application),
        ContentType::Proposal | ContentType::Commit => (policy.sizes.handshake, SizeLimit::Handshake),
    };
    if length > limit {
        return Err(Rejection::TooLarge(name(limit)));
    }
    let Some(announcement) = &send.announcement else { return Ok(()) };
    check_attachments(announcement.group_info.as_ref(), announcement.welcome_data.as_ref(), policy)
}

/// The sizes of what travels beside a commit or a creation.
pub(super) fn check_attachments(
    group_info: Option<&WireGroupInfo>,
    welcome_data: Option<&WelcomeData>,
    policy: &Policy,
) -> Result<(), Rejection> {
    if group_info.is_some_and(|group_info| group_info.bytes().len() > policy.sizes.group_info) {
        return Err(Rejection::TooLarge(SizeLimit::GroupInfo(policy.sizes.group_info)));
    }
    if welcome_data.is_some_and(|data| data.welcome.bytes().len() > policy.sizes.welcome) {
        return Err(Rejection::TooLarge(SizeLimit::Welcome(policy.sizes.welcome)));
    }
    Ok(())
}

/// Refuses a commit only for facts that are unambiguous without the group's public state.
fn check_announcement(
    group: &Group,
    send: &Send,
    announcement: &Announcement,
    policy: &Policy,
) -> Result<(), Rejection> {
    if let Some(group_info) = &announcement.group_info {
        if group_info.group_id() != send.message.group_id()
            || Some(group_info.epoch()) != send.message.epoch().next()
            || group_info.cipher_suite() != group.cipher_suite
        {
            return Err(Rejection::GroupInfoMismatch);
        }
        if !group_info.has_ratchet_tree() {
            return Err(Rejection::RatchetTreeRequired);
        }
    }
    announcement.welcome_data.as_ref().map_or(Ok(()), |data| check_welcome(data, group.cipher_suite, policy))
}

/// The rules of draft §4.2 for a Welcome and its providers.
pub(super) fn check_welcome(
    data: &WelcomeData,
    cipher_suite: crate::mls::CipherSuite,
    policy: &Policy,
) -> Result<(), Rejection> {
    let mut refs = HashSet::new();
    if data.service_providers.len() != data.welcome.secrets()
        || data.welcome.cipher_suite() != cipher_suite
        || !data.welcome.key_package_refs().all(|reference| refs.insert(reference))
    {
        return Err(Rejection::WelcomeProviderMismatch);
    }
    if data.service_providers.iter().any(|provider| !policy.providers.contains(provider)) {
        return Err(Rejection::UnknownProvider);
    }
    Ok(())
}

fn check_expectation(send: &Send, partition: &Partition) -> Result<(), Rejection> {
    let conflict = match (send.expect_commit, partition.last_commit) {
        (None, _) | (Some(_), None) => false,
        (Some(ExpectCommit::None), Some(_)) => true,
        (Some(ExpectCommit::Index(known)), Some(last)) => last > known,
    };
    if conflict { Err(Rejection::CommitConflict) } else { Ok(()) }
}

/// A send on its way to a transition.
struct Change<'a, S: ?Sized> {
    state: &'a S,
    policy: &'a Policy,
    now: UnixMillis,
    group: Arc<Group>,
    /// The target as it was.
    before: Arc<Partition>,
    /// The target as it will be.
    target: Partition,
    /// Whether it is one of the first member commits of a partition on the dominant branch, which cost nothing.
    exempt: bool,
    transition: Transition,
}

impl<S: State + ?Sized> Change<'_, S> {
    /// Makes the edge that a commit asks for. Returns whether that created a partition.
    fn announce(&mut self, send: &Send, receipt: Receipt) -> Result<bool, S::Error> {
        let Some(announcement) = &send.announcement else { return Ok(false) };
        let next = announcement.next;
        let parent = Parent { key: send.partition, index: receipt.index };
        let found = self.state.partition(&next)?;
        let (mut child, created) = match found {
            _ if next == send.partition || next == self.group.root => return self.no_edge(),
            None => {
                let epoch = self.target.epoch.map(|epoch| epoch.next());
                // No epoch follows the last one.
                let Some(epoch) = epoch.map_or(Some(None), |next| next.map(Some)) else { return self.no_edge() };
                (Partition::new(self.now, epoch, Some(parent)), true)
            }
            Some(found) => {
                if !self.may_adopt(&next, &found, &send.partition)? {
                    return self.no_edge();
                }
                let mut child = (*found).clone();
                child.parent = Some(parent);
                if !self.connect(&mut child)? {
                    return self.no_edge();
                }
                if let Some(displaced) = found.parent {
                    self.displace(&displaced, &next)?;
                }
                (child, false)
            }
        };
        child.group_info = announcement.group_info.as_ref().map(|group_info| BlobKey::of(group_info.bytes()));
        self.target.children.push(Child { key: next, index: receipt.index, announced_ms: self.now });
        if child.is_connected() {
            self.transition.announced.push(next);
        }
        self.transition.partitions.push((next, child));
        Ok(created)
    }

    fn no_edge(&mut self) -> Result<bool, S::Error> {
        self.target.evidence.note(Evidence::NO_EDGE);
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
        if self.before.is_connected() || !found.is_orphan() {
            return Ok(self.before.is_connected() && !found.is_connected());
        }
        Ok(orphan_above(self.state, by, &self.before)?.is_some_and(|top| top != *key))
    }

    /// Takes away the edge that a partition which is not connected had made to `child`.
    fn displace(&mut self, edge: &Parent, child: &MaskedPartitionKey) -> Result<(), S::Error> {
        if let Some(above) = self.state.partition(&edge.key)? {
            let mut above = (*above).clone();
            above.children.retain(|known| known.key != *child);
            above.evidence.note(Evidence::NO_EDGE);
            self.transition.partitions.push((edge.key, above));
        }
        Ok(())
    }

    /// Gives an adopted orphan, and everything below it, its epoch. What it had cost is given back when an exempt
    /// commit adopts it: it is part of the dominant branch then. Otherwise a provider could grow a group without end
    /// off that branch, by adopting its own orphans.
    ///
    /// Returns false, with nothing changed, when there is too much below it.
    fn connect(&mut self, orphan: &mut Partition) -> Result<bool, S::Error> {
        let Some(mut epoch) = self.target.epoch else { return Ok(true) };
        let mut connected: Vec<(MaskedPartitionKey, Partition)> = Vec::new();
        let mut level: Vec<MaskedPartitionKey> = orphan.children.iter().map(|child| child.key).collect();
        let Some(next) = epoch.next() else { return Ok(false) };
        epoch = next;
        orphan.epoch = Some(epoch);
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
                partition.epoch = Some(epoch);
                refunds.append(&mut self.refund(&mut partition));
                below.extend(partition.children.iter().map(|child| child.key));
                connected.push((key, partition));
            }
            level = below;
        }
        for charge in refunds {
            let usage = self.in_group(&charge.provider)?.minus(charge.usage);
            self.set_in_group(&charge.provider, usage);
        }
        self.join_users(orphan);
        for (key, partition) in connected {
            self.join_users(&partition);
            self.transition.announced.push(key);
            self.transition.partitions.push((key, partition));
        }
        Ok(true)
    }

    /// Takes what an adopted partition had cost out of its record, if it is to be given back.
    fn refund(&self, partition: &mut Partition) -> Vec<Charge> {
        if self.exempt { std::mem::take(&mut partition.charges) } else { Vec::new() }
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

    fn in_group(&self, provider: &crate::wire::ServiceProviderId) -> Result<Usage, S::Error> {
        match self.transition.budgets.iter().find(|(whose, _)| whose == provider) {
            Some((_, usage)) => Ok(*usage),
            None => Ok(self.state.budget(provider)?.in_group),
        }
    }

    fn set_in_group(&mut self, provider: &crate::wire::ServiceProviderId, usage: Usage) {
        match self.transition.budgets.iter_mut().find(|(whose, _)| whose == provider) {
            Some((_, old)) => *old = usage,
            None => self.transition.budgets.push((provider.clone(), usage)),
        }
    }

    /// Whether it is a member's commit, one of the first of a partition on the dominant branch: honest races never hit
    /// a budget.
    fn is_exempt(&self, send: &Send) -> Result<bool, S::Error> {
        let is_member_commit = send.announcement.is_some() && !is_external(send);
        if !is_member_commit || self.before.member_commits >= self.policy.free_commits {
            return Ok(false);
        }
        is_on_dominant_branch(self.state, &send.partition, &self.before, self.policy, self.now)
    }

    /// What the send costs the submitter's budget: for the target, and for the partition that it announces.
    fn cost(&mut self, send: &Send, opens: bool, created_child: bool) -> Result<(Usage, Usage), S::Error> {
        let attached = send.announcement.as_ref().map_or(0, attached_bytes);
        let message = send.message.bytes().len() as u64;
        let child = Usage { partitions: u64::from(created_child), bytes: 0 };
        if !self.before.is_connected() {
            let target = Usage { partitions: u64::from(opens), bytes: message + attached };
            return Ok((target, child));
        }
        let late = self.is_late()?;
        if late && send.message.content_type() != ContentType::Application {
            self.target.evidence.note(Evidence::LATE_HANDSHAKE);
        }
        if self.exempt {
            return Ok((Usage::default(), Usage::default()));
        }
        let bytes = if late || is_external(send) { message + attached } else { attached };
        Ok((Usage { partitions: 0, bytes }, child))
    }

    /// Whether the dominant child has been in use, as a child, for longer than honest stragglers need.
    fn is_late(&self) -> Result<bool, S::Error> {
        let Some(child) = dominant_child(self.state, &self.before, self.policy, self.now)? else { return Ok(false) };
        let first_used = self.state.partition(&child.key)?.and_then(|child| child.first_used_ms());
        // It may have been used as an orphan, before anybody here could know of it.
        let since = first_used.map(|first_used| first_used.max(child.announced_ms));
        Ok(since.is_some_and(|since| self.now > since.saturating_add(self.policy.late_after_ms)))
    }

    fn charge(&mut self, send: &Send, opens: bool, created_child: bool) -> Result<(), Refusal<S::Error>> {
        let (target, child) = self.cost(send, opens, created_child).map_err(Refusal::State)?;
        let cost = target.plus(child);
        if cost.is_nothing() {
            return Ok(());
        }
        let budget = self.state.budget(&send.submitter).map_err(Refusal::State)?;
        let in_group = self.in_group(&send.submitter).map_err(Refusal::State)?.plus(cost);
        let in_all = budget.in_all.minus(budget.in_group).plus(in_group);
        if !in_group.fits(self.policy.budget_in_group) || !in_all.fits(self.policy.budget_in_all) {
            let retry_after_seconds = self.policy.retry_after_seconds;
            return Err(Rejection::RateLimited { retry_after_seconds }.into());
        }
        self.set_in_group(&send.submitter, in_group);
        self.target.record_charge(&send.submitter, target);
        let announced = send.announcement.as_ref().map(|announcement| announcement.next);
        if let Some((_, record)) = self.transition.partitions.iter_mut().find(|(key, _)| Some(*key) == announced) {
            record.record_charge(&send.submitter, child);
        }
        Ok(())
    }

    fn append(&mut self, send: &Send, receipt: Receipt, opens: bool) {
        let Self { transition, target, .. } = self;
        let message = send.message.bytes();
        let mut bytes = message.len() as u64;
        let commit = send.announcement.as_ref().map(|announcement| {
            let group_info = announcement.group_info.as_ref().map(|group_info| Blob::new(group_info.bytes()));
            bytes += group_info.as_ref().map_or(0, |blob| blob.bytes.len() as u64);
            let commit = EntryCommit {
                next: announcement.next,
                group_info: group_info.as_ref().map(|blob| (blob.key, blob.length())),
            };
            transition.blobs.extend(group_info);
            commit
        });
        target.record_use(&send.submitter, self.now);
        target.next_index += 1;
        target.bytes += bytes;
        if commit.is_some() {
            target.commits += 1;
            target.member_commits += u32::from(!is_external(send));
            target.last_commit = Some(receipt.index);
        }
        if target.epoch.is_some_and(|epoch| epoch != send.message.epoch()) {
            target.evidence.note(Evidence::EPOCH_MISMATCH);
        }
        if opens {
            let due_ms = self.now.saturating_add(self.policy.orphan_ms);
            transition.timers.push(Timer { due_ms, partition: send.partition });
        }
        if let Some(Announcement { next, welcome_data: Some(data), .. }) = &send.announcement {
            transition.welcome = Some(Box::new(Welcome {
                partition: *next,
                commit: Some(Parent { key: send.partition, index: receipt.index }),
                held: receipt.commits_before > 0 || !self.before.is_connected(),
                submitter: send.submitter.clone(),
                submitted_ms: self.now,
                data: data.clone(),
            }));
        }
        transition.append =
            Some((send.partition, receipt.index, Entry { accepted_ms: self.now, message: message.clone(), commit }));
        transition.repeat = Some((send.partition, send.repeat_key, receipt));
        if self.target.is_connected() {
            let target = self.target.clone();
            self.join_users(&target);
        }
        self.transition.partitions.push((send.partition, self.target.clone()));
    }
}

/// Whether somebody sends who is no member, or not yet.
fn is_external(send: &Send) -> bool {
    matches!(send.message.sender(), Some(Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit))
}

/// Bytes of the GroupInfo and the Welcome of a commit.
fn attached_bytes(announcement: &Announcement) -> u64 {
    let group_info = announcement.group_info.as_ref().map_or(0, |group_info| group_info.bytes().len());
    let welcome = announcement.welcome_data.as_ref().map_or(0, |data| data.welcome.bytes().len());
    (group_info + welcome) as u64
}
