//! Use cases: what the listeners call, one file for each operation.
//!
//! A command goes to its group's *lane*, a thread that decides everything which queued meanwhile, commits it as one
//! durable write and only then answers. A receive is a snapshot read, on no lane.

mod arrangements;
mod arriving;
mod await_push;
mod backup;
mod clock;
mod create_group;
mod delete_all_key_packages;
mod delete_group;
mod entropy;
mod errands;
mod error;
mod exposing;
mod external_join;
mod external_proposal;
mod follow;
mod following;
mod forks;
mod group_info;
mod inbox;
mod join_token;
mod keep;
mod key_packages;
mod lane;
mod lanes;
mod leave_group;
mod ledger;
mod memory;
mod mint_group_id;
mod observing;
mod odds;
mod outbox;
mod outside;
mod page_memory;
mod pool_desk;
mod pool_view;
mod preflight;
mod push_calls;
mod pushing;
mod rates;
mod receive;
mod reconfigure;
mod retention;
mod send;
#[cfg(test)]
pub(crate) mod setup;
mod subscribe;
mod sweep;
mod tally;
#[cfg(test)]
mod tests;
mod tokens;
mod user;
mod vain_proofs;
mod view;
mod waiters;
mod ways;
mod welcome;
mod welcome_turns;

pub use arrangements::{Act, BanName, Heard};
pub use arriving::Arriving;
pub use await_push::{Step, Subscribing};
pub use backup::{AskedBackup, BackupPlace, BackupStatus};
pub use clock::{Clock, SystemClock};
pub use entropy::{Entropy, SystemEntropy};
pub use errands::Errands;
pub use error::Error;
pub use follow::Found;
pub use forks::{BranchDone, Forked, ForkedPage, Named, Unnamed};
pub use group_info::GroupInfoAnswer;
pub use inbox::InboxAnswer;
pub use key_packages::{ANSWER_CLASS_BYTES, AnsweredRequests};
pub use lanes::Lanes;
pub use observing::{Checkpointing, Late, ObservingLimits};
pub use outbox::{Agenda, Errand, Parcel};
pub use page_memory::Lent;
pub use preflight::AskProvider;
pub use push_calls::{Called, Place, PushCalls};
pub use pushing::{Progress, Push};
pub use rates::RateLimits;
pub use receive::{Answer, Receive, Received};
pub use retention::{Next, RetentionStatus};
pub use sweep::SWEEP_INTERVAL;
pub use tally::{PushEnd, Tally};
pub use user::{Submitter, UserId};
pub use waiters::Waiters;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use crate::{
    pool,
    sequencer::{Policy, UnixMillis, UserTag},
    store::SharedStore,
    wire::ServiceProviderId,
};

/// Bounds of the service, apart from the sequencing [`Policy`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many lanes decide and commit. Groups are spread over them; KeyPackages and tokens have one more.
    pub lanes: usize,
    /// How many commands may queue for one lane.
    pub queue: usize,
    /// How long a command may wait for its place in the queue.
    pub queue_wait: Duration,
    /// How long a queued command may take to be durable. Whoever asked is then told to try again, which is safe.
    pub commit_wait: Duration,
    /// The longest wait of a receive.
    pub receive_wait: Duration,
    /// How many receives of one provider may wait at once.
    pub waiting_per_provider: usize,
    /// How many bytes of messages one page of a `ReceiveResponse` holds.
    pub page_bytes: u64,
    /// How many bytes of pages may be in memory, of all receives together: from before they are read until their clients
    /// have taken them up. One provider may have a quarter of it.
    pub pages_bytes_max: u64,
    /// How many reads of what is not at hand are made from the store at once.
    pub reads: usize,
    /// Whether other hubs are asked to push what local users wait for.
    pub follows: bool,
    /// How often providers and users may have something sequenced.
    pub rates: RateLimits,
    /// Of looking at public states.
    pub observing: ObservingLimits,
    /// How many partitions of one group are looked at for what the operator sees of its branches.
    pub drawn_partitions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lanes: 1,
            queue: 4096,
            queue_wait: Duration::from_secs(2),
            commit_wait: Duration::from_secs(30),
            receive_wait: Duration::from_secs(50),
            waiting_per_provider: 20_000,
            page_bytes: 4 * 1024 * 1024,
            pages_bytes_max: 512 * 1024 * 1024,
            reads: 64,
            follows: false,
            rates: RateLimits::default(),
            observing: ObservingLimits::default(),
            drawn_partitions: 65_536,
        }
    }
}

/// What a service is made of.
pub struct Parts {
    /// The provider that this hub is.
    pub provider: ServiceProviderId,
    /// Where everything is kept.
    pub store: SharedStore,
    /// The operator's numbers.
    pub policy: Policy,
    /// The operator's numbers about KeyPackages and tokens.
    pub pool_policy: pool::Policy,
    /// Bounds.
    pub limits: Limits,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// A hub without its listeners.
pub struct Service {
    provider: ServiceProviderId,
    store: SharedStore,
    policy: SharedPolicy,
    pool_policy: Shared<pool::Policy>,
    limits: RwLock<Limits>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    lanes: Lanes,
    waiters: Arc<Waiters>,
    reads: Arc<tokio::sync::Semaphore>,
    page_odds: odds::Odds,
    pages: page_memory::PageMemory,
    deletion: delete_all_key_packages::Deletion,
    errands: Arc<Errands>,
    following: following::Following,
    welcome_turns: welcome_turns::WelcomeTurns,
    rates: rates::Rates,
    arrangements: Arc<arrangements::Arrangements>,
    preflights: Option<preflight::Preflights>,
    vain_proofs: vain_proofs::VainProofs,
    observing: observing::Observing,
    retention: retention::Retention,
    ledger: Arc<ledger::Ledger>,
    tally: Arc<Tally>,
    backups: backup::Backups,
}

/// What is in force, and a reload replaces.
type Shared<T> = Arc<RwLock<Arc<T>>>;

type SharedPolicy = Shared<Policy>;

fn current<T>(shared: &Shared<T>) -> Arc<T> {
    shared.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Service {
    /// Starts the lanes.
    ///
    /// # Errors
    /// When the budgets cannot be read or a thread cannot be started.
    pub fn start(parts: Parts) -> Result<Self, Error> {
        let Parts { provider, store, policy, pool_policy, limits, clock, entropy } = parts;
        let pool_policy: Shared<pool::Policy> = Arc::new(RwLock::new(Arc::new(pool_policy)));
        let (arrangements, bans) = arrangements::Arrangements::load(&*store)?;
        let arrangements = Arc::new(arrangements);
        let policy = Policy { bans: Arc::new(bans), forgotten: store.forgotten(), ..policy };
        let policy: SharedPolicy = Arc::new(RwLock::new(Arc::new(policy)));
        let waiters = Arc::new(Waiters::new(limits.waiting_per_provider));
        let ledger = Arc::new(ledger::Ledger::load(&*store)?);
        let errands = Arc::<Errands>::default();
        let retention = retention::Retention::load(&*store)?;
        let tally = Arc::<Tally>::default();
        let lanes = Lanes::start(
            &limits,
            &lane::Surroundings {
                store: store.clone(),
                policy: policy.clone(),
                clock: clock.clone(),
                waiters: waiters.clone(),
                ledger: ledger.clone(),
                tally: tally.clone(),
                errands: errands.clone(),
                pool_policy: pool_policy.clone(),
                arrangements: arrangements.clone(),
            },
        )?;
        let reads = Arc::new(tokio::sync::Semaphore::new(limits.reads));
        let pages = page_memory::PageMemory::new(limits.pages_bytes_max, limits.queue_wait);
        let deletion = delete_all_key_packages::Deletion::default();
        Ok(Self {
            provider,
            store,
            policy,
            pool_policy,
            limits: RwLock::new(limits),
            clock,
            entropy,
            lanes,
            waiters,
            reads,
            page_odds: odds::Odds::default(),
            pages,
            deletion,
            errands,
            following: following::Following::default(),
            welcome_turns: welcome_turns::WelcomeTurns::new(limits.reads / 4, limits.queue_wait),
            rates: rates::Rates::new(limits.rates),
            arrangements,
            preflights: None,
            vain_proofs: vain_proofs::VainProofs::default(),
            observing: observing::Observing::start(limits.observing)?,
            retention,
            ledger,
            tally,
            backups: backup::Backups::to(None),
        })
    }

    /// The provider that this hub is.
    pub fn provider(&self) -> &ServiceProviderId {
        &self.provider
    }

    /// How the courier is called.
    pub fn errands(&self) -> &Errands {
        &self.errands
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        current(&self.policy)
    }

    fn pool_policy(&self) -> Arc<pool::Policy> {
        current(&self.pool_policy)
    }

    fn limits(&self) -> Limits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether commands can be carried out as far as is known.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self) -> Result<(), Error> {
        self.store.writable()?;
        self.lanes.alive()
    }

    /// Returns when a lane has ended. Before [`Service::finish`] that is a bug, and nothing of what it had can be carried
    /// out any more.
    pub async fn lane_ended(&self) {
        self.lanes.ended().await;
    }

    /// Answers all waiting receives and lets no new ones wait; ends what goes on without anybody who waits. Commands still
    /// go on.
    pub fn stop_waiting(&self) {
        self.waiters.close();
    }

    /// Takes no more commands, finishes those that are queued, and ends the lanes. Blocks until they have ended.
    pub fn finish(&self) {
        self.observing.finish();
        self.lanes.finish();
    }

    /// Gives a group's lane a command, for tests of what leads to it elsewhere.
    #[cfg(test)]
    pub(crate) async fn submit(
        &self,
        group: crate::sequencer::GroupKey,
        command: crate::sequencer::Command,
    ) -> Result<(), Error> {
        self.lanes.submit(group, command, None).await.map(drop)
    }

    /// How many bytes of public states are at hand.
    #[cfg(test)]
    fn states_bytes(&self) -> usize {
        self.observing.bytes()
    }

    /// Whether no answer holds memory any more.
    #[cfg(test)]
    fn has_all_pages(&self) -> bool {
        self.pages.has_all()
    }

    /// A local user as everything that is kept knows them.
    fn tag(&self, user: &UserId) -> UserTag {
        user.tag(self.store.user_tag_secret())
    }

    /// A number that keeps those who failed together from coming back together. It guards nothing.
    pub fn jitter(&self) -> u64 {
        let mut random = [0; 8];
        // Without it they come back together, which is no reason to fail.
        drop(self.entropy.fill(&mut random));
        u64::from_be_bytes(random)
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Service").field("limits", &self.limits()).finish_non_exhaustive()
    }
}
