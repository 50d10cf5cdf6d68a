//! Whether Welcomes that wait are counted as what they are: for their new members, for users, and for hubs.

use std::collections::{BTreeMap, HashMap};

use super::{
    super::{inbox_keys, keys, keys::kind, snapshot::RocksSnapshot, values},
    count, each_of, rows_of,
};
use crate::{
    pool::{Delivery, DeliveryKey, HubShare, Letter, Mailbox, Ticket, Welcomed},
    sequencer::UserTag,
    store::{Error, Inspection},
    wire::ServiceProviderId,
};

/// What hubs take up, each and all of them together.
type Shares = BTreeMap<Option<ServiceProviderId>, HubShare>;

/// Counts what is wrong. Deliveries are there as far as letters name them.
pub(super) fn compare(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    let (letters, last_number) = mailboxes(snapshot, inspection)?;
    let mut shares = deliveries(snapshot, &letters, inspection)?;
    tickets(snapshot, &mut shares)?;
    compare_shares(snapshot, shares, last_number, inspection)?;
    waiting(snapshot, &letters, inspection)
}

/// Compares what users have waiting with their letters. Gives how many letters name each delivery, and the highest number.
fn mailboxes(
    snapshot: &RocksSnapshot<'_>,
    inspection: &mut Inspection,
) -> Result<(HashMap<DeliveryKey, u32>, u64), Error> {
    let (mut letters, mut last_number) = (HashMap::<DeliveryKey, u32>::new(), 0);
    let (mut user, mut mailbox, mut wrong, mut there, mut dangling) = (None, Mailbox::default(), 0, 0, 0);
    let mut settle = |user: Option<UserTag>, mailbox: Mailbox| -> Result<(), Error> {
        let Some(user) = user else { return Ok(()) };
        let row: Option<Mailbox> = snapshot.record(keys::STATE, &inbox_keys::mailbox(&user), "mailbox")?;
        there += u64::from(row.is_some());
        wrong += u64::from(row.is_none_or(|row| in_order(row) != in_order(mailbox)));
        Ok(())
    };
    each_of(snapshot, kind::LETTER, |key, value| {
        let key = inbox_keys::parse_letter_name(&key[1..]).ok_or(Error::Corrupt("letter"))?;
        let letter: Letter = values::decode(value, "letter")?;
        if user != Some(key.user) {
            settle(user.replace(key.user), std::mem::take(&mut mailbox))?;
        }
        *letters.entry(letter.delivery).or_default() += 1;
        last_number = last_number.max(key.number);
        let delivery: Option<Delivery> =
            snapshot.record(keys::STATE, &inbox_keys::delivery(&letter.delivery), "delivery")?;
        match delivery {
            Some(delivery) => mailbox.add(&delivery.hub, delivery.bytes.into()),
            None => dangling += 1,
        }
        Ok(())
    })?;
    settle(user, mailbox)?;
    let all = count(snapshot, &[kind::MAILBOX])?;
    inspection.note(keys::STATE, "mailboxes that count other letters than there are", wrong);
    inspection.note(keys::STATE, "mailboxes without a letter", all.saturating_sub(there));
    inspection.note(keys::STATE, "letters of no delivery", dangling);
    Ok((letters, last_number))
}

fn in_order(mut mailbox: Mailbox) -> Mailbox {
    mailbox.hubs.sort_by(|one, other| one.hub.cmp(&other.hub));
    mailbox
}

/// Compares deliveries with their contents, and with how many letters name them. Gives what they take up.
fn deliveries(
    snapshot: &RocksSnapshot<'_>,
    letters: &HashMap<DeliveryKey, u32>,
    inspection: &mut Inspection,
) -> Result<Shares, Error> {
    let (mut shares, mut wrong, mut records, mut missing) = (Shares::new(), 0, 0, 0);
    each_of(snapshot, kind::DELIVERY, |key, value| {
        let name = DeliveryKey(key[1..].try_into().map_err(|_| Error::Corrupt("delivery"))?);
        let record: Delivery = values::decode(value, "delivery")?;
        wrong += u64::from(letters.get(&name) != Some(&record.letters));
        let content = snapshot.row(keys::INBOX, &key[1..])?;
        records += 1;
        missing += u64::from(content.is_none_or(|content| content.len() as u64 != u64::from(record.bytes)));
        let bytes = u64::from(record.bytes) + HubShare::LETTER_BYTES * u64::from(record.letters);
        for hub in [None, Some(record.hub)] {
            let share = shares.entry(hub).or_default();
            share.bytes = share.bytes.saturating_add(bytes);
        }
        Ok(())
    })?;
    inspection.note(keys::STATE, "deliveries that count other letters than there are", wrong);
    inspection.note(keys::INBOX, "deliveries that are missing or of another length", missing);
    let extra = rows_of(inspection, keys::INBOX).saturating_sub(records);
    inspection.note(keys::INBOX, "deliveries without a record", extra);
    Ok(shares)
}

/// Tickets are counted for each hub, and not for all together.
fn tickets(snapshot: &RocksSnapshot<'_>, shares: &mut Shares) -> Result<(), Error> {
    each_of(snapshot, kind::TICKET, |_key, value| {
        let ticket: Ticket = values::decode(value, "ticket")?;
        let share = shares.entry(Some(ticket.hub)).or_default();
        let references = u32::try_from(ticket.references.len()).unwrap_or(u32::MAX);
        share.tickets = share.tickets.saturating_add(1);
        share.ticket_references = share.ticket_references.saturating_add(references);
        Ok(())
    })
}

fn compare_shares(
    snapshot: &RocksSnapshot<'_>,
    mut shares: Shares,
    last_letter: u64,
    inspection: &mut Inspection,
) -> Result<(), Error> {
    let mut wrong = 0;
    let mut last_number = 0;
    each_of(snapshot, kind::HUB_SHARE, |key, value| {
        let row: HubShare = values::decode(value, "hub's share")?;
        let hub = std::str::from_utf8(&key[1..]).map_err(|_| Error::Corrupt("hub's share"))?;
        let hub = match hub {
            "" => None,
            name => Some(name.parse().map_err(|_| Error::Corrupt("hub's share"))?),
        };
        last_number = last_number.max(row.last_number);
        let counted = shares.remove(&hub).unwrap_or_default();
        wrong += u64::from(HubShare { last_number: 0, ..row } != counted);
        Ok(())
    })?;
    wrong += shares.values().filter(|share| !share.is_nothing()).count() as u64;
    inspection.note(keys::STATE, "hubs that are counted other than what they take up", wrong);
    let is_behind = last_letter > last_number;
    inspection.note(keys::STATE, "letters with a number above the last one", u64::from(is_behind));
    Ok(())
}

/// What is noted as waiting for a KeyPackage is there.
fn waiting(
    snapshot: &RocksSnapshot<'_>,
    letters: &HashMap<DeliveryKey, u32>,
    inspection: &mut Inspection,
) -> Result<(), Error> {
    let mut gone = 0;
    each_of(snapshot, kind::WELCOMED, |_key, value| {
        let welcomed: Welcomed = values::decode(value, "welcomed")?;
        let waits = welcomed.taken.iter().filter(|taken| taken.waits);
        gone += waits.filter(|taken| !letters.contains_key(&taken.delivery)).count() as u64;
        Ok(())
    })?;
    inspection.note(keys::STATE, "Welcomes that are noted as waiting and are not there", gone);
    Ok(())
}
