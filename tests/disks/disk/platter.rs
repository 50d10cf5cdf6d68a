//! What a disk remembers, and what it does not: bytes that were flushed last, and bytes that were written and not flushed,
//! of which any part may be there after the power was cut.
//!
//! It knows nothing of files. What goes wrong with it is decided by a [`Faults`] and a seed.

use std::sync::{Mutex, MutexGuard};

use crate::random::Random;

/// What a disk writes whole or not at all.
pub(crate) const SECTOR: usize = 512;

/// The disk did not do what was asked.
#[derive(Debug)]
pub(crate) struct Broken;

/// What goes wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// So many more flushes are carried out; the power is cut in the next one.
    pub(crate) flushes_left: Option<u64>,
    /// So many more writes are carried out; the others fail.
    pub(crate) writes_left: Option<u64>,
    /// Sectors that cannot be read.
    pub(crate) unreadable: Vec<u64>,
    /// Flushes are said to be carried out, and are not.
    pub(crate) lies: bool,
}

/// A disk.
pub(crate) struct Platter(Mutex<State>);

struct State {
    /// As it is read while there is power.
    current: Vec<u8>,
    /// As it was flushed last.
    flushed: Vec<u8>,
    /// In the order in which they came.
    unflushed: Vec<(usize, Vec<u8>)>,
    faults: Faults,
    random: Random,
    has_power: bool,
    counts: Counts,
}

/// What was done since the power came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Flushes that were carried out.
    pub(crate) flushes: u64,
    /// Reads and writes that failed, but for those without power.
    pub(crate) failed: u64,
    /// Sectors that were written, not flushed, and not there any more when the power was cut.
    pub(crate) lost: u64,
}

impl Platter {
    /// A disk with these bytes, whole sectors of them.
    pub(crate) fn new(bytes: Vec<u8>, seed: u64) -> Self {
        assert_eq!(bytes.len() % SECTOR, 0);
        let (flushed, random) = (bytes.clone(), Random::new(seed));
        let (faults, counts) = (Faults::default(), Counts::default());
        let unflushed = Vec::new();
        Self(Mutex::new(State { current: bytes, flushed, unflushed, faults, random, has_power: true, counts }))
    }

    pub(crate) fn length(&self) -> u64 {
        self.state().flushed.len() as u64
    }

    pub(crate) fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, Broken> {
        let mut state = self.state();
        if !state.has_power {
            return Err(Broken);
        }
        let start = usize::try_from(offset).map_err(|_| Broken)?.min(state.current.len());
        let end = start.saturating_add(length as usize).min(state.current.len());
        let sectors = (start / SECTOR) as u64..end.div_ceil(SECTOR) as u64;
        if state.faults.unreadable.iter().any(|sector| sectors.contains(sector)) {
            state.counts.failed += 1;
            return Err(Broken);
        }
        Ok(state.current[start..end].to_vec())
    }

    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Broken> {
        let mut state = self.state();
        if !state.has_power {
            return Err(Broken);
        }
        match &mut state.faults.writes_left {
            Some(0) => {
                state.counts.failed += 1;
                return Err(Broken);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let start = usize::try_from(offset).map_err(|_| Broken)?;
        let Some(place) = state.current.get_mut(start..start + bytes.len()) else { return Err(Broken) };
        place.copy_from_slice(bytes);
        state.unflushed.push((start, bytes.to_vec()));
        Ok(())
    }

    pub(crate) fn flush(&self) -> Result<(), Broken> {
        let mut state = self.state();
        if !state.has_power {
            return Err(Broken);
        }
        match &mut state.faults.flushes_left {
            Some(0) => {
                state.cut();
                return Err(Broken);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        state.counts.flushes += 1;
        if !state.faults.lies {
            state.keep_unflushed();
        }
        Ok(())
    }

    /// What goes wrong from now on.
    pub(crate) fn break_by(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Cuts the power, unless that has happened. Any part of what was not flushed is there afterwards, sector by sector.
    pub(crate) fn cut_power(&self) -> Counts {
        let mut state = self.state();
        state.cut();
        state.counts
    }

    /// Whether the power was cut.
    pub(crate) fn is_dark(&self) -> bool {
        !self.state().has_power
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Gives the power back, with nothing broken.
    pub(crate) fn restore_power(&self) {
        let mut state = self.state();
        let state = &mut *state;
        if !state.has_power {
            state.current.copy_from_slice(&state.flushed);
        }
        (state.has_power, state.faults, state.counts) = (true, Faults::default(), Counts::default());
    }

    /// The sectors in which these bytes begin.
    pub(crate) fn sectors_with(&self, bytes: &[u8]) -> Vec<u64> {
        let state = self.state();
        let found = state.current.windows(bytes.len()).enumerate().filter(|(_, window)| *window == bytes);
        found.map(|(at, _)| (at / SECTOR) as u64).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn keep_unflushed(&mut self) {
        for (start, bytes) in self.unflushed.drain(..) {
            self.flushed[start..start + bytes.len()].copy_from_slice(&bytes);
        }
    }

    fn cut(&mut self) {
        if !self.has_power {
            return;
        }
        self.has_power = false;
        // A disk writes what it has in any order: all, nothing, or some of it. One that lied would leave no file system.
        let kept_of_four = if self.faults.lies { 0 } else { self.random.below(4) };
        for (start, bytes) in std::mem::take(&mut self.unflushed) {
            for (at, sector) in (start..).step_by(SECTOR).zip(bytes.chunks(SECTOR)) {
                if self.random.below(4) < kept_of_four {
                    self.flushed[at..at + sector.len()].copy_from_slice(sector);
                } else {
                    self.counts.lost += 1;
                }
            }
        }
    }
}
