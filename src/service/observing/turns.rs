//! Who may look at a state next.
//!
//! To follow a commit takes time that grows with the group. So few do it at once, of each provider fewer, and of each
//! provider only so many wait: whoever sends many commits keeps nobody else from being seen. The hub's own users share a
//! provider, and one of them has one turn, and few places.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{sequencer::UserTag, wire::ServiceProviderId};

/// How many of one provider wait.
const WAITING_MAX: usize = 64;
/// How many of one of the hub's own users.
const OF_USER_MAX: usize = 8;
/// And of all of them together.
const OF_USERS_MAX: usize = 512;
/// So many users are remembered before those are forgotten of whom nothing is under way: more than wait at once.
const USERS_MAX: usize = 2 * OF_USERS_MAX;

/// In whose name somebody waits for a turn: a provider's, that of one of the hub's own users, or nobody's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whose<'a> {
    pub(super) provider: Option<&'a ServiceProviderId>,
    pub(super) user: Option<UserTag>,
}

pub(super) struct Turns {
    all: Arc<Semaphore>,
    at_once: usize,
    each: usize,
    /// As many as there are peers, and one.
    providers: Mutex<HashMap<Option<ServiceProviderId>, Share>>,
    users: Mutex<HashMap<UserTag, Share>>,
}

#[derive(Clone)]
struct Share {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Share {
    fn new(turns: usize, places: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), places: Arc::new(Semaphore::new(places)) }
    }

    /// Whether nobody but the list has it.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.turns) == 1 && Arc::strong_count(&self.places) == 1
    }
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_user: Option<OwnedSemaphorePermit>,
    _of_share: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    /// So many at once. One provider has half of them, but for the only one.
    pub(super) fn new(at_once: usize) -> Self {
        let at_once = at_once.max(1);
        let all = Arc::new(Semaphore::new(at_once));
        Self { all, at_once, each: at_once.div_ceil(2), providers: Mutex::default(), users: Mutex::default() }
    }

    /// A turn; `None` when too many wait in that name, or when it takes too long.
    pub(super) async fn take(&self, whose: Whose<'_>, wait: Duration) -> Option<Turn> {
        let of_user = whose.user.map(|user| self.of_user(user));
        let places = whose.user.map_or(WAITING_MAX, |_| OF_USERS_MAX);
        let share = find(&self.providers, whose.provider.cloned(), || Share::new(self.each, places));
        let user_place = match &of_user {
            Some(of_user) => Some(of_user.places.clone().try_acquire_owned().ok()?),
            None => None,
        };
        let place = share.places.try_acquire_owned().ok()?;
        let waiting = async {
            // In this order: whoever waits for the own share holds nothing that others want.
            let of_user = match of_user {
                Some(of_user) => Some(of_user.turns.acquire_owned().await.ok()?),
                None => None,
            };
            let of_share = share.turns.acquire_owned().await.ok()?;
            let of_all = self.all.clone().acquire_owned().await.ok()?;
            Some(Turn { _of_user: of_user, _of_share: of_share, _of_all: of_all })
        };
        let turn = tokio::time::timeout(wait, waiting).await.ok().flatten();
        drop((place, user_place));
        turn
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.at_once.saturating_sub(self.all.available_permits())
    }

    fn of_user(&self, user: UserTag) -> Share {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= USERS_MAX {
            users.retain(|_, share| !share.is_idle());
        }
        users.entry(user).or_insert_with(|| Share::new(1, OF_USER_MAX)).clone()
    }
}

fn find<K: Eq + Hash>(shares: &Mutex<HashMap<K, Share>>, key: K, new: impl FnOnce() -> Share) -> Share {
    shares.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert_with(new).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_secs(30);

    fn provider(number: u32) -> ServiceProviderId {
        format!("provider-{number}.example").parse().unwrap()
    }

    fn of(provider: &ServiceProviderId) -> Whose<'_> {
        Whose { provider: Some(provider), user: None }
    }

    #[tokio::test]
    async fn one_provider_has_half_of_the_turns() {
        let turns = Turns::new(4);
        let (one, other) = (provider(1), provider(2));
        let of_one = [turns.take(of(&one), SOON).await, turns.take(of(&one), SOON).await];
        assert!(of_one.iter().all(Option::is_some));
        assert!(turns.take(of(&one), SOON).await.is_none());
        assert!(turns.take(of(&other), SOON).await.is_some());
        drop(of_one);
        assert!(turns.take(of(&one), SOON).await.is_some());
    }

    #[tokio::test]
    async fn the_only_turn_goes_round() {
        let turns = Arc::new(Turns::new(1));
        let (one, other) = (provider(1), provider(2));
        let first = turns.take(of(&one), SOON).await.unwrap();
        // Many of the one are there before the other, which is next all the same: of the one a single wait for all.
        let many: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let (turns, one) = (turns.clone(), one.clone());
                tokio::spawn(async move { turns.take(of(&one), PATIENCE).await.map(drop) })
            })
            .collect();
        let share = |one: &ServiceProviderId| turns.providers.lock().unwrap().get(&Some(one.clone())).cloned();
        while share(&one).is_none_or(|share| share.places.available_permits() > 0) {
            tokio::task::yield_now().await;
        }
        assert!(turns.take(of(&one), PATIENCE).await.is_none(), "too many wait");
        let mut of_other = std::pin::pin!(turns.take(of(&other), PATIENCE));
        assert!(futures_util::poll!(of_other.as_mut()).is_pending());
        drop(first);
        drop(of_other.await.expect("the next turn or the one after it"));
        for waited in many {
            assert!(waited.await.unwrap().is_some(), "everybody's turn comes");
        }
    }
    /// One user of the hub waits as often as it may, and another one is next all the same.
    #[tokio::test]
    async fn one_user_keeps_no_other_from_a_turn() {
        let turns = Arc::new(Turns::new(1));
        let hub = provider(1);
        let user = |number| Whose { provider: Some(&hub), user: Some(UserTag([number; 16])) };
        let first = turns.take(user(1), SOON).await.unwrap();
        let mut many: Vec<_> = (0..OF_USER_MAX).map(|_| Box::pin(turns.take(user(1), PATIENCE))).collect();
        for waiting in &mut many {
            assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        }
        assert!(turns.take(user(1), PATIENCE).await.is_none(), "too many wait");
        let mut other = std::pin::pin!(turns.take(user(2), PATIENCE));
        assert!(futures_util::poll!(other.as_mut()).is_pending());
        drop(first);
        drop(other.await.expect("the next turn: of the first user, none has got as far as that"));
    }

    #[tokio::test]
    async fn users_are_forgotten() {
        let turns = Turns::new(4);
        let hub = provider(1);
        for number in 0..u32::try_from(3 * USERS_MAX).unwrap() {
            let mut tag = [0; 16];
            tag[..4].copy_from_slice(&number.to_be_bytes());
            let whose = Whose { provider: Some(&hub), user: Some(UserTag(tag)) };
            drop(turns.take(whose, SOON).await.unwrap());
        }
        assert!(turns.users.lock().unwrap().len() <= USERS_MAX);
    }
}
