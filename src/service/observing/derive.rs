//! Deriving states: from the nearest checkpoint on the way to the root, by following the commits since.
//!
//! That of a partition follows from that of its parent, the public proposals there, and the commit that announced it. All
//! of that is kept anyway. What nobody had time to look at is looked at on the way, and left at the lane.

use std::sync::Arc;

use super::{
    Known, Origin,
    cache::Cache,
    follow::{Committed, Followed, begin, follow},
};
use crate::{
    mls::{ProposalRef, WireGroupInfo, WireMessage, WireRatchetTree},
    sequencer::{BlobKey, Entry, GroupKey, Observe, Parent, Partition, Public, Replay, Sight, WelcomeName},
    store::{Error, Snapshot},
    wire::{MaskedPartitionKey, ServiceProviderId, decode},
};

/// How far up a state is looked for. Checkpoints are nearer, unless an orphan was adopted with very much below it.
const STEPS_MAX: usize = 2 * Replay::COMMITS_MAX as usize;

/// How many proposals a commit may refer to.
const PROPOSALS_MAX: usize = 4096;

/// How many bytes they may have together.
const PROPOSAL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Looks into one group, in one snapshot.
pub(super) struct Deriving<'a> {
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) group: GroupKey,
    pub(super) cache: &'a Cache,
    /// This provider.
    pub(super) hub: &'a ServiceProviderId,
    /// What was seen late, nearest to the root first.
    pub(super) late: Vec<Observe>,
}

/// A state, and what it took to have it.
pub(super) struct Derived {
    pub(super) known: Arc<Known>,
    pub(super) replay: Replay,
    /// How many commits were followed now.
    pub(super) followed: u32,
}

/// Where deriving a state begins.
enum Start {
    At(Derived),
    /// Nothing leads to the state.
    Nowhere,
    /// It is not looked for as far up as that.
    TooFar,
}

/// A partition on the way.
type Step = (MaskedPartitionKey, Partition);

impl Deriving<'_> {
    /// The state of a partition's epoch; `None` when it cannot be known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn state(&mut self, partition: &MaskedPartitionKey) -> Result<Option<Derived>, Error> {
        let mut steps = Vec::new();
        let start = self.start(partition, &mut steps)?;
        if let (Start::TooFar, Some((above, _))) = (&start, steps.last()) {
            // Whoever asks again begins there.
            let (above, mut steps) = (*above, Vec::new());
            let start = self.start(&above, &mut steps)?;
            self.follow_steps(start, &above, steps)?;
            return Ok(None);
        }
        self.follow_steps(start, partition, steps)
    }

    fn follow_steps(
        &mut self,
        start: Start,
        partition: &MaskedPartitionKey,
        mut steps: Vec<Step>,
    ) -> Result<Option<Derived>, Error> {
        let mut derived = match start {
            Start::At(derived) => derived,
            Start::Nowhere => {
                self.give_up(steps);
                return Ok(None);
            }
            Start::TooFar => return Ok(None),
        };
        while let Some((key, record)) = steps.pop() {
            let Some(parent) = record.parent else { return Ok(None) };
            let Some(next) = self.step(&derived, &key, &record, parent)? else {
                // It was followed by a program that saw it in another way, or nobody will: then nobody is to wait for it.
                steps.push((key, record));
                self.give_up(steps);
                return Ok(None);
            };
            derived = Derived { followed: derived.followed.saturating_add(1), ..next };
        }
        self.cache.put((self.group, *partition), &derived.known);
        Ok(Some(derived))
    }

    /// What hangs below something that cannot be known cannot be known either, also where it once was: whoever waits for
    /// a state that nothing leads to would wait for ever.
    fn give_up(&mut self, mut steps: Vec<Step>) {
        while let Some((partition, record)) = steps.pop() {
            if record.may_be_observable() {
                let (parent, sight) = (record.parent, Sight::Unobservable);
                let lost = record.public.map(|public| public.digest);
                self.late.push(Observe { partition, parent, commit_bytes: 0, group_info: None, sight, lost });
            }
        }
    }

    /// The nearest state that is at hand, and the partitions that lead on from there, the last one first.
    fn start(&mut self, partition: &MaskedPartitionKey, steps: &mut Vec<Step>) -> Result<Start, Error> {
        let mut key = *partition;
        while steps.len() <= STEPS_MAX {
            let Some(record) = self.snapshot.partition(&self.group, &key)? else { return Ok(Start::Nowhere) };
            match &record.public {
                Some(public) => {
                    if let Some(known) = self.at_hand(&key, &record, public)? {
                        return Ok(Start::At(Derived { known, replay: public.replay, followed: 0 }));
                    }
                }
                None if !record.unobserved => return Ok(Start::Nowhere),
                None if record.parent.is_none() => {
                    return Ok(self.begin(&key, &record)?.map_or(Start::Nowhere, Start::At));
                }
                None => {}
            }
            let Some(parent) = record.parent else { return Ok(Start::Nowhere) };
            steps.push((key, record));
            key = parent.key;
        }
        Ok(Start::TooFar)
    }

    fn at_hand(
        &self,
        key: &MaskedPartitionKey,
        record: &Partition,
        public: &Public,
    ) -> Result<Option<Arc<Known>>, Error> {
        let origin = Origin::of(self.snapshot, (&self.group, key), record)?;
        if let Some(known) = self.cache.find(&(self.group, *key), public, &origin) {
            return Ok(Some(known));
        }
        if !public.replay.is_checkpoint() {
            return Ok(None);
        }
        let checkpoint = self.snapshot.checkpoint(&self.group, key)?.ok_or(Error::Corrupt("list of public states"))?;
        Ok(Some(Arc::new(Known::load(checkpoint, origin)?)))
    }

    /// The beginning of a group that nobody had time to look at.
    fn begin(&mut self, key: &MaskedPartitionKey, record: &Partition) -> Result<Option<Derived>, Error> {
        let Some(group_info) = &record.group_info else { return Ok(None) };
        let group_info: WireGroupInfo = self.blob(group_info)?;
        let tree: Option<WireRatchetTree> = record.ratchet_tree.as_ref().map(|tree| self.blob(tree)).transpose()?;
        let seen = begin(&group_info, tree.as_ref(), self.hub, None);
        let mut derived = None;
        let sight = match seen {
            None => Sight::Unobservable,
            Some(seen) => {
                let bytes = seen.observation.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.bytes());
                let replay = Replay::of_checkpoint(bytes);
                derived = Some(Derived { known: Arc::new(seen.known), replay, followed: 0 });
                Sight::Seen(Box::new(seen.observation))
            }
        };
        let group_info = Some(group_info);
        self.late.push(Observe { partition: *key, parent: None, commit_bytes: 0, group_info, sight, lost: None });
        Ok(derived)
    }

    /// Follows the commit that announced a partition.
    fn step(
        &mut self,
        before: &Derived,
        key: &MaskedPartitionKey,
        record: &Partition,
        parent: Parent,
    ) -> Result<Option<Derived>, Error> {
        let Some(entry) = self.entry(&parent.key, parent.index)? else { return Ok(None) };
        let message: WireMessage = decode(&entry.message).map_err(|_| Error::Corrupt("message"))?;
        let group_info = entry.commit.and_then(|commit| commit.group_info);
        let group_info: Option<WireGroupInfo> = group_info.map(|(key, _)| self.blob(&key)).transpose()?;
        let proposals = self.proposals(&parent.key, &message, parent.index)?;
        let name = WelcomeName { partition: *key, commit: Some(parent) };
        let welcome_data = match record.public {
            Some(_) => None,
            None => self.snapshot.welcome(&self.group, &name)?,
        };
        let committed = Committed {
            partition: parent.key,
            message: &message,
            proposals: &proposals,
            group_info: group_info.as_ref(),
            welcome_data: welcome_data.as_ref(),
            submitter: record.announced_by.as_ref(),
            user: None,
        };
        // What was seen in time has its checkpoint, if one was due.
        let replay = if record.public.is_some() { Replay::of_checkpoint(u64::MAX) } else { before.replay };
        let followed = follow(&before.known, &committed, replay, self.hub, self.snapshot)?;
        let commit_bytes = message.bytes().len() as u64;
        let Some(public) = &record.public else {
            return Ok(self.note(key, parent, group_info, (before.replay, commit_bytes), followed));
        };
        let seen = match followed {
            Followed::Seen(seen) | Followed::Contradicted(seen) if seen.known.digest == public.digest => seen,
            // It was followed before, by a program that saw it in another way.
            Followed::Unobservable | Followed::Seen(_) | Followed::Contradicted(_) => return Ok(None),
        };
        // Whose the leaves are was known better when the commit came.
        let origin = Origin::of(self.snapshot, (&self.group, key), record)?;
        let known = seen.known.owned(before.known.owners.after(&origin.changes), origin);
        Ok(Some(Derived { known: Arc::new(known), replay: public.replay, followed: 0 }))
    }

    /// Leaves at the lane what was seen late.
    fn note(
        &mut self,
        key: &MaskedPartitionKey,
        parent: Parent,
        group_info: Option<WireGroupInfo>,
        (replay, commit_bytes): (Replay, u64),
        followed: Followed,
    ) -> Option<Derived> {
        let mut derived = None;
        let sight = match followed {
            Followed::Unobservable => Sight::Unobservable,
            // It is sequenced, whatever was said of it.
            Followed::Contradicted(seen) | Followed::Seen(seen) => {
                let saved = seen.observation.checkpoint.as_ref().map(|saved| Replay::of_checkpoint(saved.bytes()));
                let replay = saved.unwrap_or(replay.then(commit_bytes));
                derived = Some(Derived { known: Arc::new(seen.known), replay, followed: 0 });
                Sight::Seen(Box::new(seen.observation))
            }
        };
        self.late.push(Observe { partition: *key, parent: Some(parent), commit_bytes, group_info, sight, lost: None });
        derived
    }

    /// The public proposals before an index that a commit refers to. One that is missing, or too long, is not among them:
    /// the commit cannot be followed then.
    pub(super) fn proposals(
        &self,
        partition: &MaskedPartitionKey,
        commit: &WireMessage,
        before: u32,
    ) -> Result<Vec<WireMessage>, Error> {
        let references: Vec<ProposalRef> = commit.proposal_refs(PROPOSALS_MAX).unwrap_or_default();
        let (mut proposals, mut bytes) = (Vec::with_capacity(references.len()), 0_usize);
        for reference in references {
            let index = self.snapshot.proposal(&self.group, partition, &reference)?;
            let Some(index) = index.filter(|index| *index < before) else { continue };
            let Some(entry) = self.entry(partition, index)? else { continue };
            bytes = bytes.saturating_add(entry.message.len());
            if bytes > PROPOSAL_BYTES_MAX {
                break;
            }
            proposals.push(decode(&entry.message).map_err(|_| Error::Corrupt("message"))?);
        }
        Ok(proposals)
    }

    fn entry(&self, partition: &MaskedPartitionKey, index: u32) -> Result<Option<Entry>, Error> {
        let page = self.snapshot.messages(&self.group, partition, index, 0)?;
        Ok(page.entries.into_iter().next().filter(|(found, _)| *found == index).map(|(_, entry)| entry))
    }

    fn blob<T: mls_rs_codec::MlsDecode>(&self, key: &BlobKey) -> Result<T, Error> {
        let bytes = self.snapshot.blob(&self.group, key)?.ok_or(Error::Corrupt("list of GroupInfos"))?;
        decode(&bytes).map_err(|_| Error::Corrupt("GroupInfo"))
    }
}
