//! From an outer request to an opened one. What is wrong up to here is said in clear.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, header};
use http_body::Body;
use http_body_util::BodyExt as _;

use super::Shared;
use crate::{
    budget::RelayIdentity,
    encapsulation::{NotOpened, Opened, Unopened},
    media_type,
    refusal::Refusal,
};

/// Looks at the fields, takes the request out of its budget, reads the body, decapsulates. In this order: what costs
/// more comes later, and nothing is decapsulated that is not paid for.
pub(super) async fn receive<B>(
    shared: &Shared,
    relay: Option<&RelayIdentity>,
    request: Request<B>,
) -> Result<Opened, Refusal>
where
    B: Body<Data = Bytes>,
{
    check_fields(request.headers())?;
    shared.budgets.take(relay).map_err(Refusal::OverBudget)?;
    let body = read(shared, request.into_body()).await?;
    let unopened = Unopened::new(body, shared.surroundings.as_ref()).map_err(|_| Refusal::Busy)?;
    let opened = unopened.open(&shared.keyring.live(), shared.surroundings.now_ms());
    opened.map_err(|error| match error {
        NotOpened::TooShort => Refusal::TooShort,
        NotOpened::Undecryptable(_) => Refusal::Undecryptable,
    })
}

fn check_fields(fields: &HeaderMap) -> Result<(), Refusal> {
    let mut types = fields.get_all(header::CONTENT_TYPE).iter();
    let is_request = |value: &[u8]| value.eq_ignore_ascii_case(media_type::OHTTP_REQUEST.as_bytes());
    match (types.next(), types.next()) {
        (Some(value), None) if is_request(value.as_bytes().trim_ascii()) => {}
        _ => return Err(Refusal::MediaType),
    }
    if fields.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::MediaType);
    }
    if fields.contains_key(header::EXPECT) {
        return Err(Refusal::Expectation);
    }
    Ok(())
}

async fn read<B>(shared: &Shared, body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
{
    let most = shared.policy.request_bytes_max;
    if body.size_hint().lower() > most as u64 {
        return Err(Refusal::TooLarge);
    }
    let read = async {
        let mut body = pin!(body);
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::BrokenBody)?.into_data() else { continue };
            if data.len() > most - bytes.len() {
                return Err(Refusal::TooLarge);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    };
    match tokio::time::timeout(shared.policy.body_timeout, read).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::SlowBody),
    }
}
