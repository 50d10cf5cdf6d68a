//! The runtime under a program.

use std::{future::Future, io};

use tokio::runtime::Builder;

/// Runs a future to its end on a runtime of its own. Tasks that it leaves behind do not hold up the end of the process.
///
/// # Errors
/// The system gave no threads.
pub fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(result)
}
