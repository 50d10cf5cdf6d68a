//! Welcomes that go out (draft §4.3): what is due, what it says, and what came of it.
//!
//! Everything here is asked by the courier. What an answer means is decided on the group's lane.

use std::{sync::Arc, time::Duration};

use mls_rs_codec::MlsDecode;

use super::{Error, Service};
use crate::{
    mls::{WireGroupInfo, WireRatchetTree, WireWelcome},
    sequencer::{Command, Deliver, Delivered, DispatchKey, GroupKey, WelcomeName},
    store::{self, Snapshot},
    wire::{KeyPackageRef, ServiceProviderId, WelcomeData, decode},
};

/// A Welcome that is to be brought to a provider.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Errand {
    group: GroupKey,
    key: DispatchKey,
}

impl Errand {
    /// To whom.
    pub fn provider(&self) -> &ServiceProviderId {
        &self.key.provider
    }
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Errand(..)")
    }
}

/// What there is to do.
#[derive(Debug, Default)]
pub struct Agenda {
    /// What is due, of each provider some of the earliest.
    pub due: Vec<Errand>,
    /// How long it takes until something else is due, if anything will be.
    pub rest: Option<Duration>,
}

/// What a provider is to get.
///
/// # Privacy
/// Only what is for its own users: nothing signs the list of secrets in a Welcome, and whom else it adds stays hidden. Who
/// is in the group stays hidden too where the Welcome can have the tree encrypted in it.
#[derive(Clone)]
pub struct Parcel {
    /// Whom the Welcome is for.
    pub key_package_refs: Vec<KeyPackageRef>,
    /// What the provider has given for it before, if that is still good.
    pub ticket: Option<[u8; 16]>,
    /// The Welcome.
    pub welcome: WireWelcome,
    /// The tree, if the Welcome lacks it and the hub has that of the epoch which is joined.
    pub ratchet_tree: Option<WireRatchetTree>,
}

/// Neither the ticket nor whom it is for.
impl std::fmt::Debug for Parcel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Parcel").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

/// What is found of an errand.
enum Look {
    Parcel(Box<Parcel>, MissingTree),
    /// Nothing is to be done.
    Done,
    /// A row without its Welcome: an orphan aged out, and another commit took the name. Or one into a deleted group.
    Gone,
}

impl Parcel {
    /// How much memory it takes, about, in bytes.
    pub fn bytes(&self) -> usize {
        let tree = self.ratchet_tree.as_ref().map_or(0, |tree| tree.bytes().len());
        self.welcome.bytes().len().saturating_add(tree)
    }
}

impl Service {
    /// What is due, of each provider at most `each`. A provider whose rows cannot be read does not stand in the way of the
    /// others.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn welcomes_due(self: &Arc<Self>, each: usize) -> Result<Agenda, Error> {
        let now = self.now();
        self.snapshot_read(move |snapshot| {
            let (mut agenda, mut after) = (Agenda::default(), None);
            while let Some(provider) = snapshot.addressee(after.as_ref())? {
                match snapshot.dispatches(&provider, each) {
                    Ok(dispatches) => {
                        let later = dispatches.iter().find(|(_, key)| key.due_ms > now);
                        let rest = later.map(|(_, key)| Duration::from_millis(key.due_ms - now));
                        agenda.rest = [agenda.rest, rest].into_iter().flatten().min();
                        let due = dispatches.into_iter().filter(|(_, key)| key.due_ms <= now);
                        agenda.due.extend(due.map(|(group, key)| Errand { group, key }));
                    }
                    Err(error @ store::Error::Corrupt(_)) => tracing::error!(%error, "a provider gets no Welcomes"),
                    Err(error) => return Err(error),
                }
                after = Some(provider);
            }
            Ok(agenda)
        })
        .await
    }

    /// What the provider is to get; `None` when there is nothing to be done: somebody has recorded that meanwhile, or it is
    /// recorded now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn parcel(self: &Arc<Self>, errand: &Errand) -> Result<Option<Parcel>, Error> {
        match self.look_up(errand).await? {
            Look::Parcel(mut parcel, tree) => {
                parcel.ratchet_tree = match tree {
                    MissingTree::None => None,
                    MissingTree::Known(tree) => Some(tree),
                    MissingTree::Inferable(group_info) => {
                        let tree = self.inferred_tree(errand.group, errand.key.welcome.partition).await?;
                        tree.filter(|tree| !parcel.welcome.has_room_for(tree, &group_info))
                    }
                };
                Ok(Some(*parcel))
            }
            Look::Done => Ok(None),
            Look::Gone => self.record_delivery(errand, Delivered::NoneAccepted).await.map(|()| None),
        }
    }

    async fn look_up(self: &Arc<Self>, errand: &Errand) -> Result<Look, Error> {
        let (service, errand) = (self.clone(), errand.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let now = service.now();
            let snapshot = service.store.snapshot()?;
            let Errand { group, key } = &errand;
            let Some(dispatch) = snapshot.dispatch(group, key)? else { return Ok(Look::Done) };
            let outgoing = snapshot.outgoing(group, &key.welcome)?;
            let is_deleted = snapshot.group(group)?.is_none_or(|record| record.deleted_ms.is_some());
            if is_deleted || outgoing.is_none_or(|outgoing| outgoing.submitted_ms != dispatch.submitted_ms) {
                return Ok(Look::Gone);
            }
            let data = snapshot.welcome(group, &key.welcome)?.ok_or(store::Error::Corrupt("Welcome"))?;
            let WelcomeData { welcome, service_providers } = data;
            let welcome = welcome.only(|place| service_providers.get(place) == Some(&key.provider));
            let tree = missing_tree(&*snapshot, group, &key.welcome, &welcome)?;
            let parcel = Parcel {
                key_package_refs: welcome.key_package_refs().map(|known| KeyPackageRef(known.to_vec())).collect(),
                ticket: dispatch.ticket.filter(|ticket| now < ticket.until_ms).map(|ticket| ticket.bytes),
                ratchet_tree: None,
                welcome,
            };
            Ok(Look::Parcel(Box::new(parcel), tree))
        });
        reading.await.map_err(|_| Error::NoThread)?
    }

    /// Records what came of an attempt. When it is durable, what is due next is another errand, or none.
    ///
    /// # Errors
    /// When its fate is unknown: the same attempt made again is safe.
    pub async fn record_delivery(&self, errand: &Errand, outcome: Delivered) -> Result<(), Error> {
        let mut jitter = [0; 4];
        self.entropy.fill(&mut jitter)?;
        let deliver = Deliver { key: errand.key.clone(), outcome, jitter: u32::from_ne_bytes(jitter) };
        self.lanes.submit(errand.group, Command::Deliver(Box::new(deliver)), None).await.map(drop)
    }
}

/// The tree that new members miss.
enum MissingTree {
    None,
    /// It came beside the GroupInfo or in it.
    Known(WireRatchetTree),
    /// It did not come, because the hub can infer it.
    Inferable(WireGroupInfo),
}

/// The tree of the epoch that is joined, unless the Welcome is long enough to have it. The GroupInfo is that of another
/// commit's epoch if the partition was announced again.
fn missing_tree(
    snapshot: &dyn Snapshot,
    group: &GroupKey,
    name: &WelcomeName,
    welcome: &WireWelcome,
) -> Result<MissingTree, store::Error> {
    let Some(partition) = snapshot.partition(group, &name.partition)? else { return Ok(MissingTree::None) };
    if partition.parent != name.commit {
        return Ok(MissingTree::None);
    }
    let Some(key) = &partition.group_info else { return Ok(MissingTree::None) };
    let bytes = snapshot.blob(group, key)?.ok_or(store::Error::Corrupt("GroupInfo"))?;
    let group_info: WireGroupInfo = decode(&bytes).map_err(|_| store::Error::Corrupt("GroupInfo"))?;
    let tree = match &partition.ratchet_tree {
        Some(key) => {
            let bytes = snapshot.blob(group, key)?.ok_or(store::Error::Corrupt("ratchet tree"))?;
            Some(WireRatchetTree::mls_decode_exhaustive(&bytes).map_err(|_| store::Error::Corrupt("ratchet tree"))?)
        }
        None => group_info.ratchet_tree(),
    };
    Ok(match tree {
        Some(tree) if !welcome.has_room_for(&tree, &group_info) => MissingTree::Known(tree),
        None if partition.public.is_some() => MissingTree::Inferable(group_info),
        Some(_) | None => MissingTree::None,
    })
}
