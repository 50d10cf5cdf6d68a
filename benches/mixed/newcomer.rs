//! A device at the follower that is added to groups, one after another.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use restante::{
    client::{Inbox, http::CallError, key_package_ref},
    mls::WireWelcome,
    wire::{ClientId, InboxOutcome, KeyPackageRef, UploadKeyPackagesRequest, WelcomeData, decode},
};

use super::site::{FOLLOWER, HUB, User};
use crate::{
    key_packages::Device,
    traffic::{Random, vector},
};

/// KeyPackages that are made and registered at once.
const BATCH: usize = 16;
const SUITE: u16 = 1;
/// What a Welcome has beside its secrets, for everybody.
const GROUP_INFO_BYTES: usize = 1024;
/// How long an inbox may be without a Welcome that was brought. It is told as soon as there is one.
const WAIT: Duration = Duration::from_secs(30);

pub(crate) struct Newcomer {
    user: User,
    client: ClientId,
    device: Device,
    references: VecDeque<KeyPackageRef>,
    inbox: Inbox,
    random: Random,
}

impl Newcomer {
    pub(crate) fn new(user: User, number: u64) -> Self {
        let mut name = [0; 16];
        name[8..].copy_from_slice(&number.to_be_bytes());
        let client = ClientId::new(name);
        let random = Random::new(number);
        Self {
            user,
            client,
            device: Device::new(SUITE),
            references: VecDeque::new(),
            inbox: Inbox::new(client),
            random,
        }
    }

    /// Makes KeyPackages if there are none left, and has its provider know them. They are not to be fetched.
    pub(crate) async fn prepare(&mut self) -> Result<(), CallError> {
        if !self.references.is_empty() {
            return Ok(());
        }
        let key_packages: Vec<_> = (0..BATCH).map(|_| decode(&self.device.one_time(now_s())).unwrap()).collect();
        let references: Vec<_> = key_packages.iter().map(|package| key_package_ref(package).unwrap()).collect();
        let upload = UploadKeyPackagesRequest { client_id: self.client, key_packages };
        self.user.register_key_packages(&upload).await?;
        self.references.extend(references);
        Ok(())
    }

    /// A Welcome for its next KeyPackage.
    pub(crate) fn welcome(&mut self) -> WelcomeData {
        let reference = self.references.pop_front().expect("it was prepared");
        let mut secret = Vec::new();
        vector(&reference.0, &mut secret);
        vector(&self.random.bytes(32), &mut secret);
        vector(&self.random.bytes(84), &mut secret);
        let mut message = vec![0, 1, 0, 3];
        message.extend(SUITE.to_be_bytes());
        vector(&secret, &mut message);
        vector(&self.random.bytes(GROUP_INFO_BYTES), &mut message);
        WelcomeData { welcome: decode(&message).unwrap(), service_providers: vec![FOLLOWER.parse().unwrap()] }
    }

    /// Waits for that Welcome, and has it forgotten. What is wrong with what came.
    pub(crate) async fn join(&mut self, welcome: &WireWelcome) -> Result<(), String> {
        let entry = self.inbox.next(&self.user, WAIT).await.map_err(|error| error.to_string())?;
        let entry = entry.ok_or("no Welcome came")?;
        let (came, sent): (&Bytes, &Bytes) = (entry.welcome.bytes(), welcome.bytes());
        if came != sent || entry.hub.as_str() != HUB {
            return Err("another Welcome came".to_owned());
        }
        let joined = self.inbox.acknowledge(&self.user, &entry, InboxOutcome::Joined).await;
        joined.map_err(|error| error.to_string())
    }
}

pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
