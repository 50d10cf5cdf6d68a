//! The model hub behind a channel, with faults on the way.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::hub::ModelHub;
use crate::{
    client::{
        ExpectCommit, Pace, ProblemCode,
        http::{Channel, ChannelError, ChannelRequest, ChannelResponse, Operation},
    },
    wire::{self, MEDIA_TYPE},
};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Nothing: it is another request's turn.
    Nothing,
    /// It does not arrive.
    RequestLost,
    /// It arrives; the answer does not.
    ResponseLost,
    /// The hub refuses it.
    Refused(ProblemCode),
    /// The answer never comes, and nobody says so.
    Silence,
}

/// A request as it was sent.
pub(super) type Sent = (Operation, Option<ExpectCommit>, Bytes);

/// A way to the model hub. Clones share hub and log, not faults.
#[derive(Clone)]
pub(super) struct ModelChannel {
    pub(super) hub: Arc<Mutex<ModelHub>>,
    pub(super) faults: Arc<Mutex<VecDeque<Fault>>>,
    /// What was sent, reads left out.
    pub(super) log: Arc<Mutex<Vec<Sent>>>,
}

impl ModelChannel {
    pub(super) fn new(hub: ModelHub) -> Self {
        Self { hub: Arc::new(Mutex::new(hub)), faults: Arc::default(), log: Arc::default() }
    }

    /// Another way to the same hub, without faults and with its own log.
    pub(super) fn another(&self) -> Self {
        Self { faults: Arc::default(), log: Arc::default(), ..self.clone() }
    }

    /// Faults for the next sends, in order.
    pub(super) fn fail(&self, faults: &[Fault]) {
        self.faults.lock().unwrap().extend(faults);
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.log.lock().unwrap().clone()
    }

    fn answer(&self, request: &ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        let mut hub = self.hub.lock().unwrap();
        if request.operation == Operation::Send {
            return match hub.send(&wire::decode(&request.body).unwrap(), request.expect_commit) {
                Ok(response) => Ok(success(wire::encode(&response).unwrap(), HeaderMap::new())),
                Err(code) => Ok(refusal(code)),
            };
        }
        if matches!(request.operation, Operation::LeaveGroup | Operation::Report) {
            return Ok(success(Vec::new(), HeaderMap::new()));
        }
        if request.operation == Operation::ExternalJoin {
            return match hub.join(wire::decode(&request.body).unwrap()) {
                Ok(response) => Ok(success(wire::encode(&response).unwrap(), HeaderMap::new())),
                Err(code) => Ok(refusal(code)),
            };
        }
        if request.operation == Operation::GroupInfo {
            let Some((published, partition)) = &hub.published else { return Ok(refusal(ProblemCode::NoGroupInfo)) };
            let mut headers = HeaderMap::new();
            headers.insert("ds-partition", format!(":{}:", STANDARD.encode(partition.as_bytes())).parse().unwrap());
            return Ok(success(wire::encode(published).unwrap(), headers));
        }
        assert_eq!(request.operation, Operation::Receive, "nobody asked for that");
        let received = hub.receive(&wire::decode(&request.body).unwrap());
        let mut headers = HeaderMap::new();
        headers.insert("ds-first-index", received.first_index.unwrap().into());
        headers.insert("ds-next-index", received.next_index.unwrap().into());
        if received.more {
            headers.insert("ds-more", "?1".parse().unwrap());
        }
        Ok(success(wire::encode(&received.response).unwrap(), headers))
    }
}

impl Channel for ModelChannel {
    async fn post(&self, request: ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        if request.operation == Operation::Receive {
            return self.answer(&request);
        }
        self.log.lock().unwrap().push((request.operation, request.expect_commit, request.body.clone()));
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            None | Some(Fault::Nothing) => self.answer(&request),
            Some(Fault::RequestLost) => Err(ChannelError::Connect),
            Some(Fault::ResponseLost) => self.answer(&request).and(Err(ChannelError::Timeout)),
            Some(Fault::Refused(code)) => Ok(refusal(code)),
            Some(Fault::Silence) => {
                self.answer(&request)?;
                std::future::pending().await
            }
        }
    }
}

fn success(body: Vec<u8>, mut headers: HeaderMap) -> ChannelResponse {
    headers.insert("content-type", MEDIA_TYPE.parse().unwrap());
    ChannelResponse { status: StatusCode::OK, headers, body: body.into() }
}

fn refusal(code: ProblemCode) -> ChannelResponse {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/problem+json".parse().unwrap());
    if code == ProblemCode::RateLimited {
        headers.insert("retry-after", "20".parse().unwrap());
    }
    let body = format!(r#"{{"type":"{}"}}"#, code.urn()).into();
    ChannelResponse { status: StatusCode::from_u16(code.status()).unwrap(), headers, body }
}

/// Time that passes at once and is written down.
#[derive(Clone, Default)]
pub(super) struct ModelPace(pub(super) Arc<Mutex<Vec<Duration>>>);

impl Pace for ModelPace {
    async fn sleep(&mut self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }

    fn random(&mut self) -> u64 {
        0
    }
}
