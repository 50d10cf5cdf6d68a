//! Handing out KeyPackages (draft §4.1).

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Account, Item, Meters, Place, State, Stock, StockKey, TokenSecret, Transition, day::day_of};
use crate::{
    mls::{CipherSuite, ProtocolVersion},
    sequencer::{UnixMillis, UserTag},
    wire::{BearerToken, BearerTokenKind, KeyPackageStatus, TokenHandle},
};

/// Asks for one KeyPackage of each of a user's clients.
///
/// # Privacy
/// `Debug` shows the suite only.
pub struct Fetch {
    /// Whose KeyPackages, by hash.
    pub user: UserTag,
    /// The same by name: the token covers it.
    pub user_id: Zeroizing<Vec<u8>>,
    /// What was shown. What is no token at all is replaced by one that opens nothing, and judged like any other.
    pub token: BearerToken,
    /// The version that they must have.
    pub version: ProtocolVersion,
    /// The suite that they must have.
    pub cipher_suite: CipherSuite,
    /// How many clients' KeyPackages may be given.
    pub clients: usize,
    /// How many bytes they may have together.
    pub bytes: usize,
}

impl Fetch {
    /// A token that no secret makes, for requests that show none.
    pub fn no_token() -> BearerToken {
        BearerToken { kind: BearerTokenKind::Unique, handle: TokenHandle::default().as_bytes().to_vec(), tag: [0; 32] }
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fetch").field("cipher_suite", &self.cipher_suite).finish_non_exhaustive()
    }
}

/// What becomes of a [`Fetch`].
///
/// # Privacy
/// `Debug` shows how many KeyPackages there are.
pub struct Fetched {
    /// How it went.
    pub status: KeyPackageStatus,
    /// One for each client that has one and whose one fits.
    pub key_packages: Vec<Bytes>,
    /// What changes. Nothing, unless something was handed out.
    pub transition: Transition,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Fetched");
        shown.field("status", &self.status).field("key_packages", &self.key_packages.len()).finish_non_exhaustive()
    }
}

impl Fetched {
    fn nothing(status: KeyPackageStatus) -> Self {
        Self { status, key_packages: Vec::new(), transition: Transition::default() }
    }
}

/// Judges the token, then chooses from the stocks that match.
///
/// # Privacy
/// A wrong token, an unknown user, a revoked token and one that was shown too often go the same way: the same rows are
/// read and the same hash is computed, and the answer is the same.
///
/// # Errors
/// When the state cannot be read.
pub fn fetch<S: State + ?Sized>(
    state: &S,
    fetch: &Fetch,
    secret: &TokenSecret,
    meters: &mut Meters,
    now: UnixMillis,
) -> Result<Fetched, S::Error> {
    let account = state.account(&fetch.user)?;
    // Only handles of our own form were ever given out; any other reads a row that does not exist.
    let handle_key = TokenHandle::of(&fetch.token.handle).unwrap_or_default();
    let handle = state.handle(&fetch.user, &handle_key)?;
    let generation = account.as_ref().map_or(0, |account| account.generation);
    let genuine = secret.is_token(&fetch.token, &fetch.user_id, state.token_period()?, generation);
    // The shared token has no handle: whatever row was read in its stead says nothing about it.
    let unique = fetch.token.kind == BearerTokenKind::Unique;
    // A unique token whose row is not there was revoked with all others, or the database is older than the token.
    let revoked = unique & handle.is_none_or(|handle| handle.revoked);
    let Some(account) = account.filter(|_| genuine & !revoked) else {
        return Ok(Fetched::nothing(KeyPackageStatus::Denied));
    };
    // The shared token is that of all contacts: one of them must not shut out the others.
    if unique && !meters.tokens.take(token_name(fetch), now) {
        return Ok(Fetched::nothing(KeyPackageStatus::Denied));
    }
    let mut heads = Vec::new();
    for key in matching(&account, fetch) {
        heads.push(Head::read(state, key, now)?);
    }
    if heads.is_empty() {
        return Ok(Fetched::nothing(KeyPackageStatus::Incompatible));
    }
    let plenty = meters.targets.has(&fetch.user, now);
    let choices = heads.into_iter().filter_map(|head| Choice::of(head, plenty, now)).collect();
    let chosen = choose(choices, fetch);
    // Only what takes a one-time KeyPackage away counts.
    if chosen.iter().any(|choice| !choice.last_resort) {
        meters.targets.take(fetch.user, now);
    }
    let mut fetched = Fetched::nothing(KeyPackageStatus::Exhausted);
    for choice in chosen {
        choice.hand_out(state, &mut fetched, now)?;
    }
    if unique && fetched.status == KeyPackageStatus::Ok {
        let mut used = handle.unwrap_or_default();
        used.uses = used.uses.saturating_add(1);
        used.last_used_ms = day_of(now);
        fetched.transition.handles.push(((fetch.user, handle_key), Some(used)));
    }
    Ok(fetched)
}

fn token_name(fetch: &Fetch) -> [u8; 16] {
    // The tag covers user, kind and handle.
    let digest: [u8; 32] = Sha256::digest(fetch.token.tag).into();
    let mut name = [0; 16];
    name.copy_from_slice(&digest[..16]);
    name
}

fn matching<'a>(account: &'a Account, fetch: &'a Fetch) -> impl Iterator<Item = StockKey> + 'a {
    account
        .stocks(fetch.user)
        .filter(|stock| stock.version == fetch.version && stock.cipher_suite == fetch.cipher_suite)
}

/// As many as may be given and fit.
///
/// Where one is asked for, of whichever client, a last-resort KeyPackage is none while another client has a one-time one.
/// Of a bundle's, the shortest come first, so that many find room; where not all do, another client comes first each
/// time, so that none is left out for good.
fn choose(mut choices: Vec<Choice>, fetch: &Fetch) -> Vec<Choice> {
    let is_one = fetch.clients == 1;
    choices.sort_by_key(|choice| (is_one && choice.last_resort, choice.item.length));
    let bytes: usize = choices.iter().map(|choice| choice.item.length as usize).sum();
    if !is_one && (choices.len() > fetch.clients || bytes > fetch.bytes) {
        let turn = turn_of(&choices);
        choices.rotate_left(turn);
    }
    let mut room = fetch.bytes;
    choices.retain(|choice| match room.checked_sub(choice.item.length as usize) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    });
    choices.truncate(fetch.clients);
    choices
}

/// Whose turn it is to come first: a place that depends on how many KeyPackages these clients have given. Multiples of
/// the golden ratio come to every place, in whichever steps that number grows.
fn turn_of(choices: &[Choice]) -> usize {
    const GOLDEN: u32 = 0x9e37_79b9;
    let given = choices.iter().fold(0_u32, |sum, choice| {
        let uses = choice.stock.last_resort.map_or(0, |spare| spare.uses);
        sum.wrapping_add(choice.stock.next_number.wrapping_sub(choice.stock.items)).wrapping_add(uses)
    });
    let place = (u64::from(given.wrapping_mul(GOLDEN)) * choices.len() as u64) >> 32;
    usize::try_from(place).unwrap_or(0)
}

/// What a client could give.
struct Head {
    key: StockKey,
    stock: Stock,
    /// The one-time KeyPackage that would be given.
    one_time: Option<Item>,
}

impl Head {
    /// One row, and one more while expired KeyPackages wait to be removed.
    fn read<S: State + ?Sized>(state: &S, key: StockKey, now: UnixMillis) -> Result<Self, S::Error> {
        let stock = state.stock(&key)?.ok_or_else(|| state.missing("stock"))?;
        let one_time = match stock.first {
            Some(first) if first.expires_ms <= now => state.items(&key, Place::unexpired(now), 1)?.first().copied(),
            first => first,
        };
        Ok(Self { key, stock, one_time })
    }
}

/// A KeyPackage of a client that may be handed out.
struct Choice {
    key: StockKey,
    stock: Stock,
    item: Item,
    last_resort: bool,
}

impl Choice {
    /// A one-time KeyPackage while there are some and the user is not asked for too often, else the last-resort one.
    /// A client without one keeps its one-time KeyPackages for later when the user is asked for too often.
    fn of(head: Head, plenty: bool, now: UnixMillis) -> Option<Self> {
        let Head { key, stock, one_time } = head;
        let one_time = one_time.filter(|_| plenty);
        let (item, last_resort) = match one_time {
            Some(item) => (item, false),
            None => (stock.spare(now)?.item, true),
        };
        Some(Self { key, stock, item, last_resort })
    }

    fn hand_out<S: State + ?Sized>(
        mut self,
        state: &S,
        fetched: &mut Fetched,
        now: UnixMillis,
    ) -> Result<(), S::Error> {
        let Item { number, reference, .. } = self.item;
        let bytes = state.package(&self.key, number)?.ok_or_else(|| state.missing("KeyPackage"))?;
        let mut record = state.reference(&reference)?.ok_or_else(|| state.missing("KeyPackage reference"))?;
        if self.last_resort {
            if let Some(spare) = &mut self.stock.last_resort {
                spare.uses = spare.uses.saturating_add(1);
                spare.last_used_ms = day_of(now);
            }
        } else {
            let place = self.item.place();
            self.stock.items = self.stock.items.saturating_sub(1);
            if self.stock.first == Some(self.item) {
                self.stock.first = state.items(&self.key, place.next(), 1)?.first().copied();
            }
            fetched.transition.items.push(((self.key, place), None));
            fetched.transition.packages.push(((self.key, number), None));
        }
        record.handed_out_ms.get_or_insert(day_of(now));
        fetched.transition.references.push((reference, Some(record)));
        fetched.transition.stocks.push((self.key, Some(self.stock)));
        fetched.key_packages.push(bytes);
        fetched.status = KeyPackageStatus::Ok;
        Ok(())
    }
}
