//! External commits that take up proposals by reference: SelfRemoves, and nothing else that the hub can see.

use mls_rs::{
    CipherSuiteProvider, Client, CryptoProvider,
    client_builder::MlsConfig,
    crypto::SignatureSecretKey,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rs_codec::byte_vec,
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::*;
use crate::{
    client::tests::cast::SUITE,
    mls::{CipherSuite, NotAnExternalCommit, ProposalRef, WireMessage},
    sequencer::Rejection,
};

/// Somebody whose key for signatures is known here.
fn signer(name: &str) -> (Client<impl MlsConfig + use<>>, SignatureSecretKey) {
    let crypto = AwsLcCryptoProvider::new();
    let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
    let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
    let client = Client::builder()
        .crypto_provider(crypto)
        .identity_provider(BasicIdentityProvider::new())
        .signing_identity(SigningIdentity::new(credential, public), secret.clone(), SUITE)
        .build();
    (client, secret)
}

fn vector(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    byte_vec::mls_encode(&content.to_vec(), &mut bytes).unwrap();
    bytes
}

/// The join, signed again around one more reference.
fn taking_up(
    request: &ExternalJoinRequest,
    published: &GroupInfoResponse,
    secret: &SignatureSecretKey,
    reference: &[u8; 32],
) -> ExternalJoinRequest {
    const SIGNATURE: usize = 2 + 64;
    const CONFIRMATION_TAG: usize = 1 + 32;
    let bytes = request.message.bytes();
    // Version, wire format, group id, epoch, sender, no authenticated data, content type.
    let start = 4 + 1 + request.message.group_id().len() + 8 + 1 + 1 + 1;
    let signature = bytes.len() - CONFIRMATION_TAG - SIGNATURE;
    let mut rest = &bytes[start..signature];
    let proposals: Vec<u8> = byte_vec::mls_decode(&mut rest).unwrap();
    let with_reference = [&proposals[..], &[2], &vector(reference)].concat();
    let content = [&bytes[..start], &vector(&with_reference), rest].concat();
    let signed = [&content[..], published.group_info.group_context()].concat();
    let to_sign = [vector(b"MLS 1.0 FramedContentTBS"), vector(&signed)].concat();
    let provider = AwsLcCryptoProvider::new().cipher_suite_provider(SUITE).unwrap();
    let signature = provider.sign(secret, &to_sign).unwrap();
    let message = [&content[..], &vector(&signature), &bytes[bytes.len() - CONFIRMATION_TAG..]].concat();
    ExternalJoinRequest { message: WireMessage::parse(&message).unwrap(), commit_data: request.commit_data.clone() }
}

#[tokio::test]
async fn a_join_takes_up_no_proposal_but_a_self_remove() {
    let mut town = Town::found(open(), true).await;
    let carol = town.people[2].group.group().current_member_index();
    let removal = town.people[1].group.propose_remove(carol, Vec::new()).unwrap();
    town.setup.send(&town.people[1].from, removal.clone()).await.unwrap();
    let reference = ProposalRef::of(&removal.message, CipherSuite(SUITE.into())).unwrap();

    let published = town.published(&user("dora"), None).await.unwrap();
    let (dora, secret) = signer("dora");
    let options = JoinOptions::default();
    let (_group, request) =
        PartitionedGroup::join_externally(&dora, hub_id(), &town.group_id, &published, &options).unwrap();
    let wrong = taking_up(&request, &published, &secret, reference.as_bytes());
    let refused = Error::Rejected(Rejection::NotAnExternalCommit(NotAnExternalCommit::Proposal));
    assert_eq!(town.join(&user("dora"), wrong, None).await, Err(refused));
    // What the hub has not seen may be one: members see more.
    let unknown = taking_up(&request, &published, &secret, &[7; 32]);
    assert_eq!(town.join(&user("dora"), unknown, None).await.unwrap().index, 1);
}
