//! Names of providers.

use proptest::prelude::*;

use crate::wire::ServiceProviderId;

pub(super) fn provider() -> BoxedStrategy<ServiceProviderId> {
    "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\\.[a-z]([a-z0-9-]{0,20}[a-z0-9])?"
        .prop_map(|name| name.parse().unwrap())
        .boxed()
}
