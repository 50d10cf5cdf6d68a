//! A process that may open few files, and clients that want them all: connections never take the last ones.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{
    target::{Connection, Place, Target},
    vitals::Vitals,
};
use crate::{
    people::Person,
    site::{FOLLOWER, HUB, Setting, Site},
};

/// As many files as the process may open; half of them are for connections, of three listeners.
const FILES: usize = 180;
const EACH: usize = FILES / 2 / 3;

/// Of the other half, as many tables as the database keeps open.
const TABLES: usize = FILES / 2 * 3 / 4;

/// For so long it is watched whether it spins.
const WATCHED: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_leave_the_database_its_descriptors() {
    let site = Site::new(&[]).await;
    let own = format!("../pki/{HUB}");
    let more = format!(
        "[limits]\nheader_read_timeout_seconds = 600\n[public]\nlisten = \"127.0.0.1:0\"\n\
         cert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\nkeys_path = \"gateway-keys\"\n\
         seal_key_file = \"gateway-seal-key\"\n"
    );
    let mut hub = site.start_in_shell(&format!("ulimit -n {FILES};"), &Setting { more, ..Setting::new(HUB) }).await;
    assert!(hub.process.logged().contains(&format!("at most {EACH} connections")), "it is said at the start");
    let tables = format!("\"open_files\":{TABLES},");
    assert!(hub.process.logged().contains(&tables), "{}", hub.process.logged());
    let public = hub.process.listening_tcp("public").await;
    let process = Vitals(hub.process.id());
    let alice = hub.user("alice");
    let group = alice.found().await;
    alice.say(&group, 0, "before").await.unwrap();
    let before = process.descriptors();

    // The listeners that strangers and peers reach, from many addresses: no share of one of them ends it.
    let mut held: Vec<Connection> = Vec::new();
    for (name, address) in [("provider", hub.provider), ("public", public)] {
        let target = Target { name, process, place: Place::Tcp(address), tls: None, method: "GET", path: "/" };
        // No more than the system keeps for a listener that accepts nobody.
        for number in 0..EACH + 60 {
            let from = IpAddr::V4(Ipv4Addr::new(127, 0, 1, u8::try_from(number + 1).unwrap()));
            held.push(target.bare(from).await.unwrap());
        }
    }
    let ticks = process.ticks();
    tokio::time::sleep(WATCHED).await;
    let used = process.ticks() - ticks;
    assert!(used < 100, "it used {used} hundredths of a second in {WATCHED:?}");
    let taken = process.descriptors();
    assert!(taken <= before + 2 * EACH + 4, "{taken} descriptors, and {before} before");
    assert!(taken >= before + 2 * EACH, "the places are taken: {taken} descriptors, and {before} before");

    // Our own users are served, and the database is written and read.
    for number in 0..20 {
        alice.say(&group, 0, &format!("meanwhile {number}")).await.unwrap();
    }
    assert_eq!(hub.user("bob").read_all(&group, 0).await.len(), 21);
    // Places end first: what becomes of a process that has no descriptor left is in `exhausted.rs`.
    assert!(!hub.process.logged().contains("connections are not accepted"), "{}", hub.process.logged());
    assert!(!hub.process.logged().contains("no more writes"), "{}", hub.process.logged());

    drop(held);
    process.descriptors_fall_to(before, "connections that have gone").await;
    // And peers again.
    let peer = site.pki.client(&site.pki.identity(FOLLOWER), HUB, hub.provider);
    let peer = restante::client::http::DeliveryService::new(peer.peer(&HUB.parse().unwrap()).unwrap());
    peer.read(&group, 0, 0).await.unwrap();
    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0));
}
