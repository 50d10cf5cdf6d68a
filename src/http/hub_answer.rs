//! An answer of another hub, as all who asked for it share it.

use std::ops::Range;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mls_rs_codec::{MlsDecode, MlsEncode, VarInt};

use super::{Problem, chunks::Chunks, fields};
use crate::{
    client::http::{ChannelResponse, PROBLEM_MEDIA_TYPE},
    service::{Found, Lent},
    wire::{Epoch, HintedEpoch, MEDIA_TYPE, MaskedPartitionKey, ProblemCode},
};

/// How many hinted epochs of one answer are looked at. A hint saves a request, and hubs give few: what is behind these
/// is passed over.
const HINTS_MAX: usize = 64;

/// The longest problem document that is handed on: clients read no longer ones.
const PROBLEM_BYTES_MAX: usize = 16 * 1024;

/// Fields of a hub's answer that mean something to who asked. All others stay behind.
const FIELDS: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::RETRY_AFTER,
    fields::FIRST_INDEX,
    fields::NEXT_INDEX,
    fields::MORE,
    fields::RESTORED,
    fields::PARTITION,
];

/// Status, fields and content. Cloning is cheap: the content is there once, with the memory that it was lent.
#[derive(Clone)]
pub(super) struct HubAnswer {
    status: StatusCode,
    fields: HeaderMap,
    body: Bytes,
    is_hurried: bool,
}

impl HubAnswer {
    /// Takes what came from a hub.
    ///
    /// # Errors
    /// When it did not come from a delivery service, or speaks of this provider and not of what its user wants.
    pub(super) fn new(answer: ChannelResponse, lent: Option<Lent>) -> Result<Self, Problem> {
        let expected = if answer.status.is_success() { MEDIA_TYPE } else { PROBLEM_MEDIA_TYPE };
        let essence = |value: &HeaderValue| {
            value.to_str().is_ok_and(|value| value.split(';').next().is_some_and(|essence| essence.trim() == expected))
        };
        if !answer.headers.get(header::CONTENT_TYPE).is_some_and(essence) {
            return Err(Problem::hub_unavailable());
        }
        if !answer.status.is_success() {
            if answer.body.len() > PROBLEM_BYTES_MAX {
                return Err(Problem::hub_unavailable());
            }
            // On the local listener these would speak of the service's token, or of its certificate.
            if let Some(ProblemCode::Unauthorized | ProblemCode::NotAPeer) = code(&answer.body) {
                return Err(Problem::hub_refuses());
            }
        }
        let mut kept = HeaderMap::new();
        for name in FIELDS {
            if let Some(value) = answer.headers.get(&name) {
                kept.insert(name, value.clone());
            }
        }
        let body = Bytes::from_owner(Lasting { bytes: answer.body, _lent: lent });
        Ok(Self { status: answer.status, fields: kept, body, is_hurried: false })
    }

    /// Whether it came from a hub that was asked not to wait, though somebody wanted to.
    pub(super) fn hurried(self, is_hurried: bool) -> Self {
        Self { is_hurried, ..self }
    }

    pub(super) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// Whether the hub can do nothing at the moment, or nothing more for this provider.
    pub(super) fn is_unavailable(&self) -> bool {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    }

    /// The content.
    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// The answer as it came.
    pub(super) fn into_response(self) -> Response {
        (self.status, self.fields, Body::from(self.body)).into_response()
    }
}

/// What a problem document says that it is, if it is one of ours.
fn code(document: &[u8]) -> Option<ProblemCode> {
    #[derive(serde::Deserialize)]
    struct Document {
        r#type: String,
    }
    serde_json::from_slice(document).ok().and_then(|Document { r#type }| ProblemCode::from_urn(&r#type))
}

/// Content, and the memory that it was lent, until nobody has it any more.
struct Lasting {
    bytes: Bytes,
    _lent: Option<Lent>,
}

impl AsRef<[u8]> for Lasting {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The answer to a receive: what every user gets of it, and where the hints stand that not everyone does.
pub(super) struct HubPage {
    answer: HubAnswer,
    /// Where `epoch` ends; nothing else is in an answer that is a refusal.
    epoch_end: usize,
    found: Found,
    hints: Vec<(MaskedPartitionKey, Range<usize>)>,
}

impl HubPage {
    /// Reads the answer, all of it.
    ///
    /// # Errors
    /// When it is a success and no `ReceiveResponse`.
    pub(super) fn read(answer: HubAnswer) -> Result<Self, Problem> {
        if !answer.is_success() {
            let epoch_end = answer.body.len();
            return Ok(Self { answer, epoch_end, found: Found::Nothing, hints: Vec::new() });
        }
        let (epoch_end, found, hints) = layout(&answer.body).map_err(|_| Problem::hub_unavailable())?;
        Ok(Self { answer, epoch_end, found, hints })
    }

    /// Whether it is a success.
    pub(super) fn is_success(&self) -> bool {
        self.answer.is_success()
    }

    /// As [`HubAnswer::hurried`] says.
    pub(super) fn is_hurried(&self) -> bool {
        self.answer.is_hurried
    }

    /// Whether the hub can do nothing at the moment, or nothing more for this provider.
    pub(super) fn is_unavailable(&self) -> bool {
        self.answer.is_unavailable()
    }

    /// The index of its first message and the counter to ask with next, if the hub said so.
    pub(super) fn indexes(&self) -> Option<(u32, u32)> {
        let index = |name| self.answer.fields.get(name)?.to_str().ok()?.parse().ok();
        Some((index(&fields::FIRST_INDEX)?, index(&fields::NEXT_INDEX)?))
    }

    /// Whether there are messages of the partition that was asked for.
    pub(super) fn found(&self) -> Found {
        self.found
    }

    /// The hinted partitions, in order.
    pub(super) fn hinted(&self) -> Vec<MaskedPartitionKey> {
        self.hints.iter().map(|(key, _)| *key).collect()
    }

    /// The answer with those of the hints that the user may be given, one word for each of [`HubPage::hinted`].
    pub(super) fn respond(&self, entitled: &[bool]) -> Result<Response, Problem> {
        let answer = self.answer.clone();
        let given = self.hints.iter().zip(entitled).filter(|(_, entitled)| **entitled);
        let given: Vec<_> = given.map(|((_, range), _)| answer.body.slice(range.clone())).collect();
        let of_all = answer.body.len() - self.epoch_end;
        let length =
            VarInt::try_from(given.iter().map(Bytes::len).sum::<usize>()).map_err(|_| Problem::unavailable())?;
        let length = length.mls_encode_to_vec().map_err(|_| Problem::unavailable())?;
        if !answer.is_success() || length.len() + given.iter().map(Bytes::len).sum::<usize>() == of_all {
            return Ok(answer.into_response());
        }
        let epoch = answer.body.slice(..self.epoch_end);
        let body = Chunks::body([epoch, length.into()].into_iter().chain(given));
        Ok((answer.status, answer.fields, body).into_response())
    }
}

type Layout = (usize, Found, Vec<(MaskedPartitionKey, Range<usize>)>);

/// Where the parts of a `ReceiveResponse` stand. One part at a time is decoded, and forgotten again.
fn layout(body: &[u8]) -> Result<Layout, mls_rs_codec::Error> {
    let mut rest = body;
    let epoch = Epoch::mls_decode(&mut rest)?;
    let found = if epoch.messages.is_empty() { Found::Nothing } else { Found::Messages };
    drop(epoch);
    let epoch_end = body.len() - rest.len();
    let length = VarInt::mls_decode(&mut rest)?;
    if u32::try_from(rest.len()).ok() != Some(length.into()) {
        return Err(mls_rs_codec::Error::UnexpectedEOF);
    }
    let mut hints = Vec::new();
    while !rest.is_empty() {
        let start = body.len() - rest.len();
        let hint = HintedEpoch::mls_decode(&mut rest)?;
        if hints.len() < HINTS_MAX {
            hints.push((hint.masked_partition_key, start..body.len() - rest.len()));
        }
    }
    Ok((epoch_end, found, hints))
}

#[cfg(test)]
mod tests {
    use axum::body::HttpBody;
    use http_body_util::BodyExt;

    use super::*;
    use crate::{
        fixtures::mls,
        wire::{Message, ReceiveResponse, decode, encode},
    };

    fn masked(number: u8) -> MaskedPartitionKey {
        MaskedPartitionKey::new([number; 32])
    }

    fn response(hints: u8) -> ReceiveResponse {
        let message = |number: u8| {
            let bytes = mls::application(b"group", 0, &[number; 100]);
            Epoch { messages: vec![Message { message: decode(&bytes).unwrap(), commit: None }] }
        };
        let hint = |number| HintedEpoch { masked_partition_key: masked(number), epoch: message(number) };
        ReceiveResponse { epoch: message(0xff), hints: (0..hints).map(hint).collect() }
    }

    fn answer(body: Vec<u8>) -> HubAnswer {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))].into_iter().collect();
        HubAnswer::new(ChannelResponse { status: StatusCode::OK, headers, body: body.into() }, None).unwrap()
    }

    fn page(response: &ReceiveResponse) -> HubPage {
        HubPage::read(answer(encode(response).unwrap())).unwrap()
    }

    async fn given(page: &HubPage, entitled: &[bool]) -> ReceiveResponse {
        let response = page.respond(entitled).unwrap();
        let length = HttpBody::size_hint(response.body()).exact();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(length, Some(body.len() as u64));
        decode(&body).unwrap()
    }

    #[tokio::test]
    async fn each_is_given_the_hints_that_are_theirs() {
        let whole = response(3);
        let page = page(&whole);
        assert_eq!((page.found(), page.hinted()), (Found::Messages, vec![masked(0), masked(1), masked(2)]));
        for entitled in 0..8_u8 {
            let entitled = [0, 1, 2].map(|bit| entitled & (1 << bit) != 0);
            let mut expected = whole.clone();
            let mut left = entitled.iter();
            expected.hints.retain(|_| *left.next().unwrap());
            assert_eq!(given(&page, &entitled).await, expected, "{entitled:?}");
        }
    }

    #[tokio::test]
    async fn hints_beyond_the_bound_are_given_to_nobody() {
        let page = page(&response(65));
        assert_eq!(page.hinted().len(), HINTS_MAX);
        assert_eq!(given(&page, &[true; HINTS_MAX]).await.hints, response(64).hints);
    }

    #[test]
    fn what_is_no_receive_response_is_no_page() {
        let body = encode(&response(2)).unwrap();
        for length in 0..body.len() {
            assert!(HubPage::read(answer(body[..length].to_vec())).is_err(), "{length}");
        }
        assert!(HubPage::read(answer([&body[..], &[0]].concat())).is_err());
    }

    fn refusal(status: StatusCode, body: &str) -> Result<HubAnswer, Problem> {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE))].into_iter().collect();
        HubAnswer::new(ChannelResponse { status, headers, body: body.to_owned().into() }, None)
    }

    /// A user's provider did nothing wrong with its own token and certificate when the hub does not know the provider.
    #[test]
    fn refusals_of_this_provider_are_none_of_its_user() {
        for code in ProblemCode::ALL {
            let status = StatusCode::from_u16(code.status()).unwrap();
            let document = format!("{{\"type\":\"{}\",\"title\":\"\",\"detail\":\"why\"}}", code.urn());
            let of_user = !matches!(code, ProblemCode::Unauthorized | ProblemCode::NotAPeer);
            let answer = refusal(status, &document).map(|answer| (answer.status, answer.body));
            match answer {
                Ok(answer) => assert_eq!((answer, of_user), ((status, document.into()), true)),
                Err(problem) => assert_eq!((problem.code, of_user), (ProblemCode::Unavailable, false), "{code:?}"),
            }
        }
        assert!(refusal(StatusCode::IM_A_TEAPOT, "{}").is_ok(), "what nobody knows is handed on");
    }

    #[test]
    fn problems_that_no_client_reads_are_not_handed_on() {
        let document = |bytes: usize| format!("{{\"detail\":\"{}\"}}", "x".repeat(bytes - 13));
        assert_eq!(document(PROBLEM_BYTES_MAX).len(), PROBLEM_BYTES_MAX);
        assert!(refusal(StatusCode::BAD_REQUEST, &document(PROBLEM_BYTES_MAX)).is_ok());
        assert!(refusal(StatusCode::BAD_REQUEST, &document(PROBLEM_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn other_media_types_are_of_no_delivery_service() {
        for media_type in ["text/html", "application/problem+json", "application/vnd.mimi-dsx"] {
            let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))].into_iter().collect();
            let response = ChannelResponse { status: StatusCode::OK, headers, body: Bytes::new() };
            assert!(HubAnswer::new(response, None).is_err(), "{media_type}");
        }
    }
}
