//! The scenes of the act in which a group forks, in the order in which they are played.

pub(in crate::demo) mod banning;
pub(in crate::demo) mod crossing;
pub(in crate::demo) mod ending;
pub(in crate::demo) mod gathering;
pub(in crate::demo) mod keeping;
pub(in crate::demo) mod parting;
pub(in crate::demo) mod restoring;
pub(in crate::demo) mod showing;
pub(in crate::demo) mod splitting;
pub(in crate::demo) mod traces;

use crate::{
    client::{Problem, ProblemCode, http::CallError},
    demo::{Failure, company::Company, device::Device, narrator::Narrator, stage::Stage, transcript::Transcript},
    forks::{group_name, partition_name},
    sequencer::GroupKey,
};

/// What one has to know of forks before the act.
pub(in crate::demo) fn tell(narrator: &mut Narrator) {
    narrator.tell(
        "In MLS it is the members who have the state of a group, and no server. When some apply one commit and others \
         another, one group has become two: it has forked. From then on neither side can decrypt what is said on the \
         other. It happens by mistake, and it can be done on purpose.",
    );
    narrator.tell("");
    narrator.tell(
        "A hub that knows one line of epochs only would lose one of the sides. To Restante a group is a tree of \
         partitions: each side goes on in a branch of its own, and what to do about it is for people to decide.",
    );
}

/// The names by which the operator knows the group, and the branch that began with Trudy's commit.
struct Names {
    group: String,
    branch: String,
}

impl Names {
    fn of(company: &Company) -> Result<Self, Failure> {
        let exchanges = company.record.all();
        let mut trudys = exchanges.iter().filter(|exchange| exchange.seat.name == company.trudy.seat.name);
        let commit = trudys.find_map(|exchange| exchange.commit()?.commit_data);
        let announced = commit.ok_or("Trudy has sent no commit")?.next_partition_key.masked();
        let group = group_name(&GroupKey::of(company.alice.group_id()));
        Ok(Self { group, branch: partition_name(&announced) })
    }
}

/// The operator of hub.example runs the program.
async fn operate(
    stage: &mut Stage,
    company: &mut Company,
    narrator: &mut Narrator,
    words: &[&str],
) -> Result<String, Failure> {
    let printed = stage.providers()?.hub.operate(words).await?;
    narrator.terminal(&format!("restante {}", words.join(" ")), &printed);
    company.printed.push_str(&printed);
    Ok(printed)
}

/// Whether each of them has read each of these texts once, and none of the others.
fn have_read<'a>(transcripts: impl IntoIterator<Item = &'a Transcript>, texts: &[&str], others: &[&str]) -> bool {
    let times = |transcript: &Transcript, text: &str| transcript.texts().filter(|known| *known == text).count();
    transcripts.into_iter().all(|transcript| {
        texts.iter().all(|text| times(transcript, text) == 1) && others.iter().all(|text| times(transcript, text) == 0)
    })
}

/// What those on Trudy's branch know, herself among them.
fn beyond(company: &Company) -> [&Transcript; 3] {
    [&company.erin.transcript, &company.frank.transcript, &company.trudy.transcript]
}

fn shut_out(company: &Company) -> [&Transcript; 4] {
    [&company.alice, &company.bob, &company.carol, &company.dave].map(|device: &Device| &device.transcript)
}

/// How often a commit is brought that the hub had no time to follow. Each time it takes up to ten seconds for that (F12).
const TRIES: u32 = 4;

/// Whether the hub refuses by its policy a commit that comes without the tree. As long as it has had no time to follow that,
/// it says nothing of its policy: it takes nothing, and asks for the tree.
async fn is_denied<T>(bring: impl AsyncFn() -> Result<T, CallError>) -> bool {
    for _try in 0..TRIES {
        match bring().await {
            Err(CallError::Problem(Problem { code: Some(ProblemCode::RatchetTreeRequired), .. })) => {}
            Err(CallError::Problem(Problem { code: Some(ProblemCode::PolicyDenied), .. })) => return true,
            Ok(_) | Err(_) => return false,
        }
    }
    false
}
