//! A public state as it stands on disk. What is loaded is saved as the same bytes, and a commit can be tried on it.

use std::sync::LazyLock;

use restante::{
    mls::{PublicState, WireMessage},
    wire,
};

/// Of the same group, in the epoch of the checkpoints that the corpus begins with.
static COMMIT: LazyLock<WireMessage> = LazyLock::new(|| {
    let bytes = include_bytes!("../../corpus/mls_message/public-commit_path_only");
    wire::decode(bytes).expect("the corpus holds what a client made")
});

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let Ok(state) = PublicState::load(input) else { return };
    assert_eq!(state.save(), input);
    assert_eq!(state.leaves().count(), state.members());
    state.banned();
    if let Ok(step) = state.follow(&[], &COMMIT) {
        assert_eq!(Some(step.next.epoch()), state.epoch().next());
    }
}
