//! What a process says about itself: structured logs on standard error, text on a terminal and JSON otherwise.
//!
//! # Privacy
//! No group id, user id, provider id, partition key (raw or masked), token, payload or network address is ever
//! logged, at any level: whoever reads the logs learns how the service fares, not who talks to whom. Three things
//! uphold it:
//!
//! * Our own events carry numbers, durations and words from closed enums. Secret types print as `…` by themselves.
//! * Foreign crates (hyper, h2, rustls, mls-rs …) know no such rule and print addresses, server names and frames.
//!   Their events and spans are never enabled, whatever filter the operator gives: see [`is_ours`]. What is worth
//!   saying of them is said by our code, as an event of its own. Records of the `log` crate are not collected at all.
//! * A panic is reported by its location, and counted; its message, which may quote what it could not digest, is dropped.

use std::{
    io::{self, IsTerminal},
    panic::{self, Location},
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use tracing::{Level, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, LevelFilter, Targets, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry,
};

/// The environment variable that holds the filter.
pub const LOG_VARIABLE: &str = "RESTANTE_LOG";

/// How often something has panicked.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Which of our events are shown: a level, or levels for our modules, as in `info` or `warn,restante::store=debug`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFilter(Targets);

/// Why a text is no [`LogFilter`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFilterError {
    /// No level and no target.
    #[error("write a level (error, warn, info, debug, trace, off), or target=level as in warn,restante::store=debug")]
    Syntax,
    /// A target of another crate, which would be without effect.
    #[error("`{0}` is not a part of Restante, and the logs of other crates are never shown: they print addresses")]
    Foreign(String),
}

impl Default for LogFilter {
    fn default() -> Self {
        Self(Targets::new().with_default(Level::INFO))
    }
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A word that is no level would be read as a target, and `degub` would silently show nothing.
        let parts = text.split(',').map(str::trim);
        for part in parts.filter(|part| !part.contains('=')) {
            // The empty text would parse, as `error`.
            if part.is_empty() || part.parse::<LevelFilter>().is_err() {
                return Err(LogFilterError::Syntax);
            }
        }
        let targets: Targets = text.replace(' ', "").parse().map_err(|_| LogFilterError::Syntax)?;
        match targets.iter().find(|(target, _)| !is_ours(target)) {
            Some((target, _)) => Err(LogFilterError::Foreign(target.to_owned())),
            None => Ok(Self(targets)),
        }
    }
}

/// Whether a target belongs to this project: the crate `restante`, its modules, and crates named `restante_…`.
///
/// # Privacy
/// This is the cap: an event whose target is not ours is never enabled. It stands below the operator's filter and
/// cannot be configured.
pub fn is_ours(target: &str) -> bool {
    target
        .strip_prefix("restante")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('_'))
}

/// Installs the subscriber and the panic hook, once for the process. `log` records stay where they are: the bridge
/// from the `log` crate is not installed.
///
/// # Errors
/// A subscriber was installed before.
pub fn install(filter: LogFilter) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    let format = if io::stderr().is_terminal() { Format::Text } else { Format::Json };
    tracing::subscriber::set_global_default(subscriber(filter, format, io::stderr))?;
    panic::set_hook(Box::new(|panic| report_panic(panic.location())));
    Ok(())
}

/// How often a part of this process has stopped by a bug since [`install`], for whoever exposes numbers: a request whose
/// handler did is answered nothing, and so counted nowhere else.
pub fn panics() -> u64 {
    PANICS.load(Relaxed)
}

#[derive(Clone, Copy)]
enum Format {
    Text,
    Json,
}

fn subscriber<W>(filter: LogFilter, format: Format, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = filter.0.and(filter_fn(|metadata| is_ours(metadata.target())));
    let layer = fmt::layer().with_writer(writer);
    match format {
        Format::Text => Box::new(registry().with(layer.with_filter(filter))),
        Format::Json => Box::new(registry().with(layer.json().flatten_event(true).with_filter(filter))),
    }
}

/// Says where a panic happened, and nothing else: this function is not given the message.
fn report_panic(location: Option<&Location<'_>>) {
    PANICS.fetch_add(1, Relaxed);
    let (file, line) = location.map_or(("unknown", 0), |location| (location.file(), location.line()));
    tracing::error!(target: "restante::panic", file, line, "a bug: this part of the process stopped");
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written_during(filter: &str, format: Format, act: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(filter.parse().unwrap(), format, move || writer.clone());
        tracing::subscriber::with_default(subscriber, act);
        written.text()
    }

    fn foreign_events() {
        tracing::error!(target: "hyper::proto", peer = "192.0.2.1:1234", "foreign");
        tracing::error!(target: "h2", "foreign");
        tracing::error!(target: "rustls::client", name = "hub.example", "foreign");
        tracing::error!(target: "mls_rs::group", "foreign");
        tracing::error!(target: "restantes", "foreign");
        let _span = tracing::error_span!(target: "tower_http", "foreign", uri = "/x").entered();
        tracing::error!(target: "restante::http", "ours");
    }

    #[test]
    fn foreign_targets_are_silent_even_when_everything_is_asked_for() {
        for format in [Format::Text, Format::Json] {
            let text = written_during("trace", format, foreign_events);
            assert!(text.contains("ours"), "{text}");
            assert!(!text.contains("foreign") && !text.contains("192.0.2.1"), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn levels_act_on_our_own_modules() {
        let text = written_during("warn,restante::store=debug", Format::Json, || {
            tracing::info!(target: "restante::http", "too low");
            tracing::debug!(target: "restante::store", "shown");
            tracing::trace!(target: "restante::store", "too low");
            tracing::warn!(target: "restante_gateway", "shown");
        });
        assert_eq!((text.matches("shown").count(), text.matches("too low").count()), (2, 0), "{text}");
    }

    #[test]
    fn json_is_one_object_to_a_line() {
        let text = written_during("info", Format::Json, || tracing::info!(target: "restante", waiting = 3, "drained"));
        let event: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(
            (&event["message"], &event["waiting"], &event["level"]),
            (&"drained".into(), &3.into(), &"INFO".into())
        );
    }

    #[test]
    fn filters_of_other_crates_and_misspelt_levels_are_refused() {
        for text in ["hyper=trace", "info,rustls=debug", "restantes=info"] {
            assert!(matches!(text.parse::<LogFilter>(), Err(LogFilterError::Foreign(_))), "{text}");
        }
        for text in ["", "degub", "info,", "restante", "restante=degub", "restante=info=debug"] {
            assert_eq!(text.parse::<LogFilter>(), Err(LogFilterError::Syntax), "{text}");
        }
        for text in ["info", "off", "TRACE", "warn, restante::http=debug", "restante_relay=trace"] {
            assert!(text.parse::<LogFilter>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_panic_is_reported_by_its_location() {
        let text = written_during("error", Format::Json, || report_panic(Some(Location::caller())));
        assert!(text.contains("telemetry.rs") && text.contains("\"line\""), "{text}");
    }
}
