//! RFC 9180, Appendix A, base mode.

use super::{Aead, Kem, PrivateKey, Schedule};

struct Vector {
    aead: Aead,
    secret: &'static str,
    public: &'static str,
    encapsulated: &'static str,
    /// The first message, with the associated data `Count-0`.
    sealed: &'static str,
    /// For the contexts ``, `00` and `TestContext`.
    exported: [&'static str; 3],
}

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const PLAIN: &[u8] = b"Beauty is truth, truth beauty";

/// A.1.1 and A.2.1.
const VECTORS: [Vector; 2] = [
    Vector {
        aead: Aead::Aes128Gcm,
        secret: "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
        public: "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
        encapsulated: "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
        sealed: "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
        exported: [
            "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee",
            "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5",
            "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931",
        ],
    },
    Vector {
        aead: Aead::ChaCha20Poly1305,
        secret: "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
        public: "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
        encapsulated: "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
        sealed: "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
        exported: [
            "4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e",
            "8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69",
            "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53",
        ],
    },
];

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn private_key(secret: &str) -> PrivateKey {
    PrivateKey::new(Kem::X25519, bytes(secret).as_slice().try_into().unwrap()).unwrap()
}

#[test]
fn contexts_open_and_export_as_in_the_rfc() {
    for vector in VECTORS {
        let key = private_key(vector.secret);
        assert_eq!(key.public(), bytes(vector.public));
        let schedule = Schedule::new(Kem::X25519, vector.aead, &bytes(INFO));
        let context = schedule.receive(&key, &bytes(vector.encapsulated)).unwrap();
        assert_eq!(context.open(b"Count-0", &bytes(vector.sealed)).unwrap().as_slice(), PLAIN);
        for (exporter_context, expected) in ["", "00", "54657374436f6e74657874"].into_iter().zip(vector.exported) {
            let mut exported = [0; 32];
            context.export(&bytes(exporter_context), &mut exported);
            assert_eq!(hex::encode(exported), expected);
        }
    }
}

#[test]
fn another_aad_info_key_or_bit_does_not_open() {
    let [vector, other] = VECTORS;
    let key = private_key(vector.secret);
    let schedule = Schedule::new(Kem::X25519, vector.aead, &bytes(INFO));
    let sealed = bytes(vector.sealed);
    let context = schedule.receive(&key, &bytes(vector.encapsulated)).unwrap();
    assert!(context.open(b"Count-1", &sealed).is_err());
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(context.open(b"Count-0", &altered).is_err(), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(context.open(b"Count-0", &sealed[..length]).is_err(), "{length} bytes");
    }
    let elsewhere = Schedule::new(Kem::X25519, vector.aead, b"another info");
    assert!(elsewhere.receive(&key, &bytes(vector.encapsulated)).unwrap().open(b"Count-0", &sealed).is_err());
    let stranger = private_key(other.secret);
    assert!(schedule.receive(&stranger, &bytes(vector.encapsulated)).unwrap().open(b"Count-0", &sealed).is_err());
}

/// RFC 9180 §7.1.4: an all-zero shared secret is refused. These points have small order.
#[test]
fn points_of_small_order_are_refused() {
    let key = private_key(VECTORS[0].secret);
    let mut one = [0; 32];
    one[0] = 1;
    let of_order_eight = bytes("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    for point in [&[0; 32][..], &one, &of_order_eight] {
        assert!(key.decapsulate(point).is_err());
    }
    assert!(key.decapsulate(&bytes(VECTORS[0].encapsulated)).is_ok());
}

#[test]
fn encapsulated_keys_have_one_length() {
    for kem in Kem::ALL {
        let key = PrivateKey::new(kem, &[7; 32]).unwrap();
        for length in [0, 1, 31, 33, 1119, 1121] {
            assert!(key.decapsulate(&vec![9; length]).is_err(), "{kem:?}: {length} bytes");
        }
        assert!(key.decapsulate(&vec![9; kem.encapsulated_length()]).is_ok(), "{kem:?}");
    }
}

/// The X25519 half of X-Wing refuses what X25519 alone refuses.
#[test]
fn x_wing_refuses_points_of_small_order() {
    let key = PrivateKey::new(Kem::XWing, &[7; 32]).unwrap();
    let mut encapsulated = vec![9; 1120];
    encapsulated[1088..].fill(0);
    assert!(key.decapsulate(&encapsulated).is_err());
}

#[test]
fn a_private_key_shows_its_kem_alone() {
    assert_eq!(format!("{:?}", private_key(VECTORS[0].secret)), "PrivateKey { kem: X25519, .. }");
}
