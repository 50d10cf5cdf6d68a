//! What decoding allocates is bounded by what was received: a peer cannot turn a few megabytes into gigabytes, and a
//! length that promises more than there is costs nothing.
//!
//! One test, because the allocator that counts is shared by all threads of the process.

#![allow(clippy::unwrap_used, reason = "the inputs are made here")]

use peak_alloc::PeakAlloc;
use restante::{
    mls::{Fault, WireGroupInfo, WireMessage, WireRatchetTree, WireWelcome},
    wire::{
        self, Banned, CommitData, DecodeError, Epoch, KeyPackageRequest, KeyPackageRequests, KeyPackageResult,
        KeyPackageResults, ReceiveResponse, SendRequest, WelcomeData, WelcomeInitRequest, WelcomeInitResponse,
    },
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MEGABYTE: usize = 1 << 20;

fn vector(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let prefix = match length {
        0..0x40 => length.to_be_bytes()[3..].to_vec(),
        0x40..0x4000 => (length | 0x4000).to_be_bytes()[2..].to_vec(),
        _ => (length | 0x8000_0000).to_be_bytes().to_vec(),
    };
    [prefix, content.to_vec()].concat()
}

/// A vector of about four megabytes that is full of `element`.
fn full_of(element: &[u8]) -> Vec<u8> {
    vector(&element.repeat(4 * MEGABYTE / element.len()))
}

/// The most that was allocated while `input` was decoded, the value included, the input not.
fn peak<T: mls_rs_codec::MlsDecode>(input: &[u8]) -> (usize, Result<T, DecodeError>) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let decoded = wire::decode::<T>(input);
    (ALLOCATOR.peak_usage() - before, decoded)
}

/// Decodes to a value, with at most `times` as many bytes as there were.
fn taken<T: mls_rs_codec::MlsDecode>(name: &str, times: usize, input: &[u8]) {
    let (peak, decoded) = peak::<T>(input);
    assert!(decoded.is_ok(), "{name}: {:?}", decoded.err());
    assert!(peak <= times * input.len() + 1024, "{name}: {peak} bytes for {}", input.len());
}

/// Is refused with that error, with at most `times` as many bytes as there were.
fn refused<T: mls_rs_codec::MlsDecode>(name: &str, times: usize, input: &[u8], error: DecodeError) {
    let (peak, decoded) = peak::<T>(input);
    assert_eq!(decoded.err(), Some(error), "{name}");
    assert!(peak <= times * input.len() + 1024, "{name}: {peak} bytes for {}", input.len());
}

/// The shortest group message there is, application or commit: 17 bytes.
fn message(content_type: u8) -> Vec<u8> {
    [&[0, 1, 0, 2, 0][..], &[0; 8], &[content_type, 0, 0, 0]].concat()
}

#[test]
fn hostile_inputs_allocate_little() {
    let empty = vector(b"");
    let welcome_of = |secrets: &[u8]| [&[0, 1, 0, 3, 0, 1][..], secrets, &empty].concat();

    // Elements of one or two bytes that take many in memory: the lists have a limit.
    let too_long = DecodeError::Fault(Fault::ListTooLong);
    refused::<WelcomeInitRequest>("empty refs", 2, &full_of(&empty), too_long);
    refused::<Banned>("empty identities", 1, &full_of(&empty), too_long);
    refused::<KeyPackageResults>("empty results", 1, &full_of(&[1, 0]), too_long);
    taken::<WelcomeInitResponse>("decisions", 2, &[vector(&[7; 16]), full_of(&[1])].concat());

    // Structures that are walked, not built: their own bytes and nothing else.
    taken::<WireWelcome>("secrets of three bytes", 1, &welcome_of(&full_of(&[0, 0, 0])));
    taken::<WireRatchetTree>("blank nodes", 1, &full_of(&[0]));
    let context = [&[0, 1, 0, 1, 0][..], &[0; 8], &[0, 0, 0]].concat();
    let info = [&[0, 1, 0, 4][..], &context, &full_of(&[0, 9, 0]), &[0, 0, 0, 0, 0, 0]].concat();
    taken::<WireGroupInfo>("extensions of three bytes", 1, &info);
    let commit = [&[0, 1, 0, 1, 0][..], &[0; 8], &[4, 0, 3], &full_of(&[1, 0, 9, 0]), &[0, 0, 0]].concat();
    taken::<WireMessage>("proposals of four bytes", 1, &commit);
    let long = [&message(1)[..16], &full_of(&[0xc1]), &[7; 16]].concat();
    taken::<SendRequest>("a long ciphertext", 1, &long);

    // Lists of messages: each one costs its bookkeeping, so the shortest cost the most. A page is four megabytes.
    taken::<Epoch>("messages of 17 bytes", 10, &full_of(&message(1)));
    let announcing = [message(3), vector(&[0; 32]), vec![0]].concat();
    taken::<Epoch>("commits of 51 bytes", 12, &full_of(&announcing));
    let hint = [vector(&[0; 32]), empty.clone()].concat();
    taken::<ReceiveResponse>("empty hints", 3, &[empty.clone(), full_of(&hint)].concat());
    let leaf = [&[0, 0, 0, 1, 0][..], &[0; 5], &[2, 0, 0]].concat();
    let key_package = [&[0, 1, 0, 1, 0][..], &leaf, &[0, 0]].concat();
    taken::<KeyPackageResult>("key packages of 20 bytes", 5, &[&[0][..], &full_of(&key_package)].concat());

    // Lists with a limit end at the limit.
    let many = |count: usize| [welcome_of(&empty), vector(&b"\x03a.b".repeat(count))].concat();
    taken::<WelcomeData>("providers", 7, &many(131_072));
    refused::<WelcomeData>("too many providers", 1, &many(MEGABYTE), too_long);
    refused::<KeyPackageRequests>("too many requests", 1, &full_of(&[0, 0, 0, 1, 0, 1]), too_long);
    let user = [vector(&vec![b'u'; MEGABYTE]), vec![0, 0, 1, 0, 1]].concat();
    refused::<KeyPackageRequest>("a long user id", 0, &user, DecodeError::Fault(Fault::UserId));
    let ticket = [full_of(&[7]), vec![0]].concat();
    refused::<WelcomeInitResponse>("a long ticket", 0, &ticket, DecodeError::Fault(Fault::TokenLength));

    // Promises: a gigabyte less one byte in each length.
    let promise = [0xbf, 0xff, 0xff, 0xff];
    refused::<WireMessage>("group id", 0, &[&[0, 1, 0, 2][..], &promise].concat(), DecodeError::Truncated);
    refused::<WireWelcome>("secrets", 0, &[&[0, 1, 0, 3, 0, 1][..], &promise].concat(), DecodeError::Truncated);
    refused::<Epoch>("messages", 0, &promise, DecodeError::Truncated);
    refused::<Banned>("identities", 0, &promise, DecodeError::Truncated);
    refused::<WelcomeInitRequest>("refs", 0, &promise, DecodeError::Truncated);
    refused::<KeyPackageResults>("results", 0, &promise, DecodeError::Truncated);
    let nested = [&[7; 16][..], &[0, 1], &welcome_of(&promise)].concat();
    refused::<CommitData>("nested", 0, &nested, DecodeError::Truncated);
}
