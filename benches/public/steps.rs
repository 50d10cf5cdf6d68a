//! What following one commit takes, in the library alone: no store, no hub.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use mls_rs::MlsMessage;
use mls_rs_codec::MlsDecode;
use restante::mls::{PublicState, WireGroupInfo, WireMessage};
use serde_json::{Value, json};

use crate::{
    bare::{self, Bare},
    crowd::{Crowd, Epoch},
};

/// For how long each figure is taken, and at most how often.
const LENGTH: Duration = Duration::from_secs(2);
const TIMES: usize = 2_000;

/// Measures one group and prints its column.
pub(crate) fn measure(members: usize) -> Value {
    let mut crowd = Crowd::gather(b"crowd", members);
    let before = crowd.group_info();
    let epoch = crowd.next_epoch();
    let bare = Bare::of(&before, &epoch);
    let ours = Ours::of(members, &before, &epoch);
    let saved = ours.state.save();
    let (tree, snapshot) = (ours.state.export_tree().len(), bare.snapshot().len());
    let figures = [
        ("mls-rs: observe", median(|| bare::observe(&before))),
        ("mls-rs: clone", median(|| bare.copy())),
        ("mls-rs: clone, apply, check", median(|| bare.follow())),
        ("observe", median(|| PublicState::observe(&ours.before, None).unwrap())),
        ("follow, check", median(|| ours.follow(&ours.state))),
        ("check alone", median(|| ours.next.check(&ours.after).unwrap())),
        ("save", median(|| ours.state.save())),
        ("load", median(|| PublicState::load(&saved).unwrap())),
        ("follow once loaded", median(|| ours.follow(&PublicState::load(&saved).unwrap()))),
    ];
    println!(
        "\n{members} members: commit {} bytes, tree {tree}, checkpoint {}, mls-rs's snapshot {snapshot}, weight {}",
        ours.commit.bytes().len(),
        saved.len(),
        ours.state.weight()
    );
    for (name, micros) in &figures {
        println!("{name:<30} {micros:>12.1} µs");
    }
    let of = |name: &str| figures.iter().find(|(found, _)| *found == name).unwrap().1;
    let ratio = of("follow, check") / of("mls-rs: clone, apply, check");
    println!("{:<30} {ratio:>12.2}    goal: at most 1.3 from 100 members on", "follow, check to mls-rs");
    println!(
        "{:<30} {:>12.2}    goal: at most 1.2 from 100 members on",
        "checkpoint to tree",
        saved.len() as f64 / tree as f64
    );
    json!({
        "members": members, "commit_bytes": ours.commit.bytes().len(), "tree_bytes": tree,
        "checkpoint_bytes": saved.len(), "snapshot_bytes": snapshot, "weight": ours.state.weight(),
        "micros": figures.iter().map(|(name, micros)| ((*name).to_owned(), json!(micros))).collect::<serde_json::Map<_, _>>(),
    })
}

struct Ours {
    before: WireGroupInfo,
    commit: WireMessage,
    after: WireGroupInfo,
    state: PublicState,
    next: PublicState,
}

impl Ours {
    fn of(members: usize, before: &MlsMessage, epoch: &Epoch) -> Self {
        let info = |message: &MlsMessage| WireGroupInfo::mls_decode_exhaustive(&message.to_bytes().unwrap()).unwrap();
        let before = info(before);
        let state = PublicState::observe(&before, None).unwrap();
        assert_eq!(state.members(), members);
        let commit = WireMessage::parse(&epoch.commit.to_bytes().unwrap()).unwrap();
        let next = state.follow(&[], &commit).unwrap().next;
        Self { before, commit, after: info(&epoch.group_info), state, next }
    }

    fn follow(&self, state: &PublicState) -> PublicState {
        let step = state.follow(&[], &self.commit).unwrap();
        step.next.check(&self.after).unwrap();
        step.next
    }
}

/// The median of many times, in µs, with what it takes to drop the result.
fn median<T>(mut run: impl FnMut() -> T) -> f64 {
    let mut times = Vec::new();
    let begun = Instant::now();
    while times.len() < 3 || (begun.elapsed() < LENGTH && times.len() < TIMES) {
        let start = Instant::now();
        drop(black_box(run()));
        times.push(start.elapsed());
    }
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}
