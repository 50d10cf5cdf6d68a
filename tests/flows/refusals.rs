//! Refusals of what is large: whoever sends megabytes is told why they were not taken, and not just cut off.

use restante::client::{
    ProblemCode,
    http::{Channel, ChannelRequest, DeliveryService, Limits, LocalClient, Operation, ServiceToken, UserId},
};

use crate::{
    fixtures::{mls, requests},
    people::{Person, key},
    site::{FOLLOWER, HUB, Setting, Site},
};

const LARGE: usize = 20 * 1024 * 1024;

/// The code of the answer to a large request, again and again: it must not depend on who is faster.
async fn refused(channel: &impl Channel, operation: Operation, body: &[u8], code: ProblemCode) {
    for attempt in 0..5 {
        let request = ChannelRequest::new(operation, body.to_vec().into());
        let answer = channel.post(request).await.unwrap_or_else(|error| panic!("attempt {attempt}: {code:?}: {error}"));
        assert_eq!(answer.status.as_u16(), code.status(), "{}", String::from_utf8_lossy(&answer.body));
        let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(document["type"], code.urn());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_requests_are_told_why_they_are_refused() {
    let site = Site::new(&["stranger.example"]).await;
    let more = "[limits]\napplication_message_bytes = 1000\nhandshake_bytes = 1000\nwelcome_bytes = 1000\n\
                group_info_bytes = 1000\n"
        .to_owned();
    let hub = site.start(&Setting { more, ..Setting::new(HUB) }).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    let large = requests::send(&mls::application(&group, 0, &vec![0; LARGE]), key(0));

    // HTTP/1.1, on the local listener.
    refused(alice.channel(), Operation::Send, &large, ProblemCode::TooLarge).await;
    refused(alice.channel(), Operation::Receive, &large, ProblemCode::TooLarge).await;
    let (wrong, user) = (ServiceToken::new("another-service-token").unwrap(), UserId::new(b"alice").unwrap());
    let wrong = LocalClient::new(hub.local.clone(), wrong, user, Limits::default());
    refused(&wrong, Operation::Send, &large, ProblemCode::Unauthorized).await;

    // HTTP/2, on the provider listener.
    let channel = |id: &str| {
        let client = site.pki.client(&site.pki.identity(id), HUB, hub.provider);
        client.peer(&HUB.parse().unwrap()).unwrap()
    };
    refused(&channel(FOLLOWER), Operation::Send, &large, ProblemCode::TooLarge).await;
    refused(&channel("stranger.example"), Operation::Send, &large, ProblemCode::NotAPeer).await;

    // The connections are as good as before.
    alice.say(&group, 0, "small").await.unwrap();
    DeliveryService::new(channel(FOLLOWER)).say(&group, 0, "small too").await.unwrap();
    assert_eq!(alice.read_all(&group, 0).await.len(), 2);
}
