//! A database in a folder with everything that `restante serve` needs, and what is known of it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use restante::{
    dev_pki::{self, Existing},
    store::rocks::FORMAT_VERSION,
};
use serde_json::{Value, json};

use super::{
    build::{PROVIDER, build},
    disk,
    plan::Size,
};
use crate::traffic::MESSAGE_BYTES;

pub(crate) const SERVICE_TOKEN: &str = "a-token-that-only-this-measurement-knows";

pub(crate) struct Database {
    pub(crate) folder: PathBuf,
    pub(crate) size: Size,
    /// The ids of its groups, in the order of their numbers.
    pub(crate) ids: Vec<Vec<u8>>,
    /// What was seen when it was built.
    pub(crate) built: Value,
}

impl Database {
    /// The one that is kept in that folder, if it is of this size and format, or a new one.
    pub(crate) fn kept(folder: &Path, size: Size, cache_mib: Option<usize>) -> Self {
        let name = format!("format-{FORMAT_VERSION}-{}x{}x{}", size.groups, size.epochs, size.messages);
        let folder = folder.join(name);
        // Written last: a folder without it was not finished.
        match fs::read(folder.join("built.json")) {
            Ok(built) => {
                eprintln!("full: the database in {} is used again", folder.display());
                let ids = fs::read_to_string(folder.join("groups")).unwrap();
                let ids = ids.lines().map(|id| id.as_bytes().to_vec()).collect();
                write_configuration(&folder, cache_mib);
                Self { folder, size, ids, built: serde_json::from_slice(&built).unwrap() }
            }
            Err(_) => Self::new(folder, size, cache_mib),
        }
    }

    /// A new one in that folder.
    pub(crate) fn new(folder: PathBuf, size: Size, cache_mib: Option<usize>) -> Self {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        expect_room(&folder, size);
        let data = folder.join("data");
        let building = build(&data, size);
        let all = size.all_messages();
        let rows = disk::bytes_of_rows(&data);
        let built = json!({
            "partitions": size.partitions(), "messages": all, "message_bytes": MESSAGE_BYTES,
            "seconds": building.seconds, "messages_per_second": all as f64 / building.seconds,
            "walk_seconds": building.walk_seconds, "compaction_seconds": building.compaction_seconds,
            "bytes_of_rows": rows, "bytes": disk::bytes(&data),
            "bytes_of_rows_to_those_of_messages": rows as f64 / (all * MESSAGE_BYTES) as f64,
        });
        write_configuration(&folder, cache_mib);
        fs::write(folder.join("groups"), building.ids.join("\n")).unwrap();
        let built = serde_json::to_vec_pretty(&built).unwrap();
        fs::write(folder.join("built.json"), &built).unwrap();
        let ids = building.ids.into_iter().map(String::into_bytes).collect();
        // As the next run reads it: reading a number may change its last digit.
        Self { folder, size, ids, built: serde_json::from_slice(&built).unwrap() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

/// Says how much room it takes until it is compacted, and ends if that is not there.
fn expect_room(folder: &Path, size: Size) {
    let needed = u64::try_from(size.all_messages() * MESSAGE_BYTES).unwrap() * 5 / 2;
    let free = disk::free(folder);
    if size.all_messages() >= 1_000_000 {
        let gib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0 / 1024.0;
        eprintln!(
            "full: building takes up to {:.1} GiB of the {:.1} GiB that are free, and more than half of it is kept",
            gib(needed),
            gib(free)
        );
    }
    assert!(free > needed, "there is too little room: {needed} bytes are needed, {free} are free");
}

/// The local listener alone, and certificates that nobody asks for. All settings are the defaults but the rate, which keeps
/// one user from doing what this does, and the cache if so wanted.
fn write_configuration(folder: &Path, cache_mib: Option<usize>) {
    let pki = folder.join("pki");
    // Those of an earlier run may have expired.
    drop(fs::remove_dir_all(&pki));
    dev_pki::issue(&pki, &[PROVIDER.parse().unwrap()], Existing::Refuse, SystemTime::now()).unwrap();
    let token = folder.join("token");
    fs::write(&token, SERVICE_TOKEN).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let cache = cache_mib.map_or(String::new(), |mib| format!("cache_bytes = {}\n", mib * 1024 * 1024));
    let text = format!(
        "[provider]\nid = \"{PROVIDER}\"\ncert_file = \"pki/{PROVIDER}/cert.pem\"\n\
         key_file = \"pki/{PROVIDER}/key.pem\"\nca_file = \"pki/ca.pem\"\n[local]\nlisten = \"127.0.0.1:0\"\nservice_token_file = \"token\"\n\
         [store]\npath = \"data\"\n{cache}[policy]\nmessages_per_user_and_second = 1000000\n"
    );
    fs::write(folder.join("hub.toml"), text).unwrap();
}
