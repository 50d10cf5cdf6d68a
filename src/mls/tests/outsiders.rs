//! External commits and proposals: their form, and what their signatures say, on what mls-rs made and on what nobody did.

use mls_rs::mls_rs_codec::{MlsDecode, MlsEncode, byte_vec};

use super::{
    super::{
        ExternalCommit, ExternalProposal, NotAnExternalCommit, NotAnExternalProposal, Proof, WireGroupInfo, WireMessage,
    },
    clients::{SUITES, Transcript, transcript},
};

const GROUP: &[u8] = b"mimi://hub.example/g/AAAAAAAAAAAAAAAAAAAAAA";

fn bytes(told: &Transcript, name: &str) -> Vec<u8> {
    told.samples.iter().find(|sample| sample.name == name).unwrap_or_else(|| panic!("no {name}")).bytes.clone()
}

fn message(told: &Transcript, name: &str) -> WireMessage {
    WireMessage::parse(&bytes(told, name)).unwrap()
}

fn group_info(told: &Transcript, name: &str) -> WireGroupInfo {
    WireGroupInfo::mls_decode_exhaustive(&bytes(told, name)).unwrap()
}

#[test]
fn a_commit_proves_the_state_that_it_was_made_for_in_every_suite() {
    for suite in SUITES {
        let told = transcript(suite, false, GROUP);
        let commit = ExternalCommit::of(&message(&told, "external_commit_resync")).unwrap();
        assert!(commit.is_resync());
        assert_eq!(commit.proof_for(&group_info(&told, "group_info_1")), Proof::Valid, "suite {suite}");
        // Without its tree it has the same GroupContext.
        assert_eq!(commit.proof_for(&group_info(&told, "group_info_1_without_tree")), Proof::Valid);
        for other in ["group_info_0", "group_info_2"] {
            assert_eq!(commit.proof_for(&group_info(&told, other)), Proof::Invalid);
        }
        // The same epoch number of a group that has the same id.
        let elsewhere = transcript(suite, false, GROUP);
        assert_eq!(commit.proof_for(&group_info(&elsewhere, "group_info_1")), Proof::Invalid);
    }
}

#[test]
fn no_byte_of_what_is_signed_can_be_changed() {
    let told = transcript(1, false, GROUP);
    let (info, original) = (group_info(&told, "group_info_1"), bytes(&told, "external_commit_resync"));
    let tag = 33; // confirmation_tag<V> is not signed: it comes of what is
    for at in 0..original.len() - tag {
        let mut changed = original.clone();
        changed[at] ^= 1;
        let Ok(changed) = WireMessage::parse(&changed) else { continue };
        if let Ok(commit) = ExternalCommit::of(&changed) {
            assert_ne!(commit.proof_for(&info), Proof::Valid, "byte {at}");
        }
    }
}

/// The commit with other proposals in it.
fn with_proposals(original: &[u8], proposals: &[&[u8]]) -> WireMessage {
    // version, wire format; group id; epoch; sender; authenticated_data (none); content type
    let at = 4 + 1 + GROUP.len() + 8 + 1 + 1 + 1;
    let mut reader = &original[at..];
    let _proposals: Vec<u8> = byte_vec::mls_decode(&mut reader).unwrap();
    let mut changed = original[..at].to_vec();
    byte_vec::mls_encode(&proposals.concat(), &mut changed).unwrap();
    changed.extend(reader);
    WireMessage::parse(&changed).unwrap()
}

const INIT: &[u8] = &[1, 0, 6, 1, 0xaa];
const REMOVE: &[u8] = &[1, 0, 3, 0, 0, 0, 1];
const PSK: &[u8] = &[1, 0, 4, 1, 1, 0xbb, 1, 0xcc];
const REFERENCE: &[u8] = &[2, 2, 0xdd, 0xee];

#[test]
fn an_external_commit_holds_what_it_may_and_nothing_else() {
    let told = transcript(1, false, GROUP);
    let original = bytes(&told, "external_commit_resync");
    let of =
        |proposals: &[&[u8]]| ExternalCommit::of(&with_proposals(&original, proposals)).map(|found| found.is_resync());
    assert_eq!(of(&[INIT]), Ok(false));
    assert_eq!(of(&[PSK, INIT, REFERENCE, REMOVE, PSK]), Ok(true));
    assert_eq!(of(&[]), Err(NotAnExternalCommit::ExternalInit));
    assert_eq!(of(&[REMOVE, PSK]), Err(NotAnExternalCommit::ExternalInit));
    assert_eq!(of(&[INIT, INIT]), Err(NotAnExternalCommit::ExternalInit));
    assert_eq!(of(&[INIT, REMOVE, REMOVE]), Err(NotAnExternalCommit::Removes));
    let mut add = vec![1, 0, 1];
    add.extend(bytes(&told, "key_package"));
    let context_extensions: &[u8] = &[1, 0, 7, 0];
    let reinit: &[u8] = &[1, 0, 5, 0, 0, 1, 0, 1, 0];
    let self_remove: &[u8] = &[1, 0, 10];
    let own: &[u8] = &[1, 0xf1, 0x01, 0];
    for other in [add.as_slice(), context_extensions, reinit, self_remove, own] {
        assert_eq!(of(&[INIT, other]), Err(NotAnExternalCommit::Proposal));
        assert_eq!(of(&[other, INIT]), Err(NotAnExternalCommit::Proposal));
    }
    // What ends too soon, and what is neither a proposal nor a reference.
    for broken in [&[1][..], &[1, 0], &[1, 0, 3, 0, 0], &[2, 5, 0], &[3, 0], &[1, 0, 6, 9]] {
        assert_eq!(of(&[INIT, broken]), Err(NotAnExternalCommit::Proposal), "{broken:?}");
    }
    // One that mls-rs made, with a proposal of its own kind.
    let refused = ExternalCommit::of(&message(&told, "external_commit"));
    assert_eq!(refused, Err(NotAnExternalCommit::Proposal));
}

#[test]
fn other_messages_are_no_external_commits() {
    for encrypted in [false, true] {
        let told = transcript(1, encrypted, GROUP);
        for name in ["commit_path_only", "commit_add", "application", "proposal_remove", "new_member_proposal"] {
            let refused = ExternalCommit::of(&message(&told, name));
            assert_eq!(refused, Err(NotAnExternalCommit::Sender), "{name}");
        }
    }
    // Without a path there is no leaf: presence byte 0 in place of 1, and what followed it gone.
    let told = transcript(1, false, GROUP);
    let original = with_proposals(&bytes(&told, "external_commit_resync"), &[INIT]);
    let at = 4 + 1 + GROUP.len() + 8 + 1 + 1 + 1 + 1 + INIT.len();
    let mut without = original.bytes()[..at].to_vec();
    without.push(0);
    byte_vec::mls_encode(&vec![7_u8; 64], &mut without).unwrap();
    byte_vec::mls_encode(&vec![8_u8; 32], &mut without).unwrap();
    let refused = ExternalCommit::of(&WireMessage::parse(&without).unwrap());
    assert_eq!(refused, Err(NotAnExternalCommit::Path));
}

#[test]
fn proposals_are_signed_by_who_they_say() {
    for suite in SUITES {
        let told = transcript(suite, false, GROUP);
        let info = group_info(&told, "group_info_1");
        let asks = ExternalProposal::of(&message(&told, "new_member_proposal")).unwrap();
        assert!(asks.is_from_new_member());
        assert_eq!(asks.own_proof(info.cipher_suite()), Proof::Valid);
        assert_eq!(asks.own_proof(super::super::CipherSuite(99)), Proof::Invalid, "not the group's suite");
        for name in ["external_remove", "external_add"] {
            let proposal = ExternalProposal::of(&message(&told, name)).unwrap();
            assert!(!proposal.is_from_new_member());
            assert_eq!(proposal.own_proof(info.cipher_suite()), Proof::Unknown);
            assert_eq!(proposal.proof_for(&info), Proof::Valid, "{name} in suite {suite}");
            let elsewhere = transcript(suite, false, GROUP);
            assert_eq!(proposal.proof_for(&group_info(&elsewhere, "group_info_1")), Proof::Invalid);
        }
        // Nobody can tell where it ends, and so not what is signed.
        let open = ExternalProposal::of(&message(&told, "external_custom")).unwrap();
        assert_eq!(open.proof_for(&info), Proof::Unknown);
    }
    let told = transcript(1, false, GROUP);
    let refused = ExternalProposal::of(&message(&told, "proposal_add"));
    assert_eq!(refused, Err(NotAnExternalProposal::Sender), "a member's");
    // A new member that wants somebody else out.
    let mut remove = bytes(&told, "external_remove");
    let at = 4 + 1 + GROUP.len() + 8;
    assert_eq!(remove[at..at + 5], [2, 0, 0, 0, 0]);
    remove.splice(at..at + 5, [3]);
    let refused = ExternalProposal::of(&WireMessage::parse(&remove).unwrap());
    assert_eq!(refused, Err(NotAnExternalProposal::Proposal));
    let whole = told.joined.groups[0].context().mls_encode_to_vec().unwrap();
    assert_eq!(group_info(&told, "group_info_1").group_context(), whole, "it is this epoch's");
}
