//! Alice fetches the KeyPackages, through the relay.

use super::uploading::{self, Stocks};
use crate::{
    client::{
        NewMember,
        oblivious::{FetchedKeyPackages, KeyPackageFetcher},
    },
    demo::{
        Failure,
        cast::{CAROLS_PHONE, DAVE},
        device::Newcomer,
        mode::Mode,
        narrator::Narrator,
        newcomers::Invited,
        relay::RELAY,
        stage::{FOLLOWER, HUB, Stage},
        wiretap::Moment,
    },
    mls::{CipherSuite, ProtocolVersion, WireKeyPackage},
    wire::{KeyPackageRequest, KeyPackageStatus, ServiceProviderId},
};

/// What Alice knows after her first fetch, and where to look for its traces.
pub(in crate::demo) struct Fetched {
    pub(in crate::demo) fetcher: KeyPackageFetcher,
    pub(in crate::demo) carols_token: Vec<u8>,
    pub(in crate::demo) daves_token: Vec<u8>,
    pub(in crate::demo) key_packages: Vec<WireKeyPackage>,
    /// On both wires, before the fetch.
    pub(in crate::demo) near: Moment,
    pub(in crate::demo) far: Moment,
}

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    stocks: Stocks,
    narrator: &mut Narrator,
) -> Result<(Invited, Fetched), Failure> {
    narrator.scene("Alice fetches KeyPackages through the relay");
    narrator.tell(
        "Alice, at hub.example, wants a group with Carol and Dave. If she asked follower.example herself, it would know \
         who is about to talk to whom; if hub.example asked for her, that would know. So her request is sealed for the \
         gateway (HPKE), and the relay passes it on.",
    );
    narrator.tell(format!(
        "First she needs the gateway's key. She takes it only if the list that comes from {FOLLOWER} itself, in a tunnel \
         through the relay, is byte for byte the relay's copy. So neither can slip her a key that only she is given."
    ));
    let relay = &stage.providers()?.relay;
    let (near, far) = (relay.near.moment(), relay.far.moment());
    let fetcher = relay.fetcher()?;
    let requests = [(CAROLS_PHONE.user, &stocks.carols_token), (DAVE.user, &stocks.daves_token)];
    let results = fetcher.fetch(&FOLLOWER.parse()?, requests.map(|(user, token)| request(user, token)).into()).await?;
    narrator.check(
        "the key list came over both ways and is the same, and one sealed request for both was answered",
        results.len() == 2 && results.iter().all(|result| result.status == KeyPackageStatus::Ok),
    );
    let key_packages: Vec<_> = results.iter().flat_map(|result| result.key_packages.clone()).collect();
    let of_each =
        |uploaded: &Vec<WireKeyPackage>| key_packages.iter().filter(|package| uploaded.contains(package)).count() == 1;
    narrator.check(
        "she got one KeyPackage of each of the three devices, each byte for byte as its device had uploaded it",
        key_packages.len() == 3 && [&stocks.phone, &stocks.laptop, &stocks.dave].into_iter().all(of_each),
    );
    narrator.check_same(
        "the stock of each is smaller by one",
        &[left(&stocks.newcomers.phone).await?, left(&stocks.newcomers.dave).await?],
        &[vec![stocks.phone.len() - 1; 2], vec![stocks.dave.len() - 1]],
    );
    let uses = stocks.newcomers.dave.service().list_tokens().await?.tokens.iter().map(|token| token.uses).collect();
    narrator.check_same(format!("{FOLLOWER} has counted one use of Dave's token"), &uses, &vec![1]);
    let relayed = relay.count("relayed").await?;
    narrator.check(format!("{RELAY} has counted one request that it passed on"), relayed == 1);
    let Stocks { newcomers, carols_token, daves_token, .. } = stocks;
    let members = members(&newcomers.bob, &results).await?;
    let fetched = Fetched { fetcher, carols_token, daves_token, key_packages, near, far };
    Ok((Invited { newcomers, members }, fetched))
}

/// The same for another group, without telling it again.
pub(in crate::demo) async fn play_again(stage: &mut Stage, mode: Mode) -> Result<Invited, Failure> {
    let stocks = uploading::fill(mode, stage).await?;
    let requests = [(CAROLS_PHONE.user, &stocks.carols_token), (DAVE.user, &stocks.daves_token)];
    let requests = requests.map(|(user, token)| request(user, token));
    let results = stage.providers()?.relay.fetcher()?.fetch(&FOLLOWER.parse()?, requests.into()).await?;
    let members = members(&stocks.newcomers.bob, &results).await?;
    Ok(Invited { newcomers: stocks.newcomers, members })
}

/// Asks for KeyPackages of all devices of a user.
pub(super) fn request(user: &str, token: &[u8]) -> KeyPackageRequest {
    KeyPackageRequest {
        user_id: user.into(),
        bearer_token: token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    }
}

/// How many one-time KeyPackages each device of the user has left.
async fn left(newcomer: &Newcomer) -> Result<Vec<usize>, Failure> {
    let standing = newcomer.service().key_package_status().await?;
    Ok(standing.stocks.iter().map(|stock| stock.available as usize).collect())
}

/// Bob, who shows one of his KeyPackages, and those whose KeyPackages were fetched.
async fn members(bob: &Newcomer, results: &[FetchedKeyPackages]) -> Result<Vec<NewMember>, Failure> {
    let (hub, follower): (ServiceProviderId, ServiceProviderId) = (HUB.parse()?, FOLLOWER.parse()?);
    let shown = bob.upload(1).await?.into_iter().map(|key_package| (key_package, &hub));
    let fetched = results.iter().flat_map(|result| result.key_packages.iter().cloned());
    let all = shown.chain(fetched.map(|key_package| (key_package, &follower)));
    Ok(all.map(|(key_package, provider)| NewMember { key_package, service_provider: provider.clone() }).collect())
}
