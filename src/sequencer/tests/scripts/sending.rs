//! Commands that create groups and put messages into them.

use super::{
    super::{
        handmade::{self, Kind},
        notation, *,
    },
    play::{Play, user},
    words::Words,
};
use crate::{
    mls::{CipherSuite, EpochNumber, ExternalCommit, ExternalProposal, ProtocolVersion, WireGroupInfo},
    wire::{CommitData, CreateGroupRequest, ExpectCommit, SendRequest, WelcomeData, encode},
};

impl Play {
    pub(super) fn found(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let (root, epoch) = (words.plain(1), words.must("epoch"));
        self.command("quietly reserve by=ann");
        self.command(&format!("quietly create {root} epoch={epoch} by=ann"));
        for user in words.take("users").into_iter().flat_map(|users| users.split(',')) {
            self.command(&format!("quietly present {root} by={user}"));
        }
        Vec::new()
    }

    pub(super) fn create(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let epoch: u64 = words.must("epoch").parse().unwrap();
        let root = words.plain(1);
        self.names.masked(root);
        let request = CreateGroupRequest {
            group_id: self.group.clone().into_bytes(),
            partition_key: notation::partition_key(root),
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(handmade::SUITE),
            epoch: EpochNumber(epoch),
            group_info: self.group_info(words, epoch),
            ratchet_tree: words.plain.contains(&"tree").then(|| handmade::ratchet_tree(words.size("tree-size", 2000))),
            welcome_data: welcome_data(words),
        };
        let digest = BlobKey::of(&encode(&request).unwrap()).0;
        let holder = user(words.must("by"));
        let mut create = Create::new(notation::provider("hub"), holder, request, digest);
        create.sight = self.sight(words, None, root);
        create.preflight = preflight(words);
        self.decide(&Command::Create(Box::new(create)))
    }

    /// A GroupInfo of `epoch`, or one that is wrong in the wanted way.
    fn group_info(&self, words: &mut Words<'_>, epoch: u64) -> Option<WireGroupInfo> {
        let which = words.take("group-info")?;
        let length = words.size("group-info-size", 1000);
        let group_id = if which == "other-group" { "elsewhere" } else { &self.group };
        let epoch = if which == "other-epoch" { epoch.wrapping_add(1) } else { epoch };
        let suite = if which == "other-suite" { handmade::OTHER_SUITE } else { handmade::SUITE };
        assert!(["good", "no-tree", "other-group", "other-epoch", "other-suite"].contains(&which), "{which}");
        let transcript = words.take("transcript").unwrap_or_default().as_bytes();
        Some(handmade::group_info_of(group_id.as_bytes(), epoch, suite, which != "no-tree", transcript, length))
    }

    pub(super) fn send(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let kind = match words.plain(1) {
            "app" => Kind::Application,
            "proposal" => Kind::Proposal,
            "commit" => Kind::Commit,
            "public-commit" => Kind::PublicCommit,
            "external-proposal" => Kind::ExternalProposal,
            "external-commit" => Kind::ExternalCommit,
            other => panic!("no such message: {other}"),
        };
        let partition = words.must("to");
        let key = self.names.masked(partition);
        let known = self.rows().partitions.get(&key).and_then(|partition| partition.epoch);
        let epoch = words.take("epoch").map_or(known.map_or(0, |epoch| epoch.0), |epoch| epoch.parse().unwrap());
        let length = words.size("size", 100);
        let message = handmade::message(kind, self.group.as_bytes(), epoch, words.plain(2), length);
        let commit_data = kind.is_commit().then(|| {
            let next = words.must("announcing");
            self.names.masked(next);
            CommitData {
                next_partition_key: notation::partition_key(next),
                group_info: self.group_info(words, epoch.wrapping_add(1)),
                welcome_data: welcome_data(words),
            }
        });
        let expect_commit = words.take("expect").map(|expect| match expect {
            "none" => ExpectCommit::None,
            index => ExpectCommit::Index(index.parse().unwrap()),
        });
        let next = commit_data.as_ref().map(|data| data.next_partition_key.masked());
        let next = next.map_or(String::new(), |next| self.names.of(&next).to_owned());
        let sight = self.sight(words, Some(partition), &next);
        let request = SendRequest { message, partition_key: notation::partition_key(partition), commit_data };
        let mut send = Send::new(notation::provider(words.must("by")), request, expect_commit);
        send.sight = sight;
        if let Some(announcement) = &mut send.announcement {
            announcement.preflight = preflight(words);
        }
        self.decide(&Command::Send(Box::new(send)))
    }

    pub(super) fn join(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let to = words.must("to");
        let partition = self.names.masked(to);
        let known = self.rows().partitions.get(&partition).cloned();
        let epoch = known.as_ref().and_then(|partition| partition.epoch).map_or(0, |epoch| epoch.0);
        let epoch = words.take("epoch").map_or(epoch, |epoch| epoch.parse().unwrap());
        let length = words.size("size", 100);
        let message = handmade::message(Kind::ExternalCommit, self.group.as_bytes(), epoch, words.plain(1), length);
        let ground = match words.take("ground") {
            None => Ground::Proof(known.and_then(|partition| partition.group_info).unwrap_or(BlobKey([0; 32]))),
            Some("dominance") => Ground::Dominance { token: false, group_info: None },
            Some("token") => Ground::Dominance { token: true, group_info: None },
            Some(other) => panic!("no such ground: {other}"),
        };
        let announced = words.must("announcing");
        let next = self.names.masked(announced);
        let group_info = self.group_info(words, epoch.wrapping_add(1));
        let sight = self.sight(words, Some(to), announced);
        let join = Join {
            submitter: notation::provider(words.must("by")),
            partition,
            ground,
            commit: ExternalCommit::of(&message).unwrap(),
            announcement: Announcement {
                next,
                group_info,
                welcome_data: welcome_data(words),
                preflight: preflight(words),
            },
            sight,
        };
        self.decide(&Command::Join(Box::new(join)))
    }

    pub(super) fn propose(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let partitions = words.must("to").split(',').map(|name| self.names.masked(name)).collect();
        let epoch = words.must("epoch").parse().unwrap();
        let length = words.size("size", 100);
        let message = handmade::message(Kind::ExternalProposal, self.group.as_bytes(), epoch, words.plain(1), length);
        let propose = Propose {
            submitter: notation::provider(words.must("by")),
            partitions,
            proposal: ExternalProposal::of(&message).unwrap(),
        };
        self.decide(&Command::Propose(Box::new(propose)))
    }
}

/// `welcome=ref:provider,…`, with `providers=…` in place of the right ones.
/// What providers said before: that they refuse, or tickets of those named.
fn preflight(words: &mut Words<'_>) -> Preflight {
    let ticket = Ticket { bytes: [9; 16], until_ms: UnixMillis::MAX };
    match words.take("preflight") {
        None => Preflight::NotAsked,
        Some("refused") => Preflight::Refused,
        Some(tickets) => {
            Preflight::Passed(tickets.split(',').map(|provider| (notation::provider(provider), ticket)).collect())
        }
    }
}

fn welcome_data(words: &mut Words<'_>) -> Option<WelcomeData> {
    let entries = words.take("welcome")?;
    let suite = if words.take("welcome-suite").is_some() { handmade::OTHER_SUITE } else { handmade::SUITE };
    let length = words.size("welcome-size", 500);
    let entries = entries.split(',').filter(|entry| *entry != "nobody");
    let (refs, mut providers): (Vec<_>, Vec<_>) = entries.map(|entry| entry.split_once(':').unwrap()).unzip();
    if let Some(others) = words.take("providers") {
        providers = others.split(',').collect();
    }
    Some(WelcomeData {
        welcome: handmade::welcome(&refs, suite, length),
        service_providers: providers.into_iter().map(notation::provider).collect(),
    })
}
