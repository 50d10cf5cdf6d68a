//! A hub, and a courier that can be stopped where it is.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    client::http::{Limits, ProviderClient, ProviderIdentity, tests::provider::Authority},
    courier::{Asker, BansPace, Courier, DeliveryLimits},
    fixtures::{
        mls,
        requests::{self, CreateGroup},
    },
    mls::WireRatchetTree,
    sequencer::{GroupKey, UnixMillis},
    service::{
        Error,
        setup::{PATIENCE, Setup, key, provider, published, user_id},
    },
    store::Store,
    wire::{PartitionKey, decode},
};

pub(super) struct Stage {
    pub(super) setup: Setup,
    providers: ProviderClient,
    courier: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Stage {
    /// A hub that dials those providers there. The courier is not there yet.
    pub(super) fn new(authority: &Authority, peers: &[(&str, SocketAddr)]) -> Self {
        Self { setup: Setup::new(), providers: client(authority, peers), courier: None }
    }

    /// The same, but the hub asks before it sequences, and waits so long for an answer.
    pub(super) fn asking_first(authority: &Authority, peers: &[(&str, SocketAddr)], wait: Duration) -> Self {
        let providers = client(authority, peers);
        let asker = Arc::new(Asker::new(providers.clone(), 1));
        Self { setup: Setup::asking_first(asker, wait), providers, courier: None }
    }

    /// The same hub, which dials the providers where the other one does.
    pub(super) fn dialling_as(self, other: Self) -> Self {
        Self { setup: self.setup, ..other }
    }

    pub(super) fn start(&mut self) {
        self.start_within(DeliveryLimits::default());
    }

    pub(super) fn start_within(&mut self, limits: DeliveryLimits) {
        let (stop, stopping) = watch::channel(false);
        let courier = Courier::new(self.setup.service.clone(), self.providers.clone(), limits);
        self.courier = Some((stop, tokio::spawn(courier.deliver_welcomes(stopping))));
    }

    /// Asks those peers for their bans, as often as that, until the sender is gone.
    pub(super) fn follow_bans(&self, peers: &[&str], pace: BansPace) -> watch::Sender<bool> {
        let (stop, stopping) = watch::channel(false);
        let courier = Courier::new(self.setup.service.clone(), self.providers.clone(), DeliveryLimits::default());
        tokio::spawn(courier.follow_bans(peers.iter().map(|name| provider(name)).collect(), pace, stopping));
        stop
    }

    /// Ends the courier where it is.
    pub(super) async fn stop(&mut self) {
        let (stop, courier) = self.courier.take().unwrap();
        stop.send_replace(true);
        tokio::time::timeout(PATIENCE, courier).await.expect("told to stop").unwrap();
    }

    /// The whole process ends where it is, and comes back.
    pub(super) async fn restart(mut self) -> Self {
        if self.courier.is_some() {
            self.stop().await;
        }
        self.setup = self.setup.restart().await;
        self.start();
        self
    }

    /// A new group whose Welcome is for those KeyPackages of those providers. Its id.
    pub(super) async fn welcome(&self, addressed: &[(&[u8], &str)]) -> Vec<u8> {
        self.create(addressed).await.unwrap()
    }

    /// The same, which may be refused.
    pub(super) async fn create(&self, addressed: &[(&[u8], &str)]) -> Result<Vec<u8>, Error> {
        let id = self.setup.service.mint_group_id(&user_id("alice")).await.unwrap();
        let (references, providers): (Vec<_>, Vec<_>) = addressed.iter().copied().unzip();
        let (group_info, tree) = published(id.as_bytes());
        let request = CreateGroup {
            group_info: Some(group_info),
            ratchet_tree: Some(tree),
            welcome_data: Some(requests::welcome_data(&mls::welcome(mls::SUITE, &references), &providers)),
            ..CreateGroup::bare(id.as_bytes(), key(0))
        };
        let body = request.encode();
        self.setup.service.create_group(&user_id("alice"), decode(&body).unwrap(), &body).await?;
        Ok(id.as_bytes().to_vec())
    }

    /// The tree that came with the creation of a group.
    pub(super) fn tree(&self, group_id: &[u8]) -> WireRatchetTree {
        let (snapshot, group) = (self.setup.store.snapshot().unwrap(), GroupKey::of(group_id));
        let root = snapshot.partition(&group, &PartitionKey::new(key(0)).masked()).unwrap().unwrap();
        decode(&snapshot.blob(&group, &root.ratchet_tree.unwrap()).unwrap().unwrap()).unwrap()
    }

    /// How many Welcomes are not delivered, and how often each was tried in vain.
    pub(super) fn waiting(&self) -> (usize, Vec<u32>) {
        let snapshot = self.setup.store.snapshot().unwrap();
        let (mut attempts, mut after) = (Vec::new(), None);
        while let Some(provider) = snapshot.addressee(after.as_ref()).unwrap() {
            for (group, key) in snapshot.dispatches(&provider, 100).unwrap() {
                attempts.push(snapshot.dispatch(&group, &key).unwrap().unwrap().attempts);
            }
            after = Some(provider);
        }
        (snapshot.undelivered(None, 100).unwrap().len(), attempts)
    }

    /// Waits until it is recorded so.
    pub(super) async fn await_waiting(&self, welcomes: usize, attempts: &[u32]) {
        let recorded = async {
            while self.waiting() != (welcomes, attempts.to_vec()) {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, recorded).await;
        assert!(in_time.is_ok(), "{:?}", self.waiting());
    }

    /// Nothing is due yet, and something will be.
    pub(super) async fn assert_resting(&self) {
        let agenda = self.setup.service.welcomes_due(100).await.unwrap();
        assert!(agenda.due.is_empty() && agenda.rest.is_some_and(|rest| !rest.is_zero()), "{agenda:?}");
    }

    /// Time passes, and the courier looks.
    pub(super) fn after(&self, by: UnixMillis) {
        self.setup.clock.advance(by);
        self.setup.service.errands().welcomes.notify_one();
    }
}

/// The way to those providers there.
fn client(authority: &Authority, peers: &[(&str, SocketAddr)]) -> ProviderClient {
    let issued = authority.issue(&["hub.example"]);
    let (ca, certificates, key) = (authority.0.pem(), issued.certificate.pem(), issued.key.serialize_pem());
    let identity = ProviderIdentity { ca: ca.as_bytes(), certificates: certificates.as_bytes(), key: key.as_bytes() };
    let limits = Limits { connect: PATIENCE, request: PATIENCE, ..Limits::default() };
    let url = |address: &SocketAddr| format!("https://{address}").parse().unwrap();
    let peers = peers.iter().map(|(name, address)| (provider(name), url(address)));
    ProviderClient::new(identity, peers, limits).unwrap()
}
