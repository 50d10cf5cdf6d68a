//! Requests of local users for groups of other hubs: handed on as they are, over mutual TLS.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::Instant;

use super::{
    Hub, Problem,
    body::Received,
    fields,
    hub_answer::{HubAnswer, HubPage},
    push_wait::{self, Waited},
    respond,
    shared_receives::{MadeBy, Outcome, Question, SharedReceive},
};
use crate::{
    client::http::{ChannelRequest, Operation},
    sequencer::GroupKey,
    service::{Found, UserId},
    wire::{GroupId, ProblemCode, ReceiveRequest, SendRequest, ServiceProviderId},
};

/// Forwards a send, byte for byte.
pub(super) async fn send(
    hub: &Hub,
    user: &UserId,
    id: &GroupId,
    request: &SendRequest,
    received: &Received,
) -> Result<Response, Problem> {
    hub.service.charge_user(user, received.bytes.len())?;
    let mut forwarded = ChannelRequest::new(Operation::Send, received.bytes.clone());
    forwarded.expect_commit = fields::expect_commit(&received.headers)?;
    let answer = call(hub, id, forwarded).await?;
    if answer.is_success() {
        hub.service.note_presentation(user, GroupKey::of(id.as_bytes()), request.partition_key.masked());
    }
    Ok(answer.into_response())
}

/// Hands a request to the hub that the group id names.
pub(super) async fn call(hub: &Hub, id: &GroupId, request: ChannelRequest) -> Result<HubAnswer, Problem> {
    hub.upstream.call(&hub.service, id.hub(), request).await
}

/// How long a hub may take to say how things stand when this provider shuts down.
const PARTING: Duration = Duration::from_secs(5);

/// Waits are told in whole seconds, and an answer is a little longer on its way than the wait.
const SECOND: Duration = Duration::from_secs(1);

/// Forwards a receive and filters the hints for the user. Equal ones share a request.
pub(super) async fn receive(
    hub: &Arc<Hub>,
    user: &UserId,
    id: &GroupId,
    request: &ReceiveRequest,
    received: Received,
) -> Result<Response, Problem> {
    let (group, partition) = (GroupKey::of(id.as_bytes()), request.partition_key.masked());
    let wait = fields::wait(&received.headers).min(hub.service.longest_wait());
    // A copy: as it came it would keep what else was read from the socket with it, and the memory that all bodies share.
    let body = Bytes::copy_from_slice(&received.bytes);
    drop(received);
    let asking = Asking {
        hub,
        id,
        request: ChannelRequest::new(Operation::Receive, body),
        question: Question { group, partition, counter: request.counter, waits: true },
    };
    let page = match push_wait::wait(&asking, user, &request.partition_key, wait).await {
        Ok(Waited::Here(answer)) => return respond::received(*answer),
        Ok(Waited::AtHub(page)) if !page.is_unavailable() => page,
        Err(problem) if problem.code != ProblemCode::Unavailable => return Err(problem),
        // The hub does not say how things stand. What it has pushed stands as it was.
        silence => {
            if let Some(answer) = hub.service.kept_for(user, (group, partition), request.counter).await? {
                return respond::received(answer);
            }
            match silence? {
                Waited::Here(answer) => return respond::received(*answer),
                Waited::AtHub(page) => page,
            }
        }
    };
    let hinted = page.hinted();
    if !page.is_success() || (hinted.is_empty() && page.found() == Found::Nothing) {
        return page.respond(&[]);
    }
    let entitled = hub.service.entitlements(user, group, partition, hinted, page.found()).await?;
    page.respond(&entitled)
}

/// One user's receive on its way to the hub.
pub(super) struct Asking<'a> {
    pub(super) hub: &'a Arc<Hub>,
    pub(super) id: &'a GroupId,
    request: ChannelRequest,
    pub(super) question: Question,
}

impl Asking<'_> {
    /// Waits for messages for so long. A request that somebody else made before may end sooner, with nothing: then it is
    /// asked again.
    pub(super) async fn wait(&self, wait: Duration) -> Outcome {
        let until = Instant::now() + wait;
        let mut nothing = None;
        loop {
            let rest = whole_seconds_until(until);
            if rest.is_zero() || self.hub.is_draining() {
                return self.ask(Duration::ZERO).0.await;
            }
            let (answer, made_by) = self.ask(rest);
            tokio::select! {
                outcome = answer => {
                    let is_over = made_by == MadeBy::Asker || whole_seconds_until(until).is_zero();
                    match outcome {
                        Ok(page) if !is_over && page.is_success() && page.found() == Found::Nothing => nothing = Some(page),
                        // A hub that ends its waits and then itself has answered.
                        Ok(page) if page.is_success() => return Ok(page),
                        refusal => return nothing.map_or(refusal, Ok),
                    }
                }
                // Somebody else's wait, which this one has joined, is longer. Only the hub knows how things stand now.
                () = tokio::time::sleep_until(until + SECOND) => return self.ask(Duration::ZERO).0.await,
                // When this provider shuts down, waiting receives are answered at once.
                () = self.hub.service.waiting_ends() => {
                    let parting = tokio::time::timeout(PARTING, self.ask(Duration::ZERO).0).await;
                    return parting.unwrap_or_else(|_| Err(Problem::unavailable()));
                }
            }
        }
    }

    /// Asks the hub, or joins whoever does.
    pub(super) fn ask(&self, wait: Duration) -> (SharedReceive, MadeBy) {
        let question = Question { waits: !wait.is_zero(), ..self.question };
        self.hub.upstream.receives.join(question, || {
            let (hub, provider) = (self.hub.clone(), self.id.hub().clone());
            let request = ChannelRequest { wait, ..self.request.clone() };
            ask(hub, provider, request).boxed()
        })
    }
}

/// The rest of a wait, as hubs are told it.
pub(super) fn whole_seconds_until(until: Instant) -> Duration {
    let rest = until.saturating_duration_since(Instant::now());
    Duration::from_secs((rest + SECOND / 2).as_secs())
}

async fn ask(hub: Arc<Hub>, provider: ServiceProviderId, request: ChannelRequest) -> Outcome {
    let page = HubPage::read(hub.upstream.call(&hub.service, &provider, request.clone()).await?)?;
    if !page.is_hurried() || !page.is_success() || page.found() == Found::Messages {
        return Ok(Arc::new(page));
    }
    // The hub is back: now it may take its time.
    let answer = hub.upstream.call(&hub.service, &provider, request).await?;
    HubPage::read(answer).map(Arc::new)
}
