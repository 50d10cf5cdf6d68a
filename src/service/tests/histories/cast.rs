//! The people of a history and their devices.

use mls_rs::{Client, ExtensionList, Group, extension::ExtensionType, identity::SigningIdentity};

use super::forest::Provider;
use crate::{
    client::{
        MemoryKeep, NewMember, PartitionedGroup,
        tests::cast::{ConfigOver, Handshakes, client_over},
    },
    demo::saboteur::Saboteur,
    mls::EpochNumber,
    service::{
        Submitter,
        setup::{peer, provider, user},
    },
    wire::{BANNED_EXTENSION, Banned, MaskedPartitionKey, PartitionKey, decode},
};

pub(super) type Config = ConfigOver<Saboteur>;

/// Everybody goes by name, which is the identity too.
pub(super) type Name = &'static str;

pub(super) const HUB: Provider = "hub.example";
const NORTH: Provider = "follower.example";
const SOUTH: Provider = "third.example";

/// Who, whose user, and whether they mean ill. The first five are in the group from the beginning.
pub(super) const PEOPLE: [(Name, Provider, bool); 8] = [
    ("alice", HUB, false),
    ("bob", NORTH, false),
    ("carol", SOUTH, false),
    ("mallory", SOUTH, true),
    ("mort", HUB, true),
    ("dave", HUB, false),
    ("erin", NORTH, false),
    ("frank", SOUTH, false),
];
pub(super) const FOUNDERS: usize = 5;

/// A partition that a device has been in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) partition: MaskedPartitionKey,
    pub(super) epoch: EpochNumber,
    /// The commit that led there, unless the device was there from the first.
    pub(super) by: Option<(MaskedPartitionKey, u32)>,
}

/// A branch on which somebody malicious is alone, or with those who could follow.
pub(super) struct Apart {
    pub(super) group: Group<Config>,
    pub(super) key: PartitionKey,
}

/// Where a device has been since it came in last, and what it met there.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    pub(super) visits: Vec<Visit>,
    /// Partitions in which retention had removed what it had not read.
    pub(super) gaps: Vec<MaskedPartitionKey>,
    /// The commit by which it believes to have been removed.
    pub(super) removed_by: Option<(MaskedPartitionKey, u32)>,
}

/// Somebody with a client.
pub(super) struct Device {
    pub(super) name: Name,
    pub(super) home: Provider,
    pub(super) is_malicious: bool,
    pub(super) client: Client<Config>,
    pub(super) saboteur: Saboteur,
    pub(super) group: Option<PartitionedGroup<Config>>,
    pub(super) past: Past,
    keep: MemoryKeep,
    /// What it knew when the group was saved last.
    kept: Past,
    /// Every partition key that it ever had.
    pub(super) held: Vec<PartitionKey>,
    pub(super) apart: Vec<Apart>,
    pub(super) loses_answer: bool,
}

impl Device {
    pub(super) fn new((name, home, is_malicious): (Name, Provider, bool), handshakes: Handshakes) -> Self {
        let saboteur = Saboteur::default();
        let client = client_over(saboteur.clone(), name, handshakes);
        let keep = MemoryKeep::new(client.group_state_storage());
        Self {
            name,
            home,
            is_malicious,
            client,
            saboteur,
            group: None,
            past: Past::default(),
            keep,
            kept: Past::default(),
            held: Vec::new(),
            apart: Vec::new(),
            loses_answer: false,
        }
    }

    /// As whom the hub knows it.
    pub(super) fn submitter(&self) -> Submitter {
        if self.home == HUB { user(self.name) } else { peer(self.home) }
    }

    /// Whether it takes part, as far as it knows.
    pub(super) fn is_member(&self) -> bool {
        self.group.as_ref().is_some_and(|group| !group.is_removed())
    }

    /// Where it is.
    pub(super) fn place(&self) -> Option<MaskedPartitionKey> {
        self.group.as_ref().map(PartitionedGroup::masked_partition_key)
    }

    pub(super) fn key_package(&self) -> NewMember {
        let none = ExtensionList::new;
        let package = self.client.generate_key_package_message(none(), none(), None).unwrap();
        NewMember::from_message(&package, provider(self.home)).unwrap()
    }

    /// Takes the place of what it had, which goes.
    pub(super) async fn enter(&mut self, mut group: PartitionedGroup<Config>, by: Option<(MaskedPartitionKey, u32)>) {
        group.publish_trees_on_demand(true);
        let visit = Visit { partition: group.masked_partition_key(), epoch: group.epoch(), by };
        self.past = Past { visits: vec![visit], ..Past::default() };
        self.group = Some(group);
        self.note_key();
        self.save().await;
    }

    /// Before a request leaves the device (C13).
    pub(super) async fn save(&mut self) {
        if let Some(group) = &mut self.group {
            group.save(&mut self.keep).await.unwrap();
            self.kept = self.past.clone();
        }
    }

    pub(super) fn note_key(&mut self) {
        let Some(group) = &self.group else { return };
        let key = group.partition_key();
        if !self.held.contains(key) {
            self.held.push(key.clone());
        }
    }

    /// Forgets what the MLS library has stored of the group.
    pub(super) fn forget(&mut self, group_id: &[u8]) {
        self.client.group_state_storage().delete_group(group_id);
        self.group = None;
    }

    /// The process dies, and another one goes on with what was saved last.
    pub(super) fn restart(&mut self) {
        let Some(group) = self.group.take() else { return };
        let state = self.keep.state(group.group_id()).unwrap();
        self.group = PartitionedGroup::load(&self.client, group.group_id(), &state).unwrap();
        self.group.iter_mut().for_each(|group| group.publish_trees_on_demand(true));
        self.past = self.kept.clone();
        assert_eq!(self.place(), self.past.visits.last().map(|visit| visit.partition), "it is where it was saved");
    }
}

/// Who is in the group.
pub(super) fn roster(group: &Group<Config>) -> Vec<Name> {
    group.roster().member_identities_iter().map(|identity| name_of(identity)).collect()
}

/// Whom the group's state bans.
pub(super) fn banned(group: &Group<Config>) -> Vec<Name> {
    let extension = group.context().extensions().get(ExtensionType::new(BANNED_EXTENSION));
    let banned = extension.map(|extension| decode::<Banned>(&extension.extension_data).unwrap().banned);
    banned.unwrap_or_default().iter().map(|identity| known(&identity.0)).collect()
}

fn name_of(identity: &SigningIdentity) -> Name {
    known(&identity.credential.as_basic().unwrap().identifier)
}

fn known(identity: &[u8]) -> Name {
    PEOPLE.iter().find(|(name, ..)| name.as_bytes() == identity).expect("one of us").0
}
