//! Somebody who founds groups, leads them from epoch to epoch, forks them, and lets them be.

use super::{Load, sending::Message};
use crate::{model::Spot, world::Provider};

/// How many groups of a provider are in use at once.
const OPEN: usize = 3;
/// After so many commits a group is left alone.
const COMMITS: u32 = 8;
/// Numbers of partitions that no commit announces.
const ORPHANS: u32 = 1_000_000;

/// A group that is in use.
struct Course {
    group: usize,
    head: u32,
    last: u32,
}

pub(super) async fn commit(mut load: Load, at: Provider) {
    let name = "committer";
    let mut dice = load.dice(at, name);
    // Half of the commits come from the other provider.
    let users = [load.world.user(at, name), load.world.user(at.other(), name)];
    let mut courses: Vec<Course> = Vec::new();
    while !load.is_stopping() {
        if courses.len() < OPEN {
            let Some(group) = load.found(at, &users[0], true).await else { return };
            courses.push(Course { group, head: 0, last: 0 });
            continue;
        }
        let chosen = dice.below(courses.len());
        let course = &mut courses[chosen];
        let user = &users[dice.below(2)];
        let spot = Spot { group: course.group, number: course.head };
        let (group, last) = (course.group, course.last);
        let label = |what: &str| format!("{what} {} of group {group}", last + 1);
        match dice.below(10) {
            0 => {
                let orphan = Spot { number: ORPHANS + course.last, ..spot };
                load.model.groups().open_orphan(orphan, load.world.now_ms());
                let message = Message::application(&load, orphan, label("orphan"), dice.below(50));
                message.send(&load, user).await;
            }
            1..=2 => {
                // Two commits at once: whichever is first leads on.
                let (left, right) = (course.last + 1, course.last + 2);
                let commits = [left, right]
                    .map(|next| Message::commit(&load, spot, next, label("fork to") + &format!(" ({next})"), None));
                course.last += 2;
                let sent = tokio::join!(commits[0].send(&load, &users[0]), commits[1].send(&load, &users[1]));
                let (Some(first), Some(second)) = sent else { return };
                for (next, receipt) in [(left, first), (right, second)] {
                    load.model.groups().open(Spot { number: next, ..spot }, course.head, receipt.accepted_ms);
                }
                course.head = [left, right][dice.below(2)];
            }
            _ => {
                course.last += 1;
                let commit = Message::commit(&load, spot, course.last, label("commit"), None);
                let Some(receipt) = commit.send(&load, user).await else { return };
                load.model.groups().open(Spot { number: course.last, ..spot }, course.head, receipt.accepted_ms);
                course.head = course.last;
            }
        }
        if course.last >= COMMITS {
            load.model.groups().close(course.group);
            courses.remove(chosen);
        }
        load.rest(dice.millis(40, 400)).await;
    }
}
