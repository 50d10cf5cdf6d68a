//! Externally joining (draft §7.2): somebody asks for the GroupInfo, commits from outside, and goes on at once in the
//! partition that the commit made. Members verify the commit and follow. Somebody who lost their state comes back the
//! same way.
//!
//! What counts as a failure:
//! * a join that was acknowledged and that not all members apply, or that stands in the group twice,
//! * a joiner who cannot send and read with the new partition key before anybody else has moved,
//! * a GroupInfo that is given to whom the policy does not give it, or in another way than if there were none,
//! * a join from an epoch that the group has left that is sequenced anywhere, or leaves its sender outside for good,
//! * members who do not end up in one epoch of one branch, or who see the lost leaf go on beside the new one,
//! * a message that was acknowledged and that somebody reads twice or not at all.

use restante::{
    client::{JoinOptions, OldLeaf, Outsider, PartitionedGroup, Problem, ProblemCode, http::CallError},
    wire::{ExternalJoinRequest, GroupId, GroupInfoRequest, GroupInfoResponse, JoinToken, JoinTokenRequest},
};

use super::{
    device::{self, Device, assert_together, found, talk},
    fault::Deck,
    newcomer::{Handshakes, Newcomer},
    world::{THIRD, World},
};
use crate::site::{FOLLOWER, HUB, Setting};

/// Rough on the way of joins and GroupInfos; the Welcomes before them are not what this is about.
fn weather(from: &str, to: &str) -> Deck {
    match (from, to) {
        (FOLLOWER, HUB) => Deck::shuffled(11, 4, 3),
        (THIRD, HUB) => Deck::shuffled(12, 4, 3),
        _ => Deck::default(),
    }
}

/// Who is given the GroupInfo.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Providers that used the group: third.example has a member in it.
    Peers,
    /// Whoever shows a join token: third.example has nobody in it.
    Token,
}

fn by_token(usual: Setting) -> Setting {
    Setting { more: "[policy]\ngroup_info = \"token\"\n".to_owned(), ..usual }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_colleague_of_a_member_joins_when_handshakes_are_public() {
    Box::pin(join(Handshakes::Public, Access::Peers)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_given_a_token_joins_when_handshakes_are_encrypted() {
    Box::pin(join(Handshakes::Encrypted, Access::Token)).await;
}

async fn join(handshakes: Handshakes, access: Access) {
    let mut world = match access {
        Access::Peers => World::new(weather, |usual| usual).await,
        Access::Token => World::new(weather, by_token).await,
    };
    let members: &[_] = match access {
        Access::Peers => &[(FOLLOWER, "carol"), (THIRD, "erin")],
        Access::Token => &[(FOLLOWER, "carol")],
    };
    let mut devices = found(&world, handshakes, members).await;
    talk(&mut devices, "before, from").await;
    let group_id = devices[0].member.group().group_id().to_vec();

    // Only those who may have it are given the GroupInfo; nobody learns whether there is one.
    let dave = Newcomer::new(&world, THIRD, "dave", handshakes);
    let token = if access == Access::Token {
        let refused = ask(&dave, &group_id, None).await.unwrap_err();
        assert_eq!(code(&refused), Some(ProblemCode::NoGroupInfo));
        let unknown = ask(&dave, b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw", None).await.unwrap_err();
        assert_eq!(code(&unknown), Some(ProblemCode::NoGroupInfo));
        Some(vouch(&devices[1]).await)
    } else {
        None
    };

    // The group goes on while he builds his commit: it is stale, and he begins anew.
    let stale = build(&dave, &group_id, token.as_ref()).await;
    devices[0].member.update().unwrap();
    devices[0].flush().await;
    let sent = dave.asked(async || refusal(dave.service().external_join(&stale, token.as_ref()).await)).await;
    assert_eq!(sent.unwrap_err(), ProblemCode::StaleJoin);

    // He is in as soon as the hub has acknowledged it, whoever knows: the hub itself is killed in between.
    let mut dave = enter(dave, &group_id, token, None).await;
    world.restart(HUB).await;
    dave.say("here I am").await;
    dave.read().await;
    for device in &mut devices {
        device.read_until(|device| device.heard.values().any(|text| text == "here I am")).await;
        assert_eq!(device.joined.iter().filter(|name| *name == "dave").count(), 1, "{}", device.name());
    }
    devices.push(dave);
    talk(&mut devices, "with dave, from").await;

    // Carol's device is lost with all it knew. The new one takes the old one's place.
    let lost = devices.remove(1);
    let names = lost.names();
    drop(lost);
    let token = if access == Access::Token { Some(vouch(&devices[0]).await) } else { None };
    let carol = Newcomer::new(&world, FOLLOWER, "carol", handshakes);
    let mut carol = enter(carol, &group_id, token, Some(OldLeaf::Own)).await;
    world.restart(FOLLOWER).await;
    carol.say("back again").await;
    for device in &mut devices {
        device.read_until(|device| device.heard.values().any(|text| text == "back again")).await;
        assert_eq!(device.names(), names, "to {}, one leaf has taken the other's place", device.name());
    }
    devices.push(carol);
    talk(&mut devices, "with carol, from").await;
    assert_together(&devices.iter().collect::<Vec<_>>());
    for from in [FOLLOWER, THIRD] {
        let happened = world.line(from, HUB).happened();
        assert!(happened.is_rough(), "{from}: {happened:?}");
    }
    world.end().await;
}

/// A member's provider vouches for somebody.
pub(super) async fn vouch(member: &Device) -> JoinToken {
    let group = member.member.group();
    let request = JoinTokenRequest {
        group_id: group.group_id().to_vec(),
        partition_key: group.partition_key().clone(),
        ttl_seconds: 600,
    };
    let response = member.newcomer.asked(async || member.newcomer.service().join_token(&request).await).await;
    JoinToken::new(response.token).unwrap()
}

pub(super) async fn ask(
    newcomer: &Newcomer,
    group_id: &[u8],
    token: Option<&JoinToken>,
) -> Result<GroupInfoResponse, CallError> {
    let request = GroupInfoRequest { group_id: group_id.to_vec() };
    newcomer
        .asked(async || match newcomer.service().group_info(&request, token).await {
            Err(error) if error.is_transient() => Err(error),
            outcome => Ok(outcome.map(|(published, _partition)| published)),
        })
        .await
}

/// A join of somebody who has asked for the GroupInfo.
async fn build(newcomer: &Newcomer, group_id: &[u8], token: Option<&JoinToken>) -> ExternalJoinRequest {
    let published = ask(newcomer, group_id, token).await.unwrap();
    let options = JoinOptions { group_info: true, old_leaf: None };
    let hub = HUB.parse().unwrap();
    PartitionedGroup::join_externally(&newcomer.client, hub, group_id, &published, &options).unwrap().1
}

/// Joins from outside, in the place of a leaf whose state is lost if there is one. The hub has acknowledged it when this
/// returns.
pub(super) async fn enter(
    newcomer: Newcomer,
    group_id: &[u8],
    token: Option<JoinToken>,
    lost: Option<OldLeaf>,
) -> Device {
    let id = GroupId::parse(group_id).unwrap();
    let (client, channel, keep) = (newcomer.client.clone(), newcomer.channel.clone(), newcomer.keep.clone());
    let mut outsider = Outsider::new(client, channel, device::pace(), keep, device::policy(), id);
    if let Some(token) = token {
        outsider = outsider.with_token(token);
    }
    let joined = match lost {
        Some(leaf) => outsider.resync(leaf).await.unwrap(),
        None => outsider.join().await.unwrap(),
    };
    assert_eq!(joined.response.commits_before, 0, "nobody else has committed");
    Device::over(newcomer, outsider.into_member(joined))
}

pub(super) fn code(error: &CallError) -> Option<ProblemCode> {
    match error {
        CallError::Problem(Problem { code, .. }) => *code,
        _ => None,
    }
}

/// What a refusal that stays says; an error that passes is passed on.
pub(super) fn refusal<T>(outcome: Result<T, CallError>) -> Result<Result<T, ProblemCode>, CallError> {
    match outcome {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => Ok(Err(code(&error).ok_or(error)?)),
    }
}
