//! A ban acts in the branch where it stands, and in no other.

use super::{is_denied, shut_out};
use crate::{
    client::Reason,
    demo::{Failure, company::Company, narrator::Narrator, scenes::tell_sends},
};

/// What Trudy says on both branches.
const SAID: &str = "you cannot keep me out";

pub(in crate::demo) async fn play(company: &mut Company, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("A ban holds in its own branch");
    narrator.tell(
        "Trudy is a member of both branches: she has kept a copy of her client from before her commit, and follows \
         Alice's branch with it. On each she says the same, and makes a commit. Where she is banned, an honest client would not \
         let her; hers does.",
    );
    let mark = company.record.mark();
    let Some(mut copy) = company.copy.take() else { return Err("Trudy has kept no copy".into()) };
    copy.read().await?;
    let together = copy.partition() == company.alice.partition();
    let said = copy.encrypt_anyway(SAID)?;
    copy.service().send(&said, None).await?;
    let commit = copy.commit_anyway()?;
    let refused = is_denied(async || copy.service().send(&commit, None).await).await;
    company.trudy.say(SAID).await?;
    company.trudy.want_fresh_keys()?;
    company.trudy.flush().await?;
    company.read().await?;
    tell_sends(narrator, &company.record, mark);
    narrator.check("her copy is in Alice's epoch, with a right key", together);
    let suppressed = shut_out(company).into_iter().chain([&company.erin.transcript]).all(|transcript| {
        let ignored = transcript.ignored.last().map(|(_, reason)| *reason);
        ignored == Some(Reason::Forbidden) && transcript.texts().all(|text| text != SAID)
    });
    narrator.check(
        "what she says there, hub.example cannot see through, and takes; all five clients suppress it",
        suppressed,
    );
    narrator.check("her commit there hub.example can see, and refuses (policy_denied)", refused);
    narrator.check(
        "on her own branch Frank has read what she said, and followed her commit: nobody has banned her there",
        company.frank.transcript.texts().any(|text| text == SAID)
            && company.frank.partition() == company.trudy.partition(),
    );
    Ok(())
}
