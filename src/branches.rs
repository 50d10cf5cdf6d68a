//! `restante forks`: what an operator sees of forks, and does about them, through the local listener of the running server.
//!
//! # Privacy
//! Standard output names groups and partitions by the beginnings of their hashes, and providers by their ids.

use anyhow::{Context, anyhow};
use restante::{
    client::http::{CallError, ChannelError, Limits, Operation},
    config::Config,
    forks::{Answer, Listed, Listing, dot, svg, text},
};
use restante_process::console::{complain, confirm, say};
use serde_json::{Value, json};

use crate::{
    cli::{ChosenBranch, Drawing, ForksCommand, ListForks, ShowForks, TerminateBranch},
    local_service::{OPERATOR, UNREADABLE, explain, service_within},
};

/// A large branch takes its time. The server goes on after that.
const WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(120);
/// How many groups are listed.
const LISTED_MAX: usize = 10_000;

/// Carries a command out; gives the lines to print.
pub(crate) async fn run(command: &ForksCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        ForksCommand::List(ListForks { .. }) => list(config).await,
        ForksCommand::Show(show) => draw(show, config).await,
        ForksCommand::Terminate(terminate) => end(terminate, config).await,
        ForksCommand::Restore(chosen) => match one(config, Operation::RestoreBranch, &request(chosen)).await? {
            Answer::Done { partitions, is_done } => Ok(vec![done("restored", partitions, is_done)]),
            other => Err(refused(other)),
        },
    }
}

async fn list(config: &Config) -> anyhow::Result<Vec<String>> {
    let (mut groups, mut after): (Vec<Listed>, Option<String>) = (Vec::new(), None);
    loop {
        let page = ask(config, Operation::ListForks, &json!({ "after": after })).await?;
        let Listing { groups: more, after: next } = serde_json::from_value(page).context(UNREADABLE)?;
        groups.extend(more);
        after = next;
        if after.is_none() || groups.len() >= LISTED_MAX {
            break;
        }
    }
    if groups.is_empty() {
        return Ok(vec!["no group shows a fork".to_owned()]);
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.evident_ms));
    if after.is_some() {
        complain(&format!("there are more: these are the first {} in the order of their names", groups.len()));
    }
    Ok(text::list(&groups))
}

async fn draw(show: &ShowForks, config: &Config) -> anyhow::Result<Vec<String>> {
    match one(config, Operation::ShowForks, &json!({ "group": show.group })).await? {
        Answer::Picture(picture) => Ok(match show.format {
            Drawing::Text => text::draw(&picture),
            Drawing::Dot => dot::draw(&picture),
            Drawing::Svg => svg::draw(&picture),
            Drawing::Json => vec![serde_json::to_string_pretty(&picture)?],
        }),
        other => Err(refused(other)),
    }
}

fn request(ChosenBranch { group, branch, .. }: &ChosenBranch) -> Value {
    json!({ "group": group, "branch": branch })
}

/// Says what it would mean, asks, and does it.
async fn end(terminate: &TerminateBranch, config: &Config) -> anyhow::Result<Vec<String>> {
    let request = request(&terminate.chosen);
    let notice = match one(config, Operation::ForeseeTermination, &request).await? {
        Answer::Notice(notice) => notice,
        other => return Err(refused(other)),
    };
    let lines = text::notice(&notice);
    if terminate.dry_run {
        return Ok(lines);
    }
    lines.iter().try_for_each(|line| say(line))?;
    if !terminate.yes {
        confirm("Terminate it?")?;
    }
    match one(config, Operation::TerminateBranch, &request).await? {
        Answer::Done { partitions, is_done } => Ok(vec![done("terminated", partitions, is_done)]),
        other => Err(refused(other)),
    }
}

fn done(what: &str, partitions: u64, is_done: bool) -> String {
    let rest = if is_done { "" } else { "; there are more, and the server goes on with them" };
    let plural = if partitions == 1 { "" } else { "s" };
    format!("{what}: {partitions} partition{plural}{rest}")
}

/// What to tell of an answer that is not what was asked for.
fn refused(answer: Answer) -> anyhow::Error {
    match answer {
        Answer::Refused { reason, top: Some(top) } => anyhow!("{} ({top})", reason.text()),
        Answer::Refused { reason, top: None } => anyhow!("{}", reason.text()),
        Answer::Unnamed { several: true } => {
            anyhow!("several have a name that begins so: give more digits, as `restante forks show` prints them")
        }
        Answer::Unnamed { several: false } => anyhow!(
            "there is no such group, or no such partition of it: `restante forks list` and `restante forks show` print \
             their names"
        ),
        Answer::Picture(_) | Answer::Notice(_) | Answer::Done { .. } => anyhow!(UNREADABLE),
    }
}

async fn one(config: &Config, operation: Operation, request: &Value) -> anyhow::Result<Answer> {
    serde_json::from_value(ask(config, operation, request).await?).context(UNREADABLE)
}

async fn ask(config: &Config, operation: Operation, request: &Value) -> anyhow::Result<Value> {
    let limits = Limits { request: WAIT_MAX, ..Limits::default() };
    let asking = service_within(config, OPERATOR, limits)?.administer(operation, request).await;
    asking.map_err(|error| {
        if matches!(error, CallError::Channel(ChannelError::Timeout)) {
            complain("the server has not said that it is done; what was begun goes on: ask again");
        }
        explain(error.into())
    })
}
