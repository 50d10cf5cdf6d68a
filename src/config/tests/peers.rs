//! Other providers.

use super::*;

#[test]
fn peers_are_others_and_once_each() {
    let folder = Folder::new();
    let peer = |id: &str| format!("{EXAMPLE}\n[[peers]]\nid = \"{id}\"\nurl = \"https://127.0.0.1:1\"");
    assert_problems(&folder.load(&peer("follower.example")).unwrap_err(), &["follower.example stands there twice"]);
    assert_problems(&folder.load(&peer("hub.example")).unwrap_err(), &["hub.example is our own id"]);
}

#[test]
fn peers_urls_are_https_a_host_and_a_port() {
    for url in
        ["https://a.example", "https://a.example/", "https://a.example:1", "https://127.0.0.1:1", "https://[::1]:1"]
    {
        let uri: http::Uri = url.parse().unwrap();
        assert_eq!(written::check_url(&uri), Ok(()), "{url}");
    }
    let folder = Folder::new();
    for url in [
        "http://a.example",
        "a.example",
        "a.example:443",
        "/x",
        "",
        "https://",
        "https://:443",
        "https://a.example:",
        "https://a.example:0",
        "https://a.example:65536",
        "https://a.example:x",
        "https://user@a.example",
        "https://a.example/v1",
        "https://a.example?x",
        "https://a.example/#x",
    ] {
        let problems = folder.refuse("https://follower.example:8443", url);
        assert_problems(&problems, &["hub.toml: peers[0].url: "]);
    }
}
