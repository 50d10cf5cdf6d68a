//! File, environment and flags, merged; and what is wrong with the shape of what was written.
//!
//! A key that is unknown or of the wrong type is reported, taken out, and the rest is read again: one run tells the
//! operator everything.

use std::{
    collections::BTreeSet,
    fmt, fs,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::{Actual, Kind},
    providers::{Format, Toml},
    util::nest,
    value::{Dict, Map, Value},
};

use serde::de::DeserializeOwned;

use super::{
    Problems, Program, Setting,
    names::{Names, Variable, bracketed, nearest},
};

/// Where settings come from, weakest first.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The TOML file. Relative paths in it start at its folder.
    pub file: &'a Path,
    /// All environment variables of the process; those that are no settings of ours are passed over.
    pub environment: Vec<(String, String)>,
    /// `local.listen`, `127.0.0.1:0` and so on, from the command line.
    pub flags: Vec<(String, String)>,
}

impl<'a> Sources<'a> {
    /// A file, the variables of this process, and settings of its command line.
    pub fn of_process(file: &'a Path, settings: &[Setting]) -> Self {
        // A variable that is not Unicode cannot be one of ours: every setting is text.
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let flags = settings.iter().map(|setting| (setting.key.clone(), setting.value.clone()));
        Self { file, environment: environment.collect(), flags: flags.collect() }
    }
}

/// All layers of a configuration that is written as `W`, weakest first. A variable or a flag is a layer of its own.
///
/// `W` is a struct of tables with `#[serde(default, deny_unknown_fields)]`, and so are the tables: every key is
/// optional, so that serde reports shapes, and [`Layers::missing`] what is missing, all in one run.
pub struct Layers<W> {
    names: Names,
    layers: Vec<Layer>,
    /// Keys that are in no layer any more, or that a misspelt one meant: not to be reported as missing too.
    reported: BTreeSet<String>,
    written: PhantomData<fn() -> W>,
}

#[derive(Clone)]
struct Layer {
    origin: Origin,
    dict: Dict,
}

#[derive(Clone)]
enum Origin {
    File(PathBuf),
    Variable(String),
    Flag(String),
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        match &self.origin {
            // The source is what makes relative paths start at the file's folder.
            Origin::File(path) => Metadata::from("file", path.as_path()),
            Origin::Variable(_) => Metadata::named("environment"),
            Origin::Flag(_) => Metadata::named("flag"),
        }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}

impl<W: DeserializeOwned> Layers<W> {
    /// `None` when the file cannot be read at all, or is another program's: then nothing else is worth saying.
    pub fn read(program: Program, sources: &Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let names = Names::of::<W>(program);
        let dict = match read_file(sources.file, names.program()) {
            Ok(dict) => dict,
            Err(sentence) => {
                problems.add(sources.file.display().to_string(), sentence);
                return None;
            }
        };
        if let Some((other, table)) = names.program().other(|table| dict.contains_key(table)) {
            let Program { name, sample, .. } = names.program();
            let sentence = format!(
                "is a configuration of {other}, as its table [{table}] tells; give {name} its own, or begin one with \
                 `{name} config example > {sample}`"
            );
            problems.add(sources.file.display().to_string(), sentence);
            return None;
        }
        let mut layers = vec![Layer { origin: Origin::File(sources.file.to_owned()), dict }];
        for (name, value) in &sources.environment {
            match names.key_of_variable(name) {
                Variable::Setting(key) => {
                    layers.push(Layer { origin: Origin::Variable(name.clone()), dict: nested(&key, value) });
                }
                Variable::Misspelt(meant) => {
                    problems.add(name.clone(), format!("is not read; did you mean {meant}, with two underscores?"));
                }
                Variable::Foreign => {}
            }
        }
        for (key, value) in &sources.flags {
            layers.push(Layer { origin: Origin::Flag(key.clone()), dict: nested(key, value) });
        }
        Some(Self { names, layers, reported: BTreeSet::new(), written: PhantomData })
    }

    /// Reads the tables; what does not fit is reported and left out. `None` when that is not possible: then there is
    /// at least one problem.
    pub fn extract(&mut self, problems: &mut Problems) -> Option<W> {
        loop {
            let merged = self.layers.iter().fold(Figment::new(), |figment, layer| figment.merge(layer.clone()));
            let errors = match merged.extract::<W>() {
                Ok(written) => return Some(written),
                Err(errors) => errors,
            };
            let mut left_out_any = false;
            for mut error in errors {
                // The insides of figment's own path type are none of the operator's keys.
                error.path.retain(|segment| !segment.starts_with("___figment"));
                let key = error.path.join(".");
                problems.add(self.place(&key), self.explain(&error.path, &error.kind));
                left_out_any |= self.leave_out(&error.path);
                self.reported.insert(key);
            }
            if !left_out_any {
                return None;
            }
        }
    }

    /// Reports that a key must be given, unless something was said about it already.
    pub fn missing(&self, key: &str, sentence: &str, problems: &mut Problems) {
        if !self.reported.contains(key) {
            problems.add(self.place(key), sentence.to_owned());
        }
    }

    /// Where a key was written, in the operator's words; the file when it was written nowhere.
    pub fn place(&self, key: &str) -> String {
        let path: Vec<&str> = key.split('.').collect();
        let origin = self.layers.iter().rev().find(|layer| contains(&layer.dict, &path)).map(|layer| &layer.origin);
        let key = bracketed(&path);
        match origin.or(self.layers.first().map(|layer| &layer.origin)) {
            Some(Origin::File(file)) => format!("{}: {key}", file.display()),
            Some(Origin::Variable(name)) => format!("{name} ({key})"),
            Some(Origin::Flag(flag)) if *flag == key => format!("--set {key}"),
            Some(Origin::Flag(flag)) => format!("--set {flag} ({key})"),
            None => key,
        }
    }

    fn explain(&mut self, path: &[String], kind: &Kind) -> String {
        if let Kind::UnknownField(field, known) = kind {
            let table = path.split_last().map_or(&[][..], |(_, table)| table);
            return self.explain_unknown(field, table, known);
        }
        if let Kind::UnknownVariant(found, known) = kind {
            let known: Vec<_> = known.iter().map(|word| format!("\"{word}\"")).collect();
            return format!("expected {}, found the text {found:?}", known.join(" or "));
        }
        if let Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) = kind {
            if let Some(most) = exceeded(found, expected) {
                return format!("is too large; at most {most}");
            }
            return format!("expected {}, found {}", self.expected_words(path, expected), found_word(found));
        }
        format!("{kind}; correct it or take it out")
    }

    /// What is wanted at a key, without the names of Rust's types.
    fn expected_words(&self, path: &[String], expected: &str) -> String {
        let words = match (expected, path) {
            ("u16" | "u32" | "u64" | "usize", _) => "a whole number, 0 or more, without quotes",
            ("a nonzero u32", _) => "a whole number, 1 or more, without quotes",
            ("path string" | "a string", _) => "a text in quotes",
            ("a boolean", _) => "true or false, without quotes",
            ("a sequence", [table]) => return format!("a table of its own for each, [[{table}]]"),
            ("a sequence", _) => "a list in brackets, such as [\"one\", \"two\"] or [1, 2]",
            (other, _) if other.starts_with("struct ") => "a table",
            (other, _) if other.starts_with("enum ") || other.starts_with("variant ") => {
                let program = self.names.program().name;
                return format!("one of the words that `{program} config example` shows, in quotes");
            }
            (other, _) => other,
        };
        words.to_owned()
    }

    fn explain_unknown(&mut self, field: &str, table: &[String], known: &[&'static str]) -> String {
        let within = |name: &str| table.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".");
        if let Some(name) = nearest(field, known) {
            let meant = within(name);
            // The misspelt key stands for this one: do not say as well that it is missing.
            self.reported.insert(meant);
            return format!("is not a setting; did you mean `{name}`?");
        }
        if let Some(table) = self.names.table_with(field) {
            return format!("is not a setting here; it belongs in [{table}]");
        }
        format!("is not a setting; known here: {}", known.join(", "))
    }

    /// Takes a key out of the strongest layer that has it.
    fn leave_out(&mut self, path: &[String]) -> bool {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        self.layers.iter_mut().rev().any(|layer| remove(&mut layer.dict, &path))
    }
}

impl<W> fmt::Debug for Layers<W> {
    /// Without the settings.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Layers").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

fn read_file(path: &Path, program: &Program) -> Result<Dict, String> {
    let text = fs::read_to_string(path).map_err(|error| {
        format!(
            "the configuration file cannot be read ({error}); correct the path, or begin with \
             `{} config example > {}`",
            program.name, program.sample
        )
    })?;
    Toml::from_str(&text).map_err(|error| format!("is not valid TOML: {error}"))
}

/// `local.listen` and its value as tables. Texts need no quotes; a list is written as in TOML.
fn nested(key: &str, value: &str) -> Dict {
    let value: Value = value.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
    nest(key, value).into_dict().unwrap_or_default()
}

/// The largest number of that type, if this one is larger.
fn exceeded(found: &Actual, expected: &str) -> Option<u64> {
    let most = match expected {
        "u16" => u16::MAX.into(),
        "u32" | "a nonzero u32" => u32::MAX.into(),
        _ => return None,
    };
    let is_larger = match found {
        Actual::Unsigned(number) => *number > u128::from(most),
        Actual::Signed(number) => *number > i128::from(most),
        _ => false,
    };
    is_larger.then_some(most)
}

/// What stands there instead, without the names of Rust's types.
fn found_word(found: &Actual) -> String {
    match found {
        Actual::Signed(number) => format!("the number {number}"),
        Actual::Unsigned(number) => format!("the number {number}"),
        Actual::Float(number) => format!("the number {number:?}"),
        Actual::Str(text) => format!("the text {text:?}"),
        Actual::Char(text) => format!("the text \"{text}\""),
        Actual::Bool(word) => word.to_string(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        Actual::Unit | Actual::Option => "nothing".to_owned(),
        other => other.to_string(),
    }
}

fn contains(dict: &Dict, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    dict.get(*first).is_some_and(|value| contains_value(value, rest))
}

fn contains_value(value: &Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match value {
        Value::Dict(_, dict) => contains(dict, path),
        Value::Array(_, items) => {
            let item = first.parse::<usize>().ok().and_then(|index| items.get(index));
            item.is_some_and(|item| contains_value(item, rest))
        }
        Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => false,
    }
}

fn remove(dict: &mut Dict, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    if rest.is_empty() {
        return dict.remove(*first).is_some();
    }
    let Some(value) = dict.get_mut(*first) else { return false };
    match value {
        Value::Dict(_, inner) => remove(inner, rest),
        Value::Array(_, items) => match rest.split_first() {
            // Without one item the others would be counted wrongly: an item that is no table takes the list along.
            Some((_, [])) | None => dict.remove(*first).is_some(),
            Some((index, rest)) => match index.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                Some(Value::Dict(_, inner)) => remove(inner, rest),
                _ => false,
            },
        },
        Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => false,
    }
}
