//! How long requests through the gateway take, one after the other on one connection, kind by kind.

use std::{
    io::{Cursor, Read, Write},
    net::TcpStream,
    time::Instant,
};

use restante_gateway::WELL_KNOWN;

use crate::{
    load::http_answer,
    provider::Provider,
    sealed::{encapsulate, gateway_request},
};

/// Tries of each kind before anything is counted.
const WARM_UP: usize = 100;

/// A kind of request: its name, and a bundle that is one.
pub(crate) type Kind = (&'static str, Vec<u8>);

/// A connection to the gateway.
pub(crate) struct Asker<'a> {
    stream: TcpStream,
    provider: &'a Provider,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(provider: &'a Provider) -> Self {
        let stream = TcpStream::connect(provider.server.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, provider }
    }

    /// Asks once; the content of the sealed answer.
    pub(crate) fn ask(&mut self, bundle: &[u8]) -> Vec<u8> {
        let (body, context) = encapsulate(&self.provider.key_list, bundle);
        content(context, &self.time(&body).1)
    }

    /// Tries all kinds in turn, so often each, in an order that changes; nanoseconds, by kind. `check` gets the place of
    /// the kind and the answer's content.
    pub(crate) fn try_in_turn(
        &mut self,
        kinds: &[&Kind],
        tries: usize,
        mut check: impl FnMut(usize, &[u8]),
    ) -> Vec<Vec<f64>> {
        let turns = turns(kinds.len(), WARM_UP + tries);
        let encapsulated: Vec<_> =
            turns.iter().map(|kind| encapsulate(&self.provider.key_list, &kinds[*kind].1)).collect();
        let mut took = vec![Vec::new(); kinds.len()];
        for (turn, (kind, (body, context))) in turns.iter().zip(encapsulated).enumerate() {
            let (nanoseconds, answer) = self.time(&body);
            check(*kind, &content(context, &answer));
            if turn >= WARM_UP * kinds.len() {
                took[*kind].push(nanoseconds);
            }
        }
        took
    }

    /// Posts a request; nanoseconds to the end of the answer, and its body.
    fn time(&mut self, encapsulated: &[u8]) -> (f64, Vec<u8>) {
        let (mut request, mut answer, mut piece) = (Vec::new(), Vec::new(), [0; 16 * 1024]);
        gateway_request(WELL_KNOWN, encapsulated, &mut request);
        let begun = Instant::now();
        self.stream.write_all(&request).unwrap();
        while http_answer(&answer).is_none() {
            let length = self.stream.read(&mut piece).unwrap();
            assert!(length > 0, "the server closed the connection");
            answer.extend_from_slice(&piece[..length]);
        }
        let nanoseconds = begun.elapsed().as_nanos() as f64;
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        (nanoseconds, answer.split_off(head))
    }
}

fn content(context: ohttp::ClientResponse, answer: &[u8]) -> Vec<u8> {
    let binary = context.decapsulate(answer).unwrap();
    bhttp::Message::read_bhttp(&mut Cursor::new(binary)).unwrap().content().to_vec()
}

/// Every kind once in each round, in an order that differs from round to round, and in every run is the same.
fn turns(kinds: usize, rounds: usize) -> Vec<usize> {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut turns = Vec::new();
    for _ in 0..rounds {
        let mut round: Vec<usize> = (0..kinds).collect();
        (1..kinds).rev().for_each(|at| round.swap(at, random(at + 1)));
        turns.extend(round);
    }
    turns
}
