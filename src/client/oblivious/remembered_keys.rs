//! The gateways' keys that may still be used, and what advice about them is worth.
//!
//! # Security
//! That a gateway does not know a key is said unsealed (RFC 9458 §5.3): the relay, or whoever broke into it, can say so
//! at will. So it changes nothing but when the gateway is asked for its list again, and that once for each list: a list
//! that is still the same afterwards is what the gateway says itself, over TLS, and stands until it expires.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::key_list::{GatewayKey, ListDigest};
use crate::wire::ServiceProviderId;

/// How many gateways' keys are remembered.
const GATEWAYS_MAX: usize = 64;

/// A key and the list that it came from.
#[derive(Clone, Debug)]
pub(super) struct KeyInUse {
    pub(super) key: GatewayKey,
    pub(super) list: ListDigest,
}

/// What is known of a list, besides that it came from both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing.
    Good,
    /// Somebody said that its key is not known. It is asked for again before it is used.
    Doubted,
    /// It was asked for again after that, and was the same.
    Confirmed,
}

struct Remembered {
    key: KeyInUse,
    until: Instant,
    standing: Standing,
}

/// Keys by gateway, for as long as their lists may be used.
#[derive(Default)]
pub(super) struct RememberedKeys(Mutex<HashMap<ServiceProviderId, Remembered>>);

impl RememberedKeys {
    /// The key to use now; `None` when the list must be asked for.
    pub(super) fn usable(&self, provider: &ServiceProviderId, now: Instant) -> Option<KeyInUse> {
        let keys = self.lock();
        let entry = keys.get(provider).filter(|entry| now < entry.until && entry.standing != Standing::Doubted)?;
        Some(entry.key.clone())
    }

    /// Remembers a key that both sides have just vouched for, for `age`; not at all when that is zero.
    pub(super) fn remember(&self, provider: &ServiceProviderId, key: KeyInUse, now: Instant, age: Duration) {
        let mut keys = self.lock();
        let before = keys.remove(provider);
        keys.retain(|_, entry| now < entry.until);
        if age.is_zero() {
            return;
        }
        if keys.len() >= GATEWAYS_MAX {
            let first = keys.iter().min_by_key(|(_, entry)| entry.until).map(|(provider, _)| provider.clone());
            first.map(|provider| keys.remove(&provider));
        }
        let is_refuted =
            before.is_some_and(|before| before.standing == Standing::Doubted && before.key.list == key.list);
        let standing = if is_refuted { Standing::Confirmed } else { Standing::Good };
        keys.insert(provider.clone(), Remembered { key, until: now + age, standing });
    }

    /// Takes the advice that a key of this list is not known. Whether the next fetch begins with another look at the
    /// list, or with a newer one; `false`: there is nothing that the gateway has not said itself already.
    pub(super) fn doubt(&self, provider: &ServiceProviderId, list: ListDigest) -> bool {
        match self.lock().get_mut(provider) {
            // About a list that is not in use any more.
            Some(entry) if entry.key.list != list => true,
            Some(entry) if entry.standing == Standing::Confirmed => false,
            Some(entry) => {
                entry.standing = Standing::Doubted;
                true
            }
            // It was not to be kept: it was asked for just before it was used.
            None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServiceProviderId, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ohttp::{KeyConfig, SymmetricSuite, hpke};

    use super::{super::key_list::Kems, *};

    const HOUR: Duration = Duration::from_secs(3600);

    fn provider(number: usize) -> ServiceProviderId {
        format!("p{number}.example").parse().unwrap()
    }

    /// Another key with each number.
    fn key(number: u8) -> KeyInUse {
        let suites = vec![SymmetricSuite::new(hpke::Kdf::HkdfSha256, hpke::Aead::Aes128Gcm)];
        let config = KeyConfig::new(number, hpke::Kem::X25519Sha256, suites).unwrap();
        let list = KeyConfig::encode_list(&[config]).unwrap();
        KeyInUse { key: GatewayKey::choose(&list, Kems::Classical).unwrap(), list: ListDigest::of(&list) }
    }

    #[test]
    fn a_list_is_doubted_once_and_then_stands_until_it_expires() {
        let (keys, provider, now) = (RememberedKeys::default(), provider(1), Instant::now());
        let list = key(1);
        keys.remember(&provider, list.clone(), now, HOUR);
        assert!(keys.usable(&provider, now).is_some());
        // Two requests under way hear the same.
        assert!(keys.doubt(&provider, list.list) && keys.doubt(&provider, list.list));
        assert!(keys.usable(&provider, now).is_none());
        keys.remember(&provider, list.clone(), now, HOUR);
        for _ in 0..3 {
            assert!(!keys.doubt(&provider, list.list));
            assert!(keys.usable(&provider, now).is_some());
        }
        assert!(keys.usable(&provider, now + HOUR).is_none());
        // A new list can be doubted like the first one.
        let next = key(2);
        keys.remember(&provider, next.clone(), now, HOUR);
        assert!(keys.doubt(&provider, next.list));
    }

    #[test]
    fn advice_about_another_list_leaves_this_one_alone() {
        let (keys, provider, now) = (RememberedKeys::default(), provider(1), Instant::now());
        let (old, new) = (key(1), key(2));
        keys.remember(&provider, new, now, HOUR);
        assert!(keys.doubt(&provider, old.list), "there is a newer one");
        assert!(keys.usable(&provider, now).is_some());
        keys.remember(&provider, old.clone(), now, Duration::ZERO);
        assert!(keys.usable(&provider, now).is_none(), "the one that may not be kept has taken its place");
        assert!(!keys.doubt(&provider, old.list));
    }

    #[test]
    fn the_memory_is_bounded_and_loses_the_oldest() {
        let (keys, now) = (RememberedKeys::default(), Instant::now());
        let one = key(1);
        for number in 0..=GATEWAYS_MAX {
            keys.remember(
                &provider(number),
                one.clone(),
                now,
                HOUR + Duration::from_secs(u64::try_from(number).unwrap()),
            );
        }
        assert!(keys.usable(&provider(0), now).is_none());
        assert!((1..=GATEWAYS_MAX).all(|number| keys.usable(&provider(number), now).is_some()));
        assert_eq!(keys.lock().len(), GATEWAYS_MAX);
    }
}
