//! How handshakes (proposals and commits) travel.

use crate::mls::WireFormat;

/// The two ways that RFC 9420 leaves to a group. Application messages are encrypted in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As PrivateMessage: the hub cannot read who comes and goes.
    Encrypted,
    /// As PublicMessage: the hub can.
    Public,
}

impl Mode {
    pub(super) const BOTH: [Self; 2] = [Self::Encrypted, Self::Public];

    pub(super) fn is_first(self) -> bool {
        Some(&self) == Self::BOTH.first()
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Encrypted => "A group with encrypted handshakes",
            Self::Public => "A group with public handshakes",
        }
    }

    pub(super) fn explanation(self) -> &'static str {
        match self {
            Self::Encrypted => {
                "Proposals and commits travel as PrivateMessages. The hub sees that there is a commit, and not what it \
                 does; who made it, it knows of its own users only."
            }
            Self::Public => {
                "The same story again, told shorter. Now proposals and commits travel as PublicMessages, and a \
                 GroupInfo with the roster is published with each commit. Hubs may want this to apply a policy. What \
                 people say stays encrypted."
            }
        }
    }

    /// What commits look like on the wire.
    pub(super) fn handshakes(self) -> WireFormat {
        match self {
            Self::Encrypted => WireFormat::PrivateMessage,
            Self::Public => WireFormat::PublicMessage,
        }
    }

    /// A GroupInfo holds the ratchet tree, and with it everybody's name: publishing it would undo the encryption.
    pub(super) fn publishes_group_info(self) -> bool {
        self == Self::Public
    }
}
