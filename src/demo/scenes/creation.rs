//! A group is created.

use crate::{
    demo::{
        Failure,
        cast::{ALICE, BOB, CAROLS_LAPTOP, CAROLS_PHONE, Cast, DAVE, MALLETT, MALLORY},
        mode::Mode,
        narrator::Narrator,
        record::Record,
        sight,
        stage::{HUB, Stage},
    },
    wire::GroupId,
};

pub(in crate::demo) async fn play(stage: &mut Stage, mode: Mode, narrator: &mut Narrator) -> Result<Cast, Failure> {
    narrator.scene("A group is created");
    narrator.explain(
        "Alice and Bob are users of hub.example; Carol, with a phone and a laptop, and Dave are users of \
         follower.example. Each device is an MLS client of its own.",
    );
    let record = Record::new();
    let providers = &*stage.providers()?;
    let alice = ALICE.newcomer(mode, providers, &record)?;
    let bob = BOB.newcomer(mode, providers, &record)?;
    let phone = CAROLS_PHONE.newcomer(mode, providers, &record)?;
    let laptop = CAROLS_LAPTOP.newcomer(mode, providers, &record)?;
    let dave = DAVE.newcomer(mode, providers, &record)?;

    narrator.tell("Alice asks her provider for a group id, adds the others and hands the group over.");
    let service = alice.service();
    let group_id = service.mint_group_id().await?.group_id;
    let members = [bob.key_package()?, phone.key_package()?, laptop.key_package()?, dave.key_package()?];
    let (alice, request) = alice.found(group_id, &members)?;
    service.create_group(&request).await?;
    narrator.hub_saw(format!("from its user alice: {}", sight::create(&request)));
    narrator.explain(
        "Here a partition is named by how the hash of its key begins. The Welcome is encrypted for the new members. A \
         GroupInfo would show the names in their credentials, so Alice publishes none.",
    );
    let welcome = request.welcome_data.ok_or("the group was founded without a Welcome")?.welcome;
    let bob = bob.join(&welcome, HUB)?;
    let phone = phone.join(&welcome, HUB)?;
    let laptop = laptop.join(&welcome, HUB)?;
    let dave = dave.join(&welcome, HUB)?;
    let others = [&bob, &phone, &laptop, &dave];
    let mallory = MALLORY.tap(providers, &record)?;
    let mallett = MALLETT.tap(providers, &record)?;

    let hub = GroupId::parse(alice.group_id());
    narrator.check("the group id names hub.example as the hub", hub.is_some_and(|id| id.hub().as_str() == HUB));
    narrator.check(
        "all five devices have derived the same partition key, each from its own MLS state",
        others.iter().all(|device| device.request().partition_key == alice.request().partition_key),
    );
    Ok(Cast { mode, record, alice, bob, phone, laptop, dave, mallory, mallett })
}
