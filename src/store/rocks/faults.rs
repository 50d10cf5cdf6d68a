//! The points before and after a write, for the torture harness: also by what the batch is about.

use restante_faults::{Point, pass};

use crate::store::Batch;

/// Nothing of the batch is written.
pub(super) fn before_write(batch: &Batch) {
    pass(Point::BeforeWrite);
    about(batch, [Point::HandOutBeforeWrite, Point::WelcomeBeforeWrite, Point::PushedBeforeWrite]);
}

/// All of the batch is on the disk, and nobody knows.
pub(super) fn after_write(batch: &Batch) {
    about(batch, [Point::HandOutAfterWrite, Point::WelcomeAfterWrite, Point::PushedAfterWrite]);
    pass(Point::AfterWrite);
}

fn about(batch: &Batch, [hand_out, welcome, pushed]: [Point; 3]) {
    // A request that came through the gateway, and something that it was given.
    if !batch.pool.marks.is_empty() && batch.pool.packages.values().any(Option::is_none) {
        pass(hand_out);
    }
    if batch.pool.inbox.letters.values().any(Option::is_some) {
        pass(welcome);
    }
    if !batch.kept.is_empty() {
        pass(pushed);
    }
}
