//! Both sides go on.

use super::{beyond, have_read, shut_out};
use crate::{
    client::Standing,
    demo::{
        Failure,
        cast::TRUDY,
        company::Company,
        narrator::Narrator,
        scenes::{are_together, tell_commits},
    },
};

pub(in crate::demo) async fn play(company: &mut Company, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("Two branches, and both go on");
    narrator.tell(
        "Alice decides to stay. She makes a commit of her own, in the epoch that Trudy's was made for. It bans Trudy: the \
         list of the banned is part of the group's state (GroupContext extension 0xF0D5).",
    );
    let mark = company.record.mark();
    company.alice.ban(&TRUDY).await?;
    company.read().await?;
    let commits = tell_commits(narrator, &company.record, mark);
    let places: Vec<_> = commits.iter().filter_map(|commit| commit.acknowledgement()).collect();
    narrator.check(
        "hub.example has sequenced it too, behind Trudy's",
        matches!(places.as_slice(), [place] if place.commits_before == 1),
    );
    let there = company.trudy.partition();
    let together = company.misled().iter().all(|device| device.partition() == there);
    let passed_over = beyond(company).iter().all(|transcript| transcript.superseded.len() == 1);
    narrator.check(
        "Bob, Carol and Dave have followed Alice; Erin and Frank, who had Trudy's commit already, have passed over hers",
        are_together(&company.shut_out()) && together && passed_over && company.alice.partition() != there,
    );

    narrator.tell("All of them talk, each where they are.");
    let said_here = ["can you read this, Carol?", "yes, Alice", "so can I, says Dave", "and I, says Bob"];
    let said_beyond = ["where have the others gone?", "no idea, Erin", "never mind them"];
    for (branch, names, texts) in [
        ("Alice's branch", &["Alice", "Carol", "Dave", "Bob"][..], &said_here[..]),
        ("Trudy's branch", &["Erin", "Frank", "Trudy"], &said_beyond),
    ] {
        for (name, text) in names.iter().zip(texts) {
            narrator.tell_line(format!("{branch} | {name:5}  \"{text}\""));
        }
    }
    company.alice.say(said_here[0]).await?;
    company.carol.read().await?;
    company.carol.say(said_here[1]).await?;
    company.dave.say(said_here[2]).await?;
    company.bob.say(said_here[3]).await?;
    company.erin.say(said_beyond[0]).await?;
    company.frank.say(said_beyond[1]).await?;
    company.trudy.say(said_beyond[2]).await?;
    company.read().await?;
    narrator.check(
        "Alice, Bob, Carol and Dave have read all that one of them said, once, and nothing of the others",
        have_read(shut_out(company), &said_here, &said_beyond),
    );
    narrator.check("Erin, Frank and Trudy likewise", have_read(beyond(company), &said_beyond, &said_here));
    narrator.tell(
        "Users of two providers are on Alice's branch, of one on Trudy's. The hub counts the providers that had used the \
         group before it forked, and leads newcomers to where most of them are: the dominant branch.",
    );
    narrator.check(
        "asked once more, it tells Alice's client that hers is the dominant branch",
        company.alice.standing().await? == Standing::Dominant,
    );
    Ok(())
}
