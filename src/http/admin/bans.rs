//! Banning, muting and blocking.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{answer, read};
use crate::{
    client::http::Operation,
    http::{Hub, Problem},
    sequencer::{Ban, BanKey, BanSubject, Rejection},
    service::{BanName, Error, UserId},
    wire::{BanTag, Sanction, ServiceProviderId},
};

/// Their paths.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route(Operation::AddBan.path(), post(add))
        .route(Operation::RemoveBan.path(), post(remove))
        .route(Operation::ListBans.path(), post(list))
}

/// Whom it is about: with neither `user` nor `identity` the provider as a whole. Both are base64.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    /// This provider, if it is not there.
    provider: Option<String>,
    user: Option<String>,
    identity: Option<String>,
    /// Only where something is lifted: as it is listed, in the place of a name.
    tag: Option<String>,
    /// Only where something is forbidden.
    #[serde(default)]
    mute: bool,
}

impl Named {
    fn provider(&self, hub: &Hub) -> Result<ServiceProviderId, Problem> {
        match &self.provider {
            Some(name) => name.parse().map_err(|_| Problem::not_the_json()),
            None => Ok(hub.service.provider().clone()),
        }
    }

    fn name(&self, hub: &Hub) -> Result<BanName, Problem> {
        if self.tag.is_some() {
            return Err(Problem::not_the_json());
        }
        let provider = self.provider(hub)?;
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| Problem::not_the_json());
        match (&self.user, &self.identity) {
            (Some(user), None) => {
                let user = UserId::new(bytes(user)?).ok_or_else(Problem::not_the_json)?;
                Ok(BanName::User(provider, user))
            }
            (None, Some(identity)) => Ok(BanName::Identity(provider, bytes(identity)?)),
            (None, None) => Ok(BanName::Provider(provider)),
            (Some(_), Some(_)) => Err(Problem::not_the_json()),
        }
    }

    fn tag(&self) -> Result<Option<BanTag>, Problem> {
        let Some(tag) = &self.tag else { return Ok(None) };
        if self.user.is_some() || self.identity.is_some() || self.mute {
            return Err(Problem::not_the_json());
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(tag, &mut bytes).map_err(|_| Problem::not_the_json())?;
        Ok(Some(BanTag::new(bytes)))
    }
}

async fn add(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let named: Named = read(&hub, request).await?;
    let name = named.name(&hub)?;
    // Whoever speaks where the handshakes are public cannot be told by their identity in what they say.
    if named.mute && !matches!(name, BanName::User(..)) {
        return Err(Problem::not_the_json());
    }
    let sanction = if named.mute { Sanction::Muted } else { Sanction::Banned };
    let was = match hub.service.ban(&name, sanction).await {
        Ok(was) => was.map(|ban| ban.sanction),
        Err(Error::Rejected(Rejection::UnknownProvider)) => {
            return Err(match &name {
                BanName::Provider(provider) if provider == hub.service.provider() => Problem::own_provider(),
                BanName::Provider(_) | BanName::User(..) | BanName::Identity(..) => Problem::no_such_peer(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    // The ban is in force, whether that can be said or not.
    let known = hub.service.has_user(&name).await.ok().flatten();
    Ok(answer(&json!({ "changed": was != Some(sanction), "was": was.map(word), "known": known })))
}

async fn remove(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let named: Named = read(&hub, request).await?;
    let changed = match named.tag()? {
        Some(tag) => hub.service.lift_tagged_ban(&named.provider(&hub)?, tag).await?,
        None => hub.service.lift_ban(&named.name(&hub)?).await?,
    };
    Ok(answer(&json!({ "changed": changed })))
}

/// All, or with a user or an identity that one ban.
async fn list(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let named: Named = read(&hub, request).await?;
    if named.tag.is_some() {
        return Err(Problem::not_the_json());
    }
    if named.user.is_some() || named.identity.is_some() {
        let provider = named.provider(&hub)?;
        let ban = hub.service.ban_of(&named.name(&hub)?);
        let subject = if named.user.is_some() { BanSubject::User } else { BanSubject::Identity };
        let bans: Vec<_> = ban.map(|ban| document(&provider, subject, ban, None)).into_iter().collect();
        return Ok(answer(&json!({ "bans": bans, "heard": [] })));
    }
    let only = named.provider.as_ref().map(|_| named.provider(&hub)).transpose()?;
    let bans = hub.service.bans().into_iter().filter(|(key, _)| only.as_ref().is_none_or(|only| *only == key.provider));
    let bans: Vec<_> = bans
        .map(|(BanKey { provider, subject, tag }, ban)| {
            // A provider as a whole has no tag.
            let tag = (subject != BanSubject::Provider).then(|| hex::encode(tag.as_bytes()));
            document(&provider, subject, ban, tag)
        })
        .collect();
    let heard: Vec<_> = hub
        .service
        .heard_bans()
        .into_iter()
        .map(|(hub, heard)| json!({ "hub": hub.as_str(), "users": heard.users(), "heard_ms": heard.heard_ms }))
        .collect();
    Ok(answer(&json!({ "bans": bans, "heard": heard })))
}

fn document(provider: &ServiceProviderId, subject: BanSubject, ban: Ban, tag: Option<String>) -> Value {
    json!({
        "provider": provider.as_str(),
        "subject": match subject {
            BanSubject::User => "user",
            BanSubject::Identity => "identity",
            BanSubject::Provider => "provider",
        },
        "sanction": match subject {
            BanSubject::Provider => "blocked",
            BanSubject::User | BanSubject::Identity => word(ban.sanction),
        },
        "since_ms": ban.since_ms,
        "tag": tag,
    })
}

fn word(sanction: Sanction) -> &'static str {
    match sanction {
        Sanction::Muted => "muted",
        Sanction::Banned => "banned",
    }
}
