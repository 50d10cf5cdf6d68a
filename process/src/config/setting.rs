//! A setting on the command line.

use std::str::FromStr;

/// `--set TABLE.KEY=VALUE`, which stands above file and environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Table and key.
    pub key: String,
    /// What stands behind the first `=`.
    pub value: String,
}

impl FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("write it as in local.listen=127.0.0.1:0")?;
        if key.is_empty() || key.split('.').any(str::is_empty) {
            return Err("there is no key; write it as in local.listen=127.0.0.1:0");
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_a_key_and_a_value() {
        let setting: Setting = "local.listen=unix:/a=b".parse().unwrap();
        assert_eq!((setting.key.as_str(), setting.value.as_str()), ("local.listen", "unix:/a=b"));
        for text in ["", "local.listen", "=1", "local.=1", ".listen=1"] {
            assert!(text.parse::<Setting>().is_err(), "{text}");
        }
    }
}
