//! A hub whose disk is full: sends fail, nothing acknowledged is lost, receives go on.

use restante::client::{Problem, ProblemCode, http::CallError};

use crate::{
    people::{Person, say},
    site::{HUB, Provider, Setting, Site},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_fail_receives_go_on_and_nothing_acknowledged_is_lost() {
    let site = Site::new(&[]).await;
    // 512 or 1024 bytes each, by the shell: no file grows beyond half a megabyte or one.
    let mut hub = site.start_in_shell("ulimit -f 1024; trap '' XFSZ;", &Setting::new(HUB)).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    assert!(hub.ready().await.starts_with("HTTP/1.1 200"));
    let mut acknowledged = 0;
    let filling = "x".repeat(3000);
    let error = loop {
        assert!(acknowledged < 1000, "the limit is not in force");
        let request = crate::fixtures::requests::send(
            &crate::fixtures::mls::application(&group, 0, format!("{acknowledged} {filling}").as_bytes()),
            crate::people::key(0),
        );
        match alice.send_encoded(request.into(), None).await {
            Ok(receipt) => {
                assert_eq!(receipt.index, acknowledged);
                acknowledged += 1;
            }
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 50, "{acknowledged}");
    let unavailable = |error: &CallError| {
        matches!(
            error,
            CallError::Problem(Problem { status: 503, code: Some(ProblemCode::Unavailable), retry_after: Some(_) })
        )
    };
    assert!(unavailable(&error), "{error}");
    // It stays so, for small ones and for other operations too; readiness says it, and reads go on.
    let small = alice.send(&say(&group, 0, "small"), None).await.unwrap_err();
    assert!(unavailable(&small), "{small}");
    assert!(unavailable(&alice.mint_group_id().await.unwrap_err()));
    let readiness = hub.ready().await;
    assert!(readiness.starts_with("HTTP/1.1 503") && readiness.contains("database"), "{readiness}");
    let count = async |hub: &Provider| {
        let (mut count, mut counter) = (0, 0);
        loop {
            let received = hub.user("bob").read(&group, 0, counter).await.unwrap();
            count += received.response.epoch.messages.len();
            counter = received.next_index.unwrap();
            if !received.more {
                return u32::try_from(count).unwrap();
            }
        }
    };
    assert_eq!(count(&hub).await, acknowledged);
    assert!(hub.process.logged().contains("no more writes until the next start"));
    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0), "it ends in order all the same");

    // Somebody made room.
    let hub = site.start(&Setting::new(HUB)).await;
    assert!(hub.ready().await.starts_with("HTTP/1.1 200"));
    let found = count(&hub).await;
    assert!(found == acknowledged || found == acknowledged + 1, "{found} of {acknowledged}");
    assert_eq!(hub.user("alice").say(&group, 0, "small").await.unwrap().index, found);
}
