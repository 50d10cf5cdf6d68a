//! Whether anything still passes through a tunnel.

use std::{
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, sleep_until},
};

/// When bytes last came from either end.
pub(super) struct Activity(Mutex<Instant>);

/// An end whose bytes are noticed.
pub(super) struct Noticed<'a, R> {
    from: R,
    activity: &'a Activity,
}

impl Default for Activity {
    /// Counts from now.
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Activity {
    /// Notices what is read from an end.
    pub(super) fn of<R>(&self, from: R) -> Noticed<'_, R> {
        Noticed { from, activity: self }
    }

    /// Returns when no byte has come for so long. What is not read, because the other end takes nothing, has not come.
    pub(super) async fn ceases(&self, idle: Duration) {
        loop {
            let until = self.last() + idle;
            if Instant::now() >= until {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Noticed<'_, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.from).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.note();
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const IDLE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn it_ceases_so_long_after_the_last_byte() {
        let (mut near, far) = tokio::io::duplex(16);
        let (activity, began) = (Activity::default(), Instant::now());
        let mut noticed = activity.of(far);
        let chatting = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                near.write_all(b"x").await.unwrap();
                noticed.read_u8().await.unwrap();
            }
        };
        tokio::join!(activity.ceases(IDLE), chatting);
        assert_eq!(began.elapsed(), Duration::from_secs(3 * 4 + 5));
    }
}
