//! What a client has to keep on its disk: the MLS library's groups and KeyPackages, and what Restante's client needs beside
//! them. Each call is one file, and durable when it returns: that is all that is asked for.

use std::io;

use mls_rs::{GroupStateStorage, KeyPackageStorage};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use mls_rs_core::{
    error::IntoAnyError,
    group::{EpochRecord, GroupState},
    key_package::KeyPackageData,
};
use restante::client::{Keep, KeepError};
use zeroize::Zeroizing;

use crate::folder::Folder;

/// As the MLS library stores a group, and beside it what [`Keep`] keeps of it, and of a join that is on its way.
const GROUP: &str = "group";
const STATE: &str = "state";
const JOIN: &str = "join";
/// The private half of a KeyPackage. It opens a Welcome, and goes when the group is stored.
const KEY_PACKAGE: &str = "keypackage";

/// How many old epochs of a group stay: for messages that come late.
const EPOCHS: usize = 3;

#[derive(Clone, Debug)]
pub(crate) struct Storage(pub(crate) Folder);

/// The disk, or what is on it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error("a file is not as it was written")]
    Damaged(#[from] mls_rs_codec::Error),
}

impl IntoAnyError for StorageError {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct StoredGroup {
    #[mls_codec(with = "byte_vec")]
    state: Zeroizing<Vec<u8>>,
    /// Oldest first.
    epochs: Vec<StoredEpoch>,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct StoredEpoch {
    id: u64,
    #[mls_codec(with = "byte_vec")]
    data: Zeroizing<Vec<u8>>,
}

impl Storage {
    /// The groups of which something is kept.
    pub(crate) fn group_ids(&self) -> io::Result<Vec<Vec<u8>>> {
        self.0.ids(STATE)
    }

    /// For `PartitionedGroup::load`.
    pub(crate) fn kept(&self, group_id: &[u8]) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        self.0.get(STATE, group_id)
    }

    fn stored(&self, group_id: &[u8]) -> Result<Option<StoredGroup>, StorageError> {
        let bytes = self.0.get(GROUP, group_id)?;
        Ok(bytes.map(|bytes| StoredGroup::mls_decode(&mut bytes.as_slice())).transpose()?)
    }
}

impl GroupStateStorage for Storage {
    type Error = StorageError;

    fn state(&self, group_id: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError> {
        Ok(self.stored(group_id)?.map(|stored| stored.state))
    }

    fn epoch(&self, group_id: &[u8], epoch_id: u64) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError> {
        let epochs = self.stored(group_id)?.map(|stored| stored.epochs).unwrap_or_default();
        Ok(epochs.into_iter().find(|epoch| epoch.id == epoch_id).map(|epoch| epoch.data))
    }

    fn write(
        &mut self,
        state: GroupState,
        epoch_inserts: Vec<EpochRecord>,
        epoch_updates: Vec<EpochRecord>,
    ) -> Result<(), StorageError> {
        let mut epochs = self.stored(&state.id)?.map(|stored| stored.epochs).unwrap_or_default();
        for EpochRecord { id, data } in epoch_updates {
            epochs.iter_mut().filter(|epoch| epoch.id == id).for_each(|epoch| epoch.data.clone_from(&data));
        }
        epochs.extend(epoch_inserts.into_iter().map(|EpochRecord { id, data }| StoredEpoch { id, data }));
        // What goes here is what makes that old messages cannot be read any more, by whoever gets hold of the disk.
        epochs.drain(..epochs.len().saturating_sub(EPOCHS));
        let stored = Zeroizing::new(StoredGroup { state: state.data, epochs }.mls_encode_to_vec()?);
        Ok(self.0.put(GROUP, &state.id, &stored)?)
    }

    fn max_epoch_id(&self, group_id: &[u8]) -> Result<Option<u64>, StorageError> {
        Ok(self.stored(group_id)?.and_then(|stored| stored.epochs.last().map(|epoch| epoch.id)))
    }
}

impl KeyPackageStorage for Storage {
    type Error = StorageError;

    fn delete(&mut self, id: &[u8]) -> Result<(), StorageError> {
        Ok(self.0.remove(KEY_PACKAGE, id)?)
    }

    fn insert(&mut self, id: Vec<u8>, package: KeyPackageData) -> Result<(), StorageError> {
        Ok(self.0.put(KEY_PACKAGE, &id, &Zeroizing::new(package.mls_encode_to_vec()?))?)
    }

    fn get(&self, id: &[u8]) -> Result<Option<KeyPackageData>, StorageError> {
        let bytes = self.0.get(KEY_PACKAGE, id)?;
        Ok(bytes.map(|bytes| KeyPackageData::mls_decode(&mut bytes.as_slice())).transpose()?)
    }
}

impl Keep for Storage {
    async fn keep(&mut self, group_id: &[u8], state: &[u8]) -> Result<(), KeepError> {
        Ok(self.0.put(STATE, group_id, state)?)
    }

    async fn forget(&mut self, group_id: &[u8]) -> Result<(), KeepError> {
        Ok(self.0.remove(GROUP, group_id)?)
    }

    async fn keep_join(&mut self, group_id: &[u8], join: &[u8]) -> Result<(), KeepError> {
        Ok(self.0.put(JOIN, group_id, join)?)
    }

    async fn forget_join(&mut self, group_id: &[u8]) -> Result<(), KeepError> {
        Ok(self.0.remove(JOIN, group_id)?)
    }
}
