//! Small files that somebody else made and named: certificates, keys, tokens.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

/// Opens a file to be read, and nothing that is none: a pipe would be waited at until somebody writes to it, and a device
/// may have no end.
///
/// # Errors
/// It is a folder, a pipe, a socket or a device; or the system refuses.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    do_not_wait(&mut options);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}

/// Reads a whole file of at most `bytes_max` bytes, opened as [`open_regular`] does. What it holds stands in memory once,
/// so that whoever wipes what is given wipes all of it.
///
/// # Errors
/// It is no regular file or a longer one, or the system refuses.
pub fn read_small(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let too_long = || {
        let sentence = format!("it has more than {bytes_max} bytes, which is too long for such a file");
        io::Error::new(io::ErrorKind::InvalidData, sentence)
    };
    let length = file.metadata()?.len();
    if length > bytes_max {
        return Err(too_long());
    }
    // One more than there is: the end is found without more room.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    // It may grow meanwhile, and some files have a length of 0 and something in them.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(too_long());
    }
    Ok(bytes)
}

#[cfg(unix)]
fn do_not_wait(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK | libc::O_NOCTTY);
}

#[cfg(not(unix))]
fn do_not_wait(_: &mut OpenOptions) {}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::net::UnixListener, process::Command, sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn what_is_longer_than_it_may_be_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 1, 31, 32] {
            fs::write(&path, vec![7; length]).unwrap();
            assert_eq!(read_small(&path, 32).unwrap(), vec![7; length]);
        }
        fs::write(&path, [7; 33]).unwrap();
        let error = read_small(&path, 32).unwrap_err();
        assert!(error.to_string().contains("more than 32 bytes"), "{error}");
        let error = read_small(&folder.path().join("none"), 32).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    /// A reload that waits here would wait for ever.
    #[test]
    fn pipes_devices_and_folders_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let paths = [pipe, link, socket, folder.path().to_owned(), "/dev/zero".into()];
        let (done, finished) = mpsc::channel();
        thread::spawn(move || {
            for path in paths {
                done.send(read_small(&path, 32).is_err()).unwrap();
            }
            drop(folder);
        });
        for _ in 0..5 {
            assert!(finished.recv_timeout(Duration::from_secs(10)).expect("it waits"));
        }
    }
}
