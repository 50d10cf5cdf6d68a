//! Whether one kind of denial takes longer than another: what somebody could try who wants to know whether a user exists.

use std::{
    io::{Cursor, Read, Write},
    net::TcpStream,
    time::Instant,
};

use restante_gateway::WELL_KNOWN;

use crate::{
    load::http_answer,
    provider::{NOBODY, Provider, USER},
    ranks,
    sealed::{bundle, encapsulate, gateway_request},
};

/// Tries of each kind.
const TRIES: usize = 1500;
/// Tries before anything is counted.
const WARM_UP: usize = 100;
/// Two kinds of denial look alike when chance alone would make them this different more often than so.
const GOAL: f64 = 0.001;

/// Tries all kinds in turn, in an order that changes, and prints for each pair how likely it is that chance made the
/// difference.
pub(crate) fn compare(provider: &Provider) {
    let mut wrong = provider.good_token.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let kinds = [
        ("wrong token for a known user", bundle(USER, &wrong)),
        ("token for an unknown user", bundle(NOBODY, &provider.good_token)),
        ("revoked token", bundle(USER, &provider.revoked_token)),
        ("no token at all", bundle(USER, &vec![0xff; provider.good_token.len()])),
    ];
    let turns = turns(kinds.len());
    let encapsulated: Vec<_> = turns.iter().map(|kind| encapsulate(&provider.key_list, &kinds[*kind].1)).collect();
    let mut stream = TcpStream::connect(provider.address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut took, mut denial): ([Vec<f64>; 4], Option<Vec<u8>>) = Default::default();
    for (turn, (kind, (body, context))) in turns.iter().zip(encapsulated).enumerate() {
        let (nanoseconds, answer) = time(&mut stream, &body);
        let message = bhttp::Message::read_bhttp(&mut Cursor::new(context.decapsulate(&answer).unwrap())).unwrap();
        let content = message.content().to_vec();
        let same = denial.get_or_insert_with(|| content.clone());
        assert_eq!(*same, content, "one denial for all");
        if turn >= WARM_UP * kinds.len() {
            took[*kind].push(nanoseconds);
        }
    }
    println!("\ndenials through the gateway, {TRIES} tries of each kind in turn");
    for ((name, _), took) in kinds.iter().zip(&mut took.clone()) {
        println!("{name:<30} p50 {:8.1} µs", ranks::median(took) / 1e3);
    }
    println!("Mann-Whitney, two-sided; goal for each pair: p > {GOAL}");
    for first in 0..kinds.len() {
        for second in first + 1..kinds.len() {
            let p = ranks::p_value(&took[first], &took[second]);
            let verdict = if p > GOAL { "ok" } else { "THEY DIFFER" };
            println!("p = {p:<8.4} {verdict:<12} {} / {}", kinds[first].0, kinds[second].0);
        }
    }
}

/// Every kind once in each round, in an order that differs from round to round, and in every run is the same.
fn turns(kinds: usize) -> Vec<usize> {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut turns = Vec::new();
    for _ in 0..WARM_UP + TRIES {
        let mut round: Vec<usize> = (0..kinds).collect();
        (1..kinds).rev().for_each(|at| round.swap(at, random(at + 1)));
        turns.extend(round);
    }
    turns
}

/// Posts a request; nanoseconds to the end of the answer, and its body.
fn time(stream: &mut TcpStream, encapsulated: &[u8]) -> (f64, Vec<u8>) {
    let (mut request, mut answer, mut piece) = (Vec::new(), Vec::new(), [0; 16 * 1024]);
    gateway_request(WELL_KNOWN, encapsulated, &mut request);
    let begun = Instant::now();
    stream.write_all(&request).unwrap();
    while http_answer(&answer).is_none() {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "the server closed the connection");
        answer.extend_from_slice(&piece[..length]);
    }
    let nanoseconds = begun.elapsed().as_nanos() as f64;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    (nanoseconds, answer.split_off(head))
}
