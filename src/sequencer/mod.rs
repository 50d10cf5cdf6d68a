//! The decision what becomes of a message, as a pure function.
//!
//! [`sequence`] takes what is known of a group ([`State`]), what somebody wants ([`Command`]), the operator's numbers
//! ([`Policy`]) and the time, and returns either everything that changes ([`Transition`]) or why nothing does
//! ([`Rejection`]). It writes nothing: the service commits a transition as one durable write and only then answers.
//!
//! A group is a tree of partitions, plus orphans. The tree's root is the partition of the group's creation; a commit
//! announces a child. Forks of a group are branches of the tree and live side by side.
//!
//! This layer has no clock, no randomness, no I/O and no `async`: time is passed in.

mod bans;
mod budget;
mod candidates;
mod command;
mod complaints;
mod create;
mod delete;
mod deliver;
mod dominance;
mod doubt;
mod entering;
mod evidence;
mod expire;
mod followed;
mod fork;
mod group;
mod hints;
mod join;
mod membership;
mod observe;
mod outbox;
mod owners;
mod partition;
mod policy;
mod preflight;
mod present;
mod propose;
mod public;
mod references;
mod rejection;
mod repeat_key;
mod reserve;
mod retention;
mod send;
mod state;
mod staying;
mod subscribe;
mod terminate;
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(test), allow(dead_code, reason = "fuzzing plays operations, and no scripts"))]
#[allow(clippy::unwrap_used, reason = "a broken stage fails loudly")]
pub(crate) mod tests;
mod transition;
mod verdict;

pub use bans::{Ban, BanKey, BanSubject, Bans, HeardBans};
pub use budget::{Budget, Usage};
pub use candidates::{CANDIDATES_MAX, Candidate, Credit, HEADS_MAX, Heads, candidates, is_candidate, publisher};
pub use command::{
    Announcement, Checkpointed, Command, Contents, Create, Delete, Deliver, Delivered, Expire, Follow, Forget, Ground,
    Join, Keep, Lapse, Lease, Observe, Present, Propose, Pushed, Reserve, Restore, Review, Send, Subscribe, Terminate,
    Trim, Unsubscribe,
};
pub use complaints::{ComplaintKey, Complaints};
pub use dominance::{Standing, dominant_child, standings};
pub use evidence::{Evidence, Seen, Sign};
pub use followed::{Followed, FollowedChange, Kept};
pub use fork::{Fork, bent_from, forks_above};
pub use group::{Group, GroupKey, Reservation, Spread, UserTag};
pub use hints::{Claim, hinted};
pub use membership::{FAR, is_sole_head, shows_membership};
pub use outbox::{Dispatch, DispatchKey, Outgoing, Ticket, Undelivered, Welcome, WelcomeName};
pub use owners::{Owner, OwnerChanges, Owners, Placed, Roster, host_of};
pub use partition::{Charge, Child, Cut, Given, Parent, Partition, Subscription, Termination, Use};
pub use policy::{Forgotten, GroupInfoAccess, Hints, Policy, SizeLimits};
pub use preflight::Preflight;
pub use present::is_due as presentation_is_due;
pub use public::{Checkpoint, Member, Observation, Public, Replay, Sight, StateDigest, TreeHash, Violations};
pub use rejection::{Refusal, Rejection, SizeLimit};
pub use repeat_key::{RepeatKey, StoredRepeatKey};
pub use retention::{Fate, fate, has_had_its_time, is_stale};
pub use state::{State, Tree};
pub use transition::{
    Blob, BlobKey, BranchOutcome, Entry, EntryCommit, Head, Outcome, Receipt, Timer, Transition, Trimmed,
};
pub use verdict::Fact;
use verdict::Verdict;

/// Milliseconds since the Unix epoch, by the hub's clock.
pub type UnixMillis = u64;

/// Decides a command.
///
/// # Errors
/// [`Refusal::Rejected`] when the command is refused and nothing changes; [`Refusal::State`] when the state could not
/// be read.
pub fn sequence<S: State + ?Sized>(
    state: &S,
    command: &Command,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = decide(state, command, policy, now)?;
    references::count(state, &mut transition).map_err(Refusal::State)?;
    Ok(transition)
}

fn decide<S: State + ?Sized>(
    state: &S,
    command: &Command,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    match command {
        Command::Reserve(command) => reserve::reserve(state, command, policy, now),
        Command::Create(command) => create::create(state, command, policy, now),
        Command::Send(command) => send::send(state, command, policy, now),
        Command::Join(command) => join::join(state, command, policy, now),
        Command::Propose(command) => propose::propose(state, command, policy, now),
        Command::Present(command) => present::present(state, command, policy, now),
        Command::Expire(command) => expire::expire(state, command, policy, now),
        Command::Deliver(command) => deliver::deliver(state, command, policy, now),
        Command::Subscribe(command) => subscribe::subscribe(state, command, policy, now),
        Command::Pushed(command) => subscribe::pushed(state, command, now),
        Command::Unsubscribe(command) => subscribe::unsubscribe(state, command),
        Command::Follow(command) => followed::follow(state, command, policy, now),
        Command::Keep(command) => followed::keep(state, command, policy, now),
        Command::Unfollow(partition) => followed::unfollow(state, partition),
        Command::Forget(command) => Ok(followed::forget(command)),
        Command::Terminate(command) => terminate::terminate(state, command, policy, now),
        Command::Restore(command) => terminate::restore(state, command, policy, now),
        Command::Spread => terminate::spread(state, policy, now),
        Command::Observe(command) => observe::observe(state, command),
        Command::Checkpoint(command) => observe::checkpoint(state, command),
        Command::Delete(command) => delete::delete(state, command, policy, now),
        Command::Trim(command) => retention::trim(state, command, policy, now),
        Command::Review(command) => retention::review(state, command, policy, now),
        Command::Lapse(command) => retention::lapse(state, command, policy, now),
    }
}
