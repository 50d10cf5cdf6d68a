//! What was written down of all this.

use super::Names;
use crate::demo::{
    Failure,
    company::Company,
    haystack::Haystack,
    narrator::Narrator,
    scenes::traces::{Secrets, logs},
    stage::{Providers, Stage},
};

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    company: &Company,
    narrator: &mut Narrator,
) -> Result<(), Failure> {
    narrator.scene("What is known, and what was written down");
    let live = [company.alice.request().partition_key, company.trudy.request().partition_key];
    let secrets = Secrets::of(&company.record.all(), live.into(), company.words());
    let Providers { hub, follower, third, .. } = stage.providers()?;
    let printed = company.printed.to_lowercase();
    let group_id = company.alice.group_id();
    narrator.check(
        "what the operator's program has printed holds no user, group id, partition key, whole hash of one, or word of \
         the group",
        printed.contains(&Names::of(company)?.group)
            && secrets.needles(group_id).iter().all(|needle| !printed.contains(&needle.to_lowercase())),
    );
    logs(narrator, &[hub, follower, third], &secrets, group_id)?;
    let databases = [hub.database(), follower.database(), third.database()];
    let [hub, follower, third] = databases.map(|database| Haystack::read(&database));
    let databases = [hub?, follower?, third?];
    narrator.check(
        "the database of hub.example holds the hash of every partition key, of both branches",
        databases[0].holds(&secrets.hashes()) == secrets.hashes().len(),
    );
    narrator.check(
        "it holds none of the keys, and nothing of what was said; those of the followers do not either",
        databases.iter().all(|database| database.holds(&secrets.never_stored()) == 0),
    );
    Ok(())
}
