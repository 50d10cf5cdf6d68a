//! GroupInfos that lie about one thing each.

use mls_rs::{
    CipherSuiteProvider,
    crypto::SignatureSecretKey,
    mls_rs_codec::{MlsDecode, MlsEncode, byte_vec},
};

use super::cast::{client_and_key, info, key_package, named, observe, tree, wire_info};
use crate::mls::{
    GroupInfoMismatch, PublicState, Unobservable, WireGroupInfo,
    tests::clients::{self, SUITES, banned, crypto},
};

/// A group of two, and the founder's key.
struct Group {
    suite: u16,
    founder: super::cast::Member,
    key: SignatureSecretKey,
}

fn group(suite: u16) -> Group {
    let (founder, key) = client_and_key(suite, clients::basic("founder"));
    let mut founder =
        founder.create_group_with_id(b"a group".to_vec(), banned("mallory"), Default::default(), None).unwrap();
    founder.commit_builder().add_member(key_package(&named(suite, "guest"))).unwrap().build().unwrap();
    founder.apply_pending_commit().unwrap();
    Group { suite, founder, key }
}

/// The parts of a GroupInfo, each of which may be changed before it is signed again.
struct Parts {
    context: mls_rs::group::GroupContext,
    extensions: Vec<u8>,
    confirmation_tag: Vec<u8>,
    signer: u32,
}

impl Parts {
    fn of(info: &WireGroupInfo) -> Self {
        let context = mls_rs::group::GroupContext::mls_decode(&mut info.group_context()).unwrap();
        let mut behind = &info.to_be_signed()[info.group_context().len()..];
        let extensions = byte_vec::mls_decode(&mut behind).unwrap();
        Self { context, extensions, confirmation_tag: info.confirmation_tag().to_vec(), signer: info.signer() }
    }

    fn sign(&self, suite: u16, key: &SignatureSecretKey) -> WireGroupInfo {
        let mut content = self.context.mls_encode_to_vec().unwrap();
        byte_vec::mls_encode(&self.extensions, &mut content).unwrap();
        byte_vec::mls_encode(&self.confirmation_tag, &mut content).unwrap();
        content.extend(self.signer.to_be_bytes());
        let mut signed = Vec::new();
        byte_vec::mls_encode(&b"MLS 1.0 GroupInfoTBS".to_vec(), &mut signed).unwrap();
        byte_vec::mls_encode(&content, &mut signed).unwrap();
        let signature = crypto(suite).sign(key, &signed).unwrap();
        let mut message = vec![0, 1, 0, 4];
        message.extend(content);
        byte_vec::mls_encode(&signature, &mut message).unwrap();
        WireGroupInfo::mls_decode_exhaustive(&message).unwrap()
    }
}

#[test]
fn each_lie_has_its_name() {
    for suite in SUITES {
        let Group { founder, key, .. } = group(suite);
        let (state, honest) = (observe(&founder), info(&founder, true));
        let lie = |change: &dyn Fn(&mut Parts)| {
            let mut parts = Parts::of(&honest);
            change(&mut parts);
            parts.sign(suite, &key)
        };
        let check = |change: &dyn Fn(&mut Parts)| state.check(&lie(change)).err();
        assert_eq!(check(&|_| {}), None, "what is signed again is what was signed");
        assert_eq!(check(&|parts| parts.extensions = Vec::new()), None, "a GroupInfo without a tree");
        assert_eq!(check(&|parts| parts.context.epoch = 2), Some(GroupInfoMismatch::Epoch));
        assert_eq!(check(&|parts| parts.context.group_id.push(b'x')), Some(GroupInfoMismatch::Epoch));
        let other = if suite == 1 { 3 } else { 1 };
        assert_eq!(
            check(&|parts| parts.context.cipher_suite = mls_rs::CipherSuite::new(other)),
            Some(GroupInfoMismatch::Suite)
        );
        assert_eq!(check(&|parts| parts.context.tree_hash[0] ^= 1), Some(GroupInfoMismatch::Context));
        assert_eq!(check(&|parts| parts.context.extensions = banned("alice")), Some(GroupInfoMismatch::Context));
        assert_eq!(
            check(&|parts| parts.context.confirmed_transcript_hash = vec![7; 32].into()),
            Some(GroupInfoMismatch::Context)
        );
        assert_eq!(check(&|parts| parts.confirmation_tag[5] ^= 1), Some(GroupInfoMismatch::ConfirmationTag));
        assert_eq!(check(&|parts| parts.confirmation_tag.truncate(5)), Some(GroupInfoMismatch::ConfirmationTag));
        assert_eq!(check(&|parts| parts.signer = 1), Some(GroupInfoMismatch::Signature), "somebody else's leaf");
        for nobody in [2, 3, 1 << 24, u32::MAX] {
            assert_eq!(check(&|parts| parts.signer = nobody), Some(GroupInfoMismatch::Signer));
        }
        let stranger = crypto(suite).signature_key_generate().unwrap().0;
        assert_eq!(state.check(&Parts::of(&honest).sign(suite, &stranger)), Err(GroupInfoMismatch::Signature));
        // The tree of the epoch before.
        let elsewhere = group(suite);
        let tree = tree(&elsewhere.founder);
        let lie = lie(&|parts| {
            parts.extensions = 2_u16.to_be_bytes().to_vec();
            byte_vec::mls_encode(tree.bytes(), &mut parts.extensions).unwrap();
        });
        assert_eq!(state.check(&lie), Err(GroupInfoMismatch::Tree));
        assert_eq!(PublicState::observe(&lie, None).unwrap_err(), Unobservable::TreeHash);
    }
}

#[test]
fn a_group_is_not_observed_from_a_lie() {
    let Group { suite, founder, key } = group(1);
    let honest = info(&founder, true);
    let observe = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::of(&honest);
        change(&mut parts);
        PublicState::observe(&parts.sign(suite, &key), None).err()
    };
    assert_eq!(observe(&|_| {}), None);
    assert_eq!(observe(&|parts| parts.context.tree_hash[0] ^= 1), Some(Unobservable::TreeHash));
    assert_eq!(observe(&|parts| parts.signer = 1), Some(Unobservable::Signature));
    assert_eq!(observe(&|parts| parts.signer = 2), Some(Unobservable::Invalid));
    assert_eq!(observe(&|parts| parts.extensions = Vec::new()), Some(Unobservable::NoTree));
    for suite in [0, 4, 6, 99] {
        let cipher_suite = mls_rs::CipherSuite::new(suite);
        assert_eq!(observe(&|parts| parts.context.cipher_suite = cipher_suite), Some(Unobservable::UnknownSuite));
    }
    let other = mls_rs::CipherSuite::new(7);
    assert!(observe(&|parts| parts.context.cipher_suite = other).is_some());
    // A tree that is no tree.
    let unreadable = vec![0, 2, 3, 2, 9, 9];
    assert_eq!(observe(&|parts| parts.extensions = unreadable.clone()), Some(Unobservable::Encoding));
}

#[test]
fn the_tree_may_stand_beside() {
    let Group { founder, .. } = group(1);
    let (without, beside) = (info(&founder, false), tree(&founder));
    let state = PublicState::observe(&without, Some(&beside)).unwrap();
    assert_eq!(state.save(), observe(&founder).save());
    assert_eq!(PublicState::observe(&without, None).unwrap_err(), Unobservable::NoTree);
    let other = tree(&group(1).founder);
    assert_eq!(PublicState::observe(&without, Some(&other)).unwrap_err(), Unobservable::TreeHash);
    // The one inside is the one that counts.
    assert!(PublicState::observe(&info(&founder, true), Some(&other)).is_ok());
    // Two of the same suite and epoch are told apart.
    let another = group(1);
    let message = another.founder.group_info_message_allowing_ext_commit(true).unwrap();
    assert_eq!(state.check(&wire_info(&message)), Err(GroupInfoMismatch::Context));
}

#[test]
fn no_bit_of_a_group_info_can_be_changed() {
    let Group { founder, .. } = group(1);
    let (state, honest) = (observe(&founder), founder.group_info_message_allowing_ext_commit(false).unwrap());
    let honest = honest.to_bytes().unwrap();
    for at in 0..honest.len() * 8 {
        let mut changed = honest.clone();
        changed[at / 8] ^= 1 << (at % 8);
        if let Ok(changed) = WireGroupInfo::mls_decode_exhaustive(&changed) {
            assert!(state.check(&changed).is_err(), "bit {at}");
        }
    }
}
