//! Everybody who puts the programs under load. Each has dice of its own, asks until it is answered, and tells the model
//! before and after.

mod archivist;
mod caller;
mod committer;
mod pruner;
mod reader;
mod remover;
mod replayer;
mod sealed;
mod sending;
mod talker;
mod visitor;
mod warden;
mod welcomer;

use std::{sync::Arc, time::Duration};

use restante::{
    client::{ProblemCode, http::CallError},
    wire::{CreateGroupRequest, decode},
};
use tokio::{
    sync::{RwLock, watch},
    task::JoinSet,
    time::timeout,
};

pub(crate) use sealed::{Target, encapsulate, exchange, open};
pub(crate) use sending::Message;

use crate::{
    dice::Dice,
    fixtures::requests::CreateGroup,
    model::{Model, Spot},
    site::User,
    world::{Provider, World},
};

/// Whoever is not answered so long, with all that is done to the programs meanwhile, is forgotten.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two attempts, unless a program has come back.
const PAUSE: Duration = Duration::from_millis(60);
/// How often a group is minted whose reservation lapsed because a clock leapt.
const MINTS_MAX: usize = 3;

/// What everybody has.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) world: Arc<World>,
    pub(crate) model: Arc<Model>,
    pub(crate) seed: u64,
    /// How often a program was started.
    pub(crate) starts: watch::Receiver<u64>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// Held by whoever asks until there is an answer, until the model knows it; all of it by whoever does what nobody may
    /// ask over. Who goes away without an answer, or fetches KeyPackages, does without.
    pub(crate) gate: Arc<RwLock<()>>,
}

impl Load {
    /// Everybody begins, on the thread of the caller's `LocalSet`.
    pub(crate) fn begin(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for at in Provider::BOTH {
            for number in 0..3 {
                tasks.spawn_local(talker::talk(self.clone(), at, format!("talker-{number}")));
            }
            for number in 0..2 {
                tasks.spawn_local(reader::read(self.clone(), at, format!("reader-{number}")));
            }
            tasks.spawn_local(committer::commit(self.clone(), at));
            tasks.spawn_local(archivist::back_up(self.clone(), at));
            tasks.spawn_local(pruner::prune(self.clone(), at));
            tasks.spawn_local(warden::guard(self.clone(), at));
            tasks.spawn_local(welcomer::welcome(self.clone(), at));
            for newcomer in welcomer::newcomers(at) {
                tasks.spawn_local(welcomer::take(self.clone(), newcomer));
            }
        }
        tasks.spawn_local(remover::remove(self.clone(), Provider::Hub));
        for (number, way) in
            [visitor::Way::Oblivious, visitor::Way::Oblivious, visitor::Way::Local].into_iter().enumerate()
        {
            tasks.spawn_local(visitor::visit(self.clone(), format!("host-{number}"), way));
        }
        tasks.spawn_local(replayer::replay(self.clone()));
        for number in 0..2 {
            tasks.spawn_local(caller::call(self.clone(), format!("caller-{number}")));
        }
        tasks
    }

    fn dice(&self, at: Provider, name: &str) -> Dice {
        Dice::named(self.seed, &format!("{name} of {}", at.id()))
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Rests, or less when it is time to stop.
    async fn rest(&mut self, pause: Duration) {
        let _ = timeout(pause, self.stopping.wait_for(|stopping| *stopping)).await;
    }

    /// Waits until a program has come back, or a moment.
    pub(crate) async fn retry(&self) {
        let mut starts = self.starts.clone();
        starts.mark_unchanged();
        let _ = timeout(PAUSE, starts.changed()).await;
    }

    /// Asks until it is answered. Nothing if that is against what was promised.
    pub(crate) async fn answered<T>(&self, what: &str, ask: impl AsyncFn() -> Result<T, CallError>) -> Option<T> {
        let _open = self.gate.read().await;
        let mut last = None;
        let asking = async {
            loop {
                match ask().await {
                    Err(error) if error.is_transient() => {
                        self.model.wonder();
                        last = Some(error);
                    }
                    outcome => return outcome,
                }
                self.retry().await;
            }
        };
        match timeout(PATIENCE, asking).await {
            Ok(Ok(answer)) => {
                self.model.acknowledge();
                Some(answer)
            }
            Ok(Err(error)) => {
                self.model.hold(Err(format!("{what}: refused: {error}")));
                None
            }
            Err(_) => {
                self.model.hold(Err(format!("{what}: not answered within {PATIENCE:?}, the last time: {last:?}")));
                None
            }
        }
    }

    /// Asks until it is refused for that reason. Any other answer is against what was promised.
    async fn refused<T>(&self, what: &str, reason: ProblemCode, ask: impl AsyncFn() -> Result<T, CallError>) {
        let _open = self.gate.read().await;
        let asking = async {
            loop {
                match ask().await {
                    Err(error) if error.is_transient() => self.model.wonder(),
                    outcome => return outcome.map(drop),
                }
                self.retry().await;
            }
        };
        let violation = match timeout(PATIENCE, asking).await {
            Ok(Err(CallError::Problem(problem))) if problem.code == Some(reason) => return self.model.note_refusal(),
            Ok(Ok(())) => "it was done".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("not answered within {PATIENCE:?}"),
        };
        self.model.hold(Err(format!("{what}: to be refused as {}, and {violation}", reason.as_str())));
    }

    /// A new group at that provider.
    async fn found(&self, at: Provider, user: &User, is_open: bool) -> Option<usize> {
        for _mint in 0..MINTS_MAX {
            let leaps = self.model.groups().leaps();
            let id = self.answered("a group id", async || user.mint_group_id().await).await?.group_id;
            let root = Spot { group: 0, number: 0 }.key();
            let request: CreateGroupRequest = decode(&CreateGroup::bare(&id, root).encode()).unwrap();
            let created = timeout(PATIENCE, async {
                loop {
                    match user.create_group(&request).await {
                        Err(error) if error.is_transient() => self.retry().await,
                        outcome => return outcome,
                    }
                }
            });
            match created.await {
                Ok(Ok(_)) => return Some(self.model.groups().found(id, at, is_open)),
                Ok(Err(error)) if self.model.groups().leaps() == leaps => {
                    self.model.hold(Err(format!("a group was minted and not created: {error}")));
                    return None;
                }
                // The id was reserved for a day, which has passed.
                Ok(Err(_)) => {}
                Err(_) => break,
            }
        }
        self.model.hold(Err("a group was not created in time".to_owned()));
        None
    }
}
