//! A pool in memory, and short words for what happens to it.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use zeroize::Zeroizing;

use super::inbox::Inbox;
use crate::{
    mls::{CipherSuite, ProtocolVersion},
    pool::{
        Account, Delivery, DeliveryKey, Expiry, ExpiryOf, Fetch, Handle, HubShare, InboxState, Item, Letter, LetterKey,
        Mailbox, Meters, Mint, Package, Place, Policy, Reference, ReferenceKey, Refusal, Revoke, State, Stock,
        StockKey, Ticket, TicketKey, TokenSecret, Transition, Upload, Welcomed, expire, fetch, mint, revoke, upload,
    },
    sequencer::{UnixMillis, UserTag},
    wire::{BearerToken, ClientId, KeyPackageStatus, ServiceProviderId, TokenHandle},
};

pub(super) const NOW: UnixMillis = 1_700_000_000_000;
pub(super) const DAY: UnixMillis = 86_400_000;
pub(super) const SUITE: CipherSuite = CipherSuite(1);

/// That a row is not there although another says so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing(&'static str);

pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) now: UnixMillis,
    pub(super) meters: Meters,
    secret: TokenSecret,
    pub(super) accounts: HashMap<UserTag, Account>,
    pub(super) stocks: HashMap<StockKey, Stock>,
    pub(super) items: HashMap<StockKey, BTreeMap<Place, Item>>,
    pub(super) packages: HashMap<(StockKey, u32), Bytes>,
    pub(super) references: HashMap<ReferenceKey, Reference>,
    pub(super) handles: HashMap<(UserTag, TokenHandle), Handle>,
    period: u64,
    pub(super) expiries: Vec<Expiry>,
    pub(super) inbox: Inbox,
}

impl State for World {
    type Error = Missing;

    fn account(&self, user: &UserTag) -> Result<Option<Account>, Missing> {
        Ok(self.accounts.get(user).cloned())
    }

    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Missing> {
        Ok(self.stocks.get(key).copied())
    }

    fn items(&self, key: &StockKey, from: Place, limit: usize) -> Result<Vec<Item>, Missing> {
        let items = self.items.get(key).into_iter().flat_map(|items| items.range(from..));
        Ok(items.map(|(_, item)| *item).take(limit).collect())
    }

    fn package(&self, key: &StockKey, number: u32) -> Result<Option<Bytes>, Missing> {
        Ok(self.packages.get(&(*key, number)).cloned())
    }

    fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, Missing> {
        Ok(self.references.get(key).copied())
    }

    fn handle(&self, user: &UserTag, handle: &TokenHandle) -> Result<Option<Handle>, Missing> {
        Ok(self.handles.get(&(*user, *handle)).copied())
    }

    fn handles(&self, user: &UserTag) -> Result<Vec<(TokenHandle, Handle)>, Missing> {
        let of_user = self.handles.iter().filter(|((owner, _), _)| owner == user);
        Ok(of_user.map(|((_, handle), record)| (*handle, *record)).collect())
    }

    fn token_period(&self) -> Result<u64, Missing> {
        Ok(self.period)
    }

    fn missing(&self, what: &'static str) -> Missing {
        Missing(what)
    }
}

impl InboxState for World {
    fn ticket(&self, key: &TicketKey) -> Result<Option<Ticket>, Missing> {
        Ok(self.inbox.tickets.get(key).cloned())
    }

    fn welcomed(&self, key: &ReferenceKey) -> Result<Option<Welcomed>, Missing> {
        Ok(self.inbox.welcomed.get(key).cloned())
    }

    fn delivery(&self, key: &DeliveryKey) -> Result<Option<Delivery>, Missing> {
        Ok(self.inbox.deliveries.get(key).cloned())
    }

    fn letter(&self, key: &LetterKey) -> Result<Option<Letter>, Missing> {
        Ok(self.inbox.letters.get(key).cloned())
    }

    fn mailbox(&self, user: &UserTag) -> Result<Option<Mailbox>, Missing> {
        Ok(self.inbox.mailboxes.get(user).cloned())
    }

    fn hub_share(&self, hub: Option<&ServiceProviderId>) -> Result<HubShare, Missing> {
        Ok(self.inbox.shares.get(&hub.cloned()).copied().unwrap_or_default())
    }
}

pub(super) fn set<K: std::hash::Hash + Eq, V>(rows: &mut HashMap<K, V>, changes: Vec<(K, Option<V>)>) {
    for (key, row) in changes {
        match row {
            Some(row) => drop(rows.insert(key, row)),
            None => drop(rows.remove(&key)),
        }
    }
}

/// The tag of the user of that name.
pub(super) fn tag(user: &str) -> UserTag {
    let mut tag = [0; 16];
    tag[..user.len()].copy_from_slice(user.as_bytes());
    UserTag(tag)
}

pub(super) fn client(number: u8) -> ClientId {
    ClientId::new([number; 16])
}

/// A one-time KeyPackage for a year whose bytes are its name.
pub(super) fn package(name: &str) -> Package {
    Package {
        bytes: Bytes::copy_from_slice(name.as_bytes()),
        reference: ReferenceKey::of(name.as_bytes()),
        version: ProtocolVersion::MLS10,
        cipher_suite: SUITE,
        expires_ms: NOW + 365 * DAY,
        last_resort: false,
    }
}

pub(super) fn last_resort(name: &str) -> Package {
    Package { last_resort: true, ..package(name) }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Policy::default())
    }

    pub(super) fn with(policy: Policy) -> Self {
        Self {
            now: NOW,
            meters: Meters::new(&policy),
            policy,
            secret: TokenSecret::new([7; 32]),
            accounts: HashMap::new(),
            stocks: HashMap::new(),
            items: HashMap::new(),
            packages: HashMap::new(),
            references: HashMap::new(),
            handles: HashMap::new(),
            period: 0,
            expiries: Vec::new(),
            inbox: Inbox::default(),
        }
    }

    pub(super) fn apply(&mut self, transition: Transition) {
        self.accounts.extend(transition.accounts);
        set(&mut self.stocks, transition.stocks);
        for ((key, place), item) in transition.items {
            let items = self.items.entry(key).or_default();
            match item {
                Some(item) => assert!(items.insert(place, item).is_none(), "a place is taken once"),
                None => assert!(items.remove(&place).is_some(), "what is removed was there"),
            }
        }
        self.items.retain(|_, items| !items.is_empty());
        set(&mut self.packages, transition.packages);
        set(&mut self.references, transition.references);
        set(&mut self.handles, transition.handles);
        self.inbox.apply(transition.inbox);
        self.period = transition.token_period.unwrap_or(self.period);
        self.expiries.retain(|expiry| !transition.cleared_expiries.contains(expiry));
        self.expiries.extend(transition.expiries);
        self.assert_sound();
        self.inbox.assert_sound(&self.policy.inbox);
    }

    /// What one row says of others is so.
    fn assert_sound(&self) {
        assert!(self.items.keys().all(|key| self.stocks.contains_key(key)), "items belong to a stock");
        for (key, stock) in &self.stocks {
            let items: Vec<Item> = self.items.get(key).into_iter().flat_map(|items| items.values()).copied().collect();
            assert_eq!((stock.items as usize, stock.first), (items.len(), items.first().copied()));
            let spare = stock.last_resort.iter().map(|spare| spare.item.number);
            for number in items.iter().map(|item| item.number).chain(spare) {
                assert!(self.packages.contains_key(&(*key, number)), "every item has its bytes");
            }
            assert!(self.accounts[&key.user].stocks(key.user).any(|known| known == *key), "a fetch finds it");
        }
        let waiting = self.items.values().map(BTreeMap::len).sum::<usize>();
        let spares = self.stocks.values().filter(|stock| stock.last_resort.is_some()).count();
        assert_eq!(self.packages.len(), waiting + spares, "no bytes are left over");
        for (user, account) in &self.accounts {
            let references = self.references.values().filter(|reference| reference.stock.user == *user).count();
            assert_eq!(account.references as usize, references);
            assert!(account.stocks(*user).all(|key| self.stocks.contains_key(&key)));
            let handles = self.handles.keys().filter(|(owner, _)| owner == user).count();
            assert_eq!(account.handles as usize, handles);
        }
    }

    pub(super) fn upload(&mut self, user: &str, number: u8, packages: Vec<Package>) -> Result<(), Refusal<Missing>> {
        self.take(Upload { user: tag(user), client: client(number), packages, to_hand_out: true })
    }

    /// Remembers KeyPackages that somebody has already.
    pub(super) fn register(&mut self, user: &str, number: u8, packages: Vec<Package>) -> Result<(), Refusal<Missing>> {
        self.take(Upload { user: tag(user), client: client(number), packages, to_hand_out: false })
    }

    fn take(&mut self, command: Upload) -> Result<(), Refusal<Missing>> {
        let transition = self.decide(&command)?;
        self.apply(transition);
        Ok(())
    }

    pub(super) fn decide(&mut self, command: &Upload) -> Result<Transition, Refusal<Missing>> {
        let mut meters = std::mem::replace(&mut self.meters, Meters::new(&self.policy));
        let decided = upload(self, command, &self.policy, &mut meters, self.now);
        self.meters = meters;
        decided
    }

    pub(super) fn mint_unique(&mut self, user: &str, handle: u8) -> Result<BearerToken, Refusal<Missing>> {
        self.mint(user, Some(TokenHandle::new([handle; 16])))
    }

    pub(super) fn mint_shared(&mut self, user: &str) -> BearerToken {
        self.mint(user, None).unwrap()
    }

    fn mint(&mut self, user: &str, handle: Option<TokenHandle>) -> Result<BearerToken, Refusal<Missing>> {
        let command = Mint { user: tag(user), user_id: Zeroizing::new(user.as_bytes().to_vec()), handle };
        let (token, transition) = mint(self, &command, &self.secret, &self.policy, self.now)?;
        self.apply(transition);
        Ok(token)
    }

    /// Whether there was anything to revoke.
    pub(super) fn revoke(&mut self, command: Revoke) -> bool {
        let (found, transition) = revoke(self, &command, self.now).unwrap();
        self.apply(transition);
        found
    }

    /// Looks at everything that is due, until nothing is.
    pub(super) fn expire(&mut self) {
        for _round in 0..1000 {
            let Some(due) = self.expiries.iter().find(|expiry| expiry.due_ms <= self.now).copied() else { return };
            let transition = expire(self, &due, &self.policy, self.now).unwrap();
            self.apply(transition);
        }
        panic!("something is due for ever");
    }

    /// What its database holds now.
    pub(super) fn copy(&self) -> Self {
        Self {
            now: self.now,
            meters: Meters::new(&self.policy),
            policy: self.policy.clone(),
            secret: self.secret.clone(),
            accounts: self.accounts.clone(),
            stocks: self.stocks.clone(),
            items: self.items.clone(),
            packages: self.packages.clone(),
            references: self.references.clone(),
            handles: self.handles.clone(),
            period: self.period,
            expiries: self.expiries.clone(),
            inbox: self.inbox.clone(),
        }
    }

    /// Puts an old copy back. What time it is stays as it is.
    pub(super) fn restore(&mut self, copy: Self) {
        *self = Self { now: self.now, ..copy };
    }

    /// As if the database were older than the tokens.
    pub(super) fn lose_handles(&mut self) {
        self.handles.clear();
        self.accounts.values_mut().for_each(|account| account.handles = 0);
    }

    pub(super) fn forget(&mut self, user: &str, number: u8) {
        let command = crate::pool::Forget { user: tag(user), client: client(number) };
        let transition = crate::pool::forget(self, &command).unwrap();
        self.apply(transition);
    }

    pub(super) fn request(user: &str, token: &BearerToken) -> Fetch {
        Fetch {
            user: tag(user),
            user_id: Zeroizing::new(user.as_bytes().to_vec()),
            token: token.clone(),
            version: ProtocolVersion::MLS10,
            cipher_suite: SUITE,
            clients: 16,
            bytes: 8000,
        }
    }

    pub(super) fn fetch(&mut self, user: &str, token: &BearerToken) -> (KeyPackageStatus, Vec<String>) {
        self.fetch_as(&Self::request(user, token))
    }

    pub(super) fn fetch_as(&mut self, request: &Fetch) -> (KeyPackageStatus, Vec<String>) {
        let mut meters = std::mem::replace(&mut self.meters, Meters::new(&self.policy));
        let fetched = fetch(self, request, &self.secret, &mut meters, self.now).unwrap();
        self.meters = meters;
        self.apply(fetched.transition);
        let name = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let mut names: Vec<String> = fetched.key_packages.iter().map(name).collect();
        names.sort();
        (fetched.status, names)
    }

    pub(super) fn account(&self, user: &str) -> Option<&Account> {
        self.accounts.get(&tag(user))
    }

    pub(super) fn is_due(&self, of: &ExpiryOf) -> bool {
        self.expiries.iter().any(|expiry| expiry.of == *of)
    }
}
