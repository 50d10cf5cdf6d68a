//! The walls between the layers of `src/`, read from the source text.
//!
//! `mls <- wire <- sequencer <- store <- service <- http <- main`: a layer uses only what stands to
//! its left. `client` stands beside `store` and uses `mls` and `wire`; `courier` stands beside `http`,
//! and neither names the other. Tests may look over every wall. The tables below are the rules; `ARCHITECTURE.md` says why they are so.
//!
//! One wall is around all programs: no spans. An event's fields are what stands where it is written; a span would add
//! those of whatever is around it, a request among them, and nobody who reads the event would see that.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::source::Source;

/// A layer, and which other modules under the crate's root it may name.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
    /// Whether modules that are no layers (configuration, telemetry) are out of reach as well.
    pure: bool,
}

const LAYERS: &[Layer] = &[
    Layer { name: "mls", may_use: &[], pure: true },
    Layer { name: "wire", may_use: &["mls"], pure: true },
    Layer { name: "sequencer", may_use: &["mls", "wire"], pure: true },
    Layer { name: "pool", may_use: &["mls", "wire", "sequencer"], pure: true },
    Layer { name: "store", may_use: &["mls", "wire", "sequencer", "pool"], pure: false },
    Layer { name: "client", may_use: &["mls", "wire"], pure: true },
    Layer { name: "forks", may_use: &["mls", "wire", "sequencer"], pure: true },
    Layer { name: "service", may_use: &["mls", "wire", "sequencer", "pool", "store", "client", "forks"], pure: false },
    Layer {
        name: "courier",
        may_use: &["mls", "wire", "sequencer", "pool", "store", "client", "service"],
        pure: false,
    },
    Layer {
        name: "http",
        may_use: &["mls", "wire", "sequencer", "pool", "store", "client", "forks", "service"],
        pure: false,
    },
];

/// Layers that are functions of their arguments: no runtime, no clock, no randomness, no storage.
const PURE: &[&str] = &["mls", "wire", "sequencer", "pool", "forks"];

/// Crates that the pure layers do not name.
const IMPURE_CRATES: &[&str] =
    &["tokio", "axum", "hyper", "rustls", "rocksdb", "getrandom", "rand", "restante_process"];

/// Words that the pure layers do not use, wherever they come from.
const IMPURE_WORDS: &[&str] = &["SystemTime", "Instant", "async", "await"];

/// The packages of which programs are made, besides the one at the root.
const MEMBERS: &[&str] = &["faults", "files", "gateway", "names", "process", "relay"];

/// The macros that open spans, and the attribute and the trait that do.
const SPANS: &[&str] =
    &["trace_span", "debug_span", "info_span", "warn_span", "error_span", "instrument", "Instrument"];

/// Something that a file must not name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

/// Checks every file under `src/` of the repository at `root`, and of the packages that programs are made of.
///
/// # Errors
///
/// The list of what was found, or the file that cannot be read.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    let mut files = BTreeMap::new();
    let mut paths = rust_files(&root.join("src"))?;
    for member in MEMBERS {
        paths.extend(rust_files(&root.join(member).join("src"))?);
    }
    for path in paths {
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        let name = path.strip_prefix(root).unwrap_or(&path);
        files.insert(name.to_string_lossy().replace('\\', "/"), text);
    }
    let breaches = breaches(&files);
    if breaches.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    Err(Failure::new(format!(
        "{} found; move the code to the layer that may do it, or pass the value in:\n{}",
        match breaches.len() {
            1 => String::from("one breach of a wall"),
            many => format!("{many} breaches of walls"),
        },
        lines.join("\n")
    )))
}

fn rust_files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", dir.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// What breaks a wall in `files`: path from the repository's root (with `/`) to text.
fn breaches(files: &BTreeMap<String, String>) -> Vec<Breach> {
    let sources: Vec<(Location, Source)> =
        files.iter().map(|(file, text)| (Location::of(file), Source::parse(text))).collect();
    let test_modules: Vec<Vec<&str>> = sources
        .iter()
        .flat_map(|(location, source)| {
            source.test_modules.iter().map(|name| {
                let mut path = location.path.clone();
                path.push(name);
                path
            })
        })
        .collect();
    let mut found = Vec::new();
    for (location, source) in &sources {
        if location.is_test() || test_modules.iter().any(|path| location.path.starts_with(path)) {
            continue;
        }
        span_breaches(location, source, &mut found);
        // Other packages have no layers, and what they may link is the matter of the dependencies.
        if location.file.starts_with("src/") {
            layer_breaches(location, source, &mut found);
            name_breaches(location, source, &mut found);
        }
    }
    found
}

/// Where a file stands in the tree of modules.
struct Location<'file> {
    file: &'file str,
    /// `src/store/rocks/keys.rs` is `["store", "rocks", "keys"]`; the crate's root is empty.
    path: Vec<&'file str>,
}

impl<'file> Location<'file> {
    fn of(file: &'file str) -> Self {
        let inner = file.strip_prefix("src/").unwrap_or(file);
        let inner = inner.strip_suffix(".rs").unwrap_or(inner);
        let mut path: Vec<&str> = inner.split('/').collect();
        if path.last() == Some(&"mod") || matches!(path.as_slice(), ["lib" | "main"]) {
            path.pop();
        }
        Self { file, path }
    }

    fn is_in(&self, path: &[&str]) -> bool {
        self.path.starts_with(path)
    }

    fn is_in_any(&self, layers: &[&str]) -> bool {
        layers.iter().any(|layer| self.is_in(&[layer]))
    }

    fn is_test(&self) -> bool {
        self.path.contains(&"tests")
    }

    fn breach(&self, line: usize, rule: String) -> Breach {
        Breach { file: self.file.to_owned(), line, rule }
    }
}

/// A layer uses only what stands to its left.
fn layer_breaches(location: &Location<'_>, source: &Source, found: &mut Vec<Breach>) {
    let Some(layer) = LAYERS.iter().find(|layer| location.is_in(&[layer.name])) else {
        return;
    };
    for token in source.names_under_root(location.path.len()) {
        let name = token.text.as_str();
        let is_layer = LAYERS.iter().any(|other| other.name == name);
        // Types and macros that the root re-exports have no layer of their own.
        let is_module = name.starts_with(|c: char| c.is_ascii_lowercase()) && name != "self";
        let allowed = name == layer.name || layer.may_use.contains(&name);
        if !allowed && (is_layer || (layer.pure && is_module)) {
            let rule = if layer.may_use.is_empty() {
                format!("names `crate::{name}`, but {} uses no other layer", layer.name)
            } else {
                format!("names `crate::{name}`, but {} uses only {}", layer.name, layer.may_use.join(", "))
            };
            found.push(location.breach(token.line, rule));
        }
    }
}

/// Spans, wherever they would be opened.
fn span_breaches(location: &Location<'_>, source: &Source, found: &mut Vec<Breach>) {
    for (at, token) in source.tokens.iter().enumerate() {
        let name = token.text.as_str();
        // `span != other` is no macro.
        let is_macro = name == "span" && source.text(at + 1) == "!" && source.text(at + 2) != "=";
        if is_macro || SPANS.contains(&name) {
            let rule = format!("names `{name}`: there are no spans, whose fields would get into all events below");
            found.push(location.breach(token.line, rule));
        }
    }
}

/// Crates and words that only some places may name.
fn name_breaches(location: &Location<'_>, source: &Source, found: &mut Vec<Breach>) {
    for (at, token) in source.tokens.iter().enumerate() {
        let name = token.text.as_str();
        let mut breach = |rule: String| found.push(location.breach(token.line, rule));
        // The demo's devices play what an app is that links the client.
        let may_name_mls_rs = location.is_in_any(&["mls", "client"])
            || location.is_in(&["demo", "device"])
            || location.is_in(&["demo", "saboteur"]);
        if source.names_crate(at, is_mls_rs) && !may_name_mls_rs {
            breach(format!("names `{name}`: only src/mls and src/client do, and the demo's devices"));
        }
        if source.names_crate(at, |name| name == "rocksdb") && !location.is_in(&["store", "rocks"]) {
            breach(String::from("names `rocksdb`: only src/store/rocks does"));
        }
        if location.is_in_any(PURE) {
            if source.names_crate(at, |name| name != "rocksdb" && IMPURE_CRATES.contains(&name)) {
                breach(format!("names `{name}`: {} are pure", PURE.join(", ")));
            }
            if IMPURE_WORDS.contains(&name) {
                breach(format!(
                    "uses `{name}`: {} have no clock and wait for nothing; pass the time in",
                    PURE.join(", ")
                ));
            }
        }
    }
}

/// The crates of mls-rs. Its codec is only a notation for structs, and every layer may use it.
fn is_mls_rs(name: &str) -> bool {
    name.strip_prefix("mls_rs")
        .is_some_and(|rest| (rest.is_empty() || rest.starts_with('_')) && !rest.starts_with("_codec"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        breaches(&files).iter().map(ToString::to_string).collect()
    }

    /// How many breaches one file has.
    fn count(file: &str, text: &str) -> usize {
        found(&[(file, text)]).len()
    }

    #[test]
    fn this_repository_keeps_its_walls() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        if let Err(failure) = check(root) {
            panic!("{failure}");
        }
    }

    #[test]
    fn a_layer_uses_only_what_stands_to_its_left() {
        let order = ["mls", "wire", "sequencer", "pool", "store", "service", "http"];
        for (at, layer) in order.iter().enumerate() {
            for (other_at, other) in order.iter().enumerate() {
                let file = format!("src/{layer}/thing.rs");
                let text = format!("use crate::{other}::Thing;");
                assert_eq!(count(&file, &text), usize::from(other_at > at), "{layer} names {other}");
            }
        }
        assert_eq!(count("src/main.rs", "use crate::http::Thing;"), 0);
    }

    #[test]
    fn a_breach_names_file_line_and_rule() {
        assert_eq!(
            found(&[("src/wire/sending.rs", "\nuse crate::{mls::Head, store};")]),
            ["src/wire/sending.rs:2: names `crate::store`, but wire uses only mls"]
        );
        assert_eq!(
            found(&[("src/mls.rs", "use super::wire::DecodeError;")]),
            ["src/mls.rs:1: names `crate::wire`, but mls uses no other layer"]
        );
    }

    #[test]
    fn the_client_knows_no_server() {
        assert_eq!(count("src/client/http.rs", "use crate::{mls, wire, client};"), 0);
        assert_eq!(count("src/client/http.rs", "use crate::store::Error;"), 1);
        assert_eq!(count("src/client/http.rs", "use crate::config::Limits;"), 1);
        assert_eq!(count("src/service/forward.rs", "use crate::client::Hub;"), 0);
        assert_eq!(count("src/store/mod.rs", "use crate::client::Hub;"), 1);
    }

    #[test]
    fn the_courier_and_the_listeners_do_not_know_each_other() {
        for known in ["service", "wire", "client"] {
            assert_eq!(count("src/courier/a.rs", &format!("use crate::{known}::Thing;")), 0);
            assert_eq!(count(&format!("src/{known}/a.rs"), "use crate::courier::Courier;"), 1);
        }
        assert_eq!(count("src/courier/a.rs", "use crate::http::Hub;"), 1);
        assert_eq!(count("src/http/a.rs", "use crate::courier::Courier;"), 1);
        assert_eq!(count("src/server.rs", "use crate::courier::Courier;"), 0);
    }

    #[test]
    fn modules_that_are_no_layers_are_out_of_reach_of_pure_ones() {
        assert_eq!(count("src/wire/a.rs", "use crate::config::Limits;"), 1);
        assert_eq!(count("src/service/a.rs", "use crate::config::Limits;"), 0);
    }

    #[test]
    fn mls_rs_stays_in_its_rooms() {
        assert_eq!(count("src/mls/a.rs", "use mls_rs::MlsMessage;"), 0);
        assert_eq!(count("src/client/a.rs", "mls_rs_core::x();"), 0);
        assert_eq!(count("src/demo/device.rs", "use mls_rs::Client;"), 0);
        assert_eq!(count("src/demo/cast.rs", "use mls_rs::Client;"), 1);
        assert_eq!(count("src/wire/a.rs", "use mls_rs::MlsMessage;"), 1);
        assert_eq!(count("src/service/a.rs", "mls_rs_crypto_awslc::x();"), 1);
        assert_eq!(count("src/wire/a.rs", "use mls_rs_codec::MlsEncode;"), 0);
        assert_eq!(count("src/wire/a.rs", "/// [`mls_rs::MlsMessage`]"), 0);
    }

    #[test]
    fn rocksdb_stays_in_its_room() {
        assert_eq!(count("src/store/rocks/mod.rs", "use rocksdb::DB;"), 0);
        assert_eq!(count("src/store/rocks.rs", "use rocksdb::DB;"), 0);
        assert_eq!(count("src/store/mod.rs", "use rocksdb::DB;"), 1);
        assert_eq!(count("src/main.rs", "rocksdb::DB::open()"), 1);
        assert_eq!(count("src/wire/a.rs", "use rocksdb::DB;"), 1);
    }

    #[test]
    fn pure_layers_know_no_clock_no_runtime_no_randomness() {
        for text in [
            "use tokio::sync::mpsc;",
            "use std::time::{Duration, Instant};",
            "std::time::SystemTime::now()",
            "getrandom::fill(&mut x)",
            "async fn f() {}",
            "x.await",
        ] {
            for layer in PURE {
                assert_eq!(count(&format!("src/{layer}/a.rs"), text), 1, "{text}");
            }
            assert_eq!(count("src/service/a.rs", text), 0, "{text}");
        }
        assert_eq!(count("src/sequencer/a.rs", "use std::time::Duration;"), 0);
    }

    #[test]
    fn nothing_opens_a_span() {
        for text in [
            "tracing::span!(Level::INFO, \"x\");",
            "use tracing::info_span;",
            "tracing::error_span!(\"x\").entered();",
            "#[tracing::instrument] fn f() {}",
            "#[instrument(skip_all)] fn f() {}",
            "use tracing::Instrument;",
        ] {
            for file in ["src/http/a.rs", "relay/src/a.rs", "gateway/src/bin/restante-gateway/main.rs"] {
                assert_eq!(count(file, text), 1, "{file}: {text}");
            }
            assert_eq!(count("relay/src/a.rs", &format!("#[cfg(test)] mod tests {{ {text} }}")), 0);
            assert_eq!(count("process/src/tests/a.rs", text), 0);
        }
        assert_eq!(count("src/http/a.rs", "let span = Span { start }; if span != other { f(span) } // info_span!"), 0);
        assert_eq!(count("relay/src/a.rs", "use rocksdb::DB; use crate::store::Error; async fn f() {}"), 0);
    }

    #[test]
    fn tests_look_over_every_wall() {
        let text = "use crate::http::Problem; use mls_rs::Client; use tokio::spawn;";
        assert_eq!(count("src/wire/tests.rs", text), 0);
        assert_eq!(count("src/wire/tests/vectors.rs", text), 0);
        assert_eq!(count("src/wire/a.rs", &format!("#[cfg(test)] mod tests {{ {text} }}")), 0);
        assert!(count("src/wire/a.rs", text) >= 3);
        let contract = ("src/store/contract.rs", "use crate::http::Problem;");
        assert_eq!(found(&[contract]).len(), 1);
        assert!(found(&[contract, ("src/store/mod.rs", "#[cfg(test)] mod contract;")]).is_empty());
    }
}
