//! Who gets Welcomes: another provider, over mutual TLS, or our own users, within the process. Both are asked the same.

use std::{sync::Arc, time::Duration};

use crate::{
    client::http::{
        CallError, Channel, ChannelError, ChannelRequest, ChannelResponse, DeliveryService, NoMemory, PeerChannel,
        ProviderClient, ResponseMemory,
    },
    pool,
    service::{self, Service},
    wire::{ServiceProviderId, WelcomeInitRequest, WelcomeInitResponse, WelcomePush},
};

/// The longest answer to anything that is brought: a decision, of one byte, for each of 131 072 KeyPackages, and a ticket.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// One of them.
pub(super) enum Addressee {
    Own(Arc<Service>),
    Peer(Box<DeliveryService<Terse>>),
    /// It was a peer once, or is blocked.
    Stranger,
}

/// Why there is no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Whether the same will be refused again.
    pub(super) is_refusal: bool,
    /// How long the provider wants to be left alone.
    pub(super) retry_after: Duration,
}

impl Fault {
    /// No answer, or one that makes no sense.
    pub(super) const UNKNOWN: Self = Self { is_refusal: false, retry_after: Duration::ZERO };
    const REFUSAL: Self = Self { is_refusal: true, retry_after: Duration::ZERO };
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Problem(problem) => {
                Self { is_refusal: !problem.is_transient(), retry_after: problem.retry_after.unwrap_or_default() }
            }
            CallError::Channel(_) | CallError::MediaType | CallError::Encoding(_) => Self::UNKNOWN,
        }
    }
}

impl From<service::Error> for Fault {
    fn from(error: service::Error) -> Self {
        match error {
            service::Error::PoolRejected(pool::Rejection::WelcomeRefused) | service::Error::Rejected(_) => {
                Self::REFUSAL
            }
            _ => Self::UNKNOWN,
        }
    }
}

impl Addressee {
    pub(super) fn of(provider: &ServiceProviderId, service: &Arc<Service>, providers: &ProviderClient) -> Self {
        if provider == service.provider() {
            return Self::Own(service.clone());
        }
        // What is due stays due until the block is lifted.
        if service.blocks(provider) {
            return Self::Stranger;
        }
        providers
            .peer(provider)
            .map_or(Self::Stranger, |channel| Self::Peer(Box::new(Terse::service(channel, ANSWER_BYTES_MAX))))
    }

    /// Asks for whom a Welcome is taken.
    pub(super) async fn welcome_init(&self, request: WelcomeInitRequest) -> Result<WelcomeInitResponse, Fault> {
        match self {
            Self::Own(service) => Ok(service.welcome_init(service.provider(), request).await?),
            Self::Peer(peer) => Ok(peer.welcome_init(&request).await?),
            Self::Stranger => Err(Fault::UNKNOWN),
        }
    }

    /// Hands the Welcome over. `Ok` means that it is kept.
    pub(super) async fn welcome(&self, push: WelcomePush) -> Result<(), Fault> {
        match self {
            Self::Own(service) => Ok(service.welcome(service.provider(), push).await?),
            Self::Peer(peer) => Ok(peer.welcome(&push).await?),
            Self::Stranger => Err(Fault::UNKNOWN),
        }
    }
}

/// A channel to a peer that has little to say: what is longer is not read to its end.
#[derive(Clone)]
pub(super) struct Terse {
    channel: PeerChannel,
    answer_bytes_max: usize,
}

impl Terse {
    /// The operations at that peer, whose answers have at most so many bytes.
    pub(super) fn service(channel: PeerChannel, answer_bytes_max: usize) -> DeliveryService<Self> {
        DeliveryService::new(Self { channel, answer_bytes_max })
    }
}

impl Channel for Terse {
    async fn post(&self, request: ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        self.channel.post_within(request, &mut Room(self.answer_bytes_max)).await
    }
}

/// How much of an answer may still come.
struct Room(usize);

impl ResponseMemory for Room {
    async fn lend(&mut self, bytes: usize) -> Result<(), NoMemory> {
        self.0 = self.0.checked_sub(bytes).ok_or(NoMemory)?;
        Ok(())
    }
}
