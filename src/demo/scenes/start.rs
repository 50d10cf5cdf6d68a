//! The providers and the relay start.

use std::time::SystemTime;

use crate::{
    client::{
        Problem, ProblemCode,
        http::{CallError, DeliveryService, Limits, LocalAddress, LocalClient, ServiceToken, UserId},
    },
    demo::{
        Failure,
        narrator::Narrator,
        provider::Provider,
        relay::RELAY,
        stage::{Providers, Stage},
    },
};

pub(in crate::demo) async fn play(stage: &mut Stage, narrator: &mut Narrator, now: SystemTime) -> Result<(), Failure> {
    narrator.scene("Three providers and a relay start");
    let Providers { hub, follower, third, relay } = stage.set_up(now).await?;
    narrator.tell(
        "Each is a process of its own on this machine (restante serve) with its own database and two listeners: one for \
         other providers (mutual TLS), one for its own service, which shows a token and speaks for its users.",
    );
    for provider in [&*hub, &*follower, &*third] {
        let addresses = provider.addresses;
        narrator.tell_line(format!(
            "{:16}  providers at {}, service at {}",
            provider.id, addresses.provider, addresses.local
        ));
    }
    narrator.tell(
        "follower.example has a third listener, its Oblivious HTTP gateway (RFC 9458). The operator of hub.example runs a \
         relay for its users (restante-relay), which can reach that gateway, and can never be a way to hub.example's own.",
    );
    if let Some(gateway) = follower.addresses.public {
        narrator.tell_line(format!("{:16}  gateway at {gateway}", follower.id));
    }
    narrator.tell_line(format!("{RELAY:17} users at {}", relay.addresses.users));
    for provider in [&*hub, &*follower] {
        let minted = service(provider, provider.token()?)?.mint_group_id().await;
        narrator.check(format!("{} serves whoever shows its service token", provider.id), minted.is_ok());
        let wrong = ServiceToken::new("00000000000000000000000000000000").ok_or("no token")?;
        let refused = service(provider, wrong)?.mint_group_id().await;
        narrator.check(
            format!("{} refuses another token (unauthorized)", provider.id),
            matches!(refused, Err(CallError::Problem(Problem { code: Some(ProblemCode::Unauthorized), .. }))),
        );
    }
    Ok(())
}

fn service(provider: &Provider, token: ServiceToken) -> Result<DeliveryService<LocalClient>, Failure> {
    let address = LocalAddress::Tcp(provider.addresses.local);
    let user = UserId::new(b"operator").ok_or("a user id is too long")?;
    Ok(DeliveryService::new(LocalClient::new(address, token, user, Limits::default())))
}
