//! Three providers as real processes, the lines between them, and their users' ways to them.

use std::{collections::HashMap, net::SocketAddr};

use restante::client::http::{DeliveryService, Limits, LocalAddress, LocalClient, Operation, ServiceToken, UserId};

use super::{fault::Deck, rough_line::RoughLine};
use crate::{
    line::Line,
    process::run,
    site::{FOLLOWER, HUB, Provider, Setting, Site, token_of},
};

/// The second follower.
pub(super) const THIRD: &str = "third.example";

const PROVIDERS: [&str; 3] = [HUB, FOLLOWER, THIRD];

/// hub.example, follower.example and third.example, each of them connected to both others.
pub(super) struct World {
    pub(super) site: Site,
    places: Vec<Place>,
    lines: HashMap<(&'static str, &'static str), RoughLine>,
}

struct Place {
    setting: Setting,
    provider: Provider,
    /// To the local listener: where users find their provider stays, also when it is restarted.
    door: Line,
}

/// The fates of the exchanges from one provider to another.
pub(super) type Weather = fn(from: &str, to: &str) -> Deck;

impl World {
    /// All three serve when this returns, each with what `adapt` makes of its usual configuration.
    pub(super) async fn new(weather: Weather, adapt: fn(Setting) -> Setting) -> Self {
        let site = Site::new(&[THIRD]).await;
        let mut lines = HashMap::new();
        for from in PROVIDERS {
            for to in PROVIDERS.into_iter().filter(|to| *to != from) {
                lines.insert((from, to), RoughLine::new(&site.pki, from, to, weather(from, to)).await);
            }
        }
        let mut places = Vec::new();
        for id in PROVIDERS {
            let own = adapt(Setting::new(id));
            let peers = PROVIDERS.into_iter().filter(|peer| *peer != id);
            let setting = peers.fold(own, |setting, peer| setting.peer(peer, lines[&(id, peer)].address));
            let (provider, door) = (site.start(&setting).await, Line::new().await);
            places.push(Place { setting, provider, door });
        }
        let world = Self { site, places, lines };
        for id in PROVIDERS {
            world.lead_to(id);
        }
        world
    }

    /// Kills a provider as `kill -9` does, and starts it again.
    pub(super) async fn restart(&mut self, id: &'static str) {
        self.kill(id).await;
        self.start(id).await;
    }

    pub(super) async fn kill(&mut self, id: &'static str) {
        for (_, line) in self.lines.iter().filter(|((_, to), _)| *to == id) {
            line.lead_nowhere();
        }
        let place = self.place_mut(id);
        place.door.lead_nowhere();
        place.provider.process.kill().await;
    }

    /// After [`World::kill`].
    pub(super) async fn start(&mut self, id: &'static str) {
        let setting = self.place(id).setting.clone();
        self.place_mut(id).provider = self.site.start(&setting).await;
        self.lead_to(id);
    }

    fn lead_to(&self, id: &str) {
        let Place { provider, door, .. } = self.place(id);
        door.lead_to(provider.local_tcp());
        for (_, line) in self.lines.iter().filter(|((_, to), _)| *to == id) {
            line.lead_to(provider.provider);
        }
    }

    /// The line between two providers.
    pub(super) fn line(&self, from: &'static str, to: &'static str) -> &RoughLine {
        &self.lines[&(from, to)]
    }

    /// Where a provider listens for others, until it is restarted.
    pub(super) fn provider(&self, id: &str) -> SocketAddr {
        self.place(id).provider.provider
    }

    /// Where a provider listens for its own users, until it is restarted.
    pub(super) fn local(&self, id: &str) -> SocketAddr {
        self.place(id).provider.local_tcp()
    }

    /// What a provider's operator sees of complaints: about whom, why, from where, and how many.
    pub(super) async fn complaints(&self, id: &str) -> Vec<String> {
        let operator = DeliveryService::new(self.channel(id, "operator"));
        let answer = operator.administer(Operation::ListReports, &serde_json::json!({})).await.unwrap();
        let line = |report: &serde_json::Value| {
            let word = |name| report[name].as_str().unwrap().to_owned();
            format!("{} {} {} {}", word("about"), word("reason"), word("from"), report["number"])
        };
        answer["reports"].as_array().unwrap().iter().map(line).collect()
    }

    /// A user's way to their provider. It outlives restarts.
    pub(super) fn channel(&self, id: &str, user: &str) -> LocalClient {
        let token = ServiceToken::new(&token_of(id)).unwrap();
        let user = UserId::new(user.as_bytes()).unwrap();
        LocalClient::new(LocalAddress::Tcp(self.place(id).door.address), token, user, Limits::default())
    }

    /// Everybody's process ends, and every row of their databases is looked at.
    pub(super) async fn end(mut self) {
        for Place { setting, provider, .. } in &mut self.places {
            provider.process.kill().await;
            let config = self.site.configure(setting);
            let looked_at = run(&["db", "verify", "--config", config.to_str().unwrap()]).await;
            assert!(looked_at.status.success(), "{}: {looked_at:?}", setting.id);
        }
    }

    fn place(&self, id: &str) -> &Place {
        self.places.iter().find(|place| place.setting.id == id).expect("it is one of the three")
    }

    fn place_mut(&mut self, id: &str) -> &mut Place {
        self.places.iter_mut().find(|place| place.setting.id == id).expect("it is one of the three")
    }
}
