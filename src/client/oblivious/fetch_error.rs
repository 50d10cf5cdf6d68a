//! Why nothing was fetched.

use std::time::Duration;

use super::{certificate_fault::CertificateFault, key_list::KeyListError, key_log::KeyLogError};
use crate::{
    client::{Problem, http::ChannelError},
    wire::{DecodeError, KeyPackageRequests},
};

/// Nothing was fetched.
///
/// # Privacy
/// Numbers and closed enums: no name, address, token or text of another side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Relay and gateway are known to be one operator's, who would see both who asks and what is asked.
    #[error(
        "the relay belongs to the operator of the contact's provider, who would see who asks for whom; use a relay of \
         another operator, or ask the provider directly if it is your own"
    )]
    SameOperator,
    /// No request, or more than fit into a bundle.
    #[error("a bundle has one to {} requests", KeyPackageRequests::MAX)]
    BundleCount,
    /// The bundle is longer than all size classes.
    #[error("the bundle is longer than 16 KiB; ask in several")]
    BundleTooLarge,
    /// The relay cannot be reached, or the connection to it broke. Whether the request was processed is then unknown,
    /// unless there was no connection.
    #[error("the relay: {0}")]
    Relay(ChannelError),
    /// The relay does not take the token.
    #[error("the relay does not know the relay token")]
    RelayToken,
    /// The gateway does not know the key of the request, or the relay says so in its name (RFC 9458 §5.3). The next fetch
    /// begins with another look at the key list. This is said once for each list: if that is still the same then, the
    /// same advice is [`FetchError::Unsealed`].
    #[error("the gateway, or the relay in its name, does not know the key of the request; its list is asked for again")]
    OutdatedKey,
    /// An answer that is not sealed: from the relay, or from the gateway about the encapsulation. The relay could have
    /// made it up: it is advice, and says nothing about what was asked.
    #[error("an unsealed answer came from the relay or the gateway: {status}")]
    Unsealed {
        /// Its status.
        status: u16,
        /// `Retry-After`, when it was given in seconds.
        retry_after: Option<Duration>,
    },
    /// The tunnel to the gateway, which the relay opened, broke.
    #[error("the gateway, behind the relay: {0}")]
    Gateway(ChannelError),
    /// Somebody answered in the gateway's place, or its certificate is wrong.
    #[error(
        "what answered behind the relay has a certificate {0}: key targeting by the relay, or a gateway whose \
         certificate is wrong; nothing was sent"
    )]
    NotTheGateway(CertificateFault),
    /// There was no key list to be had from the gateway or from the relay.
    #[error("no key list came: {status}{}", hint(*status))]
    NoKeyList {
        /// The status of the answer; 200 with another media type is none either.
        status: u16,
    },
    /// The gateway's own list and the relay's copy of it were not the same bytes, and not at the second look either.
    #[error(
        "the gateway's key list and the relay's copy of it differ, and not for a moment only: key targeting (a key for \
         one client, to recognise it by), or a copy from before a change, which lasts some minutes, and up to 12 hours \
         after keys that were changed by hand; nothing was sent, try again then"
    )]
    KeyTargeting,
    /// Both sides have the list, but the relay's log of lists does not hold.
    #[error(transparent)]
    KeyLog(#[from] KeyLogError),
    /// The list is of no use.
    #[error(transparent)]
    KeyList(#[from] KeyListError),
    /// The sealed answer is not one to this request: changed, replayed or made up on the way, or by the gateway.
    #[error("the sealed answer cannot be opened: it is not the answer to this request")]
    Unopened,
    /// The gateway took neither our date nor its own.
    #[error("the gateway refused the date of the request, and then its own; nothing was handed out")]
    Date,
    /// The provider refused, in a sealed answer.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The sealed answer is a success of another media type.
    #[error("the sealed answer has another media type than application/vnd.mimi-ds")]
    MediaType,
    /// The sealed answer, or the request, does not fit the wire format.
    #[error(transparent)]
    Encoding(#[from] DecodeError),
    /// There are not as many results as requests, or KeyPackages where the status denies them.
    #[error("the provider's results do not fit the requests")]
    Results,
}

/// What a status most likely means, in the place of a key list.
fn hint(status: u16) -> &'static str {
    match status {
        404 => " (the relay leads to no such provider, or there is no gateway)",
        502..=504 => " (the relay does not reach the gateway, or has no list of it yet)",
        _ => "",
    }
}

impl FetchError {
    /// Whether the same fetch may succeed soon without any change. Not said of what may be an attack, even if it may be
    /// over in some hours: [`FetchError::KeyTargeting`], [`KeyLogError::TooFast`].
    ///
    /// It may also hand out twice: a request whose answer was lost may have been processed, and the next one is another
    /// request to the provider. KeyPackages that were handed out and never arrived are lost to their owner.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Relay(error) | Self::Gateway(error) => error.is_transient(),
            // Once for each list: who repeats it for as long as this says so comes to an end.
            Self::OutdatedKey => true,
            Self::Unsealed { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::NoKeyList { status } | Self::KeyLog(KeyLogError::NoLog(status)) => {
                matches!(status, 429 | 502 | 503 | 504)
            }
            Self::Problem(problem) => problem.is_transient(),
            Self::SameOperator
            | Self::BundleCount
            | Self::BundleTooLarge
            | Self::RelayToken
            | Self::NotTheGateway(_)
            | Self::KeyTargeting
            | Self::KeyLog(_)
            | Self::KeyList(_)
            | Self::Unopened
            | Self::Date
            | Self::MediaType
            | Self::Encoding(_)
            | Self::Results => false,
        }
    }
}
