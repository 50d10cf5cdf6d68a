//! Group ids as hubs mint them (specs/protocol.md, G1): `mimi://<hub>/g/<base64url of 16 random bytes>`.
//!
//! A provider reads the hub from the id alone. In the structures of the draft a group id is opaque, and stays bytes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::ServiceProviderId;

const SCHEME: &str = "mimi://";
const PATH: &str = "/g/";

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
    /// How many random bytes make an id unguessable and unique.
    pub const RANDOM_LENGTH: usize = 16;

    /// The id of a new group at that hub.
    pub fn mint(hub: &ServiceProviderId, random: [u8; Self::RANDOM_LENGTH]) -> Self {
        Self { hub: hub.clone(), text: format!("{SCHEME}{hub}{PATH}{}", URL_SAFE_NO_PAD.encode(random)) }
    }

    /// Reads an id; `None` when it is of another form, which no hub mints.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (hub, random) = text.strip_prefix(SCHEME)?.split_once(PATH)?;
        let decoded = URL_SAFE_NO_PAD.decode(random).ok()?;
        (decoded.len() == Self::RANDOM_LENGTH).then_some(())?;
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

#[cfg(test)]
mod tests {
    use super::GroupId;

    #[test]
    fn minted_ids_name_their_hub() {
        let hub = "hub.example".parse().unwrap();
        let random = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let minted = GroupId::mint(&hub, random);
        assert_eq!(minted.as_bytes(), b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw");
        assert_eq!(minted.hub(), &hub);
        assert_eq!(GroupId::parse(minted.as_bytes()), Some(minted));
    }

    #[test]
    fn other_forms_name_none() {
        for id in [
            &b""[..],
            b"group",
            b"mimi://hub.example/g/",
            b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0O",
            b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODx",
            b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw==",
            b"mimi://Hub.example/g/AAECAwQFBgcICQoLDA0ODw",
            b"mimi://hub.example:443/g/AAECAwQFBgcICQoLDA0ODw",
            b"mimi://hub.example/x/AAECAwQFBgcICQoLDA0ODw",
            b"mimi://\xff/g/AAECAwQFBgcICQoLDA0ODw",
        ] {
            assert_eq!(GroupId::parse(id), None);
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let id = GroupId::mint(&"hub.example".parse().unwrap(), [7; 16]);
        assert_eq!(format!("{id:?}"), "GroupId(..)");
    }
}
