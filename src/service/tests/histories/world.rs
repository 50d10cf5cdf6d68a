//! Everybody, the hub, and what is known of both.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use mls_rs::ExtensionList;

use super::{
    cast::{Device, FOUNDERS, Name, PEOPLE, banned, roster},
    entitlement::Rules,
    forest::{Forest, Key},
    sending::{Asked, Facts},
    step::Step,
};
use crate::{
    client::{NewMember, PartitionedGroup, tests::cast::Handshakes},
    mls::tests::random::Random,
    sequencer::{Hints, Policy, UnixMillis, Usage},
    service::{
        Limits, ObservingLimits,
        setup::{HOUR, START, Setup, key, provider, user_id},
    },
    wire::{CreateGroupRequest, PartitionKey, encode},
};

/// The group that a history is about.
pub(super) const MAIN: usize = 0;
/// One of somebody else at the same hub, in which keys of the other one are tried.
pub(super) const OTHER: usize = 1;

/// What happened, in words.
pub(super) type Record = Arc<Mutex<Vec<String>>>;

/// A Welcome on its way to somebody who is added.
pub(super) struct Letter {
    /// Of the commit.
    pub(super) digest: [u8; 32],
    pub(super) welcome: Vec<u8>,
    pub(super) to: usize,
}

pub(super) struct World {
    /// Nothing only while the hub starts again.
    setup: Option<Setup>,
    /// The two other providers, as far as they keep what their users presented.
    pub(super) followers: Setup,
    pub(super) handshakes: Handshakes,
    pub(super) policy: Policy,
    pub(super) rules: Rules,
    pub(super) group_ids: [Vec<u8>; 2],
    pub(super) forests: [Forest; 2],
    pub(super) devices: Vec<Device>,
    pub(super) random: Random,
    /// What was asked for and acknowledged.
    pub(super) asked: Vec<Asked>,
    /// What is known of requests that were made, by their messages.
    pub(super) facts: BTreeMap<[u8; 32], Facts>,
    pub(super) letters: Vec<Letter>,
    /// Whom the operator bans.
    pub(super) barred: BTreeSet<Name>,
    /// When users of other providers presented keys to those.
    pub(super) presented: BTreeMap<(Key, Name), UnixMillis>,
    /// Which members have gone on by which commit.
    pub(super) followed: BTreeMap<(Key, u32), BTreeSet<Name>>,
    /// By which commit anybody came to a partition first.
    pub(super) arrivals: BTreeMap<Key, (Key, u32)>,
    pub(super) is_deleted: bool,
    names: BTreeMap<Key, String>,
    record: Record,
    /// What came about, and how often.
    pub(super) seen: BTreeMap<&'static str, u32>,
}

/// Of what kind a history is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) handshakes: Handshakes,
    pub(super) hints: Hints,
    /// The hub has no time to look at commits before it sequences them.
    pub(super) is_hasty: bool,
}

/// Small limits, so that they are met.
fn policy(hints: Hints) -> Policy {
    let budget_in_group = Usage { partitions: 6, bytes: 96 * 1024 };
    Policy {
        budget_in_group,
        budget_in_all: Usage { partitions: 8, bytes: 128 * 1024 },
        hint_epochs: 4,
        hint_bytes: 48 * 1024,
        spread_partitions: 4,
        hints,
        ..Policy::default()
    }
}

impl World {
    /// A group of five, at the beginning.
    pub(super) async fn found(kind: Kind, random: Random, record: Record) -> Self {
        let Kind { handshakes, hints, is_hasty } = kind;
        let default = ObservingLimits::default();
        let wait = if is_hasty { Duration::ZERO } else { default.wait };
        let observing = ObservingLimits { states_bytes_max: super::STATES_BYTES_MAX, wait, ..default };
        let limits = Limits { page_bytes: 4 * 1024, observing, ..Limits::default() };
        let setup = Setup::with(policy(hints), limits);
        let policy = setup.policy.clone();
        let rules = Rules::new(&policy, handshakes);
        let followers = Setup::with(Policy { hints, ..Policy::default() }, Limits::default());
        let mut devices: Vec<Device> = PEOPLE.iter().map(|person| Device::new(*person, handshakes)).collect();

        let id = setup.service.mint_group_id(&user_id("alice")).await.unwrap().as_bytes().to_vec();
        let founded = {
            let none = ExtensionList::new;
            devices[0].client.create_group_with_id(id.clone(), none(), none(), None).unwrap()
        };
        let members: Vec<NewMember> = devices[1..FOUNDERS].iter().map(Device::key_package).collect();
        let (group, request) = PartitionedGroup::create(founded, provider("hub.example"), &members, true).unwrap();
        let welcome = request.welcome_data.as_ref().unwrap().welcome.bytes().to_vec();
        create(&setup, request).await;
        let root = group.partition_key().clone();
        let other = setup.group().await;
        let forests = [
            Forest::new(root, ("hub.example", "alice"), START),
            Forest::new(PartitionKey::new(key(0)), ("hub.example", "alice"), START),
        ];
        devices[0].enter(group, None).await;
        for device in &mut devices[1..FOUNDERS] {
            join(device, &welcome, None).await;
        }
        let mut world = Self {
            setup: Some(setup),
            followers,
            handshakes,
            policy,
            rules,
            group_ids: [id, other],
            forests,
            devices,
            random,
            asked: Vec::new(),
            facts: BTreeMap::new(),
            letters: Vec::new(),
            barred: BTreeSet::new(),
            presented: BTreeMap::new(),
            followed: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            is_deleted: false,
            names: BTreeMap::new(),
            record,
            seen: BTreeMap::new(),
        };
        let root = world.name(world.forests[MAIN].root);
        let people: Vec<_> = PEOPLE[..FOUNDERS].iter().map(|(name, home, _)| format!("{name}@{home}")).collect();
        world.write(&format!("found {root} {kind:?} members={}", people.join(",")));
        world.advance(1);
        for who in 0..FOUNDERS {
            world.tell(who);
        }
        world
    }

    pub(super) fn hub(&self) -> &Setup {
        self.setup.as_ref().expect("the hub is up between steps")
    }

    pub(super) fn now(&self) -> UnixMillis {
        crate::service::Clock::now(&*self.hub().clock)
    }

    pub(super) fn advance(&self, by: UnixMillis) {
        self.hub().clock.advance(by);
        self.followers.clock.advance(by);
    }

    /// The hub's process ends, and another one opens the database.
    pub(super) async fn restart_hub(&mut self) {
        let setup = self.setup.take().expect("the hub is up between steps");
        self.setup = Some(setup.restart().await);
    }

    /// Everything has been asked: the databases are looked at as an operator looks at them. Gives what came about.
    pub(super) async fn close(self) -> BTreeMap<&'static str, u32> {
        for setup in [self.setup.expect("the hub is up between steps"), self.followers] {
            setup.assert_sound().await;
        }
        self.seen
    }

    /// Does one thing.
    pub(super) async fn step(&mut self, step: Step) {
        // The hub's clock never shows one time twice: what came first is told by it.
        self.advance(1);
        match step {
            Step::Wait(ms) => {
                self.write(&format!("at +{}h{:02}m", ms / HOUR, ms % HOUR / 60_000));
                self.advance(ms);
            }
            Step::Attack(who, attack) => self.attack(who, attack).await,
            Step::Sweep
            | Step::Retain
            | Step::CatchUp
            | Step::Terminate(_)
            | Step::Restore(_)
            | Step::OperatorBan(_)
            | Step::OperatorLift(_)
            | Step::RestartHub => self.operate(step).await,
            step => self.act(step).await,
        }
        self.hub().assert_sound_now();
        self.followers.assert_sound_now();
    }

    /// A line of the history.
    pub(super) fn write(&self, line: &str) {
        self.record.lock().unwrap().push(line.to_owned());
    }

    /// What came of the last line.
    pub(super) fn outcome(&mut self, what: &'static str, line: &str) {
        self.note(what);
        self.record.lock().unwrap().push(format!("    {line}"));
    }

    pub(super) fn note(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// What a partition is called: A, B, … in the order in which they are spoken of.
    pub(super) fn name(&mut self, key: Key) -> String {
        let next = self.names.len();
        let name = || {
            let letter = char::from(b'A' + u8::try_from(next % 26).unwrap());
            if next < 26 { letter.to_string() } else { format!("{letter}{}", next / 26) }
        };
        self.names.entry(key).or_insert_with(name).clone()
    }

    /// The devices that are so, and of them the one of that number.
    pub(super) fn pick(&self, number: usize, is_so: impl Fn(&Device) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.devices.len()).filter(|who| is_so(&self.devices[*who])).collect();
        (!all.is_empty()).then(|| all[number % all.len()])
    }

    /// A member tells who is in the group where it is, and whom the group bans.
    pub(super) fn tell(&mut self, who: usize) {
        let Some(group) = self.devices[who].group.as_ref().filter(|group| !group.is_removed()) else { return };
        let state = (roster(group.group()), banned(group.group()));
        let place = group.masked_partition_key();
        self.tell_of(place, &state);
    }

    pub(super) fn tell_of(&mut self, place: Key, (roster, banned): &(Vec<Name>, Vec<Name>)) {
        if let Some(node) = self.forests[MAIN].nodes.get_mut(&place) {
            node.roster.extend(roster);
            node.banned.extend(banned);
            node.is_told = true;
        }
    }

    /// Hands a Welcome over, if the one that it is for can use it.
    pub(super) async fn welcome(&mut self, digest: [u8; 32], by: (Key, u32)) {
        while let Some(at) = self.letters.iter().position(|letter| letter.digest == digest) {
            let letter = self.letters.swap_remove(at);
            if self.devices[letter.to].is_member() {
                continue;
            }
            let id = self.group_ids[MAIN].clone();
            self.devices[letter.to].forget(&id);
            join(&mut self.devices[letter.to], &letter.welcome, Some(by)).await;
            let line = format!("welcome {}", self.devices[letter.to].name);
            self.outcome("welcomed", &line);
            self.tell(letter.to);
        }
    }
}

async fn create(setup: &Setup, request: CreateGroupRequest) {
    let body = encode(&request).unwrap();
    setup.service.create_group(&user_id("alice"), request, &body).await.unwrap();
}

async fn join(device: &mut Device, welcome: &[u8], by: Option<(Key, u32)>) {
    let welcome = mls_rs::MlsMessage::from_bytes(welcome).unwrap();
    let (group, _info) = device.client.join_group(None, &welcome, None).unwrap();
    device.enter(PartitionedGroup::new(group, provider("hub.example")).unwrap(), by).await;
}
