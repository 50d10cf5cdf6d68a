//! Somebody who adds people to groups, and those who wait to be added.

use std::{sync::atomic::Ordering, time::Duration};

use restante::{
    client::key_package_ref,
    mls::WireKeyPackage,
    wire::{ClientId, InboxAckRequest, InboxOutcome, InboxRequest, UploadKeyPackagesRequest, decode},
};

use super::{Load, sending::Message, visitor::SUITE};
use crate::{
    fixtures::{key_packages::Device, mls, requests},
    model::Spot,
    world::Provider,
};

/// After so many commits there is another group.
const COMMITS: u32 = 20;
/// No more Welcomes are on their way at once.
const AWAITED_MAX: usize = 12;
/// How long one request waits for a Welcome.
const WAIT: Duration = Duration::from_secs(3);

/// A device that waits to be added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer {
    at: Provider,
    client: u8,
}

/// Those of a provider.
pub(super) fn newcomers(at: Provider) -> [Newcomer; 2] {
    [1, 2].map(|client| Newcomer { at, client })
}

impl Newcomer {
    fn name(self) -> String {
        format!("newcomer-{}", self.client)
    }

    fn id(self) -> ClientId {
        ClientId::new([self.client; 16])
    }
}

pub(super) async fn welcome(mut load: Load, at: Provider) {
    let name = "welcomer";
    let mut dice = load.dice(at, name);
    let user = load.world.user(at, name);
    let device = Device::new(SUITE);
    let mut course: Option<Spot> = None;
    while !load.is_stopping() {
        if load.model.letters().awaited().len() >= AWAITED_MAX {
            load.rest(Duration::from_millis(50)).await;
            continue;
        }
        let spot = match course.filter(|spot| spot.number < COMMITS) {
            Some(spot) => spot,
            None => {
                let Some(group) = load.found(at, &user, false).await else { return };
                Spot { group, number: 0 }
            }
        };
        // Somebody at each provider, or at one of them.
        let mut invited: Vec<_> = Provider::BOTH.iter().map(|at| newcomers(*at)[dice.below(2)]).collect();
        if dice.percent(60) {
            invited.swap_remove(dice.below(2));
        }
        let mut references = Vec::new();
        for newcomer in &invited {
            let Some(reference) = register(&load, *newcomer, &device).await else { return };
            references.push(reference);
        }
        // Nothing is awaited between this and the letters: whoever holds Welcomes back and sees none under way sees all.
        while load.model.holds_welcomes.load(Ordering::SeqCst) {
            load.rest(Duration::from_millis(50)).await;
        }
        for (newcomer, reference) in invited.iter().zip(&references) {
            let label = format!("the Welcome for {newcomer:?} in commit {} of group {}", spot.number + 1, spot.group);
            load.model.letters().send(reference.clone(), label);
        }
        let bytes: Vec<&[u8]> = references.iter().map(Vec::as_slice).collect();
        let providers: Vec<&str> = invited.iter().map(|newcomer| newcomer.at.id()).collect();
        let welcome = requests::welcome_data(&mls::welcome(SUITE, &bytes), &providers);
        let label = format!("welcoming commit {} of group {}", spot.number + 1, spot.group);
        let next = Spot { number: spot.number + 1, ..spot };
        let commit = Message::commit(&load, spot, next.number, label, Some(welcome));
        let Some(receipt) = commit.send(&load, &user).await else { return };
        load.model.groups().open(next, spot.number, receipt.accepted_ms);
        references.iter().for_each(|reference| load.model.letters().promise(reference));
        course = Some(next);
        load.rest(dice.millis(50, 400)).await;
    }
}

/// The newcomer's provider takes Welcomes for a new KeyPackage. Its reference.
async fn register(load: &Load, newcomer: Newcomer, device: &Device) -> Option<Vec<u8>> {
    let user = load.world.user(newcomer.at, &newcomer.name());
    let package: WireKeyPackage = decode(&device.one_time(load.world.now_s())).unwrap();
    let reference = key_package_ref(&package).expect("a suite of RFC 9420").0;
    let request = UploadKeyPackagesRequest { client_id: newcomer.id(), key_packages: vec![package] };
    load.answered("a registration", async || user.register_key_packages(&request).await).await?;
    Some(reference)
}

/// Takes Welcomes as they come, until all that were promised are there.
pub(super) async fn take(load: Load, newcomer: Newcomer) {
    let user = load.world.user(newcomer.at, &newcomer.name());
    let client_id = newcomer.id();
    loop {
        let is_last = load.is_stopping() && load.model.letters().awaited().is_empty();
        let request = InboxRequest { client_id, after: 0 };
        let wait = if is_last { Duration::ZERO } else { WAIT };
        let Some(inbox) = load.answered("an inbox", async || user.inbox(&request, wait).await).await else { return };
        for entry in inbox.entries {
            let references: Vec<Vec<u8>> = entry.welcome.key_package_refs().map(<[u8]>::to_vec).collect();
            for reference in &references {
                load.model.hold(load.model.letters().show(reference, entry.number));
            }
            let request = InboxAckRequest { client_id, number: entry.number, outcome: InboxOutcome::Joined };
            if load.answered("taking a Welcome", async || user.acknowledge(&request).await).await.is_none() {
                return;
            }
            references.iter().for_each(|reference| load.model.letters().finish(reference));
        }
        if is_last || !load.model.violations().is_empty() && load.is_stopping() {
            return;
        }
    }
}
