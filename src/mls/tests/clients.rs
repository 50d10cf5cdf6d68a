//! Real groups, made with mls-rs: a message of every kind that RFC 9420 has, for the tests of this layer and for the
//! published vectors (`tests/vectors.rs` takes this file in by path).
//!
//! Keys and signatures differ from run to run; which messages there are, and in which order, does not.

#![allow(dead_code, reason = "shared by two test crates, neither of which uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up fails loudly")]

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList, Group, IdentityProvider, MlsMessage,
    ProtocolVersion,
    client_builder::{BaseConfig, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    crypto::SignatureSecretKey,
    error::IntoAnyError,
    extension::{ExtensionType, built_in::ExternalSendersExt, recommended::LastResortKeyPackageExt},
    external_client::ExternalClient,
    group::proposal::{CustomProposal, ProposalType},
    identity::{Credential, CredentialType, CustomCredential, SigningIdentity, basic::BasicCredential, x509},
    mls_rs_codec::MlsEncode,
    mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions},
    psk::{ExternalPskId, PreSharedKey},
    time::MlsTime,
};
use mls_rs_core::{extension::Extension, identity::MemberValidationContext};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

/// The suites of RFC 9420 that AWS-LC has.
pub(crate) const SUITES: [u16; 5] = [1, 2, 3, 5, 7];
/// A proposal type and an extension type from the private-use ranges.
pub(crate) const CUSTOM_PROPOSAL: u16 = 0xf101;
const BANNED: u16 = 0xf0d5;

pub(crate) type Config =
    WithMlsRules<DefaultMlsRules, WithCryptoProvider<AwsLcCryptoProvider, WithIdentityProvider<Anyone, BaseConfig>>>;

/// Takes every credential, also X.509 chains that are none and types of our own: this is about framing.
#[derive(Clone, Debug)]
pub(crate) struct Anyone;

#[derive(Debug, thiserror::Error)]
#[error("never happens")]
pub(crate) struct Never;

impl IntoAnyError for Never {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

impl IdentityProvider for Anyone {
    type Error = Never;

    fn validate_member(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), Never> {
        Ok(())
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), Never> {
        Ok(())
    }

    fn identity(&self, identity: &SigningIdentity, _: &ExtensionList) -> Result<Vec<u8>, Never> {
        Ok(identity.signature_key.to_vec())
    }

    fn valid_successor(&self, _: &SigningIdentity, _: &SigningIdentity, _: &ExtensionList) -> Result<bool, Never> {
        Ok(true)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CredentialType::BASIC, CredentialType::X509, CredentialType::new(0xf00d)]
    }
}

/// Which structure the bytes of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    /// `MLSMessage` with a PublicMessage or PrivateMessage.
    Message,
    /// `MLSMessage` with a Welcome.
    Welcome,
    /// `MLSMessage` with a GroupInfo.
    GroupInfo,
    /// A bare `KeyPackage`.
    KeyPackage,
    /// A bare ratchet tree.
    RatchetTree,
}

/// One structure as mls-rs encodes it, and what the test knows of it without decoding it.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) structure: Structure,
    pub(crate) bytes: Vec<u8>,
    /// What the sender put there; empty for structures without.
    pub(crate) authenticated_data: Vec<u8>,
    /// Of a GroupInfo.
    pub(crate) has_ratchet_tree: bool,
}

/// An epoch that was reached through a Welcome, with what only its members know.
pub(crate) struct JoinedEpoch {
    pub(crate) cipher_suite: u16,
    /// The encoded `GroupContext`.
    pub(crate) group_context: Vec<u8>,
    /// From the Welcome, opened with the new member's init key.
    pub(crate) joiner_secret: Vec<u8>,
    /// The committer's and the new member's group.
    pub(crate) groups: [Group<Config>; 2],
}

/// Everything that one group sent.
pub(crate) struct Transcript {
    pub(crate) samples: Vec<Sample>,
    /// Epoch number and partition key for [`HUB`], in order.
    pub(crate) partition_keys: Vec<(u64, Vec<u8>)>,
    pub(crate) joined: JoinedEpoch,
    /// The public signature key of whoever signed the GroupInfos.
    pub(crate) signer: mls_rs::crypto::SignaturePublicKey,
}

pub(crate) const HUB: &str = "hub.example";
pub(crate) const LABEL: &[u8] = b"mimi-ds partition key";

/// `struct { ServiceProviderId hub; }`, written without the code under test.
pub(crate) fn exporter_context(hub: &str) -> Vec<u8> {
    [&[u8::try_from(hub.len()).unwrap()], hub.as_bytes()].concat()
}

pub(crate) fn partition_key(group: &Group<Config>) -> Vec<u8> {
    group.export_secret(LABEL, &exporter_context(HUB), 16).unwrap().to_vec()
}

pub(crate) fn crypto(suite: u16) -> impl CipherSuiteProvider {
    AwsLcCryptoProvider::new().cipher_suite_provider(CipherSuite::new(suite)).unwrap()
}

pub(crate) fn identity(suite: u16, credential: Credential) -> (SigningIdentity, SignatureSecretKey) {
    let (secret, public) = crypto(suite).signature_key_generate().unwrap();
    (SigningIdentity::new(credential, public), secret)
}

pub(crate) fn basic(name: &str) -> Credential {
    BasicCredential::new(name.as_bytes().to_vec()).into_credential()
}

pub(crate) fn x509() -> Credential {
    x509::CertificateChain::from(vec![b"leaf certificate".to_vec(), b"issuer certificate".to_vec()]).into_credential()
}

fn custom_credential() -> Credential {
    Credential::Custom(CustomCredential::new(CredentialType::new(0xf00d), b"a credential of our own".to_vec()))
}

pub(crate) fn client(suite: u16, credential: Credential, rules: DefaultMlsRules) -> Client<Config> {
    let (identity, secret) = identity(suite, credential);
    Client::builder()
        .identity_provider(Anyone)
        .crypto_provider(AwsLcCryptoProvider::new())
        .mls_rules(rules)
        .extension_type(ExtensionType::new(BANNED))
        .custom_proposal_type(ProposalType::new(CUSTOM_PROPOSAL))
        .psk(ExternalPskId::new(b"a shared password".to_vec()), PreSharedKey::new(vec![7; 32]))
        .signing_identity(identity, secret, CipherSuite::new(suite))
        .build()
}

pub(crate) fn banned(name: &str) -> ExtensionList {
    let entry = [&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
    let data = [&[u8::try_from(entry.len()).unwrap()], entry.as_slice()].concat();
    vec![Extension::new(ExtensionType::new(BANNED), data)].into()
}

pub(crate) fn key_package(client: &Client<Config>) -> MlsMessage {
    client.generate_key_package_message(ExtensionList::default(), ExtensionList::default(), None).unwrap()
}

/// The KeyPackage out of its `MLSMessage`: behind version and wire format.
fn bare(message: &MlsMessage) -> Vec<u8> {
    message.to_bytes().unwrap()[4..].to_vec()
}

pub(crate) fn rules(encrypted: bool) -> DefaultMlsRules {
    DefaultMlsRules::new()
        .with_encryption_options(EncryptionOptions::new(encrypted, Default::default()))
        .with_commit_options(CommitOptions::new().with_allow_external_commit(true))
}

impl Transcript {
    fn push(&mut self, name: &str, structure: Structure, bytes: Vec<u8>) -> &mut Sample {
        self.samples.push(Sample {
            name: name.to_owned(),
            structure,
            bytes,
            authenticated_data: Vec::new(),
            has_ratchet_tree: false,
        });
        self.samples.last_mut().unwrap()
    }

    fn message(&mut self, name: &str, message: &MlsMessage, authenticated_data: &[u8]) {
        self.push(name, Structure::Message, message.to_bytes().unwrap()).authenticated_data =
            authenticated_data.to_vec();
    }

    fn group_info(&mut self, name: &str, message: &MlsMessage, has_ratchet_tree: bool) {
        self.push(name, Structure::GroupInfo, message.to_bytes().unwrap()).has_ratchet_tree = has_ratchet_tree;
    }
}

/// Opens the `EncryptedGroupSecrets` that are addressed to `client` and returns the joiner secret in them
/// (RFC 9420 §12.4.3.1). A test that reads RFC 9420 and not the code of mls-rs.
fn joiner_secret(suite: u16, welcome: &[u8], client: &Client<Config>) -> Vec<u8> {
    use mls_rs::mls_rs_codec::{MlsDecode, byte_vec};
    let vector = |reader: &mut &[u8]| -> Vec<u8> { byte_vec::mls_decode(reader).unwrap() };
    let mut reader = &welcome[6..]; // version, wire format, cipher suite
    let secrets = vector(&mut reader);
    let encrypted_group_info = vector(&mut reader);
    let stored = client.key_package_store().key_packages();
    let mut entries = secrets.as_slice();
    while !entries.is_empty() {
        let new_member = vector(&mut entries);
        let kem_output = vector(&mut entries);
        let ciphertext = vector(&mut entries);
        let Some((_, data)) = stored.iter().find(|(reference, _)| *reference == new_member) else { continue };
        let mut info = Vec::new();
        byte_vec::mls_encode(&b"MLS 1.0 Welcome".to_vec(), &mut info).unwrap();
        byte_vec::mls_encode(&encrypted_group_info, &mut info).unwrap();
        let public = mls_rs::KeyPackage::mls_decode(&mut data.key_package_bytes.as_slice()).unwrap().hpke_init_key;
        let sealed = mls_rs_core::crypto::HpkeCiphertext { kem_output, ciphertext };
        let secrets = crypto(suite).hpke_open(&sealed, &data.init_key, &public, &info, None).unwrap();
        return vector(&mut secrets.as_slice());
    }
    panic!("the Welcome is addressed to somebody else");
}

/// Three people, then a fourth who joins by external commit, in a group whose handshakes are encrypted or not.
pub(crate) fn transcript(suite: u16, encrypted: bool, group_id: &[u8]) -> Transcript {
    let aad = |text: &str| text.as_bytes().to_vec();
    let none = ExtensionList::default;

    let (guard, guard_secret) = identity(suite, basic("guard.hub.example"));
    let mut context = banned("mallory");
    context.set_from(ExternalSendersExt::new(vec![guard.clone()])).unwrap();

    let alice = client(suite, basic("alice"), rules(encrypted));
    let bob = client(suite, x509(), rules(encrypted));
    let carol = client(suite, custom_credential(), rules(encrypted));
    let dave = client(suite, basic("dave"), rules(encrypted));
    let erin = client(suite, basic("erin"), rules(encrypted));

    let mut group = alice.create_group_with_id(group_id.to_vec(), context, none(), None).unwrap();
    let root_partition_key = (0, partition_key(&group));
    let root_info = group.group_info_message_allowing_ext_commit(true).unwrap();
    let signer = group.current_member_signing_identity().unwrap().signature_key.clone();

    let bob_key_package = key_package(&bob);
    let mut last_resort = ExtensionList::default();
    last_resort.set_from(LastResortKeyPackageExt).unwrap();
    last_resort.set(Extension::new(ExtensionType::new(BANNED), b"anything".to_vec()));
    let carol_key_package = carol.generate_key_package_message(last_resort, banned("in a leaf"), None).unwrap();

    // Epoch 0 -> 1: adds only, hence without a path.
    let add = group
        .commit_builder()
        .authenticated_data(aad("welcome, both of you"))
        .add_member(bob_key_package.clone())
        .unwrap()
        .add_member(carol_key_package.clone())
        .unwrap()
        .build()
        .unwrap();
    group.apply_pending_commit().unwrap();
    let welcome = add.welcome_messages()[0].clone();
    let joiner_secret = joiner_secret(suite, &welcome.to_bytes().unwrap(), &bob);
    let (bob_group, _) = bob.join_group(None, &welcome, None).unwrap();

    let mut told = Transcript {
        samples: Vec::new(),
        partition_keys: vec![root_partition_key, (1, partition_key(&group))],
        joined: JoinedEpoch {
            cipher_suite: suite,
            group_context: group.context().mls_encode_to_vec().unwrap(),
            joiner_secret,
            groups: [group.clone(), bob_group],
        },
        signer,
    };
    told.group_info("group_info_0", &root_info, true);
    told.push("key_package_x509", Structure::KeyPackage, bare(&bob_key_package));
    told.push("key_package_last_resort", Structure::KeyPackage, bare(&carol_key_package));
    told.message("commit_add", add.commit_message(), b"welcome, both of you");
    told.push("welcome_two", Structure::Welcome, welcome.to_bytes().unwrap());
    told.group_info("group_info_1", add.external_commit_group_info().unwrap(), true);
    told.push("ratchet_tree_1", Structure::RatchetTree, group.export_tree().to_bytes().unwrap());
    let bare_info = group.group_info_message_allowing_ext_commit(false).unwrap();
    told.group_info("group_info_1_without_tree", &bare_info, false);
    told.group_info("group_info_1_without_external_pub", &group.group_info_message(true).unwrap(), true);

    // Epoch 1: application messages.
    let short = group.encrypt_application_message(b"hello", aad("")).unwrap();
    told.message("application", &short, b"");
    let with_aad = group.encrypt_application_message(b"hello again", aad("in clear for the hub")).unwrap();
    told.message("application_authenticated_data", &with_aad, b"in clear for the hub");

    // Epoch 1: every proposal that a member can send.
    let erin_key_package = key_package(&erin);
    told.push("key_package", Structure::KeyPackage, bare(&erin_key_package));
    let custom = || CustomProposal::new(ProposalType::new(CUSTOM_PROPOSAL), b"a proposal of our own".to_vec());
    let psk = || ExternalPskId::new(b"a shared password".to_vec());
    let (v1, same_suite) = (ProtocolVersion::MLS_10, CipherSuite::new(suite));
    let proposals = [
        ("proposal_add", group.propose_add(erin_key_package.clone(), aad("add")).unwrap(), "add"),
        ("proposal_update", group.propose_update(aad("update")).unwrap(), "update"),
        ("proposal_remove", group.propose_remove(1, aad("")).unwrap(), ""),
        ("proposal_psk_external", group.propose_external_psk(psk(), aad("psk")).unwrap(), "psk"),
        ("proposal_psk_resumption", group.propose_resumption_psk(1, aad("psk")).unwrap(), "psk"),
        ("proposal_reinit", group.propose_reinit(None, v1, same_suite, banned("x"), aad("new")).unwrap(), "new"),
        (
            "proposal_group_context_extensions",
            group.propose_group_context_extensions(banned("mallory and bob"), aad("ban")).unwrap(),
            "ban",
        ),
        ("proposal_custom", group.propose_custom(custom(), aad("own")).unwrap(), "own"),
        (
            "proposal_custom_empty",
            group.propose_custom(CustomProposal::new(ProposalType::new(0xfffe), Vec::new()), aad("")).unwrap(),
            "",
        ),
    ];
    for (name, message, authenticated_data) in &proposals {
        told.message(name, message, authenticated_data.as_bytes());
    }
    if !encrypted {
        // A standalone external_init is no proposal that a member sends, but it has a framing: one vector, as above.
        let mut bytes = proposals[7].1.to_bytes().unwrap();
        let at = bytes.windows(2).position(|pair| pair == CUSTOM_PROPOSAL.to_be_bytes()).unwrap();
        bytes[at..at + 2].copy_from_slice(&6u16.to_be_bytes());
        told.push("proposal_external_init", Structure::Message, bytes).authenticated_data = aad("own");
    }
    group.clear_proposal_cache();

    // Epoch 1: commits that are never applied.
    let commit = |name: &str, group: &mut Group<Config>, told: &mut Transcript, text: &str| {
        let mut builder = group.commit_builder().authenticated_data(aad(text));
        builder = match name {
            "commit_path_only" => builder,
            "commit_remove" => builder.remove_member(2).unwrap(),
            "commit_psk" => builder.add_external_psk(psk()).unwrap(),
            "commit_group_context_extensions" => builder.set_group_context_ext(banned("bob")).unwrap(),
            "commit_custom" => builder.custom_proposal(custom()),
            "commit_reinit" => builder.reinit(None, v1, same_suite, none()).unwrap(),
            "commit_add_and_remove" | "commit_by_reference" => {
                builder.add_member(key_package(&erin)).unwrap().remove_member(1).unwrap()
            }
            other => panic!("no commit named {other}"),
        };
        let output = builder.build().unwrap();
        told.message(name, output.commit_message(), text.as_bytes());
        for (index, welcome) in output.welcome_messages().iter().enumerate() {
            told.push(&format!("{name}_welcome_{index}"), Structure::Welcome, welcome.to_bytes().unwrap());
        }
        group.clear_pending_commit();
    };
    for name in [
        "commit_path_only",
        "commit_remove",
        "commit_psk",
        "commit_group_context_extensions",
        "commit_custom",
        "commit_reinit",
        "commit_add_and_remove",
    ] {
        commit(name, &mut group, &mut told, name);
    }
    group.propose_custom(custom(), Vec::new()).unwrap();
    commit("commit_by_reference", &mut group, &mut told, "");
    group.clear_proposal_cache();

    // From outside: proposals of an external sender and of a new member, and the external commit.
    let outsider = ExternalClient::builder()
        .identity_provider(Anyone)
        .crypto_provider(AwsLcCryptoProvider::new())
        .extension_type(ExtensionType::new(BANNED))
        .custom_proposal_types([ProposalType::new(CUSTOM_PROPOSAL)])
        .signer(guard_secret, guard)
        .build();
    let info = group.group_info_message_allowing_ext_commit(true).unwrap();
    let mut observer = outsider.observe_group(info.clone(), None, None).unwrap();
    told.message("external_remove", &observer.propose_remove(2, aad("out")).unwrap(), b"out");
    told.message("external_add", &observer.propose_add(erin_key_package, aad("in")).unwrap(), b"in");
    told.message("external_custom", &observer.propose_custom(custom(), aad("")).unwrap(), b"");
    let asks = dave.external_add_proposal(&info, None, aad("let me in"), none(), none(), None).unwrap();
    told.message("new_member_proposal", &asks, b"let me in");
    let (dave_group, joins) = dave
        .external_commit_builder()
        .unwrap()
        .with_authenticated_data(aad("knock"))
        .with_external_psk(psk())
        .with_custom_proposal(custom())
        .build(info.clone())
        .unwrap();
    told.message("external_commit", &joins, b"knock");
    told.partition_keys.push((2, partition_key(&dave_group)));
    let joined_info = dave_group.group_info_message_allowing_ext_commit(true).unwrap();
    told.group_info("group_info_2", &joined_info, true);
    let (_, returns) = dave.external_commit_builder().unwrap().with_removal(1).build(info).unwrap();
    told.message("external_commit_resync", &returns, b"");
    told
}

/// The Welcome of a commit that adds so many members, the GroupInfo that is published with it, and the tree.
pub(crate) struct Welcomed {
    pub(crate) welcome: Vec<u8>,
    pub(crate) group_info: Vec<u8>,
    pub(crate) ratchet_tree: Vec<u8>,
}

/// A new group that adds `members` at once. Their Welcome has the tree in it, or not.
pub(crate) fn welcomed(suite: u16, members: usize, with_tree: bool) -> Welcomed {
    let options = CommitOptions::new()
        .with_allow_external_commit(true)
        .with_single_welcome_message(true)
        .with_ratchet_tree_extension(with_tree);
    let host = client(suite, basic("host"), rules(true).with_commit_options(options));
    let mut context = banned("nobody");
    let guards = (0..4).map(|number| identity(suite, basic(&format!("guard {number}"))).0).collect();
    context.set_from(ExternalSendersExt::new(guards)).unwrap();
    let mut group = host.create_group_with_id(b"welcomed".to_vec(), context, Default::default(), None).unwrap();
    let mut builder = group.commit_builder();
    for guest in 0..members {
        let guest = client(suite, basic(&format!("guest {guest}")), DefaultMlsRules::new());
        builder = builder.add_member(key_package(&guest)).unwrap();
    }
    let welcome = builder.build().unwrap().welcome_messages()[0].to_bytes().unwrap();
    group.apply_pending_commit().unwrap();
    let group_info = group.group_info_message_allowing_ext_commit(true).unwrap().to_bytes().unwrap();
    Welcomed { welcome, group_info, ratchet_tree: group.export_tree().to_bytes().unwrap() }
}

/// A group of many: a Welcome with `size` secrets, and a GroupInfo and tree whose lengths take four bytes.
pub(crate) fn crowd(suite: u16, size: usize) -> Transcript {
    // The epoch and its keys stay those of a small group: this is about lengths.
    let mut told = transcript(suite, false, b"small");
    let rules = rules(true).with_commit_options(CommitOptions::new().with_single_welcome_message(true));
    let host = client(suite, basic("host"), rules);
    let mut group = host.create_group_with_id(b"crowd".to_vec(), banned("nobody"), Default::default(), None).unwrap();
    let mut builder = group.commit_builder();
    for guest in 0..size {
        let guest = client(suite, basic(&format!("guest {guest}")), DefaultMlsRules::new());
        builder = builder.add_member(key_package(&guest)).unwrap();
    }
    let output = builder.build().unwrap();
    group.apply_pending_commit().unwrap();
    told.samples.clear();
    told.message("crowd_commit", output.commit_message(), b"");
    told.push("crowd_welcome", Structure::Welcome, output.welcome_messages()[0].to_bytes().unwrap());
    told.signer = group.current_member_signing_identity().unwrap().signature_key.clone();
    told.group_info("crowd_group_info", &group.group_info_message(true).unwrap(), true);
    told.push("crowd_tree", Structure::RatchetTree, group.export_tree().to_bytes().unwrap());
    let long = group.encrypt_application_message(&vec![b'x'; 100_000], Vec::new()).unwrap();
    told.message("crowd_application", &long, b"");
    told
}
