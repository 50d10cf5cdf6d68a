//! What happened in the minute that is under way: latencies of what went well, and how often what did not.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A send by a user of the hub, until it is acknowledged.
    Send,
    /// The same by a user of the follower.
    Forwarded,
    /// The same bytes a second time.
    Repeat,
    /// A commit that opens an epoch, by a user of the hub.
    Commit,
    /// A message, from its send until the reader has it who waits for it at the follower.
    Read,
    /// A receive of an epoch that is over, at the hub.
    Old,
    /// A fetch of a KeyPackage over relay and gateway.
    Fetch,
    /// A fetch with a wrong token.
    Denied,
    /// A Welcome, from its commit until the new member has it, at the follower.
    Welcome,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Send,
        Self::Forwarded,
        Self::Repeat,
        Self::Commit,
        Self::Read,
        Self::Old,
        Self::Fetch,
        Self::Denied,
        Self::Welcome,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Forwarded => "forwarded send",
            Self::Repeat => "repeated send",
            Self::Commit => "commit",
            Self::Read => "read by who waits",
            Self::Old => "receive, old epoch",
            Self::Fetch => "fetch",
            Self::Denied => "denied fetch",
            Self::Welcome => "Welcome",
        }
    }
}

/// Latencies in microseconds, to two digits.
pub(crate) type Latencies = Histogram<u64>;

pub(crate) fn no_latencies() -> Latencies {
    Histogram::new(2).unwrap()
}

/// One minute.
#[derive(Default)]
pub(crate) struct Happened {
    pub(crate) latencies: BTreeMap<Kind, Latencies>,
    /// What the model does not explain, by what it is.
    pub(crate) errors: BTreeMap<(Kind, String), u64>,
}

#[derive(Default)]
pub(crate) struct Record(Mutex<Happened>);

impl Record {
    pub(crate) fn went_well(&self, kind: Kind, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap().max(1);
        self.lock().latencies.entry(kind).or_insert_with(no_latencies).record(micros).unwrap();
    }

    /// What the model does not explain.
    pub(crate) fn went_wrong(&self, kind: Kind, what: impl ToString) {
        *self.lock().errors.entry((kind, what.to_string())).or_default() += 1;
    }

    /// Ends the minute.
    pub(crate) fn take(&self) -> Happened {
        mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Happened> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
