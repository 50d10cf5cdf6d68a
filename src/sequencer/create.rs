//! Creating a group (specs/protocol.md, "Groups").

use super::{
    Blob, Create, Group, Head, Outcome, Partition, Policy, Refusal, Rejection, Sight, SizeLimit, State, Transition,
    UnixMillis, Verdict, Welcome, WelcomeName,
    outbox::{self, Departure},
    send::{check_attachments, check_welcome},
};

pub(super) fn create<S: State + ?Sized>(
    state: &S,
    create: &Create,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    if let Some(group) = state.group().map_err(Refusal::State)? {
        group.require_open()?;
        return if group.creation == create.digest {
            Ok(Transition::unchanged(Outcome::Created(group.created_ms)))
        } else {
            Err(Rejection::GroupExists.into())
        };
    }
    let reserved = state
        .reservation()
        .map_err(Refusal::State)?
        .is_some_and(|reservation| reservation.holder == create.holder && now < reservation.until_ms);
    if !reserved {
        return Err(Rejection::GroupIdNotReserved.into());
    }
    check(create, policy)?;

    let mut root = Partition::new(now, Some(create.epoch), None);
    root.record_use(&create.submitter, now);
    let mut transition = Transition::unchanged(Outcome::Created(now));
    transition.reservation = Some(None);
    if let Some(group_info) = &create.group_info {
        let blob = Blob::new(group_info.bytes());
        root.group_info = Some(blob.key);
        root.published_bytes = blob.length().into();
        transition.blobs.push(blob);
    }
    if let Some(tree) = &create.ratchet_tree {
        let blob = Blob::new(tree.bytes());
        root.ratchet_tree = Some(blob.key);
        root.published_bytes = root.published_bytes.saturating_add(blob.length().into());
        transition.blobs.push(blob);
    }
    match &create.sight {
        Sight::Seen(observation) => {
            root.public = observation.public(create.group_info.as_ref(), None, 0);
            transition.owners.push((create.root, observation.owners.clone()));
            transition.checkpoints.extend(observation.checkpoint.clone().map(|saved| (create.root, saved)));
        }
        Sight::NotLooked => root.unobserved = create.group_info.is_some(),
        Sight::Unobservable | Sight::Contradicted => {}
    }
    if let Some(data) = &create.welcome_data {
        let welcome = Welcome { name: WelcomeName { partition: create.root, commit: None }, data: data.clone() };
        let departure = Departure::Now(&create.preflight);
        outbox::post(state, welcome, departure, &create.submitter, (policy, now), &mut transition)?;
    }
    let mut group = Group::new(create.root, create.cipher_suite, create.digest, now);
    group.users.push(create.submitter.clone());
    if let Some(data) = &create.welcome_data {
        group.welcome(data);
    }
    transition.group = Some(group);
    transition.heads.push(Head { partition: create.root, epoch: create.epoch, is_head: true });
    transition.partitions.push((create.root, root));
    transition.announced.push(create.root);
    Ok(transition)
}

fn check(create: &Create, policy: &Policy) -> Result<(), Rejection> {
    if !policy.cipher_suites.is_empty() && !policy.cipher_suites.contains(&create.cipher_suite.0) {
        return Err(Rejection::UnsupportedSuite);
    }
    check_attachments(create.group_info.as_ref(), create.welcome_data.as_ref(), policy)?;
    if create.ratchet_tree.as_ref().is_some_and(|tree| tree.bytes().len() > policy.sizes.group_info) {
        return Err(Rejection::TooLarge(SizeLimit::GroupInfo(policy.sizes.group_info)));
    }
    if let Some(group_info) = &create.group_info {
        if !create.group_info_names_group
            || group_info.epoch() != create.epoch
            || group_info.cipher_suite() != create.cipher_suite
            || create.sight == Sight::Contradicted
        {
            return Err(Rejection::GroupInfoMismatch);
        }
        if !group_info.has_ratchet_tree() && create.ratchet_tree.is_none() {
            return Err(Rejection::RatchetTreeRequired);
        }
    }
    create.welcome_data.as_ref().map_or(Ok(()), |data| check_welcome(data, create.cipher_suite, policy))?;
    Verdict::of(&create.sight, None, policy).into_result()?;
    create.preflight.check()
}
