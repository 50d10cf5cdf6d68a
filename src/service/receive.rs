//! Receiving messages (draft §4.4): a snapshot read, a wait if it finds nothing, hints if it reaches the end.

use std::{cell::RefCell, pin::Pin, sync::Arc, time::Duration};

use mls_rs_codec::MlsSize;
use restante_process::Stopwatch;
use tracing::Level;

use super::{Error, Lent, Service, Submitter, view::SnapshotView, waiters::Woken};
use crate::{
    mls::{WireGroupInfo, WireMessage},
    sequencer::{
        Claim, Command, Entry, GroupKey, Partition, Policy, Present, UnixMillis, UserTag, hinted, presentation_is_due,
    },
    store::{self, Presentation, Snapshot},
    wire::{
        Epoch, HintedEpoch, LiteralReceiveRequest, MaskedPartitionKey, Message, MessageCommit, PartitionKey,
        ReceiveRequest, ReceiveResponse, ServiceProviderId, decode,
    },
};

/// A waiting receive looks again after so long even when nobody woke it.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How often a page is read that grows while it is.
const READS_MAX: usize = 3;

/// How many groups one masked key is looked up in for a reader who names no group.
const LITERAL_GROUPS_MAX: usize = 64;

/// How much a read on the runtime's own threads may look at: some tens of microseconds' worth. What needs more, or a
/// file, goes to the blocking pool.
const IN_PLACE_BYTES: u64 = 64 * 1024;

/// Where a literal request is looked up that leads to no group: an empty partition like any other, that costs as much
/// to read and waits as long. No known group id has this hash.
const NO_GROUP: GroupKey = GroupKey::new([0; GroupKey::LENGTH]);

/// Messages of one partition are wanted.
#[derive(Clone, Debug)]
pub struct Receive {
    /// The group; `None` when a literal request named no group, or none that can be told.
    group: Option<GroupKey>,
    partition: MaskedPartitionKey,
    counter: u32,
    wait: Duration,
}

impl Receive {
    /// The operation of a request; the partition key is masked and gone afterwards. `wait` is how long it may wait.
    pub fn new(request: &ReceiveRequest, wait: Duration) -> Self {
        Self {
            group: Some(GroupKey::of(&request.group_id)),
            partition: request.partition_key.masked(),
            counter: request.counter,
            wait,
        }
    }
}

/// Messages of one partition, and hints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What goes on the wire.
    pub response: ReceiveResponse,
    /// The index of the first message in `response.epoch`; when there is none the requested counter, or the index behind
    /// what retention has removed, whichever is greater.
    pub first_index: u32,
    /// Whether the indexes between the counter and `first_index` stand for no message that this hub knows: it was put back
    /// from a backup.
    pub passed_over: bool,
    /// The counter to ask with next.
    pub next_index: u32,
    /// Whether the partition goes on behind this page.
    pub more: bool,
}

/// What was received, and the memory that it takes: to be kept until the client has it.
#[derive(Debug)]
pub struct Answer {
    /// Messages and hints.
    pub received: Received,
    /// As much as their encoding is long.
    pub memory: Lent,
}

/// Who reads, as far as a read cares.
#[derive(Clone)]
struct Reader {
    provider: ServiceProviderId,
    user: Option<UserTag>,
}

impl Service {
    /// Reads a partition from `counter` on.
    ///
    /// # Privacy
    /// An unknown group or key is answered like a live, empty partition: same shape, same waiting.
    ///
    /// # Errors
    /// [`Error::TooManyWaiting`]; [`Error::Overloaded`] when there is no memory for the answer, or too much waits for the
    /// store; or the store's.
    pub async fn receive(self: &Arc<Self>, submitter: &Submitter, receive: Receive) -> Result<Answer, Error> {
        let (provider, user) = self.actor(submitter);
        let reader = Reader { provider, user };
        let wait = receive.wait.min(self.limits().receive_wait);
        let group = receive.group.unwrap_or(NO_GROUP);
        if wait.is_zero() {
            return self.read(&reader, group, &receive).await;
        }
        let waiter = self.waiters.register(&reader.provider, &group, &receive.partition)?;
        let until = tokio::time::Instant::now() + wait;
        loop {
            let step = until.min(tokio::time::Instant::now() + LOOK_AGAIN);
            let read_or_wait = waiter.read_or_wait(async || match self.read(&reader, group, &receive).await {
                // Hints alone never end a wait: they are given with what does, or when the time is over.
                Ok(answer) if answer.received.response.epoch.messages.is_empty() => None,
                answer => Some(answer),
            });
            match tokio::time::timeout_at(step, read_or_wait).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(Woken::Closed)) => return self.read(&reader, group, &receive).await,
                Err(_) if tokio::time::Instant::now() >= until => return self.read(&reader, group, &receive).await,
                Ok(Err(Woken::Maybe)) | Err(_) => {}
            }
        }
    }

    /// The longest wait that a receive is granted.
    pub fn longest_wait(&self) -> Duration {
        self.limits().receive_wait
    }

    /// Returns when waiting receives are to be answered because the service ends.
    pub async fn waiting_ends(&self) {
        self.waiters.closed().await;
    }

    /// Finds the group of a request that names none: among the groups that the provider used or was welcomed to, the
    /// one in which the key was announced. Two of them are as good as none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_literal(
        self: &Arc<Self>,
        submitter: &Submitter,
        request: &LiteralReceiveRequest,
        wait: Duration,
    ) -> Result<Receive, Error> {
        let (provider, _user) = self.actor(submitter);
        let partition = masked(&request.partition_key);
        let group = self
            .snapshot_read(move |snapshot| {
                let mut found = None;
                for group in snapshot.announced(&partition, LITERAL_GROUPS_MAX)? {
                    let concerns = snapshot.group(&group)?.is_some_and(|record| record.concerns(&provider));
                    if concerns && found.replace(group).is_some() {
                        return Ok(None);
                    }
                }
                Ok(found)
            })
            .await?;
        Ok(Receive { group, partition, counter: request.counter, wait })
    }

    /// Memory comes first, for the longest answer that is usual. One that is longer, because it has a single message that
    /// is longer than a page, is read once more when there is memory for it.
    ///
    /// Boxed: what a read needs is gone when it is over, and no wait keeps room for it.
    fn read<'a>(
        self: &'a Arc<Self>,
        reader: &'a Reader,
        group: GroupKey,
        receive: &'a Receive,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send + 'a>> {
        Box::pin(async move {
            // Once: what is lent is for pages of this length.
            let page_bytes = self.limits().page_bytes;
            let mut bytes = page_bytes.saturating_add(self.policy().hint_bytes);
            for _attempt in 0..READS_MAX {
                let mut memory = self.pages.lend(&reader.provider, bytes).await?;
                let received = self.read_page(reader, group, receive, page_bytes).await?;
                let length = received.response.mls_encoded_len() as u64;
                if length <= bytes {
                    memory.keep(length);
                    return Ok(Answer { received, memory });
                }
                bytes = length;
            }
            Err(Error::Overloaded)
        })
    }

    async fn read_page(
        self: &Arc<Self>,
        reader: &Reader,
        group: GroupKey,
        receive: &Receive,
        page_bytes: u64,
    ) -> Result<Received, Error> {
        let (partition, counter) = (receive.partition, receive.counter);
        let (policy, now) = (self.policy(), self.now());
        let (service, asker) = (self.clone(), reader.clone());
        let watch = Stopwatch::start_if(tracing::enabled!(Level::TRACE));
        let page = move |snapshot: &dyn Snapshot| {
            let read = Read { service: &service, snapshot, group, reader: &asker, policy: &policy, now };
            let record = snapshot.partition(&group, &partition)?;
            let received = read.epoch(&partition, record.as_ref(), counter, page_bytes)?;
            let given = last_commit(&received);
            let present = read.presentation_due(&partition, record.as_ref(), given)?;
            Ok((received, present.then_some(given)))
        };
        let mut at_hand = None;
        if self.page_odds.look() {
            at_hand = self.read_at_hand(&page)?;
            self.page_odds.note(at_hand.is_none());
        }
        let (received, present) = match at_hand {
            Some(page) => page,
            None => self.read_elsewhere(move |snapshot| page(snapshot).map_err(Error::Store)).await?,
        };
        tracing::trace!(
            messages = received.response.epoch.messages.len(),
            hints = received.response.hints.len(),
            more = received.more,
            duration_us = watch.micros(),
            "partition read"
        );
        if let Some(given) = present {
            let command = Command::Present(Present { provider: reader.provider.clone(), partition, given });
            let presentation = reader.user.map(|user| Presentation { group, partition, user, at_ms: now });
            self.lanes.remark(group, Some(command), presentation);
        }
        Ok(received)
    }

    /// Reads from a snapshot: here and now if everything is at hand, else on the blocking pool, so many at once.
    ///
    /// Most reads are of what was written or read a moment ago. The way to another thread and back costs several times
    /// what they do.
    pub(super) async fn snapshot_read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl Fn(&dyn Snapshot) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Error> {
        match self.read_at_hand(&read)? {
            Some(found) => Ok(found),
            None => self.read_elsewhere(move |snapshot| read(snapshot).map_err(Error::Store)).await,
        }
    }

    /// Reads from a snapshot here and now; `None` when not everything is at hand.
    fn read_at_hand<T>(&self, read: impl Fn(&dyn Snapshot) -> Result<T, store::Error>) -> Result<Option<T>, Error> {
        match self.store.at_hand(IN_PLACE_BYTES).and_then(|snapshot| read(&*snapshot)) {
            Err(store::Error::NotAtHand) => Ok(None),
            result => result.map(Some).map_err(Error::Store),
        }
    }

    /// Reads from a snapshot on the blocking pool, so many at once.
    pub(super) async fn read_elsewhere<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&dyn Snapshot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = tokio::time::timeout(self.limits().queue_wait, self.reads.clone().acquire_owned())
            .await
            .map_err(|_| Error::Overloaded)?
            .map_err(|_| Error::ShuttingDown)?;
        let service = self.clone();
        tokio::task::spawn_blocking(move || {
            let result = service.store.snapshot().map_err(Error::Store).and_then(|snapshot| read(&*snapshot));
            drop(permit);
            result
        })
        .await
        .unwrap_or(Err(Error::ShuttingDown))
    }

    /// The provider on whose account an operation runs, and the user where we know one.
    pub(super) fn actor(&self, submitter: &Submitter) -> (ServiceProviderId, Option<UserTag>) {
        match submitter {
            Submitter::Peer(provider) => (provider.clone(), None),
            Submitter::User(user) => (self.provider.clone(), Some(user.tag(self.store.user_tag_secret()))),
        }
    }
}

fn masked(key: &PartitionKey) -> MaskedPartitionKey {
    key.masked()
}

/// The index of the last commit in it.
fn last_commit(received: &Received) -> Option<u32> {
    let place = received.response.epoch.messages.iter().rposition(|message| message.commit.is_some())?;
    received.first_index.checked_add(u32::try_from(place).ok()?)
}

fn nothing(counter: u32) -> Received {
    let (first_index, next_index) = (counter, counter);
    Received { response: ReceiveResponse::default(), first_index, passed_over: false, next_index, more: false }
}

/// One read of one group.
struct Read<'a> {
    service: &'a Service,
    snapshot: &'a dyn Snapshot,
    group: GroupKey,
    reader: &'a Reader,
    policy: &'a Policy,
    now: UnixMillis,
}

impl Read<'_> {
    fn epoch(
        &self,
        partition: &MaskedPartitionKey,
        record: Option<&Partition>,
        counter: u32,
        page_bytes: u64,
    ) -> Result<Received, store::Error> {
        let page = self.snapshot.messages(&self.group, partition, counter, page_bytes)?;
        // Whoever asks for what retention has removed is told so, also when nothing came after it.
        let mut received = nothing(record.map_or(counter, |record| counter.max(record.first_index)));
        let list = list(self.snapshot, &self.group, &page.entries)?;
        let taken = &page.entries[..list.messages.len()];
        if let (Some((first, _)), Some((last, _))) = (taken.first(), taken.last()) {
            (received.first_index, received.next_index) = (*first, last.saturating_add(1));
            let is_passed_over = |record: &Partition| *first > counter && counter >= record.passes_over_from();
            received.passed_over = record.is_some_and(is_passed_over);
        }
        received.more = page.more || taken.len() < page.entries.len();
        received.response.epoch = list;
        if !received.more {
            received.response.hints = self.hints(partition)?;
        }
        Ok(received)
    }

    /// Whole epochs only; in no order that anybody could rely on: that of their hashes.
    fn hints(&self, requested: &MaskedPartitionKey) -> Result<Vec<HintedEpoch>, store::Error> {
        let view = SnapshotView { group: self.group, snapshot: self.snapshot };
        let since = self.now.saturating_sub(self.policy.hint_window_ms);
        let leaves = self.reader.user.map(|user| self.service.leaves_of(self.snapshot, self.group, user));
        let leaves = RefCell::new(leaves);
        let holds = |claim, partition: &MaskedPartitionKey| match (&self.reader.user, claim) {
            (None, _) => Ok(true),
            (Some(user), Claim::Presented) => {
                Ok(self.snapshot.presented(&self.group, partition, user)?.is_some_and(|at_ms| at_ms >= since))
            }
            (Some(_), Claim::Leaf) => {
                leaves.borrow_mut().as_mut().map_or(Ok(false), |leaves| leaves.has_leaf(partition))
            }
        };
        let mut hints = Vec::new();
        for masked_partition_key in hinted(&view, requested, &self.reader.provider, holds, self.policy, self.now)? {
            let page = self.snapshot.messages(&self.group, &masked_partition_key, 0, self.policy.hint_bytes)?;
            let epoch = list(self.snapshot, &self.group, &page.entries)?;
            let is_from_its_beginning = page.entries.first().is_some_and(|(index, _)| *index == 0);
            if page.more || epoch.messages.len() < page.entries.len() || !is_from_its_beginning {
                break;
            }
            hints.push(HintedEpoch { masked_partition_key, epoch });
        }
        hints.sort_unstable_by_key(|hint| hint.masked_partition_key);
        Ok(hints)
    }

    /// Whether this receive is to be recorded: only of partitions that are there, and not each time.
    fn presentation_due(
        &self,
        partition: &MaskedPartitionKey,
        record: Option<&Partition>,
        given: Option<u32>,
    ) -> Result<bool, store::Error> {
        let Some(record) = record.filter(|record| !record.is_remnant()) else { return Ok(false) };
        if presentation_is_due(record, &self.reader.provider, given, self.policy, self.now) {
            return Ok(true);
        }
        let Some(user) = &self.reader.user else { return Ok(false) };
        let before = self.snapshot.presented(&self.group, partition, user)?;
        Ok(before.is_none_or(|at_ms| self.now >= at_ms.saturating_add(self.policy.presentation_interval_ms)))
    }
}

/// Those messages from the front that may stand in one list: nothing can stand behind one without an end.
pub(super) fn list(snapshot: &dyn Snapshot, group: &GroupKey, entries: &[(u32, Entry)]) -> Result<Epoch, store::Error> {
    let mut messages = Vec::with_capacity(entries.len());
    for (_, entry) in entries {
        let message = message(snapshot, group, entry)?;
        let is_delimited = message.message.is_delimited();
        messages.push(message);
        if !is_delimited {
            break;
        }
    }
    Ok(Epoch { messages })
}

/// The index behind the last of them.
pub(super) fn last_of(entries: &[(u32, Entry)]) -> Option<u32> {
    entries.last().map(|(last, _)| last.saturating_add(1))
}

fn message(snapshot: &dyn Snapshot, group: &GroupKey, entry: &Entry) -> Result<Message, store::Error> {
    let corrupt = |_| store::Error::Corrupt("message");
    let commit = match &entry.commit {
        None => None,
        Some(commit) => {
            let group_info = match commit.group_info {
                None => None,
                Some((key, _)) => {
                    let blob = snapshot.blob(group, &key)?;
                    let blob = blob.ok_or(store::Error::Corrupt("list of GroupInfos"))?;
                    Some(decode::<WireGroupInfo>(&blob).map_err(|_| store::Error::Corrupt("GroupInfo"))?)
                }
            };
            Some(Box::new(MessageCommit { next_partition_key: commit.next, group_info }))
        }
    };
    Ok(Message { message: decode::<WireMessage>(&entry.message).map_err(corrupt)?, commit })
}
