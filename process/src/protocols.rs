//! HTTP/1.1 and HTTP/2 of a listener, and what of them is limited alike on all listeners.

use std::time::Duration;

use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto,
};

use crate::ConnectionLimits;

/// Dead HTTP/2 connections are found out by pings.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Over HTTP/2, for the head of a request after decompression (RFC 9113, §6.5.2).
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Over HTTP/1.1, for the head of a request, and for what is written and not sent.
const HTTP1_BUFFER_BYTES: usize = 64 * 1024;
/// What a client may send of all bodies of a connection, and of one, before somebody reads it.
pub(crate) const WINDOW_BYTES: u32 = 1024 * 1024;
/// How much of a response that comes in several pieces is fetched ahead of the client. One piece is always fetched whole.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Streams that a client resets before their requests were looked at; more of them end the connection (CVE-2023-44487).
const EARLY_RESETS_MAX: usize = 20;
/// Streams that are reset because their client broke the protocol; more of them end the connection (CVE-2025-8671).
const FAULTS_MAX: usize = 64;

pub(crate) fn protocols(limits: &ConnectionLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HTTP1_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_pending_accept_reset_streams(EARLY_RESETS_MAX)
        .max_local_error_reset_streams(FAULTS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .initial_connection_window_size(WINDOW_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
