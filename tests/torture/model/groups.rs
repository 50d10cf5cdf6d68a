//! Groups, their partitions, and what stands in them.

use std::collections::{BTreeMap, HashMap};

use restante::wire::SendResponse;
use sha2::Digest as _;

use crate::{dice::Dice, world::Provider};

/// A message, by its bytes.
pub(crate) type Digest = [u8; 32];

pub(crate) fn digest(message: &[u8]) -> Digest {
    sha2::Sha256::digest(message).into()
}

/// A partition: of which group, and of which number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Spot {
    pub(crate) group: usize,
    pub(crate) number: u32,
}

impl Spot {
    /// The key of a partition. Those of different groups have nothing to do with each other.
    pub(crate) fn key(self) -> [u8; 16] {
        let mut key = [7; 16];
        key[..4].copy_from_slice(&self.number.to_be_bytes());
        key
    }
}

/// All groups that anybody founded.
#[derive(Default)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    /// How often all clocks have leapt.
    leaps: u32,
}

struct Group {
    id: Vec<u8>,
    hub: Provider,
    /// Whether people at random write here.
    is_open: bool,
    /// How far it has come since it was deleted, if that was acknowledged.
    end: Option<End>,
    /// Whether anything has come since it was looked at.
    is_dirty: bool,
    partitions: BTreeMap<u32, Partition>,
}

/// What is left of a group that was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All of it: it was deleted then, or later. A day later it may go.
    Whole(u64),
    /// Nobody knows: the clocks have leapt over that day.
    Due,
    /// Nothing: retention has gone over it since. Nothing comes again.
    Gone,
}

/// What is known of a partition.
#[derive(Default)]
struct Partition {
    epoch: u64,
    sent: HashMap<Digest, Sent>,
    places: BTreeMap<u32, Digest>,
    /// When a commit led away from it, or when it was opened without one: a day later what is older may go.
    left_ms: Option<u64>,
    /// No commit announces it: it goes as a whole, and may be opened again.
    is_orphan: bool,
}

/// For how long something stays that may go (`policy.retention_days`, `policy.orphan_hours`), less what clocks take to
/// be read.
const DAY_MS: u64 = 24 * 3_600_000 - 60_000;

/// A message that somebody has sent.
struct Sent {
    label: String,
    /// What it was answered with.
    receipt: Option<SendResponse>,
    /// Where it was read.
    read_at: Option<u32>,
}

impl Groups {
    pub(crate) fn leap(&mut self) {
        self.leaps += 1;
        for group in self.groups.iter_mut().filter(|group| matches!(group.end, Some(End::Whole(_)))) {
            group.end = Some(End::Due);
        }
    }

    /// Retention has come to the end of a walk that began behind the last leap.
    pub(crate) fn note_walk(&mut self) {
        for group in self.groups.iter_mut().filter(|group| group.end == Some(End::Due)) {
            group.end = Some(End::Gone);
        }
    }

    pub(crate) fn leaps(&self) -> u32 {
        self.leaps
    }

    /// A group was founded, with its partition 0.
    pub(crate) fn found(&mut self, id: Vec<u8>, hub: Provider, is_open: bool) -> usize {
        let partitions = BTreeMap::from([(0, Partition::default())]);
        self.groups.push(Group { id, hub, is_open, end: None, is_dirty: true, partitions });
        self.groups.len() - 1
    }

    pub(crate) fn id(&self, group: usize) -> Vec<u8> {
        self.groups[group].id.clone()
    }

    pub(crate) fn hub(&self, group: usize) -> Provider {
        self.groups[group].hub
    }

    pub(crate) fn epoch(&self, spot: Spot) -> u64 {
        self.groups[spot.group].partitions[&spot.number].epoch
    }

    /// Nobody at random writes here any more.
    pub(crate) fn close(&mut self, group: usize) {
        self.groups[group].is_open = false;
    }

    /// It was deleted, not before that.
    pub(crate) fn delete(&mut self, group: usize, asked_ms: u64) {
        self.groups[group].end = Some(End::Whole(asked_ms));
    }

    /// How many are deleted, and still there.
    pub(crate) fn number_doomed(&self) -> usize {
        self.groups.iter().filter(|group| matches!(group.end, Some(End::Whole(_)))).count()
    }

    /// All partitions of so many groups that were deleted, of those that were founded last.
    pub(crate) fn deleted(&self, most: usize) -> Vec<Spot> {
        let deleted = self.groups.iter().enumerate().rev().filter(|(_, group)| group.end.is_some()).take(most);
        let spots = |(group, known): (usize, &Group)| {
            let numbers: Vec<u32> = known.partitions.keys().copied().collect();
            numbers.into_iter().map(move |number| Spot { group, number })
        };
        deleted.flat_map(spots).collect()
    }

    /// Where somebody may write: in one of the two newest partitions of an open group.
    pub(crate) fn pick(&self, dice: &mut Dice) -> Option<Spot> {
        let open: Vec<usize> = (0..self.groups.len()).filter(|group| self.groups[*group].is_open).collect();
        let group = *open.get(dice.below(open.len().max(1)))?;
        let partitions = self.groups[group].partitions.iter().rev().filter(|(_, partition)| !partition.is_orphan);
        let newest: Vec<u32> = partitions.map(|(number, _)| *number).take(2).collect();
        Some(Spot { group, number: newest[dice.below(newest.len())] })
    }

    /// All partitions of groups that have changed since this was asked the last time, or of all that are not deleted.
    pub(crate) fn take_changed(&mut self, all: bool) -> Vec<Spot> {
        let mut spots = Vec::new();
        for (group, known) in self.groups.iter_mut().enumerate() {
            let is_dirty = std::mem::take(&mut known.is_dirty);
            if known.end.is_none() && (is_dirty || all) {
                spots.extend(known.partitions.keys().map(|number| Spot { group, number: *number }));
            }
        }
        spots
    }

    /// A commit that was sequenced then has opened a partition below another one.
    pub(crate) fn open(&mut self, spot: Spot, below: u32, at_ms: u64) {
        let partitions = &mut self.groups[spot.group].partitions;
        let parent = partitions.get_mut(&below).expect("it was opened");
        parent.left_ms = Some(parent.left_ms.map_or(at_ms, |before_ms| before_ms.min(at_ms)));
        let epoch = parent.epoch + 1;
        partitions.entry(spot.number).or_insert(Partition { epoch, ..Partition::default() });
    }

    /// Somebody is about to open one that no commit announces.
    pub(crate) fn open_orphan(&mut self, spot: Spot, now_ms: u64) {
        let orphan = Partition { left_ms: Some(now_ms), is_orphan: true, ..Partition::default() };
        self.groups[spot.group].partitions.entry(spot.number).or_insert(orphan);
    }

    /// Somebody is about to send that.
    pub(crate) fn send(&mut self, spot: Spot, message: Digest, label: String) {
        let group = &mut self.groups[spot.group];
        group.is_dirty = true;
        let partition = group.partitions.get_mut(&spot.number).expect("it was opened");
        partition.sent.entry(message).or_insert(Sent { label, receipt: None, read_at: None });
    }

    /// The hub has acknowledged it. What has gone meanwhile is sequenced anew.
    pub(crate) fn receive(&mut self, spot: Spot, message: Digest, receipt: SendResponse) -> Result<(), String> {
        let group = &mut self.groups[spot.group];
        group.is_dirty = true;
        let partition = group.partitions.get_mut(&spot.number).expect("it was opened");
        partition.place(spot, receipt.index, message, receipt.accepted_ms)?;
        let sent = partition.sent.get_mut(&message).expect("it was sent");
        let before = sent.receipt.replace(receipt);
        let label = sent.label.clone();
        match before {
            Some(before) if before != receipt && !partition.may_be_without(before.accepted_ms, receipt.accepted_ms) => {
                Err(format!("{spot:?}: {label} has the receipts {before:?} and {receipt:?}"))
            }
            _ => Ok(()),
        }
    }

    /// What has been acknowledged there up to now and is not so old that it may go: whoever reads from now on finds it.
    pub(crate) fn promised(&self, spot: Spot, now_ms: u64) -> Vec<(u32, Digest)> {
        let group = &self.groups[spot.group];
        let partition = &group.partitions[&spot.number];
        let is_old = |at_ms: u64| partition.may_be_without(at_ms, now_ms);
        let receipts = partition.sent.iter().filter_map(|(message, sent)| Some((sent.receipt?, *message)));
        let stays = receipts.filter(|(receipt, _)| !group.may_be_removed(now_ms) && !is_old(receipt.accepted_ms));
        stays.map(|(receipt, message)| (receipt.index, message)).collect()
    }

    /// Somebody was given these, one after another, from that index on.
    pub(crate) fn read(&mut self, spot: Spot, first: u32, messages: &[Digest], now_ms: u64) -> Result<(), String> {
        let group = &mut self.groups[spot.group];
        if group.end == Some(End::Gone) && !messages.is_empty() {
            return Err(format!("{spot:?}: {} messages of a group that was deleted are there again", messages.len()));
        }
        let partition = group.partitions.get_mut(&spot.number).expect("it was opened");
        for (index, message) in (first..).zip(messages) {
            partition.place(spot, index, *message, now_ms)?;
        }
        Ok(())
    }

    /// Whether the first messages there may have gone.
    pub(crate) fn may_begin_later(&self, spot: Spot, now_ms: u64) -> bool {
        let group = &self.groups[spot.group];
        group.may_be_removed(now_ms) || group.partitions[&spot.number].may_be_without(0, now_ms)
    }

    /// How somebody called that message.
    pub(crate) fn label(&self, spot: Spot, message: &Digest) -> String {
        let sent = self.groups[spot.group].partitions[&spot.number].sent.get(message);
        sent.map_or_else(|| "a message that nobody sent".to_owned(), |sent| sent.label.clone())
    }

    pub(super) fn summary(&self) -> String {
        let partitions = || self.groups.iter().flat_map(|group| group.partitions.values());
        let count = |what: fn(Option<End>) -> bool| self.groups.iter().filter(|group| what(group.end)).count();
        format!(
            "{} groups ({} deleted, {} of these gone), {} partitions, {} messages sent, {} with a receipt, {} leaps of \
             the clock",
            self.groups.len(),
            count(|end| end.is_some()),
            count(|end| end == Some(End::Gone)),
            partitions().count(),
            partitions().map(|partition| partition.sent.len()).sum::<usize>(),
            partitions().flat_map(|partition| partition.sent.values()).filter(|sent| sent.receipt.is_some()).count(),
            self.leaps,
        )
    }
}

impl Group {
    /// Whether it was deleted so long ago that it may be gone by now.
    fn may_be_removed(&self, now_ms: u64) -> bool {
        self.end.is_some_and(|end| match end {
            End::Whole(deleted_ms) => now_ms >= deleted_ms + DAY_MS,
            End::Due | End::Gone => true,
        })
    }
}

impl Partition {
    /// Whether what was sequenced then may have gone by now.
    fn may_be_without(&self, accepted_ms: u64, now_ms: u64) -> bool {
        let since_ms = self.left_ms.map(|left_ms| if self.is_orphan { left_ms } else { left_ms.max(accepted_ms) });
        since_ms.is_some_and(|since_ms| now_ms >= since_ms + DAY_MS)
    }

    /// A message stands at that index: always there, and nowhere else, unless what was there may have gone by now.
    fn place(&mut self, spot: Spot, index: u32, message: Digest, now_ms: u64) -> Result<(), String> {
        let Some(sent) = self.sent.get_mut(&message) else {
            return Err(format!("{spot:?}: at {index} stands a message that nobody sent"));
        };
        let (label, sequenced_ms) = (sent.label.clone(), sent.receipt.map_or(0, |receipt| receipt.accepted_ms));
        let before = sent.read_at.replace(index).filter(|before| *before != index);
        let may_be_without = self.may_be_without(sequenced_ms, now_ms);
        match before {
            Some(before) if may_be_without => drop(self.places.remove(&before)),
            Some(before) => return Err(format!("{spot:?}: {label} stands at {before} and at {index}")),
            None => {}
        }
        match self.places.insert(index, message) {
            // An orphan that has gone begins at 0 again.
            Some(before) if before != message && !(self.is_orphan && may_be_without) => {
                let other = self.sent.get(&before).map_or("?", |sent| &sent.label);
                Err(format!("{spot:?}: at {index} stand {other} and {label}"))
            }
            _ => Ok(()),
        }
    }
}
