//! What a device has read of its group.

use std::collections::{BTreeMap, VecDeque};

use crate::client::{Fork, Place, Reason};

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    /// The identity in the sender's credential.
    pub(super) by: String,
    pub(super) text: String,
}

/// Messages by their places, and what happened beside them.
#[derive(Default)]
pub(super) struct Transcript {
    /// Own messages among them, at the places where they were read back.
    pub(super) lines: BTreeMap<Place, Line>,
    /// Lines for a place that had one already.
    pub(super) repeated: usize,
    /// Messages without effect.
    pub(super) ignored: Vec<(Place, Reason)>,
    /// Commits behind the first valid one of their partition.
    pub(super) superseded: Vec<Place>,
    /// Own commits that came to nothing.
    pub(super) lost: usize,
    /// Own wishes that were fulfilled by a commit.
    pub(super) done: usize,
    /// Forks that the client has told of by itself.
    pub(super) forks: Vec<Fork>,
    /// Who removed this device.
    pub(super) removed_by: Option<String>,
    /// Own messages that were not read back yet.
    pub(super) unread: VecDeque<String>,
}

impl Transcript {
    /// Takes note of something said.
    pub(super) fn hear(&mut self, place: Place, line: Line) {
        if self.lines.insert(place, line).is_some() {
            self.repeated += 1;
        }
    }

    /// The texts, in order.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.values().map(|line| line.text.as_str())
    }
}
