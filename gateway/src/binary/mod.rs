//! Binary HTTP messages (RFC 9292): requests are decoded, final responses are encoded.
//!
//! Decoding is strict, because what is in a message was chosen by somebody whom nobody knows: every name, value, length
//! and byte of padding is looked at, and what HTTP/1.1, HTTP/2 or a field parser could read in two ways is refused.
//! Nothing here decides what may be asked for.

mod date;
mod field;
mod fields;
mod reader;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use date::{date_of, format_date, imf_fixdate};
pub use request::BinaryRequest;
pub use response::{DoesNotFit, Padded};

/// The bytes are not a valid binary request.
///
/// # Privacy
/// Says what rule was broken and no byte of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The framing indicator is not that of a request.
    #[error("the framing indicator is not that of a request")]
    Framing,
    /// The message ends inside of something.
    #[error("the message is truncated")]
    Truncated,
    /// Bytes other than zero follow the message.
    #[error("the padding is not of zeros")]
    Padding,
    /// Method, scheme, authority or path is not of its form.
    #[error("the control data is invalid")]
    Control,
    /// A field name is empty, not a lower-case token, or a pseudo-field.
    #[error("a field name is invalid")]
    FieldName,
    /// A field value has bytes or surrounding whitespace that it must not have.
    #[error("a field value is invalid")]
    FieldValue,
    /// More fields than anybody needs.
    #[error("there are too many fields")]
    TooManyFields,
    /// A field contradicts the message: another length, another host, or a transfer coding.
    #[error("a field contradicts the message")]
    Contradiction,
}
