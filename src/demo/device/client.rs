//! The MLS clients that devices run: honest ones, and one whose owner means ill.

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider,
    client_builder::{BaseConfig, PaddingMode, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    extension::ExtensionType,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{DefaultMlsRules, EncryptionOptions},
    storage_provider::in_memory::InMemoryGroupStateStorage,
};
use mls_rs_core::group::{GroupState, GroupStateStorage};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use crate::{
    client::MemoryKeep,
    demo::{Failure, cast::Seat, mode::Mode, saboteur::Saboteur},
    mls::WireFormat,
    wire::BANNED_EXTENSION,
};

type Config<P> =
    WithMlsRules<DefaultMlsRules, WithIdentityProvider<BasicIdentityProvider, WithCryptoProvider<P, BaseConfig>>>;

/// A client that does what it should.
pub(in crate::demo) type Honest = Config<AwsLcCryptoProvider>;
/// A client whose owner decides whom its commits shut out.
pub(in crate::demo) type Malicious = Config<Saboteur>;

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

/// A client that does what it should.
///
/// # Errors
/// The MLS library's.
pub(super) fn honest(seat: &Seat, mode: Mode) -> Result<(Client<Honest>, MemoryKeep), Failure> {
    client(seat, mode, AwsLcCryptoProvider::new())
}

/// One whose commits are spoiled as the saboteur is told.
///
/// # Errors
/// The MLS library's.
pub(super) fn malicious(
    seat: &Seat,
    mode: Mode,
    saboteur: &Saboteur,
) -> Result<(Client<Malicious>, MemoryKeep), Failure> {
    client(seat, mode, saboteur.clone())
}

/// A client with a fresh signature key, and where its groups are kept.
fn client<P>(seat: &Seat, mode: Mode, crypto: P) -> Result<(Client<Config<P>>, MemoryKeep), Failure>
where
    P: CryptoProvider + Clone,
{
    let (identity, secret) = signer(seat)?;
    let client = Client::builder()
        .crypto_provider(crypto)
        .identity_provider(BasicIdentityProvider::new())
        .mls_rules(rules(mode))
        .extension_type(ExtensionType::new(BANNED_EXTENSION))
        .signing_identity(identity, secret, SUITE)
        .build();
    let keep = MemoryKeep::new(client.group_state_storage());
    Ok((client, keep))
}

/// The same client with what it has stored of a group, on a storage of its own.
///
/// # Errors
/// The MLS library's; when nothing is stored.
pub(super) fn copy(client: &Client<Malicious>, group_id: &[u8]) -> Result<(Client<Malicious>, MemoryKeep), Failure> {
    let stored = client.group_state_storage().state(group_id)?.ok_or("the group was not stored")?;
    let mut storage = InMemoryGroupStateStorage::new();
    storage.write(GroupState { id: group_id.to_vec(), data: stored }, Vec::new(), Vec::new())?;
    let copy = client.to_builder(None).group_state_storage(storage.clone()).build();
    Ok((copy, MemoryKeep::new(storage)))
}

fn signer(seat: &Seat) -> Result<(SigningIdentity, mls_rs::crypto::SignatureSecretKey), Failure> {
    let suite = AwsLcCryptoProvider::new().cipher_suite_provider(SUITE).ok_or("the cipher suite is missing")?;
    let (secret, public) = suite.signature_key_generate()?;
    let credential = BasicCredential::new(seat.identity.as_bytes().to_vec()).into_credential();
    Ok((SigningIdentity::new(credential, public), secret))
}

fn rules(mode: Mode) -> DefaultMlsRules {
    let encrypted = mode.handshakes() == WireFormat::PrivateMessage;
    DefaultMlsRules::new().with_encryption_options(EncryptionOptions::new(encrypted, PaddingMode::StepFunction))
}
