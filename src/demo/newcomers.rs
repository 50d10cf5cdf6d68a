//! Everybody before there is a group.

use super::{
    Failure,
    cast::{ALICE, BOB, CAROLS_LAPTOP, CAROLS_PHONE, DAVE},
    device::Newcomer,
    mode::Mode,
    record::Record,
    stage::Providers,
};
use crate::client::NewMember;

/// The devices of those who will be members.
pub(super) struct Newcomers {
    pub(super) mode: Mode,
    pub(super) record: Record,
    pub(super) alice: Newcomer,
    pub(super) bob: Newcomer,
    pub(super) phone: Newcomer,
    pub(super) laptop: Newcomer,
    pub(super) dave: Newcomer,
}

/// The same, once Alice has the others' KeyPackages.
pub(super) struct Invited {
    pub(super) newcomers: Newcomers,
    pub(super) members: Vec<NewMember>,
}

impl Newcomers {
    /// Fresh devices.
    ///
    /// # Errors
    /// The MLS library's.
    pub(super) fn make(mode: Mode, providers: &Providers) -> Result<Self, Failure> {
        let record = Record::new();
        Ok(Self {
            mode,
            alice: ALICE.newcomer(mode, providers, &record)?,
            bob: BOB.newcomer(mode, providers, &record)?,
            phone: CAROLS_PHONE.newcomer(mode, providers, &record)?,
            laptop: CAROLS_LAPTOP.newcomer(mode, providers, &record)?,
            dave: DAVE.newcomer(mode, providers, &record)?,
            record,
        })
    }
}
