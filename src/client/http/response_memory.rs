//! Memory for responses, lent as they arrive.

use std::future::Future;

/// There is no memory for a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no memory for the response")]
pub struct NoMemory;

/// Lends memory for the response to one request.
///
/// Nobody knows how long a response will be before it is there. So memory is asked for piece by piece, each before it is
/// kept: a request that waits holds none, and a length that is announced and never comes costs nothing.
pub trait ResponseMemory: Send {
    /// Lends room for so many more bytes.
    ///
    /// # Errors
    /// When there is none, or not in time. The exchange ends with that.
    fn lend(&mut self, bytes: usize) -> impl Future<Output = Result<(), NoMemory>> + Send;
}

/// For whoever has few exchanges under way: [`super::Limits::response_bytes`] is bound enough.
impl ResponseMemory for () {
    async fn lend(&mut self, _bytes: usize) -> Result<(), NoMemory> {
        Ok(())
    }
}
