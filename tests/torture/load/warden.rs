//! An operator who bans, mutes and pardons people of both providers, and looks before each change whether what was
//! acknowledged is in force: also behind whatever has happened to the server meanwhile.

use base64::{Engine, engine::general_purpose::STANDARD};
use restante::client::http::Operation;
use serde_json::{Value, json};

use super::Load;
use crate::{
    model::{Sanction, Subject},
    site::User,
    world::Provider,
};

/// Nobody else is called so, and nobody of that name asks for anything.
const NAMES: [&str; 2] = ["nuisance-1", "nuisance-2"];
const BANNED: Sanction = "banned";
const MUTED: Sanction = "muted";

pub(super) async fn guard(mut load: Load, hub: Provider) {
    let name = "warden";
    let mut dice = load.dice(hub, name);
    let operator = load.world.user(hub, name);
    let subjects = Provider::BOTH.map(|provider| NAMES.map(|name| Subject { hub, provider, name }));
    let subjects = subjects.as_flattened();
    while !load.is_stopping() {
        if compare(&load, &operator, subjects).await.is_none() {
            return;
        }
        let subject = subjects[dice.below(subjects.len())];
        let sanction = [None, Some(MUTED), Some(BANNED)][dice.below(3)];
        let (operation, request) = change(subject, sanction);
        load.model.bans().ask(subject, sanction);
        let ask = async || operator.administer(operation, &request).await;
        if dice.percent(20) {
            // Goes away when there is no answer: it may be in force or not.
            match ask().await {
                Ok(_) => load.model.bans().settle(subject, sanction),
                Err(error) if error.is_transient() => load.model.wonder(),
                Err(error) => return load.model.hold(Err(format!("a change of bans: refused: {error}"))),
            }
        } else {
            let Some(_) = load.answered("a change of bans", ask).await else { return };
            load.model.bans().settle(subject, sanction);
        }
        let pause = dice.millis(50, 400);
        load.rest(pause).await;
    }
    let _ = compare(&load, &operator, subjects).await;
}

fn change(subject: Subject, sanction: Option<Sanction>) -> (Operation, Value) {
    let mut request = named(subject);
    let Some(sanction) = sanction else { return (Operation::RemoveBan, request) };
    request["mute"] = json!(sanction == MUTED);
    (Operation::AddBan, request)
}

fn named(Subject { provider, name, .. }: Subject) -> Value {
    json!({ "provider": provider.id(), "user": STANDARD.encode(name) })
}

/// What the server says of each of them, and how many it knows in all. Nothing if it does not say.
async fn compare(load: &Load, operator: &User, subjects: &[Subject]) -> Option<()> {
    for subject in subjects {
        let bans = list(load, operator, &named(*subject)).await?;
        let found = bans.first().and_then(|ban| ban["sanction"].as_str());
        load.model.hold(load.model.bans().compare(*subject, found));
    }
    let bans = list(load, operator, &json!({})).await?;
    load.model.hold(load.model.bans().count(subjects[0].hub, bans.len()));
    Some(())
}

async fn list(load: &Load, operator: &User, request: &Value) -> Option<Vec<Value>> {
    let ask = async || operator.administer(Operation::ListBans, request).await;
    let answer = load.answered("a list of bans", ask).await?;
    answer["bans"].as_array().cloned()
}
