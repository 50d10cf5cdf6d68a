//! A group in which everything is done that a hub writes much for: messages, commits, Welcomes, uploads of KeyPackages; and
//! what of it was acknowledged.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use restante::{
    client::{http::CallError, key_package_ref},
    mls::WireKeyPackage,
    wire::{ClientId, InboxRequest, UploadKeyPackagesRequest, decode},
};

use crate::{
    fixtures::{
        key_packages::Device,
        mls,
        requests::{self, Attached},
    },
    house::is_unavailable,
    much,
    people::{Person, key},
    process::PATIENCE,
    site::{HUB, Provider, User},
};

/// So many kinds of things are done, one after the other.
const KINDS: u32 = 4;
/// Nobody does more before the disk fails.
const STEPS_MAX: u32 = 60;
/// KeyPackages for all of that, of one kind of use.
const PACKAGES: usize = 16;
/// The device of everybody who has one.
const CLIENT: ClientId = ClientId::new([1; 16]);
/// How long one request waits for a Welcome.
const WAIT: Duration = Duration::from_secs(3);

pub(crate) struct Course {
    /// Tells its people from those of others.
    number: u32,
    group: Vec<u8>,
    /// To be uploaded.
    packages: Vec<WireKeyPackage>,
    /// KeyPackages that Welcomes are taken for.
    references: Vec<Vec<u8>>,
    /// By partition: the numbers of what was acknowledged there.
    said: Vec<Vec<u32>>,
    uploaded: u32,
    /// How many Welcomes were acknowledged, to the first of these.
    welcomed: usize,
    /// What was not acknowledged: it may be there or not.
    doubted: u32,
}

impl Course {
    /// Begins with another kind for each number.
    pub(crate) async fn begin(hub: &Provider, number: u32) -> Self {
        let (packages, key_packages) = (one_time(), one_time());
        let references = key_packages.iter().map(|package| key_package_ref(package).expect("a suite of RFC 9420").0);
        let references = references.collect();
        let request = UploadKeyPackagesRequest { client_id: CLIENT, key_packages };
        hub.user(&format!("newcomer-{number}")).register_key_packages(&request).await.unwrap();
        let group = hub.user("alice").found().await;
        let said = vec![Vec::new()];
        Self { number, group, packages, references, said, uploaded: 0, welcomed: 0, doubted: number }
    }

    /// Does one thing after the other until one is not acknowledged.
    pub(crate) async fn go_on(&mut self, hub: &Provider) -> CallError {
        for step in self.doubted..self.number + STEPS_MAX {
            self.doubted = step;
            if let Err(error) = self.step(hub, step).await {
                return error;
            }
        }
        panic!("the disk does not fail");
    }

    /// Nothing of any kind is taken.
    pub(crate) async fn assert_takes_nothing(&mut self, hub: &Provider) {
        for step in self.doubted + 1..=self.doubted + KINDS {
            let error = self.step(hub, step).await.unwrap_err();
            assert!(is_unavailable(&error), "{error}");
        }
    }

    /// What was acknowledged is there once, and nothing else is but what was in doubt.
    pub(crate) async fn assert_is_there(&self, hub: &Provider) {
        let alice = hub.user("alice");
        let mut partitions = (0..).zip(&self.said).peekable();
        while let Some((partition, said)) = partitions.next() {
            let found = much::numbers(&alice, &self.group, partition).await.unwrap();
            let is_newest = partitions.peek().is_none();
            let with_doubted = [&said[..], &[self.doubted]].concat();
            let is_right = found == *said || (is_newest && found == with_doubted);
            assert!(is_right, "partition {partition}: {found:?}, and {said:?} was acknowledged");
        }
        let standing = self.uploader(hub).key_package_status().await.unwrap();
        let available: u32 = standing.stocks.iter().map(|stock| stock.available).sum();
        let doubted = u32::from(self.doubted % KINDS == 3);
        let may_be = self.uploaded..=self.uploaded + doubted;
        assert!(may_be.contains(&available), "{available} KeyPackages, and {} were acknowledged", self.uploaded);
        tokio::time::timeout(PATIENCE, self.assert_are_welcomed(hub)).await.expect("Welcomes come");
    }

    async fn assert_are_welcomed(&self, hub: &Provider) {
        let newcomer = hub.user(&format!("newcomer-{}", self.number));
        let (mut there, mut after) = (HashSet::new(), 0);
        while !self.references[..self.welcomed].iter().all(|reference| there.contains(reference)) {
            let inbox = newcomer.inbox(&InboxRequest { client_id: CLIENT, after }, WAIT).await.unwrap();
            for entry in inbox.entries {
                after = entry.number;
                for reference in entry.welcome.key_package_refs() {
                    assert!(there.insert(reference.to_vec()), "a Welcome is there twice");
                }
            }
        }
    }

    /// One thing, by its number.
    async fn step(&mut self, hub: &Provider, step: u32) -> Result<(), CallError> {
        match step % KINDS {
            0 => {
                let head = self.head();
                let index = much::say(&hub.user("alice"), &self.group, head, step).await?;
                self.sequenced(index, step);
            }
            1 => self.commit(hub, step, None).await?,
            2 => {
                let welcome = mls::welcome(mls::SUITE, &[self.references[self.welcomed].as_slice()]);
                self.commit(hub, step, Some(requests::welcome_data(&welcome, &[HUB]))).await?;
                self.welcomed += 1;
            }
            _ => {
                let key_packages = vec![self.packages[self.uploaded as usize].clone()];
                let request = UploadKeyPackagesRequest { client_id: CLIENT, key_packages };
                self.uploader(hub).upload_key_packages(&request).await?;
                self.uploaded += 1;
            }
        }
        Ok(())
    }

    /// A commit that leads to the next partition.
    async fn commit(&mut self, hub: &Provider, step: u32, welcome_data: Option<Vec<u8>>) -> Result<(), CallError> {
        let head = self.head();
        let commit = mls::commit(&self.group, head.into(), much::text(step).as_bytes());
        let attached = Attached { group_info: None, welcome_data };
        let request = requests::send_commit(&commit, key(head), key(head + 1), &attached);
        let receipt = hub.user("alice").send_encoded(request.into(), None).await?;
        self.sequenced(receipt.index, step);
        self.said.push(Vec::new());
        Ok(())
    }

    fn sequenced(&mut self, index: u32, step: u32) {
        let said = self.said.last_mut().expect("there is the first partition");
        assert_eq!(index as usize, said.len());
        said.push(step);
    }

    /// The newest partition.
    fn head(&self) -> u8 {
        u8::try_from(self.said.len() - 1).expect("a commit in two steps at most")
    }

    /// Whose KeyPackages are for everybody.
    fn uploader(&self, hub: &Provider) -> User {
        hub.user(&format!("uploader-{}", self.number))
    }
}

/// KeyPackages of now, all of one device.
fn one_time() -> Vec<WireKeyPackage> {
    #[expect(clippy::disallowed_methods, reason = "KeyPackages of these tests are made now")]
    let now = SystemTime::now();
    let (device, now_s) = (Device::new(mls::SUITE), now.duration_since(UNIX_EPOCH).unwrap().as_secs());
    (0..PACKAGES).map(|_| decode(&device.one_time(now_s)).unwrap()).collect()
}
