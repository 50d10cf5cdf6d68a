//! Looking at a commit, or at the beginning of a group, before its command is queued.

use std::{sync::Arc, time::Duration};

use super::{
    Known, Origin, Service, Whose,
    follow::{Committed, Followed, begin, follow},
};
use crate::{
    mls::{TreeFit, WireFormat, WireMessage, ratchet_tree_matches},
    sequencer::{
        Announcement, Command, Create, GroupKey, Partition, Policy, Refusal, Rejection, RepeatKey, Replay, Sight,
        UnixMillis, Usage, UserTag, sequence,
    },
    service::{Error, view::SnapshotView},
    store::{self, Snapshot},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// A state with so few members is small.
const SMALL_MEMBERS: u32 = 128;
/// And what is to be read has no more bytes than this.
const SMALL_BYTES: usize = 64 * 1024;
/// As long as so few commits are to be followed to have it.
const SMALL_REPLAY: u32 = 16;
/// How long a creation waits for its tree to be looked at, which it cannot do without.
const TREE_WAIT: Duration = Duration::from_secs(10);
/// When more had to be followed, the state is not kept at hand as it should: it gets a checkpoint sooner.
const REPLAYED_MAX: u32 = 64;

/// A public commit that is about to be queued.
struct Commit<'a> {
    submitter: &'a ServiceProviderId,
    partition: MaskedPartitionKey,
    message: &'a WireMessage,
    announcement: &'a Announcement,
    /// Where it is known if it was sequenced before.
    repeat: (MaskedPartitionKey, RepeatKey),
}

impl<'a> Commit<'a> {
    /// The commit of a command, if it has one that can be looked at.
    fn of(command: &'a Command) -> Option<Self> {
        let commit = match command {
            Command::Send(send) => Self {
                submitter: &send.submitter,
                partition: send.partition,
                message: &send.message,
                announcement: send.announcement.as_ref()?,
                repeat: (send.partition, send.repeat_key),
            },
            Command::Join(join) => Self {
                submitter: &join.submitter,
                partition: join.partition,
                message: join.commit.message(),
                announcement: &join.announcement,
                repeat: (MaskedPartitionKey::NONE, RepeatKey::in_group(join.commit.message())),
            },
            _ => return None,
        };
        (commit.message.wire_format() == WireFormat::PublicMessage).then_some(commit)
    }

    /// How long the commit and its GroupInfo are together.
    fn bytes(&self) -> usize {
        let group_info = self.announcement.group_info.as_ref().map_or(0, |group_info| group_info.bytes().len());
        self.message.bytes().len().saturating_add(group_info)
    }

    /// Whether it is refused for want of a tree, unless it can be followed.
    fn needs_tree(&self) -> bool {
        self.announcement.group_info.as_ref().is_some_and(|group_info| !group_info.has_ratchet_tree())
    }
}

fn set_sight(command: &mut Command, sight: Sight) {
    match command {
        Command::Send(send) => send.sight = sight,
        Command::Join(join) => join.sight = sight,
        Command::Create(create) => create.sight = sight,
        _ => {}
    }
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    Small,
    Large,
}

impl Service {
    /// The command, with what is seen of its commit. `user` is the one behind it, where the hub knows who.
    pub(in crate::service) async fn look_at(
        self: &Arc<Self>,
        group: GroupKey,
        user: Option<UserTag>,
        command: Command,
    ) -> Command {
        let Some(commit) = Commit::of(&command) else { return command };
        let limits = &self.observing.limits;
        let wait = if commit.needs_tree() { limits.tree_wait } else { limits.wait };
        let (partition, repeat, bytes) = (commit.partition, commit.repeat, commit.bytes());
        let service = self.clone();
        let effort = self
            .snapshot_read(move |snapshot| {
                let effort = service.effort(snapshot, group, &partition, repeat)?;
                Ok(effort.map(|effort| if bytes <= SMALL_BYTES { effort } else { Effort::Large }))
            })
            .await;
        let Ok(Some(effort)) = effort else { return command };
        let submitter = commit.submitter.clone();
        let (policy, now) = (self.policy(), self.now());
        let whose = Whose { provider: Some(&submitter), user };
        self.look(whose, (effort, wait), command, move |service, snapshot, command| {
            if !would_be_taken(snapshot, group, command, &policy, now)? {
                return Ok(Sight::NotLooked);
            }
            service.see(snapshot, group, user, command)
        })
        .await
    }

    /// The same for the creation of a group. Whether its tree is the one that it names is looked at in any case.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when there is no time for that.
    pub(in crate::service) async fn look_at_creation(
        self: &Arc<Self>,
        group: GroupKey,
        create: Create,
    ) -> Result<Command, Error> {
        let bytes = |bytes: Option<&bytes::Bytes>| bytes.map_or(0, bytes::Bytes::len);
        let length = bytes(create.group_info.as_ref().map(|group_info| group_info.bytes()))
            + bytes(create.ratchet_tree.as_ref().map(|tree| tree.bytes()));
        let (has_group_info, submitter, holder) =
            (create.group_info.is_some(), create.submitter.clone(), create.holder);
        let command = Command::Create(Box::new(create));
        if !has_group_info {
            return Ok(command);
        }
        let whose = Whose { provider: Some(&submitter), user: Some(holder) };
        let effort = if length <= SMALL_BYTES { Effort::Small } else { Effort::Large };
        let (policy, now) = (self.policy(), self.now());
        let wait = self.observing.limits.wait;
        let looking = self.look(whose, (effort, wait), command, move |service, snapshot, command| match command {
            Command::Create(create) if would_be_taken(snapshot, group, command, &policy, now)? => {
                Ok(service.see_creation(group, create))
            }
            _ => Ok(Sight::NotLooked),
        });
        match looking.await {
            Command::Create(create) if create.sight == Sight::NotLooked => {
                self.look_at_tree(whose, group, create).await
            }
            command => Ok(command),
        }
    }

    /// Looks at the tree of a creation and no more.
    async fn look_at_tree(
        self: &Arc<Self>,
        whose: Whose<'_>,
        group: GroupKey,
        create: Box<Create>,
    ) -> Result<Command, Error> {
        let until = tokio::time::Instant::now() + TREE_WAIT;
        let turn = self.observing.trees.take(whose, TREE_WAIT).await.ok_or(Error::Overloaded)?;
        let command = Arc::new(Command::Create(create));
        let (policy, now, looked_at) = (self.policy(), self.now(), command.clone());
        let looking = self.work(turn, move |_service, snapshot| {
            let Command::Create(create) = &*looked_at else { return Ok(false) };
            Ok(would_be_taken(snapshot, group, &looked_at, &policy, now)? && has_another_tree(create))
        });
        let is_lie = tokio::time::timeout_at(until, looking).await.map_err(|_| Error::Overloaded)??;
        let mut command = Arc::unwrap_or_clone(command);
        if is_lie {
            set_sight(&mut command, Sight::Contradicted);
        }
        Ok(command)
    }

    /// Waits for a turn and looks, if all that takes no longer than `wait`.
    async fn look(
        self: &Arc<Self>,
        whose: Whose<'_>,
        (effort, wait): (Effort, Duration),
        command: Command,
        see: impl FnOnce(&Self, &dyn Snapshot, &Command) -> Result<Sight, store::Error> + Send + 'static,
    ) -> Command {
        if wait.is_zero() {
            return command;
        }
        let until = tokio::time::Instant::now() + wait;
        let turns = match effort {
            Effort::Small => &self.observing.small,
            Effort::Large => &self.observing.turns,
        };
        let Some(turn) = turns.take(whose, wait).await else {
            tracing::debug!("a commit is not looked at: too many wait");
            return command;
        };
        let command = Arc::new(command);
        let looked_at = command.clone();
        let see = move |service: &Self, snapshot: &dyn Snapshot| see(service, snapshot, &looked_at);
        let looking = async {
            match effort {
                Effort::Small => self.work_briefly(turn, see).await,
                Effort::Large => self.work(turn, see).await,
            }
        };
        let sight = match tokio::time::timeout_at(until, looking).await {
            Ok(Ok(sight)) => sight,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a commit could not be looked at");
                Sight::NotLooked
            }
            Err(_) => {
                tracing::debug!("a commit is not looked at: it takes too long");
                Sight::NotLooked
            }
        };
        let mut command = Arc::unwrap_or_clone(command);
        set_sight(&mut command, sight);
        command
    }

    /// How much there is to do to look at a commit in that partition; `None` when it cannot be followed, or was before.
    fn effort(
        &self,
        snapshot: &dyn Snapshot,
        group: GroupKey,
        partition: &MaskedPartitionKey,
        (repeat_in, repeat_key): (MaskedPartitionKey, RepeatKey),
    ) -> Result<Option<Effort>, store::Error> {
        let Some(record) = snapshot.partition(&group, partition)?.filter(Partition::may_be_observable) else {
            return Ok(None);
        };
        if snapshot.repeat(&group, &repeat_in, &repeat_key)?.is_some() {
            return Ok(None);
        }
        let Some(public) = record.public.as_ref().filter(|public| public.roster.members <= SMALL_MEMBERS) else {
            return Ok(Some(Effort::Large));
        };
        if public.replay.commits <= SMALL_REPLAY {
            return Ok(Some(Effort::Small));
        }
        let origin = Origin::of(snapshot, (&group, partition), &record)?;
        let known = self.observing.cache.find(&(group, *partition), public, &origin);
        Ok(Some(if known.is_some() { Effort::Small } else { Effort::Large }))
    }

    fn see(
        &self,
        snapshot: &dyn Snapshot,
        group: GroupKey,
        user: Option<UserTag>,
        command: &Command,
    ) -> Result<Sight, store::Error> {
        let Some(commit) = Commit::of(command) else { return Ok(Sight::NotLooked) };
        let mut deriving = self.deriving(snapshot, group);
        let before = deriving.state(&commit.partition)?;
        for observe in std::mem::take(&mut deriving.late) {
            // In this order: the lane decides it before the commit.
            self.lanes.remark(group, Some(Command::Observe(Box::new(observe))), None);
        }
        let Some(before) = before else { return Ok(Sight::Unobservable) };
        let committed = Committed {
            partition: commit.partition,
            message: commit.message,
            proposals: &deriving.proposals(&commit.partition, commit.message, u32::MAX)?,
            group_info: commit.announcement.group_info.as_ref(),
            welcome_data: commit.announcement.welcome_data.as_ref(),
            submitter: Some(commit.submitter),
            user,
        };
        let replay = match before.followed {
            0..=REPLAYED_MAX => before.replay,
            _ => Replay { commits: Replay::COMMITS_MAX, ..before.replay },
        };
        match follow(&before.known, &committed, replay, &self.provider, snapshot)? {
            Followed::Unobservable => Ok(Sight::Unobservable),
            Followed::Contradicted(_) => Ok(Sight::Contradicted),
            Followed::Seen(seen) => {
                let next = commit.announcement.next;
                // What is recorded there stays at hand: this commit makes no edge, or takes the place of another.
                if snapshot.partition(&group, &next)?.is_none_or(|next| next.public.is_none()) {
                    self.hold((group, next), seen.known);
                }
                Ok(Sight::Seen(Box::new(seen.observation)))
            }
        }
    }

    fn see_creation(&self, group: GroupKey, create: &Create) -> Sight {
        let Some(group_info) = &create.group_info else { return Sight::NotLooked };
        if has_another_tree(create) {
            return Sight::Contradicted;
        }
        let Some(seen) = begin(group_info, create.ratchet_tree.as_ref(), &self.provider, Some(create.holder)) else {
            return Sight::Unobservable;
        };
        self.hold((group, create.root), seen.known);
        Sight::Seen(Box::new(seen.observation))
    }

    fn hold(&self, place: (GroupKey, MaskedPartitionKey), known: Known) {
        self.observing.cache.put(place, &Arc::new(known));
    }
}

/// Whether a creation brings a tree that is not the one of its GroupInfo.
fn has_another_tree(create: &Create) -> bool {
    let Some(group_info) = &create.group_info else { return false };
    let inner = group_info.ratchet_tree();
    let tree = inner.as_ref().or(create.ratchet_tree.as_ref());
    tree.is_some_and(|tree| ratchet_tree_matches(tree, group_info) == TreeFit::Differs)
}

/// Whether the command would be carried out if it were decided now, all but for what is to be seen. Nobody looks at what
/// is refused anyway, or was sequenced before.
fn would_be_taken(
    snapshot: &dyn Snapshot,
    group: GroupKey,
    command: &Command,
    policy: &Policy,
    now: UnixMillis,
) -> Result<bool, store::Error> {
    match sequence(&SnapshotView { group, snapshot }, command, policy, now) {
        Ok(transition) => Ok(!transition.is_unchanged()),
        Err(Refusal::Rejected(Rejection::RatchetTreeRequired)) => may_cost(snapshot, group, command, policy),
        Err(Refusal::Rejected(_)) => Ok(false),
        Err(Refusal::State(error)) => Err(error),
    }
}

/// Whether the submitter may have the partition that the commit announces counted, or need not. The lane asks that only of
/// a commit that it would take.
fn may_cost(
    snapshot: &dyn Snapshot,
    group: GroupKey,
    command: &Command,
    policy: &Policy,
) -> Result<bool, store::Error> {
    let Some(commit) = Commit::of(command) else { return Ok(true) };
    let is_free = snapshot
        .partition(&group, &commit.partition)?
        .is_some_and(|partition| partition.commits_of(commit.submitter) < policy.free_commits);
    let child = Usage { partitions: 1, bytes: 0 };
    Ok(is_free || snapshot.budget(commit.submitter, &group)?.plus(child).fits(policy.budget_in_group))
}
