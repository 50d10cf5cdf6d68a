//! Who kills, starts again, and has everything looked at behind each start.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    pin::pin,
    sync::atomic::Ordering,
    time::Duration,
};

use restante::client::http::Operation;
use restante_faults::Point;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    audit::{self, From},
    gateway::GATEWAY,
    keys::{Keys, compare_published},
    load::Load,
    model::Spot,
    plan::{Kill, Victim, When, changes_keys, takes_a_leap},
    probe,
    process::{PATIENCE, PROGRAM},
    report::Tally,
    running::{Harm, Running, run, was_killed},
    symptoms::{self, Symptoms},
    world::{MEMBER, Provider},
};

/// No point is farther away, under load.
const REACH: Duration = Duration::from_secs(12);
/// How far the clocks leap: what has had its day is removed, and who was there is not yet taken for away.
const LEAP: Duration = Duration::from_secs(25 * 3_600);
/// KeyPackages live for a year, and groups that nobody uses for half of one.
const LEAPS_MAX: u32 = 100;
/// What was promised is kept so soon.
const SETTLING: Duration = Duration::from_secs(120);
/// Between two looks at something that tells nobody when it changes.
const STEP: Duration = Duration::from_millis(50);

/// After so many kills a database is looked at row by row before it is served again.
const VERIFIED_EACH: usize = 8;
/// So many groups that were deleted are looked at behind each start; all of them at the end.
const DELETED: usize = 4;

/// In the order in which they are started; those that others need come first.
const SERVERS: [Victim; 5] = [Victim::Follower, Victim::Hub, Victim::Relay, Victim::Gateway, Victim::Member];

pub(crate) struct Killer {
    load: Load,
    starts: watch::Sender<u64>,
    running: BTreeMap<Victim, Running>,
    keys: Keys,
    symptoms: Symptoms,
    pub(crate) tally: Tally,
}

impl Killer {
    /// All of them serve when this returns.
    pub(crate) async fn new(load: Load, starts: watch::Sender<u64>) -> Self {
        let tally = Tally::new(load.seed);
        let (running, keys, symptoms) = (BTreeMap::new(), Keys::default(), Symptoms::default());
        let mut killer = Self { load, starts, running, keys, symptoms, tally };
        for victim in SERVERS {
            killer.start(victim, None).await;
        }
        killer
    }

    /// Kills as it is planned; everybody serves again, and was looked at, when this returns.
    pub(crate) async fn execute(&mut self, kill: Kill) {
        self.assert_nobody_ended();
        match (kill.victim, kill.when) {
            (Victim::KeysCommand, When::At(point, passing)) => {
                if self.keys.change(&self.load, &format!("{point}:{passing}")).await {
                    self.tally.hit(point, Victim::KeysCommand);
                } else {
                    self.tally.missed += 1;
                }
            }
            (victim, When::After(pause)) => {
                tokio::time::sleep(pause).await;
                self.strike(victim).await;
                self.start(victim, None).await;
                self.look(Vec::new()).await;
            }
            (victim, When::At(point, passing)) => self.end_at(victim, point, passing).await,
        }
        self.tally.tell(&self.load.model);
    }

    async fn end_at(&mut self, victim: Victim, point: Point, passing: u32) {
        let is_retention = matches!(point, Point::RetentionAfterReading | Point::RetentionAfterStep);
        let mut leapt_ms = None;
        if takes_a_leap(victim, point) {
            if self.load.model.groups().leaps() >= LEAPS_MAX {
                return;
            }
            leapt_ms = self.leap(victim).await;
            if leapt_ms.is_none() {
                return;
            }
        } else {
            self.strike(victim).await;
        }
        match victim {
            Victim::Relay => self.load.world.forget_relay_state(),
            Victim::Hub if changes_keys(point) => self.load.world.switch_hybrid(),
            _ => {}
        }
        let is_up = self.start(victim, Some(format!("{point}:{passing}"))).await;
        if leapt_ms.is_some() {
            self.load.model.holds_welcomes.store(false, Ordering::SeqCst);
            self.start(Victim::Relay, None).await;
        }
        let mut running = self.running.remove(&victim).expect("it was started");
        let reached = async {
            if is_up && is_retention {
                let operator = self.load.world.user(Provider::Hub, "operator");
                let _ = operator.administer(Operation::RunRetention, &json!({})).await;
            }
            timeout(REACH, running.ended()).await.is_ok_and(was_killed)
        };
        // It is looked at meanwhile as far as it lives, and once more behind its end.
        let spots = self.load.model.groups().take_changed(false);
        let is_hit = {
            let (mut reached, mut look) = (pin!(reached), pin!(audit::look(&self.load, From::Hub, &spots)));
            tokio::select! {
                is_hit = &mut reached => is_hit,
                () = &mut look => reached.await,
            }
        };
        self.load.world.close(victim);
        if is_hit {
            self.tally.hit(point, victim);
            if matches!(point, Point::BackupBeforeFiles | Point::BackupBeforePurge | Point::BackupAfterPurge) {
                self.verify(victim).await;
            }
        } else {
            if running.has_ended().is_some() {
                let said = self.log(victim);
                self.load.model.hold(Err(format!("{victim:?} ended, and not at {point}: {said}")));
            }
            self.tally.missed += 1;
            if running.kill().await {
                self.tally.strike(victim);
            }
        }
        self.start(victim, None).await;
        if changes_keys(point) {
            self.probe(victim).await;
        }
        if let Some(leapt_ms) = leapt_ms {
            self.await_retention(leapt_ms).await;
        }
        self.look(spots).await;
    }

    /// Has everything looked at that has changed, and these.
    async fn look(&self, mut spots: Vec<Spot>) {
        spots.extend(self.load.model.groups().take_changed(false));
        audit::look(&self.load, From::Hub, &spots).await;
        audit::look_at_deleted(&self.load, From::Hub, DELETED).await;
    }

    /// Whether the program lists the keys that it has to have behind a change that was interrupted, and opens what is
    /// sealed to any of them.
    async fn probe(&mut self, victim: Victim) {
        let kems = probe::look(&self.load, victim).await;
        self.tally.opened += kems.len();
        let is_hybrid = kems.iter().any(|kem| *kem != probe::X25519);
        let is_changed = if victim == Victim::Gateway {
            // The one in use, and the one that follows.
            kems.len() == 2
        } else {
            is_hybrid == self.load.world.offers_hybrid()
        };
        if !is_changed {
            self.load.model.hold(Err(format!("{victim:?} has not changed its keys: they are of {kems:x?}")));
        }
    }

    /// Kills all of them and puts all clocks ahead; that one is still to be started, and the relay. The time then; nothing
    /// if not everything was delivered, and heard by the client's devices, that is given up or removed by then.
    async fn leap(&mut self, last: Victim) -> Option<u64> {
        let model = self.load.model.clone();
        model.holds_welcomes.store(true, Ordering::SeqCst);
        let doomed = model.groups().number_doomed();
        let diary = self.load.world.diary();
        diary.pause();
        let is_settled =
            || model.letters().under_way().is_empty() && model.groups().number_doomed() > 0 && diary.is_quiet();
        let settled = async {
            while !is_settled() {
                tokio::time::sleep(STEP).await;
            }
        };
        if timeout(SETTLING, settled).await.is_err() {
            let (letters, is_quiet, said) = (model.letters().under_way(), diary.is_quiet(), diary.end());
            model.hold(Err(format!(
                "not within {SETTLING:?}, with {doomed} groups deleted: {letters:?}, the devices {}: {said}",
                if is_quiet { "quiet" } else { "not quiet" }
            )));
            model.holds_welcomes.store(false, Ordering::SeqCst);
            diary.go_on();
            return None;
        }
        // What is sequenced before and answered behind it would have had its day before the model knows of it. Nobody is
        // asked for longer than this waits.
        let gate = self.load.gate.clone();
        let _shut = timeout(SETTLING, gate.write()).await.expect("everybody is answered");
        for victim in SERVERS {
            self.strike(victim).await;
        }
        diary.go_on();
        self.load.world.leap(LEAP);
        model.groups().leap();
        let now_ms = self.load.world.now_ms();
        for victim in SERVERS.into_iter().filter(|victim| ![last, Victim::Relay].contains(victim)) {
            self.start(victim, None).await;
        }
        Some(now_ms)
    }

    /// A walk of retention that began behind the leap comes to its end, whatever was interrupted: it has removed what had
    /// its time, and the hub has noted that it was there.
    async fn await_retention(&self, leapt_ms: u64) {
        let operator = self.load.world.user(Provider::Hub, "operator");
        let ended = async {
            loop {
                let status = operator.administer(Operation::RetentionStatus, &json!({})).await;
                let began_ms = status.ok().and_then(|status| status["last"]["started_ms"].as_u64());
                if began_ms.is_some_and(|began_ms| began_ms >= leapt_ms) {
                    return;
                }
                tokio::time::sleep(STEP).await;
            }
        };
        if timeout(SETTLING, ended).await.is_ok() {
            self.load.model.groups().note_walk();
        } else {
            self.load.model.hold(Err("retention does not come to its end".to_owned()));
        }
    }

    /// `kill -9`, at whatever it is doing.
    async fn strike(&mut self, victim: Victim) {
        self.load.world.close(victim);
        let mut running = self.running.remove(&victim).expect("it runs");
        if running.kill().await {
            self.tally.strike(victim);
        } else {
            let said = self.log(victim);
            self.load.model.hold(Err(format!("{victim:?} had ended by itself: {said}")));
        }
        if self.tally.kills().is_multiple_of(VERIFIED_EACH) {
            self.verify(victim).await;
        }
    }

    /// Looks at every row of the database that a kill has left, as it was left.
    async fn verify(&mut self, victim: Victim) {
        let which = match victim {
            Victim::Hub => Provider::Hub,
            Victim::Follower => Provider::Follower,
            Victim::Relay | Victim::Gateway | Victim::Member | Victim::KeysCommand => return,
        };
        let file = self.load.world.site.of(which.id()).join("restante.toml");
        let harm = Harm { point: None, ahead: self.load.world.ahead() };
        let command = async |words: [&str; 2]| {
            let arguments = [OsStr::new(words[0]), OsStr::new(words[1]), OsStr::new("--config"), file.as_os_str()];
            let output = run(Path::new(PROGRAM), &arguments, &harm).await;
            let [said, why] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            let is_sound = output.status.success() && symptoms::among(&why).is_empty();
            if is_sound { Ok(said) } else { Err(format!("{victim:?}: {words:?}: {said} {why}")) }
        };
        self.tally.verified += 1;
        self.load.model.hold(command(["db", "verify"]).await.map(drop));
        if !self.load.world.site.of(which.id()).join("backups").exists() {
            return;
        }
        match command(["backup", "list"]).await {
            Ok(list) if list.starts_with("there is no backup") => {}
            Ok(_) => self.load.model.hold(command(["backup", "verify"]).await.map(drop)),
            Err(why) => self.load.model.hold(Err(why)),
        }
    }

    /// Another life. Whether it listens: one that is to end at a point may have, before it did.
    async fn start(&mut self, victim: Victim, point: Option<String>) -> bool {
        self.search_log(victim);
        let began = Instant::now();
        let is_harmed = point.is_some();
        let started = self.load.world.start(victim, point).await;
        let is_up = started.is_ok();
        let running = started.unwrap_or_else(|ended| ended);
        // The client's first start founds a group, and nothing tells when a later one is over.
        if is_up && !is_harmed && victim != Victim::Member {
            self.tally.started(began.elapsed());
        }
        self.running.insert(victim, running);
        self.starts.send_modify(|starts| *starts += 1);
        if !is_up && !is_harmed {
            panic!("{victim:?} does not start again by itself: {}", self.log(victim));
        }
        if is_up && !is_harmed && victim == Victim::Hub {
            compare_published(&self.load).await;
        }
        is_up
    }

    fn assert_nobody_ended(&mut self) {
        let ended = self.running.iter_mut().find_map(|(victim, running)| running.has_ended().map(|_| *victim));
        if let Some(victim) = ended {
            panic!("{victim:?} has ended by itself: {}", self.log(victim));
        }
    }

    /// Whether the program, which has ended, has logged what nobody would see by its answers.
    fn search_log(&mut self, victim: Victim) {
        let log = self.log_file(victim);
        for line in self.symptoms.since(&log) {
            self.load.model.hold(Err(format!("{victim:?} has logged: {line}")));
        }
    }

    fn log_file(&self, victim: Victim) -> PathBuf {
        let id = match victim {
            Victim::Hub => Provider::Hub.id(),
            Victim::Follower => Provider::Follower.id(),
            Victim::Relay | Victim::KeysCommand => crate::relay::RELAY,
            Victim::Gateway => GATEWAY,
            Victim::Member => MEMBER,
        };
        self.load.world.site.log(id)
    }

    /// The last lines that it has logged.
    fn log(&self, victim: Victim) -> String {
        let text = std::fs::read_to_string(self.log_file(victim)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(8).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Waits until there is something to compare: after few kills a device, or a caller, may not have come to anything yet.
    pub(crate) async fn await_something(&self) {
        let (diary, model) = (self.load.world.diary(), &self.load.model);
        let begun = async {
            while !diary.has_said() || model.expect_some().is_err() {
                tokio::time::sleep(STEP).await;
            }
        };
        // What has not come by then is missed at the end.
        let _ = timeout(SETTLING, begun).await;
    }

    /// Asks all of them to end, as an operator does.
    pub(crate) async fn end(&mut self) {
        for victim in [Victim::Hub, Victim::Gateway] {
            self.tally.opened += probe::look(&self.load, victim).await.len();
        }
        for victim in SERVERS.into_iter().rev() {
            let mut running = self.running.remove(&victim).expect("it runs");
            let status = if victim == Victim::Member {
                // It ends when all was heard.
                self.load.world.diary().stop();
                let ended = timeout(PATIENCE, running.ended()).await;
                ended.unwrap_or_else(|_| {
                    panic!("the member does not end in {PATIENCE:?}:\n{}", self.load.world.diary().end())
                })
            } else {
                running.terminate().await
            };
            if !status.success() {
                let said = self.log(victim);
                self.load.model.hold(Err(format!("{victim:?} ended with {status}: {said}")));
            }
            self.search_log(victim);
            // A client logs nothing as long as nothing is wrong.
            if victim != Victim::Member && self.symptoms.bytes(&self.log_file(victim)) == 0 {
                self.load.model.hold(Err(format!("{victim:?} has logged nothing")));
            }
            self.verify(victim).await;
        }
        let (said, outcome) = self.load.world.diary().compare();
        self.tally.said = said;
        // Where nothing happened, nothing can have gone wrong.
        let model = &self.load.model;
        model.hold(if said > 0 { Ok(()) } else { Err("no device has said anything".to_owned()) });
        model.hold(model.expect_some());
        model.hold(outcome);
    }
}
