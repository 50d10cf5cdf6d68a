//! A crypto provider for somebody who means ill: parts of its commits cannot be opened.
//!
//! A commit carries the secrets of its path once for each part of the tree, sealed to a key there (RFC 9420 §7.6). Whoever
//! seals garbage to some of those keys makes a commit that is signed, and valid for everybody but those. No hub can tell,
//! and the group forks. For tests and the demo; nothing else may use it.

use std::sync::{Arc, Mutex, PoisonError};

use mls_rs::{
    CipherSuite, CipherSuiteProvider, CryptoProvider,
    crypto::{HpkeCiphertext, HpkePublicKey, HpkeSecretKey, SignaturePublicKey, SignatureSecretKey},
};
use mls_rs_core::crypto::HpkePsk;
use mls_rs_crypto_awslc::AwsLcCryptoProvider;
use zeroize::Zeroizing;

type Suite = <AwsLcCryptoProvider as CryptoProvider>::CipherSuiteProvider;
type Failure = <Suite as CipherSuiteProvider>::Error;

/// AWS-LC, except for what it is told to spoil. Clones share that.
#[derive(Clone, Default)]
pub struct Saboteur {
    crypto: AwsLcCryptoProvider,
    plan: Arc<Mutex<Plan>>,
}

/// Which of the next seals are spoiled.
#[derive(Default)]
struct Plan {
    sealed: usize,
    spoiled: Vec<usize>,
}

impl Saboteur {
    /// Spoils some of the next seals, counted from 0. In a commit they come in the order of its path: first what is sealed
    /// to the sibling of the committer's leaf, then to the members below its uncle, and so on.
    pub fn spoil(&self, seals: &[usize]) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Plan { sealed: 0, spoiled: seals.to_vec() };
    }
}

impl CryptoProvider for Saboteur {
    type CipherSuiteProvider = SabotagedSuite;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        self.crypto.supported_cipher_suites()
    }

    fn cipher_suite_provider(&self, cipher_suite: CipherSuite) -> Option<SabotagedSuite> {
        let suite = self.crypto.cipher_suite_provider(cipher_suite)?;
        Some(SabotagedSuite { suite, plan: self.plan.clone() })
    }
}

/// A cipher suite of a [`Saboteur`].
#[derive(Clone)]
pub struct SabotagedSuite {
    suite: Suite,
    plan: Arc<Mutex<Plan>>,
}

impl CipherSuiteProvider for SabotagedSuite {
    type Error = Failure;
    type HpkeContextS = <Suite as CipherSuiteProvider>::HpkeContextS;
    type HpkeContextR = <Suite as CipherSuiteProvider>::HpkeContextR;

    fn hpke_seal(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
    ) -> Result<HpkeCiphertext, Failure> {
        let mut sealed = self.suite.hpke_seal(remote_key, info, aad, pt)?;
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if plan.spoiled.contains(&plan.sealed)
            && let Some(byte) = sealed.ciphertext.last_mut()
        {
            *byte ^= 1;
        }
        plan.sealed += 1;
        Ok(sealed)
    }

    fn cipher_suite(&self) -> CipherSuite {
        self.suite.cipher_suite()
    }

    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, Failure> {
        self.suite.hash(data)
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Failure> {
        self.suite.mac(key, data)
    }

    fn aead_seal(&self, key: &[u8], data: &[u8], aad: Option<&[u8]>, nonce: &[u8]) -> Result<Vec<u8>, Failure> {
        self.suite.aead_seal(key, data, aad, nonce)
    }

    fn aead_open(
        &self,
        key: &[u8],
        ciphertext: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.suite.aead_open(key, ciphertext, aad, nonce)
    }

    fn aead_key_size(&self) -> usize {
        self.suite.aead_key_size()
    }

    fn aead_nonce_size(&self) -> usize {
        self.suite.aead_nonce_size()
    }

    fn kdf_extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.suite.kdf_extract(salt, ikm)
    }

    fn kdf_expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.suite.kdf_expand(prk, info, len)
    }

    fn kdf_extract_size(&self) -> usize {
        self.suite.kdf_extract_size()
    }

    fn hpke_seal_psk(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
        psk: HpkePsk<'_>,
    ) -> Result<HpkeCiphertext, Failure> {
        self.suite.hpke_seal_psk(remote_key, info, aad, pt, psk)
    }

    fn hpke_open(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.suite.hpke_open(ciphertext, local_secret, local_public, info, aad)
    }

    fn hpke_open_psk(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        psk: HpkePsk<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.suite.hpke_open_psk(ciphertext, local_secret, local_public, info, aad, psk)
    }

    fn hpke_setup_s(&self, remote_key: &HpkePublicKey, info: &[u8]) -> Result<(Vec<u8>, Self::HpkeContextS), Failure> {
        self.suite.hpke_setup_s(remote_key, info)
    }

    fn hpke_setup_r(
        &self,
        kem_output: &[u8],
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
    ) -> Result<Self::HpkeContextR, Failure> {
        self.suite.hpke_setup_r(kem_output, local_secret, local_public, info)
    }

    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), Failure> {
        self.suite.kem_derive(ikm)
    }

    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), Failure> {
        self.suite.kem_generate()
    }

    fn kem_public_key_validate(&self, key: &HpkePublicKey) -> Result<(), Failure> {
        self.suite.kem_public_key_validate(key)
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), Failure> {
        self.suite.random_bytes(out)
    }

    fn signature_key_generate(&self) -> Result<(SignatureSecretKey, SignaturePublicKey), Failure> {
        self.suite.signature_key_generate()
    }

    fn signature_key_derive_public(&self, secret_key: &SignatureSecretKey) -> Result<SignaturePublicKey, Failure> {
        self.suite.signature_key_derive_public(secret_key)
    }

    fn sign(&self, secret_key: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, Failure> {
        self.suite.sign(secret_key, data)
    }

    fn verify(&self, public_key: &SignaturePublicKey, signature: &[u8], data: &[u8]) -> Result<(), Failure> {
        self.suite.verify(public_key, signature, data)
    }
}
