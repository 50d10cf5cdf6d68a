//! Request bodies: media type, size, time, and memory that all requests share.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, header::CONTENT_TYPE, request::Parts},
};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;

use super::{Hub, Problem};
use crate::wire::MEDIA_TYPE;

/// The media type of the operator's requests.
pub(super) const JSON: &str = "application/json";

/// The unit in which memory for bodies is handed out.
pub(super) const STEP_BYTES: usize = 4096;

/// A body that was read to its end, and the memory that it was lent.
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    _memory: Option<OwnedSemaphorePermit>,
}

/// Reads a body of the drafts' media type.
///
/// Memory is lent as bytes arrive, so that a large announced length holds nothing back from others.
pub(super) fn read(
    hub: &Hub,
    request: Request<Body>,
    bytes_max: usize,
) -> impl Future<Output = Result<Received, Problem>> {
    read_as(hub, request, bytes_max, MEDIA_TYPE)
}

/// Reads a JSON document.
pub(super) fn read_json(
    hub: &Hub,
    request: Request<Body>,
    bytes_max: usize,
) -> impl Future<Output = Result<Received, Problem>> {
    read_as(hub, request, bytes_max, JSON)
}

fn read_as(
    hub: &Hub,
    request: Request<Body>,
    bytes_max: usize,
    media_type: &'static str,
) -> impl Future<Output = Result<Received, Problem>> {
    // Before the future begins, which would keep room for the whole request besides what it needs of it.
    let (Parts { headers, .. }, body) = request.into_parts();
    async move {
        if !is_of_type(&headers, media_type) {
            return Err(Problem::unsupported_media(media_type));
        }
        match tokio::time::timeout(hub.body_timeout(), collect(hub, body, bytes_max)).await {
            Ok(collected) => {
                let (bytes, memory) = collected?;
                Ok(Received { headers, bytes, _memory: memory })
            }
            Err(_elapsed) => Err(Problem::slow_body()),
        }
    }
}

/// The type alone counts; parameters have no meaning and are passed over.
pub(super) fn is_media_type(headers: &HeaderMap) -> bool {
    is_of_type(headers, MEDIA_TYPE)
}

fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    value.to_str().is_ok_and(|value| {
        value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
    })
}

async fn collect(
    hub: &Hub,
    mut body: Body,
    bytes_max: usize,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Problem> {
    let mut first = Bytes::new();
    let mut rest: Vec<u8> = Vec::new();
    let mut memory: Option<OwnedSemaphorePermit> = None;
    let mut lent_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::broken_body())?;
        let Ok(data) = frame.into_data() else { continue };
        let length = first.len() + rest.len() + data.len();
        if length > bytes_max {
            return Err(Problem::body_too_large(bytes_max));
        }
        if length > lent_bytes {
            let steps = u32::try_from((length - lent_bytes).div_ceil(STEP_BYTES)).unwrap_or(u32::MAX);
            let more = hub.body_steps.clone().acquire_many_owned(steps).await.map_err(|_| Problem::unavailable())?;
            lent_bytes += STEP_BYTES * steps as usize;
            match &mut memory {
                Some(memory) => memory.merge(more),
                None => memory = Some(more),
            }
        }
        // One frame is the ordinary case, and is not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    let bytes = if rest.is_empty() { first } else { rest.into() };
    Ok((bytes, memory))
}
