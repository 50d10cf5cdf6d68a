//! What somebody does who means ill: with the MLS library and the wire, by no rules.

use bytes::Bytes;
use mls_rs::{Group, MlsMessage};

use super::{
    cast::{Apart, Config, Name, banned, roster},
    sending::Facts,
    step::Attack,
    world::{MAIN, OTHER, World},
};
use crate::{
    client::{PartitionedGroup, tests::cast::Handshakes},
    fixtures::{mls, requests},
    mls::{WireGroupInfo, WireMessage},
    service::setup::provider,
    wire::{CommitData, PartitionKey, SendRequest, decode},
};

/// A commit that was made past the client library, and where it leads.
struct Crafted {
    message: Vec<u8>,
    next: Group<Config>,
    key: PartitionKey,
}

impl Crafted {
    fn info(&self) -> WireGroupInfo {
        decode(&self.next.group_info_message_allowing_ext_commit(true).unwrap().to_bytes().unwrap()).unwrap()
    }

    fn facts(&self) -> Facts {
        Facts { next: Some((roster(&self.next), banned(&self.next))), is_malicious: true, ..Facts::default() }
    }
}

/// Commits on a copy, and removes somebody, if somebody is to go.
fn craft(base: &Group<Config>, removes: Option<u32>) -> Option<Crafted> {
    let mut next = base.clone();
    let mut builder = next.commit_builder();
    if let Some(leaf) = removes {
        builder = builder.remove_member(leaf).ok()?;
    }
    let output = builder.build().ok()?;
    next.apply_pending_commit().ok()?;
    let key = PartitionedGroup::new(next.clone(), provider("hub.example")).unwrap().partition_key().clone();
    Some(Crafted { message: output.commit_message().to_bytes().unwrap(), next, key })
}

fn request(message: &[u8], at: &PartitionKey, next: &PartitionKey, info: Option<WireGroupInfo>) -> SendRequest {
    SendRequest {
        message: WireMessage::parse(&Bytes::copy_from_slice(message)).unwrap(),
        partition_key: at.clone(),
        commit_data: Some(CommitData { next_partition_key: next.clone(), group_info: info, welcome_data: None }),
    }
}

fn plain(message: &MlsMessage, at: &PartitionKey) -> SendRequest {
    decode(&requests::send(&message.to_bytes().unwrap(), *at.as_bytes())).unwrap()
}

impl World {
    pub(super) async fn attack(&mut self, who: usize, attack: Attack) {
        let Some(who) = self.pick(who, |device| device.is_malicious && device.group.is_some()) else { return };
        let device = &self.devices[who];
        let group = device.group.as_ref().unwrap();
        let (base, at) = (group.group().clone(), group.partition_key().clone());
        match attack {
            Attack::Spoil(seals) => self.spoil(who, &base, &at, seals).await,
            Attack::LeadAstray(number) => {
                let astray = self.astray(who, number);
                let Some(crafted) = craft(&base, None) else { return };
                let request = request(&crafted.message, &at, &astray, Some(crafted.info()));
                self.charge_at(who, &request, &crafted.facts(), "leads astray").await;
            }
            Attack::LieInGroupInfo => {
                let (Some(crafted), Some(lie)) = (craft(&base, None), craft(&base, None)) else { return };
                let request = request(&crafted.message, &at, &crafted.key, Some(lie.info()));
                self.charge_at(who, &request, &crafted.facts(), "lies in its GroupInfo").await;
            }
            Attack::Garble(how) => self.garble(who, &base, &at, how).await,
            Attack::PretendRemoval(number) => {
                let astray = self.astray(who, 0);
                let name = self.devices[who].name;
                let others: Vec<Name> = roster(&base).into_iter().filter(|other| *other != name).collect();
                if others.is_empty() {
                    return;
                }
                let victim = others[number % others.len()];
                let leaf = base.member_with_identity(victim.as_bytes()).unwrap().index;
                let Some(crafted) = craft(&base, Some(leaf)) else { return };
                let request = request(&crafted.message, &at, &astray, None);
                self.charge_at(who, &request, &crafted.facts(), "pretends a removal").await;
            }
            Attack::SayApart(number) => self.say_apart(who, number).await,
            Attack::CommitApart(number) => self.commit_apart(who, number).await,
            Attack::OpenOrphans(number) => {
                let mut group = base;
                for _orphan in 0..number {
                    let Ok(message) = group.encrypt_application_message(b"lost", Vec::new()) else { return };
                    let astray = self.astray(who, 0);
                    self.charge_at(who, &plain(&message, &astray), &Facts::default(), "opens an orphan").await;
                }
            }
            Attack::SendAhead => {
                let Some(mut crafted) = craft(&base, None) else { return };
                let Ok(message) = crafted.next.encrypt_application_message(b"ahead", Vec::new()) else { return };
                self.charge_at(who, &plain(&message, &crafted.key), &Facts::default(), "speaks ahead").await;
                let request = request(&crafted.message, &at, &crafted.key, Some(crafted.info()));
                self.charge_at(who, &request, &crafted.facts(), "commits behind it").await;
                self.go_apart(who, crafted);
            }
            Attack::AnnounceElsewhere => {
                let astray = self.astray(who, 0);
                let Some(crafted) = craft(&base, None) else { return };
                let elsewhere = request(&crafted.message, &astray, &crafted.key, None);
                self.charge_at(who, &elsewhere, &crafted.facts(), "announces elsewhere").await;
                let request = request(&crafted.message, &at, &crafted.key, Some(crafted.info()));
                self.charge_at(who, &request, &crafted.facts(), "announces where it is").await;
            }
            Attack::CrossGroups(number) => self.cross_groups(who, number).await,
            Attack::Pry => self.pry(who).await,
        }
    }

    /// A key that leads elsewhere: a new one, or one that it had.
    fn astray(&mut self, who: usize, number: usize) -> PartitionKey {
        let held = &self.devices[who].held;
        match number % 3 {
            0 => PartitionKey::new(self.random.bytes(16).try_into().unwrap()),
            1 => held[number / 3 % held.len()].clone(),
            _ => self.devices[who].group.as_ref().unwrap().partition_key().clone(),
        }
    }

    async fn charge_at(&mut self, who: usize, request: &SendRequest, facts: &Facts, how: &'static str) -> bool {
        self.write(&format!("{} {how}:", self.devices[who].name));
        let is_taken = self.send(who, MAIN, request, None, facts).await.is_ok();
        if is_taken {
            self.note(how);
        }
        is_taken
    }

    /// Some can go there with it, and some cannot.
    async fn spoil(&mut self, who: usize, base: &Group<Config>, at: &PartitionKey, seals: u8) {
        let spoiled: Vec<usize> = (0..8).filter(|bit| seals & 1 << bit != 0).collect();
        self.devices[who].saboteur.spoil(&spoiled);
        let crafted = craft(base, None);
        self.devices[who].saboteur.spoil(&[]);
        let Some(crafted) = crafted else { return };
        let request = request(&crafted.message, at, &crafted.key, Some(crafted.info()));
        let facts = Facts { is_spoiled: true, ..crafted.facts() };
        if self.charge_at(who, &request, &facts, "spoils a commit").await {
            self.go_apart(who, crafted);
        }
    }

    fn go_apart(&mut self, who: usize, crafted: Crafted) {
        let device = &mut self.devices[who];
        device.held.push(crafted.key.clone());
        device.apart.push(Apart { group: crafted.next, key: crafted.key });
    }

    async fn garble(&mut self, who: usize, base: &Group<Config>, at: &PartitionKey, how: u8) {
        // Of a public handshake the confirmation tag or the membership tag; of an encrypted one the ciphertext.
        let from_end = if how & 1 == 0 && matches!(self.handshakes, Handshakes::Public) { 34 } else { 1 };
        let flip = |message: &mut Vec<u8>| {
            let length = message.len();
            message[length - from_end] ^= 1;
        };
        if how & 6 == 0 {
            let Ok(proposal) = base.clone().propose_update(Vec::new()) else { return };
            let mut message = proposal.to_bytes().unwrap();
            let length = message.len();
            message[length - 1] ^= 1;
            let request = decode(&requests::send(&message, *at.as_bytes())).unwrap();
            self.charge_at(who, &request, &Facts::default(), "garbles a proposal").await;
            return;
        }
        let Some(mut crafted) = craft(base, None) else { return };
        flip(&mut crafted.message);
        let info = (how & 8 != 0).then(|| crafted.info());
        let request = request(&crafted.message, at, &crafted.key, info);
        let facts = crafted.facts();
        if self.charge_at(who, &request, &facts, "garbles a commit").await {
            self.go_apart(who, crafted);
        }
    }

    async fn say_apart(&mut self, who: usize, number: usize) {
        let device = &mut self.devices[who];
        if device.apart.is_empty() {
            return;
        }
        let at = number % device.apart.len();
        let apart = &mut device.apart[at];
        let Ok(message) = apart.group.encrypt_application_message(device.name.as_bytes(), Vec::new()) else { return };
        let request = plain(&message, &apart.key);
        self.charge_at(who, &request, &Facts::default(), "speaks apart").await;
    }

    async fn commit_apart(&mut self, who: usize, number: usize) {
        let device = &self.devices[who];
        if device.apart.is_empty() {
            return;
        }
        let at = number % device.apart.len();
        let apart = &device.apart[at];
        let key = apart.key.clone();
        let Some(crafted) = craft(&apart.group, None) else { return };
        let request = request(&crafted.message, &key, &crafted.key, Some(crafted.info()));
        let facts = crafted.facts();
        if self.charge_at(who, &request, &facts, "commits apart").await {
            self.devices[who].apart.swap_remove(at);
            self.go_apart(who, crafted);
        }
    }

    /// A key of one group in another one (K5).
    async fn cross_groups(&mut self, who: usize, number: usize) {
        let device = &self.devices[who];
        let key = device.held[number % device.held.len()].clone();
        let text = self.random.bytes(8);
        let message = mls::application(&self.group_ids[OTHER], 0, &text);
        let request: SendRequest = decode(&requests::send(&message, *key.as_bytes())).unwrap();
        self.write(&format!("{} crosses groups:", self.devices[who].name));
        if self.send(who, OTHER, &request, None, &Facts::default()).await.is_ok() {
            self.note("crosses groups");
        }
        for group in [OTHER, MAIN] {
            self.ask(who, group, &key, 0).await;
        }
    }

    /// Asks with every key, also of partitions that it was never in.
    async fn pry(&mut self, who: usize) {
        let device = &self.devices[who];
        let line = format!("{} asks with all keys", device.name);
        let keys = device.held.clone();
        self.write(&line);
        for key in keys {
            self.ask(who, MAIN, &key, 0).await;
        }
        let made_up = PartitionKey::new(self.random.bytes(16).try_into().unwrap());
        self.ask(who, MAIN, &made_up, 0).await;
    }
}
