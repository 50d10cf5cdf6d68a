//! Asking providers about a Welcome before its commit or its group is sequenced (specs/protocol.md, V10).
//!
//! Only a provider that answers can refuse. One that does not say anything of use in time is asked again when the Welcome
//! is delivered.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};

use super::{Error, Service, vain_proofs::Trier, view::SnapshotView};
use crate::{
    sequencer::{Command, Delivered, GroupKey, Preflight, Refusal, RepeatKey, Ticket, sequence},
    wire::{KeyPackageRef, MaskedPartitionKey, ServiceProviderId, WelcomeData, WelcomeInitRequest},
};

/// The way to providers, which the service does not know.
pub trait AskProvider: Send + Sync {
    /// What the provider says. Our own users are a provider like any other, whom `service` answers for.
    fn ask<'a>(
        &'a self,
        service: &'a Arc<Service>,
        provider: &'a ServiceProviderId,
        request: WelcomeInitRequest,
    ) -> BoxFuture<'a, Delivered>;
}

/// Whom to ask, and for what it is being done.
pub(super) struct Preflights {
    asker: Arc<dyn AskProvider>,
    /// How long a commit waits for what providers say.
    wait: Duration,
    under_way: Arc<Mutex<HashSet<Request>>>,
}

/// A request as it is recognised when it comes again. Creations have no repeat key: a group has one.
type Request = (GroupKey, MaskedPartitionKey, Option<RepeatKey>);

/// A question to a provider.
type Question = (ServiceProviderId, WelcomeInitRequest);

/// A request that is being asked about, until it is decided. Meanwhile the same one is told to come again: of two that are
/// asked about at once, one could be refused and the other sequenced after that.
pub(super) struct Turn {
    under_way: Arc<Mutex<HashSet<Request>>>,
    request: Request,
}

impl Turn {
    fn take(under_way: &Arc<Mutex<HashSet<Request>>>, request: Request) -> Result<Self, Error> {
        let is_first = under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(request);
        if is_first { Ok(Self { under_way: under_way.clone(), request }) } else { Err(Error::Overloaded) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.request);
    }
}

impl Service {
    /// Has providers asked before a commit or a creation with a Welcome is sequenced; each may take so long.
    #[must_use]
    pub fn asking_first(self, asker: Arc<dyn AskProvider>, wait: Duration) -> Self {
        Self { preflights: Some(Preflights { asker, wait, under_way: Arc::default() }), ..self }
    }

    /// The command with what providers said about its Welcome, if they are to be asked. The turn is to be kept until the
    /// command is decided: the lane refuses it, or finds that it was sequenced before.
    ///
    /// # Errors
    /// [`Error::Overloaded`] while the same request is under way; [`Error::TooManyInVain`]; the store's.
    pub(super) async fn ask_first(
        self: &Arc<Self>,
        group: GroupKey,
        trier: Trier,
        command: Command,
    ) -> Result<(Command, Option<Turn>), Error> {
        let Some(preflights) = &self.preflights else { return Ok((command, None)) };
        let request = match &command {
            Command::Send(send) if send.announcement.as_ref().is_some_and(|known| known.welcome_data.is_some()) => {
                (group, send.partition, Some(send.repeat_key))
            }
            Command::Create(create) if create.welcome_data.is_some() => (group, create.root, None),
            _ => return Ok((command, None)),
        };
        let turn = Turn::take(&preflights.under_way, request)?;
        let (policy, now) = (self.policy(), self.now());
        let (mut command, questions) = self
            .read_elsewhere(move |snapshot| {
                let view = SnapshotView { group, snapshot };
                let questions = match sequence(&view, &command, &policy, now) {
                    Ok(transition) => transition.welcome.map(|welcome| questions(&welcome.data)).unwrap_or_default(),
                    // The lane says so, and nobody was bothered.
                    Err(Refusal::Rejected(_)) => Vec::new(),
                    Err(Refusal::State(error)) => return Err(error.into()),
                };
                Ok((command, questions))
            })
            .await?;
        if !questions.is_empty() {
            self.vain_proofs.admit(&trier, now)?;
        }
        let answers = self.ask_all(preflights, questions).await;
        let tickets = answers.iter().filter(|(_, answer)| matches!(answer, Some(Delivered::Ticket(_)))).count();
        let preflight = self.conclude(answers);
        if preflight == Preflight::Refused {
            // Each provider has a bounded number of tickets for this hub, and these are lost.
            self.vain_proofs.count(&trier, tickets, self.now());
        }
        tracing::trace!(outcome = outcome(&preflight), "providers asked about a Welcome before it is sequenced");
        match &mut command {
            Command::Send(send) => {
                if let Some(announcement) = &mut send.announcement {
                    announcement.preflight = preflight;
                }
            }
            Command::Create(create) => create.preflight = preflight,
            _ => {}
        }
        Ok((command, Some(turn)))
    }

    /// Our own users first, which costs nobody else anything: where they refuse, no other provider is left with a ticket
    /// that is never used, of which it has a bounded number for this hub.
    async fn ask_all(
        self: &Arc<Self>,
        preflights: &Preflights,
        questions: Vec<Question>,
    ) -> Vec<(ServiceProviderId, Option<Delivered>)> {
        let (own, others): (Vec<_>, Vec<_>) =
            questions.into_iter().partition(|(provider, _)| *provider == self.provider);
        let mut answers = join_all(own.into_iter().map(|question| self.ask(preflights, question))).await;
        if !answers.iter().any(|(_, answer)| matches!(answer, Some(Delivered::NoneAccepted))) {
            answers.extend(join_all(others.into_iter().map(|question| self.ask(preflights, question))).await);
        }
        answers
    }

    async fn ask(
        self: &Arc<Self>,
        preflights: &Preflights,
        (provider, request): Question,
    ) -> (ServiceProviderId, Option<Delivered>) {
        let asking = preflights.asker.ask(self, &provider, request);
        let answer = tokio::time::timeout(preflights.wait, asking).await.ok();
        (provider, answer)
    }

    fn conclude(&self, answers: Vec<(ServiceProviderId, Option<Delivered>)>) -> Preflight {
        let until_ms = self.now().saturating_add(self.policy().ticket_ms);
        let mut tickets = Vec::new();
        for (provider, answer) in answers {
            match answer {
                Some(Delivered::NoneAccepted) => return Preflight::Refused,
                Some(Delivered::Ticket(bytes)) => tickets.push((provider, Ticket { bytes, until_ms })),
                Some(Delivered::Taken | Delivered::Failed { .. }) | None => {}
            }
        }
        Preflight::Passed(tickets)
    }
}

/// Each provider is asked about its own users and no others.
fn questions(data: &WelcomeData) -> Vec<Question> {
    let mut asked: BTreeMap<&ServiceProviderId, Vec<KeyPackageRef>> = BTreeMap::new();
    for (provider, reference) in data.service_providers.iter().zip(data.welcome.key_package_refs()) {
        asked.entry(provider).or_default().push(KeyPackageRef(reference.to_vec()));
    }
    let question = |(provider, key_package_refs): (&ServiceProviderId, _)| {
        (provider.clone(), WelcomeInitRequest { key_package_refs })
    };
    asked.into_iter().map(question).collect()
}

/// What came of it, as the log says it.
fn outcome(preflight: &Preflight) -> &'static str {
    match preflight {
        Preflight::NotAsked => "not_asked",
        Preflight::Passed(_) => "passed",
        Preflight::Refused => "refused",
    }
}
