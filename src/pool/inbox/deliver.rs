//! Taking a Welcome.

use std::collections::{BTreeMap, HashMap, btree_map::Entry};

use bytes::Bytes;

use super::{
    Addressed, Delivery, DeliveryKey, HubShare, InboxPolicy, InboxState, Letter, LetterKey, Mailbox, Taken, Ticket,
    TicketKey, Welcomed,
    hub_share::Shares,
    judge::{Judged, has_place, judge_reference},
};
use crate::{
    mls::CipherSuite,
    pool::{ReferenceKey, Refusal, Rejection, Transition},
    sequencer::{UnixMillis, UserTag},
    wire::{ClientId, ServiceProviderId},
};

/// A Welcome, or the part of it that is for some of those to whom it is addressed: a long one is taken part by part.
///
/// # Privacy
/// `Debug` shows how many it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct Deliver {
    /// What the hub showed, by its hash.
    pub ticket: TicketKey,
    /// Who delivers.
    pub hub: ServiceProviderId,
    /// Its suite.
    pub cipher_suite: CipherSuite,
    /// What is delivered, as [`DeliveryKey::of`] says.
    pub delivery: DeliveryKey,
    /// Welcome and tree.
    pub content: Bytes,
    /// The entries of `secrets` that are taken now.
    pub addressed: Vec<Addressed>,
    /// Whether the ticket is used up with this.
    pub is_last: bool,
}

impl std::fmt::Debug for Deliver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Deliver").field("addressed", &self.addressed.len()).finish_non_exhaustive()
    }
}

/// What became of a part.
#[derive(Debug)]
pub struct Delivered {
    /// How many of those it was accepted for got nothing and may get it later: there is no room. A KeyPackage that was used,
    /// has expired, or has taken as many as it takes meanwhile is not one of them.
    pub left_out: usize,
    /// What changes. The ticket is used up when nobody was left out, and then kept for those who deliver again, or gone.
    pub transition: Transition,
}

/// Puts a letter for each client into its user's mailbox, once for each Welcome, however often it comes. Nobody goes
/// without because somebody else's mailbox is full.
///
/// # Errors
/// [`Refusal::Rejected`] when the ticket is not good for this, or all mailboxes together are full; [`Refusal::State`] when
/// the state cannot be read.
pub fn deliver<S: InboxState + ?Sized>(
    state: &S,
    deliver: &Deliver,
    policy: &InboxPolicy,
    now: UnixMillis,
) -> Result<Delivered, Refusal<S::Error>> {
    let found = state.ticket(&deliver.ticket).map_err(Refusal::State)?;
    let Some(ticket) = found.filter(|ticket| ticket.is_good(&deliver.hub, &deliver.delivery, now)) else {
        return Err(Rejection::WelcomeRefused.into());
    };
    if ticket.used_for.is_some() {
        return Ok(Delivered { left_out: 0, transition: Transition::default() });
    }
    let mut desk = Desk { deliver, policy, now, left_out: 0, letters: BTreeMap::new(), welcomed: HashMap::new() };
    for addressed in &deliver.addressed {
        if ticket.is_for(&addressed.reference) {
            desk.address(state, *addressed).map_err(Refusal::State)?;
        }
    }
    desk.finish(state, ticket)
}

/// What is put together for one part.
struct Desk<'a> {
    deliver: &'a Deliver,
    policy: &'a InboxPolicy,
    now: UnixMillis,
    left_out: usize,
    /// What each client gets.
    letters: BTreeMap<(UserTag, ClientId), Vec<Addressed>>,
    welcomed: HashMap<ReferenceKey, Welcomed>,
}

impl Desk<'_> {
    fn address<S: InboxState + ?Sized>(&mut self, state: &S, addressed: Addressed) -> Result<(), S::Error> {
        let Deliver { hub, delivery, cipher_suite, .. } = self.deliver;
        if self.welcomed.contains_key(&addressed.reference) {
            // A ref twice in one Welcome: only garbage has that.
            return Ok(());
        }
        match judge_reference(state, hub, &addressed.reference, Some(delivery), self.policy, self.now)? {
            Judged::Has => {}
            Judged::Later => self.left_out += 1,
            // Nobody will ever want it: its owner has joined, or it has expired, or taken as many as it takes meanwhile.
            Judged::Not(_) => {}
            // Nobody can open it (RFC 9420 §12.4.3.1).
            Judged::Takes(reference, _) if reference.stock.cipher_suite != *cipher_suite => {}
            Judged::Takes(reference, mut welcomed) => {
                let taken = Taken { hub: hub.clone(), delivery: *delivery, waits: true };
                welcomed.take(taken, reference.last_resort, self.policy);
                self.welcomed.insert(addressed.reference, welcomed);
                self.letters.entry((reference.stock.user, reference.stock.client)).or_default().push(addressed);
            }
        }
        Ok(())
    }

    fn finish<S: InboxState + ?Sized>(mut self, state: &S, ticket: Ticket) -> Result<Delivered, Refusal<S::Error>> {
        let mut transition = Transition::default();
        let mut shares = Shares::read(state, &self.deliver.hub).map_err(Refusal::State)?;
        self.put(state, &mut shares, &mut transition)?;
        if self.deliver.is_last && self.left_out == 0 {
            self.use_up(ticket, &mut shares, &mut transition);
        }
        shares.write(&self.deliver.hub, &mut transition);
        Ok(Delivered { left_out: self.left_out, transition })
    }

    fn use_up(&self, ticket: Ticket, shares: &mut Shares, transition: &mut Transition) {
        let key = self.deliver.ticket;
        transition.cleared_expiries.push(key.expiry(&ticket));
        if !shares.keep_used(self.policy) {
            shares.forget(&ticket);
            transition.inbox.tickets.push((key, None));
            return;
        }
        shares.close(&ticket);
        let used = Ticket {
            expires_ms: ticket.expires_ms.min(self.now.saturating_add(self.policy.used_ticket_ms)),
            references: Vec::new(),
            used_for: Some(self.deliver.delivery),
            ..ticket
        };
        transition.expiries.push(key.expiry(&used));
        transition.inbox.tickets.push((key, Some(used)));
    }

    fn put<S: InboxState + ?Sized>(
        &mut self,
        state: &S,
        shares: &mut Shares,
        transition: &mut Transition,
    ) -> Result<(), Refusal<S::Error>> {
        let Deliver { hub, delivery: key, content, .. } = self.deliver;
        let bytes = u32::try_from(content.len()).map_err(|_| Rejection::WelcomeRefused)?;
        let known = state.delivery(key).map_err(Refusal::State)?;
        let is_new = known.is_none();
        let mut delivery =
            known.unwrap_or_else(|| Delivery { hub: hub.clone(), arrived_ms: self.now, bytes, letters: 0 });
        let mut mailboxes: BTreeMap<UserTag, Mailbox> = BTreeMap::new();
        let mut letters = 0;
        for ((user, client), addressed) in std::mem::take(&mut self.letters) {
            let mailbox = match mailboxes.entry(user) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(state.mailbox(&user).map_err(Refusal::State)?.unwrap_or_default()),
            };
            if !has_place(mailbox, hub, bytes.into(), self.policy) {
                self.left_out += addressed.len();
                addressed.iter().for_each(|addressed| drop(self.welcomed.remove(&addressed.reference)));
                continue;
            }
            letters += 1;
            mailbox.add(hub, bytes.into());
            let letter_key = LetterKey { user, client, number: shares.next_number(self.now) };
            let expires_ms = self.now.saturating_add(self.policy.letter_ms);
            let letter = Letter { delivery: *key, addressed, expires_ms };
            transition.expiries.push(letter_key.expiry(&letter));
            transition.inbox.letters.push((letter_key, Some(letter)));
        }
        if letters == 0 {
            return Ok(());
        }
        let more = u64::from(letters) * HubShare::LETTER_BYTES + if is_new { u64::from(bytes) } else { 0 };
        if !shares.have_room(more, self.policy) {
            return Err(Rejection::InboxesFull.into());
        }
        shares.add(more);
        delivery.letters = delivery.letters.saturating_add(letters);
        let changes = &mut transition.inbox;
        changes.mailboxes.extend(mailboxes.into_iter().map(|(user, mailbox)| (user, mailbox.into_row())));
        changes.deliveries.push((*key, Some(delivery)));
        if is_new {
            changes.contents.push((*key, Some(content.clone())));
        }
        changes.welcomed.extend(self.welcomed.drain().map(|(reference, welcomed)| (reference, Some(welcomed))));
        Ok(())
    }
}
