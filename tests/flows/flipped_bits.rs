//! A bit that flips in a table of each column family of a provider that does everything: it says so, writes nothing behind
//! it, and goes on from a backup with what it had acknowledged.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use restante::{
    client::http::LocalAddress,
    mls::{CipherSuite, ProtocolVersion},
    sequencer::Forgotten,
    wire::{
        BearerTokenKind, ClientId, GroupInfoRequest, InboxRequest, KeyPackageRequest, KeyPackageRequests,
        MintTokenRequest, encode,
    },
};
use rocksdb::{DB, Options};

use crate::{
    federation::newcomer::{Handshakes, Newcomer},
    fixtures::{
        mls,
        requests::{self, Attached},
    },
    line::Line,
    people::{Person, key},
    process::{PATIENCE, run},
    site::{FOLLOWER, HUB, Provider, Setting, Site, User},
};

/// In the first block of rows.
const AT: usize = 20;
/// How long one request waits for something.
const WAIT: Duration = Duration::from_secs(10);
/// Between two looks at what nobody announces.
const STEP: Duration = Duration::from_millis(20);
/// Whose devices are whose: everybody has one.
const BOB: ClientId = ClientId::new([2; 16]);
const CAROL: ClientId = ClientId::new([3; 16]);
const DORA: ClientId = ClientId::new([4; 16]);
const ERIN: ClientId = ClientId::new([5; 16]);

/// A provider, and the way to another one's hub.
struct Home {
    site: Site,
    to_hub: Line,
    setting: Setting,
}

/// What was done there: each column family has some of it.
struct Done {
    /// A group with a message, and two commits that each brought somebody a Welcome: one to Carol's inbox, and one that
    /// is held, because nobody has used its epoch.
    group: Vec<u8>,
    messages: Vec<(u32, String)>,
    /// A group whose tree has to be inferred.
    public: Vec<u8>,
    /// A group of the other hub, which has pushed of it.
    followed: Vec<u8>,
    /// What opens Bob's KeyPackage.
    token: Vec<u8>,
}

impl Home {
    async fn new() -> Self {
        let (site, to_hub) = (Site::new(&[]).await, Line::new().await);
        let more = "backup_path = \"backups\"\n".to_owned();
        let setting = Setting { push: true, more, ..Setting::new(FOLLOWER).peer(HUB, to_hub.address) };
        Self { site, to_hub, setting }
    }

    /// Does everything, and ends with a backup.
    async fn live(&self) -> Done {
        let to_home = Line::new().await;
        let mut hub = self.site.start(&Setting::new(HUB).peer(FOLLOWER, to_home.address)).await;
        self.to_hub.lead_to(hub.provider);
        let mut home = self.site.start(&self.setting).await;
        to_home.lead_to(home.provider);
        let followed = be_pushed(&hub, &home).await;
        hub.process.kill().await;
        self.to_hub.lead_nowhere();
        let (group, messages) = welcome(&home).await;
        let public = found_in_public(&home).await;
        newcomer(&home, "bob", BOB, Handshakes::Encrypted).upload().await;
        let mint = MintTokenRequest { kind: BearerTokenKind::Shared };
        let token = encode(&home.user("bob").mint_token(&mint).await.unwrap().token).unwrap();
        // Whatever was still to be written is in the log now, and in tables after the next backup.
        self.end(home).await;
        home = self.site.start(&self.setting).await;
        self.site.back_up(&home).await;
        self.end(home).await;
        Done { group, messages, public, followed, token }
    }

    async fn end(&self, mut home: Provider) {
        home.process.terminate().await;
        assert!(home.process.ended().await.success(), "{}", home.process.logged());
    }

    /// By family, the files of its tables.
    fn tables(&self) -> BTreeMap<String, Vec<String>> {
        let (options, data) = (Options::default(), self.site.database(FOLLOWER));
        let families = DB::list_cf(&options, &data).unwrap();
        let db = DB::open_cf_for_read_only(&options, &data, &families, false).unwrap();
        let mut tables: BTreeMap<_, _> = families.into_iter().map(|family| (family, Vec::new())).collect();
        for file in db.live_files().unwrap() {
            let name = file.name.trim_start_matches('/').to_owned();
            tables.get_mut(&file.column_family_name).expect("it is listed").push(name);
        }
        tables
    }

    /// The provider says which family it cannot read, at its start or as soon as somebody asks for what is there.
    async fn assert_is_told(&self, done: &Done, family: &str) {
        let before = fs::read(self.site.log(FOLLOWER)).unwrap().len();
        let mut process = self.site.spawn("", &self.setting);
        let Some(provider) = process.listening_or_ended("provider").await else {
            assert_eq!(process.ended().await.code(), Some(1), "{family}");
            let said = process.logged()[before..].to_owned();
            assert!(said.contains("cannot be read"), "{family}: {said}");
            return;
        };
        let local = LocalAddress::Tcp(process.listening_tcp("local").await);
        let provider = provider.parse().unwrap();
        let mut home = Provider { id: FOLLOWER.to_owned(), process, provider, local };
        Box::pin(ask_for_everything(&home, done)).await;
        let told = async {
            loop {
                let readiness = home.ready().await;
                if readiness.starts_with("HTTP/1.1 503") {
                    return readiness;
                }
                tokio::time::sleep(STEP).await;
            }
        };
        let told = tokio::time::timeout(PATIENCE, told).await;
        let readiness = told.unwrap_or_else(|_| panic!("{family}: nobody noticed: {}", home.process.logged()));
        assert!(readiness.contains("the database cannot be read"), "{family}: {readiness}");
        let said = home.process.logged()[before..].to_owned();
        assert!(said.contains(&format!("the column family {family} of the database cannot be read")), "{said}");
        assert!(home.user("alice").mint_group_id().await.is_err(), "{family}: something is written behind damage");
        home.process.kill().await;
    }

    async fn restore(&self) {
        let config = self.site.configure(&self.setting);
        let restored = run(&["backup", "restore", "--config", config.to_str().unwrap()]).await;
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    }

    /// What was acknowledged is there, and there will be more.
    async fn assert_goes_on(&self, done: &Done, family: &str) {
        let home = self.site.start(&self.setting).await;
        let alice = home.user("alice");
        assert_eq!(alice.read_all(&done.group, 0).await, done.messages, "{family}");
        assert_eq!(letters(&home.user("carol"), CAROL, Duration::ZERO).await, 1, "{family}");
        let behind = alice.say(&done.group, 0, "behind the restore").await.unwrap().index;
        assert!(behind >= Forgotten::GAP, "{family}: {behind}");
        // Nobody knows which KeyPackages were given to somebody behind the backup: none is left, and others are taken.
        assert_eq!(available(&home).await, 0, "{family}");
        newcomer(&home, "bob", BOB, Handshakes::Encrypted).upload().await;
        assert_eq!(available(&home).await, 1, "{family}");
        self.end(home).await;
    }
}

/// A device at the provider.
fn newcomer(home: &Provider, name: &'static str, id: ClientId, handshakes: Handshakes) -> Newcomer {
    Newcomer::over(home.user(name).channel().clone(), FOLLOWER, name, id, handshakes)
}

/// Bob waits for what is said in a group of another hub, until that has pushed something.
async fn be_pushed(hub: &Provider, home: &Provider) -> Vec<u8> {
    let (zoe, bob) = (hub.user("zoe"), home.user("bob"));
    let group = zoe.found().await;
    let was_pushed = || {
        let logged = home.process.logged();
        logged.lines().any(|line| line.contains("\"provider\"") && line.contains("\"/v1/push\""))
    };
    let talk = async {
        let mut counter = 0;
        while !was_pushed() {
            let text = format!("do you wait for {counter}?");
            let (said, heard) = tokio::join!(zoe.say(&group, 0, &text), bob.wait(&group, 0, counter, WAIT.as_secs()));
            said.unwrap();
            match heard {
                Ok(received) => counter = received.next_index.unwrap(),
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(PATIENCE, talk).await.expect("the hub pushes");
    group
}

/// A group with a message and two commits, and what is in its first partition.
async fn welcome(home: &Provider) -> (Vec<u8>, Vec<(u32, String)>) {
    let alice = home.user("alice");
    let group = alice.found().await;
    alice.say(&group, 0, "before").await.unwrap();
    for (name, id, next) in [("carol", CAROL, 1), ("erin", ERIN, 2)] {
        let member = newcomer(home, name, id, Handshakes::Encrypted).upload().await;
        let reference = member.reference().unwrap().0;
        let welcome = mls::welcome(mls::SUITE, &[reference.as_slice()]);
        let welcome_data = Some(requests::welcome_data(&welcome, &[FOLLOWER]));
        let commit = mls::commit(&group, 0, format!("for {name}").as_bytes());
        let attached = Attached { group_info: None, welcome_data };
        let request = requests::send_commit(&commit, key(0), key(next), &attached);
        alice.send_encoded(request.into(), None).await.unwrap();
    }
    let arrived = async { while letters(&home.user("carol"), CAROL, WAIT).await == 0 {} };
    tokio::time::timeout(PATIENCE, arrived).await.expect("Carol is welcomed");
    assert_eq!(letters(&home.user("erin"), ERIN, Duration::ZERO).await, 0, "that one is held");
    home.user("bob").read(&group, 0, 0).await.unwrap();
    let messages = alice.read_all(&group, 0).await;
    assert_eq!(messages.len(), 3);
    (group, messages)
}

/// How many KeyPackages of Bob's there are.
async fn available(home: &Provider) -> u32 {
    let standing = home.user("bob").key_package_status().await.unwrap();
    standing.stocks.iter().map(|stock| stock.available).sum()
}

/// How many Welcomes there are for a user's device.
async fn letters(user: &User, client_id: ClientId, wait: Duration) -> usize {
    user.inbox(&InboxRequest { client_id, after: 0 }, wait).await.unwrap().entries.len()
}

/// A group with public handshakes, whose newest epoch was published without its tree.
async fn found_in_public(home: &Provider) -> Vec<u8> {
    let mut dora = newcomer(home, "dora", DORA, Handshakes::Public).found(&[], true).await;
    dora.member.update().unwrap();
    dora.flush().await;
    let group_id = dora.member.group().group_id().to_vec();
    let request = GroupInfoRequest { group_id: group_id.clone() };
    let (published, _) = home.user("dora").group_info(&request, None).await.unwrap();
    assert!(!published.group_info.has_ratchet_tree() && published.ratchet_tree.is_some());
    group_id
}

/// Whatever comes of it: one of these needs what is damaged.
async fn ask_for_everything(home: &Provider, done: &Done) {
    let (alice, bob, carol) = (home.user("alice"), home.user("bob"), home.user("carol"));
    let _ = bob.read(&done.group, 0, 0).await;
    let _ = bob.read(&done.followed, 0, 0).await;
    let _ = carol.inbox(&InboxRequest { client_id: CAROL, after: 0 }, Duration::ZERO).await;
    let _ = home.user("dora").group_info(&GroupInfoRequest { group_id: done.public.clone() }, None).await;
    let request = KeyPackageRequest {
        user_id: b"bob".to_vec(),
        bearer_token: done.token.clone(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(mls::SUITE),
    };
    let _ = carol.fetch_key_packages(&KeyPackageRequests { requests: vec![request] }).await;
    // The same once more, which is looked for among what was there; and something in the epoch of the Welcome that is held.
    let _ = alice.say(&done.group, 0, "before").await;
    let used = requests::send(&mls::application(&done.group, 1, b"used"), key(2));
    let _ = alice.send_encoded(used.into(), None).await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn flip(table: &Path) {
    let mut bytes = fs::read(table).unwrap();
    bytes[AT] ^= 1;
    fs::write(table, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_in_any_family_is_told_and_a_backup_goes_on() {
    let home = Home::new().await;
    let done = Box::pin(home.live()).await;
    let tables = home.tables();
    let (data, intact) = (home.site.database(FOLLOWER), home.site.of(FOLLOWER).join("intact"));
    fs::rename(&data, &intact).unwrap();
    for (family, tables) in &tables {
        assert!(!tables.is_empty(), "{family}: nothing was written there: do something in `live` that is");
        copy(&intact, &data);
        for table in tables {
            flip(&data.join(table));
        }
        Box::pin(home.assert_is_told(&done, family)).await;
        fs::remove_dir_all(&data).unwrap();
        home.restore().await;
        home.assert_goes_on(&done, family).await;
        fs::remove_dir_all(&data).unwrap();
    }
}
