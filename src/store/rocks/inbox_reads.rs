//! Reading what waits for clients: tickets, Welcomes and who they are for.

use bytes::Bytes;

use super::{engine::WELCOMED, inbox_keys, keys, snapshot::RocksSnapshot, values};
use crate::{
    pool::{Delivery, DeliveryKey, HubShare, Letter, LetterKey, Mailbox, ReferenceKey, Ticket, TicketKey, Welcomed},
    sequencer::UserTag,
    store::{Error, InboxReads},
    wire::{ClientId, ServiceProviderId},
};

impl InboxReads for RocksSnapshot<'_> {
    fn ticket(&self, key: &TicketKey) -> Result<Option<Ticket>, Error> {
        self.record(keys::STATE, &inbox_keys::ticket(key), "ticket")
    }

    fn welcomed(&self, key: &ReferenceKey) -> Result<Option<Welcomed>, Error> {
        self.record(keys::STATE, &inbox_keys::welcomed(key), WELCOMED)
    }

    fn delivery(&self, key: &DeliveryKey) -> Result<Option<Delivery>, Error> {
        self.record(keys::STATE, &inbox_keys::delivery(key), "delivery")
    }

    fn content(&self, key: &DeliveryKey, bytes: u32) -> Result<Option<Bytes>, Error> {
        // Before megabytes are copied for somebody who may not wait for them.
        self.allow(bytes.into())?;
        let Some(value) = self.row(keys::INBOX, &key.0)? else { return Ok(None) };
        if value.len() as u64 != u64::from(bytes) {
            return Err(Error::Corrupt("delivery"));
        }
        Ok(Some(Bytes::copy_from_slice(&value)))
    }

    fn letter(&self, key: &LetterKey) -> Result<Option<Letter>, Error> {
        self.record(keys::STATE, &inbox_keys::letter(key), "letter")
    }

    fn letters(
        &self,
        user: &UserTag,
        client: &ClientId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(LetterKey, Letter)>, Error> {
        let mut letters = Vec::new();
        let Some(number) = after.checked_add(1).filter(|_| limit > 0) else { return Ok(letters) };
        let prefix = inbox_keys::letters(user, client);
        let start = inbox_keys::letter(&LetterKey { user: *user, client: *client, number });
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let name = key.get(1..).and_then(inbox_keys::parse_letter_name).ok_or(Error::Corrupt("letter"))?;
            letters.push((name, values::decode(value, "letter")?));
            Ok(letters.len() < limit)
        })?;
        Ok(letters)
    }

    fn mailbox(&self, user: &UserTag) -> Result<Option<Mailbox>, Error> {
        self.record(keys::STATE, &inbox_keys::mailbox(user), "mailbox")
    }

    fn hub_share(&self, hub: Option<&ServiceProviderId>) -> Result<HubShare, Error> {
        Ok(self.record(keys::STATE, &inbox_keys::hub_share(hub), "hub's share")?.unwrap_or_default())
    }
}
