//! Bytes on disk of a group with many epochs, after compaction, to the bytes that its clients sent.

use std::path::Path;

use restante::{
    pool,
    service::{Submitter, UserId},
    wire::encode,
};
use serde_json::{Value, json};

use crate::{branch::Public, server};

const PROVIDER: &str = "hub.example";

/// Measures one group and prints its row.
pub(crate) fn measure(members: usize, epochs: usize) -> Value {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (folder, empty) = (server::folder(), server::folder());
    let mut sent = 0;
    runtime.block_on(async {
        let service = server::service(server::store(folder.path(), PROVIDER, 64), PROVIDER, pool::Policy::default());
        let user = UserId::new(b"bench".to_vec()).unwrap();
        let mut public = Public::of(service.mint_group_id(&user).await.unwrap().as_bytes(), members);
        let request = public.create_request();
        let body = encode(&request).unwrap();
        sent += body.len();
        service.create_group(&user, request, &body).await.unwrap();
        for _ in 0..epochs {
            let request = public.next_epoch();
            sent += encode(&request).unwrap().len();
            service.send(&Submitter::User(user.clone()), request, None).await.unwrap();
        }
        drop(server::store(empty.path(), PROVIDER, 64));
    });
    drop(runtime);
    let stored = compacted(folder.path()) - compacted(empty.path());
    let ratio = stored as f64 / sent as f64;
    println!(
        "{epochs} epochs of {members} members: clients sent {sent} bytes, on disk {stored}, ratio {ratio:.2}    \
         goal: at most 3"
    );
    json!({ "members": members, "epochs": epochs, "sent_bytes": sent, "stored_bytes": stored, "ratio": ratio })
}

/// What a database takes when all of it was compacted, but for its logs.
fn compacted(folder: &Path) -> u64 {
    let options = rocksdb::Options::default();
    let families = rocksdb::DB::list_cf(&options, folder).unwrap();
    let database = rocksdb::DB::open_cf(&options, folder, &families).unwrap();
    for name in &families {
        let family = database.cf_handle(name).unwrap();
        database.flush_cf(family).unwrap();
        database.compact_range_cf(family, None::<&[u8]>, None::<&[u8]>);
    }
    drop(database);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let is_data = |name: &str| name.ends_with(".sst") || name.ends_with(".blob");
    files.filter(|file| is_data(&file.file_name().to_string_lossy())).map(|file| file.metadata().unwrap().len()).sum()
}
