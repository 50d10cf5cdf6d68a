//! Writing: one synced `WriteBatch` for each batch, and nothing more after a failure.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rocksdb::{ColumnFamily, DB, ErrorKind, WriteBatch, WriteOptions};

#[cfg(feature = "faults")]
use super::faults;
use super::{
    arrangement_keys, inbox_keys, keys, pool_keys, public_keys, push_keys, retention_keys, snapshot::RocksSnapshot,
    values,
};
use crate::{
    pool::TokenSecret,
    sequencer::Forgotten,
    store::{ArrangementBatch, Backup, Batch, Error, Footprint, InboxBatch, PoolBatch, Snapshot, Store},
};

/// A RocksDB database that this process owns.
pub struct RocksStore {
    db: DB,
    user_tag_secret: [u8; 32],
    token_secret: TokenSecret,
    forgotten: Forgotten,
    poisoned: AtomicBool,
    /// The column family in which a read failed first.
    damaged: OnceLock<&'static str>,
}

impl RocksStore {
    pub(super) fn new(db: DB, user_tag_secret: [u8; 32], token_secret: TokenSecret, forgotten: Forgotten) -> Self {
        Self {
            db,
            user_tag_secret,
            token_secret,
            forgotten,
            poisoned: AtomicBool::new(false),
            damaged: OnceLock::new(),
        }
    }

    pub(super) fn db(&self) -> &DB {
        &self.db
    }

    pub(super) fn family(&self, name: &'static str) -> Result<&ColumnFamily, Error> {
        self.db.cf_handle(name).ok_or(Error::Corrupt("list of column families"))
    }

    /// Compacts everything: rows that were overwritten or deleted leave the files. Takes as long as writing all of it, and
    /// as much room again for a while.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses.
    pub fn compact(&self) -> Result<(), Error> {
        for name in keys::FAMILIES {
            let family = self.family(name)?;
            self.db.flush_cf(family).map_err(|error| Error::Io(error.into_string()))?;
            self.db.compact_range_cf(family, None::<&[u8]>, None::<&[u8]>);
        }
        Ok(())
    }

    /// What a failed read is called. What is written after one would stand on rows that nobody can see.
    pub(super) fn unreadable(&self, family: &'static str, error: rocksdb::Error) -> Error {
        let kind = error.kind();
        let text = error.into_string();
        // The process has too much open, or the machine too little memory: the files are as good as they were.
        let is_for_want = ["Too many open files", "Cannot allocate memory"].iter().any(|want| text.contains(want));
        match kind {
            // Only reads that may not touch a file end so.
            ErrorKind::Incomplete => Error::NotAtHand,
            ErrorKind::Corruption | ErrorKind::IOError if !is_for_want => {
                let error = Error::Unreadable { family, text };
                if self.damaged.set(family).is_ok() {
                    tracing::error!(%error, "a read failed: no more writes until the next start");
                }
                error
            }
            _ => Error::Io(text),
        }
    }

    fn prepare(&self, batch: &Batch) -> Result<WriteBatch, Error> {
        let (state, messages) = (self.family(keys::STATE)?, self.family(keys::MESSAGES)?);
        let (repeats, blobs) = (self.family(keys::REPEATS)?, self.family(keys::BLOBS)?);
        let (outbox, presented) = (self.family(keys::OUTBOX)?, self.family(keys::PRESENTED)?);
        let mut write = WriteBatch::default();
        for (group, record) in &batch.groups {
            write.put_cf(state, keys::group(group), values::encode(&**record, "group")?);
        }
        for (group, reservation) in &batch.reservations {
            match reservation {
                Some(record) => {
                    write.put_cf(state, keys::reservation(group), values::encode(record, "reservation")?);
                }
                None => write.delete_cf(state, keys::reservation(group)),
            }
        }
        for ((group, partition), record) in &batch.partitions {
            write.put_cf(state, keys::partition(group, partition), values::encode(&**record, "partition")?);
        }
        for (group, partition) in &batch.announced {
            write.put_cf(state, keys::announced(partition, group), []);
        }
        for (group, partition) in &batch.unannounced {
            write.delete_cf(state, keys::announced(partition, group));
        }
        for ((group, epoch, partition), is_head) in &batch.heads {
            match is_head {
                true => write.put_cf(state, keys::head(group, *epoch, partition), []),
                false => write.delete_cf(state, keys::head(group, *epoch, partition)),
            }
        }
        for (group, partition, index, entry) in &batch.entries {
            write.put_cf(messages, keys::message(group, partition, *index), values::encode_entry(entry));
        }
        for ((group, partition, key), receipt) in &batch.repeats {
            write.put_cf(repeats, keys::repeat(group, partition, key), values::encode(receipt, "receipt")?);
        }
        for (group, blob) in &batch.blobs {
            write.put_cf(blobs, keys::blob(group, &blob.key), &blob.bytes);
        }
        self.prepare_public(batch, &mut write)?;
        for (group, welcome) in &batch.welcomes {
            write.put_cf(outbox, keys::welcome(group, &welcome.name), values::encode(&welcome.data, "Welcome")?);
        }
        for ((group, name), record) in &batch.outgoing {
            match record {
                Some(record) => write.put_cf(state, keys::outgoing(group, name), values::encode(record, "outgoing")?),
                None => {
                    write.delete_cf(state, keys::outgoing(group, name));
                    write.delete_cf(outbox, keys::welcome(group, name));
                }
            }
        }
        for ((group, key), record) in &batch.dispatches {
            match record {
                Some(record) => write.put_cf(state, keys::dispatch(group, key), values::encode(record, "dispatch")?),
                None => write.delete_cf(state, keys::dispatch(group, key)),
            }
        }
        for ((provider, group), usage) in &batch.budgets {
            let key = keys::budget(provider, group);
            if usage.is_nothing() {
                write.delete_cf(state, key);
            } else {
                write.put_cf(state, key, values::encode(usage, "budget")?);
            }
        }
        for (group, timer) in &batch.cleared_timers {
            write.delete_cf(state, keys::timer(group, timer));
        }
        for (group, timer) in &batch.timers {
            write.put_cf(state, keys::timer(group, timer), []);
        }
        for group in &batch.forked {
            write.put_cf(state, keys::forked(group), []);
        }
        self.prepare_push(batch, &mut write)?;
        for presentation in &batch.presentations {
            let key = keys::presented(&presentation.group, &presentation.partition, &presentation.user);
            write.put_cf(presented, key, presentation.at_ms.to_be_bytes());
        }
        for (group, partition, user) in &batch.forgotten {
            write.delete_cf(presented, keys::presented(group, partition, user));
        }
        self.prepare_pool(&batch.pool, &mut write)?;
        self.prepare_inbox(&batch.pool.inbox, &mut write)?;
        self.prepare_arrangements(&batch.arrangements, &mut write)?;
        self.prepare_removals(batch, &mut write)?;
        Ok(write)
    }

    /// Last: what was written earlier in this batch goes with what it belongs to.
    fn prepare_removals(&self, batch: &Batch, write: &mut WriteBatch) -> Result<(), Error> {
        let (state, messages) = (self.family(keys::STATE)?, self.family(keys::MESSAGES)?);
        let (repeats, presented) = (self.family(keys::REPEATS)?, self.family(keys::PRESENTED)?);
        let blobs = self.family(keys::BLOBS)?;
        for (group, partition, from, until) in &batch.trimmed {
            let end = keys::message(group, partition, *until);
            write.delete_range_cf(messages, keys::message(group, partition, *from), end);
        }
        for (group, key) in &batch.forgotten_receipts {
            write.delete_cf(repeats, retention_keys::receipt_of_group(group, key));
        }
        let all = [messages, repeats, presented, self.family(keys::PUBLIC)?];
        let emptied = batch.emptied.iter().map(|place| (place, &all[1..]));
        let given_up = batch.given_up.iter().map(|place| (place, &all[3..]));
        for ((group, partition), families) in
            emptied.chain(given_up).chain(batch.removed.iter().map(|place| (place, &all[..])))
        {
            let prefix = keys::partition_prefix(group, partition);
            let end = keys::after_prefix(&prefix).ok_or(Error::Corrupt("partition"))?;
            for family in families {
                write.delete_range_cf(*family, prefix.as_slice(), end.as_slice());
            }
        }
        for (group, partition) in &batch.removed {
            write.delete_cf(state, keys::partition(group, partition));
        }
        for group in &batch.not_forked {
            write.delete_cf(state, keys::forked(group));
        }
        for ((group, blob), count) in &batch.blob_counts {
            let key = keys::blob_count(group, blob);
            if *count == 0 {
                write.delete_cf(state, key);
                write.delete_cf(blobs, keys::blob(group, blob));
            } else {
                write.put_cf(state, key, count.to_be_bytes());
            }
        }
        if let Some(walk) = &batch.walk {
            write.put_cf(state, [keys::kind::WALK], values::encode(walk, "walk")?);
        }
        Ok(())
    }

    fn prepare_public(&self, batch: &Batch, write: &mut WriteBatch) -> Result<(), Error> {
        let public = self.family(keys::PUBLIC)?;
        for ((group, partition), checkpoint) in &batch.checkpoints {
            write.put_cf(public, public_keys::state(group, partition), &checkpoint.state);
            write.put_cf(public, public_keys::owners(group, partition), values::encode(&checkpoint.owners, OWNERS)?);
        }
        for ((group, partition), changes) in &batch.owners {
            let key = public_keys::owner_changes(group, partition);
            write.put_cf(public, key, values::encode(changes, "owners' changes")?);
        }
        for ((group, partition, reference), index) in &batch.proposals {
            let key = public_keys::proposal(group, partition, reference);
            write.put_cf(public, key, index.to_be_bytes());
        }
        Ok(())
    }

    fn prepare_push(&self, batch: &Batch, write: &mut WriteBatch) -> Result<(), Error> {
        let (state, kept) = (self.family(keys::STATE)?, self.family(keys::FOLLOWED)?);
        for ((provider, group, partition), is_subscribed) in &batch.subscribed {
            match is_subscribed {
                true => write.put_cf(state, push_keys::subscribed(provider, group, partition), []),
                false => write.delete_cf(state, push_keys::subscribed(provider, group, partition)),
            }
        }
        for (group, partition, message) in &batch.kept {
            write.put_cf(kept, keys::message(group, partition, message.index), &message.message);
        }
        for (group, partition, first_index) in &batch.let_go {
            let all_before = keys::message(group, partition, *first_index);
            write.delete_range_cf(kept, keys::message(group, partition, 0), all_before);
        }
        for ((group, partition), record) in &batch.followed {
            let key = push_keys::followed(group, partition);
            if let Some(record) = record {
                write.put_cf(state, key, values::encode(record, "followed partition")?);
                continue;
            }
            let prefix = keys::partition_prefix(group, partition);
            let end = keys::after_prefix(&prefix).ok_or(Error::Corrupt("partition"))?;
            write.delete_cf(state, key);
            write.delete_range_cf(kept, prefix, end);
        }
        Ok(())
    }

    fn prepare_pool(&self, pool: &PoolBatch, write: &mut WriteBatch) -> Result<(), Error> {
        if pool.is_empty() {
            return Ok(());
        }
        let (state, packages) = (self.family(keys::STATE)?, self.family(keys::KEY_PACKAGES)?);
        for (user, account) in &pool.accounts {
            write.put_cf(state, pool_keys::account(user), values::encode(account, "account")?);
        }
        for (key, stock) in &pool.stocks {
            match stock {
                Some(record) => write.put_cf(state, pool_keys::stock(key), values::encode(record, "stock")?),
                None => write.delete_cf(state, pool_keys::stock(key)),
            }
        }
        for (key, items) in &pool.items {
            for (place, item) in items {
                match item {
                    Some(record) => write.put_cf(state, pool_keys::item(key, *place), values::encode(record, "item")?),
                    None => write.delete_cf(state, pool_keys::item(key, *place)),
                }
            }
        }
        for ((key, number), bytes) in &pool.packages {
            match bytes {
                Some(bytes) => write.put_cf(packages, pool_keys::package(key, *number), bytes),
                None => write.delete_cf(packages, pool_keys::package(key, *number)),
            }
        }
        for (key, reference) in &pool.references {
            match reference {
                Some(record) => write.put_cf(state, pool_keys::reference(key), values::encode(record, "reference")?),
                None => write.delete_cf(state, pool_keys::reference(key)),
            }
        }
        for ((user, handle), record) in &pool.handles {
            match record {
                Some(record) => write.put_cf(state, pool_keys::handle(user, handle), values::encode(record, "handle")?),
                None => write.delete_cf(state, pool_keys::handle(user, handle)),
            }
        }
        if let Some(period) = pool.token_period {
            write.put_cf(state, [keys::kind::PERIOD], period.to_be_bytes());
        }
        for (expiry, is_due) in &pool.expiries {
            match is_due {
                true => write.put_cf(state, pool_keys::expiry(expiry), []),
                false => write.delete_cf(state, pool_keys::expiry(expiry)),
            }
        }
        for mark in &pool.marks {
            write.put_cf(state, pool_keys::mark(mark), []);
        }
        if let Some(lapsed_ms) = pool.marks_lapsed_ms {
            write.put_cf(state, [keys::kind::LAPSED], lapsed_ms.to_be_bytes());
        }
        for lapsed in &pool.lapsed_marks {
            let last = pool_keys::marks_at(lapsed.last_ms);
            let end = keys::after_prefix(&last).ok_or(Error::Corrupt("replay mark"))?;
            write.delete_range_cf(state, pool_keys::marks_at(lapsed.first_ms), end);
        }
        Ok(())
    }

    fn prepare_inbox(&self, inbox: &InboxBatch, write: &mut WriteBatch) -> Result<(), Error> {
        if inbox.is_empty() {
            return Ok(());
        }
        let (state, contents) = (self.family(keys::STATE)?, self.family(keys::INBOX)?);
        for (key, ticket) in &inbox.tickets {
            match ticket {
                Some(record) => write.put_cf(state, inbox_keys::ticket(key), values::encode(record, "ticket")?),
                None => write.delete_cf(state, inbox_keys::ticket(key)),
            }
        }
        for (key, welcomed) in &inbox.welcomed {
            match welcomed {
                Some(record) => write.put_cf(state, inbox_keys::welcomed(key), values::encode(record, WELCOMED)?),
                None => write.delete_cf(state, inbox_keys::welcomed(key)),
            }
        }
        for (key, delivery) in &inbox.deliveries {
            match delivery {
                Some(record) => write.put_cf(state, inbox_keys::delivery(key), values::encode(record, "delivery")?),
                None => write.delete_cf(state, inbox_keys::delivery(key)),
            }
        }
        for (key, content) in &inbox.contents {
            match content {
                Some(bytes) => write.put_cf(contents, key.0, bytes),
                None => write.delete_cf(contents, key.0),
            }
        }
        for (key, letter) in &inbox.letters {
            match letter {
                Some(record) => write.put_cf(state, inbox_keys::letter(key), values::encode(record, "letter")?),
                None => write.delete_cf(state, inbox_keys::letter(key)),
            }
        }
        for (user, mailbox) in &inbox.mailboxes {
            match mailbox {
                Some(record) => write.put_cf(state, inbox_keys::mailbox(user), values::encode(record, "mailbox")?),
                None => write.delete_cf(state, inbox_keys::mailbox(user)),
            }
        }
        for (hub, share) in &inbox.shares {
            let key = inbox_keys::hub_share(hub.as_ref());
            if share.is_nothing() {
                write.delete_cf(state, key);
            } else {
                write.put_cf(state, key, values::encode(share, "hub's share")?);
            }
        }
        Ok(())
    }
}

impl RocksStore {
    fn prepare_arrangements(&self, arrangements: &ArrangementBatch, write: &mut WriteBatch) -> Result<(), Error> {
        let state = self.family(keys::STATE)?;
        for (key, ban) in &arrangements.bans {
            match ban {
                Some(record) => write.put_cf(state, arrangement_keys::ban(key), values::encode(record, "ban")?),
                None => write.delete_cf(state, arrangement_keys::ban(key)),
            }
        }
        for (hub, heard) in &arrangements.heard {
            write.put_cf(state, arrangement_keys::heard(hub), values::encode(heard, "bans of a hub")?);
        }
        for (key, complaints) in &arrangements.complaints {
            write.put_cf(state, arrangement_keys::complaint(key), values::encode(complaints, "complaints")?);
        }
        Ok(())
    }
}

/// What damaged rows of these kinds are called.
pub(super) const OWNERS: &str = "list of owners";
pub(super) const WELCOMED: &str = "list of Welcomes";

impl Store for RocksStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Error> {
        Ok(Box::new(RocksSnapshot::new(self)))
    }

    fn at_hand(&self, bytes: u64) -> Result<Box<dyn Snapshot + '_>, Error> {
        Ok(Box::new(RocksSnapshot::at_hand(self, bytes)))
    }

    fn commit(&self, batch: &Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        self.writable()?;
        let write = self.prepare(batch)?;
        let mut options = WriteOptions::default();
        options.set_sync(true);
        #[cfg(feature = "faults")]
        faults::before_write(batch);
        self.db.write_opt(write, &options).map_err(|error| {
            self.poisoned.store(true, Ordering::Release);
            Error::Io(error.into_string())
        })?;
        #[cfg(feature = "faults")]
        faults::after_write(batch);
        Ok(())
    }

    fn writable(&self) -> Result<(), Error> {
        match self.damaged.get() {
            Some(family) => Err(Error::Damaged(family)),
            None if self.poisoned.load(Ordering::Acquire) => Err(Error::Poisoned),
            None => Ok(()),
        }
    }

    fn back_up(&self, folder: &Path, keep: usize) -> Result<Backup, Error> {
        self.writable()?;
        self.back_up_to(folder, keep)
    }

    fn footprint(&self) -> Footprint {
        self.measure()
    }

    fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    fn user_tag_secret(&self) -> &[u8; 32] {
        &self.user_tag_secret
    }

    fn token_secret(&self) -> &TokenSecret {
        &self.token_secret
    }
}

impl std::fmt::Debug for RocksStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RocksStore").field("poisoned", &self.poisoned).finish_non_exhaustive()
    }
}
