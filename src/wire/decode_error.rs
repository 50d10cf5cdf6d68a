//! What can be wrong with bytes that somebody sent.

use crate::mls::Fault;

/// The peer's bytes are not an encoding of what they should be.
///
/// # Privacy
/// Carries no byte of the input: it may be logged and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A value or vector reaches beyond the end of the input.
    #[error("the input ends in the middle of a value")]
    Truncated,
    /// A length that could have been written in fewer bytes (RFC 9420 §2.1.2).
    #[error("a vector's length is not in its shortest form")]
    NonMinimalLength,
    /// A length prefix of the reserved form, or a vector that is too long to write.
    #[error("a vector's length is not a variable-length integer of RFC 9420")]
    InvalidLength,
    /// A presence byte other than 0 and 1.
    #[error("an optional value's presence byte is neither 0 nor 1")]
    InvalidPresence,
    /// Bytes behind the value.
    #[error("bytes are left over behind the value")]
    TrailingBytes,
    /// A rule of the structure.
    #[error("{}", .0.text())]
    Fault(Fault),
    /// Anything else that the codec refuses.
    #[error("a value is not allowed where it stands")]
    InvalidValue,
}

impl From<mls_rs_codec::Error> for DecodeError {
    fn from(error: mls_rs_codec::Error) -> Self {
        use mls_rs_codec::Error;
        match error {
            Error::UnexpectedEOF => Self::Truncated,
            Error::VarIntMinimumLengthEncoding => Self::NonMinimalLength,
            Error::InvalidVarIntPrefix(_) | Error::VarIntOutOfRange => Self::InvalidLength,
            Error::OptionOutOfRange(_) => Self::InvalidPresence,
            Error::UnexpectedTrailingData => Self::TrailingBytes,
            Error::UnsupportedEnumDiscriminant => Self::Fault(Fault::EnumValue),
            Error::Custom(code) => Fault::from_code(code).map_or(Self::InvalidValue, Self::Fault),
            _ => Self::InvalidValue,
        }
    }
}
