//! What is asked of a database's server.

use std::{
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use restante::wire::encode;

use super::database::{Database, SERVICE_TOKEN};
use crate::{
    load::{Target, http_answer},
    traffic::{self, MESSAGE_BYTES, Place, Random},
    written::local_request,
};

/// Operations that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Sends to the newest partition of a group, of all groups of the upper half.
    Send,
    /// The same of sixteen groups, which are at hand.
    SendToFew,
    /// Receives all of the newest partition of a group, of all groups of the lower half, to which nothing is sent.
    ReceiveNewest,
    /// The same of sixteen groups.
    ReceiveOfFew,
    /// Receives all of any other partition.
    ReceiveOld,
}

impl Operation {
    pub(crate) const ALL: [Self; 5] =
        [Self::ReceiveOld, Self::ReceiveNewest, Self::ReceiveOfFew, Self::Send, Self::SendToFew];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::SendToFew => "send to 16",
            Self::ReceiveNewest => "receive newest",
            Self::ReceiveOfFew => "receive of 16",
            Self::ReceiveOld => "receive old",
        }
    }

    pub(crate) fn is_durable(self) -> bool {
        matches!(self, Self::Send | Self::SendToFew)
    }
}

/// Groups that are asked for all the time.
const FEW: usize = 16;

/// Messages of different rows must not meet: a repeated one would be answered without a write.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Requests for an operation, at places that nobody could foresee.
pub(crate) fn target(database: &Rc<Database>, operation: Operation) -> Target {
    let (database, run) = (database.clone(), Random::new(NUMBER.fetch_add(1, Ordering::Relaxed)).next());
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let run = run ^ u64::try_from(since.as_nanos() % u128::from(u64::MAX)).unwrap();
    let request = move |number: u64, out: &mut Vec<u8>| {
        let mut random = Random::new(run.wrapping_add(number));
        let size = database.size;
        let half = size.groups / 2;
        let last = size.epochs - 1;
        let (group, epoch) = match operation {
            Operation::Send => (half + random.below(size.groups - half), last),
            Operation::SendToFew => (half + random.below(FEW.min(size.groups - half)), last),
            Operation::ReceiveNewest => (random.below(half), last),
            Operation::ReceiveOfFew => (random.below(FEW.min(half)), last),
            Operation::ReceiveOld => (random.below(half), random.below(last)),
        };
        let id = &database.ids[group];
        let place = Place { group: u64::try_from(group).unwrap(), epoch: u64::try_from(epoch).unwrap() };
        let (path, body) = match operation {
            Operation::Send | Operation::SendToFew => {
                ("/v1/send", encode(&traffic::application(id, place, random.next())).unwrap())
            }
            Operation::ReceiveNewest | Operation::ReceiveOfFew | Operation::ReceiveOld => {
                ("/v1/receive", encode(&traffic::receive(id, place, 0)).unwrap())
            }
        };
        local_request(SERVICE_TOKEN, path, &body, out);
    };
    let answer = if operation.is_durable() { http_answer } else { page };
    Target { request: Rc::new(request), answer }
}

/// The end of a page with messages.
fn page(bytes: &[u8]) -> Option<usize> {
    let end = http_answer(bytes)?;
    assert!(end > MESSAGE_BYTES, "there is something in every partition that is asked for");
    Some(end)
}
