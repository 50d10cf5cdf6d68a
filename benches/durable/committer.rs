//! The bare committer: the service without HTTP, in this process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use restante::service::{Submitter, UserId};

use crate::{groups::create_groups, hub, load::summarise, message::send_request, row::Row, server};

pub(crate) fn sends(in_flight: usize, length: Duration) -> Row {
    let folder = server::folder();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let row = runtime.block_on(async {
        let service = hub::service(folder.path());
        let ids = Arc::new(create_groups(&service, 1).await);
        let (number, ending) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..in_flight {
            let (service, ids, number, ending) = (service.clone(), ids.clone(), number.clone(), ending.clone());
            tasks.spawn(async move {
                let submitter = Submitter::User(UserId::new(b"bench".to_vec()).unwrap());
                let mut histogram = Histogram::<u64>::new(3).unwrap();
                while !ending.load(Ordering::Relaxed) {
                    let request = send_request(&ids[0], 0, number.fetch_add(1, Ordering::Relaxed));
                    let start = Instant::now();
                    service.send(&submitter, request, None).await.unwrap();
                    histogram.record(u64::try_from(start.elapsed().as_nanos()).unwrap()).unwrap();
                }
                histogram
            });
        }
        let start = Instant::now();
        tokio::time::sleep(length).await;
        ending.store(true, Ordering::Relaxed);
        let elapsed = start.elapsed();
        let mut all = Histogram::<u64>::new(3).unwrap();
        while let Some(histogram) = tasks.join_next().await {
            all.add(histogram.unwrap()).unwrap();
        }
        Row::new("committer", in_flight, true, summarise(&all, elapsed, None))
    });
    drop(runtime);
    row
}
