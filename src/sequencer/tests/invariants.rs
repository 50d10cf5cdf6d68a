//! What holds of every state, whatever was asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{memory::Rows, *};
use crate::{
    mls::{Sender, WireMessage},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// Checks the rows of a group.
///
/// # Panics
/// When something does not hold.
pub(super) fn check(rows: &Rows) {
    followed(rows);
    let Some(group) = &rows.group else {
        assert!(
            rows.partitions.is_empty() && rows.entries.is_empty(),
            "nothing is kept of a group before it is created"
        );
        return;
    };
    blobs(rows);
    budgets(rows);
    outbox(rows);
    if group.deleted_ms.is_some() {
        // Partitions go one by one, and edges between them lead nowhere meanwhile.
        return;
    }
    assert!(rows.partitions[&group.root].is_connected(), "the root is there as long as the group");
    let mut repeats: HashMap<MaskedPartitionKey, usize> = HashMap::new();
    for (partition, _) in rows.repeats.keys() {
        *repeats.entry(*partition).or_default() += 1;
    }
    for (key, partition) in &rows.partitions {
        counters(rows, key, partition);
        let messages = (partition.next_index - partition.first_index) as usize;
        // What came from outside may have its row in the group's name. Rows go with the last message.
        let known = repeats.get(key).copied().unwrap_or_default();
        let from_outside = from_outside(rows, key);
        assert!((messages - from_outside..).contains(&known), "each message has its repeat");
        assert!(known <= partition.next_index as usize);
        assert!(partition.first_index > 0 || known <= messages, "each repeat has its message");
        if partition.is_remnant() && !partition.has_messages() {
            assert_eq!(known, 0, "nothing is known any more of what was in it");
            assert_eq!(partition.blobs().count(), 0);
            assert!(partition.subscriptions.is_empty() && partition.held.is_empty() && partition.bytes == 0);
        }
        edges(rows, group, key, partition);
        uses(group, partition);
        if partition.is_orphan() {
            let at_least = rows.timers.iter().any(|(_, timed)| timed == key);
            assert!(at_least, "an orphan is looked at again");
        }
    }
    for (partition, _) in rows.entries.keys() {
        assert!(rows.partitions.contains_key(partition), "messages go with their partition");
    }
    for (partition, _) in rows.repeats.keys() {
        let of_group = *partition == MaskedPartitionKey::NONE;
        assert!(of_group || rows.partitions.contains_key(partition), "the rows of repeats go with their partition");
    }
    terminations(rows, group);
    observed(rows);
    heads(rows);
    subscriptions(rows);
}

/// GroupInfos and trees are there as long as something refers to them, and not longer.
fn blobs(rows: &Rows) {
    let mut counts: HashMap<BlobKey, u32> = HashMap::new();
    let commits = rows.entries.values().filter_map(|entry| entry.commit?.group_info).map(|(blob, _)| blob);
    for blob in commits.chain(rows.partitions.values().flat_map(|partition| partition.blobs())) {
        *counts.entry(blob).or_default() += 1;
    }
    assert_eq!(rows.blob_counts, counts);
    for partition in rows.partitions.values() {
        let published: u64 = partition.blobs().map(|key| rows.blobs[&key].len() as u64).sum();
        assert_eq!(partition.published_bytes, published);
    }
    assert_eq!(rows.blobs.keys().collect::<HashSet<_>>(), counts.keys().collect());
}

/// A Welcome is there as long as somebody may still get it: either it is held, and a partition and a timer know it, or
/// it has a dispatch for each provider that does not have it yet.
fn outbox(rows: &Rows) {
    let mut names: HashSet<_> = rows.welcomes.keys().copied().collect();
    assert_eq!(names, rows.outgoing.keys().copied().collect());
    for (name, outgoing) in &rows.outgoing {
        // One of another time is left of an earlier Welcome of that name.
        let is_of_it = |dispatch: &Dispatch| dispatch.submitted_ms == outgoing.submitted_ms;
        let of_it = rows.dispatches.iter().filter(|(key, dispatch)| key.welcome == *name && is_of_it(dispatch));
        let to: Vec<_> = of_it.map(|(key, _)| &key.provider).collect();
        assert_eq!(to.len(), outgoing.dispatches as usize);
        assert_eq!(to.iter().collect::<HashSet<_>>().len(), to.len(), "each provider gets it once");
        let addressed: HashSet<_> = rows.welcomes[name].service_providers.iter().collect();
        assert!(to.iter().all(|provider| addressed.contains(provider)));
        assert_ne!(to.is_empty(), outgoing.held_for.is_empty(), "held, or to be delivered");
        if !outgoing.held_for.is_empty() {
            assert!(rows.partitions[&name.partition].held.contains(&name.commit.unwrap()));
            assert!(rows.timers.iter().any(|(_, timed)| *timed == name.partition), "it is looked at again");
        }
    }
    for (key, partition) in &rows.partitions {
        for commit in &partition.held {
            let name = WelcomeName { partition: *key, commit: Some(*commit) };
            assert!(names.remove(&name), "what a partition holds is there, once");
        }
    }
    for (key, dispatch) in &rows.dispatches {
        let is_left = rows.outgoing.contains_key(&key.welcome) || has_come_again(rows, &key.welcome, dispatch);
        assert!(is_left, "what is to be brought is there");
    }
}

/// Whether a partition of the Welcome's name is gone, or another one than when it was submitted: then a later Welcome may have
/// had the name and ended, and what is left of the earlier one goes when it is tried.
fn has_come_again(rows: &Rows, name: &WelcomeName, dispatch: &Dispatch) -> bool {
    let places = [Some(name.partition), name.commit.map(|commit| commit.key)];
    let is_another = |partition: &std::sync::Arc<Partition>| partition.created_ms > dispatch.submitted_ms;
    name.commit.is_some() && places.into_iter().flatten().any(|key| rows.partitions.get(&key).is_none_or(is_another))
}

/// A subscription is found by its partition and by its provider, and its end is looked for.
fn subscriptions(rows: &Rows) {
    let of_partition = |(key, partition): (&MaskedPartitionKey, &std::sync::Arc<Partition>)| {
        let due = partition.lease_timer_ms.map(|due_ms| (due_ms, *key));
        assert!(due.is_none_or(|due| rows.timers.contains(&due)), "leases end");
        assert!(due.is_some() || partition.subscriptions.is_empty());
        let providers = partition.subscriptions.iter().map(|known| (*key, known.provider.clone()));
        providers.collect::<Vec<_>>()
    };
    let subscribed: Vec<_> = rows.partitions.iter().flat_map(of_partition).collect();
    assert_eq!(subscribed.len(), rows.subscribed.len(), "each provider once");
    assert!(subscribed.iter().all(|row| rows.subscribed.contains(row)));
}

/// What is kept of a followed partition is all between its two indexes, and its end is looked for.
fn followed(rows: &Rows) {
    for (key, record) in &rows.followed {
        let kept: Vec<_> = rows.kept.range((*key, 0)..=(*key, u32::MAX)).collect();
        assert!(kept.iter().map(|((_, index), _)| *index).eq(record.first_index..record.next_index));
        assert_eq!(kept.iter().map(|(_, message)| message.len() as u64).sum::<u64>(), record.bytes);
        assert!(rows.timers.contains(&(record.timer_ms, *key)), "somebody looks whether it is needed");
    }
    assert!(rows.kept.keys().all(|(key, _)| rows.followed.contains_key(key)));
}

/// How many messages of a partition came from who is no member.
fn from_outside(rows: &Rows, key: &MaskedPartitionKey) -> usize {
    let entries = rows.entries.range((*key, 0)..=(*key, u32::MAX));
    let senders = entries.map(|(_, entry)| WireMessage::parse(&entry.message).unwrap().sender());
    senders.filter(|sender| sender.is_some_and(|sender| !matches!(sender, Sender::Member(_)))).count()
}

/// A state is known where that of the parent is, and leads there: by its own rows, or by a checkpoint.
fn observed(rows: &Rows) {
    for (key, partition) in &rows.partitions {
        assert!(!partition.unobserved || partition.public.is_none(), "what is known is not looked for");
        assert!(!partition.may_be_observable() || partition.is_connected(), "what is not in the tree has no state");
        let Some(public) = &partition.public else { continue };
        assert_eq!(public.replay.is_checkpoint(), rows.checkpoints.contains_key(key));
        assert_eq!(rows.all_owners(key).unwrap().roster(), public.roster);
        let above = partition.parent.map(|parent| rows.partitions[&parent.key].public.is_some());
        let is_checkpoint = public.replay.is_checkpoint();
        assert!(above == Some(true) || is_checkpoint, "a state follows from another, or is where it begins");
        let known: Vec<_> = public.roster.providers.iter().collect();
        assert!(known.is_sorted(), "a roster is in order");
    }
    let partitions = &rows.partitions;
    let is_known = |key: &MaskedPartitionKey| partitions.get(key).is_some_and(|partition| partition.public.is_some());
    let mut seen = rows.owners.keys().chain(rows.checkpoints.keys());
    assert!(seen.all(is_known), "what was seen of a state is kept as long as the state");
    for ((key, _), index) in &rows.proposals {
        let is_trimmed = *index < partitions[key].first_index;
        assert!(is_trimmed || rows.entries.contains_key(&(*key, *index)), "a proposal is where its row says");
    }
}

/// Heads are the connected partitions without children, no more and no less.
fn heads(rows: &Rows) {
    let heads = rows.partitions.iter().filter(|(_, partition)| partition.is_head());
    let heads: BTreeSet<_> = heads.map(|(key, partition)| (partition.epoch.unwrap(), *key)).collect();
    assert_eq!(rows.heads, heads);
}

/// Indexes are dense, from 0 or from where retention has come to; the counters say what the messages say.
fn counters(rows: &Rows, key: &MaskedPartitionKey, partition: &Partition) {
    let entries: Vec<(u32, &Entry)> =
        rows.entries.range((*key, 0)..=(*key, u32::MAX)).map(|((_, index), entry)| (*index, entry)).collect();
    assert!(entries.iter().map(|(index, _)| *index).eq(partition.first_index..partition.next_index));
    let commits: Vec<u32> =
        entries.iter().filter(|(_, entry)| entry.commit.is_some()).map(|(index, _)| *index).collect();
    if partition.first_index == 0 {
        assert_eq!(commits.len(), partition.commits as usize);
        assert_eq!(commits.last().copied(), partition.last_commit);
    } else {
        // Counters count what was there as well.
        assert!(commits.len() <= partition.commits as usize);
        assert!(commits.last().is_none_or(|last| partition.last_commit == Some(*last)));
    }
    let group_info = |entry: &Entry| entry.commit.and_then(|commit| commit.group_info).map_or(0, |(_, length)| length);
    let bytes: usize = entries.iter().map(|(_, entry)| entry.message.len() + group_info(entry) as usize).sum();
    assert_eq!(bytes as u64, partition.bytes);
    for (key, length) in entries.iter().filter_map(|(_, entry)| entry.commit.and_then(|commit| commit.group_info)) {
        assert_eq!(rows.blobs[&key].len(), length as usize, "a GroupInfo is kept as long as its commit");
    }
}

/// Edges are a forest: each is known on both ends, a partition has one parent, and there is no way round in a circle.
/// A partition is connected exactly when its epoch is known, and then it is its parent's and one.
fn edges(rows: &Rows, group: &Group, key: &MaskedPartitionKey, partition: &Partition) {
    for child in &partition.children {
        let parent = Parent { key: *key, index: child.index };
        assert_eq!(rows.partitions[&child.key].parent, Some(parent));
        if child.index >= partition.first_index {
            let commit = rows.entries[&(*key, child.index)].commit.unwrap();
            assert_eq!(commit.next, child.key, "an edge is what a commit announced");
        }
    }
    let first_ms = partition.children.first().map(|child| child.announced_ms);
    assert!(
        partition.forked_ms <= first_ms && partition.forked_ms.is_some() == first_ms.is_some(),
        "a fork has a time"
    );
    let children: HashSet<_> = partition.children.iter().map(|child| child.key).collect();
    assert_eq!(children.len(), partition.children.len());
    let epoch = match partition.parent {
        None if *key == group.root => partition.epoch,
        None => None,
        Some(parent) => {
            let above = &rows.partitions[&parent.key];
            let child = above.children.iter().find(|child| child.index == parent.index);
            assert_eq!(child.map(|child| child.key), Some(*key));
            above.epoch.map(|epoch| epoch.next().expect("no edge leads beyond the last epoch"))
        }
    };
    assert_eq!(partition.epoch, epoch);
    assert_eq!(rows.announced.contains(key), partition.is_connected(), "what is connected can be found by its key");
    let (mut seen, mut parent) = (HashSet::from([*key]), partition.parent);
    while let Some(above) = parent {
        assert!(seen.insert(above.key), "no partition is its own ancestor");
        parent = rows.partitions[&above.key].parent;
    }
}

/// An ended branch is ended from its top down, and both ends of each edge say so. While it is under way, marks reach from
/// the top to some depth, and nothing that has one has a child without one but on the way that the next step goes.
fn terminations(rows: &Rows, group: &Group) {
    let mut tops = HashSet::new();
    for (key, partition) in &rows.partitions {
        let above = partition.parent.map(|parent| (&rows.partitions[&parent.key], parent));
        let edge = above.and_then(|(above, parent)| above.children.iter().find(|child| child.index == parent.index));
        let cut = edge.map_or(Cut::None, |child| child.cut);
        let Some(termination) = partition.terminated else {
            assert_eq!(cut, Cut::None, "an edge is not cut above what goes on");
            continue;
        };
        assert!(partition.is_connected() && partition.held.is_empty());
        let (above, _) = above.expect("the root is not ended");
        if termination.top == *key {
            assert_eq!(cut, Cut::Here);
            tops.insert(*key);
        } else {
            assert_eq!(cut, Cut::Above);
            assert_eq!(above.terminated, Some(termination), "ended with what is above");
        }
        let is_whole = partition.live_children().next().is_none();
        assert!(is_whole || group.spreading.is_some_and(|spread| spread.top == termination.top), "all of it is ended");
    }
    let restoring = group.spreading.is_some_and(|spread| spread.restores);
    assert_eq!(tops.len(), group.terminated as usize + usize::from(restoring));
    let is_timed = rows.timers.iter().any(|(_, timed)| *timed == MaskedPartitionKey::NONE);
    assert!(group.spreading.is_none() || is_timed, "what is under way goes on after a restart");
    assert!(group.terminated == 0 || rows.shows_forks, "the operator finds it");
}

/// Who used a connected partition has used the group.
fn uses(group: &Group, partition: &Partition) {
    let users: HashSet<_> = partition.uses.iter().map(|a_use| &a_use.provider).collect();
    assert_eq!(users.len(), partition.uses.len());
    assert!(!partition.is_connected() || users.iter().all(|user| group.users.contains(user)));
}

/// A provider's budget row is the sum of what its partitions say that it was charged.
fn budgets(rows: &Rows) {
    let mut sums: BTreeMap<ServiceProviderId, Usage> = BTreeMap::new();
    for charge in rows.partitions.values().flat_map(|partition| &partition.charges) {
        assert!(!charge.usage.is_nothing());
        let sum = sums.entry(charge.provider.clone()).or_default();
        *sum = sum.plus(charge.usage);
    }
    assert_eq!(rows.budgets, sums);
}

/// Checks what a new message leaves behind: itself, byte for byte, and what came with it.
///
/// # Panics
/// When something of it is missing or not as it was sent.
pub(super) fn check_sent(send: &Send, transition: &Transition, receipt: Receipt) {
    let group_info = send.announcement.as_ref().and_then(|announcement| announcement.group_info.as_ref());
    let commit = send.announcement.as_ref().map(|announcement| EntryCommit {
        next: announcement.next,
        group_info: group_info
            .map(|group_info| (BlobKey::of(group_info.bytes()), u32::try_from(group_info.bytes().len()).unwrap())),
    });
    let entry = Entry { accepted_ms: receipt.accepted_ms, message: send.message.bytes().clone(), commit };
    assert_eq!(transition.appends, [(send.partition, receipt.index, entry)]);
    assert_eq!(transition.repeat, Some((send.partition, send.repeat_key, receipt)));
    assert_eq!(
        transition.blobs,
        group_info.map(|group_info| Blob::new(group_info.bytes())).into_iter().collect::<Vec<_>>()
    );
    let welcome_data = send.announcement.as_ref().and_then(|announcement| announcement.welcome_data.as_ref());
    if let (Some(welcome), Some(commit)) = (&transition.welcome, commit) {
        assert_eq!(Some(&welcome.data), welcome_data);
        let name =
            WelcomeName { partition: commit.next, commit: Some(Parent { key: send.partition, index: receipt.index }) };
        assert_eq!(welcome.name, name);
        let (_, outgoing) = transition.outgoing.iter().find(|(changed, _)| *changed == name).unwrap();
        let outgoing = outgoing.as_ref().unwrap();
        assert_eq!((&outgoing.submitter, outgoing.submitted_ms), (&send.submitter, receipt.accepted_ms));
        assert_eq!(outgoing.bytes, welcome.data.welcome.bytes().len() as u64);
    } else if welcome_data.is_some_and(|data| !data.service_providers.is_empty()) {
        let made_an_edge = transition.partitions.iter().any(|(key, partition)| {
            Some(*key) == commit.map(|commit| commit.next)
                && partition.parent == Some(Parent { key: send.partition, index: receipt.index })
        });
        assert!(!made_an_edge, "a Welcome is kept if its partition is there");
    }
}
