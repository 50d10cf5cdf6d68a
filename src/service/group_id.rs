//! Group ids: `mimi://<hub>/g/<base64url of 16 random bytes>`, so that a provider can route from the id alone.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::wire::ServiceProviderId;

const SCHEME: &str = "mimi://";
const PATH: &str = "/g/";

/// How many random bytes make an id unguessable and unique.
pub(super) const RANDOM_LENGTH: usize = 16;

/// A group id of the form that hubs mint.
///
/// # Privacy
/// `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupId {
    hub: ServiceProviderId,
    text: String,
}

impl GroupId {
    /// The id of a new group at that hub.
    pub(super) fn mint(hub: &ServiceProviderId, random: [u8; RANDOM_LENGTH]) -> Self {
        Self { hub: hub.clone(), text: format!("{SCHEME}{hub}{PATH}{}", URL_SAFE_NO_PAD.encode(random)) }
    }

    /// Reads an id; `None` when no hub minted it.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (hub, random) = text.strip_prefix(SCHEME)?.split_once(PATH)?;
        let decoded = URL_SAFE_NO_PAD.decode(random).ok()?;
        (decoded.len() == RANDOM_LENGTH).then_some(())?;
        Some(Self { hub: hub.parse().ok()?, text: text.to_owned() })
    }

    /// The hub of the group.
    pub fn hub(&self) -> &ServiceProviderId {
        &self.hub
    }

    /// The id as it stands in messages.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl std::fmt::Debug for GroupId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("GroupId(..)")
    }
}
