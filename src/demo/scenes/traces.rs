//! What the providers know, and what they have written down.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    demo::{
        Failure,
        cast::{ALICE, BOB, CAROLS_LAPTOP, CAROLS_PHONE, Cast, DAVE, ERIN, EVERYBODY, Seat},
        haystack::Haystack,
        mode::Mode,
        narrator::Narrator,
        provider::Provider,
        record::Exchange,
        stage::{FOLLOWER, HUB, Providers, Stage, THIRD},
    },
    mls::ContentType,
    wire::{CreateGroupRequest, MaskedPartitionKey, PartitionKey, decode},
};

pub(in crate::demo) async fn play(stage: &mut Stage, cast: &Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("What is known, and what was written down");
    let exchanges = cast.record.all();
    let live = vec![cast.alice.request().partition_key];
    let secrets = Secrets::of(&exchanges, live, cast.alice.transcript.texts());
    summary(narrator, cast.mode, &exchanges, &secrets);

    let Providers { hub, follower, third, .. } = stage.providers()?;
    logs(narrator, &[hub, follower, third], &secrets, cast.alice.group_id())?;
    databases(narrator, cast.mode, [hub, follower, third], &secrets)?;
    Ok(())
}

/// What the demo's clients know of the group, and providers should not keep.
pub(super) struct Secrets {
    keys: Vec<PartitionKey>,
    masked: BTreeSet<MaskedPartitionKey>,
    texts: BTreeSet<String>,
}

impl Secrets {
    /// `keys`: those of the newest epochs.
    pub(super) fn of<'a>(
        exchanges: &[Exchange],
        mut keys: Vec<PartitionKey>,
        texts: impl Iterator<Item = &'a str>,
    ) -> Self {
        for exchange in exchanges {
            if let Ok(created) = decode::<CreateGroupRequest>(&exchange.request.body) {
                keys.push(created.partition_key);
            }
            if let Some(sent) = exchange.sent().filter(|_| exchange.acknowledgement().is_some()) {
                keys.push(sent.partition_key);
            }
        }
        let mut masked = BTreeSet::new();
        keys.retain(|key| masked.insert(key.masked()));
        Self { keys, masked, texts: texts.map(str::to_owned).collect() }
    }

    /// What identifies people and the group, and what opens or was said in it, as it would stand in a text.
    pub(super) fn needles(&self, group_id: &[u8]) -> BTreeSet<String> {
        let mut needles = self.texts.clone();
        for seat in EVERYBODY {
            needles.insert(seat.user.to_owned());
            needles.extend(seat.user.split('@').next().map(str::to_owned));
            needles.insert(STANDARD.encode(seat.user));
        }
        let group_id = String::from_utf8_lossy(group_id).into_owned();
        needles.extend(group_id.rsplit('/').next().map(str::to_owned));
        needles.insert(group_id);
        for (key, masked) in self.keys.iter().zip(self.keys.iter().map(PartitionKey::masked)) {
            for bytes in [key.as_bytes().as_slice(), masked.as_bytes()] {
                needles.insert(hex::encode(bytes));
                needles.insert(STANDARD.encode(bytes));
                needles.insert(format!("{bytes:?}"));
            }
        }
        needles
    }

    /// The hashes of the keys, as they stand on a disk. Without the first bytes: neighbours share them when they are alike.
    pub(super) fn hashes(&self) -> Vec<Vec<u8>> {
        self.keys.iter().map(|key| key.masked().as_bytes()[8..].to_vec()).collect()
    }

    /// What must stand on no disk: the keys, and what was said.
    pub(super) fn never_stored(&self) -> Vec<Vec<u8>> {
        let keys = self.keys.iter().map(|key| key.as_bytes().to_vec());
        keys.chain(self.texts.iter().map(|text| text.as_bytes().to_vec())).collect()
    }
}

fn summary(narrator: &mut Narrator, mode: Mode, exchanges: &[Exchange], secrets: &Secrets) {
    let sequenced: Vec<_> = exchanges.iter().filter(|exchange| exchange.acknowledgement().is_some()).collect();
    let own = sequenced.iter().filter(|exchange| exchange.seat.provider == HUB).count();
    let commits = sequenced.iter().filter(|exchange| exchange.commit().is_some()).count();
    narrator.tell(format!(
        "For this group hub.example has answered {} sends with a place, {own} of its own users Alice and Bob and {} of \
         {FOLLOWER} and {THIRD}; {commits} of them were commits. They went to {} partitions.",
        sequenced.len(),
        sequenced.len() - own,
        secrets.masked.len()
    ));
    narrator.tell(match mode {
        Mode::Encrypted => {
            "It was not told which users of follower.example take part, who of them sent what, what was said, and what \
             the commits did, but for Erin's: hers came from outside, in clear."
        }
        Mode::Public => {
            "It was not told which user of follower.example sent an application message, and what was said. It could \
             read the handshakes: who is in the group, and who committed what."
        }
    });
    let sent: Vec<_> = sequenced.iter().filter_map(|exchange| exchange.sent()).collect();
    let shows_sender = |kind: ContentType| {
        sent.iter().any(|sent| sent.message.content_type() == kind && sent.message.sender().is_some())
    };
    narrator.check("no application message shows its sender", !shows_sender(ContentType::Application));
    narrator.check(
        match mode {
            Mode::Encrypted => "no commit shows its sender",
            Mode::Public => "the commits show their senders, as is to be expected of public handshakes",
        },
        shows_sender(ContentType::Commit) == (mode == Mode::Public),
    );
}

/// Logs hold nothing of the group, and no id at all.
pub(super) fn logs(
    narrator: &mut Narrator,
    providers: &[&mut Provider; 3],
    secrets: &Secrets,
    group_id: &[u8],
) -> Result<(), Failure> {
    let mut needles = secrets.needles(group_id);
    needles.extend([HUB, FOLLOWER, THIRD].map(str::to_owned));
    for provider in providers {
        needles.insert(provider.token_text().to_owned());
        needles.insert(provider.addresses.provider.to_string());
        needles.insert(provider.addresses.local.to_string());
    }
    for provider in providers {
        let log = provider.log()?.to_lowercase();
        let found = needles.iter().filter(|needle| log.contains(&needle.to_lowercase())).count();
        narrator.check(
            format!(
                "the log of {} ({} lines at the most talkative level) holds no user, provider, group id, partition key, \
                 hash of one, address, token or word of the group",
                provider.id,
                log.lines().count()
            ),
            found == 0 && !log.is_empty(),
        );
    }
    Ok(())
}

/// Databases hold hashes of keys, and of users.
fn databases(narrator: &mut Narrator, mode: Mode, providers: [&Provider; 3], secrets: &Secrets) -> Result<(), Failure> {
    let [hub, follower, third] = providers.map(|provider| Haystack::read(&provider.database()));
    let (hub, follower, third) = (hub?, follower?, third?);
    narrator.check(
        "the database of hub.example holds the hash of every partition key",
        hub.holds(&secrets.hashes()) == secrets.keys.len(),
    );
    let needles = secrets.never_stored();
    narrator.check(
        "it holds none of the keys, and nothing of what was said; those of the followers do not either",
        [&hub, &follower, &third].iter().all(|database| database.holds(&needles) == 0),
    );
    let names = |seats: &[&Seat]| seats.iter().map(|seat| seat.identity.as_bytes().to_vec()).collect::<Vec<_>>();
    let hidden = names(&[&ALICE, &CAROLS_PHONE, &CAROLS_LAPTOP, &DAVE]);
    let shown = names(&[&BOB, &ERIN]);
    narrator.check_same(
        match mode {
            Mode::Encrypted => {
                "of the members' names it holds Bob's, in the KeyPackages that he uploaded, Erin's, who joined from \
                 outside and cannot hide it, and no other's"
            }
            Mode::Public => "it holds all six names now: published rosters say who is in the group",
        },
        &[hub.holds(&shown), hub.holds(&hidden)],
        &[shown.len(), if mode == Mode::Public { hidden.len() } else { 0 }],
    );
    let own = follower.holds(&names(&[&CAROLS_PHONE, &CAROLS_LAPTOP, &DAVE]));
    let others = follower.holds(&names(&[&ALICE, &BOB, &ERIN]));
    match mode {
        Mode::Encrypted => narrator.check_same(
            "that of follower.example holds the names of its own users' three devices, which stand in the KeyPackages \
             that they uploaded, and no other's",
            &[own, others],
            &[3, 0],
        ),
        // What is acknowledged may still be on the disk, or not.
        Mode::Public => narrator.check(
            "that of follower.example holds those of its own users' three devices, and has been shown the others': the \
             tree, with the roster in it, comes beside a Welcome",
            own == 3,
        ),
    }
    Ok(())
}
