//! Reasons for refusing bytes that the codec has no word for.

use mls_rs_codec::Error;

/// A rule of a structure that its encoding broke although the encoding itself was sound.
///
/// The codec's error type carries one free byte; a `Fault` travels in it and comes out again in
/// [`crate::wire::DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// An `MLSMessage` of another wire format than the field is typed with.
    WireFormat = 1,
    /// A protocol version other than `mls10` (RFC 9420 §6).
    Version = 2,
    /// A `PublicMessage` with application content (RFC 9420 §6: application messages are encrypted).
    PublicApplication = 3,
    /// A content type, sender type, node source or other enum value that RFC 9420 does not define.
    EnumValue = 4,
    /// Not a lower-case A-label FQDN of 1 to 253 bytes.
    ServiceProviderId = 5,
    /// A user id of more than 512 bytes.
    UserId = 6,
    /// A masked partition key that is not 32 bytes long.
    MaskedPartitionKey = 7,
    /// A list with more entries than the field allows.
    ListTooLong = 8,
    /// A commit without its `CommitData`, or another message with one.
    CommitData = 9,
    /// A ticket or token of the wrong length.
    TokenLength = 10,
    /// A message that does not tell where it ends, with others behind it.
    OpenEnd = 11,
    /// A bundle that asks for the same user, version and suite twice.
    Repetition = 12,
}

impl Fault {
    /// Every fault, for the way back out of the codec's error.
    const ALL: [Self; 12] = [
        Self::WireFormat,
        Self::Version,
        Self::PublicApplication,
        Self::EnumValue,
        Self::ServiceProviderId,
        Self::UserId,
        Self::MaskedPartitionKey,
        Self::ListTooLong,
        Self::CommitData,
        Self::TokenLength,
        Self::OpenEnd,
        Self::Repetition,
    ];

    /// The fault that a codec error carries, if it carries one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| *fault as u8 == code)
    }

    /// What is wrong, in a sentence without any of the bytes.
    pub fn text(self) -> &'static str {
        match self {
            Self::WireFormat => "an MLSMessage has another wire format than this field takes",
            Self::Version => "the protocol version is not mls10",
            Self::PublicApplication => "application content in a PublicMessage",
            Self::EnumValue => "an enum has a value that is not defined",
            Self::ServiceProviderId => "a ServiceProviderId is not a lower-case FQDN of 1 to 253 bytes",
            Self::UserId => "a user_id is longer than 512 bytes",
            Self::MaskedPartitionKey => "a MaskedPartitionKey is not 32 bytes long",
            Self::ListTooLong => "a list has more entries than allowed",
            Self::CommitData => "CommitData stands with a commit and only with a commit",
            Self::TokenLength => "a ticket or token has the wrong length",
            Self::OpenEnd => "a message that does not tell where it ends stands before others",
            Self::Repetition => "a bundle asks twice for the same user, version and cipher suite",
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Custom(fault as u8)
    }
}
