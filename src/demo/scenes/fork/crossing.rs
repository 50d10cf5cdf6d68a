//! Erin goes over, Frank stays, and Trudy is kept out.

use super::{have_read, is_denied, shut_out};
use crate::{
    client::Standing,
    demo::{
        Failure,
        cast::TRUDY,
        company::Company,
        mode::Mode,
        narrator::Narrator,
        record::Exchange,
        scenes::are_together,
        sight,
        stage::{Stage, THIRD},
    },
};

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    mut company: Company,
    narrator: &mut Narrator,
) -> Result<Company, Failure> {
    narrator.scene("Erin goes over, and Frank stays");
    narrator.tell(
        "Erin's client has been told that its branch is ended. It asks where hub.example leads newcomers to, and shows \
         her who is there. To go there is her decision: a client that moved by itself could be led anywhere.",
    );
    let seen = company.erin.standing().await?;
    let roster = |standing: &Standing| match standing {
        Standing::Fork(fork) => Some((fork.partition, fork.members.as_ref().map(Vec::len))),
        Standing::Dominant | Standing::Unknown => None,
    };
    narrator.check(
        "Erin is shown that there is another branch, Alice's, and its seven members",
        roster(&seen) == Some((company.alice.partition(), Some(7))),
    );
    narrator.tell(
        "She says yes. Her client joins that branch from outside, with a commit that removes the leaf that she had there \
         before the group forked, and then says what it still had to say.",
    );
    let mark = company.record.mark();
    let mut erin = Box::pin(company.erin.go_over()).await?;
    let exchanges = company.record.since(mark);
    let join = exchanges.iter().find_map(Exchange::join).ok_or("Erin has not joined")?;
    narrator.hub_saw(sight::join(THIRD, &join));
    erin.flush().await?;
    company = Company { erin, ..company };
    for device in company.shut_out() {
        device.read().await?;
    }
    company.dave.say("we are, Erin").await?;
    company.erin.read().await?;
    let Company { alice, bob, carol, dave, erin, .. } = &mut company;
    narrator.check(
        "she has the same partition key as Alice, Bob, Carol and Dave, and the group as many members as before",
        are_together(&[alice, bob, carol, dave, erin]) && erin.members() == 7,
    );
    narrator.check(
        "they have read what she could not send on the other branch, and she reads them",
        have_read(shut_out(&company), &["is anybody there?"], &[])
            && have_read([&company.erin.transcript], &["is anybody there?", "we are, Erin"], &[]),
    );

    narrator
        .tell("Frank has not decided yet. Trudy wants to come along, with a new client in the place of her old one.");
    let frank = company.frank.standing().await?;
    narrator.check(
        "Frank's client knows of the fork, is where it was, and still has his message",
        matches!(frank, Standing::Fork(_))
            && company.frank.partition() == company.trudy.partition()
            && company.frank.has_work(),
    );
    let newcomer = TRUDY.newcomer(Mode::Public, stage.providers()?, &company.record)?;
    let join = newcomer.way_back(company.alice.group_id()).await?;
    let refused = is_denied(async || newcomer.service().external_join(&join, None).await).await;
    narrator.check(
        "hub.example refuses her commit (policy_denied): in that branch she is banned, as its public state says",
        refused,
    );
    Ok(company)
}
