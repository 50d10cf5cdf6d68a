//! A group is created.

use std::collections::BTreeSet;

use crate::{
    demo::{
        Failure,
        cast::{Cast, MALLETT, MALLORY},
        device::Device,
        haystack::Haystack,
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
         hers, has shown her one of his.",
    );
    let service = alice.service();
    let group_id = service.mint_group_id().await?.group_id;
    let references = members.iter().map(|member| Ok(member.reference()?.0)).collect::<Result<Vec<_>, Failure>>()?;
    let (alice, request) = alice.found(group_id, &members).await?;
    service.create_group(&request).await?;
    narrator.hub_saw(format!("from its user alice: {}", sight::create(&request)));
    narrator.explain(
        "Here a partition is named by how the hash of its key begins. The Welcome is encrypted for the new members. A \
         GroupInfo would show the names in their credentials, so Alice publishes none.",
    );
    let welcome = request.welcome_data.ok_or("the group was founded without a Welcome")?.welcome;
    let named: BTreeSet<_> = welcome.key_package_refs().map(<[u8]>::to_vec).collect();

    narrator.tell(
        "hub.example takes the Welcome to the providers of the new members. To each it names the KeyPackages that are \
         of that provider's users, and if the provider knows one of them, the Welcome follows, cut down to those.",
    );
    let (mut others, mut shown) = (Vec::new(), Vec::new());
    for newcomer in [bob, phone, laptop, dave] {
        let (device, entry) = newcomer.join().await?;
        narrator.provider_saw(device.seat.provider, sight::welcome(&entry, device.seat.name));
        others.push(device);
        shown.push(entry);
    }
    let mallory = MALLORY.tap(providers, &record)?;
    let mallett = MALLETT.tap(providers, &record)?;

    let hub = GroupId::parse(alice.group_id());
    narrator.check("the group id names hub.example as the hub", hub.is_some_and(|id| id.hub().as_str() == HUB));
    narrator.check(
        "the Welcome is for exactly the KeyPackages that she was given",
        named == references.iter().cloned().collect(),
    );
    narrator.check(
        "each of the four devices found one Welcome with its own provider, which is for its own KeyPackage alone",
        shown.iter().zip(&references).all(|(entry, own)| entry.welcome.key_package_refs().eq([own.as_slice()])),
    );
    let (bobs, theirs) = references.split_at(1);
    let follower = Haystack::read(&providers.follower.database())?;
    let third = Haystack::read(&providers.third.database())?;
    narrator.check_same(
        "on follower.example's disk are the references of its own users' three KeyPackages, and not that of Bob's",
        &[follower.holds(theirs), follower.holds(bobs)],
        &[3, 0],
    );
    narrator.check_same("on third.example's disk there is none of them", &third.holds(&references), &0);
    narrator.check(
        "all five devices have derived the same partition key, each from its own MLS state",
        others.iter().all(|device| device.request().partition_key == alice.request().partition_key),
    );
    let [bob, phone, laptop, dave] = <[Device; 4]>::try_from(others).map_err(|_| "there are four others")?;
    Ok(Cast { mode, record, alice, bob, phone, laptop, dave, mallory, mallett })
}
