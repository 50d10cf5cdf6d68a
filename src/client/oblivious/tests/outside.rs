//! What relay and gateway can see of a fetch from outside.

use http::{HeaderMap, Method, Version};
use ohttp::hpke::Kem;

use super::{
    fetching::{given, giving, package, request},
    gateway::Gateway,
    stage::{Script, Stage, follower},
};

fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut fields: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    fields.sort();
    fields
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn outer_requests_have_what_they_need_and_nothing_else() {
    let gateway = Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![package("bob")])]));
    let script = Script::honest(&gateway);
    let stage = Stage::new(&script).await;
    stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await.unwrap();
    let token = pair("proxy-authorization", "Bearer relay-token");
    let arrived = script.arrived.lock().unwrap();
    let one = |method: &Method| arrived.iter().find(|arrived| arrived.method == method).unwrap();

    let post = one(&Method::POST);
    assert_eq!(post.version, Version::HTTP_2);
    assert_eq!(post.uri, "https://relay.test/v1/relay/follower.example");
    let expected = [pair("content-length", "1079"), pair("content-type", "message/ohttp-req"), token.clone()];
    assert_eq!(fields(&post.headers), expected);

    let copy = one(&Method::GET);
    assert_eq!(copy.uri, "https://relay.test/v1/relay/follower.example/keys");
    assert_eq!(fields(&copy.headers), [], "not even who asks");

    let tunnel = one(&Method::CONNECT);
    assert_eq!((tunnel.version, tunnel.uri.as_str()), (Version::HTTP_11, "follower.example:443"));
    assert_eq!(fields(&tunnel.headers), [pair("host", "follower.example:443"), token]);

    let asked = script.asked.lock().unwrap();
    assert_eq!((asked.len(), &asked[0].method, asked[0].uri.as_str()), (1, &Method::GET, "/.well-known/ohttp-gateway"));
    let expected = [pair("accept", "application/ohttp-keys"), pair("host", "follower.example")];
    assert_eq!(fields(&asked[0].headers), expected);
}

#[tokio::test]
async fn users_and_counts_of_one_class_look_alike() {
    let results = |count: usize| giving(vec![given(vec![package("bob")]); count]);
    let mut sizes = Vec::new();
    for users in [&[&b"b"[..]][..], &[b"somebody with a long name@follower.example"], &[b"a", b"b", b"c", b"d"]] {
        let gateway = Gateway::new(Kem::X25519Sha256, results(users.len()));
        let script = Script::honest(&gateway);
        let stage = Stage::new(&script).await;
        // Four results are answered in the class of four: the relay's limit is the response's.
        stage.fetcher().fetch(&follower(), users.iter().map(|user| request(user)).collect()).await.unwrap();
        let arrived = script.arrived.lock().unwrap();
        let post = arrived.iter().find(|arrived| arrived.method == Method::POST).unwrap();
        sizes.push((post.body.len(), fields(&post.headers)));
        let seen = gateway.seen.lock().unwrap();
        assert_eq!(seen[0].size, 1024);
        assert!(seen[0].padding.iter().all(|byte| *byte == 0));
        let names: Vec<_> = seen[0].fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "date"], "nothing of the client's");
    }
    assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]), "{sizes:?}");
}

#[tokio::test]
async fn no_two_requests_share_a_context() {
    let gateway = Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![package("bob")])]));
    let script = Script::honest(&gateway);
    let stage = Stage::new(&script).await;
    let fetcher = stage.fetcher();
    for _ in 0..20 {
        fetcher.fetch(&follower(), vec![request(b"bob")]).await.unwrap();
    }
    let arrived = script.arrived.lock().unwrap();
    let posts = arrived.iter().filter(|arrived| arrived.method == Method::POST);
    let contexts: std::collections::HashSet<_> = posts.map(|arrived| arrived.body[7..39].to_vec()).collect();
    assert_eq!(contexts.len(), 20);
}
