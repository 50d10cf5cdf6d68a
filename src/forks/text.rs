//! A picture as text, for a terminal.

use std::fmt::Write;

use super::{
    answer::Listed,
    layout::{Placed, layout},
    notice::Notice,
    picture::{Branch, Node, Picture, Shape, Shown},
    wording::{ago, counted, date, epochs, name, remarks, sign, users},
};
use crate::sequencer::UnixMillis;

/// specs/protocol.md, F6.
const DOMINANT: &str =
    "  THIS IS THE DOMINANT BRANCH: at each fork most providers went this way, and newcomers are led here.";

/// How many branches are listed.
const BRANCHES_MAX: usize = 32;

/// The whole picture, in lines.
pub fn draw(picture: &Picture) -> Vec<String> {
    let now = picture.at_ms;
    let cut = if picture.is_cut { ", and more that are not drawn" } else { "" };
    let deleted = picture
        .deleted_ms
        .map_or(String::new(), |deleted_ms| format!("DELETED {}, takes nothing any more; ", date(deleted_ms)));
    let mut lines = vec![format!(
        "group {}: {deleted}{}{cut}, created {}",
        picture.group,
        counted(picture.partitions, "partition"),
        date(picture.created_ms)
    )];
    lines.extend(picture.evidence.iter().map(|shown| format!("! {}", sign(shown))));
    lines.push(String::new());
    lines.push("* the dominant branch   o beside it   x terminated   ? no commit leads to it   ! evidence".to_owned());
    lines.push(String::new());
    for placed in layout(picture) {
        node(&picture.nodes[placed.node], placed, now, &mut lines);
    }
    lines.push(String::new());
    lines.push("branches, by who used them last:".to_owned());
    for branch in picture.branches.iter().take(BRANCHES_MAX) {
        lines.extend(branch_lines(branch, now));
    }
    if picture.branches.len() > BRANCHES_MAX {
        lines.push(format!("  and {} more", picture.branches.len() - BRANCHES_MAX));
    }
    if picture.branches.len() > 1 {
        lines.push(String::new());
        lines.push("what it would mean to end a branch:".to_owned());
        lines.push(format!("  restante forks terminate --dry-run {} PARTITION", picture.group));
    }
    lines
}

fn node(node: &Node, placed: Placed, now: UnixMillis, lines: &mut Vec<String>) {
    let bars = "| ".repeat(placed.column);
    let before = if placed.leaves { "| ".repeat(placed.column - 1) + "|-" } else { bars.clone() };
    let mark = match (&node.shape, node) {
        (_, Node { terminated: Some(_), .. }) => 'x',
        (_, Node { epoch: None, .. }) => '?',
        (_, Node { is_dominant: true, .. }) => '*',
        (_, _) => 'o',
    };
    let dots = if matches!(node.shape, Shape::Run { .. } | Shape::Rest { .. }) { ":" } else { "" };
    let mut line = format!("{before}{mark}{dots} {}  {}", node.key, epochs(node));
    for remark in remarks(node) {
        write!(line, ", {remark}").unwrap_or_default();
    }
    if !matches!(node.shape, Shape::Unused { .. }) {
        write!(line, "; {}", users(&node.users, now)).unwrap_or_default();
    }
    lines.push(line);
    if placed.leaves
        && let (Some(by), Shape::Partition) = (&node.announced_by, &node.shape)
    {
        lines.push(format!("{bars}    committed by {by} {}", ago(node.created_ms, now)));
    }
    if let Some(ended) = node.terminated.as_ref().filter(|ended| ended.top == node.key) {
        lines.push(format!("{bars}    terminated {} ({})", date(ended.at_ms), ago(ended.at_ms, now)));
    }
    lines.extend(node.evidence.iter().map(|shown| format!("{bars}  ! {}", sign(shown))));
}

fn branch_lines(branch: &Branch, now: UnixMillis) -> Vec<String> {
    let head = match (branch.is_dominant, branch.newest_epoch) {
        (true, Some(epoch)) => format!("  * dominant, to {} (epoch {epoch})", branch.newest),
        (_, Some(epoch)) => {
            let mark = if branch.terminated.is_some() { 'x' } else { 'o' };
            format!("  {mark} {}, last used at {} (epoch {epoch})", branch.top, branch.newest)
        }
        (_, None) => format!("  ? {}, an orphan", branch.top),
    };
    let ended = branch.terminated.as_ref();
    let ended = ended.map_or(String::new(), |ended| format!(", terminated {}", ago(ended.at_ms, now)));
    let counted = format!("{}, {}", counted(branch.partitions, "partition"), counted(branch.messages, "message"));
    vec![format!("{head}: {counted}{ended}"), format!("      {}", users(&branch.users, now))]
}

/// Groups, each with its signs below it: lines that a terminal of 80 columns does not break.
pub fn list(groups: &[Listed]) -> Vec<String> {
    let row = |group: &str, evident: &str, terminated: &str| format!("{group:<16}  {evident:<29}  {terminated:>10}");
    let mut lines = vec![row("group", "last new evidence", "terminated")];
    for group in groups {
        let evident = group.evident_ms.map_or_else(|| "-".to_owned(), date);
        lines.push(row(&group.group, &evident, &group.terminated.to_string()));
        lines.extend(group.evidence.iter().map(|shown| format!("  ! {}", brief(shown))));
    }
    lines
}

/// A sign in a few words, for a list.
pub fn brief(shown: &Shown) -> String {
    format!("{} since {}", name(shown.sign), date(shown.since_ms))
}

/// What it would mean to end a branch, in sentences.
pub fn notice(notice: &Notice) -> Vec<String> {
    let now = notice.at_ms;
    let epoch = notice.epoch.map_or(String::new(), |epoch| format!(" (epoch {epoch})"));
    let mut lines = vec![format!("Terminating the branch that begins with {}{epoch} means:", notice.top)];
    lines.push(format!(
        "  {} with {} and {} would take no message any more; what is there can still be read.",
        counted(notice.partitions, "partition"),
        counted(notice.messages, "message"),
        counted(notice.heads, "newest epoch"),
    ));
    lines.push(match notice.users.is_empty() {
        true => "  Nobody has used it.".to_owned(),
        false => format!("  It was used by: {}.", users(&notice.users, now)),
    });
    if !notice.stranded.is_empty() {
        lines.push(format!(
            "  Since it began, these have used only this branch and what leads to it: {}.",
            notice.stranded.join(", ")
        ));
    }
    if notice.held > 0 {
        lines.push(format!(
            "  {} that nobody has released would be dropped, and stay so.",
            counted(notice.held, "Welcome")
        ));
    }
    if notice.is_dominant {
        lines.push(DOMINANT.to_owned());
    }
    lines.push(match (&notice.newest, notice.newest_epoch) {
        (Some(newest), Some(epoch)) => format!("  The dominant branch would then lead to {newest} (epoch {epoch})."),
        (_, _) if notice.is_cut => "  How far the dominant branch would then lead is not known.".to_owned(),
        (_, _) => "  No branch would be left.".to_owned(),
    });
    if notice.is_cut {
        lines.push("  The group has more partitions than were looked at: these numbers are the least.".to_owned());
    }
    lines.push(format!("  It could be restored until {}, with `restante forks restore`.", date(notice.until_ms)));
    lines
}
