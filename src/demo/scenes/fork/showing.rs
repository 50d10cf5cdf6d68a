//! The operator looks.

use super::{Names, operate};
use crate::{
    demo::{
        Failure,
        company::Company,
        drawing::{dot_nodes, svg_nodes},
        narrator::Narrator,
        stage::{FOLLOWER, HUB, Stage},
    },
    forks::partition_name,
};

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    company: &mut Company,
    narrator: &mut Narrator,
) -> Result<(), Failure> {
    narrator.scene("The operator sees the fork");
    narrator.tell(
        "Alice and Carol have their clients report the fork, through their own providers. What comes now is typed at a \
         terminal beside the running hub.example (with --config, left out here).",
    );
    company.alice.report_fork().await?;
    company.carol.report_fork().await?;
    let reported = operate(stage, company, narrator, &["reports", "list"]).await?;
    let lines: Vec<_> = reported.lines().collect();
    let is_counted = |from: &str| {
        let source = format!("from users of {from},");
        lines.windows(2).any(|pair| {
            pair[0].split_whitespace().take(3).eq([HUB, "fork", "1"]) && pair[1].trim_start().starts_with(&source)
        })
    };
    narrator.check(
        "both reports are counted, by whose users they came from; who it was, and which group, is not kept",
        is_counted(HUB) && is_counted(FOLLOWER),
    );
    narrator.tell(
        "A fork is reported of the provider where the group lives. Its operator cannot read what is said in any group. \
         Which one has forked can be seen.",
    );
    let names = Names::of(company)?;
    let listed = operate(stage, company, narrator, &["forks", "list"]).await?;
    narrator.tell(
        "A group is called by how the hash of its id begins. \"Rival children\" are two epochs that follow the same one \
         and are used by different providers, \"rival heads\" two newest epochs of one number. Where honest people have \
         committed at the same time, nobody goes on with the commit that lost, and nothing is listed.",
    );
    // Below a group stand its signs.
    let groups: Vec<_> = listed.lines().skip(1).filter(|line| !line.starts_with(' ')).collect();
    narrator.check(
        "it is this group, and neither of those in the acts before, where commits have raced as well",
        matches!(groups[..], [group] if group.starts_with(&names.group)) && listed.contains("! rival children since "),
    );
    let drawn = operate(stage, company, narrator, &["forks", "show", &names.group]).await?;
    narrator.tell(
        "Time goes down; each star or circle is an epoch. On the left is the dominant branch. What leaves it hangs to \
         the right: the epoch of Trudy's commit. Users are not named, only providers.",
    );
    let head = partition_name(&company.alice.partition());
    let line = |name: &str| drawn.lines().find(|line| line.contains(name) && line.contains("epoch ")).unwrap_or("");
    narrator.check(
        "the epoch where Alice is stands on the left, as the dominant head",
        line(&head).starts_with('*') && line(&head).contains("the dominant head"),
    );
    let beside = drawn.lines().skip_while(|line| !line.starts_with("|-o")).nth(1).unwrap_or("");
    narrator.check(
        "Trudy's stands beside it, committed by somebody at third.example",
        line(&names.branch).starts_with("|-o") && beside.contains("committed by third.example"),
    );
    let hub = &stage.providers()?.hub;
    let dot = hub.operate(&["forks", "show", &names.group, "--format", "dot"]).await?;
    let svg = hub.operate(&["forks", "show", &names.group, "--format", "svg"]).await?;
    narrator.check(
        "with --format dot and --format svg it is a graph and a picture, well-formed, of three epochs",
        dot_nodes(&dot) == Some(3) && svg_nodes(&svg) == Some(3),
    );
    stage.keep("fork.dot", &dot)?;
    stage.keep("fork.svg", &svg)?;
    company.printed.push_str(&dot);
    company.printed.push_str(&svg);
    Ok(())
}
