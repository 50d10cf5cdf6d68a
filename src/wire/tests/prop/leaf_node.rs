//! Leaf nodes, within KeyPackages and commits.

use proptest::{collection::vec, prelude::*};

use super::{bytes, opaque};

pub(super) fn leaf_node() -> BoxedStrategy<Vec<u8>> {
    let source = prop_oneof![
        any::<[u8; 16]>().prop_map(|lifetime| [&[1][..], &lifetime].concat()),
        Just(vec![2]),
        bytes(40).prop_map(|hash| {
            let mut encoded = vec![3];
            opaque(&mut encoded, &hash);
            encoded
        }),
    ];
    (vec(bytes(40), 10), any::<u16>(), source)
        .prop_map(|(parts, credential_type, source)| {
            let mut encoded = Vec::new();
            opaque(&mut encoded, &parts[0]);
            opaque(&mut encoded, &parts[1]);
            encoded.extend(credential_type.to_be_bytes());
            parts[2..8].iter().for_each(|part| opaque(&mut encoded, part));
            encoded.extend(source);
            opaque(&mut encoded, &parts[8]);
            opaque(&mut encoded, &parts[9]);
            encoded
        })
        .boxed()
}
