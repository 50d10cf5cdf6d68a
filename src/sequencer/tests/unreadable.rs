//! A state that cannot be read is no answer about the group: every command says so and decides nothing.

use std::sync::Arc;

use super::{
    handmade::{self, Kind},
    *,
};
use crate::{
    mls::{CipherSuite, EpochNumber, ProposalRef, ProtocolVersion},
    wire::{
        CommitData, CreateGroupRequest, MaskedPartitionKey, PartitionKey, SendRequest, ServiceProviderId, WelcomeData,
    },
};

/// Which of the reads fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    Group,
    Reservation,
    Partition,
    Repeat,
    Budget,
    Outgoing,
    Dispatch,
    Undelivered,
    BlobCount,
    Proposal,
    Presented,
    Followed,
    FollowedPartitions,
}

/// A state with a group and nothing in it, in which one kind of read fails.
struct Failing {
    read: Read,
    group: Option<Arc<Group>>,
}

impl Failing {
    fn read<T>(&self, read: Read, value: T) -> Result<T, Read> {
        if self.read == read { Err(read) } else { Ok(value) }
    }
}

impl State for Failing {
    type Error = Read;

    fn group(&self) -> Result<Option<Arc<Group>>, Read> {
        self.read(Read::Group, self.group.clone())
    }

    fn reservation(&self) -> Result<Option<Reservation>, Read> {
        self.read(Read::Reservation, None)
    }

    fn partition(&self, _key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Read> {
        self.read(Read::Partition, None)
    }

    fn heads(&self, _epoch: EpochNumber) -> Result<Vec<MaskedPartitionKey>, Read> {
        Ok(Vec::new())
    }

    fn repeat(&self, _partition: &MaskedPartitionKey, _key: &RepeatKey) -> Result<Option<Receipt>, Read> {
        self.read(Read::Repeat, None)
    }

    fn budget(&self, _provider: &ServiceProviderId) -> Result<Budget, Read> {
        self.read(Read::Budget, Budget::default())
    }

    fn outgoing(&self, _welcome: &WelcomeName) -> Result<Option<Outgoing>, Read> {
        self.read(Read::Outgoing, None)
    }

    fn dispatch(&self, _key: &DispatchKey) -> Result<Option<Dispatch>, Read> {
        self.read(Read::Dispatch, Some(Dispatch::default()))
    }

    fn undelivered(&self, _submitter: &ServiceProviderId) -> Result<Undelivered, Read> {
        self.read(Read::Undelivered, Undelivered::default())
    }

    fn followed_partitions(&self) -> Result<usize, Read> {
        self.read(Read::FollowedPartitions, 0)
    }

    fn blob_count(&self, _blob: &BlobKey) -> Result<u32, Read> {
        self.read(Read::BlobCount, 0)
    }

    fn proposal(&self, _partition: &MaskedPartitionKey, _reference: &ProposalRef) -> Result<Option<u32>, Read> {
        self.read(Read::Proposal, None)
    }

    fn presented(&self, _partition: &MaskedPartitionKey, _user: &UserTag) -> Result<Option<UnixMillis>, Read> {
        self.read(Read::Presented, Some(0))
    }

    fn followed(&self, _partition: &MaskedPartitionKey) -> Result<Option<Followed>, Read> {
        self.read(Read::Followed, None)
    }
}

fn provider() -> ServiceProviderId {
    "north.example".parse().unwrap()
}

fn welcome() -> WelcomeData {
    let welcome = handmade::welcome(&["ref"], handmade::SUITE, 100);
    WelcomeData { welcome, service_providers: vec![provider()] }
}

fn deliver() -> Command {
    let welcome = WelcomeName { partition: MaskedPartitionKey::new([2; 32]), commit: None };
    let key = DispatchKey { provider: provider(), due_ms: 0, welcome };
    Command::Deliver(Box::new(Deliver { key, outcome: Delivered::Taken, jitter: 0 }))
}

fn send() -> Command {
    let message = handmade::message(Kind::Commit, b"group", 5, "text", 100);
    let commit_data =
        CommitData { next_partition_key: PartitionKey::new([2; 16]), group_info: None, welcome_data: Some(welcome()) };
    let request = SendRequest { message, partition_key: PartitionKey::new([1; 16]), commit_data: Some(commit_data) };
    Command::Send(Box::new(Send::new(provider(), request, None)))
}

fn create() -> Command {
    let request = CreateGroupRequest {
        group_id: b"group".to_vec(),
        partition_key: PartitionKey::new([1; 16]),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(handmade::SUITE),
        epoch: EpochNumber(5),
        group_info: None,
        ratchet_tree: None,
        welcome_data: None,
    };
    Command::Create(Box::new(Create::new(provider(), UserTag([0; 16]), request, [0; 32])))
}

fn refusal(read: Read, command: &Command) -> Refusal<Read> {
    let exists = !matches!(command, Command::Create(_));
    let group = exists.then(|| {
        let root = MaskedPartitionKey::new([9; 32]);
        Arc::new(Group::new(root, CipherSuite(handmade::SUITE), [0; 32], 0))
    });
    let policy = Policy { providers: Arc::new([provider()].into()), ..Policy::default() };
    sequence(&Failing { read, group }, command, &policy, 0).expect_err(&format!("{read:?} of {command:?}"))
}

#[test]
fn a_failed_read_is_not_a_rejection() {
    let partition = PartitionKey::new([1; 16]).masked();
    let present = Command::Present(Present { provider: provider(), partition, given: None });
    let expire = Command::Expire(Expire { partition, due_ms: 0, contents: None });
    let lapse = Command::Expire(Expire { partition: MaskedPartitionKey::NONE, due_ms: 0, contents: None });
    let reserve = Command::Reserve(Reserve { holder: UserTag([0; 16]) });
    let keep = Command::Keep(Box::new(Keep { partition, first_index: 0, messages: Vec::new() }));
    let follow = Command::Follow(Follow { partition, lease: Lease::Asked { from: 0, until_ms: 1 } });
    let unfollow = Command::Unfollow(partition);
    let subscribe = Command::Subscribe(Subscribe { provider: provider(), partition, from: 0, until_ms: 1 });
    let pushed = Command::Pushed(Pushed { provider: provider(), partition, serial: 1, next_index: 0 });
    let unsubscribe = Command::Unsubscribe(Unsubscribe { provider: provider(), partition, serial: 1 });
    let delete = Command::Delete(Delete { partition });
    let trim = Command::Trim(Box::new(Trim { partition, contents: Contents::default() }));
    let review = Command::Review(Review { receipts: Vec::new(), is_empty: false, may_end: true });
    let forget = Command::Lapse(Lapse { presentations: vec![(partition, UserTag([0; 16]))] });
    for (command, reads) in [
        (&send(), vec![Read::Group, Read::Repeat, Read::Partition, Read::Budget, Read::Undelivered]),
        (&deliver(), vec![Read::Dispatch, Read::Outgoing]),
        (&create(), vec![Read::Group, Read::Reservation]),
        (&present, vec![Read::Group, Read::Partition]),
        (&expire, vec![Read::Partition, Read::Followed]),
        (&keep, vec![Read::Followed]),
        (&follow, vec![Read::Followed, Read::FollowedPartitions]),
        (&unfollow, vec![Read::Followed]),
        (&subscribe, vec![Read::Group, Read::Partition]),
        (&pushed, vec![Read::Partition]),
        (&unsubscribe, vec![Read::Partition]),
        (&lapse, vec![Read::Reservation]),
        (&reserve, vec![Read::Group]),
        (&delete, vec![Read::Group, Read::Partition]),
        (&trim, vec![Read::Group, Read::Partition]),
        (&review, vec![Read::Group]),
        (&forget, vec![Read::Presented]),
    ] {
        for read in reads {
            assert_eq!(refusal(read, command), Refusal::State(read), "{command:?}");
        }
    }
}
