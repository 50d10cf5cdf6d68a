//! What is looked for: everything that tells who somebody is, where they belong, or what they say.

use std::collections::BTreeSet;

use restante::wire::PartitionKey;
use sha2::{Digest, Sha256};

use super::forms::Search;

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What opens a partition.
    PartitionKey,
    /// Its mask.
    MaskedKey,
    GroupId,
    /// The random bytes in one.
    GroupRandom,
    /// SHA-256 of one.
    GroupHash,
    /// A user, as the own service calls them.
    User,
    /// A user, as the database of their provider calls them.
    UserTag,
    /// Who somebody is in MLS.
    Name,
    /// A device, as its provider knows it.
    Client,
    /// What was said, before it was encrypted.
    Words,
    /// What was said, encrypted.
    Ciphertext,
    KeyPackage,
    KeyPackageRef,
    /// SHA-256 of one.
    HashedRef,
    /// What opens KeyPackages.
    BearerToken,
    /// By which one is revoked.
    Handle,
    JoinToken,
    /// The token of a provider's own service.
    ServiceToken,
    /// The token of a relay's user.
    RelayToken,
    /// A token that nobody has made.
    WrongToken,
    /// A database's, under which users are hashed and tokens made.
    DatabaseSecret,
    /// Under which a gateway's keys lie.
    SealKey,
    /// Of a certificate.
    PrivateKey,
    /// The id of a provider of this test.
    Provider,
    /// A name that nobody has who takes part.
    Stranger,
    /// Where somebody connects from or to.
    Address,
    /// What lets a program push metrics: in the collector's url, and in a file.
    CollectorSecret,
}

/// All that this run has shown to somebody.
#[derive(Default)]
pub(super) struct Canaries(BTreeSet<(Kind, Vec<u8>)>);

impl Canaries {
    /// Shorter ones could stand somewhere by chance.
    const LENGTH_MIN: usize = 9;

    pub(super) fn add(&mut self, kind: Kind, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        assert!(secret.len() >= Self::LENGTH_MIN, "too short to be looked for");
        self.0.insert((kind, secret.to_vec()));
    }

    /// A key and its mask.
    pub(super) fn add_key(&mut self, key: &PartitionKey) {
        self.add(Kind::PartitionKey, key.as_bytes());
        self.add(Kind::MaskedKey, key.masked().as_bytes());
    }

    /// A group id, and what can be told by it.
    pub(super) fn add_group(&mut self, group_id: &[u8]) {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        self.add(Kind::GroupId, group_id);
        let random = group_id.rsplit(|letter| *letter == b'/').next().unwrap();
        self.add(Kind::GroupRandom, URL_SAFE_NO_PAD.decode(random).unwrap());
        self.add(Kind::GroupHash, Sha256::digest(group_id));
    }

    /// A KeyPackage by its middle: its beginning is the same in all.
    pub(super) fn add_key_package(&mut self, bytes: &[u8], reference: &[u8]) {
        self.add(Kind::KeyPackage, &bytes[bytes.len() / 3..][..48]);
        self.add(Kind::KeyPackageRef, reference);
        self.add(Kind::HashedRef, Sha256::digest(reference));
    }

    /// The tag of a user in the database with this secret.
    pub(super) fn add_tag(&mut self, secret: &[u8], user: &str) {
        self.add(Kind::UserTag, &Sha256::digest([secret, user.as_bytes()].concat())[..16]);
    }

    /// A private key in PEM, by the middle of what stands there.
    pub(super) fn add_private_key(&mut self, pem: &str) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let bytes = STANDARD.decode(body).unwrap();
        self.add(Kind::PrivateKey, &bytes[bytes.len() / 3..][..32]);
    }

    /// In all their forms.
    pub(super) fn search(&self) -> Search<Kind> {
        Search::new(self.0.iter().map(|(kind, secret)| (*kind, secret.as_slice())))
    }
}
