//! Bringing Welcomes to the providers of new members (draft §4.3): ask first, then hand over.
//!
//! What is learned is recorded before the next step is taken, so a process that ends anywhere goes on where it was, and
//! at worst does a step again, which changes nothing at the provider.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use restante_process::Stopwatch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::{
    Courier, DeliveryLimits,
    addressee::{Addressee, Fault},
    rounds,
};
use crate::{
    sequencer::Delivered,
    service::{Agenda, Errand, Error, Parcel},
    wire::{ServiceProviderId, WelcomeDecision, WelcomeInitRequest, WelcomePush},
};

/// After a failure on our side.
const PAUSE: Duration = Duration::from_secs(1);

/// Memory is lent in steps of so many bytes.
const STEP_BYTES: usize = 4 * 1024;

/// What is under way.
type Visits<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Errand> + Send + 'a>>>;

pub(super) struct Welcomes<'a> {
    courier: &'a Courier,
    limits: DeliveryLimits,
    /// In steps of [`STEP_BYTES`]: what Welcomes that are being handed over take.
    memory: Semaphore,
    /// The part of it that each provider may have which is being visited.
    shares: Mutex<HashMap<ServiceProviderId, Arc<Semaphore>>>,
    /// One at a time is read from the store.
    reading: Semaphore,
}

impl<'a> Welcomes<'a> {
    pub(super) fn new(courier: &'a Courier) -> Self {
        let limits = courier.limits;
        let memory = Semaphore::new(steps(limits.bytes_max).max(2));
        Self { courier, limits, memory, shares: Mutex::default(), reading: Semaphore::new(1) }
    }

    /// Makes rounds for ever.
    pub(super) async fn deliver(&self) {
        let mut visits = Visits::new();
        let mut under_way = HashSet::new();
        loop {
            let rest = self.set_out(&mut visits, &mut under_way).await;
            tokio::select! {
                Some(errand) = visits.next(), if !visits.is_empty() => {
                    under_way.remove(&errand);
                }
                () = rounds::rest(&self.courier.service.errands().welcomes, rest) => {}
            }
        }
    }

    /// Sets out with what is due and finds its place. How long it takes until something else is due.
    async fn set_out<'b>(&'b self, visits: &mut Visits<'b>, under_way: &mut HashSet<Errand>) -> Option<Duration> {
        let Agenda { due, rest } = match self.courier.service.welcomes_due(self.limits.each_provider).await {
            Ok(agenda) => agenda,
            Err(error) => {
                tracing::warn!(%error, "Welcomes wait for the next look");
                return None;
            }
        };
        for errand in choose(due, under_way, self.limits) {
            under_way.insert(errand.clone());
            visits.push(Box::pin(self.visit(errand)));
        }
        rest
    }

    async fn visit(&self, errand: Errand) -> Errand {
        let watch = Stopwatch::start_if(tracing::enabled!(tracing::Level::TRACE));
        match self.bring(&errand).await {
            Ok(outcome) => tracing::trace!(outcome, duration_us = watch.micros(), "visit with a Welcome"),
            Err(error) => {
                tracing::warn!(%error, "a Welcome stays where it is");
                // Nothing was recorded, so it is still due: not at once.
                tokio::time::sleep(PAUSE).await;
            }
        }
        errand
    }

    /// Takes what steps are left. What came of it, as the log says it.
    async fn bring(&self, errand: &Errand) -> Result<&'static str, Error> {
        let service = &self.courier.service;
        // Nothing of the Welcome stays in memory while the provider is asked, which may take as long as it likes.
        let Some(parcel) = self.read(errand).await? else { return Ok("nothing") };
        let bytes = parcel.bytes();
        let Parcel { key_package_refs, ticket, .. } = parcel;
        let addressee = Addressee::of(errand.provider(), service, &self.courier.providers);
        let ticket = match ticket {
            Some(ticket) => ticket,
            None => {
                #[cfg(feature = "faults")]
                restante_faults::pass(restante_faults::Point::OutboxBeforeQuestion);
                let outcome = ask(&addressee, WelcomeInitRequest { key_package_refs }).await;
                #[cfg(feature = "faults")]
                restante_faults::pass(restante_faults::Point::OutboxAfterAnswer);
                service.record_delivery(errand, outcome).await?;
                match outcome {
                    Delivered::Ticket(ticket) => ticket,
                    Delivered::NoneAccepted => return Ok("none_accepted"),
                    Delivered::Taken | Delivered::Failed { .. } => return Ok("not_answered"),
                }
            }
        };
        let _memory = self.lend(errand.provider(), bytes).await?;
        let Some(Parcel { welcome, ratchet_tree, .. }) = self.read(errand).await? else { return Ok("nothing") };
        let push = WelcomePush { welcome_ticket: ticket.to_vec(), welcome, ratchet_tree };
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::OutboxBeforeWelcome);
        match addressee.welcome(push).await {
            Ok(()) => {
                #[cfg(feature = "faults")]
                restante_faults::pass(restante_faults::Point::OutboxAfterWelcome);
                service.record_delivery(errand, Delivered::Taken).await?;
                Ok("taken")
            }
            Err(fault) => {
                service.record_delivery(errand, failed(fault)).await?;
                Ok(if fault.is_refusal { "refused" } else { "not_taken" })
            }
        }
    }

    /// What the provider is to get. One that cannot be read is put off like one that cannot be brought.
    async fn read(&self, errand: &Errand) -> Result<Option<Parcel>, Error> {
        let _reading = self.reading.acquire().await.map_err(|_| Error::ShuttingDown)?;
        match self.courier.service.parcel(errand).await {
            Ok(parcel) => Ok(parcel),
            Err(error) => {
                self.courier.service.record_delivery(errand, failed(Fault::UNKNOWN)).await?;
                Err(error)
            }
        }
    }

    /// The memory that a Welcome takes while it is handed over: as it is read, and as it is sent. The longest fits, alone;
    /// one provider has at most half of what there is, however long it takes to take what it is given.
    async fn lend(&self, provider: &ServiceProviderId, bytes: usize) -> Result<Lent<'_>, Error> {
        let all = steps(self.limits.bytes_max).max(2);
        let share = {
            let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody waits for are not kept: there are never more than visits.
            shares.retain(|_, share| Arc::strong_count(share) > 1);
            shares.entry(provider.clone()).or_insert_with(|| Arc::new(Semaphore::new(all / 2))).clone()
        };
        let wanted = u32::try_from(steps(bytes.saturating_mul(2)).clamp(1, all / 2)).unwrap_or(u32::MAX);
        let of_share = share.acquire_many_owned(wanted).await.map_err(|_| Error::ShuttingDown)?;
        let of_all = self.memory.acquire_many(wanted).await.map_err(|_| Error::ShuttingDown)?;
        Ok(Lent { _of_share: of_share, _of_all: of_all })
    }
}

/// Memory that is in use until this is dropped.
struct Lent<'a> {
    _of_share: OwnedSemaphorePermit,
    _of_all: SemaphorePermit<'a>,
}

fn steps(bytes: usize) -> usize {
    bytes.div_ceil(STEP_BYTES).min(Semaphore::MAX_PERMITS)
}

/// Of what is due, what may set out now. Providers with the fewest visits under way come first: one that is slow does not
/// stand in the way of the others.
fn choose(due: Vec<Errand>, under_way: &HashSet<Errand>, limits: DeliveryLimits) -> Vec<Errand> {
    let mut at: HashMap<ServiceProviderId, usize> = HashMap::new();
    for errand in under_way {
        *at.entry(errand.provider().clone()).or_default() += 1;
    }
    let mut ranked = Vec::new();
    for errand in due.into_iter().filter(|errand| !under_way.contains(errand)) {
        let visits = at.entry(errand.provider().clone()).or_default();
        if *visits < limits.each_provider {
            ranked.push((*visits, errand));
            *visits += 1;
        }
    }
    ranked.sort_by_key(|(visits, _)| *visits);
    let room = limits.at_once.saturating_sub(under_way.len());
    ranked.into_iter().take(room).map(|(_, errand)| errand).collect()
}

/// Asks for decisions.
pub(super) async fn ask(addressee: &Addressee, request: WelcomeInitRequest) -> Delivered {
    let asked = request.key_package_refs.len();
    let response = match addressee.welcome_init(request).await {
        Ok(response) => response,
        Err(fault) => return failed(fault),
    };
    // Whoever does not answer for each has not understood the question.
    let Some(ticket) = <[u8; 16]>::try_from(response.welcome_ticket).ok().filter(|_| response.decisions.len() == asked)
    else {
        return failed(Fault::UNKNOWN);
    };
    if response.decisions.contains(&WelcomeDecision::Accepted) {
        Delivered::Ticket(ticket)
    } else {
        Delivered::NoneAccepted
    }
}

pub(super) fn failed(fault: Fault) -> Delivered {
    let retry_after_ms = u64::try_from(fault.retry_after.as_millis()).unwrap_or(u64::MAX);
    Delivered::Failed { keeps_ticket: !fault.is_refusal, retry_after_ms }
}
