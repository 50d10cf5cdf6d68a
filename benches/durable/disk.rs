//! What the disk can do: appends of 600 bytes, each followed by `fdatasync`.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{load::summarise, message::MESSAGE_BYTES, row::Row};

pub(crate) fn appends(length: Duration) -> Row {
    let folder = crate::server::folder();
    let mut file = std::fs::File::create(folder.path().join("appends")).unwrap();
    let payload = [0x5a_u8; MESSAGE_BYTES];
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    let start = Instant::now();
    while start.elapsed() < length {
        let one = Instant::now();
        file.write_all(&payload).unwrap();
        file.sync_data().unwrap();
        histogram.record(u64::try_from(one.elapsed().as_nanos()).unwrap()).unwrap();
    }
    Row::new("fdatasync append", 1, true, summarise(&histogram, start.elapsed(), None))
}
