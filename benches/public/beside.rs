//! Sends to small groups while commits of a large group are followed: what they notice of it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use restante::{pool, service::UserId, wire::encode};
use serde_json::{Value, json};

use crate::{
    branch::Public,
    groups::create_groups,
    load::{self, Load, Target, http_answer},
    message::{send_request, token},
    server::{self, Server},
    written::local_request,
};

const PROVIDER: &str = "hub.example";
const SMALL_GROUPS: usize = 1_000;
const IN_FLIGHT: usize = 16;
const LENGTH: Duration = Duration::from_secs(6);
/// Of what the hub takes of sends at most.
const SHARE: f64 = 0.2;
/// More commits than are followed in that time.
const COMMITS: usize = 1_500;

/// The server's process: creates small groups, tells their ids and one more for the large group, and serves.
pub(crate) fn serve(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let service = server::service(server::store(folder, PROVIDER, 256), PROVIDER, pool::Policy::default());
        let mut ids = create_groups(&service, SMALL_GROUPS).await;
        let user = UserId::new(b"bench".to_vec()).unwrap();
        ids.push(service.mint_group_id(&user).await.unwrap().as_bytes().to_vec());
        let ids = ids.into_iter().map(|id| String::from_utf8(id).unwrap()).collect();
        server::serve(server::router(service, token()), ids).await;
    });
}

/// Measures beside a group of so many and prints its row.
pub(crate) fn measure(members: usize) -> Value {
    let mut server = Server::start(&[]);
    let small: Rc<Vec<Vec<u8>>> = Rc::new((0..SMALL_GROUPS).map(|_| server.line().into_bytes()).collect());
    let mut large = Public::of(server.line().as_bytes(), members);
    exchange(server.address, "/v1/local/create-group", &encode(&large.create_request()).unwrap());
    let commits: Vec<Vec<u8>> = (0..COMMITS).map(|_| encode(&large.next_epoch()).unwrap()).collect();

    let run = |rate: Option<f64>, number: u64| {
        let load = Load { address: server.address, in_flight: IN_FLIGHT, length: LENGTH, rate };
        load::run(&load, &sends(&small, number), || server.cpu_seconds())
    };
    let most = run(None, 1).rate;
    let quiet = run(Some(most * SHARE), 2);
    let (ending, followed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let committing = {
        let (ending, followed, address) = (ending.clone(), followed.clone(), server.address);
        std::thread::spawn(move || {
            for commit in commits.iter().take_while(|_| !ending.load(Ordering::Relaxed)) {
                exchange(address, "/v1/send", commit);
                followed.fetch_add(1, Ordering::Relaxed);
            }
            ending.load(Ordering::Relaxed)
        })
    };
    let beside = run(Some(most * SHARE), 3);
    ending.store(true, Ordering::Relaxed);
    assert!(committing.join().unwrap(), "there were commits until the end");
    let followed = followed.load(Ordering::Relaxed);
    println!(
        "{:.0} sends a second, {SHARE} of the most: p99 {:.0} µs; beside {followed} commits of {members} members: {:.0} µs, \
         {:.2} ms more    goal: at most 5",
        quiet.rate,
        quiet.p99_us,
        beside.p99_us,
        (beside.p99_us - quiet.p99_us) / 1e3
    );
    json!({
        "members": members, "rate": quiet.rate, "commits": followed,
        "quiet_p50_us": quiet.p50_us, "quiet_p99_us": quiet.p99_us,
        "beside_p50_us": beside.p50_us, "beside_p99_us": beside.p99_us,
    })
}

/// Messages to the small groups in turn. Numbers of different rows must not meet: a repeated message would be answered
/// without a write.
fn sends(groups: &Rc<Vec<Vec<u8>>>, row: u64) -> Target {
    let groups = groups.clone();
    Target {
        request: Rc::new(move |number, out| {
            let group = usize::try_from(number).unwrap() % groups.len();
            let request = send_request(&groups[group], group, (row << 40) + number);
            local_request(&token(), "/v1/send", &encode(&request).unwrap(), out);
        }),
        answer: http_answer,
    }
}

/// One request, and its answer.
fn exchange(address: SocketAddr, path: &str, body: &[u8]) {
    let mut request = Vec::new();
    local_request(&token(), path, body, &mut request);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&request).unwrap();
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    while http_answer(&answer).is_none() {
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "the server closed the connection");
        answer.extend(&part[..read]);
    }
}
