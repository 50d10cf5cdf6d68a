//! What a server does by itself, until it is told to end.

use std::sync::Arc;

use tokio::sync::watch;

use crate::service::{Next, SWEEP_INTERVAL, Service};

/// Ends when a lane does, or when all are told to: without a lane, what belongs to it would be refused for ever.
pub(super) async fn watch_lanes(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    tokio::select! {
        () = service.lane_ended() => {}
        _ = stopping.wait_for(|ends| *ends) => {}
    }
}

/// Finds out public states that nobody had time to look at, one after another, until the end.
pub(super) async fn catch_up(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            caught_up = service.catch_up() => {
                if let Err(error) = caught_up {
                    tracing::warn!(%error, "a public state is found out by whoever needs it");
                }
            }
            _ = stopping.wait_for(|ends| *ends) => return,
        }
    }
}

/// Looks for due timers until the end.
pub(super) async fn sweep(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    let mut ticks = ticks();
    while is_next(&mut ticks, &mut stopping).await {
        match service.sweep().await {
            Ok(0) => tracing::trace!("no timer is due"),
            Ok(timers) => tracing::debug!(timers, "due timers done"),
            Err(error) => tracing::warn!(%error, "due timers wait for the next look"),
        }
    }
}

/// Removes marks of answered requests until the end, also while many timers are due.
pub(super) async fn sweep_marks(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    let mut ticks = ticks();
    while is_next(&mut ticks, &mut stopping).await {
        match service.sweep_marks().await {
            Ok(any) => tracing::trace!(any, "expired marks removed"),
            Err(error) => tracing::warn!(%error, "expired marks wait for the next look"),
        }
    }
}

/// Walks over what is kept until the end, and removes what has had its time.
pub(super) async fn retain(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    loop {
        let rest = match service.retain().await {
            Ok(Next::Step(pause)) => {
                tokio::select! {
                    () = tokio::time::sleep(pause) => continue,
                    _ = stopping.wait_for(|ends| *ends) => return,
                }
            }
            Ok(Next::Walk(rest)) => {
                if let Some(rests_until_ms) = service.retention_status().rests_until_ms {
                    tracing::debug!(rests_until_ms, "retention rests: the hub was away, or its clock leapt");
                }
                rest
            }
            Err(error) => {
                tracing::warn!(%error, "retention waits");
                SWEEP_INTERVAL
            }
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = service.retention_asked_for() => {}
            _ = stopping.wait_for(|ends| *ends) => return,
        }
    }
}

/// The first one now. What takes longer than the interval puts the next one off.
fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// Waits for the next tick, or for the end.
async fn is_next(ticks: &mut tokio::time::Interval, stopping: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = ticks.tick() => true,
        _ = stopping.wait_for(|ends| *ends) => false,
    }
}
