//! A group that is followed: a GroupInfo, a tree beside it or none, then proposals and commits as they were sequenced.

use super::super::parts;
use restante::{
    mls::{ContentType, PublicState, WireGroupInfo, WireMessage},
    wire,
};

/// A longer history finds nothing that a short one does not.
const MESSAGES: usize = 16;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let mut rest = input;
    let Some(info) = parts::next(&mut rest).and_then(|info| wire::decode::<WireGroupInfo>(info).ok()) else { return };
    let tree = parts::next(&mut rest).and_then(|tree| wire::decode(tree).ok());
    let Ok(mut state) = PublicState::observe(&info, tree.as_ref()) else { return };
    let mut proposals = Vec::new();
    for _ in 0..MESSAGES {
        let Some(message) = parts::next(&mut rest) else { break };
        let Ok(message) = wire::decode::<WireMessage>(message) else { continue };
        if message.content_type() != ContentType::Commit {
            proposals.push(message);
            continue;
        }
        let Ok(step) = state.follow(&proposals, &message) else { continue };
        assert_eq!(Some(step.next.epoch()), state.epoch().next());
        assert_eq!(step.next.group_id(), state.group_id());
        assert_eq!(step.next.leaves().count(), step.next.members());
        state = step.next;
        proposals.clear();
        let saved = state.save();
        let loaded = PublicState::load(&saved).expect("what was saved can be loaded");
        assert_eq!(loaded.save(), saved);
    }
}
