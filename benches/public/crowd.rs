//! Groups of many, with public handshakes, and a commit in each.

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList, Group, MlsMessage,
    client_builder::{BaseConfig, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions},
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

pub(crate) const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

type Config = WithMlsRules<
    DefaultMlsRules,
    WithIdentityProvider<BasicIdentityProvider, WithCryptoProvider<AwsLcCryptoProvider, BaseConfig>>,
>;

/// Members beside the founder who have committed, so that the tree is not blank.
const COMMITTERS: usize = 16;

/// A group, and who commits in it.
pub(crate) struct Crowd {
    /// The founder first.
    inside: Vec<Group<Config>>,
}

/// A commit with a path and nothing else, and the GroupInfo of the epoch that it makes, without a tree.
#[derive(Clone)]
pub(crate) struct Epoch {
    pub(crate) commit: MlsMessage,
    pub(crate) group_info: MlsMessage,
}

fn client(name: &str) -> Client<Config> {
    let crypto = AwsLcCryptoProvider::new();
    let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
    let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
    let rules = DefaultMlsRules::new()
        .with_encryption_options(EncryptionOptions::new(false, Default::default()))
        .with_commit_options(CommitOptions::new().with_ratchet_tree_extension(false));
    Client::builder()
        .crypto_provider(crypto)
        .identity_provider(BasicIdentityProvider::new())
        .mls_rules(rules)
        .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
        .build()
}

impl Crowd {
    /// A group of so many, in which members at evenly spaced leaves have committed.
    pub(crate) fn gather(group_id: &[u8], members: usize) -> Self {
        let none = ExtensionList::default;
        let mut founder = client("founder").create_group_with_id(group_id.to_vec(), none(), none(), None).unwrap();
        let apart = (members / COMMITTERS).max(1);
        let mut committers = Vec::new();
        let mut builder = founder.commit_builder();
        for at in 1..members {
            let guest = client(&format!("mimi://provider.example/d/guest-{at:05}"));
            builder = builder.add_member(guest.generate_key_package_message(none(), none(), None).unwrap()).unwrap();
            if at % apart == 0 {
                committers.push(guest);
            }
        }
        let output = builder.build().unwrap();
        founder.apply_pending_commit().unwrap();
        let (tree, welcome) = (founder.export_tree().into_owned(), &output.welcome_messages()[0]);
        let mut inside = vec![founder];
        for guest in committers {
            inside.push(guest.join_group(Some(tree.clone()), welcome, None).unwrap().0);
        }
        let mut crowd = Self { inside };
        for at in (0..crowd.inside.len()).rev() {
            crowd.commit(at);
        }
        crowd
    }

    /// The GroupInfo of the current epoch, with its tree.
    pub(crate) fn group_info(&self) -> MlsMessage {
        self.inside[0].group_info_message_allowing_ext_commit(true).unwrap()
    }

    /// What the founder commits next, and nobody else gets to see.
    pub(crate) fn next_epoch(&mut self) -> Epoch {
        self.inside.truncate(1);
        let commit = self.commit(0);
        Epoch { commit, group_info: self.inside[0].group_info_message_allowing_ext_commit(false).unwrap() }
    }

    fn commit(&mut self, at: usize) -> MlsMessage {
        let message = self.inside[at].commit(Vec::new()).unwrap().commit_message().clone();
        self.inside[at].apply_pending_commit().unwrap();
        for (other, group) in self.inside.iter_mut().enumerate() {
            if other != at {
                group.process_incoming_message(message.clone()).unwrap();
            }
        }
        message
    }
}
