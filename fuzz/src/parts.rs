//! An input that consists of several byte strings, each behind its length in two bytes. What is cut short is the last
//! one, so that every input has a meaning.

/// Takes the next byte string off the front of `input`; `None` at its end.
pub fn next<'input>(input: &mut &'input [u8]) -> Option<&'input [u8]> {
    let (length, rest) = input.split_first_chunk::<2>()?;
    let (part, rest) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes(*length))));
    *input = rest;
    Some(part)
}

/// The input that consists of those byte strings.
///
/// # Panics
/// When one is longer than two bytes can say.
#[must_use]
pub fn join<Part: AsRef<[u8]>>(parts: &[Part]) -> Vec<u8> {
    let mut input = Vec::new();
    for part in parts {
        let part = part.as_ref();
        let length = u16::try_from(part.len()).expect("parts of inputs are short");
        input.extend_from_slice(&length.to_be_bytes());
        input.extend_from_slice(part);
    }
    input
}
