//! Somebody of the follower who uploads KeyPackages, and somebody who fetches them: over relay and gateway, or as
//! another user of the same provider.

use std::time::Duration;

use restante::{
    client::oblivious::KeyPackageFetcher,
    mls::{CipherSuite, ProtocolVersion, WireKeyPackage},
    wire::{
        BearerToken, BearerTokenKind, ClientId, KeyPackageRequest, KeyPackageRequests, KeyPackageStatus,
        MintTokenRequest, RevokeTokenRequest, TokenHandle, UploadKeyPackagesRequest, decode, encode,
    },
};

use super::Load;
use crate::{
    dice::Dice,
    fixtures::key_packages::Device,
    site::{FOLLOWER, User},
    world::Provider,
};

/// The suite of all KeyPackages.
pub(super) const SUITE: u16 = 1;
/// Fewer than these, and more are uploaded.
const LOW: usize = 4;
const UPLOAD: usize = 12;

/// How KeyPackages are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Oblivious,
    Local,
}

/// A user with one device, and the token for contacts.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) user: User,
    device: Device,
    pub(super) token: Vec<u8>,
}

impl Host {
    /// With a last-resort KeyPackage and some others. Nothing if that was refused.
    pub(super) async fn new(load: &Load, name: String) -> Option<Self> {
        let user = load.world.user(Provider::Follower, &name);
        let device = Device::new(SUITE);
        let mint = MintTokenRequest { kind: BearerTokenKind::Shared };
        let minted = load.answered("a token", async || user.mint_token(&mint).await).await?;
        let host = Self { name, user, device, token: encode(&minted.token).unwrap() };
        let last_resort = host.device.last_resort(load.world.now_s());
        load.model.packages().upload_last_resort(&host.name, last_resort.clone());
        host.store(load, vec![last_resort]).await?;
        host.upload(load).await?;
        Some(host)
    }

    /// Some more that are for one group each.
    pub(super) async fn upload(&self, load: &Load) -> Option<()> {
        let made: Vec<_> = (0..UPLOAD).map(|_| self.device.one_time(load.world.now_s())).collect();
        load.model.packages().upload(&self.name, made.iter().cloned());
        self.store(load, made).await
    }

    async fn store(&self, load: &Load, made: Vec<Vec<u8>>) -> Option<()> {
        let key_packages: Vec<WireKeyPackage> = made.iter().map(|bytes| decode(bytes).unwrap()).collect();
        let request = UploadKeyPackagesRequest { client_id: ClientId::new([1; 16]), key_packages };
        let stored = load.answered("an upload", async || self.user.upload_key_packages(&request).await).await;
        stored.map(drop)
    }

    /// How many the provider says are left.
    pub(super) async fn available(&self, load: &Load) -> Option<usize> {
        let status = load.answered("a status", async || self.user.key_package_status().await).await?;
        Some(status.stocks.iter().map(|stock| usize::try_from(stock.available).unwrap()).sum())
    }

    pub(super) fn request(&self, token: &[u8]) -> KeyPackageRequest {
        KeyPackageRequest {
            user_id: self.name.as_bytes().to_vec(),
            bearer_token: token.to_vec(),
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(SUITE),
        }
    }
}

pub(super) async fn visit(mut load: Load, name: String, way: Way) {
    let mut dice = load.dice(Provider::Follower, &name);
    let Some(host) = Host::new(&load, name).await else { return };
    let guest =
        Guest { fetcher: load.world.fetcher(), neighbour: load.world.user(Provider::Follower, "neighbour"), way };
    let mut revoked: Vec<Vec<u8>> = Vec::new();
    let mut is_out = false;
    while !load.is_stopping() {
        let left = load.model.packages().left(&host.name);
        if (left < LOW || is_out) && host.upload(&load).await.is_none() {
            return;
        }
        is_out = false;
        match guest.fetch(&host, &host.token).await {
            Some((KeyPackageStatus::Ok, packages)) => {
                load.model.acknowledge();
                for package in packages {
                    is_out |= load.model.packages().is_last_resort(&host.name, &package);
                    load.model.hold(load.model.packages().hand_out(&host.name, package));
                }
            }
            Some((status, _)) => load.model.hold(Err(format!("{}: a good token opens nothing: {status:?}", host.name))),
            None => {
                load.model.wonder();
                load.model.packages().lose(&host.name, 1);
                load.retry().await;
            }
        }
        if dice.percent(5) && revoked.len() < 20 {
            revoked.extend(revoke(&load, &host).await);
        }
        if !revoked.is_empty() && dice.percent(20) {
            let token = &revoked[dice.below(revoked.len())];
            match guest.fetch(&host, token).await {
                Some((KeyPackageStatus::Denied, _)) => load.model.packages().denied += 1,
                Some((status, _)) => load.model.hold(Err(format!("{}: a revoked token opens: {status:?}", host.name))),
                None => load.model.wonder(),
            }
        }
        let pause = pause(&mut dice);
        load.rest(pause).await;
    }
    if let Some(available) = host.available(&load).await {
        load.model.hold(load.model.packages().account(&host.name, available));
    }
}

fn pause(dice: &mut Dice) -> Duration {
    dice.millis(5, 80)
}

/// A token of its own, minted and revoked.
async fn revoke(load: &Load, host: &Host) -> Option<Vec<u8>> {
    let mint = MintTokenRequest { kind: BearerTokenKind::Unique };
    let minted = load.answered("a unique token", async || host.user.mint_token(&mint).await).await?.token;
    let token = encode(&minted).unwrap();
    let handle = TokenHandle::of(&decode::<BearerToken>(&token).unwrap().handle)?;
    let revoke = RevokeTokenRequest::Handle(handle);
    if !load.answered("a revocation", async || host.user.revoke_token(&revoke).await).await?.found {
        load.model.hold(Err(format!("{}: a token that was minted is not known", host.name)));
    }
    Some(token)
}

/// Who fetches.
struct Guest {
    fetcher: KeyPackageFetcher,
    neighbour: User,
    way: Way,
}

impl Guest {
    /// What was given; nothing when there was no answer.
    async fn fetch(&self, host: &Host, token: &[u8]) -> Option<(KeyPackageStatus, Vec<Vec<u8>>)> {
        let request = host.request(token);
        let (status, packages) = match self.way {
            Way::Oblivious => {
                let fetched = self.fetcher.fetch(&FOLLOWER.parse().unwrap(), vec![request]).await;
                let fetched = fetched.ok()?.remove(0);
                (fetched.status, fetched.key_packages)
            }
            Way::Local => {
                let request = KeyPackageRequests { requests: vec![request] };
                let fetched = self.neighbour.fetch_key_packages(&request).await.ok()?.results.remove(0);
                (fetched.status, fetched.key_packages)
            }
        };
        Some((status, packages.iter().map(|package| package.bytes().to_vec()).collect()))
    }
}
