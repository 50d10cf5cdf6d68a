//! The keys of the hub's gateway, changed by `restante keys` while the hub serves with them. What it changes by itself when
//! it starts, `probe.rs` looks at.

use std::{collections::HashSet, ffi::OsStr, path::Path, process::Output};

use sha2::{Digest as _, Sha256};

use crate::{
    load::{Load, exchange},
    process::PROGRAM,
    running::{Harm, run, was_killed},
    site::HUB,
    symptoms,
    world::Provider,
};

/// Ids come round after 256 keys, of which the hub makes some by itself: those of the last ones are not given again.
const GONE_MAX: usize = 50;

/// What `restante keys list` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Listed {
    ids: Vec<u8>,
    sha256: String,
}

/// What is known of the keys.
#[derive(Default)]
pub(crate) struct Keys {
    /// Ids of keys that are used no more, the newest last.
    gone: Vec<u8>,
}

impl Keys {
    /// Has a key follow, or retires one if there are two; the command ends at that point. Whether it did.
    pub(crate) async fn change(&mut self, load: &Load, point: &str) -> bool {
        let Some(before) = list(load).await else { return false };
        let retired = (before.ids.len() >= 2).then(|| before.ids[0]);
        let id = retired.map(|id| id.to_string());
        let words: Vec<&str> = match &id {
            Some(id) => vec!["retire", id, "--yes"],
            None => vec!["rotate"],
        };
        let output = command(load, &words, Some(point)).await;
        let Some(after) = list(load).await else { return false };
        let kept: HashSet<u8> = before.ids.iter().copied().filter(|id| Some(*id) != retired).collect();
        let now: HashSet<u8> = after.ids.iter().copied().collect();
        load.model.hold(if kept.is_subset(&now) && now.len() <= before.ids.len() + 1 {
            Ok(())
        } else {
            Err(format!("keys {:?} became {:?}, interrupted in {words:?}", before.ids, after.ids))
        });
        if let Some(again) = after.ids.iter().find(|id| self.gone.contains(id)) {
            load.model.hold(Err(format!("the id {again} of a key that was retired is given to another one")));
        }
        self.gone.extend(before.ids.iter().filter(|id| !now.contains(id)));
        let too_many = self.gone.len().saturating_sub(GONE_MAX);
        self.gone.drain(..too_many);
        was_killed(output.status)
    }
}

/// Whether the hub, which has just been started, publishes what is in the file.
pub(crate) async fn compare_published(load: &Load) {
    let place = (HUB, load.world.gateway(Provider::Hub));
    let head = "GET /.well-known/ohttp-gateway HTTP/1.1\r\n";
    let Some(listed) = list(load).await else { return };
    if let Some((200, list)) = exchange(&load.world, place, head, b"").await {
        let published: String = Sha256::digest(&list).iter().map(|byte| format!("{byte:02x}")).collect();
        if published != listed.sha256 {
            load.model.hold(Err(format!("{published} is published, and {listed:?} is in the file")));
        }
    }
}

async fn list(load: &Load) -> Option<Listed> {
    let output = command(load, &["list"], None).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let ids = text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    let sha256 = text.lines().find_map(|line| line.strip_prefix("list sha256 "));
    let listed = sha256.map(|sha256| Listed { ids, sha256: sha256.to_owned() });
    if listed.is_none() {
        let said = String::from_utf8_lossy(&output.stderr);
        load.model.hold(Err(format!("the keys are not readable: {said}")));
    }
    listed
}

async fn command(load: &Load, words: &[&str], point: Option<&str>) -> Output {
    let file = load.world.site.of(HUB).join("restante.toml");
    let mut arguments: Vec<&OsStr> = vec!["keys".as_ref(), words[0].as_ref(), "--config".as_ref(), file.as_os_str()];
    arguments.extend(words[1..].iter().map(OsStr::new));
    let harm = Harm { point: point.map(str::to_owned), ahead: load.world.ahead() };
    let output = run(Path::new(PROGRAM), &arguments, &harm).await;
    for line in symptoms::among(&String::from_utf8_lossy(&output.stderr)) {
        load.model.hold(Err(format!("keys {words:?} said: {line}")));
    }
    output
}
