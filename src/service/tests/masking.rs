//! What is on the disk: masked keys, hashed group ids and hashed users. The originals are looked for in every file.

use std::fs;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::{
    fixtures::{mls, requests},
    sequencer::GroupKey,
    service::{
        Submitter, UserId,
        setup::{DAY, Setup, user_id},
    },
    wire::{PartitionKey, decode},
};

/// The forms in which somebody might have written it down.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let base64 = STANDARD.encode(secret);
    vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
        base64.trim_end_matches('=').as_bytes().to_vec(),
        URL_SAFE_NO_PAD.encode(secret).into_bytes(),
    ]
}

fn occurs(setup: &Setup, secret: &[u8]) -> bool {
    let files = fs::read_dir(setup.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| match fs::read(path) {
        // The database removes what it has just replaced.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        content => Some(content.unwrap()),
    };
    let contents: Vec<_> = files.filter(|path| path.is_file()).filter_map(read).collect();
    assert!(contents.iter().map(Vec::len).sum::<usize>() > 1000);
    let forms = forms(secret);
    contents
        .iter()
        .any(|content| forms.iter().any(|form| content.windows(form.len()).any(|window| window == form.as_slice())))
}

#[tokio::test]
async fn raw_keys_and_users_are_nowhere_on_the_disk() {
    let setup = Setup::new();
    let keys = [*b"canary-pk-zero-0", *b"canary-pk-one--1", *b"canary-pk-orphan", *b"canary-pk-read--"];
    let users = ["canary user alice", "canary user bob"];
    let alice = user_id(users[0]);
    let id = setup.service.mint_group_id(&alice).await.unwrap();
    let body = requests::CreateGroup::bare(id.as_bytes(), keys[0]).encode();
    setup.service.create_group(&alice, decode(&body).unwrap(), &body).await.unwrap();
    let commit = mls::commit(id.as_bytes(), 0, b"canary ciphertext of the commit");
    let request = decode(&requests::send_commit(&commit, keys[0], keys[1], &requests::Attached::default())).unwrap();
    setup.send(&Submitter::User(alice.clone()), request).await.unwrap();
    let message = mls::application(id.as_bytes(), 1, b"canary ciphertext");
    for key in [keys[1], keys[2]] {
        let request = decode(&requests::send(&message, key)).unwrap();
        setup.send(&Submitter::User(user_id(users[1])), request).await.unwrap();
    }
    for key in keys {
        let request = decode(&requests::receive(id.as_bytes(), key, 0)).unwrap();
        let receive = crate::service::Receive::new(&request, std::time::Duration::ZERO);
        let reader = Submitter::User(UserId::new(users[1].into()).unwrap());
        setup.service.receive(&reader, receive).await.unwrap();
    }
    setup.service.note_presentation(&alice, GroupKey::of(b"elsewhere"), PartitionKey::new(keys[3]).masked());
    setup.settle().await;
    assert_masked(&setup, &keys, &users, &GroupKey::of(id.as_bytes()));
    let setup = setup.restart().await;
    assert_masked(&setup, &keys, &users, &GroupKey::of(id.as_bytes()));
    setup.clock.advance(2 * DAY);
    assert!(setup.service.sweep().await.unwrap() > 0);
    assert_masked(&setup, &keys, &users, &GroupKey::of(id.as_bytes()));
}

fn assert_masked(setup: &Setup, keys: &[[u8; 16]], users: &[&str], group: &GroupKey) {
    // The search finds what is there: the payload, the masked keys, the hashed group.
    assert!(occurs(setup, b"canary ciphertext"));
    assert!(occurs(setup, PartitionKey::new(keys[1]).masked().as_bytes()));
    assert!(occurs(setup, group.as_bytes()));
    assert!(keys.iter().all(|key| !occurs(setup, key)), "a partition key lies on the disk");
    for name in users {
        assert!(!occurs(setup, name.as_bytes()), "a user id lies on the disk");
        let unkeyed = <sha2::Sha256 as sha2::Digest>::digest(name.as_bytes());
        assert!(!occurs(setup, &unkeyed[..16]), "a hash of a user id that anybody could compute lies on the disk");
    }
}
