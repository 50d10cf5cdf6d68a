//! The operations and their paths.

use crate::wire::MEDIA_TYPE;

/// An operation of a provider: always a POST, always to the same path. A closed set: usable as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Draft §4.2.
    Send,
    /// Draft §4.4, with the group id that the draft forgot.
    Receive,
    /// Draft §4.4 to the letter.
    ReceiveLiteral,
    /// Draft §4.5.
    ExternalJoin,
    /// An extension.
    ExternalProposal,
    /// Draft §4.5.
    GroupInfo,
    /// An extension.
    JoinToken,
    /// Draft §4.3.
    WelcomeInit,
    /// Draft §4.3.
    Welcome,
    /// Draft §4.4, last paragraphs.
    Push,
    /// An extension.
    Subscribe,
    /// Draft §6: which of the asker's users the hub bans.
    Bans,
    /// Draft §6: a complaint about a provider.
    Report,
    /// Local: reserves a group id.
    MintGroupId,
    /// Local: hands a group to the hub.
    CreateGroup,
    /// Local: deletes a group of the hub.
    DeleteGroup,
    /// Local: the user wants no more messages of a group.
    LeaveGroup,
    /// Local: stores KeyPackages of a client.
    UploadKeyPackages,
    /// Local: has Welcomes taken for KeyPackages that somebody has already.
    RegisterKeyPackages,
    /// Local: removes the KeyPackages of a client.
    DeleteKeyPackages,
    /// Local: how many KeyPackages there are.
    KeyPackageStatus,
    /// Local: KeyPackages of contacts at the same provider.
    FetchKeyPackages,
    /// Local: makes a bearer token.
    MintToken,
    /// Local: revokes bearer tokens.
    RevokeToken,
    /// Local: the unique tokens of a user.
    ListTokens,
    /// Local: the Welcomes that wait for a client.
    Inbox,
    /// Local: acknowledges one of them.
    InboxAck,
    /// Local, the operator's: revokes all bearer tokens.
    RevokeAllTokens,
    /// Local, the operator's: removes all KeyPackages.
    DeleteAllKeyPackages,
    /// Local, the operator's: bans, mutes or blocks.
    AddBan,
    /// Local, the operator's: lifts a ban.
    RemoveBan,
    /// Local, the operator's: who is banned.
    ListBans,
    /// Local, the operator's: what was reported.
    ListReports,
    /// Local, the operator's: has retention begin.
    RunRetention,
    /// Local, the operator's: how retention stands.
    RetentionStatus,
    /// Local, the operator's: has a backup begin.
    CreateBackup,
    /// Local, the operator's: how backups stand.
    BackupStatus,
    /// Local, the operator's: which groups show forks.
    ListForks,
    /// Local, the operator's: draws a group.
    ShowForks,
    /// Local, the operator's: what it would mean to end a branch.
    ForeseeTermination,
    /// Local, the operator's: ends a branch.
    TerminateBranch,
    /// Local, the operator's: takes that back.
    RestoreBranch,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 42] = [
        Self::Send,
        Self::Receive,
        Self::ReceiveLiteral,
        Self::ExternalJoin,
        Self::ExternalProposal,
        Self::GroupInfo,
        Self::JoinToken,
        Self::WelcomeInit,
        Self::Welcome,
        Self::Push,
        Self::Subscribe,
        Self::Bans,
        Self::Report,
        Self::MintGroupId,
        Self::CreateGroup,
        Self::DeleteGroup,
        Self::LeaveGroup,
        Self::UploadKeyPackages,
        Self::RegisterKeyPackages,
        Self::DeleteKeyPackages,
        Self::KeyPackageStatus,
        Self::FetchKeyPackages,
        Self::MintToken,
        Self::RevokeToken,
        Self::ListTokens,
        Self::Inbox,
        Self::InboxAck,
        Self::RevokeAllTokens,
        Self::DeleteAllKeyPackages,
        Self::AddBan,
        Self::RemoveBan,
        Self::ListBans,
        Self::ListReports,
        Self::RunRetention,
        Self::RetentionStatus,
        Self::CreateBackup,
        Self::BackupStatus,
        Self::ListForks,
        Self::ShowForks,
        Self::ForeseeTermination,
        Self::TerminateBranch,
        Self::RestoreBranch,
    ];

    /// The path: no id and no key ever stands in it.
    pub fn path(self) -> &'static str {
        match self {
            Self::Send => "/v1/send",
            Self::Receive => "/v1/receive",
            Self::ReceiveLiteral => "/v1/receive-literal",
            Self::ExternalJoin => "/v1/external-join",
            Self::ExternalProposal => "/v1/external-proposal",
            Self::GroupInfo => "/v1/group-info",
            Self::JoinToken => "/v1/join-token",
            Self::WelcomeInit => "/v1/welcome-init",
            Self::Welcome => "/v1/welcome",
            Self::Push => "/v1/push",
            Self::Subscribe => "/v1/subscribe",
            Self::Bans => "/v1/bans",
            Self::Report => "/v1/report",
            Self::MintGroupId => "/v1/local/mint-group-id",
            Self::CreateGroup => "/v1/local/create-group",
            Self::DeleteGroup => "/v1/local/delete-group",
            Self::LeaveGroup => "/v1/local/leave-group",
            Self::UploadKeyPackages => "/v1/local/upload-key-packages",
            Self::RegisterKeyPackages => "/v1/local/register-key-packages",
            Self::DeleteKeyPackages => "/v1/local/delete-key-packages",
            Self::KeyPackageStatus => "/v1/local/key-package-status",
            Self::FetchKeyPackages => "/v1/local/fetch-key-packages",
            Self::MintToken => "/v1/local/mint-token",
            Self::RevokeToken => "/v1/local/revoke-token",
            Self::ListTokens => "/v1/local/list-tokens",
            Self::Inbox => "/v1/local/inbox",
            Self::InboxAck => "/v1/local/inbox-ack",
            Self::RevokeAllTokens => "/admin/revoke-all-tokens",
            Self::DeleteAllKeyPackages => "/admin/delete-all-key-packages",
            Self::AddBan => "/admin/bans/add",
            Self::RemoveBan => "/admin/bans/remove",
            Self::ListBans => "/admin/bans/list",
            Self::ListReports => "/admin/reports/list",
            Self::RunRetention => "/admin/retention/run",
            Self::RetentionStatus => "/admin/retention/status",
            Self::CreateBackup => "/admin/backup/create",
            Self::BackupStatus => "/admin/backup/status",
            Self::ListForks => "/admin/forks/list",
            Self::ShowForks => "/admin/forks/show",
            Self::ForeseeTermination => "/admin/forks/foresee",
            Self::TerminateBranch => "/admin/forks/terminate",
            Self::RestoreBranch => "/admin/forks/restore",
        }
    }

    /// The media type of requests: the operator's are JSON.
    pub fn media_type(self) -> &'static str {
        if self.path().starts_with("/admin/") { "application/json" } else { MEDIA_TYPE }
    }
}
