//! `restante tokens`: bearer tokens for people and scripts, through the local listener of the running server.
//!
//! # Privacy
//! Standard output holds tokens and handles, and standard error the handle of a token that was minted. Errors hold
//! neither, and no user.

use anyhow::bail;
use base64::{Engine, engine::general_purpose::STANDARD};
use restante::{
    config::Config,
    wire::{self, BearerTokenKind, MintTokenRequest, RevokeTokenRequest, TokenHandle, TokenUse},
};

use restante_process::console::{complain, confirm};
use zeroize::Zeroizing;

use crate::{
    cli::{TokensCommand, User},
    date::short_day,
    local_service::{OPERATOR, explain, service},
};

/// Whoever mistypes a handle must not believe that its token is worth nothing.
const UNKNOWN_HANDLE: &str = "nothing was revoked: the user has no token with this handle; `restante tokens list` with \
                              the same --user prints those that there are";
const UNKNOWN_USER: &str = "nothing was revoked: the server knows no such user; write the id as it was written for \
                            `restante tokens mint`";

const QUESTION: &str = "All tokens of all users open nothing any more, and there is no way back: users have to mint \
                        new ones, and to give them to their contacts. Revoke them?";

/// Carries a command out; gives the lines to print, which are wiped afterwards.
pub(crate) async fn run(command: &TokensCommand, config: &Config) -> anyhow::Result<Zeroizing<Vec<String>>> {
    run_plainly(command, config).await.map(Zeroizing::new).map_err(explain)
}

async fn run_plainly(command: &TokensCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        TokensCommand::Mint(mint) => {
            let kind = if mint.unique { BearerTokenKind::Unique } else { BearerTokenKind::Shared };
            let minted = service(config, &mint.user.id)?.mint_token(&MintTokenRequest { kind }).await?;
            let encoded = Zeroizing::new(wire::encode(&minted.token)?);
            if mint.unique {
                // Standard output is for the contact, who has no use for it.
                complain(&format!("handle {}", hex::encode(&minted.token.handle)));
            }
            Ok(vec![STANDARD.encode(&*encoded)])
        }
        TokensCommand::Revoke(revoke) => {
            match (&revoke.user, revoke.handle) {
                (None, _) => {
                    if !revoke.yes {
                        confirm(QUESTION)?;
                    }
                    service(config, OPERATOR)?.revoke_all_tokens().await?;
                }
                (Some(user), None) => {
                    if !service(config, &user.id)?.revoke_token(&RevokeTokenRequest::User).await?.found {
                        bail!(UNKNOWN_USER);
                    }
                }
                (Some(user), Some(handle)) => {
                    let request = RevokeTokenRequest::Handle(TokenHandle::new(handle));
                    if !service(config, &user.id)?.revoke_token(&request).await?.found {
                        bail!(UNKNOWN_HANDLE);
                    }
                }
            }
            Ok(vec!["revoked".to_owned()])
        }
        TokensCommand::List(list) => {
            let User { id, .. } = &list.user;
            let listed = service(config, id)?.list_tokens().await?;
            if listed.tokens.is_empty() {
                return Ok(vec!["the user has no unique tokens".to_owned()]);
            }
            let heading = row("handle", "minted", "uses", "last used", "state");
            Ok([heading].into_iter().chain(listed.tokens.iter().map(line)).collect())
        }
    }
}

/// A token, in a line that a terminal of 80 columns does not break.
fn line(token: &TokenUse) -> String {
    let handle = hex::encode(token.handle.as_bytes());
    let used = if token.last_used_ms == 0 { "-".to_owned() } else { short_day(token.last_used_ms) };
    let state = if token.revoked { "revoked" } else { "good" };
    row(&handle, &short_day(token.minted_ms), &token.uses.to_string(), &used, state)
}

fn row(handle: &str, minted: &str, uses: &str, used: &str, state: &str) -> String {
    format!("{handle:<32}  {minted:<11}  {uses:>10}  {used:<11}  {state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_fits_a_terminal() {
        let handle = TokenHandle::new([0xab; 16]);
        let token = |revoked: bool, uses: u32, last_used_ms: u64| {
            line(&TokenUse { handle, minted_ms: 1_700_000_000_000, revoked, uses, last_used_ms })
        };
        let (used, unused) = (token(true, u32::MAX, u64::MAX), token(false, 0, 0));
        assert!(used.chars().count() <= 80 && used.ends_with("4294967295  31 Dec 9999  revoked"), "{used}");
        assert!(unused.starts_with(&"ab".repeat(16)) && unused.ends_with("  -            good"), "{unused}");
    }
}
