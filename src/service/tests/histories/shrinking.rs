//! What is printed of a history that fails: as few of its steps as it takes.

use std::{
    any::Any,
    sync::{Arc, Mutex},
};

use super::{History, world::Record};

/// How often a history is played again to make it shorter.
const REPLAYS_MAX: usize = 60;

/// Takes out what is not needed, and fails with what is left.
///
/// # Panics
/// That is what it is for.
pub(super) fn report(history: &History, record: &Record, failure: &(dyn Any + Send)) -> ! {
    let before = history.steps.len();
    let (shortest, record, failure) = shorten(history, record, message(failure));
    let lines = record.lock().unwrap().join("\n");
    let (seed, left) = (history.seed, shortest.steps.len());
    panic!(
        "history {seed} does not hold: {failure}\n\n{lines}\n\n{left} of its {before} steps are left; to play it again: \
         RESTANTE_HISTORY={seed} cargo xtask test -- histories_of_real_groups"
    );
}

fn shorten(history: &History, record: &Record, failure: String) -> (History, Record, String) {
    let mut best = (history.clone(), record.clone(), failure);
    let mut replays = 0;
    let mut length = best.0.steps.len().div_ceil(2);
    while length > 0 {
        let mut from = 0;
        while from < best.0.steps.len() && replays < REPLAYS_MAX {
            replays += 1;
            let mut shorter = best.0.clone();
            let until = (from + length).min(shorter.steps.len());
            shorter.steps.drain(from..until);
            let record = Arc::new(Mutex::new(Vec::new()));
            match shorter.play(&record) {
                Err(failure) => best = (shorter, record, message(&*failure)),
                Ok(_) => from += length,
            }
        }
        length /= 2;
    }
    best
}

fn message(failure: &(dyn Any + Send)) -> String {
    let text = failure.downcast_ref::<String>().map(String::as_str).or(failure.downcast_ref::<&str>().copied());
    text.unwrap_or("something else than an assertion").to_owned()
}
