//! A local user's wait for messages of another hub that may push them: here while that works, and at the hub otherwise.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::Instant;

use super::{
    Problem,
    forward::{Asking, whole_seconds_until},
    hub_answer::HubPage,
};
use crate::{
    client::http::{ChannelRequest, Operation},
    service::{Answer, Found, Step, Subscribing, UserId},
    wire::{PartitionKey, SubscribeRequest, SubscribeResponse, decode, encode},
};

/// How often one wait looks what to do next: some of its steps end at once.
const STEPS_MAX: usize = 32;

/// Where the answer came from.
pub(super) enum Waited {
    /// From what the hub had pushed.
    Here(Box<Answer>),
    /// From the hub.
    AtHub(Arc<HubPage>),
}

/// Waits for so long. `key` is what the user presented.
pub(super) async fn wait(
    asking: &Asking<'_>,
    user: &UserId,
    key: &PartitionKey,
    wait: Duration,
) -> Result<Waited, Problem> {
    let service = &asking.hub.service;
    let (place, counter) = ((asking.question.group, asking.question.partition), asking.question.counter);
    let until = Instant::now() + wait;
    for _step in 0..STEPS_MAX {
        let rest = whole_seconds_until(until);
        if rest.is_zero() || asking.hub.is_draining() {
            break;
        }
        // What fails here is this provider's own. The hub can be waited at all the same.
        match service.next_step(user, asking.id.hub(), place, counter).await.unwrap_or(Step::Pull) {
            Step::Serve(answer) => return Ok(Waited::Here(answer)),
            Step::Subscribe(subscribing) => {
                if subscribe(asking, key, subscribing).boxed().await == Asked::InVain {
                    return Ok(take(asking, asking.wait(rest).await?).await);
                }
            }
            Step::AwaitPush(longest) => {
                if service.await_push(place, counter, longest.min(rest)).await.is_err() {
                    return Ok(take(asking, asking.wait(rest).await?).await);
                }
            }
            Step::Look => {
                let page = asking.ask(Duration::ZERO).0.await?;
                if !page.is_success() || page.found() == Found::Messages {
                    return Ok(take(asking, page).await);
                }
                service.hub_had_nothing(place);
            }
            Step::Pull => return Ok(take(asking, asking.wait(rest).await?).await),
        }
    }
    Ok(take(asking, asking.wait(Duration::ZERO).await?).await)
}

/// An answer of the hub: what is in it is to be pushed as well, if anything is.
async fn take(asking: &Asking<'_>, page: Arc<HubPage>) -> Waited {
    if page.is_success()
        && page.found() == Found::Messages
        && let Some((first_index, next_index)) = page.indexes()
    {
        let place = (asking.question.group, asking.question.partition);
        asking.hub.service.hub_had_messages(place, first_index, next_index).await;
    }
    Waited::AtHub(page)
}

/// Whether the hub said something to a request for pushes, and it is written down.
#[derive(PartialEq, Eq)]
enum Asked {
    Answered,
    InVain,
}

/// Asks the hub to push. If it will not, the wait goes on there.
async fn subscribe(asking: &Asking<'_>, key: &PartitionKey, subscribing: Subscribing) -> Asked {
    let request = SubscribeRequest {
        group_id: asking.id.as_bytes().to_vec(),
        partition_key: key.clone(),
        from_counter: subscribing.from,
        ttl_seconds: subscribing.ttl_seconds,
    };
    let Ok(body) = encode(&request) else { return Asked::InVain };
    let request = ChannelRequest::new(Operation::Subscribe, body.into());
    // A hub that was not reached, or cannot do it now, has refused nothing: the next wait asks it again.
    let answer = match asking.hub.upstream.call(&asking.hub.service, asking.id.hub(), request).await {
        Ok(answer) if !answer.is_unavailable() => answer,
        Ok(_) | Err(_) => return Asked::InVain,
    };
    let granted = answer.is_success().then(|| decode::<SubscribeResponse>(answer.body()).ok()).flatten();
    match subscribing.ended(granted.map(|granted| granted.ttl_seconds)).await {
        Ok(()) => Asked::Answered,
        Err(_) => Asked::InVain,
    }
}
