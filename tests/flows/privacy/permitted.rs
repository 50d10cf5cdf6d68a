//! What may stand where, and in which form. What is not listed may not; what is listed must be found, or it is not needed.
//! For the column families this is what `specs/storage.md` permits.

use super::{
    canary::Kind::{
        Address, BearerToken, Ciphertext, Client, CollectorSecret, DatabaseSecret, GroupHash, GroupId, GroupRandom,
        Handle, HashedRef, JoinToken, KeyPackage, KeyPackageRef, MaskedKey, Name, Provider, RelayToken, User, UserTag,
    },
    evidence::{Ends, Permitted, Place},
    forms::Form::{Base64, Hex, Raw},
};

pub(super) const PERMITTED: Permitted = &[
    // Where it listens is what it is for.
    (&[Place::Printed], &[(Address, Raw)]),
    // Those who typed it have asked for that, or have written it themselves.
    (
        &[Place::Command],
        &[(Handle, Hex), (KeyPackage, Base64), (Name, Base64), (User, Raw), (UserTag, Hex), (Provider, Raw)],
    ),
    // It is all that stands there.
    (&[Place::Minted], &[(BearerToken, Base64), (Handle, Base64), (RelayToken, Raw)]),
    // Its examples have the names that this test has.
    (&[Place::Help], &[(Provider, Raw), (Address, Raw)]),
    // The collector's own address, and what it lets programs in by.
    (&[Place::ExportedHead], &[(Address, Raw), (CollectorSecret, Raw)]),
    // Which provider's gateway, and whose user.
    (&[Place::Target(Ends::UserAndRelay)], &[(Provider, Raw)]),
    (&[Place::Fields(Ends::UserAndRelay)], &[(Provider, Raw), (RelayToken, Raw)]),
    (&[Place::Fields(Ends::RelayAndGateway)], &[(Provider, Raw)]),
    // In which partition a newcomer is, and what lets it in.
    (&[Place::Fields(Ends::FollowerAndHub)], &[(Provider, Raw), (MaskedKey, Base64), (JoinToken, Base64)]),
    (&[Place::Key("default")], &[]),
    (&[Place::Value("default")], &[(Provider, Raw), (DatabaseSecret, Raw)]),
    (
        &[Place::Key("state")],
        &[
            (GroupHash, Raw),
            (MaskedKey, Raw),
            (UserTag, Raw),
            (Client, Raw),
            (HashedRef, Raw),
            (Handle, Raw),
            (Provider, Raw),
        ],
    ),
    (&[Place::Value("state")], &[(MaskedKey, Raw), (UserTag, Raw), (Client, Raw), (HashedRef, Raw), (Provider, Raw)]),
    // A follower has of them what was pushed while somebody waited.
    (&[Place::Key("messages"), Place::Key("followed")], &[(GroupHash, Raw), (MaskedKey, Raw)]),
    (
        &[Place::Value("messages"), Place::Value("followed")],
        &[
            (MaskedKey, Raw),
            (GroupId, Raw),
            (GroupRandom, Base64),
            (Ciphertext, Raw),
            (Name, Raw),
            (KeyPackage, Raw),
            (Provider, Raw),
        ],
    ),
    (&[Place::Key("repeats")], &[(GroupHash, Raw), (MaskedKey, Raw)]),
    (&[Place::Key("blobs")], &[(GroupHash, Raw)]),
    (
        &[Place::Value("blobs")],
        &[(GroupId, Raw), (GroupRandom, Base64), (Name, Raw), (Ciphertext, Raw), (KeyPackage, Raw), (Provider, Raw)],
    ),
    (&[Place::Key("outbox")], &[(GroupHash, Raw), (MaskedKey, Raw)]),
    (&[Place::Value("outbox")], &[(Provider, Raw), (KeyPackageRef, Raw)]),
    (&[Place::Key("presented")], &[(GroupHash, Raw), (MaskedKey, Raw), (UserTag, Raw)]),
    (&[Place::Key("key_packages")], &[(UserTag, Raw), (Client, Raw)]),
    (&[Place::Value("key_packages")], &[(KeyPackage, Raw), (Name, Raw)]),
    (&[Place::Value("inbox")], &[(KeyPackageRef, Raw)]),
    (&[Place::Key("public")], &[(GroupHash, Raw), (MaskedKey, Raw)]),
    (
        &[Place::Value("public")],
        &[(GroupId, Raw), (GroupRandom, Base64), (Name, Raw), (Provider, Raw), (UserTag, Raw), (KeyPackage, Raw)],
    ),
    // A keyring is sealed, and the tokens of a relay's users are hashed.
    (&[Place::File], &[]),
    // A relay has a folder for the key lists of each provider.
    (&[Place::FileName], &[(Provider, Raw)]),
];
