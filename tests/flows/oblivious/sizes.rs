//! What somebody sees who looks at how long messages are, on either side of the relay: nothing of the outcome.

use restante::{
    client::{
        ProblemCode,
        oblivious::{FetchError, KeyPackageFetcher},
    },
    wire::{BearerTokenKind, ClientId, KeyPackageRequest, KeyPackageStatus, UploadKeyPackagesRequest},
};

use super::{
    tap::{Exchange, Tap},
    world::{World, one_time, request},
};
use crate::site::FOLLOWER;

/// The one exchange that there was on a leg.
fn one(tap: &Tap) -> Exchange {
    let [exchange] = &tap.fresh()[..] else { panic!("one request, one answer") };
    exchange.clone()
}

/// Fetches, and gives back what the results were and how the exchanges looked: between user and relay, and between relay
/// and gateway.
async fn observe(
    fetcher: &KeyPackageFetcher,
    taps: &[&Tap; 2],
    requests: Vec<KeyPackageRequest>,
) -> (Vec<(KeyPackageStatus, usize)>, [Exchange; 2]) {
    let fetched = fetcher.fetch(&FOLLOWER.parse().unwrap(), requests).await.unwrap();
    let results = fetched.iter().map(|result| (result.status, result.key_packages.len())).collect();
    (results, taps.map(one))
}

fn assert_same(what: &str, seen: &[Exchange; 2], expected: &[Exchange; 2]) {
    for (leg, (seen, expected)) in ["user and relay", "relay and gateway"].iter().zip(seen.iter().zip(expected)) {
        assert_eq!(seen.request, expected.request, "{what}: the request between {leg}");
        assert_eq!(seen.response, expected.response, "{what}: the answer between {leg}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn success_and_denial_are_as_long_as_each_other_on_both_sides_of_the_relay() {
    use KeyPackageStatus::{Denied, Exhausted, Incompatible, Ok};
    let (world, to_gateway) = World::overheard().await;
    let to_relay = world.tap_relay().await;
    let taps = [&to_relay, &to_gateway];
    for device in 1..=3 {
        world.upload("bob", device, 3).await;
    }
    world.upload("carol", 4, 9).await;
    // One that is fetched below, and no last-resort one behind it.
    let upload = UploadKeyPackagesRequest { client_id: ClientId::new([6; 16]), key_packages: one_time(1) };
    world.follower.user("dave").upload_key_packages(&upload).await.unwrap();
    world.upload("a user with a long name", 5, 0).await;
    let shared = async |user| world.mint(user, BearerTokenKind::Shared).await;
    let [bob, carol, long, dave, erin] = [
        shared("bob").await,
        shared("carol").await,
        shared("a user with a long name").await,
        shared("dave").await,
        shared("erin").await,
    ];
    let unique = world.mint("bob", BearerTokenKind::Unique).await;
    let fetcher = world.fetcher_at(to_relay.address);
    // The gateway's keys are fetched with the first one.
    let (results, expected) = observe(&fetcher, &taps, vec![request("carol", &carol)]).await;
    assert_eq!(results, [(Ok, 1)]);
    for (leg, tap) in expected.iter().zip(["user", "gateway"]) {
        assert!(leg.request.content > 1024 && leg.response.content > 8192, "{tap}: {leg:?}");
    }
    for (what, asked, result) in [
        ("three devices", request("bob", &bob), (Ok, 3)),
        ("a unique token", request("bob", &unique), (Ok, 3)),
        ("the last-resort one", request("a user with a long name", &long), (Ok, 1)),
        ("the only one", request("dave", &dave), (Ok, 1)),
        ("exhausted", request("dave", &dave), (Exhausted, 0)),
        ("incompatible", request("erin", &erin), (Incompatible, 0)),
        ("a wrong token", request("bob", &carol), (Denied, 0)),
        ("no token", request("bob", b"x"), (Denied, 0)),
        ("nobody", request("nobody", &bob), (Denied, 0)),
        ("nobody with a long name", request(&"n".repeat(300), &bob), (Denied, 0)),
    ] {
        let (results, seen) = observe(&fetcher, &taps, vec![asked]).await;
        assert_eq!(results, [result], "{what}");
        assert_same(what, &seen, &expected);
    }

    // The literal request, in clear to nobody but the gateway, looks like a bundle of one.
    let provider = FOLLOWER.parse().unwrap();
    fetcher.fetch_one(&provider, &request("carol", &carol)).await.unwrap();
    assert_same("the literal request", &taps.map(one), &expected);
    let denied = fetcher.fetch_one(&provider, &request("carol", &bob)).await.unwrap_err();
    assert!(matches!(denied, FetchError::Problem(problem) if problem.code == Some(ProblemCode::Denied)), "{denied}");
    assert_same("the literal request denied", &taps.map(one), &expected);

    // A bundle of three is answered with more, as much whatever it comes to.
    let (results, expected) =
        observe(&fetcher, &taps, vec![request("bob", &bob), request("carol", &carol), request("erin", &erin)]).await;
    assert_eq!(results, [(Ok, 3), (Ok, 1), (Incompatible, 0)]);
    assert!(expected.iter().all(|leg| leg.response.content > 4 * 8192));
    let asked = vec![request("nobody", &bob), request("bob", &carol), request("dave", &erin)];
    let (results, seen) = observe(&fetcher, &taps, asked).await;
    assert_eq!(results, [(Denied, 0); 3]);
    assert_same("a bundle", &seen, &expected);
}
