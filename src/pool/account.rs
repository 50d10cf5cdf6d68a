//! What is kept of a user who may be asked for.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::StockKey;
use crate::{
    mls::{CipherSuite, ProtocolVersion},
    sequencer::UserTag,
    wire::ClientId,
};

/// A user of this provider. It begins with the first upload or the first token.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Account {
    /// Raised to revoke all of the user's tokens, to the second (Unix) in which that is; 0 at first.
    pub generation: u32,
    /// How many handles have a row.
    pub handles: u32,
    /// How many KeyPackages are remembered by their references.
    pub references: u32,
    /// Which stocks there are.
    pub shelves: Vec<Shelf>,
}

/// Names a stock of a user whom one knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Shelf {
    /// Whose KeyPackages.
    pub client: ClientId,
    /// Of which version.
    pub version: ProtocolVersion,
    /// Of which suite.
    pub cipher_suite: CipherSuite,
}

impl Account {
    /// The user's stocks.
    pub fn stocks(&self, user: UserTag) -> impl Iterator<Item = StockKey> + '_ {
        self.shelves.iter().map(move |shelf| StockKey {
            user,
            client: shelf.client,
            version: shelf.version,
            cipher_suite: shelf.cipher_suite,
        })
    }

    /// A stock is not there any more.
    pub(super) fn remove(&mut self, stock: &StockKey) {
        let gone = Shelf::from(stock);
        self.shelves.retain(|shelf| *shelf != gone);
    }

    /// Which clients have a stock.
    pub fn clients(&self) -> Vec<ClientId> {
        let mut clients: Vec<_> = self.shelves.iter().map(|shelf| shelf.client).collect();
        clients.sort_unstable();
        clients.dedup();
        clients
    }
}

impl From<&StockKey> for Shelf {
    fn from(key: &StockKey) -> Self {
        Self { client: key.client, version: key.version, cipher_suite: key.cipher_suite }
    }
}
