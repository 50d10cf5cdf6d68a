//! Bearer tokens.

use proptest::prelude::*;

use super::bytes;
use crate::wire::BearerTokenKind;

pub(super) fn kind_and_handle() -> BoxedStrategy<(BearerTokenKind, Vec<u8>)> {
    prop_oneof![
        Just((BearerTokenKind::Shared, Vec::new())),
        bytes(64).prop_map(|handle| (BearerTokenKind::Unique, handle))
    ]
    .boxed()
}
