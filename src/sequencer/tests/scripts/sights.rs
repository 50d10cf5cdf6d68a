//! What is seen of commits, in words.
//!
//! States are named after the partitions that they belong to: the state of B is that which the commit that announces B
//! leaves behind.

use super::{
    super::{
        notation::{self, counted},
        *,
    },
    play::Play,
    words::Words,
};
use crate::wire::MaskedPartitionKey;

/// The state of a partition's epoch.
fn state(name: &str) -> StateDigest {
    let mut digest = [0; 32];
    digest[..name.len()].copy_from_slice(name.as_bytes());
    StateDigest(digest)
}

/// `+north,+?,+north/ann,-0`: leaves that are placed, the lowest that is blank each time, and leaves that are removed.
fn changes(before: &Owners, written: &str) -> OwnerChanges {
    let mut changes = OwnerChanges::default();
    for change in written.split(',') {
        if let Some(leaf) = change.strip_prefix('-') {
            changes.removed.push(leaf.parse().unwrap());
            continue;
        }
        let owner = owned(change.strip_prefix('+').expect("+ or -"));
        let after = before.after(&changes);
        let leaf = (0..).find(|leaf| !after.is_occupied(*leaf)).expect("a blank leaf");
        changes.placed.push(Placed { leaf, owner });
    }
    changes
}

fn identity(name: &str) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(name.as_bytes())
}

/// `north:mallory`, `hub/bob:robert`, `?:eve`: whose somebody is, and what they call themselves.
fn member(written: &str) -> Member {
    let (owner, name) = written.split_once(':').expect("whose it is, and a name");
    Member { leaf: 1, identity: identity(name), owner: owned(owner) }
}

fn owned(written: &str) -> Option<Owner> {
    let (provider, user) = written.split_once('/').map_or((written, None), |(provider, user)| (provider, Some(user)));
    (provider != "?").then(|| Owner { provider: notation::provider(provider), user: user.map(super::play::user) })
}

impl Play {
    /// What the words say was seen of a commit that stands in `of`, or of the creation, and makes the epoch of `next`.
    pub(super) fn sight(&self, words: &mut Words<'_>, of: Option<&str>, next: &str) -> Sight {
        let fits = words.take("fits").is_some();
        let saved = words.take("saves").map(notation::size);
        let banned: Vec<_> = words.take("bans").map_or_else(Vec::new, |names| names.split(',').map(identity).collect());
        let committer = words.take("from").map(|name| Member { leaf: 0, identity: identity(name), owner: None });
        let newcomers: Vec<_> =
            words.take("adds").map_or_else(Vec::new, |names| names.split(',').map(member).collect());
        let violations = Violations {
            committer: committer.as_ref().is_some_and(|committer| banned.contains(&committer.identity)),
            newcomer: newcomers.iter().any(|new| banned.contains(&new.identity)),
        };
        let applied_to = words.take("applied-to").or(of).map(state);
        let (before, changes) = match words.take("seen") {
            None => return Sight::NotLooked,
            Some("unobservable") => return Sight::Unobservable,
            Some("lie") => return Sight::Contradicted,
            Some(written) => {
                let of = of.map(|of| notation::partition_key(of).masked());
                let before = self.owners(words, of.as_ref());
                let changes = changes(&before, written);
                (before, changes)
            }
        };
        let owners = before.after(&changes);
        let checkpoint = saved.map(|bytes| {
            let state = bytes::Bytes::from(vec![0; usize::try_from(bytes).unwrap()]);
            Checkpoint { state, owners: owners.clone() }
        });
        Sight::Seen(Box::new(Observation {
            applied_to,
            roster_before: of.map(|_| before.roster()),
            digest: state(next),
            tree_hash: TreeHash(next.as_bytes().to_vec()),
            roster: owners.roster(),
            group_info_fits: fits,
            owners: changes,
            checkpoint,
            committer,
            newcomers,
            violations,
        }))
    }

    /// Whose the leaves of a partition's epoch are, by its rows, or as the words say that somebody knows them.
    fn owners(&self, words: &mut Words<'_>, of: Option<&MaskedPartitionKey>) -> Owners {
        let nobody = Owners::default();
        match words.take("knowing") {
            Some(written) => nobody.after(&changes(&nobody, written)),
            None => of.and_then(|of| self.rows().all_owners(of)).unwrap_or_default(),
        }
    }

    /// `observe B seen=…`: the state of B was derived late.
    pub(super) fn observe(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let name = words.plain(1);
        let partition = self.names.masked(name);
        let known = self.rows().partitions.get(&partition).cloned();
        let parent = words.take("below").map_or(known.and_then(|known| known.parent), |above| {
            Some(Parent { key: self.names.masked(above), index: 0 })
        });
        let of = parent.map(|parent| self.names.of(&parent.key).to_owned());
        let sight = self.sight(words, of.as_deref(), name);
        let observe = Observe { partition, parent, commit_bytes: 100, group_info: None, sight, lost: None };
        self.decide(&Command::Observe(Box::new(observe)))
    }

    /// `save B saves=1K`: a checkpoint was asked for.
    pub(super) fn save(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let name = words.plain(1);
        let partition = self.names.masked(name);
        let digest = state(words.take("of").unwrap_or(name));
        let bytes = usize::try_from(notation::size(words.must("saves"))).unwrap();
        let owners = self.owners(words, Some(&partition));
        let checkpoint = Checkpoint { state: vec![0; bytes].into(), owners };
        self.decide(&Command::Checkpoint(Box::new(Checkpointed { partition, digest, checkpoint })))
    }

    /// What is known of a partition's public state, where that is news.
    pub(super) fn public_effects(
        &self,
        before: Option<&Partition>,
        key: &MaskedPartitionKey,
        after: &Partition,
        effects: &mut Vec<String>,
    ) {
        let name = self.names.of(key);
        if after.unobserved && before.is_none_or(|before| !before.unobserved) {
            effects.push(format!("{name} is to be observed"));
        }
        if !after.may_be_observable() && before.is_some_and(Partition::may_be_observable) {
            effects.push(format!("{name} cannot be observed"));
        }
        let Some(public) = &after.public else { return };
        if before.is_some_and(|before| before.public.as_ref() == Some(public)) {
            return;
        }
        let Roster { members, providers, unowned } = &public.roster;
        let mut whose: Vec<_> = providers.iter().map(notation::provider_name).collect();
        let unknown = format!("{unowned} unknown");
        if *unowned > 0 {
            whose.push(&unknown);
        }
        let verified = if public.verified.is_some() { ", verified" } else { "" };
        let Replay { commits, bytes, checkpoint_bytes } = public.replay;
        let replay = match commits {
            0 => format!("saved in {checkpoint_bytes}B"),
            _ => format!("{}, {bytes}B behind {checkpoint_bytes}B", counted(commits.into(), "commit")),
        };
        let (members, whose) = (counted((*members).into(), "member"), whose.join(", "));
        effects.push(format!("{name} is observed: {members} ({whose}){verified}; {replay}"));
    }
}
