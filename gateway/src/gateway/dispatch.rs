//! From an opened request to the sealed answer.
//!
//! # Security
//! Whatever is wrong from here on is said to the client alone, and in a size that its request decided. The order is:
//! well-formed, allowed, fresh, not seen before; only then the target is asked. The mark is made before that, so of two
//! copies one at most gets through, however close they come.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use tower::{Service, ServiceExt as _};

use super::Shared;
use crate::{
    binary::{self, BinaryRequest, Padded},
    budget::RelayIdentity,
    counters::Outcome,
    encapsulation::{EncapsulatedResponse, Opened},
    policy::SMALLEST_CLASS,
    problem::Problem,
    replay_window::{Replay, ReplayMark},
    target::{self, NotAllowed},
};

/// Answers one request. There is no way out of here but a sealed one.
pub(super) async fn dispatch<T>(
    shared: &Shared,
    target: T,
    relay: Option<RelayIdentity>,
    opened: Opened,
) -> EncapsulatedResponse
where
    T: Service<Request<Bytes>, Response = Response<Bytes>, Error = Infallible>,
{
    let (outcome, response, class) = match read(&opened) {
        Ok((mut request, expects_continue)) => {
            let class = (shared.response_class)(&request).max(SMALLEST_CLASS);
            let (outcome, response) = match admit(shared, &request, expects_continue, opened.digest()) {
                Ok(mark) => {
                    request.extensions_mut().insert(mark);
                    if let Some(relay) = relay {
                        request.extensions_mut().insert(relay);
                    }
                    ask(shared, target, request).await
                }
                Err(denial) => denial.answer(),
            };
            (outcome, response, class)
        }
        Err(denial) => {
            let (outcome, response) = denial.answer();
            (outcome, response, SMALLEST_CLASS)
        }
    };
    let padded = Padded::encode(response, class);
    let outcome = if padded.is_ok() { outcome } else { Outcome::AnswerTooLarge };
    shared.counters.count(outcome);
    let padded = padded
        .or_else(|_| Padded::encode(Problem::ANSWER_TOO_LARGE.response(), class))
        .unwrap_or_else(|_| Padded::bare(http::StatusCode::INTERNAL_SERVER_ERROR, class));
    opened.seal(padded)
}

/// Why the target is not asked.
struct Denial {
    outcome: Outcome,
    problem: Problem,
    advice: Advice,
}

/// What the client shall know beyond the problem.
enum Advice {
    None,
    /// The time.
    Dated {
        now_ms: u64,
    },
    /// When to come back.
    Later {
        seconds: u64,
    },
}

impl Denial {
    fn new(outcome: Outcome, problem: Problem) -> Self {
        Self { outcome, problem, advice: Advice::None }
    }

    fn dated(outcome: Outcome, problem: Problem, now_ms: u64) -> Self {
        Self { outcome, problem, advice: Advice::Dated { now_ms } }
    }

    /// A client is told how long to wait in whole minutes: what it may know is when to come back, and not since when
    /// marks are missing. After a clock that was ahead for long it asks again each hour.
    fn forgotten(for_ms: u64) -> Self {
        let seconds = for_ms.div_ceil(60_000).clamp(1, 60) * 60;
        Self { outcome: Outcome::Forgotten, problem: Problem::FORGOTTEN, advice: Advice::Later { seconds } }
    }

    fn answer(self) -> (Outcome, Response<Bytes>) {
        let response = match self.advice {
            Advice::None => self.problem.response(),
            Advice::Dated { now_ms } => self.problem.dated_response(now_ms),
            Advice::Later { seconds } => self.problem.later_response(seconds),
        };
        (self.outcome, response)
    }
}

fn read(opened: &Opened) -> Result<(Request<Bytes>, bool), Denial> {
    let malformed = || Denial::new(Outcome::Malformed, Problem::MALFORMED);
    let request = BinaryRequest::decode(opened.message()).map_err(|_| malformed())?;
    let expects_continue = request.expects_continue;
    Ok((target::into_http(request).ok_or_else(malformed)?, expects_continue))
}

/// Lets a request through once, or says why not.
fn admit(
    shared: &Shared,
    request: &Request<Bytes>,
    expects_continue: bool,
    digest: [u8; 32],
) -> Result<ReplayMark, Denial> {
    if expects_continue {
        return Err(Denial::new(Outcome::ExpectationInside, Problem::EXPECTATION));
    }
    shared.allowed.allow(request).map_err(|why| {
        let problem = match why {
            NotAllowed::Elsewhere => Problem::ELSEWHERE,
            NotAllowed::Path => Problem::NOT_FOUND,
            NotAllowed::Method => Problem::METHOD,
        };
        Denial::new(Outcome::NotAllowed, problem)
    })?;
    let now_ms = shared.surroundings.now_ms();
    let date_ms =
        binary::date_of(request.headers()).ok_or_else(|| Denial::dated(Outcome::NoDate, Problem::NO_DATE, now_ms))?;
    let window_ms = u64::try_from(shared.policy.date_window.as_millis()).unwrap_or(u64::MAX);
    if date_ms.abs_diff(now_ms) > window_ms {
        return Err(Denial::dated(Outcome::WrongDate, Problem::WRONG_DATE, now_ms));
    }
    // One past the last millisecond at which the date is in the window.
    let mark = ReplayMark { digest, expires_ms: date_ms.saturating_add(window_ms).saturating_add(1) };
    match shared.replays.admit(mark, now_ms) {
        Ok(()) => Ok(mark),
        Err(Replay::Seen) => Err(Denial::new(Outcome::Replayed, Problem::REPLAYED)),
        Err(Replay::Forgotten { for_ms }) => Err(Denial::forgotten(for_ms)),
        Err(Replay::TooOld) => Err(Denial::dated(Outcome::WrongDate, Problem::WRONG_DATE, now_ms)),
        Err(Replay::Full) => Err(Denial::new(Outcome::WindowFull, Problem::BUSY)),
    }
}

async fn ask<T>(shared: &Shared, target: T, request: Request<Bytes>) -> (Outcome, Response<Bytes>)
where
    T: Service<Request<Bytes>, Response = Response<Bytes>, Error = Infallible>,
{
    #[cfg(feature = "faults")]
    restante_faults::pass(restante_faults::Point::GatewayBeforeTarget);
    match tokio::time::timeout(shared.policy.target_timeout, target.oneshot(request)).await {
        Ok(Ok(response)) => (Outcome::Answered, response),
        Err(_) => (Outcome::TargetTimeout, Problem::TARGET_TIMEOUT.response()),
    }
}
