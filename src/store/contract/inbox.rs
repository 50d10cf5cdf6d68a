//! Welcomes that wait, and the tickets of those who deliver them.

use bytes::Bytes;
use tempfile::TempDir;

use super::{
    Open,
    samples::{provider, tag},
};
use crate::{
    pool::{
        Addressed, Delivery, DeliveryKey, HubRoom, HubShare, InboxChanges, Letter, LetterKey, Mailbox, ReferenceKey,
        Room, Taken, Ticket, TicketKey, Transition, Welcomed,
    },
    store::{Batch, Error, InboxBatch, PoolBatch, Snapshot, Store},
    wire::ClientId,
};

pub(crate) fn letter_key(number: u8) -> LetterKey {
    LetterKey { user: tag(number), client: ClientId::new([0xc1; 16]), number: 1_700_000_000_550 }
}

pub(crate) fn ticket_key(number: u8) -> TicketKey {
    TicketKey([number; 32])
}

fn letter(number: u8) -> Letter {
    let addressed = vec![Addressed { place: 3, reference: ReferenceKey([number; 32]) }];
    Letter { delivery: DeliveryKey([number; 32]), addressed, expires_ms: 1_700_000_000_600 }
}

/// Every kind of row, for a user of that number.
pub(crate) fn changes(number: u8) -> InboxChanges {
    let (hub, delivery) = (provider("third.example"), DeliveryKey([number; 32]));
    let ticket = Ticket {
        hub: hub.clone(),
        expires_ms: 1_700_000_000_500,
        references: vec![ReferenceKey([number; 32])],
        used_for: Some(delivery),
    };
    let taken = vec![Taken { hub: hub.clone(), delivery, waits: true }];
    let record = Delivery { hub: hub.clone(), arrived_ms: 1_700_000_000_400, bytes: 9, letters: 1 };
    let room = Room { letters: 1, bytes: 9 };
    let mailbox = Mailbox { all: room, hubs: vec![HubRoom { hub: hub.clone(), room }] };
    let share = |tickets, last_number| HubShare { tickets, ticket_references: 4, bytes: 521, last_number };
    InboxChanges {
        tickets: vec![(ticket_key(number), Some(ticket))],
        welcomed: vec![(ReferenceKey([number; 32]), Some(Welcomed { taken }))],
        deliveries: vec![(delivery, Some(record))],
        contents: vec![(delivery, Some(Bytes::from_static(b"a Welcome")))],
        letters: vec![(letter_key(number), Some(letter(number)))],
        mailboxes: vec![(tag(number), Some(mailbox))],
        shares: vec![(Some(hub), share(2, 0)), (None, share(0, 1_700_000_000_550))],
    }
}

/// A batch is taken apart field by field: a new kind of row does not compile until it is looked for.
pub(crate) fn assert_holds(snapshot: &dyn Snapshot, batch: &InboxBatch) {
    let InboxBatch { tickets, welcomed, deliveries, contents, letters, mailboxes, shares } = batch;
    for (key, ticket) in tickets {
        assert_eq!(snapshot.ticket(key).unwrap(), *ticket);
    }
    for (key, welcomed) in welcomed {
        assert_eq!(snapshot.welcomed(key).unwrap(), *welcomed);
    }
    for (key, delivery) in deliveries {
        assert_eq!(snapshot.delivery(key).unwrap(), *delivery);
    }
    for (key, content) in contents {
        let bytes = content.as_ref().map_or(9, |content| u32::try_from(content.len()).unwrap());
        assert_eq!(snapshot.content(key, bytes).unwrap(), *content);
    }
    for (key, letter) in letters {
        assert_eq!(snapshot.letter(key).unwrap(), *letter);
        let listed = snapshot.letters(&key.user, &key.client, key.number - 1, 1).unwrap();
        let found = listed.into_iter().find(|(found, _)| found == key).map(|(_, letter)| letter);
        assert_eq!(found, *letter);
    }
    for (user, mailbox) in mailboxes {
        assert_eq!(snapshot.mailbox(user).unwrap(), *mailbox);
    }
    for (hub, share) in shares {
        assert_eq!(snapshot.hub_share(hub.as_ref()).unwrap(), *share);
    }
}

fn commit(store: &dyn Store, inbox: InboxChanges) -> PoolBatch {
    let mut pool = PoolBatch::default();
    pool.push(Transition { inbox, ..Transition::default() });
    store.commit(&Batch { pool: pool.clone(), ..Batch::default() }).unwrap();
    pool
}

pub(crate) fn rows_are_told_apart_by_all_of_their_key(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let written = commit(&*store, changes(1));
    let snapshot = store.snapshot().unwrap();
    assert_holds(&*snapshot, &written.inbox);
    assert_eq!(snapshot.ticket(&ticket_key(2)).unwrap(), None);
    assert_eq!(snapshot.welcomed(&ReferenceKey([2; 32])).unwrap(), None);
    assert_eq!(snapshot.delivery(&DeliveryKey([2; 32])).unwrap(), None);
    assert_eq!(snapshot.content(&DeliveryKey([2; 32]), 9).unwrap(), None);
    for other_length in [0, 8, 10] {
        assert_eq!(snapshot.content(&DeliveryKey([1; 32]), other_length), Err(Error::Corrupt("delivery")));
    }
    assert_eq!(snapshot.mailbox(&tag(2)).unwrap(), None);
    let key = letter_key(1);
    let others = [
        LetterKey { user: tag(2), ..key },
        LetterKey { client: ClientId::new([0xc2; 16]), ..key },
        LetterKey { number: key.number + 1, ..key },
    ];
    for other in others {
        assert_eq!(snapshot.letter(&other).unwrap(), None);
        assert_eq!(snapshot.letters(&other.user, &other.client, key.number, 10).unwrap(), []);
    }
    for hub in ["third.exampl", "third.example.net", "hub.example"] {
        assert_eq!(snapshot.hub_share(Some(&provider(hub))).unwrap(), HubShare::default());
    }
}

pub(crate) fn rows_are_replaced_and_removed(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    commit(&*store, changes(1));
    let gone = commit(
        &*store,
        InboxChanges {
            tickets: vec![(ticket_key(1), None)],
            welcomed: vec![(ReferenceKey([1; 32]), Some(Welcomed::default()))],
            deliveries: vec![(DeliveryKey([1; 32]), None)],
            contents: vec![(DeliveryKey([1; 32]), None)],
            letters: vec![(letter_key(1), None)],
            mailboxes: vec![(tag(1), None)],
            shares: vec![(None, HubShare::default())],
        },
    );
    let snapshot = store.snapshot().unwrap();
    assert_holds(&*snapshot, &gone.inbox);
    assert_ne!(snapshot.hub_share(Some(&provider("third.example"))).unwrap(), HubShare::default(), "was not named");
}

pub(crate) fn letters_are_listed_by_client_in_order(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    // Byte for byte 0x00ff comes before 0x0100.
    let key = |user, client, number| LetterKey { user: tag(user), client: ClientId::new([client; 16]), number };
    let keys = [key(1, 7, 0x0100), key(1, 7, 0x00ff), key(1, 7, u64::MAX), key(1, 8, 0x0001), key(2, 7, 0x0002)];
    let letters = keys.map(|key| (key, Some(letter(1)))).into();
    commit(&*store, InboxChanges { letters, ..InboxChanges::default() });
    let snapshot = store.snapshot().unwrap();
    let numbers = |after, limit| {
        let found = snapshot.letters(&tag(1), &ClientId::new([7; 16]), after, limit).unwrap();
        found.into_iter().map(|(key, _)| key.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(0, 10), [0x00ff, 0x0100, u64::MAX]);
    assert_eq!(numbers(0, 2), [0x00ff, 0x0100]);
    assert_eq!(numbers(0x00ff, 10), [0x0100, u64::MAX], "behind that one");
    assert_eq!(numbers(u64::MAX, 10), [] as [u64; 0]);
    assert_eq!(numbers(0, 0), [] as [u64; 0]);
}

pub(crate) fn a_share_of_nothing_is_no_row(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let hub = provider("third.example");
    let share = |bytes| HubShare { bytes, ..HubShare::default() };
    for bytes in [7, 0] {
        let shares = vec![(Some(hub.clone()), share(bytes)), (None, share(bytes))];
        commit(&*store, InboxChanges { shares, ..InboxChanges::default() });
        let snapshot = store.snapshot().unwrap();
        assert_eq!(snapshot.hub_share(Some(&hub)).unwrap(), share(bytes));
        assert_eq!(snapshot.hub_share(None).unwrap(), share(bytes));
    }
}
