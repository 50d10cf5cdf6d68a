//! The power is cut while people talk and backups are made: what was acknowledged is there afterwards, and nothing that
//! nobody said.

use std::collections::{HashMap, HashSet};

use restante::{client::http::CallError, wire::decode};
use tokio::task::JoinSet;

use crate::{
    disk::Faults,
    fixtures::requests::CreateGroup,
    house::House,
    people::{Person, key, say, texts},
    process::PATIENCE,
    random::Random,
    site::{Provider, User},
};

const TALKERS: usize = 4;
/// Nobody says more: the power is cut long before.
const SAID_MAX: u32 = 5_000;
const MEBIBYTES: usize = 192;
/// The word that is said in each new group.
const FOUNDED: &str = "founded";

/// What is known of what was said.
#[derive(Default)]
struct Known {
    /// By text: at which index.
    acknowledged: HashMap<String, u32>,
    sent: HashSet<String>,
    /// Groups that one user made, and said a word in.
    founded: Vec<Vec<u8>>,
    latest_backup: Option<String>,
}

impl Known {
    /// People talk, make groups and backups until nothing is acknowledged any more.
    async fn hear(&mut self, house: &House, hub: &Provider, group: &[u8], round: u64) {
        let mut talking = JoinSet::new();
        for who in 0..TALKERS {
            talking.spawn(talk(hub.user("alice"), group.to_vec(), format!("{round}.{who}")));
        }
        let founding = tokio::spawn(found_groups(hub.user("bob")));
        while let Ok(made) = house.back_up(hub).await {
            self.latest_backup = Some(made);
        }
        let said = tokio::time::timeout(PATIENCE, talking.join_all()).await.expect("in the dark nobody is answered");
        for (acknowledged, in_doubt) in said {
            self.sent.extend(acknowledged.iter().map(|(text, _)| text.clone()).chain([in_doubt]));
            self.acknowledged.extend(acknowledged);
        }
        let founded = tokio::time::timeout(PATIENCE, founding).await.expect("in the dark nobody is answered");
        self.founded.extend(founded.unwrap());
    }

    /// What is wrong with what the hub gives.
    async fn faults(&self, hub: &Provider, group: &[u8]) -> Vec<String> {
        let mut faults = Vec::new();
        let found = hub.user("reader").read_all(group, 0).await;
        if !found.iter().map(|(index, _)| *index).eq(0..u32::try_from(found.len()).unwrap()) {
            faults.push("indexes are missing".to_owned());
        }
        let places: HashMap<_, _> = found.iter().map(|(index, text)| (text.as_str(), *index)).collect();
        if places.len() != found.len() {
            faults.push("something is there twice".to_owned());
        }
        let missing = self.acknowledged.iter().filter(|(text, index)| places.get(text.as_str()) != Some(index)).count();
        if missing > 0 {
            faults.push(format!("{missing} acknowledged messages are not where they were"));
        }
        if found.iter().any(|(_, text)| !self.sent.contains(text)) {
            faults.push("nobody said that".to_owned());
        }
        for group in &self.founded {
            let page = hub.user("reader").read(group, 0, 0).await;
            // One that cannot be read is none of those that were acknowledged either.
            if !page.is_ok_and(|page| texts(&page.response.epoch) == [FOUNDED]) {
                faults.push("a group is not what it was".to_owned());
            }
        }
        faults
    }
}

/// Says one thing after the other until one is not acknowledged, which may be there or not.
async fn talk(user: User, group: Vec<u8>, who: String) -> (Vec<(String, u32)>, String) {
    let mut acknowledged = Vec::new();
    for number in 0..SAID_MAX {
        let text = format!("{number} of {who}");
        match user.send(&say(&group, 0, &text), None).await {
            Ok(receipt) => acknowledged.push((text, receipt.index)),
            Err(_) => return (acknowledged, text),
        }
    }
    panic!("the power was not cut");
}

/// Makes groups and says something in each, until that fails.
async fn found_groups(user: User) -> Vec<Vec<u8>> {
    let mut groups = Vec::new();
    for _ in 0..SAID_MAX {
        match found_group(&user).await {
            Ok(group) => groups.push(group),
            Err(_) => return groups,
        }
    }
    panic!("the power was not cut");
}

async fn found_group(user: &User) -> Result<Vec<u8>, CallError> {
    let group = user.mint_group_id().await?.group_id;
    user.create_group(&decode(&CreateGroup::bare(&group, key(0)).encode()).unwrap()).await?;
    user.say(&group, 0, FOUNDED).await?;
    Ok(group)
}

/// Some rounds on one disk. Each ends in a flush that never comes to its end.
pub(crate) async fn nothing_acknowledged_is_lost(seed: u64, rounds: u64) {
    let mut random = Random::new(seed);
    let mut house = House::new(MEBIBYTES, seed).await;
    let mut known = Known::default();
    let mut hub = house.start().await;
    let group = hub.user("alice").found().await;
    let mut lost = 0;
    for round in 0..rounds {
        let flushes_left = Some(30 + random.below(200));
        house.disk.break_by(Faults { flushes_left, ..Faults::default() });
        let before = known.acknowledged.len();
        known.hear(&house, &hub, &group, round).await;
        let place = format!("seed {seed}, round {round}");
        assert!(house.disk.platter().is_dark(), "{place}: something else failed: {}", hub.process.logged());
        assert!(known.acknowledged.len() > before, "{place}: nothing was acknowledged");
        lost += house.disk.cut_power().lost;
        hub.process.kill().await;
        house.disk.start_again();
        let (is_sound, said) = house.operate(&["db", "verify"], None).await;
        assert!(is_sound || said.contains("its last write was cut off"), "{place}: {said}");
        if let Some(latest) = &known.latest_backup {
            let (is_sound, said) = house.operate(&["backup", "verify", "--backup", latest], None).await;
            assert!(is_sound, "{place}: {said}");
        }
        hub = house.start().await;
        let faults = known.faults(&hub, &group).await;
        assert!(faults.is_empty(), "{place}: {faults:?}");
    }
    assert!(lost > 0, "seed {seed}: a disk that loses nothing proves nothing");
    hub.process.kill().await;
}

/// A disk that says that it has flushed, and has not, loses what was acknowledged: who looks as above sees it.
pub(crate) async fn a_disk_that_lies_is_found_out(seed: u64) {
    let mut house = House::new(MEBIBYTES, seed).await;
    let mut known = Known::default();
    let mut hub = house.start().await;
    let group = hub.user("alice").found().await;
    house.disk.break_by(Faults { flushes_left: Some(100), lies: true, ..Faults::default() });
    known.hear(&house, &hub, &group, 0).await;
    hub.process.kill().await;
    house.disk.start_again();
    hub = house.start().await;
    let faults = known.faults(&hub, &group).await;
    assert!(faults.iter().any(|fault| fault.contains("not where they were")), "{faults:?}");
    hub.process.kill().await;
}
