//! The program `restante-gateway`. So far it says that it is not built yet.

use std::process::ExitCode;

/// `EX_UNAVAILABLE` of sysexits: the service is not available, and trying again does not help.
const UNAVAILABLE: u8 = 69;

#[allow(clippy::print_stderr, reason = "all that this program does yet")]
fn main() -> ExitCode {
    eprintln!(
        "restante-gateway {}: the Oblivious HTTP gateway is not built yet; `restante serve` is \
         reached directly for now",
        env!("CARGO_PKG_VERSION")
    );
    ExitCode::from(UNAVAILABLE)
}
