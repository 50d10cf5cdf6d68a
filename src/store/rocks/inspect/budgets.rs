//! Whether providers are charged in each group what its partitions say that they cost.

use std::collections::BTreeMap;

use super::{
    super::{keys, keys::kind, push_keys, snapshot::RocksSnapshot, values},
    count, each_of,
};
use crate::{
    sequencer::{GroupKey, Partition, Usage},
    store::{Error, Inspection},
    wire::ServiceProviderId,
};

type Sums = BTreeMap<ServiceProviderId, Usage>;

/// Counts what is wrong.
pub(super) fn compare(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    let (mut sums, mut last, mut wrong, mut charged) = (Sums::new(), None, 0, 0);
    let mut settle = |group: Option<GroupKey>, sums: Sums| -> Result<(), Error> {
        let Some(group) = group else { return Ok(()) };
        for (provider, sum) in sums {
            let row: Option<Usage> = snapshot.record(keys::STATE, &keys::budget(&provider, &group), "budget")?;
            charged += u64::from(row.is_some());
            wrong += u64::from(row.unwrap_or_default() != sum);
        }
        Ok(())
    };
    each_of(snapshot, kind::PARTITION, |key, value| {
        let (group, _partition) = push_keys::parse_place(key).ok_or(Error::Corrupt("partition"))?;
        if last != Some(group) {
            settle(last.replace(group), std::mem::take(&mut sums))?;
        }
        let record: Partition = values::decode(value, "partition")?;
        for charge in record.charges {
            let sum = sums.entry(charge.provider).or_default();
            *sum = sum.plus(charge.usage);
        }
        Ok(())
    })?;
    settle(last, sums)?;
    let all = count(snapshot, &[kind::BUDGET])?;
    inspection.note(keys::STATE, "budgets that are not the sum of what was charged", wrong);
    inspection.note(keys::STATE, "budgets of what nobody was charged for", all.saturating_sub(charged));
    Ok(())
}
