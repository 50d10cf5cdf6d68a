//! The names of settings: which exist, which one a misspelt name meant, and how variables and people write them.

use figment::{
    Figment,
    error::Kind,
    value::{Dict, Value},
};

use super::written::Written;

/// Every variable that is a setting begins with this.
const PREFIX: &str = "RESTANTE_";

/// What an environment variable is to us.
pub(super) enum Variable {
    Setting(String),
    /// What it should have been called.
    Misspelt(String),
    /// Nothing to do with the configuration, such as the `RESTANTE_PORT` that Kubernetes sets for a service of
    /// that name.
    Foreign,
}

/// A variable is a setting when it names table and key with two underscores between them, or is the list of peers.
pub(super) fn key_of_variable(name: &str) -> Variable {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Variable::Foreign };
    let key = rest.to_ascii_lowercase();
    if key == "peers" || key.contains("__") {
        return Variable::Setting(key.replace("__", "."));
    }
    let is_setting = |table: &str, key: &str| tables().iter().any(|(name, keys)| *name == table && keys.contains(&key));
    match key.split_once('_') {
        Some((table, key)) if is_setting(table, key) => {
            Variable::Misspelt(format!("{PREFIX}{}__{}", table.to_ascii_uppercase(), key.to_ascii_uppercase()))
        }
        _ => Variable::Foreign,
    }
}

/// The tables and their keys, as serde knows them: asked for a key that cannot exist, it names those that can.
pub(super) fn tables() -> Vec<(&'static str, &'static [&'static str])> {
    let known_within = |dict: Dict| -> &'static [&'static str] {
        let figment = Figment::from(("", Value::from(dict)));
        match figment.extract::<Written>().map_err(|error| error.kind) {
            Err(Kind::UnknownField(_, known)) => known,
            _ => &[],
        }
    };
    let unknown = || Dict::from([("?".to_owned(), Value::from(0))]);
    let within = |table: &str| match table {
        "peers" => Value::from(vec![Value::from(unknown())]),
        _ => Value::from(unknown()),
    };
    let names = known_within(unknown());
    names.iter().map(|name| (*name, known_within(Dict::from([((*name).to_owned(), within(name))])))).collect()
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

    #[test]
    fn variables_of_others_are_passed_over_and_misspelt_ones_are_not() {
        assert!(matches!(key_of_variable("RESTANTE_LOCAL__LISTEN"), Variable::Setting(key) if key == "local.listen"));
        assert!(matches!(key_of_variable("RESTANTE_PEERS"), Variable::Setting(key) if key == "peers"));
        assert!(
            matches!(key_of_variable("RESTANTE_LOCAL_LISTEN"), Variable::Misspelt(meant) if meant == "RESTANTE_LOCAL__LISTEN")
        );
        for name in ["PATH", "RESTANTE_LOG", "RESTANTE_PORT", "RESTANTE_PROVIDER_SERVICE_HOST", "RESTANTE_LOCAL"] {
            assert!(matches!(key_of_variable(name), Variable::Foreign), "{name}");
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
        let names: Vec<_> = tables().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["provider", "local", "store", "limits", "policy", "peers"]);
        assert!(tables().iter().all(|(_, keys)| !keys.is_empty()));
    }
}
