//! The operator ends Trudy's branch.

use super::{Names, operate};
use crate::{
    client::http::Operation,
    demo::{Failure, company::Company, narrator::Narrator, stage::Stage},
};

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    company: &mut Company,
    narrator: &mut Narrator,
) -> Result<(), Failure> {
    narrator.scene("The operator ends a branch");
    narrator.tell(
        "The commit that most of the group did not follow came from third.example. Nothing happens by itself: it is the \
         operator who may end a branch. First, what would that mean?",
    );
    let names = Names::of(company)?;
    let words = ["forks", "terminate", &names.group, &names.branch];
    let foreseen = operate(stage, company, narrator, &[&words[..], &["--dry-run"]].concat()).await?;
    narrator.check(
        "it names whose users are on that branch only, and until when it could be taken back",
        foreseen.contains("only this branch and what leads to it: third.example.")
            && foreseen.contains("It could be restored until "),
    );
    company.erin.say("is this thing on?").await?;
    narrator.check("nothing has happened yet: Erin can still say something", !company.erin.has_work());

    let ended = operate(stage, company, narrator, &[&words[..], &["--yes"]].concat()).await?;
    narrator.check("the branch is terminated", ended.lines().last() == Some("terminated: 1 partition"));

    let (mark, there) = (company.record.mark(), company.trudy.partition());
    company.erin.want_to_say("is anybody there?")?;
    company.frank.want_to_say("Frank is here")?;
    company.trudy.want_to_say("stay with me")?;
    let refused = [company.erin.try_flush().await?, company.frank.try_flush().await?, company.trudy.try_flush().await?];
    let sends: Vec<_> = company.record.since(mark).iter().map(|exchange| exchange.status()).collect();
    narrator.check(
        "Erin, Frank and Trudy can send nothing: 410, branch_terminated",
        refused == [true; 3] && sends == [Some(410); 3],
    );
    company.read().await?;
    narrator.check(
        "reading goes on: Frank has read what Erin said last",
        company.frank.transcript.texts().any(|text| text == "is this thing on?"),
    );
    let joins = company.record.since(mark).iter().any(|exchange| exchange.request.operation == Operation::ExternalJoin);
    let stayed = company.misled().iter().all(|device| device.partition() == there);
    narrator.check("nobody was moved: their clients wait for what their users want", !joins && stayed);
    company.bob.say("nothing has changed here").await?;
    company.read().await?;
    narrator.check(
        "Alice's branch goes on as before",
        company.dave.transcript.texts().any(|text| text == "nothing has changed here"),
    );
    Ok(())
}
