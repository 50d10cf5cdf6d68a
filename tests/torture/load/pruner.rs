//! An operator who ends a branch of a group and takes that back, and members who speak there: nothing is taken as long as
//! it is ended, and everything when it is not; on the branch beside it all goes on.

use std::cell::Cell;

use restante::{
    client::{ProblemCode, http::Operation},
    forks::{Answer, Reason, group_name, partition_name},
    sequencer::GroupKey,
    wire::PartitionKey,
};
use serde_json::json;

use super::{Load, sending::Message};
use crate::{dice::Dice, model::Spot, site::User, world::Provider};

/// Of each group, a branch is ended and taken back so often.
const TURNS: usize = 2;
/// So many messages are tried between two changes.
const MESSAGES: usize = 4;
/// Another change of the group is still being carried through: one that a kill has cut off goes on by itself.
const BUSY_MAX: usize = 100;

/// What to do with a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    End,
    TakeBack,
}

pub(super) async fn prune(mut load: Load, at: Provider) {
    let name = "pruner";
    let mut dice = load.dice(at, name);
    let users = [load.world.user(at, name), load.world.user(at.other(), name)];
    while !load.is_stopping() {
        let Some(branches) = plant(&load, at, &users).await else { return };
        for change in [Change::End, Change::TakeBack].repeat(TURNS) {
            if carry_out(&load, &users[0], change, branches[0]).await.is_none() {
                return;
            }
            load.model.note_branch();
            if speak(&mut load, (&users, &mut dice), change, branches).await.is_none() {
                return;
            }
        }
    }
}

/// A group with two branches, both of which were used: the first partition of each.
async fn plant(load: &Load, at: Provider, users: &[User; 2]) -> Option<[Spot; 2]> {
    let group = load.found(at, &users[0], false).await?;
    let root = Spot { group, number: 0 };
    let branches = [1, 2].map(|number| Spot { number, ..root });
    for (branch, user) in branches.iter().zip(users) {
        let label = format!("branch {} of group {group}", branch.number);
        let receipt = Message::commit(load, root, branch.number, label.clone(), None).send(load, user).await?;
        load.model.groups().open(*branch, root.number, receipt.accepted_ms);
        Message::application(load, *branch, format!("the first of {label}"), 0).send(load, user).await?;
    }
    Some(branches)
}

/// Nothing if that was not done.
async fn carry_out(load: &Load, operator: &User, change: Change, branch: Spot) -> Option<()> {
    let (operation, done_before) = match change {
        Change::End => (Operation::TerminateBranch, Reason::AlreadyTerminated),
        Change::TakeBack => (Operation::RestoreBranch, Reason::NotTerminated),
    };
    let group = group_name(&GroupKey::of(&load.model.groups().id(branch.group)));
    let request = json!({ "group": group, "branch": partition_name(&PartitionKey::new(branch.key()).masked()) });
    let asked = Cell::new(0);
    for _time in 0..BUSY_MAX {
        let ask = async || {
            asked.set(asked.get() + 1);
            operator.administer(operation, &request).await
        };
        let answer = load.answered("a change of a branch", ask).await?;
        match serde_json::from_value(answer) {
            Ok(Answer::Done { is_done: true, .. }) => return Some(()),
            // The answer was lost.
            Ok(Answer::Refused { reason, .. }) if reason == done_before && asked.get() > 1 => return Some(()),
            Ok(Answer::Done { .. } | Answer::Refused { reason: Reason::Busy, .. }) => load.retry().await,
            answer => {
                load.model.hold(Err(format!("{branch:?}: {change:?} is answered with {answer:?}")));
                return None;
            }
        }
    }
    load.model.hold(Err(format!("{branch:?}: {change:?} does not come to its end")));
    None
}

/// Nothing if somebody was refused who should not be.
async fn speak(
    load: &mut Load,
    (users, dice): (&[User; 2], &mut Dice),
    last: Change,
    branches: [Spot; 2],
) -> Option<()> {
    for number in 0..MESSAGES {
        let user = &users[dice.below(2)];
        for (branch, is_changed) in branches.into_iter().zip([true, false]) {
            let label = format!("{number} of {branch:?}, behind {last:?}, {}", dice.next());
            let message = Message::application(load, branch, label, dice.below(50));
            if is_changed && last == Change::End {
                message.send_in_vain(load, user, ProblemCode::BranchTerminated).await;
            } else {
                message.send(load, user).await?;
            }
        }
        let pause = dice.millis(40, 300);
        load.rest(pause).await;
    }
    Some(())
}
