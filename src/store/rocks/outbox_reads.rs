//! Reading what goes out: Welcomes, and what is to be brought to whom.

use super::{
    keys,
    snapshot::{RocksSnapshot, start_behind},
    values,
};
use crate::{
    sequencer::{Dispatch, DispatchKey, GroupKey, Outgoing, WelcomeName},
    store::{Error, OutboxReads, OutgoingRow},
    wire::{ServiceProviderId, WelcomeData},
};

impl OutboxReads for RocksSnapshot<'_> {
    fn welcome(&self, group: &GroupKey, welcome: &WelcomeName) -> Result<Option<WelcomeData>, Error> {
        self.record(keys::OUTBOX, &keys::welcome(group, welcome), "Welcome")
    }

    fn outgoing(&self, group: &GroupKey, welcome: &WelcomeName) -> Result<Option<Outgoing>, Error> {
        self.record(keys::STATE, &keys::outgoing(group, welcome), "outgoing")
    }

    fn undelivered(&self, after: Option<&(GroupKey, WelcomeName)>, limit: usize) -> Result<Vec<OutgoingRow>, Error> {
        let mut rows = Vec::new();
        let prefix = [keys::kind::OUTGOING];
        let start = start_behind(&prefix, after.map(|(group, name)| keys::outgoing(group, name)));
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let (group, name) = keys::parse_outgoing(key).ok_or(Error::Corrupt("outgoing"))?;
            rows.push((group, name, values::decode(value, "outgoing")?));
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn addressee(&self, after: Option<&ServiceProviderId>) -> Result<Option<ServiceProviderId>, Error> {
        let mut found = None;
        let prefix = [keys::kind::DISPATCH];
        let behind = |provider| keys::after_prefix(&keys::dispatches(provider)).ok_or(Error::Corrupt("dispatch"));
        let start = after.map_or(Ok(prefix.to_vec()), behind)?;
        self.scan(keys::STATE, &prefix, &start, |key, _value| {
            found = Some(keys::parse_dispatch(key).ok_or(Error::Corrupt("dispatch"))?.1.provider);
            Ok(false)
        })?;
        Ok(found)
    }

    fn dispatches(&self, provider: &ServiceProviderId, limit: usize) -> Result<Vec<(GroupKey, DispatchKey)>, Error> {
        let mut dispatches = Vec::new();
        let prefix = keys::dispatches(provider);
        self.scan(keys::STATE, &prefix, &prefix, |key, _value| {
            dispatches.push(keys::parse_dispatch(key).ok_or(Error::Corrupt("dispatch"))?);
            Ok(dispatches.len() < limit)
        })?;
        Ok(dispatches)
    }

    fn dispatch(&self, group: &GroupKey, key: &DispatchKey) -> Result<Option<Dispatch>, Error> {
        self.record(keys::STATE, &keys::dispatch(group, key), "dispatch")
    }
}
