//! Storing KeyPackages.

use bytes::Bytes;

use super::{
    Account, Expiry, ExpiryOf, Item, LastResort, Meters, Policy, Reference, ReferenceKey, Refusal, Rejection, State,
    Stock, StockKey, Transition,
};
use crate::{
    mls::{CipherSuite, ProtocolVersion},
    sequencer::{UnixMillis, UserTag},
    wire::ClientId,
};

/// A KeyPackage that was found valid (RFC 9420 §10.1).
///
/// # Privacy
/// `Debug` shows its suite and length.
#[derive(Clone, PartialEq, Eq)]
pub struct Package {
    /// As it was received.
    pub bytes: Bytes,
    /// Its KeyPackageRef.
    pub reference: ReferenceKey,
    /// Its version.
    pub version: ProtocolVersion,
    /// Its suite.
    pub cipher_suite: CipherSuite,
    /// The end of its lifetime.
    pub expires_ms: UnixMillis,
    /// Whether it has the extension `last_resort`.
    pub last_resort: bool,
}

impl std::fmt::Debug for Package {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Package");
        shown.field("cipher_suite", &self.cipher_suite).field("length", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Stores KeyPackages of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Whose.
    pub user: UserTag,
    /// On which device.
    pub client: ClientId,
    /// All are stored, or none is.
    pub packages: Vec<Package>,
    /// Whether they are to be handed out. Of those that somebody has already, only the references are remembered, so that
    /// Welcomes for them are taken.
    pub to_hand_out: bool,
}

/// Stores what this client has not uploaded before, or remembers it. A last-resort KeyPackage replaces the one before it. Stocks of
/// other clients in which nothing is left make room when the user has as many as there may be.
///
/// # Errors
/// [`Refusal::Rejected`] when nothing is stored; [`Refusal::State`] when the state cannot be read.
pub fn upload<S: State + ?Sized>(
    state: &S,
    upload: &Upload,
    policy: &Policy,
    meters: &mut Meters,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::default();
    let mut account = state.account(&upload.user).map_err(Refusal::State)?.unwrap_or_default();
    let mut stocks: Vec<(StockKey, Stock)> = Vec::new();
    for package in &upload.packages {
        let key = StockKey {
            user: upload.user,
            client: upload.client,
            version: package.version,
            cipher_suite: package.cipher_suite,
        };
        let known = state.reference(&package.reference).map_err(Refusal::State)?;
        let in_this_upload = transition.references.iter().any(|(reference, _)| *reference == package.reference);
        match known {
            // The client asks again, or uploads the same one twice: whatever became of it stays so.
            Some(known) if known.stock == key => continue,
            Some(_) => return Err(Rejection::KeyPackageReused.into()),
            None if in_this_upload => continue,
            None => {}
        }
        if !upload.to_hand_out {
            remember(&key, package, policy, &mut transition);
            continue;
        }
        let at = match stocks.iter().position(|(stock, _)| *stock == key) {
            Some(at) => at,
            None => {
                stocks.push((key, state.stock(&key).map_err(Refusal::State)?.unwrap_or_default()));
                stocks.len() - 1
            }
        };
        let (_, stock) = &mut stocks[at];
        store(stock, &key, package, policy, &mut transition)?;
    }
    for (key, stock) in stocks {
        if !account.stocks(upload.user).any(|known| known == key) {
            account.shelves.push((&key).into());
        }
        if let Some(due_ms) = stock.next_expiry() {
            transition.expiries.push(Expiry { due_ms, of: ExpiryOf::Stock(key) });
        }
        transition.stocks.push((key, Some(stock)));
    }
    if !fits(&account, policy) {
        drop_empty(state, upload, &mut account, &mut transition).map_err(Refusal::State)?;
    }
    if account.clients().len() > policy.clients {
        return Err(Rejection::TooManyClients(policy.clients).into());
    }
    if account.shelves.len() > policy.stocks {
        return Err(Rejection::TooManyStocks(policy.stocks).into());
    }
    let new = u32::try_from(transition.references.len()).unwrap_or(u32::MAX);
    account.references = account.references.saturating_add(new);
    if account.references > policy.references {
        return Err(Rejection::TooManyReferences(policy.references).into());
    }
    // Last: what is refused uses nothing up.
    if !meters.uploads.take_many(upload.user, new, now) {
        return Err(Rejection::TooManyUploads.into());
    }
    transition.accounts.push((upload.user, account));
    Ok(transition)
}

fn fits(account: &Account, policy: &Policy) -> bool {
    account.clients().len() <= policy.clients && account.shelves.len() <= policy.stocks
}

/// Clients that gave everything away and did not come back do not stand in the way of those that are there.
fn drop_empty<S: State + ?Sized>(
    state: &S,
    upload: &Upload,
    account: &mut Account,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    let others: Vec<_> = account.stocks(upload.user).filter(|key| key.client != upload.client).collect();
    for key in others {
        if state.stock(&key)?.is_none_or(|stock| stock.is_empty()) {
            account.remove(&key);
            transition.stocks.push((key, None));
        }
    }
    Ok(())
}

fn store(
    stock: &mut Stock,
    key: &StockKey,
    package: &Package,
    policy: &Policy,
    transition: &mut Transition,
) -> Result<(), Rejection> {
    let full = Rejection::StockFull(policy.stock_items);
    let number = stock.number().ok_or(full)?;
    let length = u32::try_from(package.bytes.len()).map_err(|_| full)?;
    let item = Item { number, reference: package.reference, length, expires_ms: package.expires_ms };
    if package.last_resort {
        let before = stock.last_resort.replace(LastResort { item, uses: 0, last_used_ms: 0 });
        if let Some(before) = before {
            transition.packages.push(((*key, before.item.number), None));
        }
    } else {
        if stock.items as usize >= policy.stock_items {
            return Err(full);
        }
        stock.add(item);
        transition.items.push(((*key, item.place()), Some(item)));
    }
    transition.packages.push(((*key, number), Some(package.bytes.clone())));
    remember(key, package, policy, transition);
    Ok(())
}

fn remember(key: &StockKey, package: &Package, policy: &Policy, transition: &mut Transition) {
    let reference = Reference {
        stock: *key,
        last_resort: package.last_resort,
        expires_ms: package.expires_ms,
        handed_out_ms: None,
        joined: false,
    };
    transition.references.push((package.reference, Some(reference)));
    let forgotten_ms = package.expires_ms.saturating_add(policy.reference_ms);
    transition.expiries.push(Expiry { due_ms: forgotten_ms, of: ExpiryOf::Reference(package.reference) });
}
