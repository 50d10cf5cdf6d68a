//! One request, one response.

use std::{fmt, future::Future, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::Operation;
use crate::{client::ExpectCommit, wire::JoinToken};

/// A way to a provider: it takes a request there and brings back whatever the provider answers.
pub trait Channel: Send + Sync {
    /// Sends a request and reads the response to its end.
    ///
    /// # Errors
    /// When no complete response came. Whether the request was processed is then unknown, except for
    /// [`ChannelError::Connect`], [`ChannelError::Tls`] and [`ChannelError::UnknownPeer`], which it never reached.
    fn post(&self, request: ChannelRequest) -> impl Future<Output = Result<ChannelResponse, ChannelError>> + Send;
}

/// What goes to a provider. Cloning is cheap: the body is shared.
///
/// # Privacy
/// `Debug` shows the operation and sizes.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelRequest {
    /// What is asked for.
    pub operation: Operation,
    /// `Prefer: wait=N`, in whole seconds: how long the provider may hold the request until there is something to say.
    /// Zero: not at all.
    pub wait: Duration,
    /// `DS-Expect-Commit`.
    pub expect_commit: Option<ExpectCommit>,
    /// `DS-Join-Token`.
    pub join_token: Option<JoinToken>,
    /// The encoded request, sent as it is.
    pub body: Bytes,
}

impl ChannelRequest {
    /// A request without headers of its own.
    pub fn new(operation: Operation, body: Bytes) -> Self {
        Self { operation, wait: Duration::ZERO, expect_commit: None, join_token: None, body }
    }
}

impl fmt::Debug for ChannelRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ChannelRequest")
            .field("operation", &self.operation)
            .field("wait", &self.wait)
            .field("expect_commit", &self.expect_commit)
            .field("length", &self.body.len())
            .finish()
    }
}

/// What came back, whatever its status: a response of another provider can be handed on as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelResponse {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for ChannelResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ChannelResponse")
            .field("status", &self.status)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// No response came. A closed set: usable as a metric label.
///
/// # Privacy
/// Without addresses: the texts of sockets and resolvers stay behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ChannelError {
    /// The provider's id stands in no peers table.
    #[error("the provider is not a configured peer")]
    UnknownPeer,
    /// No connection: refused, unreachable, no such name, or not within [`super::Limits::connect`].
    #[error("there is no connection")]
    Connect,
    /// The TLS handshake failed: other certificates than expected, on one side or the other, or no TLS.
    #[error("the TLS handshake failed: other certificates than expected, or no TLS")]
    Tls,
    /// No complete response within the deadline.
    #[error("no complete response in time")]
    Timeout,
    /// The connection broke, or the other side does not speak HTTP.
    #[error("the connection broke")]
    Broken,
    /// The response is larger than [`super::Limits::response_bytes`], or its head than anybody needs.
    #[error("the response is too large")]
    ResponseTooLarge,
    /// [`super::ResponseMemory`] had none left for the response.
    #[error("there is no memory for the response")]
    NoMemory,
}

impl ChannelError {
    /// Whether the same request may come through later without any change.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Connect | Self::Timeout | Self::Broken | Self::NoMemory => true,
            Self::UnknownPeer | Self::Tls | Self::ResponseTooLarge => false,
        }
    }
}
