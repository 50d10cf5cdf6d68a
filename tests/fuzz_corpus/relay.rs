//! What a relay reads of its operator (token files, urls, names), and what it writes for everybody: its log of key lists.

use sha2::{Digest, Sha256};

use super::corpus::Corpus;

const HOUR_MS: u64 = 3_600_000;

pub(crate) fn add(corpus: &mut Corpus) {
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for (name, text) in [
        ("token", hash.to_owned()),
        ("token_file", format!("# two users\n{hash}\n\n  {}  \n", hash.replace('9', "0"))),
        ("token_file_with_a_fault", format!("{hash}\n{}\n", hash.to_uppercase())),
        ("provider", "follower.example".to_owned()),
        ("provider_of_a_holder", "ds.company.co.uk".to_owned()),
        ("gateway_url", "https://follower.example/.well-known/ohttp-gateway".to_owned()),
        ("gateway_url_with_a_port", "https://follower.example:8443/gateway".to_owned()),
        ("url_with_a_query", "https://follower.example/gateway?user=1#part".to_owned()),
        ("url_with_a_user", "https://user@follower.example/..".to_owned()),
    ] {
        corpus.add("relay_texts", name, text.into_bytes());
    }
    let lists: [(u8, u64, bool); 4] = [(1, 24, false), (2, 48, false), (3, 49, true), (3, 96, false)];
    for length in 1..=lists.len() {
        let (in_use, ..) = lists[length - 1];
        let now = (1000 * HOUR_MS).to_be_bytes();
        let input = [&[in_use; 32], now.as_slice(), log(&lists[..length]).as_bytes()].concat();
        corpus.add("key_log", &format!("of_{length}"), input);
    }
}

/// A log of lists, each by a number, the hour in which it was seen, and whether it came too soon (`specs/http.md`).
fn log(lists: &[(u8, u64, bool)]) -> String {
    let (mut text, mut previous) = (String::new(), [0; 32]);
    for (number, (list, hour, is_refused)) in lists.iter().enumerate() {
        let refused = if *is_refused { ",\"refused\":\"too_soon\"" } else { "" };
        let line = format!(
            "{{\"n\":{number},\"seen_ms\":{},\"sha256\":\"{}\"{refused},\"previous\":\"{}\"}}",
            hour * HOUR_MS,
            hex::encode([*list; 32]),
            hex::encode(previous)
        );
        previous = Sha256::digest(&line).into();
        text += &line;
        text.push('\n');
    }
    text
}
