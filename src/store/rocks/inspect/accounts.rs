//! Whether users are known by as many handles, references and stocks as there are.

use super::{
    super::{keys, keys::kind, pool_keys, snapshot::RocksSnapshot, values},
    count, each_of,
};
use crate::{
    pool::{Account, Reference, Stock},
    sequencer::UserTag,
    store::{Error, Inspection},
};

/// Counts what is wrong.
pub(super) fn compare(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    let references = references(snapshot)?;
    let (mut miscounted, mut shelved, mut empty) = (0, 0, 0);
    let (mut handles, mut referred) = (0, 0);
    each_of(snapshot, kind::ACCOUNT, |key, value| {
        let user = pool_keys::parse_account(key).ok_or(Error::Corrupt("account"))?;
        let account: Account = values::decode(value, "account")?;
        let (own, of_user) = (count(snapshot, &pool_keys::handles(&user))?, references.get(&user).copied());
        let of_user = of_user.unwrap_or_default();
        miscounted += u64::from(own != u64::from(account.handles) || of_user != u64::from(account.references));
        handles += own;
        referred += of_user;
        for stock in account.stocks(user) {
            let row: Option<Stock> = snapshot.record(keys::STATE, &pool_keys::stock(&stock), "stock")?;
            shelved += u64::from(row.is_some());
            empty += u64::from(row.is_none());
        }
        Ok(())
    })?;
    let all = references.values().sum::<u64>();
    let others = [(kind::HANDLE, handles), (kind::STOCK, shelved)];
    let mut of_nobody = all.saturating_sub(referred);
    for (kind, known) in others {
        of_nobody += count(snapshot, &[kind])?.saturating_sub(known);
    }
    inspection.note(keys::STATE, "accounts that count other handles or references than there are", miscounted);
    inspection.note(keys::STATE, "stocks that an account names and are not there", empty);
    inspection.note(keys::STATE, "handles, references and stocks of no account", of_nobody);
    Ok(())
}

/// How many references of each user there are.
fn references(snapshot: &RocksSnapshot<'_>) -> Result<std::collections::HashMap<UserTag, u64>, Error> {
    let mut references = std::collections::HashMap::new();
    each_of(snapshot, kind::REFERENCE, |_key, value| {
        let reference: Reference = values::decode(value, "reference")?;
        *references.entry(reference.stock.user).or_default() += 1;
        Ok(())
    })?;
    Ok(references)
}
