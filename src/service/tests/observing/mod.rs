//! Groups whose handshakes are public, at a real hub: what it sees of real commits, and what it does with that.

mod bans;
mod costs;
mod late;
mod numbers;
mod proposals;
mod retained;
mod rosters;
mod said_again;
mod trees;
mod two_at_once;
mod underived;

use std::time::Duration;

use bytes::Bytes;
use mls_rs::{ExtensionList, MlsMessage, group::CommitBuilder};

use crate::{
    client::tests::cast::{Config, Handshakes, client},
    fixtures::requests::{Attached, CreateGroup, receive, send, send_commit, welcome_data},
    sequencer::{GroupKey, Partition, Policy, Rejection},
    service::{
        Error, Limits, ObservingLimits, Receive, Submitter,
        setup::{PATIENCE, Setup, key, peer, user, user_id},
    },
    store::Store,
    wire::{MaskedPartitionKey, PartitionKey, SendResponse, decode},
};

type Member = mls_rs::Group<Config>;

/// A group of alice, at the partition of key 0.
struct Hub {
    setup: Setup,
    group_id: Vec<u8>,
}

/// What a commit comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Info {
    Absent,
    Bare,
    WithTree,
}

/// A member's commit, as it is sent.
struct Commit {
    message: Vec<u8>,
    group_info: Option<Vec<u8>>,
    welcome: Option<Vec<u8>>,
}

impl Commit {
    fn attached(&self, providers: &[&str]) -> Attached {
        let welcome_data = self.welcome.as_ref().map(|welcome| welcome_data(welcome, providers));
        Attached { group_info: self.group_info.clone(), welcome_data }
    }
}

fn founded(group_id: &[u8], handshakes: Handshakes) -> Member {
    let none = ExtensionList::new;
    client("alice", handshakes).create_group_with_id(group_id.to_vec(), none(), none(), None).unwrap()
}

fn info(member: &Member, info: Info) -> Option<Vec<u8>> {
    let with_tree = info == Info::WithTree;
    let message = (info != Info::Absent).then(|| member.group_info_message_allowing_ext_commit(with_tree).unwrap());
    message.map(|message| message.to_bytes().unwrap())
}

/// Commits, and goes on to the epoch that follows.
fn commit_with(
    member: &mut Member,
    which: Info,
    build: impl FnOnce(CommitBuilder<'_, Config>) -> CommitBuilder<'_, Config>,
) -> Commit {
    let output = build(member.commit_builder()).build().unwrap();
    member.apply_pending_commit().unwrap();
    Commit {
        message: output.commit_message().to_bytes().unwrap(),
        group_info: info(member, which),
        welcome: output.welcome_messages().first().map(|welcome| welcome.to_bytes().unwrap()),
    }
}

fn commit(member: &mut Member, which: Info) -> Commit {
    commit_with(member, which, |builder| builder)
}

fn key_package(name: &str) -> MlsMessage {
    let none = ExtensionList::new;
    client(name, Handshakes::Public).generate_key_package_message(none(), none(), None).unwrap()
}

impl Hub {
    async fn with(observing: ObservingLimits) -> Self {
        let limits = Limits { observing, ..Limits::default() };
        let setup = Setup::with(Policy::default(), limits);
        let group_id = setup.service.mint_group_id(&user_id("alice")).await.unwrap().as_bytes().to_vec();
        Self { setup, group_id }
    }

    /// With alice alone, and what she publishes.
    async fn found(observing: ObservingLimits, handshakes: Handshakes) -> (Self, Member) {
        let hub = Self::with(observing).await;
        let alice = founded(&hub.group_id, handshakes);
        hub.create(info(&alice, Info::WithTree), None).await.unwrap();
        (hub, alice)
    }

    async fn create(&self, group_info: Option<Vec<u8>>, ratchet_tree: Option<Vec<u8>>) -> Result<(), Error> {
        let bare = CreateGroup::bare(&self.group_id, key(0));
        let body = CreateGroup { group_info, ratchet_tree, ..bare }.encode();
        self.setup.service.create_group(&user_id("alice"), decode(&body).unwrap(), &body).await.map(drop)
    }

    /// Sends a commit from one partition to another.
    async fn send(
        &self,
        from: &Submitter,
        commit: &Commit,
        (at, next): (u8, u8),
        providers: &[&str],
    ) -> Result<SendResponse, Error> {
        let body = send_commit(&commit.message, key(at), key(next), &commit.attached(providers));
        self.setup.send(from, decode(&body).unwrap()).await
    }

    async fn say(&self, from: &Submitter, message: &MlsMessage, at: u8) {
        let body = send(&message.to_bytes().unwrap(), key(at));
        self.setup.send(from, decode(&body).unwrap()).await.unwrap();
    }

    /// The later epochs that a receive at the end of a partition brings along.
    async fn hints(&self, from: &Submitter, at: u8, number: usize) -> Vec<MaskedPartitionKey> {
        let request = decode(&receive(&self.group_id, key(at), u32::try_from(number).unwrap())).unwrap();
        let answer = self.setup.service.receive(from, Receive::new(&request, Duration::ZERO)).await.unwrap();
        let hints = answer.received.response.hints.iter().map(|hint| hint.masked_partition_key).collect();
        self.setup.settle().await;
        hints
    }

    fn group(&self) -> GroupKey {
        GroupKey::of(&self.group_id)
    }

    fn record(&self, at: u8) -> Partition {
        self.record_of(&masked(at))
    }

    fn record_of(&self, partition: &MaskedPartitionKey) -> Partition {
        self.setup.store.snapshot().unwrap().partition(&self.group(), partition).unwrap().unwrap()
    }

    /// The tree that the hub would give to somebody who joins.
    async fn tree(&self, at: u8) -> Option<Bytes> {
        let tree = self.setup.service.inferred_tree(self.group(), masked(at)).await.unwrap();
        tree.map(|tree| tree.bytes().clone())
    }

    /// Looks at what nobody had time to look at, once.
    async fn catch_up(&self) {
        tokio::time::timeout(PATIENCE, self.setup.service.catch_up()).await.expect("something to catch up").unwrap();
    }
}

fn masked(at: u8) -> MaskedPartitionKey {
    PartitionKey::new(key(at)).masked()
}

fn alice() -> Submitter {
    user("alice")
}

fn follower() -> Submitter {
    peer("follower.example")
}

fn tree_of(member: &Member) -> Bytes {
    member.export_tree().to_bytes().unwrap().into()
}

fn rejected(rejection: Rejection) -> Result<SendResponse, Error> {
    Err(Error::Rejected(rejection))
}

/// No commit is looked at in time.
fn no_time() -> ObservingLimits {
    ObservingLimits { wait: Duration::ZERO, ..ObservingLimits::default() }
}
