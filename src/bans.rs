//! `restante bans`: banning, muting and blocking, through the local listener of the running server.
//!
//! # Privacy
//! What is printed names providers, and users by tags alone. Errors name nobody.

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use restante::{client::http::Operation, config::Config};
use serde_json::{Value, json};

use crate::{
    cli::{BansCommand, Whom},
    date::day,
    local_service::{OPERATOR, explain, service},
};

/// Carries a command out; gives the lines to print.
pub(crate) async fn run(command: &BansCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    let (operation, mut request) = match command {
        BansCommand::Add(add) => (Operation::AddBan, named(&add.ban.whom)),
        BansCommand::Remove(remove) => (Operation::RemoveBan, named(&remove.whom)),
        BansCommand::List(list) => (Operation::ListBans, named(&list.whom)),
    };
    if let BansCommand::Add(add) = command {
        request["mute"] = json!(add.mute);
    }
    let answer =
        service(config, OPERATOR)?.administer(operation, &request).await.map_err(|error| explain(error.into()))?;
    match command {
        BansCommand::Add(_) => Ok(vec![changed(&answer, "banned", "was banned already")]),
        BansCommand::Remove(_) => Ok(vec![changed(&answer, "lifted", "there is no such ban")]),
        BansCommand::List(_) => lines(&answer).context("the server's answer is not understood"),
    }
}

fn named(whom: &Whom) -> Value {
    let mut request = json!({});
    if let Some(provider) = &whom.provider {
        request["provider"] = json!(provider.as_str());
    }
    for (member, name) in [("user", &whom.user), ("identity", &whom.identity)] {
        if let Some(name) = name {
            request[member] = json!(STANDARD.encode(&name.id));
        }
    }
    request
}

fn changed(answer: &Value, new: &str, old: &str) -> String {
    if answer["changed"] == true { new } else { old }.to_owned()
}

fn lines(answer: &Value) -> Option<Vec<String>> {
    let heading = format!("{:<30}  {:<8}  {:<8}  {:<12}  tag", "provider", "subject", "sanction", "since");
    let mut lines = vec![heading];
    for ban in answer["bans"].as_array()? {
        let [provider, subject, sanction] = ["provider", "subject", "sanction"].map(|member| ban[member].as_str());
        let (since, tag) = (day(ban["since_ms"].as_u64()?), ban["tag"].as_str().unwrap_or("-"));
        lines.push(format!("{:<30}  {:<8}  {:<8}  {since:<12}  {tag}", provider?, subject?, sanction?));
    }
    for hub in answer["heard"].as_array()? {
        let (users, since) = (hub["users"].as_u64()?, day(hub["heard_ms"].as_u64()?));
        lines.push(format!("{} bans {users} of our users (list of {since})", hub["hub"].as_str()?));
    }
    Some(lines)
}
