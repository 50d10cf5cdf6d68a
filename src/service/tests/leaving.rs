//! Leaving a group, of whatever size.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{
    sequencer::{GroupKey, UserTag},
    service::setup::{START, Setup, user_id},
    store::{Batch, Presentation, Store},
    wire::MaskedPartitionKey,
};

const THEIRS: &[u8] = b"mimi://third.example/g/AAECAwQFBgcICQoLDA0ODw";

fn hash(number: u32) -> [u8; 32] {
    Sha256::digest(number.to_be_bytes()).into()
}

fn presentation(partition: u32, user: UserTag) -> Presentation {
    let partition = MaskedPartitionKey::new(hash(partition));
    Presentation { group: GroupKey::of(THEIRS), partition, user, at_ms: START }
}

fn presenters(setup: &Setup) -> BTreeSet<UserTag> {
    let rows = setup.store.snapshot().unwrap().presenters(&GroupKey::of(THEIRS), None, usize::MAX).unwrap();
    rows.into_iter().map(|(_, user)| user).collect()
}

/// A thousand epochs in which hundreds of others were: three hundred thousand rows.
#[tokio::test]
async fn whoever_leaves_a_large_group_has_left() {
    let setup = Setup::new();
    let (bob, others) = (setup.service.tag(&user_id("bob")), 300);
    let tag = |number: u32| UserTag(hash(number)[..16].try_into().unwrap());
    let everybody: Vec<_> = (0..others).map(tag).chain([bob]).collect();
    for hundred in 0..11 {
        let partitions = 100 * hundred..100 * (hundred + 1);
        let presentations =
            partitions.flat_map(|partition| everybody.iter().map(move |tag| presentation(partition, *tag)));
        setup.store.commit(&Batch { presentations: presentations.collect(), ..Batch::default() }).unwrap();
    }
    assert!(presenters(&setup).contains(&bob));
    setup.service.leave_group(&user_id("bob"), THEIRS).await.unwrap();
    let left = presenters(&setup);
    assert_eq!((left.len(), left.contains(&bob)), (300, false));
}
