//! What cannot be told apart, what cannot be done twice, and what can be taken back.

use super::{
    fetching::{Fetched, request},
    halves::posted,
};
use crate::{
    client::oblivious::FetchedKeyPackages,
    demo::{
        Failure,
        cast::DAVE,
        narrator::Narrator,
        newcomers::Newcomers,
        relay::Relay,
        stage::{FOLLOWER, Stage},
        wiretap::Way,
    },
    wire::{BearerToken, KeyPackageStatus, RevokeTokenRequest, TokenHandle, decode},
};

/// A user whom follower.example does not have, with a name as long as Dave's.
const NOBODY: &str = "evan@follower.example";

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    fetched: &Fetched,
    newcomers: &Newcomers,
    narrator: &mut Narrator,
) -> Result<(), Failure> {
    narrator.scene("What nobody can tell, and what nobody can repeat");
    let relay = &stage.providers()?.relay;
    narrator.tell(
        "Alice asks for Dave once more, and for Evan, who does not exist, with a token that opens nothing. All sizes are \
         those of classes, so that the relay cannot tell one from the other.",
    );
    let known = overheard(relay, fetched, DAVE.user).await?;
    let unknown = overheard(relay, fetched, NOBODY).await?;
    narrator.check("she gets a KeyPackage of Dave, and nothing of Evan", {
        known.result.status == KeyPackageStatus::Ok && unknown.result.status == KeyPackageStatus::Denied
    });
    narrator.relay_saw(format!("{} bytes out, {} bytes back", known.sizes[0], known.sizes[1]));
    narrator.relay_saw(format!("{} bytes out, {} bytes back", unknown.sizes[0], unknown.sizes[1]));
    narrator.check_same("the relay saw as many bytes either time, in each direction", &unknown.sizes, &known.sizes);

    narrator.tell("Somebody has recorded her request for Dave as it went to the relay, and posts it again.");
    let dave = newcomers.dave.service();
    let before = dave.key_package_status().await?;
    let answer = relay.post(&known.encapsulated).await?;
    narrator.check_same("the answer is sealed, and as long as any other", &answer, &known.answer);
    narrator
        .check("nothing was handed out again: Dave's stock is as it was", dave.key_package_status().await? == before);

    narrator.tell("Dave takes the token back that he gave to Alice.");
    let token: BearerToken = decode(&fetched.daves_token)?;
    let handle = TokenHandle::of(&token.handle).ok_or("the token has no handle")?;
    dave.revoke_token(&RevokeTokenRequest::Handle(handle)).await?;
    let revoked = overheard(relay, fetched, DAVE.user).await?;
    narrator.check("she is told the same as about Evan, who does not exist", revoked.result == unknown.result);
    narrator.check_same("in as many bytes", &revoked.sizes, &unknown.sizes);
    Ok(())
}

/// A fetch, and what went over Alice's wire meanwhile.
struct Overheard {
    result: FetchedKeyPackages,
    /// All bytes there and back.
    sizes: [usize; 2],
    encapsulated: Vec<u8>,
    /// The size of the sealed answer.
    answer: usize,
}

async fn overheard(relay: &Relay, fetched: &Fetched, user: &str) -> Result<Overheard, Failure> {
    let moment = relay.near.moment();
    let mut results = fetched.fetcher.fetch(&FOLLOWER.parse()?, vec![request(user, &fetched.daves_token)]).await?;
    let result = results.pop().ok_or("a request without a result")?;
    let [out, back] = [Way::Out, Way::Back].map(|way| relay.near.since(moment, way));
    let sizes = [&out, &back].map(|connections| connections.iter().map(Vec::len).sum());
    let (_, encapsulated) = posted(&out).ok_or("no request went to the relay")?;
    let (_, answer) = back.iter().find_map(|bytes| crate::demo::relay::split_message(bytes)).ok_or("no answer came")?;
    Ok(Overheard { result, sizes, encapsulated, answer: answer.len() })
}
