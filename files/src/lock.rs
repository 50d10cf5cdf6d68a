//! One process at a time.

use std::{
    fs::{File, TryLockError},
    io, thread,
    time::Duration,
};

/// Whoever holds a lock writes one small file. Five seconds together are far more than that takes.
const INTERVAL: Duration = Duration::from_millis(10);
const ATTEMPTS: u32 = 500;

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Another process did not give it free in time.
    Held,
    /// The system refuses.
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Locks a file or folder while it is open, and waits up to five seconds for whoever holds it. Blocks: not for async
/// threads.
///
/// # Errors
/// [`LockError`]
pub fn lock(file: File) -> Result<File, LockError> {
    lock_within(file, ATTEMPTS)
}

fn lock_within(file: File, attempts: u32) -> Result<File, LockError> {
    // The system tells nobody when a lock becomes free within a time, so it is asked again and again.
    for _ in 0..attempts {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(INTERVAL),
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
    }
    Err(LockError::Held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_holds_is_not_waited_for_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let open = || File::open(folder.path()).unwrap();
        let held = lock_within(open(), 1).unwrap();
        assert!(matches!(lock_within(open(), 3), Err(LockError::Held)));
        drop(held);
        lock_within(open(), 1).unwrap();
    }

    #[test]
    fn whoever_waits_has_it_as_soon_as_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let open = || File::open(folder.path()).unwrap();
        let held = lock(open()).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lock(open()).map(drop));
            drop(held);
            waiting.join().unwrap().unwrap();
        });
    }
}
