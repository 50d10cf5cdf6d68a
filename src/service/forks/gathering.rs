//! The part of a group that is looked at when it has more partitions than that: what hangs together, and matters most.
//!
//! Whoever makes many partitions must not decide by their keys which of them the operator sees.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    sequencer::{Cut, GroupKey, Partition, Tree, dominant_child},
    store::{Error, Snapshot},
    wire::MaskedPartitionKey,
};

/// Partitions by their keys.
pub(super) type Partitions = BTreeMap<MaskedPartitionKey, Arc<Partition>>;

/// Partitions that were read, each once, whatever was looked for.
pub(super) struct Gathering<'a> {
    snapshot: &'a dyn Snapshot,
    group: GroupKey,
    found: RefCell<Partitions>,
    /// How many there may be at last.
    all: usize,
    /// How many more may be read now. What is behind that counts as not there.
    left: Cell<usize>,
    /// What the topmost one hangs on, if walks end there: who used what above is not asked.
    beyond: Cell<Option<MaskedPartitionKey>>,
}

impl Tree for Gathering<'_> {
    type Error = Error;

    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Error> {
        if let Some(known) = self.found.borrow().get(key) {
            return Ok(Some(known.clone()));
        }
        if self.beyond.get() == Some(*key) {
            return Ok(None);
        }
        let Some(left) = self.left.get().checked_sub(1) else { return Ok(None) };
        let Some(partition) = self.snapshot.partition(&self.group, key)?.map(Arc::new) else { return Ok(None) };
        self.left.set(left);
        self.found.borrow_mut().insert(*key, partition.clone());
        Ok(Some(partition))
    }
}

impl<'a> Gathering<'a> {
    /// Of so many partitions at most.
    pub(super) fn new(snapshot: &'a dyn Snapshot, group: GroupKey, all: usize) -> Self {
        Self { snapshot, group, found: RefCell::default(), all, left: Cell::new(0), beyond: Cell::default() }
    }

    /// What leads to a newest epoch, the dominant branch beside it, and what leaves them.
    pub(super) fn around_newest(self, newest: &MaskedPartitionKey) -> Result<Partitions, Error> {
        self.allow_half();
        let trunk = self.go_up(newest)?;
        self.allow_half();
        self.go_on(&trunk)?;
        self.allow_all();
        self.go_down(&trunk)?;
        self.beyond.set(None);
        self.go_up(&trunk)?;
        Ok(self.found.into_inner())
    }

    /// What leads to a branch, the branch, and the dominant branch as it is and as it would be without that one.
    pub(super) fn around_branch(self, top: &MaskedPartitionKey) -> Result<Partitions, Error> {
        self.allow_half();
        let trunk = self.go_up(top)?;
        self.allow_half();
        self.go_on(&trunk)?;
        self.go_on_without(top)?;
        self.allow_all();
        self.go_down(top)?;
        Ok(self.found.into_inner())
    }

    /// Half of what is not used yet may be, with the next steps.
    fn allow_half(&self) {
        self.left.set((self.all - self.found.borrow().len()) / 2);
    }

    fn allow_all(&self) {
        self.left.set(self.all - self.found.borrow().len());
    }

    /// Up to the root, or as far as may be, where walks end from now on. Returns the last one that is there.
    fn go_up(&self, from: &MaskedPartitionKey) -> Result<MaskedPartitionKey, Error> {
        let mut last = *from;
        let mut next = self.partition(from)?.and_then(|partition| partition.parent);
        for _step in 0..self.all {
            let Some(parent) = next else { break };
            let Some(above) = self.partition(&parent.key)? else { break };
            (last, next) = (parent.key, above.parent);
        }
        self.beyond.set(next.map(|parent| parent.key));
        Ok(last)
    }

    /// Along dominant children, with what they are compared with.
    fn go_on(&self, from: &MaskedPartitionKey) -> Result<(), Error> {
        let mut next = self.partition(from)?;
        for _step in 0..self.all {
            let Some(partition) = next else { break };
            let Some(child) = dominant_child(self, &partition)? else { break };
            next = self.partition(&child.key)?;
        }
        Ok(())
    }

    /// The same, from where the branch leaves, as if it were ended.
    fn go_on_without(&self, top: &MaskedPartitionKey) -> Result<(), Error> {
        let Some(parent) = self.partition(top)?.and_then(|branch| branch.parent) else { return Ok(()) };
        let Some(above) = self.partition(&parent.key)? else { return Ok(()) };
        let mut above = Arc::unwrap_or_clone(above);
        above.children.iter_mut().filter(|child| child.key == *top).for_each(|child| child.cut = Cut::Here);
        match dominant_child(self, &above)? {
            Some(child) => self.go_on(&child.key),
            None => Ok(()),
        }
    }

    /// All that hangs below, what is nearest first.
    fn go_down(&self, from: &MaskedPartitionKey) -> Result<(), Error> {
        let (mut seen, mut open) = (BTreeSet::new(), VecDeque::from([*from]));
        while let Some(key) = open.pop_front() {
            let Some(partition) = self.partition(&key)? else { continue };
            let below = partition.children.iter().map(|child| child.key);
            open.extend(below.filter(|child| seen.insert(*child)));
        }
        Ok(())
    }
}
