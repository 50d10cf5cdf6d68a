//! A device that is a member of a group, and what it has heard there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mls_rs::identity::SigningIdentity;
use restante::client::{
    Backoff, Event, IntentId, Member, MemberError, MemberPolicy, MemoryKeep, NewMember, PartitionedGroup, Place,
    Progress, TokioPace, http::LocalClient,
};

use super::{
    newcomer::{Config, Handshakes, Newcomer},
    rough_line::RoughLine,
    world::World,
};
use crate::site::HUB;

/// No device takes longer to do its errands or to hear what it waits for.
const PATIENCE: Duration = Duration::from_secs(50);
/// How long one request waits for a message.
const WAIT: Duration = Duration::from_secs(5);

/// Quick, because providers come back soon, and patient for a slow machine.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(50),
    maximum: Duration::from_millis(400),
    attempts: 60,
    retry_after_maximum: Duration::from_millis(300),
};

/// The same pauses in every run.
pub(crate) type Pace = TokioPace<fn() -> u64>;

pub(crate) fn pace() -> Pace {
    TokioPace::new((|| 0) as fn() -> u64)
}

/// GroupInfos are published: in these tests people join from outside.
pub(crate) fn policy() -> MemberPolicy {
    MemberPolicy { backoff: BACKOFF, group_info: true, ..MemberPolicy::default() }
}

/// A member.
pub(crate) struct Device {
    pub(crate) newcomer: Newcomer,
    pub(crate) member: Member<Config, LocalClient, Pace, MemoryKeep>,
    /// What was said, by others and by this device, where it stands.
    pub(crate) heard: BTreeMap<Place, String>,
    /// What this device has said and not read back: MLS does not decrypt one's own messages.
    said: BTreeMap<IntentId, String>,
    /// Where the hub has acknowledged to have put it.
    pub(crate) acknowledged: Vec<(u32, String)>,
    /// Who has come and gone by commits that it has applied.
    pub(crate) joined: Vec<String>,
    pub(crate) left: Vec<String>,
    pub(crate) proposals: usize,
    /// Who has proposed to be added.
    pub(crate) newcomers: Vec<NewMember>,
}

impl Device {
    pub(crate) fn new(newcomer: Newcomer, group: PartitionedGroup<Config>) -> Self {
        let member = Member::new(group, newcomer.channel.clone(), pace(), newcomer.keep.clone(), policy());
        Self::over(newcomer, member)
    }

    pub(crate) fn over(newcomer: Newcomer, member: Member<Config, LocalClient, Pace, MemoryKeep>) -> Self {
        Self {
            newcomer,
            member,
            heard: BTreeMap::new(),
            said: BTreeMap::new(),
            acknowledged: Vec::new(),
            joined: Vec::new(),
            left: Vec::new(),
            proposals: 0,
            newcomers: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.newcomer.name
    }

    /// Says something, and returns when the hub has sequenced it.
    pub(crate) async fn say(&mut self, text: &str) {
        let intent = self.member.send(text.as_bytes()).unwrap();
        self.said.insert(intent, text.to_owned());
        self.flush().await;
        assert!(self.said.is_empty(), "{} was not heard", self.name());
    }

    /// Wants to say something, and returns why that cannot be now. It is said when the device flushes next.
    pub(crate) async fn say_in_vain(&mut self, text: &str) -> MemberError {
        let intent = self.member.send(text.as_bytes()).unwrap();
        self.said.insert(intent, text.to_owned());
        tokio::time::timeout(PATIENCE, self.member.flush()).await.expect("an answer").unwrap_err()
    }

    /// Does what was queued, and returns when it is done.
    pub(crate) async fn flush(&mut self) {
        let name = self.name();
        let flushing = async {
            while self.member.has_work() {
                self.member.flush().await.unwrap();
                self.take_notes();
            }
        };
        let flushed = tokio::time::timeout(PATIENCE, flushing).await;
        flushed.unwrap_or_else(|_| panic!("{name} does not come to an end"));
    }

    /// Reads until `enough`.
    pub(crate) async fn read_until(&mut self, enough: impl Fn(&Self) -> bool) {
        let reading = async {
            while !enough(self) {
                self.member.read(WAIT).await.unwrap();
                self.take_notes();
            }
        };
        if tokio::time::timeout(PATIENCE, reading).await.is_err() {
            panic!("{} waits in vain in epoch {}, having heard {:?}", self.name(), self.epoch(), self.heard);
        }
    }

    /// Reads what there is.
    pub(crate) async fn read(&mut self) {
        self.member.read(Duration::ZERO).await.unwrap();
        self.take_notes();
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.member.group().epoch().0
    }

    /// How every push of the partition of the device's epoch begins: group and partition, and nothing that says so
    /// elsewhere.
    pub(crate) fn push_head(&self) -> Vec<u8> {
        let group = self.member.group();
        let mask = restante::wire::encode(&group.masked_partition_key()).unwrap();
        [group.group_id(), &mask].concat()
    }

    /// Who is in the group, in the order of the names.
    pub(crate) fn names(&self) -> Vec<String> {
        let members = self.member.group().group().roster().members();
        let mut names: Vec<_> = members.iter().map(|member| name_of(&member.signing_identity)).collect();
        names.sort_unstable();
        names
    }

    fn take_notes(&mut self) {
        while let Some(progress) = self.member.next_progress() {
            match progress {
                Progress::Group(event) => self.take_note(event),
                Progress::Accepted { intent, index } => {
                    let text = self.said.remove(&intent).expect("it was said once");
                    self.acknowledged.push((index, text));
                }
                Progress::Forked(_) | Progress::Done { .. } | Progress::Moot { .. } => {}
                other => panic!("{}: {other:?}", self.name()),
            }
        }
    }

    fn take_note(&mut self, event: Event) {
        match event {
            Event::Message { place, data, .. } => {
                let text = String::from_utf8(data.to_vec()).unwrap();
                assert_eq!(self.heard.insert(place, text), None, "{} has read {place:?} twice", self.name());
            }
            Event::Committed(committed) => {
                self.joined.extend(committed.joined.iter().map(|one| name_of(&one.signing_identity)));
                self.left.extend(committed.left.iter().map(|one| name_of(&one.signing_identity)));
            }
            Event::Proposal { newcomer, .. } => {
                self.proposals += 1;
                self.newcomers.extend(newcomer.map(|newcomer| *newcomer));
            }
            Event::Sent { .. } | Event::Lost { .. } | Event::Superseded { .. } | Event::Removed { .. } => {}
            Event::Ignored { .. } | Event::Gap { .. } => panic!("{}: {event:?}", self.name()),
        }
    }
}

/// What the credential says.
fn name_of(identity: &SigningIdentity) -> String {
    String::from_utf8(identity.credential.as_basic().unwrap().identifier.clone()).unwrap()
}

/// A group of Alice at the hub and these others, who have joined through the Welcome.
pub(super) async fn found(
    world: &World,
    handshakes: Handshakes,
    others: &[(&'static str, &'static str)],
) -> Vec<Device> {
    let mut members = Vec::new();
    let others: Vec<_> =
        others.iter().map(|(provider, name)| Newcomer::new(world, provider, name, handshakes)).collect();
    for newcomer in &others {
        members.push(newcomer.upload().await);
    }
    let mut devices = vec![Newcomer::new(world, HUB, "alice", handshakes).found(&members, true).await];
    for newcomer in others {
        let welcome = newcomer.welcomed().await;
        assert!(welcome.ratchet_tree.is_none(), "nobody but {} is shown who is in the group", newcomer.name);
        let group = newcomer.join(&welcome).await;
        devices.push(newcomer.enter(group));
    }
    devices
}

/// One waits for what the other says, until the hub has pushed something of their partition to the listener's provider,
/// to which the line leads. Returns how such a push begins.
pub(super) async fn be_pushed(line: &RoughLine, speaker: &mut Device, listener: &mut Device) -> Vec<u8> {
    /// The first message may be older than the subscription.
    const TIMES: usize = 8;
    let push = speaker.push_head();
    let (epoch, name) = (speaker.epoch(), listener.name());
    for time in 0..TIMES {
        let text = format!("do you wait, {name}, in epoch {epoch}, for the {time}?");
        let heard = |listener: &Device| listener.heard.values().any(|heard| *heard == text);
        tokio::join!(listener.read_until(heard), speaker.say(&text));
        if line.has_carried(&push) {
            return push;
        }
    }
    line.carries(&push).await;
    push
}

/// All of them are in the same epoch of the same branch.
pub(super) fn assert_together(devices: &[&Device]) {
    let first = devices[0].member.group();
    for device in devices {
        let group = device.member.group();
        assert_eq!(group.epoch(), first.epoch(), "{}", device.name());
        assert_eq!(group.partition_key(), first.partition_key(), "{}", device.name());
        assert_eq!(
            group.group().epoch_authenticator().unwrap().as_bytes(),
            first.group().epoch_authenticator().unwrap().as_bytes(),
            "{}",
            device.name()
        );
    }
}

/// Everybody follows the others to the newest epoch, says something, and reads what all others say.
pub(super) async fn talk(devices: &mut [Device], words: &str) {
    let newest = devices.iter().map(Device::epoch).max().unwrap();
    for device in devices.iter_mut() {
        device.read_until(|device| device.epoch() >= newest).await;
        device.read().await;
    }
    let before: Vec<_> = devices.iter().map(|device| device.heard.len()).collect();
    let others = devices.len() - 1;
    for device in devices.iter_mut() {
        device.say(&format!("{words} {}", device.name())).await;
    }
    for (device, before) in devices.iter_mut().zip(before) {
        device.read_until(|device| device.heard.len() >= before + others).await;
        device.read().await;
        assert_eq!(device.heard.len(), before + others, "{} has read each once", device.name());
    }
    let mut places = BTreeMap::new();
    for device in &*devices {
        for (place, text) in &device.heard {
            assert_eq!(places.entry(*place).or_insert(text), &text, "all read the same at the same place");
        }
    }
    let texts: BTreeSet<_> = places.values().collect();
    assert_eq!(texts.len(), places.len(), "nothing stands there twice");
    let acknowledged = devices.iter().flat_map(|device| &device.acknowledged);
    for (index, text) in acknowledged.filter(|(_, text)| text.starts_with(words)) {
        assert!(
            places.iter().any(|(place, read)| place.index == *index && *read == text),
            "{text} is where it was put"
        );
    }
}
