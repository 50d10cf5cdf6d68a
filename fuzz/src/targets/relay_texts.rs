//! Texts that reach the relay: token files, gateways' urls, names of providers.

use restante_relay::{GatewayUrl, ProviderId, TokenHash, UserLimits, UserTokens, hashes};

/// Whoever may do anything.
const LIMITS: UserLimits = UserLimits { per_minute: 1, burst: 1, in_flight: 1, tunnels: 1 };

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    // Files are read as text: of an input, as much as is one.
    let input = input.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let all: Vec<_> = hashes(input).collect();
    if let Ok(tokens) = UserTokens::parse(input, LIMITS, None) {
        assert!(all.iter().all(Result::is_ok));
        assert!(tokens.len() <= all.len());
    }
    if let Ok(hash) = input.parse::<TokenHash>() {
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }
    if let Ok(provider) = input.parse::<ProviderId>() {
        assert_eq!(provider.as_str().parse(), Ok(provider.clone()));
        assert!(provider.is_related(&provider));
    }
    if let Ok(url) = input.parse::<GatewayUrl>() {
        assert!(url.path().starts_with('/'));
        assert!(!url.host().is_empty());
    }
}
