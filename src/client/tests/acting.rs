//! Members at work over the model hub, as an app has them work.

use std::time::Duration;

use super::{
    cast::{Config, Person},
    channel::{ModelChannel, ModelPace},
};
use crate::client::{Event, Keep, Member, MemberPolicy, MemoryKeep, PartitionedGroup, Progress};

pub(super) type Acting<K = MemoryKeep> = Member<Config, ModelChannel, ModelPace, K>;

pub(super) fn act(person: Person, channel: &ModelChannel) -> Acting {
    act_with(person, channel, MemberPolicy::default())
}

pub(super) fn act_with(person: Person, channel: &ModelChannel, policy: MemberPolicy) -> Acting {
    let keep = person.keep();
    Member::new(person.group, channel.clone(), ModelPace::default(), keep, policy)
}

/// A member in a group that is kept there.
pub(super) fn enter<K: Keep>(group: PartitionedGroup<Config>, keep: K, channel: &ModelChannel) -> Acting<K> {
    Member::new(group, channel.clone(), ModelPace::default(), keep, MemberPolicy::default())
}

/// Works once, without taking what happened.
pub(super) async fn sync<K: Keep>(member: &mut Acting<K>) {
    member.sync(Duration::ZERO).await.unwrap();
}

/// What happened.
pub(super) fn told<K: Keep>(member: &mut Acting<K>) -> Vec<Progress> {
    std::iter::from_fn(|| member.next_progress()).collect()
}

/// Does what there is to do and tells what happened.
pub(super) async fn settle<K: Keep>(member: &mut Acting<K>) -> Vec<Progress> {
    let mut all = Vec::new();
    for _turn in 0..64 {
        sync(member).await;
        all.extend(told(member));
        if !member.has_work() {
            return all;
        }
    }
    panic!("there is always something to do: {all:?}");
}

/// What others said.
pub(super) fn words(told: &[Progress]) -> Vec<&[u8]> {
    let word =
        |told| if let &Progress::Group(Event::Message { ref data, .. }) = told { Some(data.as_bytes()) } else { None };
    told.iter().filter_map(word).collect()
}
