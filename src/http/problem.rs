//! Problem documents (RFC 9457): every refusal, once, exhaustively.

#![deny(clippy::wildcard_enum_match_arm, reason = "a new rejection must not slip into an old arm")]

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    pool,
    sequencer::{Fact, Rejection, SizeLimit},
    service,
    wire::{DecodeError, KeyPackageStatus, ProblemCode},
};

/// How soon to come back after a 503, in seconds.
const UNAVAILABLE_RETRY_SECONDS: u32 = 2;
/// After so long there is room for some hundred KeyPackages.
const UPLOAD_RETRY_SECONDS: u32 = 600;
/// Room is made by devices that come back, and by time.
const INBOX_RETRY_SECONDS: u32 = 3600;

/// After so long a join is looked at again.
const VAIN_PROOFS_RETRY_SECONDS: u32 = 45;

/// A refusal on its way to the asker.
///
/// # Privacy
/// `detail` never holds an id, key, address or byte of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) code: ProblemCode,
    detail: String,
    retry_after_seconds: Option<u32>,
}

impl Problem {
    fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after_seconds: None }
    }

    fn later(code: ProblemCode, detail: impl Into<String>, seconds: u32) -> Self {
        Self { code, detail: detail.into(), retry_after_seconds: Some(seconds) }
    }

    /// The body is no JSON of the kind that is wanted.
    pub(super) fn not_the_json() -> Self {
        Self::new(ProblemCode::Malformed, "The body is no JSON document with the members that this operation takes.")
    }

    /// The body is not what it should be.
    pub(super) fn malformed(error: DecodeError) -> Self {
        Self::new(ProblemCode::Malformed, format!("{error}."))
    }

    pub(super) fn field(name: &HeaderName) -> Self {
        Self::new(ProblemCode::Malformed, format!("The field {name} is missing, repeated or not of its form."))
    }

    pub(super) fn expectation_without_commit() -> Self {
        Self::new(ProblemCode::Malformed, "DS-Expect-Commit goes with a commit and with nothing else.")
    }

    pub(super) fn broken_body() -> Self {
        Self::new(ProblemCode::Malformed, "The body ended before its end.")
    }

    pub(super) fn slow_body() -> Self {
        Self::later(
            ProblemCode::Unavailable,
            "The body did not arrive in time, or there was no memory for it.",
            UNAVAILABLE_RETRY_SECONDS,
        )
    }

    pub(super) fn unsupported_media(media_type: &str) -> Self {
        Self::new(ProblemCode::UnsupportedMedia, format!("The Content-Type must be {media_type}."))
    }

    pub(super) fn body_too_large(bytes: usize) -> Self {
        Self::new(ProblemCode::TooLarge, format!("The body of this request may have at most {bytes} bytes."))
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(ProblemCode::Unauthorized, "Authorization must be Bearer with the token of local.service_token_file.")
    }

    pub(super) fn not_a_peer() -> Self {
        Self::new(
            ProblemCode::NotAPeer,
            "The certificate's one dNSName must be a provider that this one is configured to talk to.",
        )
    }

    pub(super) fn unknown_hub() -> Self {
        Self::new(ProblemCode::UnknownProvider, "The hub of the group is no configured peer.")
    }

    /// Of the operator's operations: nothing is arranged with that provider.
    pub(super) fn no_such_peer() -> Self {
        Self::new(ProblemCode::UnknownProvider, "The provider is none of the [[peers]].")
    }

    /// Of the operator's operations: the provider as a whole.
    pub(super) fn own_provider() -> Self {
        Self::new(ProblemCode::UnknownProvider, "The provider is this hub itself: name a user.")
    }

    pub(super) fn unavailable() -> Self {
        Self::later(
            ProblemCode::Unavailable,
            "The request cannot be carried out now. Sending it again is safe.",
            UNAVAILABLE_RETRY_SECONDS,
        )
    }

    pub(super) fn hub_unavailable() -> Self {
        Self::later(
            ProblemCode::Unavailable,
            "The hub of the group cannot be reached now. Sending the request again is safe.",
            UNAVAILABLE_RETRY_SECONDS,
        )
    }

    pub(super) fn hub_refuses() -> Self {
        Self::later(
            ProblemCode::Unavailable,
            "The hub of the group takes nothing from this provider now: its operator may have to list it as a peer.",
            UNAVAILABLE_RETRY_SECONDS,
        )
    }

    /// The operator's policy, for a fact that is known without doubt.
    pub(super) fn denied(fact: Fact) -> Self {
        let detail = match fact {
            Fact::BannedUser => "The user is banned from the groups of that hub.",
            Fact::MutedUser => "The user may not send application messages to the groups of that hub.",
            Fact::BlockedProvider => "The operator wants nothing to do with that provider.",
            Fact::BannedCommitter => "The commit is one of a member who is banned, in that epoch or from this hub.",
            Fact::BannedMember => "The commit adds somebody who is banned, in that epoch or from this hub.",
            Fact::TooManyMembers => "The group would have more members than groups of this hub may have.",
        };
        Self::new(ProblemCode::PolicyDenied, detail)
    }

    fn rejected(rejection: Rejection) -> Self {
        match rejection {
            Rejection::UnknownGroup => Self::new(ProblemCode::UnknownGroup, "There is no such group here."),
            Rejection::GroupDeleted => Self::new(ProblemCode::GroupDeleted, "The group was deleted."),
            Rejection::GroupExists => {
                Self::new(ProblemCode::GroupExists, "Another request has created the group with this id.")
            }
            Rejection::GroupIdNotReserved => Self::new(
                ProblemCode::GroupIdNotReserved,
                "Mint a group id first: an id is good once, for the user who minted it, for a day.",
            ),
            Rejection::PartitionFull => {
                Self::new(ProblemCode::PartitionFull, "The partition holds 2^32 - 1 messages: commit.")
            }
            Rejection::BranchTerminated => Self::new(
                ProblemCode::BranchTerminated,
                "The operator has ended the branch of the group that this partition is on. What is there can be read. \
                 Do not join the group anew unless the user decides to.",
            ),
            Rejection::CommitConflict => Self::new(
                ProblemCode::CommitConflict,
                "A commit that DS-Expect-Commit does not know of is there: receive, then decide.",
            ),
            Rejection::RatchetTreeRequired => Self::new(
                ProblemCode::RatchetTreeRequired,
                "The GroupInfo has no ratchet_tree extension and the tree cannot be inferred: \
                 send the same commit with a GroupInfo that has it.",
            ),
            Rejection::GroupInfoMismatch => Self::new(
                ProblemCode::GroupInfoMismatch,
                "The GroupInfo is not of this group, suite, and the epoch after the commit's.",
            ),
            Rejection::WelcomeProviderMismatch => Self::new(
                ProblemCode::WelcomeProviderMismatch,
                "service_providers must be as long as the Welcome's secrets, no KeyPackageRef may stand twice, \
                 and the Welcome must be of the group's suite.",
            ),
            Rejection::UnknownProvider => {
                Self::new(ProblemCode::UnknownProvider, "The Welcome is for a provider that this hub does not talk to.")
            }
            Rejection::WelcomeRefused => Self::new(
                ProblemCode::WelcomeRefused,
                "A provider of new members takes the Welcome for none of them. Nothing was sequenced.",
            ),
            Rejection::NotAnExternalCommit(reason) => Self::new(ProblemCode::Malformed, sentence(reason.text())),
            Rejection::WelcomeInJoin => {
                Self::new(ProblemCode::Malformed, "An external join adds nobody else: it has no welcome_data.")
            }
            Rejection::NotAnExternalProposal(reason) => Self::new(ProblemCode::Malformed, sentence(reason.text())),
            Rejection::InvalidSignature => {
                Self::new(ProblemCode::PolicyDenied, "The signature of the external proposal does not hold.")
            }
            Rejection::StaleJoin => Self::new(
                ProblemCode::StaleJoin,
                "The message was not made for any of the group's newest epochs: ask for the GroupInfo and make it again.",
            ),
            Rejection::Denied(fact) => Self::denied(fact),
            Rejection::UnsupportedSuite => {
                Self::new(ProblemCode::UnsupportedSuite, "This hub wants no groups of that cipher suite.")
            }
            Rejection::NoGroupInfo => {
                Self::new(ProblemCode::NoGroupInfo, "There is no GroupInfo of such a group that could be given.")
            }
            Rejection::TooLarge(limit) => Self::new(ProblemCode::TooLarge, too_large(limit)),
            Rejection::RateLimited { retry_after_seconds } => Self::later(
                ProblemCode::RateLimited,
                "The provider's budget for partitions and bytes off the dominant branch is used up.",
                retry_after_seconds,
            ),
        }
    }
}

impl Problem {
    fn pool_rejected(rejection: pool::Rejection) -> Self {
        use pool::Rejection;
        match rejection {
            Rejection::KeyPackageReused => Self::new(
                ProblemCode::KeyPackageReused,
                "A KeyPackage was uploaded before, by another client. None was stored.",
            ),
            Rejection::StockFull(items) => Self::new(
                ProblemCode::PoolFull,
                format!("A client may store at most {items} one-time KeyPackages of a suite. None was stored."),
            ),
            Rejection::TooManyClients(clients) => {
                Self::new(ProblemCode::PoolFull, format!("A user may have at most {clients} clients."))
            }
            Rejection::TooManyStocks(stocks) => {
                Self::new(ProblemCode::PoolFull, format!("A user may have at most {stocks} suites over all clients."))
            }
            Rejection::TooManyReferences(references) => Self::new(
                ProblemCode::PoolFull,
                format!("Of a user at most {references} KeyPackages are remembered until they have expired for long."),
            ),
            Rejection::TooManyUploads => Self::later(
                ProblemCode::RateLimited,
                "The user has uploaded too many KeyPackages lately. None was stored.",
                UPLOAD_RETRY_SECONDS,
            ),
            Rejection::TooManyHandles(handles) => Self::new(
                ProblemCode::PoolFull,
                format!("A user may mint at most {handles} unique tokens: revoke all of them and begin anew."),
            ),
            Rejection::WelcomeRefused => Self::new(
                ProblemCode::WelcomeRefused,
                "The ticket is not good for this Welcome: ask for decisions with a WelcomeInitRequest.",
            ),
            Rejection::InboxFull => Self::later(
                ProblemCode::RateLimited,
                "Somebody for whom the Welcome was accepted does not take it now. Everybody else has it.",
                INBOX_RETRY_SECONDS,
            ),
            Rejection::InboxesFull => Self::later(
                ProblemCode::RateLimited,
                "There is no room for more Welcomes from this provider now.",
                INBOX_RETRY_SECONDS,
            ),
            Rejection::TooManyTickets => Self::later(
                ProblemCode::RateLimited,
                "The provider has asked for too many decisions about Welcomes that it did not deliver.",
                INBOX_RETRY_SECONDS,
            ),
        }
    }

    /// Inside sealed answers: why there is no KeyPackage.
    pub(super) fn no_key_package(status: KeyPackageStatus) -> Self {
        match status {
            KeyPackageStatus::Ok | KeyPackageStatus::Denied => {
                Self::new(ProblemCode::Denied, "The token opens no KeyPackages.")
            }
            KeyPackageStatus::Exhausted => Self::new(ProblemCode::Exhausted, "There is no KeyPackage left."),
            KeyPackageStatus::Incompatible => {
                Self::new(ProblemCode::UnsupportedSuite, "There is no KeyPackage of that version and suite.")
            }
        }
    }
}

/// A reason as people read it.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    letters.next().map_or(String::new(), |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

fn too_large(limit: SizeLimit) -> String {
    let (what, bytes) = match limit {
        SizeLimit::Application(bytes) => ("An application message", bytes),
        SizeLimit::Handshake(bytes) => ("A proposal or commit", bytes),
        SizeLimit::Welcome(bytes) => ("A Welcome", bytes),
        SizeLimit::GroupInfo(bytes) => ("A GroupInfo with its tree", bytes),
    };
    format!("{what} may have at most {bytes} bytes.")
}

impl From<service::Error> for Problem {
    fn from(error: service::Error) -> Self {
        use service::Error;
        match error {
            Error::Rejected(rejection) => Self::rejected(rejection),
            Error::PoolRejected(rejection) => Self::pool_rejected(rejection),
            Error::InvalidKeyPackage { at, reason } => Self::new(
                ProblemCode::InvalidKeyPackage,
                format!("KeyPackage {at} of the upload is not valid: {reason}. None was stored."),
            ),
            Error::KeyPackageTooLarge(bytes) => {
                Self::new(ProblemCode::TooLarge, format!("A KeyPackage may have at most {bytes} bytes."))
            }
            Error::NotSubscribed => Self::new(ProblemCode::NotSubscribed, "This provider has not subscribed to that."),
            Error::ForeignMessage => {
                Self::new(ProblemCode::Malformed, "A message of the push is of another group than the push.")
            }
            Error::RepeatedReference => {
                Self::new(ProblemCode::Malformed, "A KeyPackageRef stands twice in the request.")
            }
            Error::TooFast { retry_after_seconds } => Self::later(
                ProblemCode::RateLimited,
                "Too many messages came from there lately. Sending this one again is safe.",
                retry_after_seconds,
            ),
            Error::TooManyBans => {
                Self::new(ProblemCode::PoolFull, "As many users of that provider are banned as a list can hold.")
            }
            Error::TooManyInVain => Self::later(
                ProblemCode::RateLimited,
                "Too many joins, proposals and Welcomes from there came to nothing lately.",
                VAIN_PROOFS_RETRY_SECONDS,
            ),
            Error::TooManyWaiting => {
                Self::later(ProblemCode::RateLimited, "Too many receives of this provider wait already.", 1)
            }
            // What failed on our side is in our log; the asker needs to know that trying again is safe.
            Error::Store(_) | Error::Overloaded | Error::ShuttingDown | Error::NoEntropy | Error::NoThread => {
                Self::unavailable()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let document = json!({
            "type": self.code.urn(),
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": self.detail,
        });
        let mut response = (status, document.to_string()).into_response();
        // For whoever counts it on its way out.
        response.extensions_mut().insert(self.code);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self.code, ProblemCode::Unauthorized | ProblemCode::Denied) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
