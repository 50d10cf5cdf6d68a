//! The scenes, in the order in which they are played.

pub(super) mod bad_commit;
pub(super) mod catching_up;
pub(super) mod crash;
pub(super) mod creation;
pub(super) mod denial;
pub(super) mod epochs;
pub(super) mod fetching;
pub(super) mod fork;
pub(super) mod halves;
pub(super) mod joining;
pub(super) mod leaving;
pub(super) mod prologue;
pub(super) mod races;
pub(super) mod removal;
pub(super) mod start;
pub(super) mod strangers;
pub(super) mod talk;
pub(super) mod traces;
pub(super) mod uploading;

use super::{
    device::Device,
    narrator::Narrator,
    record::{Exchange, Mark, Record},
    sight,
};

/// How many scenes there are: the start, four without a group, twelve in each of two modes, and ten around a fork.
pub(super) const COUNT: u64 = 39;

/// Tells what the hub saw of the sends since `mark`.
fn tell_sends(narrator: &mut Narrator, record: &Record, mark: Mark) {
    tell_rows(narrator, &record.since(mark));
}

/// Tells what the hub saw of the commits since `mark`, and returns them.
fn tell_commits(narrator: &mut Narrator, record: &Record, mark: Mark) -> Vec<Exchange> {
    let mut commits = record.since(mark);
    commits.retain(|exchange| exchange.commit().is_some());
    tell_rows(narrator, &commits);
    commits
}

fn tell_rows(narrator: &mut Narrator, exchanges: &[Exchange]) {
    narrator.hub_saw(sight::header());
    exchanges.iter().filter_map(sight::send).for_each(|row| narrator.hub_saw(row));
}

/// Whether these devices are in the same epoch of the same branch.
fn are_together(devices: &[&mut Device]) -> bool {
    devices.windows(2).all(|pair| pair[0].epoch() == pair[1].epoch() && pair[0].partition() == pair[1].partition())
}
