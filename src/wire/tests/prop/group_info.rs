//! GroupInfos and ratchet trees.

use proptest::{collection::vec, prelude::*};

use super::{bytes, opaque};
use crate::{
    mls::{WireGroupInfo, WireRatchetTree},
    wire::decode,
};

pub(super) fn group_info() -> BoxedStrategy<WireGroupInfo> {
    let extensions = vec((prop_oneof![any::<u16>(), 1..=4_u16], bytes(40)), 0..4);
    (any::<u16>(), bytes(70), any::<u64>(), vec(bytes(40), 5), extensions, any::<u32>())
        .prop_map(|(suite, group_id, epoch, parts, extensions, signer)| {
            let mut context = vec![0, 1];
            context.extend(suite.to_be_bytes());
            opaque(&mut context, &group_id);
            context.extend(epoch.to_be_bytes());
            parts[..3].iter().for_each(|part| opaque(&mut context, part));
            let mut list = Vec::new();
            for (kind, data) in &extensions {
                list.extend(kind.to_be_bytes());
                opaque(&mut list, data);
            }
            let mut encoded = [&[0, 1, 0, 4][..], &context].concat();
            opaque(&mut encoded, &list);
            opaque(&mut encoded, &parts[3]);
            encoded.extend(signer.to_be_bytes());
            let signed = encoded[4..].to_vec();
            opaque(&mut encoded, &parts[4]);
            let info: WireGroupInfo = decode(&encoded).unwrap();
            assert_eq!((info.group_id(), info.epoch().0), (group_id.as_slice(), epoch));
            assert_eq!((info.cipher_suite().0, info.signer()), (suite, signer));
            assert_eq!(info.group_context(), context);
            assert_eq!(info.confirmation_tag(), parts[3]);
            assert_eq!(info.to_be_signed(), signed);
            assert_eq!(info.signature(), parts[4]);
            assert_eq!(info.has_ratchet_tree(), extensions.iter().any(|(kind, _)| *kind == 2));
            info
        })
        .boxed()
}

pub(super) fn ratchet_tree() -> BoxedStrategy<WireRatchetTree> {
    bytes(200)
        .prop_map(|nodes| {
            let mut encoded = Vec::new();
            opaque(&mut encoded, &nodes);
            decode(&encoded).unwrap()
        })
        .boxed()
}
