//! States at hand, within a bound.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use restante_process::metrics::Counted;

use super::{super::tally::Lookup, Known, Origin};
use crate::{
    sequencer::{GroupKey, Public},
    wire::MaskedPartitionKey,
};

type Place = (GroupKey, MaskedPartitionKey);

/// The states that were needed last, by partition.
///
/// # Correctness
/// What is kept for a partition is what somebody saw of a commit that announces it, which may have made no edge, or who
/// knew less of whose the leaves above are: whoever looks says, by the records, which state is wanted, who is there, and
/// what it came from.
pub(super) struct Cache {
    rows: Mutex<Rows>,
    bytes_max: usize,
    lookups: Counted<Lookup>,
}

struct Rows {
    states: LruCache<Place, Arc<Known>>,
    bytes: usize,
}

impl Cache {
    /// Keeps states of so many bytes together.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            rows: Mutex::new(Rows { states: LruCache::unbounded(), bytes: 0 }),
            bytes_max,
            lookups: Counted::default(),
        }
    }

    pub(super) fn find(&self, place: &Place, public: &Public, origin: &Origin) -> Option<Arc<Known>> {
        let found = self.lock().states.get(place).cloned();
        let is_that =
            |known: &Known| known.digest == public.digest && known.roster == public.roster && known.origin == *origin;
        let found = found.filter(|known| is_that(known));
        self.lookups.add(if found.is_some() { Lookup::Found } else { Lookup::Missed });
        found
    }

    /// A state that is larger than all of the room is not kept.
    pub(super) fn put(&self, place: Place, known: &Arc<Known>) {
        let mut gone = Vec::new();
        let mut rows = self.lock();
        if known.weight() <= self.bytes_max {
            rows.bytes += known.weight();
            gone.extend(rows.states.put(place, known.clone()));
        }
        rows.bytes -= gone.iter().map(|old| old.weight()).sum::<usize>();
        while rows.bytes > self.bytes_max {
            let Some((_, oldest)) = rows.states.pop_lru() else { break };
            rows.bytes -= oldest.weight();
            gone.push(oldest);
        }
        drop(rows);
        // To take a large one apart takes a while, and nobody is to wait for it.
        drop(gone);
    }

    /// How many states are at hand, and how many bytes they take.
    pub(super) fn standing(&self) -> (usize, usize) {
        let rows = self.lock();
        (rows.states.len(), rows.bytes)
    }

    /// How often states were looked for.
    pub(super) fn lookups(&self) -> &Counted<Lookup> {
        &self.lookups
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mls_rs::ExtensionList;

    use super::*;
    use crate::{
        client::tests::cast::{Handshakes, client},
        mls::{PublicState, WireGroupInfo},
        sequencer::{Owner, OwnerChanges, Owners, Placed, Replay},
        wire::decode,
    };

    fn origin(above: Option<u8>) -> Origin {
        Origin { above: above.map(|above| MaskedPartitionKey::new([above; 32])), changes: OwnerChanges::default() }
    }

    fn known(name: &str) -> Arc<Known> {
        let none = ExtensionList::new;
        let group = client(name, Handshakes::Public).create_group(none(), none(), None).unwrap();
        let group_info = group.group_info_message_allowing_ext_commit(true).unwrap().to_bytes().unwrap();
        let group_info: WireGroupInfo = decode(&group_info).unwrap();
        Arc::new(Known::new(PublicState::observe(&group_info, None).unwrap(), Owners::default(), origin(None)))
    }

    fn find(cache: &Cache, place: &Place, wanted: &Known) -> Option<Arc<Known>> {
        cache.find(place, &record(wanted), &wanted.origin)
    }

    fn record(known: &Known) -> Public {
        Public {
            digest: known.digest,
            roster: known.roster.clone(),
            tree_hash: known.tree_hash(),
            verified: None,
            replay: Replay::of_checkpoint(0),
        }
    }

    fn place(number: u8) -> Place {
        (GroupKey::new([1; 32]), MaskedPartitionKey::new([number; 32]))
    }

    #[test]
    fn the_states_that_were_needed_last_stay_within_the_bound() {
        let states = [known("a"), known("b"), known("c")];
        let weight = states.iter().map(|state| state.weight()).max().unwrap();
        let cache = Cache::new(2 * weight);
        cache.put(place(0), &states[0]);
        cache.put(place(1), &states[1]);
        assert!(find(&cache, &place(0), &states[0]).is_some());
        cache.put(place(2), &states[2]);
        assert!(find(&cache, &place(1), &states[1]).is_none(), "it was needed longest ago");
        assert!(find(&cache, &place(0), &states[0]).is_some());
        assert_eq!(cache.bytes(), states[0].weight() + states[2].weight());
        // The same place again takes its room once.
        cache.put(place(2), &states[2]);
        assert_eq!(cache.bytes(), states[0].weight() + states[2].weight());
    }

    #[test]
    fn a_state_is_found_by_what_it_is() {
        let (here, other) = (known("a"), known("b"));
        let cache = Cache::new(10 * here.weight());
        cache.put(place(0), &here);
        assert!(find(&cache, &place(0), &other).is_none());
        cache.put(place(0), &other);
        assert!(find(&cache, &place(0), &here).is_none());
        assert!(find(&cache, &place(0), &other).is_some());
    }

    #[test]
    fn a_state_is_found_by_what_it_came_from() {
        let known = known("a");
        let cache = Cache::new(10 * known.weight());
        cache.put(place(0), &known);
        let record = record(&known);
        assert!(cache.find(&place(0), &record, &origin(None)).is_some());
        assert!(cache.find(&place(0), &record, &origin(Some(7))).is_none());
        let placed = vec![Placed { leaf: 0, owner: None }];
        let others = Origin { changes: OwnerChanges { removed: Vec::new(), placed }, ..origin(None) };
        assert!(cache.find(&place(0), &record, &others).is_none());
    }

    /// The commit changed nobody's leaf, and somebody derived the state above without its Welcome.
    #[test]
    fn a_state_is_found_by_who_is_there() {
        let known = known("a");
        let cache = Cache::new(10 * known.weight());
        cache.put(place(0), &known);
        let owner = Some(Owner { provider: "hub.example".parse().unwrap(), user: None });
        let changes = OwnerChanges { removed: Vec::new(), placed: vec![Placed { leaf: 0, owner }] };
        let roster = Owners::default().after(&changes).roster();
        let record = Public { roster, ..record(&known) };
        assert!(cache.find(&place(0), &record, &origin(None)).is_none());
    }

    #[test]
    fn what_is_larger_than_the_bound_is_not_kept() {
        let state = known("a");
        let cache = Cache::new(state.weight() - 1);
        cache.put(place(0), &state);
        assert!(find(&cache, &place(0), &state).is_none());
        assert_eq!(cache.bytes(), 0);
    }
}
