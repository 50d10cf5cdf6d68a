//! The task that exports: one export at a time, and one more at the end.

use std::{fmt, future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Collector, ExportCounts, ExportOutcome,
    message::{Span, encode},
};
use crate::metrics::Exposition;

/// Which program it is, as a collector is told: `service.name` and `service.version`.
#[derive(Clone, Copy, Debug)]
pub struct ServiceName {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// What is exported.
pub struct Source {
    /// Whose it is.
    pub program: ServiceName,
    /// Everything that `/metrics` shows.
    pub read: Box<dyn Fn() -> Exposition + Send + Sync>,
    /// The time of the day, in milliseconds since 1970.
    pub now_ms: fn() -> u64,
    /// What came of it.
    pub counts: ExportCounts,
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Source").field("program", &self.program).finish_non_exhaustive()
    }
}

/// What the task is told.
#[derive(Clone, Debug, Default)]
struct Orders {
    collector: Option<Arc<Collector>>,
    /// It is to end after one more export, which may take so long.
    last: Option<Duration>,
}

/// Whoever holds it tells the task that exports what to do.
#[derive(Debug)]
pub struct Export(watch::Sender<Orders>);

impl Export {
    /// Begins with this collector, or none. The future exports until it is told to end, and belongs to a task of the
    /// caller's. Values count from now on: call it when the process starts.
    pub fn begin(collector: Option<Collector>, source: Source) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (tell, orders) = watch::channel(Orders { collector: collector.map(Arc::new), last: None });
        let exporter = Exporter { start_ms: (source.now_ms)(), source, collector: None, fails: None };
        (Self(tell), exporter.export(orders))
    }

    /// From now on exports go there, or nowhere.
    pub fn adopt(&self, collector: Option<Collector>) {
        self.0.send_modify(|orders| orders.collector = collector.map(Arc::new));
    }

    /// The task ends after one more export: call it when all that counts has ended. The export takes no longer than it
    /// ever may, and half at most of what is left of a drain that began then. One that is under way is given up: what it
    /// carries is in the last one.
    pub fn end(&self, drain: Duration, began: Instant) {
        let last = drain.saturating_sub(began.elapsed()) / 2;
        self.0.send_modify(|orders| orders.last = Some(last));
    }
}

struct Exporter {
    source: Source,
    start_ms: u64,
    /// The one that was told of last.
    collector: Option<Arc<Collector>>,
    /// Whether exports to it fail, once there was one.
    fails: Option<bool>,
}

impl Exporter {
    async fn export(mut self, mut orders: watch::Receiver<Orders>) {
        let mut began = Instant::now();
        loop {
            let Orders { collector, last } = orders.borrow_and_update().clone();
            self.meet(collector.as_ref());
            if let Some(last) = last {
                if let Some(collector) = collector {
                    let limit = last.min(collector.timeout);
                    if !limit.is_zero() {
                        self.export_once(&collector, limit).await;
                    }
                }
                return;
            }
            tokio::select! {
                told = orders.changed() => match told {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                () = until_due(began, collector.as_deref()) => {}
            }
            began = Instant::now();
            if let Some(collector) = collector {
                tokio::select! {
                    () = self.export_once(&collector, collector.timeout) => {}
                    _ = orders.wait_for(|orders| orders.last.is_some()) => {}
                }
            }
        }
    }

    async fn export_once(&mut self, collector: &Collector, limit: Duration) {
        let Source { program, read, now_ms, counts } = &self.source;
        let now_ms = now_ms();
        // The clock may have been ahead when the process started, and nothing counts since a time to come.
        self.start_ms = self.start_ms.min(now_ms);
        let span = Span { start_ms: self.start_ms, now_ms };
        let message = encode(*program, collector.instance.as_deref(), span, &read());
        let outcome = timeout(limit, collector.push(message)).await.unwrap_or(ExportOutcome::Timeout);
        counts.add(outcome);
        self.tell(outcome);
    }

    /// Of another one nothing was told yet.
    fn meet(&mut self, collector: Option<&Arc<Collector>>) {
        let is_same = match (&self.collector, collector) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        if !is_same {
            self.collector = collector.cloned();
            self.fails = None;
        }
    }

    /// Of each collector once how the first export went, once when exports begin to fail, and once when they no longer do:
    /// the numbers say how often.
    fn tell(&mut self, outcome: ExportOutcome) {
        use crate::metrics::Label as _;
        let fails = outcome != ExportOutcome::Done;
        match (self.fails.replace(fails), fails) {
            (None | Some(false), true) => tracing::warn!(reason = outcome.word(), "metrics cannot be exported"),
            (None, false) => tracing::info!("metrics are exported"),
            (Some(true), false) => tracing::info!("metrics are exported again"),
            (Some(false), false) | (Some(true), true) => {}
        }
    }
}

/// An interval after the last one began; never without a collector.
async fn until_due(began: Instant, collector: Option<&Collector>) {
    match collector {
        Some(collector) => sleep_until(began + collector.interval).await,
        None => pending().await,
    }
}
