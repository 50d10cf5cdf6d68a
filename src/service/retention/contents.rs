//! What one step removes of a partition, read before its group's lane decides.

use crate::{
    sequencer::{Contents, GroupKey, Partition, UnixMillis},
    store::{Error, Snapshot},
    wire::MaskedPartitionKey,
};

/// So many bytes of messages and GroupInfos are removed in one step, and one message at least.
const STEP_BYTES: u64 = 1024 * 1024;

/// The first messages of a partition, as long as they are old enough; and whether more of them stand behind these.
pub(in crate::service) fn contents(
    snapshot: &dyn Snapshot,
    group: &GroupKey,
    key: &MaskedPartitionKey,
    partition: &Partition,
    is_old: impl Fn(UnixMillis) -> bool,
) -> Result<(Contents, bool), Error> {
    let from = partition.first_index;
    let mut contents = Contents { from, until: from, ..Contents::default() };
    let page = snapshot.messages(group, key, from, STEP_BYTES)?;
    for (index, entry) in page.entries.iter().take_while(|(_, entry)| is_old(entry.accepted_ms)) {
        let group_info = entry.commit.and_then(|commit| commit.group_info);
        contents.until = index.saturating_add(1);
        contents.messages += 1;
        contents.newest_ms = contents.newest_ms.max(entry.accepted_ms);
        contents.bytes += entry.message.len() as u64 + u64::from(group_info.map_or(0, |(_, length)| length));
        contents.blobs.extend(group_info.map(|(blob, _)| blob));
    }
    if !page.more && page.entries.last().is_none_or(|(last, _)| contents.until > *last) {
        // Behind them there may be indexes that a restore has passed over, and nothing else.
        contents.until = partition.next_index;
    }
    let is_cut = page.more && page.entries.last().is_some_and(|(last, _)| contents.until > *last);
    Ok((contents, is_cut))
}
