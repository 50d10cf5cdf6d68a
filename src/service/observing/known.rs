//! A state, and whose its leaves are.

use super::Origin;
use crate::{
    mls::PublicState,
    sequencer::{Checkpoint, Owners, Roster, StateDigest, TreeHash},
    store,
};

/// The public state of an epoch, with what the hub knows besides.
pub(super) struct Known {
    pub(super) digest: StateDigest,
    pub(super) state: PublicState,
    pub(super) owners: Owners,
    /// Who is there, by these.
    pub(super) roster: Roster,
    /// What it came from.
    pub(super) origin: Origin,
}

impl Known {
    pub(super) fn new(state: PublicState, owners: Owners, origin: Origin) -> Self {
        let digest = StateDigest::of(&state.encode_context(), state.confirmation_tag());
        Self { digest, state, roster: owners.roster(), owners, origin }
    }

    /// The same state, with other leaves' owners, and what these came from.
    pub(super) fn owned(self, owners: Owners, origin: Origin) -> Self {
        Self { roster: owners.roster(), owners, origin, ..self }
    }

    pub(super) fn load(checkpoint: Checkpoint, origin: Origin) -> Result<Self, store::Error> {
        let state = PublicState::load(&checkpoint.state).map_err(|_| store::Error::Corrupt("public state"))?;
        Ok(Self::new(state, checkpoint.owners, origin))
    }

    pub(super) fn save(&self) -> Checkpoint {
        Checkpoint { state: self.state.save().into(), owners: self.owners.clone() }
    }

    pub(super) fn tree_hash(&self) -> TreeHash {
        TreeHash(self.state.tree_hash().to_vec())
    }

    /// How much memory it takes, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.state.weight() + self.owners.weight() + self.origin.changes.weight()
    }
}
