//! A group is created.

use std::collections::BTreeSet;

use crate::{
    demo::{
        Failure,
        cast::{Cast, MALLETT, MALLORY},
        narrator::Narrator,
        newcomers::{Invited, Newcomers},
        sight,
        stage::{HUB, Stage},
    },
    wire::GroupId,
};

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    invited: Invited,
    narrator: &mut Narrator,
) -> Result<Cast, Failure> {
    narrator.scene("A group is created");
    narrator.explain(
        "Alice and Bob are users of hub.example; Carol, with a phone and a laptop, and Dave are users of \
         follower.example. Each device is an MLS client of its own.",
    );
    let Invited { newcomers, members } = invited;
    let Newcomers { mode, record, alice, bob, phone, laptop, dave } = newcomers;
    let providers = &*stage.providers()?;

    narrator.tell("Alice asks her provider for a group id, adds the others and hands the group over.");
    narrator.explain(
        "The KeyPackages of Carol's devices and Dave's are those that Alice has just fetched. Bob, whose provider is also \
         hers, has shown her his.",
    );
    let service = alice.service();
    let group_id = service.mint_group_id().await?.group_id;
    let welcomed = members.iter().map(|member| Ok(member.reference()?.0)).collect::<Result<BTreeSet<_>, Failure>>()?;
    let (alice, request) = alice.found(group_id, &members)?;
    service.create_group(&request).await?;
    narrator.hub_saw(format!("from its user alice: {}", sight::create(&request)));
    narrator.explain(
        "Here a partition is named by how the hash of its key begins. The Welcome is encrypted for the new members. A \
         GroupInfo would show the names in their credentials, so Alice publishes none.",
    );
    let welcome = request.welcome_data.ok_or("the group was founded without a Welcome")?.welcome;
    let named: BTreeSet<_> = welcome.key_package_refs().map(<[u8]>::to_vec).collect();
    let bob = bob.join(&welcome, HUB)?;
    let phone = phone.join(&welcome, HUB)?;
    let laptop = laptop.join(&welcome, HUB)?;
    let dave = dave.join(&welcome, HUB)?;
    let others = [&bob, &phone, &laptop, &dave];
    let mallory = MALLORY.tap(providers, &record)?;
    let mallett = MALLETT.tap(providers, &record)?;

    let hub = GroupId::parse(alice.group_id());
    narrator.check("the group id names hub.example as the hub", hub.is_some_and(|id| id.hub().as_str() == HUB));
    narrator.check("the Welcome is for exactly the KeyPackages that she was given", named == welcomed);
    narrator.check(
        "all five devices have derived the same partition key, each from its own MLS state",
        others.iter().all(|device| device.request().partition_key == alice.request().partition_key),
    );
    Ok(Cast { mode, record, alice, bob, phone, laptop, dave, mallory, mallett })
}
