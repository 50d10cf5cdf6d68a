//! Everybody, and what they do: each operation checks its answers against the model and is recorded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use restante::{
    client::http::CallError,
    wire::{SendResponse, WelcomeData, encode},
};
use tokio::sync::Mutex;

use super::{
    contact::Contact,
    group::{Group, Turn, number},
    newcomer::Newcomer,
    plan::Plan,
    record::{Kind, Record},
    site::{Site, User},
};
use crate::traffic::{self, Content, Random};

const CONTACTS: usize = 64;
const NEWCOMERS: usize = 128;
/// How often a request is made that got no answer. What was sent before is recognised.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) record: Record,
    pub(crate) groups: Vec<Arc<Group>>,
    /// Of each group, at the hub and at the follower.
    senders: Vec<[User; 2]>,
    contacts: Vec<Contact>,
    /// Each of them is added to one group at a time.
    newcomers: Vec<Mutex<Newcomer>>,
    next_newcomer: AtomicUsize,
}

/// Whose send it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    OfHub = 0,
    OfFollower = 1,
}

impl World {
    pub(crate) async fn new(plan: &Plan) -> Self {
        let site = Site::start(plan.push);
        let (mut groups, mut senders) = (Vec::new(), Vec::new());
        for number in 0..u64::try_from(plan.groups).unwrap() {
            let alice = site.hub_user(&format!("alice-{number}"));
            let id = alice.mint_group_id().await.unwrap().group_id;
            alice.create_group(&traffic::create_request(&id, number)).await.unwrap();
            groups.push(Arc::new(Group::new(number, id)));
            senders.push([alice, site.follower_user(&format!("bob-{number}"))]);
        }
        let mut contacts = Vec::new();
        for number in 0..CONTACTS {
            let name = format!("carol-{number}");
            contacts.push(Contact::new(&site.follower_user(&name), name).await);
        }
        let newcomers = (0..NEWCOMERS).map(|number| {
            let user = site.follower_user(&format!("dave-{number}"));
            Mutex::new(Newcomer::new(user, u64::try_from(number).unwrap()))
        });
        let newcomers = newcomers.collect();
        let record = Record::default();
        Self { site, record, groups, senders, contacts, newcomers, next_newcomer: AtomicUsize::new(0) }
    }

    /// The user of the follower who reads that group.
    pub(crate) fn reader(&self, group: &Group) -> User {
        self.senders[usize::try_from(group.number).unwrap()][Sender::OfFollower as usize].clone()
    }

    /// An application message.
    pub(crate) async fn send(&self, sender: Sender, random: &mut Random, planned: Instant) {
        let kind = if sender == Sender::OfHub { Kind::Send } else { Kind::Forwarded };
        let group = &self.groups[random.below(self.groups.len())];
        let mut turn = group.turn.lock().await;
        if group.is_lost() {
            return;
        }
        let message = traffic::application(&group.id, turn.place, number(turn.place, turn.index));
        let body: Bytes = encode(&message).unwrap().into();
        group.expect(planned, Content::Application);
        let user = &self.senders[usize::try_from(group.number).unwrap()][sender as usize];
        let Some(answer) = self.sequence(kind, user, &body, group, &turn).await else { return };
        self.record.went_well(kind, planned.elapsed());
        group.acknowledge(&mut turn, Content::Application);
        drop(turn);
        if random.below(64) == 0 {
            self.repeat(user, body, answer).await;
        }
    }

    /// The same bytes again are answered with the same words.
    async fn repeat(&self, user: &User, body: Bytes, answer: SendResponse) {
        let begun = Instant::now();
        match user.send_encoded(body, None).await {
            Ok(again) if again == answer => self.record.went_well(Kind::Repeat, begun.elapsed()),
            Ok(_) => self.record.went_wrong(Kind::Repeat, "another answer"),
            Err(error) => self.record.went_wrong(Kind::Repeat, error),
        }
    }

    /// A commit that opens the next epoch.
    pub(crate) async fn commit(&self, random: &mut Random, planned: Instant) {
        let group = &self.groups[random.below(self.groups.len())];
        let mut turn = group.turn.lock().await;
        if self.commit_with(group, &mut turn, None, planned).await {
            self.record.went_well(Kind::Commit, planned.elapsed());
        }
    }

    async fn commit_with(
        &self,
        group: &Group,
        turn: &mut Turn,
        welcome: Option<WelcomeData>,
        planned: Instant,
    ) -> bool {
        if group.is_lost() {
            return false;
        }
        let message = traffic::commit(&group.id, turn.place, number(turn.place, turn.index), welcome);
        group.expect(planned, Content::Commit);
        let user = &self.senders[usize::try_from(group.number).unwrap()][Sender::OfHub as usize];
        let body = encode(&message).unwrap().into();
        let answered = self.sequence(Kind::Commit, user, &body, group, turn).await.is_some();
        if answered {
            group.acknowledge(turn, Content::Commit);
        }
        answered
    }

    /// A commit that adds somebody, who waits for the Welcome.
    pub(crate) async fn welcome(&self, random: &mut Random, planned: Instant) {
        let newcomer = self.next_newcomer.fetch_add(1, Ordering::Relaxed) % self.newcomers.len();
        let mut newcomer = self.newcomers[newcomer].lock().await;
        if let Err(error) = newcomer.prepare().await {
            self.record.went_wrong(Kind::Welcome, error);
            return;
        }
        let welcome = newcomer.welcome();
        let sent = welcome.welcome.clone();
        let group = &self.groups[random.below(self.groups.len())];
        let mut turn = group.turn.lock().await;
        if !self.commit_with(group, &mut turn, Some(welcome), planned).await {
            return;
        }
        drop(turn);
        match newcomer.join(&sent).await {
            Ok(()) => self.record.went_well(Kind::Welcome, planned.elapsed()),
            Err(error) => self.record.went_wrong(Kind::Welcome, error),
        }
    }

    /// Reads an epoch that is over, all of it.
    pub(crate) async fn read_old(&self, random: &mut Random, planned: Instant) {
        let group = &self.groups[random.below(self.groups.len())];
        let Some((place, length)) = group.old_epoch(random) else { return };
        let user = &self.senders[usize::try_from(group.number).unwrap()][Sender::OfHub as usize];
        let received = match user.receive(&traffic::receive(&group.id, place, 0), Duration::ZERO).await {
            Ok(received) => received,
            Err(error) => return self.record.went_wrong(Kind::Old, error),
        };
        let messages = &received.response.epoch.messages;
        let as_sent = (0..length).zip(messages).all(|(index, message)| {
            let content = if index + 1 == length { Content::Commit } else { Content::Application };
            group.is_at(place, index, content, message)
        });
        if messages.len() == usize::try_from(length).unwrap() && as_sent && !received.more {
            self.record.went_well(Kind::Old, planned.elapsed());
        } else {
            self.record.went_wrong(Kind::Old, "other messages");
        }
    }

    /// Fetches somebody's KeyPackage, now and then with a wrong token.
    pub(crate) async fn fetch(&self, random: &mut Random, planned: Instant) {
        let fetcher = &self.site.fetchers[random.below(self.site.fetchers.len())];
        let contact = &self.contacts[random.below(self.contacts.len())];
        let (kind, fetched) = match random.below(16) {
            0 => (Kind::Denied, contact.be_denied(fetcher).await),
            _ => (Kind::Fetch, contact.fetch(fetcher).await),
        };
        match fetched {
            Ok(()) => self.record.went_well(kind, planned.elapsed()),
            Err(error) => self.record.went_wrong(kind, error),
        }
    }

    /// Sends it until it is answered, and looks whether it stands where it has to.
    async fn sequence(
        &self,
        kind: Kind,
        user: &User,
        body: &Bytes,
        group: &Group,
        turn: &Turn,
    ) -> Option<SendResponse> {
        for _try in 0..TRIES {
            match user.send_encoded(body.clone(), None).await {
                Ok(answer) if answer.index == turn.index && answer.commits_before == 0 => return Some(answer),
                Ok(_) => {
                    self.record.went_wrong(kind, "another place");
                    break;
                }
                Err(error) => {
                    self.record.went_wrong(kind, error);
                    if !CallError::is_transient(&error) {
                        break;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        // Whether it was sequenced is not known: nothing more can be said of the group.
        group.lose();
        None
    }
}
