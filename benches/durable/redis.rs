//! Redis streams with `appendfsync always`, for comparison, where redis-server is installed.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use crate::{
    load::{Load, Target, run},
    message::MESSAGE_BYTES,
    row::Row,
};

/// How long the server may take to listen.
const START: Duration = Duration::from_secs(10);

pub(crate) fn appends(in_flight: usize, length: Duration) -> Option<Row> {
    let folder = crate::server::folder();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut server = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"])
        .arg("--dir")
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "redis-server does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let target = Target { request: Rc::new(append), answer: bulk_answer };
    let process = server.id();
    let measured = run(&Load { address, in_flight, length, rate: None }, &target, || crate::cpu::seconds(process));
    server.kill().unwrap();
    server.wait().unwrap();
    Some(Row::new("redis XADD always", in_flight, true, measured))
}

fn append(number: u64, out: &mut Vec<u8>) {
    let mut payload = [0x5a; MESSAGE_BYTES];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    write!(out, "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nm\r\n${MESSAGE_BYTES}\r\n").unwrap();
    out.extend_from_slice(&payload);
    out.extend_from_slice(b"\r\n");
}

/// `$<length>\r\n<bytes>\r\n`
fn bulk_answer(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    assert_eq!(bytes[0], b'$', "{}", String::from_utf8_lossy(bytes));
    let length: usize = std::str::from_utf8(&bytes[1..line]).unwrap().parse().unwrap();
    let end = line + 2 + length + 2;
    (bytes.len() >= end).then_some(end)
}
