//! Where connections come from, as far as a listener has to know: whether two come from one place.
//!
//! # Privacy
//! An address is looked at once, when its connection is accepted. What is kept is its hash under a key that this process
//! made for this listener and shows nobody, and that only as long as a connection of the place is open. Nothing of it
//! can be printed.

use std::{
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Whoever has one address of a site has 2^64 of them: the site is what counts (RFC 6177).
const SITE_BITS: u32 = 64;

/// How many connections each place has open.
pub(crate) struct Origins {
    each_max: usize,
    key: RandomState,
    /// By the hash of a place. Each has one at least.
    open: Mutex<HashMap<u64, usize>>,
}

/// One connection of a place. It is counted until this is dropped.
pub(crate) struct Share {
    origins: Arc<Origins>,
    place: u64,
}

impl Origins {
    pub(crate) fn new(each_max: usize) -> Self {
        Self { each_max, key: RandomState::new(), open: Mutex::default() }
    }

    /// Counts one more connection from there; `None` when it has its share already.
    pub(crate) fn share(self: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let place = self.key.hash_one(site_of(address));
        let mut open = self.lock();
        let count = open.get(&place).copied().unwrap_or_default();
        if count >= self.each_max {
            return None;
        }
        open.insert(place, count + 1);
        drop(open);
        Some(Share { origins: self.clone(), place })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An IPv4 address is a place of its own, however it is written.
fn site_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> SITE_BITS << SITE_BITS).into(),
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.origins.lock();
        if let Some(count) = open.get_mut(&self.place) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.place);
            }
        }
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Origins").field("each_max", &self.each_max).finish_non_exhaustive()
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Share(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_place_has_its_share_and_is_forgotten_with_its_last_connection() {
        let origins = Arc::new(Origins::new(2));
        let held = [origins.share(address("192.0.2.1")).unwrap(), origins.share(address("192.0.2.1")).unwrap()];
        assert!(origins.share(address("192.0.2.1")).is_none());
        let neighbour = origins.share(address("192.0.2.2")).unwrap();
        let [first, second] = held;
        drop(first);
        let again = origins.share(address("192.0.2.1")).unwrap();
        assert!(origins.share(address("192.0.2.1")).is_none());
        assert_eq!(origins.lock().len(), 2);
        drop((second, again, neighbour));
        assert!(origins.lock().is_empty());
    }

    #[test]
    fn the_addresses_of_a_site_are_one_place() {
        for (one, other) in [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
            // What a listener on `[::]` is told of an IPv4 address.
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(site_of(address(one)), site_of(address(other)), "{one} {other}");
        }
        for (one, other) in [
            ("2001:db8:1:2::1", "2001:db8:1:3::1"),
            ("192.0.2.1", "192.0.2.2"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ] {
            assert_ne!(site_of(address(one)), site_of(address(other)), "{one} {other}");
        }
    }

    #[test]
    fn nothing_of_an_address_is_shown() {
        let origins = Arc::new(Origins::new(1));
        let share = origins.share(address("192.0.2.77")).unwrap();
        let shown = format!("{origins:?} {share:?}");
        assert!(!shown.contains("77") && !shown.contains(&share.place.to_string()), "{shown}");
    }
}
