//! The names of settings: which exist, which one a misspelt name meant, and how variables and people write them.

use std::collections::BTreeMap;

use figment::{
    Figment,
    error::Kind,
    value::{Dict, Value},
};
use serde::de::DeserializeOwned;

/// How a program calls its settings.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name, `restante`.
    pub name: &'static str,
    /// What its configuration file is called in advice, `hub.toml`.
    pub sample: &'static str,
    /// Every variable that is a setting begins with this, `RESTANTE_`.
    pub prefix: &'static str,
    /// Prefixes of other programs' variables that begin with the same letters, `RESTANTE_RELAY_`.
    pub siblings: &'static [&'static str],
    /// The table that each of its files has, `provider`.
    pub table: &'static str,
    /// Other programs whose file may be given by mistake, and such a table of each. It is none of this program's.
    pub others: &'static [(&'static str, &'static str)],
}

impl Program {
    /// The program that a file is for and the table that tells it, if it is another. `has`: whether a table is there.
    pub(super) fn other(&self, has: impl Fn(&str) -> bool) -> Option<(&'static str, &'static str)> {
        self.others.iter().copied().find(|(_, table)| has(table) && !has(self.table))
    }
}

/// The tables of a configuration that is written as `W`, and the keys of each: for tests that compare a sample file
/// with them.
pub fn keys_of<W: DeserializeOwned>() -> Vec<(&'static str, &'static [&'static str])> {
    tables::<W>().into_iter().map(|(name, table)| (name, table.keys)).collect()
}

/// The tables of a configuration and their keys.
pub(super) struct Names {
    program: Program,
    tables: BTreeMap<&'static str, Table>,
}

#[derive(Debug, PartialEq, Eq)]
struct Table {
    keys: &'static [&'static str],
    /// `[[peers]]`, not `[local]`.
    is_list: bool,
}

/// What an environment variable is to us.
pub(super) enum Variable {
    Setting(String),
    /// What it should have been called.
    Misspelt(String),
    /// Nothing to do with the configuration, such as the `RESTANTE_PORT` that Kubernetes sets for a service of
    /// that name.
    Foreign,
}

impl Names {
    pub(super) fn of<W: DeserializeOwned>(program: Program) -> Self {
        Self { program, tables: tables::<W>() }
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// A variable is a setting when it names table and key with two underscores between them, or is a list.
    pub(super) fn key_of_variable(&self, name: &str) -> Variable {
        let Program { prefix, siblings, .. } = self.program;
        let Some(rest) = name.strip_prefix(prefix) else { return Variable::Foreign };
        // `RESTANTE_RELAY__LISTEN` is a key of our table `relay`; `RESTANTE_RELAY_LISTEN__TCP` is another program's.
        let is_of = |sibling: &str| name.strip_prefix(sibling).is_some_and(|rest| !rest.starts_with('_'));
        if siblings.iter().any(|sibling| is_of(sibling)) {
            return Variable::Foreign;
        }
        let key = rest.to_ascii_lowercase();
        if key.contains("__") || self.tables.get(key.as_str()).is_some_and(|table| table.is_list) {
            return Variable::Setting(key.replace("__", "."));
        }
        let misspelt = self.tables.iter().find_map(|(table, Table { keys, .. })| {
            let key = key.strip_prefix(table)?.strip_prefix('_')?;
            keys.contains(&key).then(|| (table.to_ascii_uppercase(), key.to_ascii_uppercase()))
        });
        match misspelt {
            Some((table, key)) => Variable::Misspelt(format!("{prefix}{table}__{key}")),
            None => Variable::Foreign,
        }
    }

    /// The table to which a key belongs that was written elsewhere.
    pub(super) fn table_with(&self, key: &str) -> Option<&'static str> {
        self.tables.iter().find(|(_, table)| table.keys.contains(&key)).map(|(name, _)| *name)
    }
}

/// Asks serde: given a key that cannot exist, it names those that can.
fn tables<W: DeserializeOwned>() -> BTreeMap<&'static str, Table> {
    let known_within = |dict: Dict| -> Option<&'static [&'static str]> {
        match Figment::from(("", Value::from(dict))).extract::<W>().map_err(|error| error.kind) {
            Err(Kind::UnknownField(_, known)) => Some(known),
            _ => None,
        }
    };
    let unknown = || Dict::from([("?".to_owned(), Value::from(0))]);
    let within = |name: &str, value: Value| known_within(Dict::from([(name.to_owned(), value)]));
    let names = known_within(unknown()).unwrap_or_default();
    let tables = names.iter().map(|name| {
        let keys = within(name, unknown().into());
        let is_list = keys.is_none();
        let keys = keys.or_else(|| within(name, vec![Value::from(unknown())].into()));
        (*name, Table { keys: keys.unwrap_or_default(), is_list })
    });
    tables.collect()
}

/// The known key that a misspelt one probably meant: few letters differ, or one begins with the other.
pub(super) fn nearest(field: &str, known: &[&'static str]) -> Option<&'static str> {
    let is_near = |name: &str, distance: usize| {
        distance <= name.len().max(field.len()) / 3
            || (field.len() >= 3 && (name.starts_with(field) || field.starts_with(name)))
    };
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&field.to_ascii_lowercase(), name), *name))
        .filter(|(distance, name)| is_near(name, *distance))
        .min()
        .map(|(_, name)| name)
}

/// `peers.0.url` as `peers[0].url`.
pub(super) fn bracketed(path: &[&str]) -> String {
    let mut text = String::new();
    for segment in path {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            text.push_str(&format!("[{segment}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(segment);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Written {
        local: Local,
        key_log: Option<Local>,
        peers: Vec<Local>,
    }

    #[derive(Default, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Local {
        listen: String,
        service_token_file: String,
    }

    fn names() -> Names {
        let siblings = &["RESTANTE_RELAY_", "RESTANTE_LOCAL_RELAY_"];
        Names::of::<Written>(Program {
            name: "restante",
            sample: "hub.toml",
            prefix: "RESTANTE_",
            siblings,
            table: "local",
            others: &[("restante-relay", "relay"), ("restante-gateway", "gateway")],
        })
    }

    #[test]
    fn a_file_is_another_program_s_if_it_has_that_one_s_table_and_not_ours() {
        for (tables, told) in [
            (&["relay", "limits"][..], Some(("restante-relay", "relay"))),
            (&["limits", "gateway"], Some(("restante-gateway", "gateway"))),
            (&["relay", "local"], None),
            (&["limits"], None),
            (&["relays"], None),
            (&[], None),
        ] {
            assert_eq!(names().program().other(|table| tables.contains(&table)), told, "{tables:?}");
        }
    }

    #[test]
    fn variables_of_others_are_passed_over_and_misspelt_ones_are_not() {
        let names = names();
        let setting = |name: &str, wanted: &str| {
            assert!(matches!(names.key_of_variable(name), Variable::Setting(key) if key == wanted), "{name}");
        };
        setting("RESTANTE_LOCAL__LISTEN", "local.listen");
        setting("RESTANTE_RELAY__LISTEN", "relay.listen");
        setting("RESTANTE_PEERS", "peers");
        let misspelt = |name: &str, wanted: &str| {
            assert!(matches!(names.key_of_variable(name), Variable::Misspelt(meant) if meant == wanted), "{name}");
        };
        misspelt("RESTANTE_LOCAL_LISTEN", "RESTANTE_LOCAL__LISTEN");
        misspelt("RESTANTE_KEY_LOG_LISTEN", "RESTANTE_KEY_LOG__LISTEN");
        for name in ["PATH", "RESTANTE_LOG", "RESTANTE_PORT", "RESTANTE_LOCAL_SERVICE_HOST", "RESTANTE_LOCAL"] {
            assert!(matches!(names.key_of_variable(name), Variable::Foreign), "{name}");
        }
        for name in ["RESTANTE_RELAY_LISTEN__TCP", "RESTANTE_LOCAL_RELAY_LISTEN"] {
            assert!(matches!(names.key_of_variable(name), Variable::Foreign), "{name}");
        }
    }

    #[test]
    fn misspelt_keys_are_recognised() {
        let known = &["listen", "service_token_file", "cert_file", "key_file"];
        assert_eq!(nearest("lisen", known), Some("listen"));
        assert_eq!(nearest("Listen", known), Some("listen"));
        assert_eq!(nearest("cert", known), Some("cert_file"));
        assert_eq!(nearest("service_token", known), Some("service_token_file"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn serde_names_every_table() {
        let keys: &[&str] = &["listen", "service_token_file"];
        let shown: Vec<_> = names().tables.into_iter().map(|(name, table)| (name, table.keys, table.is_list)).collect();
        assert_eq!(shown, [("key_log", keys, false), ("local", keys, false), ("peers", keys, true)]);
    }
}
