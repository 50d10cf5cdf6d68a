//! What the system writes down of a process that crashes: nothing, whoever starts it.

use std::ffi::OsStr;

use rustix::process::{Resource, Rlimit, setrlimit};

/// The environment variable by which somebody who looks for a fault is left a core all the same: `1`.
pub const CORE_DUMPS_VARIABLE: &str = "RESTANTE_CORE_DUMPS";

/// Has the system write no core of this process, nor of those that it starts, unless [`CORE_DUMPS_VARIABLE`] asks for it.
///
/// # Privacy
/// A core holds private keys, tokens, partition keys and whatever passes through, and lies where nobody looks after it.
/// Where the system hands cores to a program instead, that program is told of this limit, and decides.
pub fn forbid_core_dumps() {
    if !is_asked_for(std::env::var_os(CORE_DUMPS_VARIABLE).as_deref()) {
        // A limit can always be lowered. On a system that refuses, it stays what the operator has made it.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}

fn is_asked_for(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_asked_for_by_one_word() {
        assert!(is_asked_for(Some(OsStr::new("1"))));
        for value in [None, Some(""), Some("0"), Some("no"), Some("11")] {
            assert!(!is_asked_for(value.map(OsStr::new)), "{value:?}");
        }
    }
}
