//! Welcomes on their way out (specs/protocol.md §10): what is kept of each until it is delivered or given up.
//!
//! A Welcome that may go has one dispatch for each provider that it is addressed to. One that is held has none: the
//! record of the partition that it opens says so, and whoever presents that partition's key releases it.

use std::collections::BTreeSet;

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{Parent, Partition, Policy, Preflight, Refusal, Rejection, State, Transition, UnixMillis};
use crate::wire::{MaskedPartitionKey, ServiceProviderId, WelcomeData};

/// Names a Welcome within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WelcomeName {
    /// The partition that the new members join.
    pub partition: MaskedPartitionKey,
    /// Where the commit stands, or nothing when the Welcome came with the creation.
    pub commit: Option<Parent>,
}

/// A Welcome as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Which one.
    pub name: WelcomeName,
    /// The Welcome and its providers.
    pub data: WelcomeData,
}

/// How far a Welcome has got.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Outgoing {
    /// Whose user submitted it.
    pub submitter: ServiceProviderId,
    /// When.
    pub submitted_ms: UnixMillis,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whom it is addressed to while it is held, in order; nobody when it may go.
    pub held_for: Vec<ServiceProviderId>,
    /// How many providers it is still to be delivered to.
    pub dispatches: u32,
}

impl Outgoing {
    /// What it counts for its submitter.
    pub fn counts(&self) -> Undelivered {
        Undelivered { welcomes: 1, bytes: self.bytes }
    }
}

/// A Welcome to be brought to a provider, and when it is to be tried next. Rows are found by provider, earliest first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DispatchKey {
    /// To whom.
    pub provider: ServiceProviderId,
    /// When it is to be tried next.
    pub due_ms: UnixMillis,
    /// What.
    pub welcome: WelcomeName,
}

/// How far that has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Dispatch {
    /// When the Welcome was submitted: one of the same name that came later is another one.
    pub submitted_ms: UnixMillis,
    /// How often it failed.
    pub attempts: u32,
    /// What the provider gave for the Welcome, while it is good.
    pub ticket: Option<Ticket>,
}

/// A provider's affirmative answer (draft §4.3).
///
/// # Privacy
/// `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Ticket {
    /// To be shown with the Welcome.
    pub bytes: [u8; 16],
    /// Not to be used from then on.
    pub until_ms: UnixMillis,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ticket(..)")
    }
}

/// Welcomes of one submitting provider that are not delivered yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// How many.
    pub welcomes: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Undelivered {
    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { welcomes: self.welcomes.saturating_add(other.welcomes), bytes: self.bytes.saturating_add(other.bytes) }
    }

    /// The difference, not below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self { welcomes: self.welcomes.saturating_sub(other.welcomes), bytes: self.bytes.saturating_sub(other.bytes) }
    }

    fn fits(self, limit: Self) -> bool {
        self.welcomes <= limit.welcomes && self.bytes <= limit.bytes
    }
}

/// When a Welcome goes.
#[derive(Clone, Copy)]
pub(super) enum Departure<'a> {
    /// When somebody presents the key of the partition that it opens. What providers may have said is of no use then.
    Held,
    /// At once, with what providers have said.
    Now(&'a Preflight),
}

/// Puts a Welcome into the outbox: held, or with a dispatch for each provider, which is due at once. One that is addressed
/// to nobody is not kept.
///
/// Names come again when an orphan has aged out and is opened anew. The one that had the name ends then, and its dispatches
/// are known by their time.
///
/// # Errors
/// When the submitter has too many that are not delivered yet.
pub(super) fn post<S: State + ?Sized>(
    state: &S,
    welcome: Welcome,
    departure: Departure<'_>,
    submitter: &ServiceProviderId,
    (policy, now): (&Policy, UnixMillis),
    transition: &mut Transition,
) -> Result<(), Refusal<S::Error>> {
    let Welcome { name, data } = &welcome;
    let providers: BTreeSet<_> = data.service_providers.iter().collect();
    if providers.is_empty() {
        return Ok(());
    }
    let mut outgoing = Outgoing {
        submitter: submitter.clone(),
        submitted_ms: now,
        bytes: data.welcome.bytes().len() as u64,
        held_for: providers.into_iter().cloned().collect(),
        dispatches: 0,
    };
    let undelivered = state.undelivered(submitter).map_err(Refusal::State)?.plus(outgoing.counts());
    if !undelivered.fits(policy.undelivered) {
        return Err(Rejection::RateLimited { retry_after_seconds: policy.retry_after_seconds }.into());
    }
    if let Some(before) = state.outgoing(name).map_err(Refusal::State)? {
        transition.settled.push((before.submitter.clone(), before.counts()));
    }
    transition.posted.push((submitter.clone(), outgoing.counts()));
    if let Departure::Now(preflight) = departure {
        set_out(*name, &mut outgoing, preflight, now, transition);
    }
    transition.outgoing.push((*name, Some(outgoing)));
    transition.welcome = Some(Box::new(welcome));
    Ok(())
}

/// Everybody whom it was held for may have it now.
fn set_out(
    welcome: WelcomeName,
    outgoing: &mut Outgoing,
    preflight: &Preflight,
    now: UnixMillis,
    transition: &mut Transition,
) {
    let submitted_ms = outgoing.submitted_ms;
    for provider in std::mem::take(&mut outgoing.held_for) {
        let dispatch = Dispatch { attempts: 0, ticket: preflight.ticket_of(&provider), submitted_ms };
        transition.dispatches.push((DispatchKey { provider, due_ms: now, welcome }, Some(dispatch)));
        outgoing.dispatches = outgoing.dispatches.saturating_add(1);
    }
}

/// Somebody presented the partition's key: what was held for that may go.
pub(super) fn release<S: State + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &mut Partition,
    now: UnixMillis,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    for commit in std::mem::take(&mut partition.held) {
        let name = WelcomeName { partition: *key, commit: Some(commit) };
        let Some(mut outgoing) = state.outgoing(&name)? else { continue };
        set_out(name, &mut outgoing, &Preflight::NotAsked, now, transition);
        transition.outgoing.push((name, Some(outgoing)));
    }
    Ok(())
}

/// Drops what is held and was submitted by `until_ms`.
pub(super) fn drop_held<S: State + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &mut Partition,
    until_ms: UnixMillis,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    let mut still_held = Vec::new();
    for commit in std::mem::take(&mut partition.held) {
        let name = WelcomeName { partition: *key, commit: Some(commit) };
        match state.outgoing(&name)? {
            Some(outgoing) if outgoing.submitted_ms > until_ms => still_held.push(commit),
            Some(outgoing) => end(name, &outgoing, transition),
            None => {}
        }
    }
    partition.held = still_held;
    Ok(())
}

/// Nothing of the Welcome is left to be done.
pub(super) fn end(welcome: WelcomeName, outgoing: &Outgoing, transition: &mut Transition) {
    transition.settled.push((outgoing.submitter.clone(), outgoing.counts()));
    transition.outgoing.push((welcome, None));
}
