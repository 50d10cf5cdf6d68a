//! What the operator has ended can be taken back.

use super::{Names, operate};
use crate::demo::{Failure, company::Company, narrator::Narrator, stage::Stage};

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    company: &mut Company,
    narrator: &mut Narrator,
) -> Result<(), Failure> {
    narrator.scene("Operators err, too");
    narrator.tell("Frank complains: he had been talking there. For 30 days the end of a branch can be taken back.");
    let names = Names::of(company)?;
    let restored = operate(stage, company, narrator, &["forks", "restore", &names.group, &names.branch]).await?;
    narrator.check("the branch is restored", restored.trim() == "restored: 1 partition");
    company.frank.flush().await?;
    company.trudy.flush().await?;
    company.read().await?;
    let heard = |text: &str, device: &crate::demo::device::Device| device.transcript.texts().any(|said| said == text);
    narrator.check(
        "what Frank and Trudy had wanted to say is sent now, and read",
        company.trudy.transcript.texts().any(|text| text == "Frank is here") && heard("stay with me", &company.frank),
    );
    narrator.check("Erin, who has gone over, is where she went", company.erin.partition() == company.alice.partition());
    Ok(())
}
