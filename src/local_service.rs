//! The way to the running server through its local listener, for commands.

use anyhow::{Context, bail};
use restante::{
    client::{
        Problem,
        http::{CallError, ChannelError, DeliveryService, Limits, LocalAddress, LocalClient, ServiceToken, UserId},
    },
    config::{self, Config},
};

/// Whoever acts for all users: such an operation has no user, the listener's form does.
pub(crate) const OPERATOR: &[u8] = b"operator";

/// What to say of an answer that is not understood.
pub(crate) const UNREADABLE: &str =
    "the server's answer is of another form than this program knows: is it of another version?";

/// There is no way to the server.
#[derive(Debug, thiserror::Error)]
#[error(
    "the running server is asked for this through [local], which this configuration does not have; write the table, as \
     in `restante config example`, and restart the server"
)]
pub(crate) struct NoLocalListener;

/// The server of that configuration, asked on behalf of a user.
pub(crate) fn service(config: &Config, user: &[u8]) -> anyhow::Result<DeliveryService<LocalClient>> {
    service_within(config, user, Limits::default())
}

/// The same for what takes its time.
pub(crate) fn service_within(
    config: &Config,
    user: &[u8],
    limits: Limits,
) -> anyhow::Result<DeliveryService<LocalClient>> {
    let Some(local) = &config.local else { bail!(NoLocalListener) };
    let token = local.read_service_token()?;
    let token = ServiceToken::new(&token).context("local.service_token_file holds no word that a header can carry")?;
    let address = match &local.listen {
        config::LocalAddress::Tcp(address) => LocalAddress::Tcp(*address),
        config::LocalAddress::Unix(path) => LocalAddress::Unix(path.clone()),
    };
    let user = UserId::new(user).context("a user id has 1 to 512 bytes")?;
    Ok(DeliveryService::new(LocalClient::new(address, token, user, limits)))
}

/// Says where nobody answered. It is for standard error of the command, which was told the address: no log has it.
pub(crate) fn with_address(error: anyhow::Error, address: &config::LocalAddress) -> anyhow::Error {
    match error.downcast_ref() {
        Some(CallError::Channel(ChannelError::Connect)) => error.context(address.to_string()),
        _ => error,
    }
}

/// Says with what went wrong what the operator can do about it.
pub(crate) fn explain(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(CallError::Channel(ChannelError::Connect)) => error.context(
            "the running server is asked for this, and none answers at local.listen; start `restante serve` with this \
             configuration",
        ),
        Some(CallError::Problem(Problem { status: 401, .. })) => error.context(
            "the running server has another token than local.service_token_file holds now; it reads the file when it \
             starts, and on SIGHUP",
        ),
        Some(CallError::Problem(Problem { status: 503, .. })) => error.context(
            "the running server does not do it now; what was to be changed may still come to be. Ask again; if that \
             does not help, its /readyz and its log say why, as that a write failed because the disk is full, after \
             which it has to be started again",
        ),
        Some(CallError::MediaType | CallError::Encoding(_)) => error.context(UNREADABLE),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn whoever_is_put_off_is_told_where_it_is_said_why() {
        let told = |status| {
            let problem = Problem { status, code: None, retry_after: None };
            format!("{:#}", explain(CallError::Problem(problem).into()))
        };
        assert!(told(503).contains("/readyz") && told(503).contains("503"), "{}", told(503));
        assert!(!told(403).contains("/readyz"), "{}", told(403));
    }

    #[test]
    fn whoever_finds_nobody_is_told_where_and_nobody_else() {
        for address in ["127.0.0.1:8080", "unix:/run/restante/local.sock"] {
            let address = config::LocalAddress::parse(address, Path::new("")).unwrap();
            let told = |error: CallError| format!("{:#}", with_address(explain(error.into()), &address));
            let nobody = told(CallError::Channel(ChannelError::Connect));
            assert!(nobody.starts_with(&format!("{address}: ")) && nobody.contains("`restante serve`"), "{nobody}");
            for error in [CallError::Channel(ChannelError::Timeout), CallError::MediaType] {
                assert!(!told(error).contains(&address.to_string()), "{error}");
            }
        }
    }
}
