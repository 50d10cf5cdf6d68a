//! The `type` of problem documents (RFC 9457) as specs/http.md uses them.

/// What a provider says went wrong: `urn:mimi-ds:problem:<code>`. A closed set: usable as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    /// 400: the body is not an encoding of what it should be.
    Malformed,
    /// 415: another media type than `application/vnd.mimi-ds`.
    UnsupportedMedia,
    /// 401: the service token.
    Unauthorized,
    /// 401, inside sealed responses: the bearer token, without a reason.
    Denied,
    /// 403: negative policy, on unambiguous facts.
    PolicyDenied,
    /// 403: the certificate names no configured peer.
    NotAPeer,
    /// 404: sends and joins.
    UnknownGroup,
    /// 404: there is no GroupInfo, or not for the asker.
    NoGroupInfo,
    /// 409: the external commit fits no candidate head.
    StaleJoin,
    /// 409: a partition holds 2^32 - 1 messages.
    PartitionFull,
    /// 409: another request has created the group.
    GroupExists,
    /// 409: the group id was not minted, or its reservation has ended.
    GroupIdNotReserved,
    /// 409: the KeyPackage was uploaded by another client before.
    KeyPackageReused,
    /// 409: a limit on KeyPackages, clients or handles of a user.
    PoolFull,
    /// 409, inside sealed responses: the user has no KeyPackage left to give.
    Exhausted,
    /// 410: the branch was terminated by the operator. Never answered by an automatic external join.
    BranchTerminated,
    /// 410: the group was deleted.
    GroupDeleted,
    /// 410: the push is for nothing that this provider has subscribed to.
    NotSubscribed,
    /// 412: `DS-Expect-Commit` does not hold.
    CommitConflict,
    /// 413: over a size limit.
    TooLarge,
    /// 422: the GroupInfo has no tree and none can be inferred.
    RatchetTreeRequired,
    /// 422: the GroupInfo contradicts the commit.
    GroupInfoMismatch,
    /// 422: `service_providers` does not fit the Welcome.
    WelcomeProviderMismatch,
    /// 422: a new member's provider is no peer of the hub.
    UnknownProvider,
    /// 422: a KeyPackage does not hold what RFC 9420 §10.1 asks of it.
    InvalidKeyPackage,
    /// 422: the cipher suite.
    UnsupportedSuite,
    /// 424: a new member's provider refuses the Welcome.
    WelcomeRefused,
    /// 429: over a budget or rate.
    RateLimited,
    /// 503: storage stalls, the hub cannot be reached, or the process shuts down.
    Unavailable,
}

/// What leads a code in the `type` of a problem document.
const URN: &str = "urn:mimi-ds:problem:";

impl ProblemCode {
    /// Every code.
    pub const ALL: [Self; 29] = [
        Self::Malformed,
        Self::UnsupportedMedia,
        Self::Unauthorized,
        Self::Denied,
        Self::PolicyDenied,
        Self::NotAPeer,
        Self::UnknownGroup,
        Self::NoGroupInfo,
        Self::StaleJoin,
        Self::PartitionFull,
        Self::GroupExists,
        Self::GroupIdNotReserved,
        Self::KeyPackageReused,
        Self::PoolFull,
        Self::Exhausted,
        Self::BranchTerminated,
        Self::GroupDeleted,
        Self::NotSubscribed,
        Self::CommitConflict,
        Self::TooLarge,
        Self::RatchetTreeRequired,
        Self::GroupInfoMismatch,
        Self::WelcomeProviderMismatch,
        Self::UnknownProvider,
        Self::InvalidKeyPackage,
        Self::UnsupportedSuite,
        Self::WelcomeRefused,
        Self::RateLimited,
        Self::Unavailable,
    ];

    /// The code as it stands behind `urn:mimi-ds:problem:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnsupportedMedia => "unsupported_media",
            Self::Unauthorized => "unauthorized",
            Self::Denied => "denied",
            Self::PolicyDenied => "policy_denied",
            Self::NotAPeer => "not_a_peer",
            Self::UnknownGroup => "unknown_group",
            Self::NoGroupInfo => "no_group_info",
            Self::StaleJoin => "stale_join",
            Self::PartitionFull => "partition_full",
            Self::GroupExists => "group_exists",
            Self::GroupIdNotReserved => "group_id_not_reserved",
            Self::KeyPackageReused => "key_package_reused",
            Self::PoolFull => "pool_full",
            Self::Exhausted => "exhausted",
            Self::BranchTerminated => "branch_terminated",
            Self::GroupDeleted => "group_deleted",
            Self::NotSubscribed => "not_subscribed",
            Self::CommitConflict => "commit_conflict",
            Self::TooLarge => "too_large",
            Self::RatchetTreeRequired => "ratchet_tree_required",
            Self::GroupInfoMismatch => "group_info_mismatch",
            Self::WelcomeProviderMismatch => "welcome_provider_mismatch",
            Self::UnknownProvider => "unknown_provider",
            Self::InvalidKeyPackage => "invalid_key_package",
            Self::UnsupportedSuite => "unsupported_suite",
            Self::WelcomeRefused => "welcome_refused",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }

    /// The HTTP status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthorized | Self::Denied => 401,
            Self::PolicyDenied | Self::NotAPeer => 403,
            Self::UnknownGroup | Self::NoGroupInfo => 404,
            Self::StaleJoin
            | Self::PartitionFull
            | Self::GroupExists
            | Self::GroupIdNotReserved
            | Self::KeyPackageReused
            | Self::PoolFull
            | Self::Exhausted => 409,
            Self::BranchTerminated | Self::GroupDeleted | Self::NotSubscribed => 410,
            Self::CommitConflict => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMedia => 415,
            Self::RatchetTreeRequired
            | Self::GroupInfoMismatch
            | Self::WelcomeProviderMismatch
            | Self::UnknownProvider
            | Self::InvalidKeyPackage
            | Self::UnsupportedSuite => 422,
            Self::WelcomeRefused => 424,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
        }
    }

    /// The `type` of a problem document.
    pub fn urn(self) -> String {
        format!("{URN}{}", self.as_str())
    }

    /// Reads the `type` of a problem document.
    pub fn from_urn(urn: &str) -> Option<Self> {
        let code = urn.strip_prefix(URN)?;
        Self::ALL.into_iter().find(|known| known.as_str() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::ProblemCode;

    #[test]
    fn codes_round_trip_and_are_distinct() {
        for code in ProblemCode::ALL {
            assert_eq!(ProblemCode::from_urn(&code.urn()), Some(code));
            assert!((400..600).contains(&code.status()));
        }
        let names: std::collections::HashSet<_> = ProblemCode::ALL.map(ProblemCode::as_str).into();
        assert_eq!(names.len(), ProblemCode::ALL.len());
        assert_eq!(ProblemCode::from_urn("about:blank"), None);
        assert_eq!(ProblemCode::from_urn("urn:mimi-ds:problem:nonsense"), None);
    }
}
