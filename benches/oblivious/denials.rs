//! Whether one kind of denial takes longer than another: what somebody could try who wants to know whether a user exists,
//! or what became of a token.

use std::{
    io::{Cursor, Read, Write},
    net::TcpStream,
    time::Instant,
};

use restante_gateway::WELL_KNOWN;

use crate::{
    load::http_answer,
    provider::{FORMER, NOBODY, Provider, USER},
    ranks,
    sealed::{bundle, encapsulate, gateway_request},
};

/// Tries of each kind.
const TRIES: usize = 1500;
/// Tries before anything is counted.
const WARM_UP: usize = 100;
/// Two kinds of denial look alike when chance alone would make them this different more often than so.
const GOAL: f64 = 0.001;
/// A unique token that is shown so often, one time after the other, is denied then, and for minutes.
const SHOWN_MAX: usize = 100;

/// Two kinds, by their places.
type Pair = (usize, usize);

/// A kind of denial: its name, and a bundle that gets it.
type Kind = (&'static str, Vec<u8>);

/// Whether all kinds of denial take the same time. Pairs that differ are measured once more: among so many chance finds
/// one now and then, and not twice the same.
pub(crate) fn look_alike(provider: &Provider) -> bool {
    let tokens = &provider.tokens;
    let mut wrong = tokens.good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let kinds = [
        ("wrong token for a known user", bundle(USER, &wrong)),
        ("token for an unknown user", bundle(NOBODY, &tokens.good)),
        ("revoked token", bundle(USER, &tokens.revoked)),
        ("revoked with all of a user's", bundle(FORMER, &tokens.former)),
        ("token of an expired period", bundle(USER, &tokens.expired)),
        ("token shown too often", bundle(USER, &tokens.unique)),
        ("no token at all", bundle(USER, &vec![0xff; tokens.good.len()])),
    ];
    let mut stream = TcpStream::connect(provider.server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    let denied = ask(&mut stream, provider, &bundle(USER, &wrong));
    show_too_often(&mut stream, provider, &denied);
    let first = compare(&mut stream, provider, &kinds, &denied);
    if first.is_empty() {
        return true;
    }
    let again = compare(&mut stream, provider, &kinds, &denied);
    let both: Vec<_> = first.into_iter().filter(|pair| again.contains(pair)).collect();
    for (first, second) in &both {
        println!("differ twice: {} / {}", kinds[*first].0, kinds[*second].0);
    }
    both.is_empty()
}

/// Uses the unique token up.
fn show_too_often(stream: &mut TcpStream, provider: &Provider, denied: &[u8]) {
    let bundle = bundle(USER, &provider.tokens.unique);
    let shown = (0..SHOWN_MAX).take_while(|_| ask(stream, provider, &bundle) != denied).count();
    assert!((1..SHOWN_MAX).contains(&shown), "it was good {shown} times");
}

/// Tries all kinds in turn, in an order that changes, prints for each pair how likely it is that chance made the
/// difference, and gives back those that differ.
fn compare(stream: &mut TcpStream, provider: &Provider, kinds: &[Kind], denied: &[u8]) -> Vec<Pair> {
    let turns = turns(kinds.len());
    let encapsulated: Vec<_> = turns.iter().map(|kind| encapsulate(&provider.key_list, &kinds[*kind].1)).collect();
    let mut took = vec![Vec::new(); kinds.len()];
    for (turn, (kind, (body, context))) in turns.iter().zip(encapsulated).enumerate() {
        let (nanoseconds, answer) = time(stream, &body);
        assert_eq!(content(context, &answer), denied, "one denial for all: {}", kinds[*kind].0);
        if turn >= WARM_UP * kinds.len() {
            took[*kind].push(nanoseconds);
        }
    }
    println!("\ndenials through the gateway, {TRIES} tries of each kind in turn");
    for ((name, _), took) in kinds.iter().zip(&mut took.clone()) {
        println!("{name:<30} p50 {:8.1} µs", ranks::median(took) / 1e3);
    }
    println!("Mann-Whitney, two-sided; goal for each pair: p > {GOAL}");
    let pairs = (0..kinds.len()).flat_map(|first| (first + 1..kinds.len()).map(move |second| (first, second)));
    let mut different = Vec::new();
    for (first, second) in pairs {
        let p = ranks::p_value(&took[first], &took[second]);
        let verdict = if p > GOAL { "ok" } else { "THEY DIFFER" };
        println!("p = {p:<8.4} {verdict:<12} {} / {}", kinds[first].0, kinds[second].0);
        if p <= GOAL {
            different.push((first, second));
        }
    }
    different
}

/// Asks once; the content of the sealed answer.
fn ask(stream: &mut TcpStream, provider: &Provider, bundle: &[u8]) -> Vec<u8> {
    let (body, context) = encapsulate(&provider.key_list, bundle);
    content(context, &time(stream, &body).1)
}

fn content(context: ohttp::ClientResponse, answer: &[u8]) -> Vec<u8> {
    let binary = context.decapsulate(answer).unwrap();
    bhttp::Message::read_bhttp(&mut Cursor::new(binary)).unwrap().content().to_vec()
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
