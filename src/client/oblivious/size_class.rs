//! Sizes that tell little (RFC 9458 §6.2.3, RFC 9292 §3.8).

/// The sizes of binary requests, in bytes, padding included. What goes to the relay is longer by what HPKE adds, which
/// depends on the KEM alone: 55 bytes with X25519, 1143 with X-Wing.
const REQUEST_CLASSES: [usize; 5] = [1024, 2048, 4096, 8192, REQUEST_MAX];
/// The largest of them.
pub(super) const REQUEST_MAX: usize = 16 * 1024;

/// The size to which a binary request of `length` bytes is padded; `None` when it is longer than all classes.
pub(super) fn request_class(length: usize) -> Option<usize> {
    REQUEST_CLASSES.into_iter().find(|class| length <= *class)
}

/// The smallest binary response that a gateway of ours gives, in bytes, padding included.
const RESPONSE_CLASS_MIN: usize = 8 * 1024;
/// What encapsulation adds to a response at most: a nonce of 32 bytes and a tag of 16 (RFC 9458 §4.4).
const RESPONSE_OVERHEAD_MAX: usize = 48;

/// The longest encapsulated response to a bundle of `requests`: the class of the response is a function of the bundle,
/// whatever the outcome.
pub(super) fn response_max(requests: usize) -> usize {
    RESPONSE_CLASS_MIN * requests.max(1).next_power_of_two() + RESPONSE_OVERHEAD_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_end_where_the_next_begins() {
        let sizes = [(0, 1024), (1024, 1024), (1025, 2048), (4096, 4096), (8193, 16_384), (16_384, 16_384)];
        for (length, class) in sizes {
            assert_eq!(request_class(length), Some(class), "{length}");
        }
        assert_eq!(request_class(16_385), None);
    }

    #[test]
    fn a_response_grows_with_the_bundle_and_with_nothing_else() {
        let sizes = [(0, 8), (1, 8), (2, 16), (3, 32), (4, 32), (17, 256), (32, 256)];
        for (requests, kib) in sizes {
            assert_eq!(response_max(requests), kib * 1024 + 48, "{requests}");
        }
    }
}
