//! `restante bans`: banning, muting and blocking, through the local listener of the running server.
//!
//! # Privacy
//! What is printed names providers, and users by tags alone. Errors name nobody.

use anyhow::{Context, anyhow, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use restante::{
    client::{
        ProblemCode,
        http::{CallError, Operation},
    },
    config::Config,
};
use restante_process::console::complain;
use serde_json::{Value, json};

use crate::{
    cli::{BansCommand, Whom},
    date::{day, short_time},
    local_service::{OPERATOR, UNREADABLE, explain, service},
};

/// Whoever mistypes an id must not believe that its user is banned. What the server has of users is all that it can tell.
const UNKNOWN_USER: &str = "the server has no KeyPackages of this user and has minted no tokens: if they should have \
                            some, look whether the id is written as your service writes it; the ban is for this id, \
                            whoever comes with it";
const NOBODY: &str = "there is no such ban";
/// Users of the same name have the same tag at each provider, so it says little without the provider.
const UNKNOWN_TAG: &str = "write --tag and --provider as `restante bans list` prints them";

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
    if let BansCommand::Remove(remove) = command
        && let Some(tag) = &remove.tag
    {
        request["tag"] = json!(tag);
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
        BansCommand::Add(add) => {
            if answer["known"] == false {
                complain(UNKNOWN_USER);
            }
            Ok(vec![added(&answer, &add.ban.whom, add.mute)])
        }
        BansCommand::Remove(remove) if answer["changed"] != true && remove.tag.is_some() => {
            bail!("nothing was lifted: {NOBODY}; {UNKNOWN_TAG}")
        }
        BansCommand::Remove(remove) if answer["changed"] != true => {
            bail!("nothing was lifted: {}", nobody(&remove.whom, config))
        }
        BansCommand::Remove(_) => Ok(vec!["lifted".to_owned()]),
        BansCommand::List(list) => {
            // Somebody who was a peer once may have bans still.
            if answer["bans"].as_array().is_some_and(Vec::is_empty) && is_stranger(&list.whom, config) {
                bail!(nobody(&list.whom, config));
            }
            lines(&answer, &list.whom).context(UNREADABLE)
        }
    }
}

/// Why nobody was found: a provider that is no peer was most likely mistyped.
fn nobody(whom: &Whom, config: &Config) -> String {
    match &whom.provider {
        Some(provider) if is_stranger(whom, config) => format!("{NOBODY}, and {provider} is none of the [[peers]]"),
        Some(_) | None => format!("{NOBODY}; write whom it is about as it was written for `restante bans add`"),
    }
}

/// Whether it is about a provider that is neither this one nor a peer.
fn is_stranger(whom: &Whom, config: &Config) -> bool {
    let Config { provider: own, peers, .. } = config;
    whom.provider.as_ref().is_some_and(|id| *id != own.id && peers.iter().all(|peer| peer.id != *id))
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

/// Bans, each with its tag below it: lines that a terminal of 80 columns does not break.
fn lines(answer: &Value, whom: &Whom) -> Option<Vec<String>> {
    let bans = answer["bans"].as_array()?;
    let row = |provider: &str, subject: &str, sanction: &str, since: &str| {
        format!("{provider:<36}  {subject:<8}  {sanction:<8}  {since}")
    };
    let mut lines = vec![match (bans.is_empty(), whom) {
        (false, _) => row("provider", "subject", "sanction", "since (GMT)"),
        (true, Whom { provider: None, user: None, identity: None }) => "this hub bans nobody".to_owned(),
        (true, _) => NOBODY.to_owned(),
    }];
    for ban in bans {
        let [provider, subject, sanction] = ["provider", "subject", "sanction"].map(|member| ban[member].as_str());
        lines.push(row(provider?, subject?, sanction?, &short_time(ban["since_ms"].as_u64()?)));
        lines.extend(ban["tag"].as_str().map(|tag| format!("  tag {tag}")));
    }
    for hub in answer["heard"].as_array()? {
        let (users, since) = (hub["users"].as_u64()?, day(hub["heard_ms"].as_u64()?));
        lines.push(format!("{} bans {users} of our users (list of {since})", hub["hub"].as_str()?));
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Whom = Whom { provider: None, user: None, identity: None };

    #[test]
    fn what_is_listed_fits_a_terminal() {
        let ban = |subject: &str, tag: Value| {
            let (provider, since_ms) = ("messages-of-our-town.example", 1_700_000_000_000_u64);
            json!({
                "provider": provider, "subject": subject, "sanction": "blocked", "since_ms": since_ms, "tag": tag,
            })
        };
        let bans = [ban("provider", Value::Null), ban("identity", json!("0f".repeat(16)))];
        let lines = lines(&json!({ "bans": bans, "heard": [] }), &ALL).unwrap();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        assert!(lines[1].ends_with("  14 Nov 2023 22:13:20"), "{lines:?}");
        assert!(lines[3].ends_with(&"0f".repeat(16)) && !lines[2].contains("tag"), "{lines:?}");
    }

    #[test]
    fn what_somebody_is_now_and_was_before_is_said() {
        let added = |changed: bool, was: Value, mute: bool| {
            let user = Some("mallory".parse().unwrap());
            added(&json!({ "changed": changed, "was": was }), &Whom { user, ..ALL }, mute)
        };
        assert_eq!(added(true, Value::Null, false), "banned");
        assert_eq!(added(true, json!("banned"), true), "muted (was banned)");
        assert_eq!(added(false, json!("muted"), true), "was muted already");
    }
}
