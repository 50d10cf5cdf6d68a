//! `restante bans`: banning, muting and blocking, through the local listener of the running server.
//!
//! # Privacy
//! What is printed names providers, and users by tags alone. Errors name nobody.

use anyhow::{Context, anyhow};
use base64::{Engine, engine::general_purpose::STANDARD};
use restante::{
    client::{
        ProblemCode,
        http::{CallError, Operation},
    },
    config::Config,
};
use serde_json::{Value, json};

use crate::{
    cli::{BansCommand, Whom},
    date::day,
    local_service::{OPERATOR, UNREADABLE, explain, service},
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
    let asked = service(config, OPERATOR)?.administer(operation, &request).await;
    let answer = asked.map_err(|error| match (&error, command.whom()) {
        (CallError::Problem(problem), Whom { provider: Some(provider), user, identity })
            if problem.code == Some(ProblemCode::UnknownProvider) =>
        {
            let is_whole = user.is_none() && identity.is_none();
            if is_whole && *provider == config.provider.id {
                anyhow!("{provider} is the hub itself: name a user")
            } else {
                anyhow!("{provider} is none of the [[peers]]")
            }
        }
        _ => explain(error.into()),
    })?;
    match command {
        BansCommand::Add(add) => Ok(vec![added(&answer, &add.ban.whom, add.mute)]),
        BansCommand::Remove(_) => {
            Ok(vec![if answer["changed"] == true { "lifted" } else { "there is no such ban" }.to_owned()])
        }
        BansCommand::List(list) => lines(&answer, &list.whom).context(UNREADABLE),
    }
}

/// What somebody is now, and was before.
fn added(answer: &Value, whom: &Whom, mute: bool) -> String {
    let is_blocked = whom.user.is_none() && whom.identity.is_none();
    let now = match (is_blocked, mute) {
        (true, _) => "blocked",
        (false, true) => "muted",
        (false, false) => "banned",
    };
    match (answer["changed"] == true, answer["was"].as_str()) {
        (false, _) => format!("was {now} already"),
        (true, Some(was)) => format!("{now} (was {was})"),
        (true, None) => now.to_owned(),
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

fn lines(answer: &Value, whom: &Whom) -> Option<Vec<String>> {
    let bans = answer["bans"].as_array()?;
    let heading = format!("{:<30}  {:<8}  {:<8}  {:<16}  tag", "provider", "subject", "sanction", "since");
    let mut lines = vec![match (bans.is_empty(), whom) {
        (false, _) => heading,
        (true, Whom { provider: None, user: None, identity: None }) => "this hub bans nobody".to_owned(),
        (true, _) => "there is no such ban".to_owned(),
    }];
    for ban in bans {
        let [provider, subject, sanction] = ["provider", "subject", "sanction"].map(|member| ban[member].as_str());
        let (since, tag) = (day(ban["since_ms"].as_u64()?), ban["tag"].as_str().unwrap_or("-"));
        lines.push(format!("{:<30}  {:<8}  {:<8}  {since:<16}  {tag}", provider?, subject?, sanction?));
    }
    for hub in answer["heard"].as_array()? {
        let (users, since) = (hub["users"].as_u64()?, day(hub["heard_ms"].as_u64()?));
        lines.push(format!("{} bans {users} of our users (list of {since})", hub["hub"].as_str()?));
    }
    Some(lines)
}
