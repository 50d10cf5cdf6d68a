//! Whether KeyPackages agree with what is said of them.

use super::{
    super::{keys, keys::kind, pool_keys::STOCK, snapshot::RocksSnapshot, values},
    each_of, rows_of,
};
use crate::{
    pool::{Item, Stock},
    store::{Error, Inspection},
};

/// Counts what is wrong.
pub(super) fn compare(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    let (mut packages, mut missing, mut miscounted) = (0, 0, 0);
    let has_package = |name: &[u8], number: u32| -> Result<bool, Error> {
        Ok(snapshot.row(keys::KEY_PACKAGES, &[name, &number.to_be_bytes()].concat())?.is_some())
    };
    each_of(snapshot, kind::STOCK, |key, value| {
        let name = key.get(1..1 + STOCK).ok_or(Error::Corrupt("stock"))?;
        let stock: Stock = values::decode(value, "stock")?;
        let mut items = 0;
        let prefix = [&[kind::ITEM], name].concat();
        snapshot.scan(keys::STATE, &prefix, &prefix, |_key, value| {
            let item: Item = values::decode(value, "item")?;
            items += 1;
            packages += 1;
            missing += u64::from(!has_package(name, item.number)?);
            Ok(true)
        })?;
        miscounted += u64::from(items != u64::from(stock.items));
        if let Some(last_resort) = stock.last_resort {
            packages += 1;
            missing += u64::from(!has_package(name, last_resort.item.number)?);
        }
        Ok(())
    })?;
    inspection.note(keys::STATE, "stocks that count other items than there are", miscounted);
    inspection.note(keys::KEY_PACKAGES, "KeyPackages that are missing", missing);
    let extra = (rows_of(inspection, keys::KEY_PACKAGES) + missing).saturating_sub(packages);
    inspection.note(keys::KEY_PACKAGES, "KeyPackages in no stock", extra);
    Ok(())
}
