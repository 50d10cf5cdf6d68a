//! Who plays.

use sha2::{Digest, Sha256};

use super::{
    Failure,
    device::{Device, Newcomer},
    mode::Mode,
    provider::Provider,
    record::Record,
    stage::{FOLLOWER, HUB, Providers, THIRD},
    tap::Tap,
};
use crate::{
    client::http::{Limits, LocalAddress, LocalClient, UserId},
    wire::ClientId,
};

/// A device of a user at a provider.
#[derive(Debug)]
pub(super) struct Seat {
    /// As the narration names it.
    pub(super) name: &'static str,
    /// The user, as the provider knows them.
    pub(super) user: &'static str,
    /// What the MLS credential says.
    pub(super) identity: &'static str,
    /// The user's provider.
    pub(super) provider: &'static str,
}

pub(super) const ALICE: Seat =
    Seat { name: "Alice", user: "alice@hub.example", identity: "alice@hub.example", provider: HUB };
pub(super) const BOB: Seat = Seat { name: "Bob", user: "bob@hub.example", identity: "bob@hub.example", provider: HUB };
pub(super) const CAROLS_PHONE: Seat = Seat {
    name: "Carol's phone",
    user: "carol@follower.example",
    identity: "carol@follower.example/phone",
    provider: FOLLOWER,
};
pub(super) const CAROLS_LAPTOP: Seat = Seat {
    name: "Carol's laptop",
    user: "carol@follower.example",
    identity: "carol@follower.example/laptop",
    provider: FOLLOWER,
};
pub(super) const DAVE: Seat =
    Seat { name: "Dave", user: "dave@follower.example", identity: "dave@follower.example", provider: FOLLOWER };
/// Joins from outside, and leaves again.
pub(super) const ERIN: Seat =
    Seat { name: "Erin", user: "erin@third.example", identity: "erin@third.example", provider: THIRD };
/// Come in where a group forks. Trudy means ill.
pub(super) const FRANK: Seat =
    Seat { name: "Frank", user: "frank@third.example", identity: "frank@third.example", provider: THIRD };
pub(super) const TRUDY: Seat =
    Seat { name: "Trudy", user: "trudy@third.example", identity: "trudy@third.example", provider: THIRD };
/// Members of no group.
pub(super) const MALLORY: Seat =
    Seat { name: "Mallory", user: "mallory@hub.example", identity: "mallory@hub.example", provider: HUB };
pub(super) const MALLETT: Seat = Seat {
    name: "Mallett",
    user: "mallett@follower.example",
    identity: "mallett@follower.example",
    provider: FOLLOWER,
};

/// Everybody, for whoever looks for traces of them.
pub(super) const EVERYBODY: [&Seat; 10] =
    [&ALICE, &BOB, &CAROLS_PHONE, &CAROLS_LAPTOP, &DAVE, &ERIN, &FRANK, &TRUDY, &MALLORY, &MALLETT];

impl Seat {
    /// The wire to the own provider.
    ///
    /// # Errors
    /// Never: ids and tokens of the demo can be sent.
    pub(super) fn tap(&'static self, providers: &Providers, record: &Record) -> Result<Tap, Failure> {
        let provider: &Provider = match self.provider {
            HUB => &providers.hub,
            THIRD => &providers.third,
            _ => &providers.follower,
        };
        let user = UserId::new(self.user.as_bytes()).ok_or("a user id is too long")?;
        let address = LocalAddress::Tcp(provider.addresses.local);
        let channel = LocalClient::new(address, provider.token()?, user, Limits::default());
        Ok(Tap::new(channel, self, record.clone()))
    }

    /// The device, as its own provider knows it. The same in both groups: the device is set up anew in between.
    pub(super) fn client_id(&self) -> ClientId {
        let digest: [u8; 32] = Sha256::digest(self.identity).into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        ClientId::new(id)
    }

    /// A device that is in no group yet.
    ///
    /// # Errors
    /// The MLS library's.
    pub(super) fn newcomer(
        &'static self,
        mode: Mode,
        providers: &Providers,
        record: &Record,
    ) -> Result<Newcomer, Failure> {
        Newcomer::new(self, mode, self.tap(providers, record)?)
    }
}

/// The members of one group, and what went over their wires.
pub(super) struct Cast {
    pub(super) mode: Mode,
    pub(super) record: Record,
    pub(super) alice: Device,
    pub(super) bob: Device,
    pub(super) phone: Device,
    pub(super) laptop: Device,
    pub(super) dave: Device,
    /// Wires of people who are in no group.
    pub(super) mallory: Tap,
    pub(super) mallett: Tap,
}

impl Cast {
    /// All members' devices, as long as Dave is in.
    pub(super) fn everybody(&mut self) -> [&mut Device; 5] {
        [&mut self.alice, &mut self.bob, &mut self.phone, &mut self.laptop, &mut self.dave]
    }

    /// Those who are awake while the others sleep.
    pub(super) fn awake(&mut self) -> [&mut Device; 3] {
        [&mut self.alice, &mut self.bob, &mut self.phone]
    }

    /// Those who remain without Dave.
    pub(super) fn remaining(&mut self) -> [&mut Device; 4] {
        [&mut self.alice, &mut self.bob, &mut self.phone, &mut self.laptop]
    }
}
