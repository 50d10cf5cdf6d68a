//! What an inspection finds: each kind of row is broken once, in a database in which all of them agree.

use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::{super::inspect, open};
use crate::{
    mls::EpochNumber,
    pool::{
        Account, Delivery, DeliveryKey, HubRoom, HubShare, Letter, LetterKey, Mailbox, ReferenceKey, Room, Shelf,
        Stock, StockKey, Taken, Ticket, Welcomed,
    },
    sequencer::{
        Charge, Child, Cut, Dispatch, DispatchKey, Entry, EntryCommit, Group, Parent, Partition, Replay, Subscription,
        Usage, WelcomeName,
    },
    store::{
        Batch, Store,
        contract::{
            inbox::{letter_key, ticket_key},
            pool::stock_key,
            samples::{
                checkpoint, entry, group, group_record, owner_changes, partition, partition_record, provider, tag,
            },
        },
    },
};

const ROOT: u8 = 1;
const CHILD: u8 = 2;

const COST: Usage = Usage { partitions: 1, bytes: 100 };

/// A group whose root has a message and a commit, and the partition behind it; and a Welcome that waits for somebody.
fn sound() -> Batch {
    let mut batch = Batch::default();
    let record = Group { root: partition(ROOT), deleted_ms: None, ..group_record() };
    batch.groups.insert(group(1), Arc::new(record));
    let commit = Some(EntryCommit { next: partition(CHILD), group_info: None });
    batch.entries.push((group(1), partition(ROOT), 0, entry(1, 100)));
    batch.entries.push((group(1), partition(ROOT), 1, Entry { commit, ..entry(2, 50) }));
    let root = Partition {
        children: vec![Child { key: partition(CHILD), index: 1, announced_ms: 2, cut: Cut::None }],
        forked_ms: Some(2),
        next_index: 2,
        commits: 1,
        last_commit: Some(1),
        bytes: 150,
        ..Partition::new(1, Some(EpochNumber(5)), None)
    };
    let charges = vec![Charge { provider: provider("follower.example"), usage: COST }];
    let parent = Parent { key: partition(ROOT), index: 1 };
    let subscription = Subscription { provider: provider("follower.example"), next_index: 0, until_ms: 9, serial: 1 };
    let child = Partition {
        charges,
        subscriptions: vec![subscription],
        ..Partition::new(2, Some(EpochNumber(6)), Some(parent))
    };
    for (number, record) in [(ROOT, root), (CHILD, child)] {
        batch.partitions.insert((group(1), partition(number)), Arc::new(record));
        batch.announced.push((group(1), partition(number)));
    }
    batch.heads.insert((group(1), EpochNumber(6), partition(CHILD)), true);
    batch.subscribed.insert((provider("follower.example"), group(1), partition(CHILD)), true);
    batch.budgets.insert((provider("follower.example"), group(1)), COST);
    waiting(&mut batch);
    let stock: StockKey = stock_key(1);
    let shelves = vec![Shelf::from(&stock)];
    batch.pool.accounts.insert(stock.user, Account { shelves, ..Account::default() });
    batch.pool.stocks.insert(stock, Some(Stock::default()));
    batch
}

fn waiting(batch: &mut Batch) {
    let (hub, delivery) = (provider("third.example"), DeliveryKey([1; 32]));
    let inbox = &mut batch.pool.inbox;
    let record = Delivery { hub: hub.clone(), arrived_ms: 1, bytes: 9, letters: 1 };
    inbox.deliveries.insert(delivery, Some(record));
    inbox.contents.insert(delivery, Some(Bytes::from_static(b"a Welcome")));
    inbox.letters.insert(letter_key(1), Some(Letter { delivery, addressed: Vec::new(), expires_ms: 2 }));
    let room = Room { letters: 1, bytes: 9 };
    inbox.mailboxes.insert(tag(1), Some(Mailbox { all: room, hubs: vec![HubRoom { hub: hub.clone(), room }] }));
    let references = vec![ReferenceKey([1; 32]), ReferenceKey([2; 32])];
    let ticket = Ticket { hub: hub.clone(), expires_ms: 2, references, used_for: None };
    inbox.tickets.insert(ticket_key(1), Some(ticket));
    let taken = vec![Taken { hub: hub.clone(), delivery, waits: true }];
    inbox.welcomed.insert(ReferenceKey([1; 32]), Some(Welcomed { taken }));
    let bytes = 9 + HubShare::LETTER_BYTES;
    let share = HubShare { tickets: 1, ticket_references: 2, bytes, last_number: 0 };
    let last_number = letter_key(1).number;
    let all = HubShare { tickets: 0, ticket_references: 0, bytes, last_number };
    inbox.shares.extend([(Some(hub), share), (None, all)]);
}

/// What is found when that is broken.
fn found(break_it: impl FnOnce(&mut Batch)) -> Vec<&'static str> {
    let folder = TempDir::new().unwrap();
    let mut batch = sound();
    break_it(&mut batch);
    open(folder.path()).commit(&batch).unwrap();
    let inspection = inspect(folder.path(), &provider("hub.example"), &mut |_, _| {}).unwrap();
    assert_eq!(inspection.unreadable, [""; 0]);
    inspection.faults.into_keys().map(|(_family, fault)| fault).collect()
}

fn change(batch: &mut Batch, number: u8, change: impl FnOnce(&mut Partition)) {
    change(Arc::make_mut(batch.partitions.get_mut(&(group(1), partition(number))).unwrap()));
}

#[test]
fn what_agrees_is_sound() {
    assert_eq!(found(|_| {}), [""; 0]);
}

#[test]
fn counters_say_what_is_there() {
    const MISCOUNTED: &str = "partitions that count other messages than there are";
    assert_eq!(found(|batch| change(batch, ROOT, |root| root.bytes += 1)), [MISCOUNTED]);
    assert_eq!(found(|batch| change(batch, ROOT, |root| root.commits = 0)), [MISCOUNTED]);
    assert_eq!(found(|batch| change(batch, ROOT, |root| root.last_commit = Some(0))), [MISCOUNTED]);
}

#[test]
fn edges_are_known_on_both_ends() {
    const ONE_END: &str = "edges that only one end knows";
    assert_eq!(
        found(|batch| change(batch, CHILD, |child| child.parent = Some(Parent { key: partition(ROOT), index: 0 }))),
        [ONE_END]
    );
    let without_record = found(|batch| change(batch, ROOT, |root| root.children[0].key = partition(9)));
    assert_eq!(without_record, ["edges that no commit has made", ONE_END]);
    let other_commit = |batch: &mut Batch| batch.entries[1].3.commit.as_mut().unwrap().next = partition(9);
    assert_eq!(found(other_commit), ["edges that no commit has made"]);
    let later = |batch: &mut Batch| {
        change(batch, CHILD, |child| child.epoch = Some(EpochNumber(7)));
        batch.heads = [((group(1), EpochNumber(7), partition(CHILD)), true)].into();
    };
    assert_eq!(found(later), ["epochs that do not follow the one above"]);
    let other_root = |batch: &mut Batch| {
        let record = Group { root: partition(9), deleted_ms: None, ..group_record() };
        batch.groups.insert(group(1), Arc::new(record));
    };
    assert_eq!(found(other_root), ["epochs that do not follow the one above", "groups without a root"]);
    // Of a group that is deleted partitions go one by one.
    let deleted = |batch: &mut Batch| {
        batch.groups.insert(group(1), Arc::new(Group { root: partition(9), ..group_record() }));
    };
    assert_eq!(found(deleted), [""; 0]);
}

#[test]
fn partitions_are_found_as_what_they_are() {
    let unannounced = found(|batch| batch.announced.truncate(1));
    assert_eq!(unannounced, ["partitions that are connected and cannot be found, or the other way round"]);
    assert_eq!(found(|batch| batch.heads.clear()), ["heads that are not listed"]);
    let one_more = |batch: &mut Batch| {
        batch.heads.insert((group(1), EpochNumber(5), partition(ROOT)), true);
    };
    assert_eq!(found(one_more), ["partitions that are listed as heads and are none"]);
    assert_eq!(found(|batch| batch.subscribed.clear()), ["subscriptions that only the partition knows"]);
    // Also where edges are not looked at, as in a group that is deleted.
    for (hub, group_of, number) in
        [("third.example", 1, CHILD), ("follower.example", 1, 9), ("follower.example", 2, CHILD)]
    {
        let place = (provider(hub), group(group_of), partition(number));
        let extra = found(|batch| _ = batch.subscribed.insert(place, true));
        assert_eq!(extra, ["subscriptions that no partition knows"]);
    }
}

#[test]
fn budgets_are_the_sum_of_charges() {
    const WRONG: &str = "budgets that are not the sum of what was charged";
    let follower = || (provider("follower.example"), group(1));
    let less = Usage { bytes: 99, ..COST };
    assert_eq!(found(|batch| _ = batch.budgets.insert(follower(), less)), [WRONG]);
    assert_eq!(found(|batch| batch.budgets.clear()), [WRONG]);
    let other = found(|batch| _ = batch.budgets.insert((provider("third.example"), group(1)), COST));
    assert_eq!(other, ["budgets of what nobody was charged for"]);
    let elsewhere = found(|batch| _ = batch.budgets.insert((provider("follower.example"), group(2)), COST));
    assert_eq!(elsewhere, ["budgets of what nobody was charged for"]);
}

#[test]
fn public_states_can_be_had_again() {
    let with = |replay: Replay, batch: &mut Batch| {
        let public = partition_record().public.unwrap();
        change(batch, CHILD, |child| child.public = Some(crate::sequencer::Public { replay, ..public }));
    };
    let place = (group(1), partition(CHILD));
    let own = found(|batch| _ = batch.checkpoints.insert(place, checkpoint()));
    assert_eq!(own, ["rows of a state that the partition does not have"]);
    const OTHER: &str = "states whose checkpoint is missing or of another state";
    const BROKEN: &str = "states without a list of changes";
    let (saved, follows) = (Replay::of_checkpoint(9), Replay::of_checkpoint(9).then(9));
    let missing = |batch: &mut Batch| {
        with(saved, batch);
        batch.owners.insert(place, owner_changes());
    };
    assert_eq!(found(missing), [OTHER]);
    let other = |batch: &mut Batch| {
        missing(batch);
        batch.checkpoints.insert(place, checkpoint());
    };
    assert_eq!(found(other), [OTHER]);
    assert_eq!(found(|batch| with(saved, batch)), [OTHER, BROKEN], "it is needed beside a checkpoint as well");
    assert_eq!(found(|batch| with(follows, batch)), [BROKEN]);
    // The one above may have been given up before it.
    let with_changes = |batch: &mut Batch| {
        with(follows, batch);
        batch.owners.insert(place, owner_changes());
    };
    assert_eq!(found(with_changes), [""; 0]);
}

#[test]
fn what_is_to_be_brought_is_there_unless_its_name_came_again() {
    const OF_NOTHING: &str = "dispatches of no Welcome";
    let commit = |key| Some(Parent { key: partition(key), index: 1 });
    let dispatched = |key: u8, commit: Option<Parent>, submitted_ms: u64| {
        found(|batch| {
            let welcome = WelcomeName { partition: partition(key), commit };
            let to = DispatchKey { provider: provider("third.example"), due_ms: 9, welcome };
            batch.dispatches.insert((group(1), to), Some(Dispatch { attempts: 0, ticket: None, submitted_ms }));
        })
    };
    // The root was made at 1, and what its commit leads to at 2.
    assert_eq!(dispatched(CHILD, commit(ROOT), 2), [OF_NOTHING]);
    assert_eq!(dispatched(CHILD, commit(ROOT), 1), [""; 0], "the partition was made anew since");
    assert_eq!(dispatched(ROOT, commit(CHILD), 1), [""; 0], "that of the commit was");
    assert_eq!(dispatched(9, commit(ROOT), 2), [""; 0], "the partition is gone");
    assert_eq!(dispatched(CHILD, commit(9), 2), [""; 0], "that of the commit is");
    for key in [ROOT, 9] {
        assert_eq!(dispatched(key, None, 0), [OF_NOTHING], "a creation's comes once");
    }
}

#[test]
fn what_waits_is_counted_for_users_and_hubs() {
    const MAILBOX: &str = "mailboxes that count other letters than there are";
    const HUB: &str = "hubs that are counted other than what they take up";
    let user_s =
        |batch: &mut Batch| batch.pool.inbox.mailboxes.get_mut(&tag(1)).unwrap().as_mut().unwrap().all.bytes = 8;
    assert_eq!(found(user_s), [MAILBOX]);
    let hub_s = |batch: &mut Batch| {
        batch.pool.inbox.mailboxes.get_mut(&tag(1)).unwrap().as_mut().unwrap().hubs[0].room.letters = 2;
    };
    assert_eq!(found(hub_s), [MAILBOX]);
    assert_eq!(found(|batch| batch.pool.inbox.mailboxes.clear()), [MAILBOX]);
    let nobody_s = |batch: &mut Batch| _ = batch.pool.inbox.mailboxes.insert(tag(2), Some(Mailbox::default()));
    assert_eq!(found(nobody_s), ["mailboxes without a letter"]);
    let third = || Some(provider("third.example"));
    for hub in [None, third()] {
        let less = |batch: &mut Batch| batch.pool.inbox.shares.get_mut(&hub).unwrap().bytes -= 1;
        assert_eq!(found(less), [HUB]);
    }
    assert_eq!(found(|batch| batch.pool.inbox.shares.get_mut(&third()).unwrap().tickets = 2), [HUB]);
    assert_eq!(found(|batch| batch.pool.inbox.shares.get_mut(&third()).unwrap().ticket_references = 1), [HUB]);
    assert_eq!(found(|batch| _ = batch.pool.inbox.shares.remove(&third())), [HUB]);
    let early = |batch: &mut Batch| batch.pool.inbox.shares.get_mut(&None).unwrap().last_number -= 1;
    assert_eq!(found(early), ["letters with a number above the last one"]);
    let one_more = |batch: &mut Batch| {
        let hub = provider("third.example");
        let taken = vec![Taken { hub, delivery: DeliveryKey([7; 32]), waits: true }];
        batch.pool.inbox.welcomed.insert(ReferenceKey([2; 32]), Some(Welcomed { taken }));
    };
    assert_eq!(found(one_more), ["Welcomes that are noted as waiting and are not there"]);
    let letters = |batch: &mut Batch| {
        let delivery = batch.pool.inbox.deliveries.get_mut(&DeliveryKey([1; 32])).unwrap().as_mut().unwrap();
        delivery.letters = 2;
        for share in batch.pool.inbox.shares.values_mut() {
            share.bytes += HubShare::LETTER_BYTES;
        }
    };
    assert_eq!(found(letters), ["deliveries that count other letters than there are"]);
}

#[test]
fn what_waits_has_its_content() {
    const MISSING: &str = "deliveries that are missing or of another length";
    let delivery = DeliveryKey([1; 32]);
    let contents = |batch: &mut Batch, key, bytes| _ = batch.pool.inbox.contents.insert(key, bytes);
    assert_eq!(found(|batch| contents(batch, delivery, None)), [MISSING]);
    assert_eq!(found(|batch| contents(batch, delivery, Some(Bytes::from_static(b"a W")))), [MISSING]);
    let one_more = found(|batch| contents(batch, DeliveryKey([2; 32]), Some(Bytes::from_static(b"a Welcome"))));
    assert_eq!(one_more, ["deliveries without a record"]);
    let of_nothing = found(|batch| {
        let letter = Letter { delivery: DeliveryKey([2; 32]), addressed: Vec::new(), expires_ms: 2 };
        let second = LetterKey { number: 0, ..letter_key(1) };
        batch.pool.inbox.letters.insert(second, Some(letter));
    });
    assert_eq!(of_nothing, ["letters of no delivery"]);
}

#[test]
fn users_are_known_by_what_there_is() {
    const MISCOUNTED: &str = "accounts that count other handles or references than there are";
    let user = stock_key(1).user;
    for change in [|account: &mut Account| account.handles = 1, |account: &mut Account| account.references = 1] {
        let found = found(|batch| change(batch.pool.accounts.get_mut(&user).unwrap()));
        assert_eq!(found, [MISCOUNTED]);
    }
    let gone = found(|batch| _ = batch.pool.stocks.insert(stock_key(1), None));
    assert_eq!(gone, ["stocks that an account names and are not there"]);
    let of_nobody = found(|batch| batch.pool.accounts.clear());
    assert_eq!(of_nobody, ["handles, references and stocks of no account"]);
}
