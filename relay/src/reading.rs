//! Encapsulated Requests while they are read.
//!
//! # Correctness
//! Whoever sends slowly must not hold up others. So a request that is read has no place among those that are relayed: it
//! takes of a store of memory, of all requests, what has arrived of it, and gives it back when it goes on or ends. What
//! was only announced takes nothing.

use std::{future::poll_fn, pin::pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, header::CONTENT_ENCODING};
use hyper::body::Body;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::{
    counters::{Counters, Present},
    failure::Failure,
    limits::Limits,
    outer_fields::{REQUEST_TYPE, has_type},
};

/// What a request takes besides its content: its head, its stream, its task. So their number is bounded as well.
pub(crate) const BESIDES_BYTES: usize = 2 * 1024;

/// The memory of all requests that are being read.
pub(crate) struct Reading {
    free: Semaphore,
    bytes_max: usize,
    time: Duration,
    counters: Arc<Counters>,
}

impl Reading {
    pub(crate) fn new(limits: &Limits, counters: Arc<Counters>) -> Self {
        let free = Semaphore::new(limits.reading_bytes.min(Semaphore::MAX_PERMITS));
        Self { free, bytes_max: limits.request_bytes, time: limits.request_body, counters }
    }

    /// Reads the content of a user's request to its end.
    pub(crate) async fn read<B: Body<Data = Bytes>>(&self, request: Request<B>) -> Result<Bytes, Failure> {
        let (head, body) = request.into_parts();
        check_fields(&head.headers)?;
        // Whoever says so beforehand need not send it first.
        if body.size_hint().lower() > self.bytes_max as u64 {
            return Err(Failure::TooLarge);
        }
        let _present = Present::in_gauge(&self.counters.reading);
        let content = timeout(self.time, self.collect(body)).await.map_err(|_| Failure::SlowBody)??;
        if content.is_empty() { Err(Failure::Empty) } else { Ok(content) }
    }

    async fn collect<B: Body<Data = Bytes>>(&self, body: B) -> Result<Bytes, Failure> {
        let mut body = pin!(body);
        let mut memory = self.take(BESIDES_BYTES)?;
        // A frame may be a piece of something larger, which it would keep: so its bytes are copied.
        let mut content = BytesMut::new();
        while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
            let frame = frame.map_err(|_| Failure::BrokenBody)?;
            let Some(data) = frame.data_ref() else { continue };
            if data.len() > self.bytes_max - content.len() {
                return Err(Failure::TooLarge);
            }
            memory.merge(self.take(data.len())?);
            content.extend_from_slice(data);
        }
        Ok(content.freeze())
    }

    fn take(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Failure> {
        let bytes = u32::try_from(bytes).map_err(|_| Failure::TooLarge)?;
        self.free.try_acquire_many(bytes).map_err(|_| Failure::Overloaded)
    }
}

fn check_fields(headers: &HeaderMap) -> Result<(), Failure> {
    let is_plain = !headers.contains_key(CONTENT_ENCODING);
    if is_plain && has_type(headers, REQUEST_TYPE) { Ok(()) } else { Err(Failure::UnsupportedMedia) }
}

#[cfg(test)]
mod tests;
