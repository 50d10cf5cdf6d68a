//! How keys follow each other: a function of the keys, the schedule and the time.
//!
//! A key is published ahead of its use, so that clients with a cached list never meet a gateway that prefers what they
//! have not seen; it is accepted for a while after it left the list, so that what they cached still works. It leaves the
//! list when its successor comes into use and not before: a process that was off for a month finds its key still good.
//!
//! All KEMs change together. There is one list, and relays take a changed one only some time after the last change:
//! keys that followed clocks of their own would change it more often than that, at the same distance week after week.

use zeroize::Zeroizing;

use super::{
    KeyringError,
    record::{KeyDescription, KeyRecord, KeyState},
};
use crate::{
    hpke::Kem,
    live_keys::{LiveKey, LiveKeys},
    machine::Surroundings,
};

/// Live keys of one KEM: the one in use, and the next or the last.
const LIVE_MAX: usize = 2;

/// Policy: how long keys live. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationSchedule {
    /// A key is in use for so long.
    pub life_ms: u64,
    /// It is published so long before.
    pub publish_ahead_ms: u64,
    /// It is accepted so long after it left the list.
    pub accept_after_ms: u64,
    /// Whether there are X-Wing keys beside those of X25519.
    pub x_wing: bool,
}

impl Default for RotationSchedule {
    /// Seven days, a day, a day, X25519 alone.
    fn default() -> Self {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        Self { life_ms: 7 * DAY_MS, publish_ahead_ms: DAY_MS, accept_after_ms: DAY_MS, x_wing: false }
    }
}

impl RotationSchedule {
    fn offers(&self, kem: Kem) -> bool {
        match kem {
            Kem::X25519 => true,
            Kem::XWing => self.x_wing,
        }
    }

    fn accepted_until_ms(&self, record: &KeyRecord) -> u64 {
        record.until_ms.saturating_add(self.accept_after_ms)
    }

    /// The KEMs that keys are made for.
    fn offered(&self) -> impl Iterator<Item = Kem> {
        Kem::ALL.into_iter().filter(|kem| self.offers(*kem))
    }

    /// Between two changes of the list there is at least so much time when nobody interferes: from publishing to use,
    /// or from there to the next publishing.
    fn pace_ms(&self) -> u64 {
        self.publish_ahead_ms.min(self.life_ms.saturating_sub(self.publish_ahead_ms))
    }

    /// When the successor of the newest key is to be published.
    fn successor_ms(&self, newest: &KeyRecord) -> u64 {
        newest.use_ms.saturating_add(self.life_ms).saturating_sub(self.publish_ahead_ms)
    }
}

/// All keys that are kept, oldest first within a KEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    /// Of the key that was made last; the search for a free id begins behind it.
    pub(super) last_key_id: u8,
    pub(super) records: Vec<KeyRecord>,
}

impl Ring {
    pub(super) fn empty() -> Self {
        Self { last_key_id: u8::MAX, records: Vec::new() }
    }

    fn of(&self, kem: Kem) -> impl Iterator<Item = &KeyRecord> {
        self.records.iter().filter(move |record| record.kem == kem)
    }

    /// Whether no further key of the KEM may be made: a third would only shorten what clients hold.
    fn is_full(&self, kem: Kem) -> bool {
        self.of(kem).count() >= LIVE_MAX
    }

    fn newest_mut(&mut self, kem: Kem) -> Option<&mut KeyRecord> {
        self.records.iter_mut().filter(|record| record.kem == kem).max_by_key(|record| record.use_ms)
    }

    fn newest(&self, kem: Kem) -> Option<&KeyRecord> {
        self.of(kem).max_by_key(|record| record.use_ms)
    }

    /// Does what is due: leaves out what is no longer accepted, publishes successors, takes a KEM out of the list that
    /// is not offered any more.
    pub(super) fn advance(
        &mut self,
        schedule: &RotationSchedule,
        now_ms: u64,
        surroundings: &dyn Surroundings,
    ) -> Result<(), KeyringError> {
        self.records.retain(|record| now_ms < schedule.accepted_until_ms(record));
        for record in self.records.iter_mut().filter(|record| !schedule.offers(record.kem)) {
            record.until_ms = record.until_ms.min(now_ms);
        }
        let rotates = self.rotation_ms(schedule).is_some_and(|rotation_ms| rotation_ms <= now_ms);
        for kem in schedule.offered() {
            let is_full = self.is_full(kem);
            match self.newest_mut(kem) {
                Some(newest) if newest.until_ms == u64::MAX => {
                    if rotates {
                        self.add(kem, now_ms, now_ms.saturating_add(schedule.publish_ahead_ms), surroundings)?;
                    }
                }
                // Taken out of the offer and put back, within the time for which both of its keys are accepted.
                Some(newest) if is_full => {
                    (newest.use_ms, newest.until_ms) = (newest.use_ms.min(now_ms), u64::MAX);
                }
                // Nothing is in use and nothing will be: there is no key, or the last one has left the list.
                _ => self.add(kem, now_ms, now_ms, surroundings)?,
            }
        }
        Ok(())
    }

    /// When successors of all keys are to be published: when the first of them is due; but not before each KEM has room
    /// for one, nor sooner after the last change of the list than changes follow each other. A key whose successor has
    /// to wait stays in use. `None` when nothing is in use.
    fn rotation_ms(&self, schedule: &RotationSchedule) -> Option<u64> {
        let newest = || schedule.offered().filter_map(|kem| self.newest(kem)).filter(|key| key.until_ms == u64::MAX);
        let due_ms = newest().map(|key| schedule.successor_ms(key)).min()?;
        // Those that are to come count as well.
        let changes_ms = self.records.iter().flat_map(|record| [record.published_ms, record.use_ms, record.until_ms]);
        let last_change_ms = changes_ms.filter(|time_ms| *time_ms != u64::MAX).max().unwrap_or(0);
        let room_ms = newest()
            .filter(|key| self.is_full(key.kem))
            .filter_map(|key| self.of(key.kem).map(|record| schedule.accepted_until_ms(record)).min());
        Some(due_ms.max(last_change_ms.saturating_add(schedule.pace_ms())).max(room_ms.max().unwrap_or(0)))
    }

    /// Publishes a successor for each KEM.
    pub(super) fn rotate_all(
        &mut self,
        schedule: &RotationSchedule,
        now_ms: u64,
        surroundings: &dyn Surroundings,
    ) -> Result<(), KeyringError> {
        schedule.offered().try_for_each(|kem| self.rotate(kem, schedule, now_ms, surroundings))
    }

    pub(super) fn rotate(
        &mut self,
        kem: Kem,
        schedule: &RotationSchedule,
        now_ms: u64,
        surroundings: &dyn Surroundings,
    ) -> Result<(), KeyringError> {
        if !schedule.offers(kem) {
            return Err(KeyringError::NotOffered);
        }
        self.records.retain(|record| now_ms < schedule.accepted_until_ms(record));
        if self.is_full(kem) {
            return Err(KeyringError::TwoLive);
        }
        let wait_ms = if self.newest(kem).is_some() { schedule.publish_ahead_ms } else { 0 };
        self.add(kem, now_ms, now_ms.saturating_add(wait_ms), surroundings)
    }

    pub(super) fn retire(&mut self, key_id: u8, now_ms: u64) -> Result<(), KeyringError> {
        let place = self.records.iter().position(|record| record.key_id == key_id).ok_or(KeyringError::UnknownKey)?;
        let retired = self.records.remove(place);
        if let Some(newest) = self.newest_mut(retired.kem) {
            match (retired.state(now_ms), newest.state(now_ms)) {
                // Its successor takes over at once.
                (KeyState::InUse, KeyState::Published) => newest.use_ms = now_ms,
                // It was the successor: the key in use goes on.
                (KeyState::Published, KeyState::InUse) => newest.until_ms = u64::MAX,
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes a key; the newest one until now leaves the list when this one comes into use.
    fn add(
        &mut self,
        kem: Kem,
        published_ms: u64,
        use_ms: u64,
        surroundings: &dyn Surroundings,
    ) -> Result<(), KeyringError> {
        let key_id = self.free_id(surroundings)?;
        let mut secret = Zeroizing::new([0; 32]);
        surroundings.fill(secret.as_mut())?;
        if let Some(newest) = self.newest_mut(kem) {
            newest.until_ms = newest.until_ms.min(use_ms);
        }
        self.last_key_id = key_id;
        self.records.push(KeyRecord { key_id, kem, secret, published_ms, use_ms, until_ms: u64::MAX });
        Ok(())
    }

    /// The id after the last one that no key has. A new ring begins anywhere, so that it does not give the ids again that
    /// a lost one gave.
    fn free_id(&self, surroundings: &dyn Surroundings) -> Result<u8, KeyringError> {
        let mut id = self.last_key_id;
        if self.records.is_empty() && id == u8::MAX {
            let mut drawn = [0];
            surroundings.fill(&mut drawn)?;
            [id] = drawn;
        }
        for _ in 0..=u8::MAX {
            id = id.wrapping_add(1);
            if self.records.iter().all(|record| record.key_id != id) {
                return Ok(id);
            }
        }
        Err(KeyringError::NoFreeId)
    }

    /// The keys of the list: of each KEM the one in use, then the next.
    pub(super) fn listed(&self, now_ms: u64) -> Vec<u8> {
        let mut listed: Vec<&KeyRecord> =
            self.records.iter().filter(|record| record.state(now_ms) != KeyState::Retiring).collect();
        listed.sort_by_key(|record| (record.kem, record.use_ms));
        listed.into_iter().map(|record| record.key_id).collect()
    }

    pub(super) fn live(&self, schedule: &RotationSchedule, now_ms: u64) -> Result<LiveKeys, KeyringError> {
        let keys = self.records.iter().map(|record| {
            LiveKey::new(record.key_id, record.kem, &record.secret, schedule.accepted_until_ms(record))
                .map_err(|_| KeyringError::NotAKey)
        });
        Ok(LiveKeys::new(keys.collect::<Result<_, _>>()?, &self.listed(now_ms)))
    }

    /// The next time at which the list, the order in it or what is accepted changes, or a key is to be made.
    pub(super) fn next_change_ms(&self, schedule: &RotationSchedule, now_ms: u64) -> u64 {
        self.records
            .iter()
            .flat_map(|record| [record.use_ms, record.until_ms, schedule.accepted_until_ms(record)])
            .chain(self.rotation_ms(schedule))
            .filter(|time_ms| *time_ms > now_ms)
            .min()
            .unwrap_or(u64::MAX)
    }

    pub(super) fn describe(&self, schedule: &RotationSchedule, now_ms: u64) -> Vec<KeyDescription> {
        let settled = |time_ms: u64| (time_ms != u64::MAX).then_some(time_ms);
        self.records
            .iter()
            .map(|record| KeyDescription {
                key_id: record.key_id,
                kem: record.kem,
                state: record.state(now_ms),
                published_ms: record.published_ms,
                use_ms: record.use_ms,
                until_ms: settled(record.until_ms),
                accepted_until_ms: settled(schedule.accepted_until_ms(record)),
            })
            .collect()
    }
}
