//! What an engine takes of its machine.

/// In bytes, as far as the engine knows without a look at the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Memory for blocks of rows, indexes and filters that were read from files: at most what the engine may keep.
    pub blocks: u64,
    /// Memory for rows that are in the log alone yet, and in no file.
    pub recent: u64,
    /// Memory for what is known of open files.
    pub open_files: u64,
    /// Files with rows. Logs come in addition, and files that are only kept because somebody reads them.
    pub files: u64,
    /// Estimate of what is to be written again to bring files into order.
    pub unsorted: u64,
    /// Whether writes are slowed down, or stand still, until files are in order.
    pub is_slowed: bool,
}
