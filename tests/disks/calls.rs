//! The power is cut while people call a service through a gateway that stands alone: no copy of a call reaches the service
//! a second time, and the gateway has the keys that it had.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use bhttp::{Message, Mode};
use tokio::task::JoinSet;

use crate::{
    disk::{Disk, Faults},
    https::{Answer, Place},
    lone_gateway::{self, LONE_GATEWAY, WELL_KNOWN},
    origin::Origin,
    process::{PATIENCE, Process},
    random::Random,
    site::Site,
};

const MEBIBYTES: usize = 48;
const CALLERS: usize = 4;
/// Nobody calls more often: the power is cut long before.
const CALLS_MAX: u32 = 2_000;
/// The gateway's name, and what may be asked for behind it.
const GATEWAY: &str = "gateway.example";
const PATH: &str = "/v1/call";
/// It names a relay, and takes requests of everybody else too, as fast as they like.
const MORE: &str = "relays_ca_file = \"../pki/ca.pem\"\nrelays = [\"relay.example\"]\n\
                    [limits]\nrequests_per_second_of_others = 10000\nburst_of_others = 10000\n";

/// A call as it was posted.
struct Call {
    content: String,
    encapsulated: Vec<u8>,
    /// Whether it came back with an answer of the origin's. If not, it may have been there all the same.
    was_answered: bool,
}

/// By content: how often it came.
type Arrived = Arc<Mutex<HashMap<String, u32>>>;

/// The gateway with everything that it keeps on a disk of its own, and the origin behind it.
struct Booth {
    site: Site,
    disk: Disk,
    origin: Origin,
    arrived: Arrived,
}

/// A gateway that serves. It ends when this is dropped.
struct Serving {
    process: Process,
    door: Door,
}

/// The way to it.
#[derive(Clone)]
struct Door {
    authority: PathBuf,
    address: SocketAddr,
}

impl Booth {
    async fn new(seed: u64) -> Self {
        let site = Site::new(&[GATEWAY]).await;
        let disk = Disk::new(&site.of(LONE_GATEWAY), MEBIBYTES, seed);
        let arrived = Arrived::default();
        let counted = arrived.clone();
        let count = move |content: &str| *counted.lock().unwrap().entry(content.to_owned()).or_default() += 1;
        Self { site, disk, origin: Origin::start(count).await, arrived }
    }

    async fn start(&self) -> Serving {
        // On the disk as well: keys, marks, and the key that seals the keys.
        let file = lone_gateway::configure(&self.site.of(LONE_GATEWAY), GATEWAY, (self.origin.address, PATH), MORE);
        let arguments = ["--log", "info", "serve", "--config"].map(OsStr::new);
        let arguments = [&arguments[..], &[file.as_os_str()]].concat();
        let log = self.site.of("gateway.log");
        let mut process = Process::start_program(&lone_gateway::program(), "", &arguments, &log);
        let address = process.listening_tcp("gateway").await;
        Serving { process, door: Door { authority: self.site.pki.authority(), address } }
    }

    /// People call until the power is cut; it comes back, and so does the gateway.
    async fn go_dark(&mut self, mut serving: Serving, faults: Faults, round: u64) -> (Serving, Vec<Call>, u64) {
        let list: Arc<[u8]> = serving.door.key_list().await.into();
        self.disk.break_by(faults);
        let mut calling = JoinSet::new();
        for who in 0..CALLERS {
            calling.spawn(call(serving.door.clone(), list.clone(), format!("{round}.{who}")));
        }
        let calls = tokio::time::timeout(PATIENCE, calling.join_all()).await.expect("in the dark nothing passes");
        assert!(self.disk.platter().is_dark(), "something else failed: {}", serving.process.logged());
        let lost = self.disk.cut_power().lost;
        serving.process.kill().await;
        self.disk.start_again();
        let serving = self.start().await;
        assert_eq!(serving.door.key_list().await, *list, "it has other keys");
        (serving, calls.into_iter().flatten().collect(), lost)
    }

    /// How often a content came to the origin.
    fn arrivals(&self, content: &str) -> u32 {
        self.arrived.lock().unwrap().get(content).copied().unwrap_or(0)
    }

    /// Posts a copy of each; gives how many of them reached the origin for a second time.
    async fn copies_that_pass(&self, door: &Door, calls: &[Call]) -> usize {
        let mut passed = 0;
        for Call { content, encapsulated, was_answered } in calls {
            let before = self.arrivals(content);
            assert!(before == 1 || (before == 0 && !was_answered), "{content}: {before} times");
            door.post(encapsulated).await;
            passed += usize::from(self.arrivals(content) > 1);
        }
        passed
    }
}

impl Door {
    fn place(&self) -> Place<'_> {
        Place { authority: &self.authority, name: GATEWAY, address: self.address }
    }

    async fn key_list(&self) -> Vec<u8> {
        let answer = self.place().exchange(&format!("GET {WELL_KNOWN}"), "", b"").await;
        assert_eq!(answer.status, 200);
        answer.body
    }

    async fn post(&self, encapsulated: &[u8]) -> Answer {
        let fields = "content-type: message/ohttp-req\r\n";
        self.place().exchange(&format!("POST {WELL_KNOWN}"), fields, encapsulated).await
    }

    /// Calls once.
    async fn call(&self, list: &[u8], content: String) -> Call {
        let (encapsulated, context) = encapsulate(list, &content);
        let answer = self.post(&encapsulated).await;
        let was_answered = open(context, &answer) == Some(200);
        Call { content, encapsulated, was_answered }
    }
}

/// Calls again and again, until a call is not answered, which may have been at the origin or not.
async fn call(door: Door, list: Arc<[u8]>, who: String) -> Vec<Call> {
    let mut calls = Vec::new();
    for number in 0..CALLS_MAX {
        let call = door.call(&list, format!("{number} of {who}")).await;
        let was_answered = call.was_answered;
        calls.push(call);
        if !was_answered {
            return calls;
        }
    }
    panic!("the power was not cut");
}

/// A request of now under the first key of the list: encapsulated, and what opens its answer.
fn encapsulate(list: &[u8], content: &str) -> (Vec<u8>, ohttp::ClientResponse) {
    let words = [&b"POST"[..], b"https", GATEWAY.as_bytes(), PATH.as_bytes()].map(<[u8]>::to_vec);
    let [method, scheme, authority, path] = words;
    let mut message = Message::request(method, scheme, authority, path);
    #[expect(clippy::disallowed_methods, reason = "the gateway compares it with the machine's clock")]
    let now = SystemTime::now();
    message.put_header("content-type", "text/plain");
    message.put_header("date", httpdate::fmt_http_date(now));
    message.write_content(content);
    let mut binary = Vec::new();
    message.write_bhttp(Mode::KnownLength, &mut binary).unwrap();
    binary.resize(1024, 0);
    ohttp::ClientRequest::from_encoded_config_list(list).unwrap().encapsulate(&binary).unwrap()
}

/// The status of what is inside, if there is something.
fn open(context: ohttp::ClientResponse, answer: &Answer) -> Option<u16> {
    let binary = context.decapsulate(&answer.body).ok()?;
    let message = Message::read_bhttp(&mut io::Cursor::new(binary)).ok()?;
    Some(message.control().status()?.code())
}

/// Some rounds on one disk. Each ends in a flush that never comes to its end.
pub(crate) async fn no_call_is_made_twice(seed: u64, rounds: u64) {
    let mut random = Random::new(seed);
    let mut booth = Booth::new(seed).await;
    let mut serving = booth.start().await;
    let mut lost_in_all = 0;
    for round in 0..rounds {
        let place = format!("seed {seed}, round {round}");
        let faults = Faults { flushes_left: Some(20 + random.below(60)), ..Faults::default() };
        let (again, calls, lost) = booth.go_dark(serving, faults, round).await;
        assert!(calls.iter().any(|call| call.was_answered), "{place}: nothing was answered");
        assert_eq!(booth.copies_that_pass(&again.door, &calls).await, 0, "{place}");
        // It does not do so by letting nothing through.
        let list = again.door.key_list().await;
        let call = again.door.call(&list, format!("new after {round}")).await;
        assert!(call.was_answered, "{place}: {}", again.process.logged());
        assert_eq!(booth.copies_that_pass(&again.door, &[call]).await, 0, "{place}");
        lost_in_all += lost;
        serving = again;
    }
    assert!(lost_in_all > 0, "seed {seed}: a disk that loses nothing proves nothing");
    serving.process.kill().await;
}

/// On a disk that says that it has flushed, and has not, marks are lost, and copies pass: who looks as above sees it.
pub(crate) async fn marks_on_a_disk_that_lies_are_found_out(seed: u64) {
    let mut booth = Booth::new(seed).await;
    let serving = booth.start().await;
    let faults = Faults { flushes_left: Some(40), lies: true, ..Faults::default() };
    let (mut serving, calls, _) = booth.go_dark(serving, faults, 0).await;
    assert!(booth.copies_that_pass(&serving.door, &calls).await > 0, "nobody sees it");
    serving.process.kill().await;
}
