//! Memory for the pages that receives read: lent before the read, given back when the client has taken the answer up.
//!
//! An answer is with HTTP until its client makes room for it, and asking is cheap: whoever asks a thousand times at once
//! and makes no room would have a thousand pages kept. So the pages of all providers have a bound together. Each provider
//! may have a share of it, so that those who leave theirs lying keep it from nobody else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Error;
use crate::wire::ServiceProviderId;

/// The unit in which memory is handed out.
const STEP_BYTES: u64 = 4096;

/// So many providers may fill their shares at once. Ourselves are one of them.
const SHARES: u32 = 4;

/// What is there, and whose share of it is how much in use.
pub(super) struct PageMemory {
    all: Arc<Semaphore>,
    share_steps: u32,
    /// As many as there are peers, and one.
    shares: Mutex<HashMap<ServiceProviderId, Arc<Semaphore>>>,
    wait: Duration,
}

/// Memory that is in use until this is dropped.
#[derive(Debug)]
pub struct Lent {
    of_all: OwnedSemaphorePermit,
    of_share: OwnedSemaphorePermit,
}

impl PageMemory {
    /// So many bytes for all providers. `wait` is how long a page may wait for memory.
    pub(super) fn new(bytes: u64, wait: Duration) -> Self {
        let share_steps = steps(bytes / u64::from(SHARES)).min(u32::MAX / SHARES);
        let all = Arc::new(Semaphore::new((share_steps * SHARES) as usize));
        Self { all, share_steps, shares: Mutex::default(), wait }
    }

    /// Lends memory for one page of the provider. A page that is larger than a share gets the whole share.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when others have it for too long.
    pub(super) async fn lend(&self, provider: &ServiceProviderId, bytes: u64) -> Result<Lent, Error> {
        self.lend_steps(provider, steps(bytes).min(self.share_steps)).await
    }

    /// Lends what is missing to whoever holds some bytes and needs more: nothing, if what is held is enough, or is the
    /// whole share.
    ///
    /// # Errors
    /// As [`PageMemory::lend`].
    pub(super) async fn lend_more(
        &self,
        provider: &ServiceProviderId,
        held: u64,
        needed: u64,
    ) -> Result<Option<Lent>, Error> {
        let held = u32::try_from(held / STEP_BYTES).unwrap_or(u32::MAX);
        let missing = steps(needed).min(self.share_steps).saturating_sub(held);
        if missing == 0 {
            return Ok(None);
        }
        self.lend_steps(provider, missing).await.map(Some)
    }

    async fn lend_steps(&self, provider: &ServiceProviderId, steps: u32) -> Result<Lent, Error> {
        let share = self.share(provider);
        if let Ok(of_share) = share.clone().try_acquire_many_owned(steps)
            && let Ok(of_all) = self.all.clone().try_acquire_many_owned(steps)
        {
            return Ok(Lent { of_all, of_share });
        }
        let waiting = async {
            // In this order: whoever waits for the share holds nothing of what all want.
            let of_share = share.acquire_many_owned(steps).await.map_err(|_| Error::ShuttingDown)?;
            let of_all = self.all.clone().acquire_many_owned(steps).await.map_err(|_| Error::ShuttingDown)?;
            Ok(Lent { of_all, of_share })
        };
        tokio::time::timeout(self.wait, waiting).await.unwrap_or(Err(Error::Overloaded))
    }

    /// Whether everything that was lent was given back.
    #[cfg(test)]
    pub(super) fn has_all(&self) -> bool {
        self.all.available_permits() == (self.share_steps * SHARES) as usize
    }

    /// How many bytes are lent.
    pub(super) fn lent_bytes(&self) -> u64 {
        self.bytes_max().saturating_sub(self.all.available_permits() as u64 * STEP_BYTES)
    }

    /// How many bytes may be lent.
    pub(super) fn bytes_max(&self) -> u64 {
        u64::from(self.share_steps) * u64::from(SHARES) * STEP_BYTES
    }

    fn share(&self, provider: &ServiceProviderId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(provider) {
            return share.clone();
        }
        let share = Arc::new(Semaphore::new(self.share_steps as usize));
        shares.insert(provider.clone(), share.clone());
        share
    }
}

impl Lent {
    /// Gives back what is more than so many bytes.
    pub(super) fn keep(&mut self, bytes: u64) {
        for permit in [&mut self.of_all, &mut self.of_share] {
            let surplus = permit.num_permits().saturating_sub(steps(bytes) as usize);
            drop(permit.split(surplus));
        }
    }

    /// How many bytes it is.
    pub(super) fn bytes(&self) -> u64 {
        self.of_share.num_permits() as u64 * STEP_BYTES
    }

    /// Takes what the same provider was lent besides.
    pub(super) fn merge(&mut self, more: Self) {
        self.of_all.merge(more.of_all);
        self.of_share.merge(more.of_share);
    }
}

/// At least one: whatever is answered takes some memory.
fn steps(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(STEP_BYTES)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: u64 = 10 * STEP_BYTES;

    fn memory_within(wait: Duration) -> PageMemory {
        PageMemory::new(SHARE * u64::from(SHARES), wait)
    }

    fn memory() -> PageMemory {
        memory_within(Duration::from_millis(50))
    }

    fn provider(number: u32) -> ServiceProviderId {
        format!("provider-{number}.example").parse().unwrap()
    }

    #[tokio::test]
    async fn what_is_lent_is_given_back_in_part_and_in_whole() {
        let memory = memory();
        let mut page = memory.lend(&provider(1), SHARE).await.unwrap();
        assert_eq!(memory.lend(&provider(1), 1).await.unwrap_err(), Error::Overloaded);
        page.keep(2 * STEP_BYTES + 1);
        let rest = memory.lend(&provider(1), SHARE - 3 * STEP_BYTES).await.unwrap();
        assert_eq!(memory.lend(&provider(1), 1).await.unwrap_err(), Error::Overloaded);
        drop((page, rest));
        drop(memory.lend(&provider(1), SHARE).await.unwrap());
        assert_eq!(memory.all.available_permits(), 40);
    }

    #[tokio::test]
    async fn nobody_has_more_than_a_share_and_all_no_more_than_there_is() {
        let memory = memory();
        let mut pages = Vec::new();
        for number in 0..SHARES {
            // One that is larger than the share gets no more than that.
            pages.push(memory.lend(&provider(number), u64::MAX).await.unwrap());
            assert_eq!(memory.lend(&provider(number), 1).await.unwrap_err(), Error::Overloaded);
        }
        assert_eq!(memory.lend(&provider(SHARES), 1).await.unwrap_err(), Error::Overloaded);
        pages.pop();
        memory.lend(&provider(SHARES), SHARE).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_held_grows_up_to_the_share() {
        let memory = memory();
        let of_one = provider(1);
        let mut lent = memory.lend_more(&of_one, 0, 1).await.unwrap().unwrap();
        assert_eq!(lent.bytes(), STEP_BYTES);
        assert!(memory.lend_more(&of_one, lent.bytes(), STEP_BYTES).await.unwrap().is_none());
        lent.merge(memory.lend_more(&of_one, lent.bytes(), 4 * STEP_BYTES).await.unwrap().unwrap());
        assert_eq!((lent.bytes(), memory.all.available_permits()), (4 * STEP_BYTES, 36));
        // What is longer than the share gets the whole share, and no more is asked for.
        lent.merge(memory.lend_more(&of_one, lent.bytes(), u64::MAX).await.unwrap().unwrap());
        assert!(memory.lend_more(&of_one, lent.bytes(), u64::MAX).await.unwrap().is_none());
        assert_eq!(memory.lend_more(&of_one, 0, 1).await.unwrap_err(), Error::Overloaded);
        drop(lent);
        assert_eq!(memory.all.available_permits(), 40);
    }

    #[tokio::test]
    async fn whoever_waits_gets_what_is_given_back() {
        let (memory, of_one) = (memory_within(Duration::from_secs(30)), provider(1));
        let page = memory.lend(&of_one, SHARE).await.unwrap();
        // The first one is polled first, and has to wait.
        let (lent, ()) = tokio::join!(biased; memory.lend(&of_one, SHARE), async { drop(page) });
        lent.unwrap();
    }
}
