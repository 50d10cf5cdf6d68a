//! The points before and after a write, for the torture harness: also by what the batch is about.

use restante_faults::{Point, pass};

use crate::store::Batch;

/// Nothing of the batch is written.
pub(super) fn before_write(batch: &Batch) {
    pass(Point::BeforeWrite);
    let hand_outs = [Point::HandOutBeforeWrite, Point::LocalHandOutBeforeWrite];
    about(batch, hand_outs, [Point::WelcomeBeforeWrite, Point::PushedBeforeWrite]);
}

/// All of the batch is on the disk, and nobody knows.
pub(super) fn after_write(batch: &Batch) {
    let hand_outs = [Point::HandOutAfterWrite, Point::LocalHandOutAfterWrite];
    about(batch, hand_outs, [Point::WelcomeAfterWrite, Point::PushedAfterWrite]);
    pass(Point::AfterWrite);
}

fn about(batch: &Batch, [hand_out, local_hand_out]: [Point; 2], [welcome, pushed]: [Point; 2]) {
    if batch.pool.packages.values().any(Option::is_none) {
        // Only a request that came through the gateway leaves a mark.
        pass(if batch.pool.marks.is_empty() { local_hand_out } else { hand_out });
    }
    if batch.pool.inbox.letters.values().any(Option::is_some) {
        pass(welcome);
    }
    if !batch.kept.is_empty() {
        pass(pushed);
    }
}
