//! The group is created whose members will be split.

use crate::{
    client::NewMember,
    demo::{
        Failure,
        cast::{ALICE, BOB, CAROLS_PHONE, DAVE, ERIN, FRANK, TRUDY},
        company::Company,
        device::Newcomer,
        mode::Mode,
        narrator::Narrator,
        record::Record,
        saboteur::Saboteur,
        scenes::{
            are_together,
            fork::{beyond, have_read, shut_out},
        },
        sight,
        stage::Stage,
    },
    mls::WireKeyPackage,
    wire::ServiceProviderId,
};

pub(in crate::demo) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<Company, Failure> {
    narrator.scene("Six people and Trudy");
    narrator.tell(
        "Alice and Bob are users of hub.example, Carol and Dave of follower.example, Erin, Frank and Trudy of \
         third.example. Alice founds a group with all of them, with public handshakes. They have shown her their \
         KeyPackages.",
    );
    narrator.tell(
        "The operator of hub.example has changed a setting and started it anew: GroupInfos are for providers whose users \
         are in the group (group_info = \"peers\", the default), and not for whoever shows a join token.",
    );
    let providers = stage.providers()?;
    providers.hub.give_group_infos_to_peers().await?;
    let (record, mode, saboteur) = (Record::new(), Mode::Public, Saboteur::default());
    let founder = ALICE.newcomer(mode, providers, &record)?;
    let newcomers = [&BOB, &CAROLS_PHONE, &DAVE, &ERIN, &FRANK];
    let newcomers =
        newcomers.into_iter().map(|seat| seat.newcomer(mode, providers, &record)).collect::<Result<Vec<_>, _>>()?;
    let trudy = Newcomer::malicious(&TRUDY, mode, TRUDY.tap(providers, &record)?, &saboteur)?;

    // In the tree Trudy's next neighbours are Erin and Frank.
    let (near_hub, near_trudy) = newcomers.split_at(3);
    let mut members = Vec::new();
    for newcomer in near_hub {
        members.extend(shown(newcomer.upload(1).await?, newcomer.seat.provider)?);
    }
    members.extend(shown(trudy.upload(1).await?, TRUDY.provider)?);
    for newcomer in near_trudy {
        members.extend(shown(newcomer.upload(1).await?, newcomer.seat.provider)?);
    }
    let service = founder.service();
    let group_id = service.mint_group_id().await?.group_id;
    let (alice, request) = founder.found(group_id, &members).await?;
    service.create_group(&request).await?;
    narrator.hub_saw(format!("from its user alice: {}", sight::create(&request)));

    let mut joined = Vec::new();
    for newcomer in newcomers {
        joined.push(newcomer.join().await?.0);
    }
    let [bob, carol, dave, erin, frank] =
        <[_; 5]>::try_from(joined).map_err(|_| Failure::from("five others joined"))?;
    let (trudy, _welcome) = trudy.join().await?;
    let (copy, printed) = (None, String::new());
    let mut company = Company { record, alice, bob, carol, dave, erin, frank, trudy, copy, saboteur, printed };

    let said = ["hello, all of you", "hello from follower.example", "hello from third.example", "glad to be here"];
    company.alice.say(said[0]).await?;
    company.carol.say(said[1]).await?;
    company.erin.say(said[2]).await?;
    company.trudy.say(said[3]).await?;
    company.read().await?;
    let Company { alice, bob, carol, dave, erin, frank, trudy, .. } = &mut company;
    let trudys = trudy.partition();
    let honest = [alice, bob, carol, dave, erin, frank];
    narrator.check(
        "all seven have derived the same partition key",
        are_together(&honest) && honest.iter().all(|device| device.partition() == trudys),
    );
    narrator.check(
        "each of them has read what Alice, Carol, Erin and Trudy said",
        have_read(shut_out(&company), &said, &[]) && have_read(beyond(&company), &said, &[]),
    );
    Ok(company)
}

/// Members by KeyPackages that their devices have uploaded, and shown to Alice.
fn shown(key_packages: Vec<WireKeyPackage>, provider: &str) -> Result<Vec<NewMember>, Failure> {
    let id: ServiceProviderId = provider.parse()?;
    let member = |key_package| NewMember { key_package, service_provider: id.clone() };
    Ok(key_packages.into_iter().map(member).collect())
}
