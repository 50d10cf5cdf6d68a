//! Whoever wants into a group: real MLS clients at a real hub, and hand-made input that lies.

mod doubts;
mod group_infos;
mod joins;
mod proposals;
mod references;
mod tokens;

use mls_rs::{ExtensionList, MlsMessage};

use crate::{
    client::{
        Event, JoinOptions, PartitionedGroup, Received as Page,
        tests::cast::{Config, Handshakes, client, new_member},
    },
    sequencer::{GroupInfoAccess, Policy},
    service::{
        Error, Limits, Receive, Submitter,
        setup::{Setup, peer, provider, user, user_id},
    },
    wire::{
        CreateGroupRequest, ExternalJoinRequest, GroupInfoRequest, GroupInfoResponse, JoinToken, JoinTokenRequest,
        SendRequest, SendResponse, ServiceProviderId, encode,
    },
};

/// A member, and on whose behalf its requests arrive.
struct Person {
    group: PartitionedGroup<Config>,
    from: Submitter,
}

/// A group of alice at the hub, bob at follower.example and carol at third.example, in which everybody has read all.
struct Town {
    setup: Setup,
    group_id: Vec<u8>,
    people: Box<[Person; 3]>,
}

fn hub_id() -> ServiceProviderId {
    provider("hub.example")
}

fn open() -> Policy {
    Policy { group_info: GroupInfoAccess::Open, ..Policy::default() }
}

impl Town {
    /// With public handshakes, and the GroupInfo of the first epoch if `published`.
    async fn found(policy: Policy, published: bool) -> Self {
        let setup = Setup::with(policy, Limits::default());
        let id = setup.service.mint_group_id(&user_id("alice")).await.unwrap();
        let (people, request) = people(id.as_bytes(), published);
        let body = encode(&request).unwrap();
        setup.service.create_group(&user_id("alice"), request, &body).await.unwrap();
        let mut town = Self { setup, group_id: id.as_bytes().to_vec(), people };
        town.read_all().await;
        // What comes later is not of the same moment.
        town.setup.clock.advance(1);
        town
    }

    /// Everybody reads until there is nothing new. What each of them saw.
    async fn read_all(&mut self) -> [Vec<Event>; 3] {
        let mut events = [const { Vec::new() }; 3];
        for (person, events) in self.people.iter_mut().zip(&mut events) {
            *events = person.read(&self.setup).await;
        }
        events
    }

    /// What the hub gives to who wants to join.
    async fn published(&self, submitter: &Submitter, token: Option<&JoinToken>) -> Result<GroupInfoResponse, Error> {
        let request = GroupInfoRequest { group_id: self.group_id.clone() };
        let answer = self.setup.service.group_info(submitter, &request, token).await?;
        Ok(answer.response)
    }

    /// Joins as somebody new, with what the hub gives or with something else.
    fn dora(&self, published: &GroupInfoResponse) -> (PartitionedGroup<Config>, ExternalJoinRequest) {
        self.newcomer("dora", published)
    }

    /// The same under another name: nobody is twice in a group.
    fn newcomer(&self, name: &str, published: &GroupInfoResponse) -> (PartitionedGroup<Config>, ExternalJoinRequest) {
        let dora = client(name, Handshakes::Public);
        let options = JoinOptions { group_info: true, ..JoinOptions::default() };
        PartitionedGroup::join_externally(&dora, hub_id(), &self.group_id, published, &options).unwrap()
    }

    async fn join(
        &self,
        submitter: &Submitter,
        request: ExternalJoinRequest,
        token: Option<&JoinToken>,
    ) -> Result<SendResponse, Error> {
        self.setup.service.external_join(submitter, request, token).await
    }

    async fn token(&self, person: usize) -> Result<JoinToken, Error> {
        let Person { group, from, .. } = &self.people[person];
        let request = JoinTokenRequest {
            group_id: self.group_id.clone(),
            partition_key: group.partition_key().clone(),
            ttl_seconds: 3600,
        };
        let response = self.setup.service.join_token(from, &request).await?;
        Ok(JoinToken::new(response.token).unwrap())
    }

    /// A member commits new keys for its own path.
    async fn commit(&mut self, person: usize, group_info: bool) -> SendRequest {
        let request = self.people[person].group.commit_update(group_info).unwrap();
        self.setup.send(&self.people[person].from, request.clone()).await.unwrap();
        request
    }
}

/// Three people in a group that the hub does not know yet.
fn people(group_id: &[u8], published: bool) -> (Box<[Person; 3]>, CreateGroupRequest) {
    let clients = ["alice", "bob", "carol"].map(|name| client(name, Handshakes::Public));
    let none = ExtensionList::new;
    let founded = clients[0].create_group_with_id(group_id.to_vec(), none(), none(), None).unwrap();
    let members: Vec<_> = clients[1..].iter().map(new_member).collect();
    let (group, mut request) = PartitionedGroup::create(founded, hub_id(), &members, published).unwrap();
    // Delivering it is not the matter here.
    let welcome = MlsMessage::from_bytes(request.welcome_data.take().unwrap().welcome.bytes()).unwrap();
    let mut founded = Some(group);
    let mut submitters = [user("alice"), peer("follower.example"), peer("third.example")].into_iter();
    let people = clients.map(|client| {
        let group = founded.take().unwrap_or_else(|| {
            let (group, _info) = client.join_group(None, &welcome, None).unwrap();
            PartitionedGroup::new(group, hub_id()).unwrap()
        });
        Person { group, from: submitters.next().unwrap() }
    });
    (Box::new(people), request)
}

impl Person {
    async fn read(&mut self, setup: &Setup) -> Vec<Event> {
        read(&mut self.group, &self.from, setup).await
    }
}

/// Reads until there is nothing new.
async fn read(group: &mut PartitionedGroup<Config>, from: &Submitter, setup: &Setup) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let before = (group.epoch(), group.counter());
        let request = group.receive_request();
        let receive = Receive::new(&request, std::time::Duration::ZERO);
        let received = setup.service.receive(from, receive).await.unwrap().received;
        let page = Page {
            response: received.response,
            first_index: Some(received.first_index),
            next_index: Some(received.next_index),
            restored: received.passed_over,
            more: received.more,
        };
        group.process(&request, &page, &mut events).unwrap();
        if group.is_removed() || before == (group.epoch(), group.counter()) {
            setup.settle().await;
            return events;
        }
    }
}

/// The external commits that were applied.
fn joined(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Committed(committed) if committed.external)).count()
}

fn assert_together(groups: &[&PartitionedGroup<Config>]) {
    for group in groups {
        assert_eq!(group.epoch(), groups[0].epoch());
        assert_eq!(group.partition_key(), groups[0].partition_key());
    }
}

/// The same GroupInfo in the hub's form.
fn as_published(request: &SendRequest) -> GroupInfoResponse {
    let group_info = request.commit_data.as_ref().unwrap().group_info.clone().unwrap();
    GroupInfoResponse { group_info, ratchet_tree: None }
}
