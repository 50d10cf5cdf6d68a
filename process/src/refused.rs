//! The end of a connection whose handshake failed.
//!
//! Closing a connection on which the client still sends resets it, and the client may never read the alert that says why
//! it was refused: under TLS 1.3 it sends its first request before it hears of it. So the rest is read and thrown away,
//! within bounds, while the client reads.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const DISCARDED_BYTES_MAX: u64 = 64 * 1024;
const DISCARDING_MAX: Duration = Duration::from_secs(1);

/// Says that no more will come, and waits until the client has gone, or not much longer.
pub(crate) async fn see_off(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let parting = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(DISCARDED_BYTES_MAX), &mut tokio::io::sink()).await
    };
    // However it ends, it ends.
    let _ = tokio::time::timeout(DISCARDING_MAX, parting).await;
}
