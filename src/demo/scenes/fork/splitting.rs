//! Trudy splits the group.

use crate::{
    client::{Reason, http::Operation},
    demo::{
        Failure,
        company::Company,
        narrator::Narrator,
        scenes::{are_together, tell_commits},
    },
    mls::EpochNumber,
};

/// What Trudy seals in her commit, in the order of her path: something for Erin, who is her neighbour in the tree, for
/// Frank, and for each of the four others.
const FOR_OTHERS: [usize; 4] = [2, 3, 4, 5];

pub(in crate::demo) async fn play(company: &mut Company, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("A commit that only some can open");
    narrator.tell(
        "A commit brings the next epoch's secret along, sealed to each of the members' keys or to those of parts of the \
         tree (HPKE). Trudy seals it well for Erin and Frank, and garbage for the others. All the rest is as it should \
         be, the signature too: from outside nobody can tell, and neither can Erin and Frank.",
    );
    let (mark, before) = (company.record.mark(), company.alice.epoch());
    company.copy = Some(company.trudy.copy().await?);
    company.saboteur.spoil(&FOR_OTHERS);
    company.trudy.want_fresh_keys()?;
    company.trudy.flush().await?;
    company.saboteur.spoil(&[]);
    for device in company.misled() {
        device.read().await?;
    }
    for device in company.shut_out() {
        device.sync().await?;
    }
    let commits = tell_commits(narrator, &company.record, mark);
    let place = commits.first().and_then(|commit| commit.acknowledgement()).ok_or("the commit was not sequenced")?;
    narrator.check("hub.example has sequenced it: it cannot know better", commits.len() == 1);
    let trudys = (company.trudy.epoch(), company.trudy.partition());
    narrator.check(
        "Erin and Frank have applied it, and are an epoch further, with Trudy",
        trudys.0 == EpochNumber(before.0 + 1)
            && company.misled().iter().all(|device| (device.epoch(), device.partition()) == trudys),
    );
    let ignored = |company: &mut Company| {
        company.shut_out().iter().all(|device| {
            let places = device.transcript.ignored.iter().map(|(at, reason)| (at.epoch, at.index, *reason));
            places.eq([(before, place.index, Reason::Invalid)])
        })
    };
    narrator.check(
        "Alice, Bob, Carol and Dave cannot open it, have ignored it, and are where they were, together",
        ignored(company) && company.alice.epoch() == before && are_together(&company.shut_out()),
    );

    narrator.tell(
        "Their clients, having ignored a commit, ask hub.example where it would lead a newcomer to, and read on to see \
         whether they get there. They do not.",
    );
    let told = |company: &mut Company| {
        company.shut_out().iter().all(|device| {
            device.transcript.forks.iter().map(|fork| (fork.partition, fork.epoch)).eq([(trudys.1, trudys.0)])
        })
    };
    narrator.check("each of the four has told its user, by itself, that the group has forked", told(company));
    let exchanges = company.record.since(mark);
    narrator.check(
        "none has gone to the other side by itself",
        exchanges.iter().all(|exchange| exchange.request.operation != Operation::ExternalJoin),
    );
    Ok(())
}
