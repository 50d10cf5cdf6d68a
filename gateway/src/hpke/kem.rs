//! The key encapsulation mechanisms that are offered (RFC 9180 §7.1).

use std::str::FromStr;

/// A KEM that a key may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kem {
    /// DHKEM(X25519, HKDF-SHA256).
    X25519,
    /// X-Wing: X25519 and ML-KEM-768 together, so that what is recorded today stays closed to a quantum computer.
    XWing,
}

impl Kem {
    /// Every KEM.
    pub const ALL: [Self; 2] = [Self::X25519, Self::XWing];

    /// The number in IANA's registry.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::X25519 => 0x0020,
            Self::XWing => 0x647a,
        }
    }

    /// The KEM of a number, if it is offered.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kem| kem.id() == id)
    }

    /// `Nenc`, bytes.
    #[must_use]
    pub fn encapsulated_length(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::XWing => x_wing::CIPHERTEXT_SIZE,
        }
    }

    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X25519 => "x25519",
            Self::XWing => "x-wing",
        }
    }
}

impl FromStr for Kem {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kem| kem.name() == name).ok_or("there are x25519 and x-wing")
    }
}
