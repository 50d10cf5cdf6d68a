//! A platter as a file that the kernel sees, through FUSE: what a loop device stands on. Writes arrive at once, and flushes
//! of the device as `fsync`.

use std::{
    ffi::OsStr,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};

use super::platter::{Broken, Platter};

/// The name of the file.
pub(crate) const NAME: &str = "disk";
const FILE: INodeNo = INodeNo(2);
/// Nothing changes but the bytes.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A folder with one file.
pub(crate) struct PlatterFile(pub(crate) Arc<Platter>);

impl PlatterFile {
    fn attributes(&self, of: INodeNo) -> FileAttr {
        let is_file = of == FILE;
        let size = if is_file { self.0.length() } else { 0 };
        FileAttr {
            ino: of,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_file { FileType::RegularFile } else { FileType::Directory },
            perm: 0o700,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

fn answer(reply: ReplyEmpty, outcome: Result<(), Broken>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(Broken) => reply.error(Errno::EIO),
    }
}

impl Filesystem for PlatterFile {
    fn lookup(&self, _request: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == NAME {
            reply.entry(&FOR_EVER, &self.attributes(FILE), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _request: &Request, of: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&FOR_EVER, &self.attributes(of));
    }

    /// The kernel keeps no copy of its own: what was read is what is on the platter.
    fn open(&self, _request: &Request, _of: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _request: &Request,
        _of: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.read(offset, size) {
            Ok(bytes) => reply.data(&bytes),
            Err(Broken) => reply.error(Errno::EIO),
        }
    }

    fn write(
        &self,
        _request: &Request,
        _of: INodeNo,
        _handle: FileHandle,
        offset: u64,
        bytes: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.0.write(offset, bytes) {
            Ok(()) => reply.written(u32::try_from(bytes.len()).expect("the kernel counts so")),
            Err(Broken) => reply.error(Errno::EIO),
        }
    }

    /// Somebody closes the file: no reason to flush.
    fn flush(&self, _request: &Request, _of: INodeNo, _handle: FileHandle, _lock: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _request: &Request, _of: INodeNo, _handle: FileHandle, _data_only: bool, reply: ReplyEmpty) {
        answer(reply, self.0.flush());
    }
}
