//! Bans, what other hubs said of bans, and complaints.

use tempfile::TempDir;

use super::{Open, samples::provider};
use crate::{
    sequencer::{Ban, BanKey, BanSubject, ComplaintKey, Complaints, HeardBans},
    store::{ArrangementBatch, Batch, Snapshot},
    wire::{BanList, BanSalt, BanTag, BannedUser, ReportReason, Sanction},
};

fn ban_key(name: &str, subject: BanSubject, tag: u8) -> BanKey {
    BanKey { provider: provider(name), subject, tag: BanTag::new([tag; 16]) }
}

fn ban(sanction: Sanction) -> Option<Ban> {
    Some(Ban { sanction, since_ms: 1_700_000_000_700 })
}

fn heard(users: &[u8]) -> HeardBans {
    let banned = |tag: &u8| BannedUser { tag: BanTag::new([*tag; 16]), sanction: Sanction::Muted };
    let list = BanList { salt: BanSalt::new([0x5a; 32]), users: users.iter().map(banned).collect() };
    HeardBans { heard_ms: 1_700_000_000_800, list }
}

fn complaint(reason: ReportReason) -> ComplaintKey {
    ComplaintKey { about: provider("third.example"), reason, from: provider("hub.example") }
}

/// Every kind of row, with tags of that number.
pub(crate) fn batch(number: u8) -> ArrangementBatch {
    let complaints = Complaints { number: 3, first_ms: 1_699_920_000_000, last_ms: 1_700_006_400_000 };
    ArrangementBatch {
        bans: [
            (ban_key("follower.example", BanSubject::User, number), ban(Sanction::Muted)),
            (ban_key("follower.example", BanSubject::Identity, number), ban(Sanction::Banned)),
            (ban_key("third.example", BanSubject::Provider, number), ban(Sanction::Banned)),
        ]
        .into(),
        heard: [(provider("third.example"), heard(&[7, 8]))].into(),
        complaints: [(complaint(ReportReason::Flooding), complaints)].into(),
    }
}

/// A batch is taken apart field by field: a new kind of row does not compile until it is looked for.
pub(crate) fn assert_holds(snapshot: &dyn Snapshot, batch: &ArrangementBatch) {
    let ArrangementBatch { bans, heard, complaints } = batch;
    let found = snapshot.bans(None, 1000).unwrap();
    for (key, ban) in bans {
        assert_eq!(found.iter().find(|(found, _)| found == key).map(|(_, ban)| *ban), *ban);
    }
    let found = snapshot.heard_bans().unwrap();
    for (hub, heard) in heard {
        assert!(found.contains(&(hub.clone(), heard.clone())));
    }
    let found = snapshot.complaints().unwrap();
    for (key, number) in complaints {
        assert!(found.contains(&(key.clone(), *number)));
    }
}

fn with(arrangements: ArrangementBatch) -> Batch {
    Batch { arrangements, ..Batch::default() }
}

pub(crate) fn bans_are_paged_in_order(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let names = ["a.example", "ab.example", "b.example"];
    let mut keys = Vec::new();
    for name in names {
        for subject in BanSubject::ALL {
            keys.extend((1..=3).map(|tag| ban_key(name, subject, tag)));
        }
    }
    let bans = keys.iter().rev().map(|key| (key.clone(), ban(Sanction::Banned))).collect();
    store.commit(&with(ArrangementBatch { bans, ..ArrangementBatch::default() })).unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.snapshot().unwrap().bans(after.as_ref(), 4).unwrap();
        assert!(page.len() <= 4);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        found.extend(page.into_iter().map(|(key, _)| key));
    }
    assert_eq!(found, keys);
}

pub(crate) fn rows_are_replaced_and_removed(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let key = ban_key("follower.example", BanSubject::User, 9);
    for ban in [ban(Sanction::Muted), ban(Sanction::Banned), None] {
        let changes = ArrangementBatch { bans: [(key.clone(), ban)].into(), ..ArrangementBatch::default() };
        store.commit(&with(changes.clone())).unwrap();
        assert_holds(&*store.snapshot().unwrap(), &changes);
    }
    assert!(store.snapshot().unwrap().bans(None, 10).unwrap().is_empty());
    for users in [&[1, 2][..], &[], &[3]] {
        let heard = [(provider("third.example"), heard(users))].into();
        store.commit(&with(ArrangementBatch { heard, ..ArrangementBatch::default() })).unwrap();
        let found = store.snapshot().unwrap().heard_bans().unwrap();
        assert_eq!(found.into_iter().map(|(_, heard)| heard.list.users.len()).collect::<Vec<_>>(), [users.len()]);
    }
    for reason in ReportReason::ALL {
        let number = Complaints { number: reason as u32, ..Complaints::default() };
        let complaints = [(complaint(reason), number)].into();
        store.commit(&with(ArrangementBatch { complaints, ..ArrangementBatch::default() })).unwrap();
    }
    let found = store.snapshot().unwrap().complaints().unwrap();
    assert_eq!(
        found.iter().map(|(_, complaints)| complaints.number).collect::<Vec<_>>(),
        ReportReason::ALL.map(|reason| reason as u32)
    );
}
