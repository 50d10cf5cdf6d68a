//! Rows about pushes: subscriptions, what is followed and what is kept of it, and presentations by group.

use tempfile::TempDir;

use super::{
    Open,
    samples::{followed, group, partition, provider, tag},
};
use crate::{
    sequencer::{FollowedChange, GroupKey, Outcome, Transition},
    store::{Batch, Presentation, Store},
    wire::MaskedPartitionKey,
};

fn commit(store: &dyn Store, group: GroupKey, transition: Transition) {
    let mut batch = Batch::default();
    batch.push(group, transition);
    store.commit(&batch).unwrap();
}

fn change(key: MaskedPartitionKey, change: FollowedChange) -> Transition {
    Transition { followed: vec![(key, change)], ..Transition::unchanged(Outcome::Done) }
}

pub(crate) fn subscriptions_are_paged_by_provider(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    // One name begins with the other.
    let (one, other) = (provider("a.example"), provider("a.example.net"));
    let edge = MaskedPartitionKey::new([0xff; 32]);
    let places = [(group(1), partition(2)), (group(1), edge), (group(2), partition(1))];
    for (group, key) in places {
        let subscribed = vec![(key, one.clone(), true), (partition(9), other.clone(), true)];
        commit(&*store, group, Transition { subscribed, ..Transition::unchanged(Outcome::Done) });
    }
    let snapshot = store.snapshot().unwrap();
    let first = snapshot.subscribed(&one, None, 2).unwrap();
    assert_eq!(first, places[..2]);
    assert_eq!(snapshot.subscribed(&one, first.last(), 2).unwrap(), places[2..]);
    assert_eq!(snapshot.subscribed(&other, None, 10).unwrap(), [1, 2].map(|n| (group(n), partition(9))));
    assert_eq!(snapshot.subscribed(&provider("b.example"), None, 10).unwrap(), []);
}

pub(crate) fn kept_messages_are_paged_and_let_go(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    commit(&*store, group(1), change(partition(1), followed(&[b"three", b"four", b"five"])));
    commit(&*store, group(1), change(partition(2), followed(&[b"of another"])));
    let words = |key: u8, from, bytes| {
        let kept = store.snapshot().unwrap().kept(&group(1), &partition(key), from, bytes).unwrap();
        kept.into_iter().map(|kept| (kept.index, String::from_utf8(kept.message.to_vec()).unwrap())).collect::<Vec<_>>()
    };
    let (three, four, five) = ((3, "three".to_owned()), (4, "four".to_owned()), (5, "five".to_owned()));
    assert_eq!(words(1, 0, 9), [three.clone(), four.clone()]);
    assert_eq!(words(1, 4, 1), std::slice::from_ref(&four), "at least one");
    assert_eq!(words(1, 6, 100), []);
    let FollowedChange::Put { mut record, .. } = followed(&[]) else { panic!("a record") };
    record.first_index = 5;
    commit(&*store, group(1), change(partition(1), FollowedChange::Put { record, kept: Vec::new(), lets_go: true }));
    assert_eq!(words(1, 0, 100), [five]);
    assert_eq!(words(2, 0, 100), [(3, "of another".to_owned())]);
}

pub(crate) fn what_is_not_followed_leaves_nothing(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let edge = MaskedPartitionKey::new([0xff; 32]);
    let mut last = [0xff; 32];
    last[0] = 1;
    let last = GroupKey::new(last);
    for group in [group(1), last] {
        for key in [partition(0), partition(1), edge] {
            commit(&*store, group, change(key, followed(&[b"kept"])));
        }
    }
    for (group, key) in [(group(1), partition(1)), (last, edge)] {
        commit(&*store, group, change(key, FollowedChange::Gone));
        assert_eq!(store.snapshot().unwrap().followed(&group, &key).unwrap(), None);
        assert_eq!(store.snapshot().unwrap().kept(&group, &key, 0, u64::MAX).unwrap(), []);
    }
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.followed_of(&group(1), 10).unwrap(), [partition(0), edge]);
    assert_eq!(snapshot.followed_of(&last, 1).unwrap(), [partition(0)]);
    let all = [(group(1), partition(0)), (group(1), edge), (last, partition(0)), (last, partition(1))];
    let first = snapshot.all_followed(None, 3).unwrap();
    assert_eq!(first, all[..3]);
    assert_eq!(snapshot.all_followed(first.last(), 3).unwrap(), all[3..]);
    for (group, key) in [(group(1), partition(0)), (group(1), edge), (last, partition(0)), (last, partition(1))] {
        assert_eq!(snapshot.kept(&group, &key, 0, u64::MAX).unwrap().len(), 1);
    }
}

pub(crate) fn presenters_of_a_group_are_paged_and_forgotten(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let rows = [(1, 5), (1, 7), (2, 5)];
    let mut batch = Batch::default();
    for (key, user) in rows {
        for group in [group(1), group(2)] {
            batch.presentations.push(Presentation { group, partition: partition(key), user: tag(user), at_ms: 1 });
        }
    }
    store.commit(&batch).unwrap();
    let presenters = |after: Option<(u8, u8)>, limit| {
        let after = after.map(|(key, user)| (partition(key), tag(user)));
        store.snapshot().unwrap().presenters(&group(1), after.as_ref(), limit).unwrap()
    };
    let listed = rows.map(|(key, user)| (partition(key), tag(user)));
    assert_eq!(presenters(None, 2), listed[..2]);
    assert_eq!(presenters(Some((1, 7)), 2), listed[2..]);
    let forgotten = vec![(group(1), partition(1), tag(5)), (group(1), partition(2), tag(5))];
    store.commit(&Batch { forgotten, ..Batch::default() }).unwrap();
    assert_eq!(presenters(None, 10), listed[1..2]);
    assert_eq!(store.snapshot().unwrap().presenters(&group(2), None, 10).unwrap(), listed);
}
