//! Bodies that are refused before their end, over HTTP/2: what the client sees behind the answer.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::{PREFACE, SETTINGS, connect},
    clock::{in_time, quick_clock},
    listener::Listener,
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `POST http://a/` (RFC 7541): by the static table, but for the authority.
const REQUEST: &[u8] = &[0x83, 0x86, 0x84, 0x01, 1, b'a'];

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// Kinds of the frames of the stream that come up to one of these.
async fn frames_until(stream: &mut TcpStream, is_last: impl Fn(u8, u8) -> bool) -> Vec<u8> {
    let mut kinds = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        if head[8] == 1 && matches!(head[3], DATA | HEADERS | RST_STREAM) {
            kinds.push(head[3]);
            if is_last(head[3], head[4]) {
                return kinds;
            }
        }
    }
}

/// The service answers without a look at the body.
#[tokio::test(start_paused = true)]
async fn a_body_on_its_way_is_taken_before_the_answer_so_that_no_reset_follows() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 10).await;
    let mut stream = connect(listener.address).await;
    stream.write_all(&[PREFACE, SETTINGS, &frame(HEADERS, END_HEADERS, REQUEST)].concat()).await.unwrap();
    let piece = frame(DATA, 0, &[7; 10_000]);
    stream.write_all(&[piece.as_slice(), &piece, &frame(DATA, END_STREAM, b"the end")].concat()).await.unwrap();
    let seen = in_time(frames_until(&mut stream, |kind, flags| kind == DATA && flags & END_STREAM != 0)).await;
    assert_eq!(seen, [HEADERS, DATA]);
    drop(stream);
    listener.stop().await;
}

/// Whoever goes on is answered all the same, after a moment, and told to stop.
#[tokio::test(start_paused = true)]
async fn a_body_without_an_end_is_answered_and_stopped() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 10).await;
    let mut stream = connect(listener.address).await;
    stream.write_all(&[PREFACE, SETTINGS, &frame(HEADERS, END_HEADERS, REQUEST)].concat()).await.unwrap();
    stream.write_all(&frame(DATA, 0, b"and so on")).await.unwrap();
    let seen = in_time(frames_until(&mut stream, |kind, _| kind == RST_STREAM)).await;
    assert_eq!(seen, [HEADERS, DATA, RST_STREAM]);
    assert_eq!(listener.asked(), 1);
    drop(stream);
    listener.stop().await;
}
