//! Taking Welcomes from hubs (draft §4.3): decisions first, then the Welcome itself.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{
    Error, Service,
    pool_desk::{PoolOutcome, PoolTask},
    pool_view::PoolView,
};
use crate::{
    mls::{WireRatchetTree, WireWelcome},
    pool::{self, Addressed, Deliver, DeliveryKey, Issue, ReferenceKey, Rejection, State, TicketKey},
    sequencer::SizeLimit,
    store::{self, Snapshot},
    wire::{
        DecodeError, KeyPackageRef, Sanction, ServiceProviderId, WelcomeDecision, WelcomeInitRequest,
        WelcomeInitResponse, WelcomePush, encode,
    },
};

/// How many entries of a Welcome are taken in one write: some milliseconds' worth of reading.
const PART: usize = 256;

/// Questions about more KeyPackages are answered where waiting for a disk keeps nobody else waiting.
const AT_HAND_MAX: usize = 32;

impl Service {
    /// Says for which of these KeyPackages a Welcome from that hub is taken. Nothing is taken up but the ticket.
    ///
    /// # Privacy
    /// That a KeyPackage is known here, expired or used up, is told to whoever has its KeyPackageRef and is a peer.
    ///
    /// # Errors
    /// [`Error::RepeatedReference`]; [`Rejection::InboxesFull`], [`Rejection::TooManyTickets`] and [`Error::Overloaded`]
    /// when the hub has to come later, and [`Error::TooFast`]; the store's.
    pub async fn welcome_init(
        self: &Arc<Self>,
        from: &ServiceProviderId,
        request: WelcomeInitRequest,
    ) -> Result<WelcomeInitResponse, Error> {
        let references = request.key_package_refs;
        let mut seen = HashSet::with_capacity(references.len());
        if !references.iter().all(|reference| seen.insert(reference)) {
            return Err(Error::RepeatedReference);
        }
        drop(seen);
        let turn = self.welcome_turns.take(from).await?;
        let (decided, has_room) = self.decisions(from, references).await?;
        drop(turn);
        let mut ticket = [0; 16];
        self.entropy.fill(&mut ticket)?;
        let accepted = decided.iter().filter(|(_, decision)| *decision == WelcomeDecision::Accepted);
        let references: Vec<_> = accepted.map(|(reference, _)| *reference).collect();
        tracing::trace!(asked = decided.len(), accepted = references.len(), "decisions about a Welcome");
        if !references.is_empty() {
            if !has_room {
                return Err(Error::PoolRejected(Rejection::InboxesFull));
            }
            self.charge_hub(from, 0)?;
            let issue = Issue { ticket: TicketKey::of(&ticket), hub: from.clone(), references };
            self.lanes.submit_pool(PoolTask::Issue(issue)).await?;
        }
        let decisions = decided.into_iter().map(|(_, decision)| decision).collect();
        Ok(WelcomeInitResponse { welcome_ticket: ticket.to_vec(), decisions })
    }

    /// Takes a Welcome for those for whom the ticket says that it is accepted, once however often it comes.
    ///
    /// # Errors
    /// [`Rejection::WelcomeRefused`]: the hub may ask for decisions again. [`Rejection::InboxFull`]: somebody has no room
    /// for it now; everybody else has it. [`Rejection::InboxesFull`]; [`Error::TooFast`]; [`crate::sequencer::Rejection::TooLarge`];
    /// any other when its fate is unknown. After each of them delivering again is safe.
    pub async fn welcome(self: &Arc<Self>, from: &ServiceProviderId, push: WelcomePush) -> Result<(), Error> {
        let WelcomePush { welcome_ticket, welcome, ratchet_tree } = push;
        self.check_sizes(&welcome, ratchet_tree.as_ref())?;
        let (ticket, cipher_suite) = (TicketKey::of(&welcome_ticket), welcome.cipher_suite());
        let hub = from.clone();
        // A tree of megabytes takes a while to hash.
        let (delivery, content, addressed) = tokio::task::spawn_blocking(move || {
            let addressed = addressed(&welcome);
            let content = Bytes::from(encode(&Content { welcome, ratchet_tree })?);
            Ok::<_, DecodeError>((DeliveryKey::of(&hub, &content), content, addressed))
        })
        .await
        .map_err(|_| Error::NoThread)?
        .map_err(|_| Error::PoolRejected(Rejection::WelcomeRefused))?;
        let addressed = self.accepted(from, ticket, delivery, addressed).await?;
        if !addressed.is_empty() {
            self.charge_hub(from, content.len())?;
        }
        let mut left_out = 0;
        let parts = addressed.len().div_ceil(PART);
        for (number, part) in addressed.chunks(PART).enumerate() {
            let deliver = Deliver {
                ticket,
                hub: from.clone(),
                cipher_suite,
                delivery,
                content: content.clone(),
                addressed: part.to_vec(),
                is_last: number + 1 == parts && left_out == 0,
            };
            match self.lanes.submit_pool(PoolTask::Deliver(deliver)).await? {
                PoolOutcome::Delivered(more) => left_out += more,
                PoolOutcome::Fetched(_)
                | PoolOutcome::Minted(_)
                | PoolOutcome::Revoked(_)
                | PoolOutcome::Arranged(_)
                | PoolOutcome::Done => return Err(Error::ShuttingDown),
            }
        }
        tracing::trace!(addressed = addressed.len(), left_out, "Welcome taken");
        if left_out > 0 {
            return Err(Error::PoolRejected(Rejection::InboxFull));
        }
        Ok(())
    }

    /// What another hub has written here, it pays for: it may do so for ever. Our own users' Welcomes were charged when
    /// they were submitted.
    fn charge_hub(&self, hub: &ServiceProviderId, bytes: usize) -> Result<(), Error> {
        if *hub == self.provider { Ok(()) } else { self.rates.charge_welcome(hub, bytes, self.now()) }
    }

    fn check_sizes(&self, welcome: &WireWelcome, tree: Option<&WireRatchetTree>) -> Result<(), Error> {
        let sizes = self.policy().sizes;
        let too_large = |limit| Error::Rejected(crate::sequencer::Rejection::TooLarge(limit));
        if welcome.bytes().len() > sizes.welcome {
            return Err(too_large(SizeLimit::Welcome(sizes.welcome)));
        }
        if tree.is_some_and(|tree| tree.bytes().len() > sizes.group_info) {
            return Err(too_large(SizeLimit::GroupInfo(sizes.group_info)));
        }
        Ok(())
    }

    /// One decision for each, and whether there is room at all. Read from a snapshot, on no lane: a hub may ask about a
    /// hundred thousand.
    async fn decisions(
        self: &Arc<Self>,
        from: &ServiceProviderId,
        references: Vec<KeyPackageRef>,
    ) -> Result<(Vec<(ReferenceKey, WelcomeDecision)>, bool), Error> {
        let (hub, policy, now) = (from.clone(), self.pool_policy(), self.now());
        let (own, bans) = (self.provider.clone(), self.policy().bans.clone());
        let is_short = references.len() <= AT_HAND_MAX;
        let decisions = move |snapshot: &dyn Snapshot| {
            let view = PoolView::new(&[], snapshot);
            let decide = |reference: &KeyPackageRef| {
                let key = ReferenceKey::of(&reference.0);
                let decision = pool::judge(&view, &hub, &key, &policy.inbox, now)?;
                // Nobody who is banned here is added anywhere.
                let is_banned = decision == WelcomeDecision::Accepted
                    && bans.users_of(&own) > 0
                    && view.reference(&key)?.is_some_and(|reference| {
                        bans.sanction_of(&own, reference.stock.user) == Some(Sanction::Banned)
                    });
                Ok((key, if is_banned { WelcomeDecision::Refused } else { decision }))
            };
            let decided = references.iter().map(decide).collect::<Result<_, store::Error>>()?;
            Ok((decided, pool::has_room(&view, &hub, &policy.inbox)?))
        };
        if is_short {
            return self.snapshot_read(decisions).await;
        }
        self.read_elsewhere(move |snapshot| decisions(snapshot).map_err(Error::Store)).await
    }

    /// Those whom the ticket is for. Whoever has no good ticket gets no further, and costs the lane nothing.
    async fn accepted(
        self: &Arc<Self>,
        from: &ServiceProviderId,
        key: TicketKey,
        delivery: DeliveryKey,
        addressed: Vec<Addressed>,
    ) -> Result<Vec<Addressed>, Error> {
        let (hub, now) = (from.clone(), self.now());
        let ticket = self.snapshot_read(move |snapshot| snapshot.ticket(&key)).await?;
        let Some(ticket) = ticket.filter(|ticket| ticket.is_good(&hub, &delivery, now)) else {
            return Err(Error::PoolRejected(Rejection::WelcomeRefused));
        };
        if ticket.used_for.is_some() {
            return Ok(Vec::new());
        }
        let accepted: Vec<_> = addressed.into_iter().filter(|addressed| ticket.is_for(&addressed.reference)).collect();
        if accepted.is_empty() {
            return Err(Error::PoolRejected(Rejection::WelcomeRefused));
        }
        Ok(accepted)
    }
}

/// What is kept of a delivery: `struct { MLSMessage welcome; optional<RatchetTree> ratchet_tree; }`.
#[derive(MlsSize, MlsEncode, MlsDecode)]
pub(super) struct Content {
    pub(super) welcome: WireWelcome,
    pub(super) ratchet_tree: Option<WireRatchetTree>,
}

fn addressed(welcome: &WireWelcome) -> Vec<Addressed> {
    let references = welcome.key_package_refs().map(ReferenceKey::of);
    (0..).zip(references).map(|(place, reference)| Addressed { place, reference }).collect()
}
