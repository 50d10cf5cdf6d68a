//! The hub in a group id: `mimi://<hub>/g/<base64url of 16 random bytes>` (specs/protocol.md, "Groups").

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::wire::ServiceProviderId;

/// The provider that minted a group id; `None` for an id of another form.
pub fn hub_of(group_id: &[u8]) -> Option<ServiceProviderId> {
    let (hub, random) = std::str::from_utf8(group_id).ok()?.strip_prefix("mimi://")?.split_once("/g/")?;
    let random = URL_SAFE_NO_PAD.decode(random).ok()?;
    (random.len() == 16).then(|| hub.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::hub_of;

    #[test]
    fn minted_ids_name_their_hub() {
        let hub = hub_of(b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw").unwrap();
        assert_eq!(hub.as_str(), "hub.example");
    }

    #[test]
    fn other_forms_name_none() {
        for id in [
            &b""[..],
            b"group",
            b"mimi://hub.example/g/",
            b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0O",
            b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw==",
            b"mimi://Hub.example/g/AAECAwQFBgcICQoLDA0ODw",
            b"mimi://hub.example:443/g/AAECAwQFBgcICQoLDA0ODw",
            b"mimi://hub.example/x/AAECAwQFBgcICQoLDA0ODw",
            b"mimi://\xff/g/AAECAwQFBgcICQoLDA0ODw",
        ] {
            assert_eq!(hub_of(id), None);
        }
    }
}
