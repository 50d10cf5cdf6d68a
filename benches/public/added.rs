//! What the hub adds for a public commit, beyond what it takes for an opaque one of the same size.

use std::{sync::Arc, time::Instant};

use mls_rs_codec::MlsEncode;
use restante::{
    pool,
    service::{Service, Submitter, UserId},
    wire::{SendRequest, encode},
};
use serde_json::{Value, json};

use crate::{
    bare,
    branch::{Opaque, Public},
    server,
};

const PROVIDER: &str = "hub.example";
/// Commits of each kind that are measured.
const COMMITS: usize = 100;
/// And before: afterwards the hub has the memory that it keeps for states.
const WARM_UP: usize = 100;

/// Measures one group and prints its row.
pub(crate) fn measure(members: usize) -> Value {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = server::folder();
    let service = server::service(server::store(folder.path(), PROVIDER, 256), PROVIDER, pool::Policy::default());
    let user = UserId::new(b"bench".to_vec()).unwrap();
    let [public, opaque, bare_us] = runtime.block_on(commits(&service, &user, members));
    let ratio = (public - opaque) / bare_us;
    println!(
        "{members:>6} members: public commit {public:>9.0} µs, opaque {opaque:>7.0} µs, bare mls-rs {bare_us:>8.0} µs, \
         added to bare {ratio:>5.2}    goal: at most {}",
        if members < 100 { "500 µs added" } else { "1.3" }
    );
    json!({ "members": members, "public_us": public, "opaque_us": opaque, "bare_us": bare_us, "ratio": ratio })
}

/// The medians of a public commit, an opaque one, and of the same public one in mls-rs alone: in turn, so that all three
/// see the same machine, and each commit for the first time.
async fn commits(service: &Arc<Service>, user: &UserId, members: usize) -> [f64; 3] {
    let mint = async || service.mint_group_id(user).await.unwrap().as_bytes().to_vec();
    let mut public = Public::of(&mint().await, members);
    let mut opaque = Opaque::of(&mint().await);
    for request in [public.create_request(), opaque.create_request()] {
        let body = encode(&request).unwrap();
        service.create_group(user, request, &body).await.unwrap();
    }
    let mut bare = public.observe();
    let (mut public_us, mut opaque_us, mut bare_us) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..WARM_UP + COMMITS {
        let request = public.next_epoch();
        let length = encode(&request).unwrap().len();
        let (commit, after) = (request.message.bytes().clone(), after(&request));
        public_us.push(send(service, user, request).await);
        opaque_us.push(send(service, user, opaque.next_epoch(length)).await);
        let start = Instant::now();
        bare = bare::follow(&bare, &commit, &after);
        bare_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    [public_us, opaque_us, bare_us].map(|mut times| middle(times.split_off(WARM_UP)))
}

/// The GroupInfo beside a commit.
fn after(request: &SendRequest) -> Vec<u8> {
    let group_info = request.commit_data.as_ref().and_then(|data| data.group_info.as_ref());
    group_info.unwrap().mls_encode_to_vec().unwrap()
}

async fn send(service: &Arc<Service>, user: &UserId, request: SendRequest) -> f64 {
    let start = Instant::now();
    let sent = service.send(&Submitter::User(user.clone()), request, None).await.unwrap();
    let micros = start.elapsed().as_secs_f64() * 1e6;
    assert_eq!(sent.index, 0, "each commit is the first of its partition");
    micros
}

fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
