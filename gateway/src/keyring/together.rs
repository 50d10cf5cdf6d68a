//! Keys of several KEMs change together: the list changes no faster than relays take it, whatever an operator did
//! before.

use super::{Keyring, KeyringError, RotationSchedule, record::KeyState, ring::Ring};
use crate::{
    Kem,
    machine::Surroundings as _,
    tests::{START_MS, Scripted},
};

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;
const WEEK_HOURS: u64 = 7 * 24;
/// Relays refuse what comes sooner, by default.
const RELAYS_WAIT: u64 = 12 * HOUR;

fn schedule(x_wing: bool) -> RotationSchedule {
    RotationSchedule { x_wing, ..RotationSchedule::default() }
}

/// Lets a schedule run from one time to another, as a gateway does: it looks when something is to change.
struct Run {
    ring: Ring,
    surroundings: Scripted,
    now_ms: u64,
}

impl Run {
    fn new(schedule: &RotationSchedule) -> Self {
        let mut run = Self { ring: Ring::empty(), surroundings: Scripted::new(), now_ms: START_MS };
        run.advance(schedule);
        run
    }

    fn advance(&mut self, schedule: &RotationSchedule) {
        self.ring.advance(schedule, self.now_ms, &self.surroundings).unwrap();
    }

    /// The times at which the list changed.
    fn until(&mut self, schedule: &RotationSchedule, until_ms: u64) -> Vec<u64> {
        let mut changes = Vec::new();
        loop {
            let before = self.ring.listed(self.now_ms);
            let next_ms = self.ring.next_change_ms(schedule, self.now_ms);
            assert!(next_ms > self.now_ms);
            self.now_ms = next_ms.min(until_ms);
            self.advance(schedule);
            if self.ring.listed(self.now_ms) != before {
                changes.push(self.now_ms);
            }
            for kem in Kem::ALL {
                assert!(self.ring.records.iter().filter(|record| record.kem == kem).count() <= 2);
            }
            if self.now_ms == until_ms {
                return changes;
            }
        }
    }

    /// An operator does something, which changes the list and may come at any time. From then on nobody interferes.
    fn follows_its_pace_after<Acted>(
        &mut self,
        schedule: &RotationSchedule,
        act: impl FnOnce(&mut Self) -> Acted,
    ) -> Acted {
        let acted_ms = self.now_ms;
        let is_settled = self.ring.records.iter().any(|record| record.use_ms > acted_ms);
        let acted = act(self);
        self.advance(schedule);
        let changes = [vec![acted_ms], self.until(schedule, acted_ms + 9 * 7 * DAY)].concat();
        // A change that was settled before stays where it was.
        let gaps: Vec<u64> = changes.windows(2).skip(is_settled.into()).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap >= RELAYS_WAIT), "{gaps:?}");
        assert!(gaps.iter().skip(4).all(|gap| [DAY, 6 * DAY].contains(gap)), "{gaps:?}");
        assert!((16..=19).contains(&gaps.len()), "two changes a week: {gaps:?}");
        acted
    }

    fn in_use(&self, kem: Kem) -> u8 {
        let mut keys = self.ring.records.iter().filter(|record| record.kem == kem);
        keys.find(|record| record.state(self.now_ms) == KeyState::InUse).unwrap().key_id
    }
}

#[test]
fn switching_x_wing_on_at_any_hour_of_the_week_leaves_the_list_its_pace() {
    for hour in 0..=WEEK_HOURS {
        let mut run = Run::new(&schedule(false));
        run.until(&schedule(false), START_MS + 7 * DAY + hour * HOUR);
        run.follows_its_pace_after(&schedule(true), |_| ());
        run.in_use(Kem::XWing);
    }
}

#[test]
fn retiring_or_rotating_one_kem_at_any_hour_of_the_week_leaves_the_list_its_pace() {
    for accept_after_ms in [DAY, 2 * DAY] {
        let schedule = RotationSchedule { accept_after_ms, ..schedule(true) };
        let at = |hour: u64, act: &dyn Fn(&mut Run) -> Result<(), KeyringError>| {
            let mut run = Run::new(&schedule);
            run.until(&schedule, START_MS + 7 * DAY + hour * HOUR);
            run.follows_its_pace_after(&schedule, act)
        };
        let mut refused = 0;
        for (kem, hour) in Kem::ALL.into_iter().flat_map(|kem| (0..=WEEK_HOURS).map(move |hour| (kem, hour))) {
            at(hour, &|run| run.ring.retire(run.in_use(kem), run.now_ms)).unwrap();
            let rotated = at(hour, &|run| run.ring.rotate(kem, &schedule, run.now_ms, &run.surroundings));
            refused += u64::from(rotated.is_err());
        }
        assert!((1..WEEK_HOURS).contains(&refused), "some hours of a week have two live keys: {refused}");
    }
}

#[test]
fn rotating_rotates_all_kems_or_none() {
    let folder = tempfile::TempDir::new().unwrap();
    let (keys, seal_key, surroundings) = (folder.path().join("keys"), folder.path().join("seal-key"), Scripted::new());
    let keyring = Keyring::open(&keys, &seal_key, schedule(true), &surroundings).unwrap();
    let count = || keyring.describe(surroundings.now_ms()).unwrap().len();
    keyring.rotate(Some(Kem::XWing), &surroundings).unwrap();
    assert!(matches!(keyring.rotate(None, &surroundings), Err(KeyringError::TwoLive)));
    assert_eq!(count(), 3, "X25519 stays with X-Wing, which has two");
    surroundings.pass(2 * DAY);
    keyring.refresh(&surroundings).unwrap();
    assert_eq!(count(), 2);
    keyring.rotate(None, &surroundings).unwrap();
    assert_eq!(count(), 4);
}

/// Each time another key would be made, and the first two are still accepted.
#[test]
fn a_kem_that_is_taken_back_and_offered_again_has_two_live_keys_at_most() {
    for published in [false, true] {
        let mut run = Run::new(&schedule(true));
        // In the first case one is in use and one retiring; in the second, one is published ahead.
        run.until(&schedule(true), START_MS + if published { 6 * DAY } else { 7 * DAY } + HOUR);
        for _ in 0..5 {
            run.now_ms += 1;
            run.advance(&schedule(false));
            run.now_ms += 1;
            run.advance(&schedule(true));
            run.in_use(Kem::XWing);
            assert_eq!(run.ring.records.iter().filter(|record| record.kem == Kem::XWing).count(), 2);
        }
    }
}

/// The gateway wakes when the list is to change: relays ask seconds later.
#[test]
fn a_rest_ends_with_the_next_change_and_after_a_minute_at_most() {
    let folder = tempfile::TempDir::new().unwrap();
    let (keys, seal_key, surroundings) = (folder.path().join("keys"), folder.path().join("seal-key"), Scripted::new());
    let keyring = Keyring::open(&keys, &seal_key, schedule(false), &surroundings).unwrap();
    let change_ms = keyring.next_change_ms();
    for (before_ms, rest_ms) in
        [(DAY, 60_000), (60_001, 60_000), (59_999, 59_999), (1_001, 1_001), (1, 1_000), (0, 1_000)]
    {
        assert_eq!(keyring.rest(change_ms - before_ms).as_millis(), rest_ms, "{before_ms}");
    }
    assert_eq!(keyring.rest(change_ms + DAY).as_millis(), 1_000);
}
