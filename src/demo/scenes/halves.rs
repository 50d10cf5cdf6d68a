//! What the relay saw and what the gateway saw: each one half.

use super::fetching::Fetched;
use crate::{
    demo::{
        Failure,
        cast::{ALICE, CAROLS_PHONE, DAVE},
        haystack::Haystack,
        narrator::Narrator,
        relay::{RELAY, split_message},
        stage::{FOLLOWER, Providers, Stage},
        wiretap::Way,
    },
    wire::encode,
};

pub(in crate::demo) fn play(stage: &mut Stage, fetched: &Fetched, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("What the relay saw, and what the gateway saw");
    narrator.tell(
        "The demo holds the keys of both certificates, and has listened in inside their TLS: between Alice and the relay, \
         and between the relay and the gateway.",
    );
    let Providers { follower, relay, .. } = stage.providers()?;
    let posted = posted(&relay.near.since(fetched.near, Way::Out)).ok_or("no request went to the relay")?;
    let passed = posted_first(&relay.far.since(fetched.far, Way::Out)).ok_or("no request went to the gateway")?;
    let answered = posted_first(&relay.far.since(fetched.far, Way::Back)).ok_or("no answer came from the gateway")?;
    narrator.relay_saw(format!("who asks       the token that is {}'s, her address", ALICE.name));
    narrator.relay_saw(format!("what is asked  {} sealed bytes for {FOLLOWER}", posted.1.len()));
    narrator.relay_saw(format!("the answer     {} sealed bytes", answered.1.len()));
    narrator.gateway_saw(format!("who asks       {RELAY}, by its certificate"));
    narrator.gateway_saw(format!("what is asked  KeyPackages of {} and {}", CAROLS_PHONE.user, DAVE.user));
    narrator.gateway_saw(format!("the answer     {} KeyPackages", fetched.key_packages.len()));

    // What is asked: the tags of tokens, which are random; KeyPackages by their middle, because their beginnings are alike.
    let mut asked = vec![CAROLS_PHONE.user.into(), DAVE.user.into()];
    asked.extend([&fetched.carols_token, &fetched.daves_token].map(|token| token[token.len() - 32..].to_vec()));
    for key_package in &fetched.key_packages {
        let bytes = encode(key_package)?;
        asked.push(bytes[bytes.len() / 3..][..48].to_vec());
    }
    let heard = Haystack::of(relay.near.everything());
    let passed_on = Haystack::of(relay.far.everything());
    narrator.check(
        format!(
            "none of the {} bytes that the relay received and sent hold a user id, a token or a KeyPackage",
            heard.length() + passed_on.length()
        ),
        heard.holds(&asked) + passed_on.holds(&asked) == 0,
    );
    narrator.check(
        "what it passed on is what it received, sealed, byte for byte, and longer by nothing",
        posted.1 == passed.1,
    );
    let who = [
        relay.token_text().as_bytes().to_vec(),
        ALICE.user.into(),
        ALICE.identity.into(),
        b"127.0.0.1".to_vec(),
        b"forwarded".to_vec(),
        b"x-forwarded-for".to_vec(),
        b"proxy-authorization".to_vec(),
    ];
    narrator.check(
        "none of the bytes that reached the gateway hold Alice's name, her address or her relay token",
        passed_on.holds(&who) == 0,
    );
    narrator.check("and the search finds what is there: her relay token, on her own wire", heard.holds(&who[..1]) == 1);

    let disk = Haystack::read(relay.folder())?;
    let mut log = relay.log()?;
    log.push_str(&follower.log()?);
    narrator.check(
        "the relay's disk holds none of what was asked, and of Alice's token a hash",
        disk.holds(&asked) == 0 && disk.holds(&who[..1]) == 0,
    );
    let disk = Haystack::read(&follower.database())?;
    narrator.check(
        "the provider's disk holds neither the users' ids nor their tokens, and nothing of who asked",
        disk.holds(&asked[2..4]) + disk.holds(&who[..2]) == 0,
    );
    let log = Haystack::of(vec![log.into_bytes()]);
    narrator.check(
        "and the logs of both, at the most talkative level, hold nothing of either half",
        log.holds(&asked) + log.holds(&who[..4]) == 0,
    );
    Ok(())
}

/// Head and body of the one `POST` on a wire.
pub(super) fn posted(connections: &[Vec<u8>]) -> Option<(Vec<u8>, Vec<u8>)> {
    let message = connections.iter().find_map(|bytes| {
        let at = bytes.windows(5).position(|window| window == b"POST ")?;
        Some(&bytes[at..])
    })?;
    split_message(message).map(|(head, body)| (head.to_vec(), body.to_vec()))
}

/// Head and body of the first message on a wire that has a body.
fn posted_first(connections: &[Vec<u8>]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut messages = connections.iter().filter_map(|bytes| split_message(bytes));
    messages.find(|(_, body)| !body.is_empty()).map(|(head, body)| (head.to_vec(), body.to_vec()))
}
