//! External proposals, from new members and from external senders (J7).

use mls_rs::{
    CipherSuiteProvider, CryptoProvider,
    extension::built_in::ExternalSendersExt,
    external_client::ExternalClient,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::*;
use crate::{client::propose_joining, mls::WireMessage, sequencer::Rejection, wire::ExternalProposalRequest};

const FORGED: Error = Error::Rejected(Rejection::InvalidSignature);
const STALE: Error = Error::Rejected(Rejection::StaleJoin);

fn altered(request: &ExternalProposalRequest, alter: impl FnOnce(&mut Vec<u8>)) -> ExternalProposalRequest {
    let mut bytes = request.message.bytes().to_vec();
    alter(&mut bytes);
    ExternalProposalRequest { message: WireMessage::parse(&bytes).unwrap() }
}

fn flip_last(bytes: &mut [u8]) {
    *bytes.last_mut().unwrap() ^= 1;
}

fn proposals(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Proposal { .. })).count()
}

#[tokio::test]
async fn a_new_member_s_proposal_reaches_every_newest_epoch_once() {
    let mut town = Town::found(open(), true).await;
    let published = town.published(&user("dora"), None).await.unwrap();
    let dora = client("dora", Handshakes::Public);
    let here = provider("third.example");
    let (_package, request) = propose_joining(&dora, &here, &town.group_id, &published).unwrap();
    let service = town.setup.service.clone();
    let from = peer("third.example");
    let accepted = service.external_proposal(&from, request.clone()).await.unwrap();
    town.setup.clock.advance(1000);
    assert_eq!(service.external_proposal(&from, request.clone()).await.unwrap(), accepted);
    assert!(town.read_all().await.iter().all(|events| proposals(events) == 1));

    let forged = altered(&request, |bytes| flip_last(bytes));
    assert_eq!(service.external_proposal(&from, forged).await, Err(FORGED));
    let (_package, dora) = propose_joining(&dora, &here, &town.group_id, &published).unwrap();
    town.commit(0, true).await;
    assert_eq!(service.external_proposal(&from, dora).await, Err(STALE), "its epoch is over");
    let published = town.published(&user("dora"), None).await.unwrap();
    let elsewhere = client("erin", Handshakes::Public);
    let (_package, request) = propose_joining(&elsewhere, &here, &town.group_id, &published).unwrap();
    service.external_proposal(&from, request).await.unwrap();
}

/// Who the external senders are is in the GroupContext; where the hub has none to look at, it takes what it cannot judge.
#[tokio::test]
async fn external_senders_are_told_by_the_group_info() {
    let crypto = AwsLcCryptoProvider::new();
    let suite = mls_rs::CipherSuite::CURVE25519_AES128;
    let sender = |name: &str| {
        let (secret, public) = crypto.cipher_suite_provider(suite).unwrap().signature_key_generate().unwrap();
        let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
        (secret, SigningIdentity::new(credential, public))
    };
    let (guard, mallory) = (sender("guard"), sender("mallory"));
    let mut town = Town::found(open(), true).await;
    let mut extensions = ExtensionList::new();
    extensions.set_from(ExternalSendersExt::new(vec![guard.1.clone()])).unwrap();
    let options = crate::client::CommitOptions::default().with_group_info(true);
    let commit = town.people[0].group.commit(|builder| builder.set_group_context_ext(extensions.clone()), &options);
    town.setup.send(&user("alice"), commit.unwrap()).await.unwrap();
    town.read_all().await;

    let propose = |town: &Town, (secret, identity): &(mls_rs::crypto::SignatureSecretKey, SigningIdentity)| {
        let outsider = ExternalClient::builder()
            .identity_provider(BasicIdentityProvider::new())
            .crypto_provider(AwsLcCryptoProvider::new())
            .signer(secret.clone(), identity.clone())
            .build();
        let info = MlsMessage::from_bytes(town.people[0].group.group_info().unwrap().bytes()).unwrap();
        let mut observed = outsider.observe_group(info, None, None).unwrap();
        let message = observed.propose_group_context_extensions(extensions.clone(), Vec::new()).ok()?;
        Some(ExternalProposalRequest { message: WireMessage::parse(&message.to_bytes().unwrap()).unwrap() })
    };
    let service = town.setup.service.clone();
    let from = peer("third.example");
    let good = propose(&town, &guard).unwrap();
    assert_eq!(propose(&town, &mallory), None, "mls-rs knows who is a sender");
    assert_eq!(service.external_proposal(&from, altered(&good, |bytes| flip_last(bytes))).await, Err(FORGED));
    // A sender whom the group does not know: sender_index 1 behind the sender's type.
    let id = &town.group_id;
    let at = good.message.bytes().windows(id.len()).position(|bytes| bytes == &id[..]).unwrap() + id.len() + 8;
    let unknown = altered(&good, |bytes| bytes[at + 4] = 1);
    assert_eq!(service.external_proposal(&from, unknown).await, Err(FORGED));
    service.external_proposal(&from, good).await.unwrap();
    assert!(town.read_all().await.iter().all(|events| proposals(events) == 1));

    // Now without a GroupInfo: forged or not, it is for members to judge.
    town.commit(0, false).await;
    town.read_all().await;
    let unjudged = altered(&propose(&town, &guard).unwrap(), |bytes| flip_last(bytes));
    service.external_proposal(&from, unjudged).await.unwrap();
    assert!(town.read_all().await.iter().all(|events| proposals(events) == 0));
}
