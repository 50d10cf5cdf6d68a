//! `specs/conformance.md` against the sources: every rule has a row, every row a status, and every test that a row names
//! exists.
//!
//! A name is looked up in the source text, so that the table can be checked whatever was compiled:
//!
//! * `sequencer::tests::scripts::hints`: a test of the library, in the file of its module under `src/`;
//! * `tests/demo.rs::name`, `xtask/src/walls.rs::name`: a test in that file;
//! * `tests/flows::joins::name`: a test in the file of a module of an integration test that is a folder;
//! * `src/sequencer/testdata/hints.txt`: a script, which the scripts' own test plays;
//! * `benches/oblivious/denials.rs::name`: a function of a measurement that ends with an error when its goal is missed.
//!
//! A test may also be made by a macro of its file, which then holds `#[test] fn $name`; a promise of the store's contract
//! is a function that the macro of the module above it turns into a test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const TABLE: &str = "specs/conformance.md";
const PROTOCOL: &str = "specs/protocol.md";

/// The text of a file of the repository, by its path from the root.
type Files<'a> = &'a dyn Fn(&str) -> Option<String>;

fn repository(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// A row of the table.
#[derive(Debug, PartialEq)]
struct Row {
    line: usize,
    id: String,
    status: Status,
}

#[derive(Debug, PartialEq)]
enum Status {
    Open,
    Later,
    Tests(Vec<String>),
}

/// A rule of the protocol.
#[derive(Debug, PartialEq)]
struct Rule {
    id: String,
    open: bool,
}

fn place(line: usize, id: &str) -> String {
    format!("{TABLE}:{line}: row {id}")
}

/// The rows of every table whose first column is `id`, and what is wrong with the others.
fn rows(text: &str) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let mut is_table = false;
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line.trim())) {
        let Some(inside) = line.strip_prefix('|') else {
            is_table = false;
            continue;
        };
        let Some(inside) = inside.strip_suffix('|') else {
            faults.push(format!("{TABLE}:{number}: a row does not end with a bar"));
            continue;
        };
        let cells: Vec<&str> = inside.split('|').map(str::trim).collect();
        if cells.first() == Some(&"id") {
            is_table = true;
            continue;
        }
        if !is_table || cells.iter().all(|cell| !cell.is_empty() && cell.bytes().all(|byte| byte == b'-')) {
            continue;
        }
        let id = cells.first().copied().unwrap_or_default();
        if !is_id(id) {
            faults.push(format!("{TABLE}:{number}: `{id}` is no id: letters, digits, dots, a hyphen"));
        } else if let [_, section, rule, status] = cells.as_slice() {
            if section.is_empty() || rule.is_empty() {
                faults.push(format!("{}: the section or the rule is empty", place(number, id)));
            }
            match read_status(status) {
                Ok(status) => rows.push(Row { line: number, id: id.to_owned(), status }),
                Err(why) => faults.push(format!("{}: {why}", place(number, id))),
            }
        } else {
            faults.push(format!("{}: {} cells, and a row has four", place(number, id), cells.len()));
        }
    }
    (rows, faults)
}

fn is_id(id: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    id.bytes().next().is_some_and(|first| first.is_ascii_uppercase()) && id.bytes().all(known)
}

fn read_status(status: &str) -> Result<Status, String> {
    match status {
        "" => return Err("the status is empty".to_owned()),
        "open" => return Ok(Status::Open),
        "later" => return Ok(Status::Later),
        _ => {}
    }
    let mut names = Vec::new();
    for name in status.split(',').map(str::trim) {
        let bare = name.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let bare = bare.filter(|bare| !bare.is_empty() && !bare.contains(['`', ' ']));
        let Some(bare) = bare else {
            return Err(format!("the status is neither `open` nor `later` nor tests in backquotes: {name}"));
        };
        names.push(bare.to_owned());
    }
    Ok(Status::Tests(names))
}

/// The rules: paragraphs that begin with `- **ID** (label, …)`; and what is wrong with them.
fn rules(text: &str) -> (Vec<Rule>, Vec<String>) {
    let (mut rules, mut faults) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line)) {
        let Some((id, rest)) = line.strip_prefix("- **").and_then(|rest| rest.split_once("** ")) else { continue };
        let labels = rest.strip_prefix('(').and_then(|rest| rest.split_once(") ")).map(|(labels, _)| labels);
        let labels: Vec<&str> = labels.map(|labels| labels.split(", ").collect()).unwrap_or_default();
        let (open, sources): (Vec<&str>, Vec<&str>) = labels.iter().partition(|label| **label == "open");
        let known = |label: &&str| matches!(*label, "draft" | "erratum" | "extension" | "policy");
        if sources.len() != 1 || !sources.iter().all(known) || open.len() > 1 {
            faults.push(format!("{PROTOCOL}:{number}: rule {id} does not say in parentheses where it comes from"));
        }
        rules.push(Rule { id: id.to_owned(), open: !open.is_empty() });
    }
    (rules, faults)
}

/// Every rule has a row and every row that is not of the draft a rule; what is not built has no test.
fn compare(rows: &[Row], rules: &[Rule]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeMap::new();
    for row in rows {
        if let Some(first) = seen.insert(row.id.as_str(), row.line) {
            faults.push(format!("{}: the same id stands in line {first}", place(row.line, &row.id)));
        }
    }
    let mut known = BTreeSet::new();
    for rule in rules {
        if !known.insert(rule.id.as_str()) {
            faults.push(format!("{PROTOCOL}: there are two rules {}", rule.id));
        }
        match rows.iter().find(|row| row.id == rule.id) {
            None => faults.push(format!("{TABLE}: there is no row for rule {} of {PROTOCOL}", rule.id)),
            Some(row) if rule.open && matches!(row.status, Status::Tests(_)) => {
                faults.push(format!("{}: {PROTOCOL} calls this rule open", place(row.line, &row.id)));
            }
            Some(_) => {}
        }
    }
    // Rows of the draft are named by its section, M4.2-1; those of RFC 9458 by who has to keep them, OC-1 the client.
    let of_another = |id: &str| id.starts_with(['M', 'O']) && id.contains('-');
    for row in rows.iter().filter(|row| !of_another(&row.id) && !known.contains(row.id.as_str())) {
        faults.push(format!("{}: {PROTOCOL} has no such rule", place(row.line, &row.id)));
    }
    faults
}

/// Tests that a row names and that do not exist.
fn missing(rows: &[Row], files: Files<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows {
        let Status::Tests(names) = &row.status else { continue };
        for name in names {
            if let Err(why) = find(name, files) {
                faults.push(format!("{}: {name}: {why}", place(row.line, &row.id)));
            }
        }
    }
    faults
}

fn find(name: &str, files: Files<'_>) -> Result<(), String> {
    if name.ends_with(".txt") {
        return files(name).map(drop).ok_or_else(|| "there is no such file".to_owned());
    }
    let (module, test) = name.rsplit_once("::").ok_or("a name is a module and a test, with :: between them")?;
    if module.ends_with(".rs") {
        let text = files(module).ok_or_else(|| format!("there is no {module}"))?;
        if module.starts_with("benches/") {
            return if defines(&text, "fn", test) { Ok(()) } else { Err(format!("{module} has no such function")) };
        }
        return if has_test(&text, test) { Ok(()) } else { Err(format!("{module} has no such test")) };
    }
    let mut segments = module.split("::");
    let (folder, segments) = match segments.next().filter(|first| first.starts_with("tests/")) {
        Some(first) => (first, segments.collect::<Vec<_>>()),
        None => ("src", module.split("::").collect()),
    };
    find_in_modules(folder, &segments, test, files)
}

/// Looks in the file of the module, or of the nearest one above it that has a file and these modules in it.
fn find_in_modules(folder: &str, segments: &[&str], test: &str, files: Files<'_>) -> Result<(), String> {
    let file_of = |segments: &[&str]| {
        let path = [&[folder], segments].concat().join("/");
        [format!("{path}.rs"), format!("{path}/mod.rs")].into_iter().find_map(|path| Some((files(&path)?, path)))
    };
    let mut depth = segments.len();
    let (text, path) = loop {
        match file_of(&segments[..depth]) {
            Some(found) => break found,
            None if depth > 1 => depth -= 1,
            None => return Err(format!("no file under {folder}/ holds this module")),
        }
    };
    if let Some(inline) = segments[depth..].iter().find(|name| !defines(&text, "mod", name)) {
        return Err(format!("{path} has no module {inline}"));
    }
    if has_test(&text, test) {
        return Ok(());
    }
    // A function that the module above makes a test of.
    let above = (1..segments.len()).rev().find_map(|depth| file_of(&segments[..depth]));
    if defines(&text, "fn", test) && above.is_some_and(|(text, _)| makes_test(&text, test)) {
        return Ok(());
    }
    Err(format!("{path} has no such test"))
}

/// Whether a function of that name stands behind a test attribute, or a macro makes one of that name.
fn has_test(text: &str, test: &str) -> bool {
    let mut is_test = false;
    for line in code(text) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        }
        if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            if identifier(rest) == test {
                return true;
            }
            is_test = false;
        }
    }
    makes_test(text, test)
}

/// Whether a macro of the file makes tests, and the file names this one.
fn makes_test(text: &str, test: &str) -> bool {
    let lines: Vec<&str> = code(text).collect();
    let generates = lines.windows(2).any(|pair| pair[0].ends_with("#[test]") && pair[1].starts_with("fn $"));
    generates && lines.iter().any(|line| words(line).any(|word| word == test))
}

fn defines(text: &str, keyword: &str, name: &str) -> bool {
    code(text).any(|line| words(line).zip(words(line).skip(1)).any(|pair| pair == (keyword, name)))
}

/// Lines without those that are comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !character.is_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

fn identifier(text: &str) -> &str {
    words(text).next().unwrap_or_default()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_row_has_a_status_and_every_named_test_exists() {
    let (rows, faults) = rows(&repository(TABLE).expect("the table is there"));
    assert_none(&faults);
    assert!(rows.len() > 150, "only {} rows were read", rows.len());
    assert_none(&missing(&rows, &repository));
}

#[test]
fn every_rule_of_the_protocol_has_its_row() {
    let (rows, _) = rows(&repository(TABLE).expect("the table is there"));
    let (rules, faults) = rules(&repository(PROTOCOL).expect("the protocol is there"));
    assert_none(&faults);
    assert!(rules.len() > 150, "only {} rules were read", rules.len());
    assert_none(&compare(&rows, &rules));
}

/// The parser itself: it must be able to fail.
mod parser {
    use super::*;

    fn faults_of(row: &str) -> Vec<String> {
        let (found, mut faults) = rows(&format!("| id | section | rule | status |\n|---|---|---|---|\n{row}\n"));
        faults.extend(missing(&found, &sources));
        faults
    }

    /// A small source tree.
    fn sources(path: &str) -> Option<String> {
        let text = match path {
            "src/layer/file.rs" => "#[cfg(test)]\nmod tests {\n    #[test]\n    fn holds() {}\n    fn helper() {}\n}",
            "src/layer/tests/mod.rs" => {
                "// fn commented() {}\n#[tokio::test(flavor = \"x\")]\nasync fn waits() {}\n#[test]\n#[ignore]\nfn last() {}"
            }
            "src/layer/contract.rs" => "macro_rules! all {\n#[test]\nfn $name() {}\n}\nall! {\nkeeps\n}",
            "src/layer/contract/rows.rs" => "pub fn keeps() {}\npub fn unlisted() {}",
            "tests/one.rs" => "#[test]\nfn walks() {}",
            "tests/flows/joins.rs" => "#[test]\nfn joins() {}",
            "src/layer/testdata/script.txt" => "script",
            "benches/speed.rs" => "pub(crate) fn is_fast() {}",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn good_rows_are_good() {
        for status in [
            "open",
            "later",
            "`layer::file::tests::holds`",
            "`layer::tests::waits`, `layer::tests::last`",
            "`layer::contract::rows::keeps`",
            "`tests/one.rs::walks`",
            "`tests/flows::joins::joins`",
            "`src/layer/testdata/script.txt`",
            "`benches/speed.rs::is_fast`",
        ] {
            assert_none(&faults_of(&format!("| S1 | §4 | a rule | {status} |")));
        }
    }

    #[test]
    fn bad_rows_are_named() {
        for (row, fault) in [
            ("| S1 | §4 | a rule | |", "row S1: the status is empty"),
            ("| S1 | §4 | a rule | done |", "row S1: the status is neither"),
            ("| S1 | §4 | a rule | open, `layer::tests::waits` |", "row S1: the status is neither"),
            ("| S1 | §4 | a rule | layer::tests::waits |", "row S1: the status is neither"),
            ("| S1 | §4 | a rule | `` |", "row S1: the status is neither"),
            ("| S1 | §4 | | open |", "row S1: the section or the rule is empty"),
            ("| S1 | | a rule | open |", "row S1: the section or the rule is empty"),
            ("| S1 | §4 | open |", "row S1: 3 cells"),
            ("| S1 | §4 | a | rule | open |", "row S1: 5 cells"),
            ("| S1 | §4 | a rule | open", "does not end with a bar"),
            ("| | §4 | a rule | open |", "`` is no id"),
            ("| s1 | §4 | a rule | open |", "`s1` is no id"),
        ] {
            let faults = faults_of(row);
            assert!(matches!(faults.as_slice(), [only] if only.contains(fault)), "{row}: {faults:?}");
        }
    }

    #[test]
    fn names_of_no_test_are_named() {
        for (name, fault) in [
            ("layer::file::tests::gone", "src/layer/file.rs has no such test"),
            ("layer::file::tests::helper", "src/layer/file.rs has no such test"),
            ("layer::file::others::holds", "src/layer/file.rs has no module others"),
            ("layer::tests::commented", "src/layer/tests/mod.rs has no such test"),
            ("layer::tests::wait", "src/layer/tests/mod.rs has no such test"),
            ("layer::contract::rows::unlisted", "src/layer/contract/rows.rs has no such test"),
            ("elsewhere::tests::waits", "no file under src/"),
            ("tests/one.rs::walk", "tests/one.rs has no such test"),
            ("tests/two.rs::walks", "there is no tests/two.rs"),
            ("tests/flows::leaves::joins", "no file under tests/flows/"),
            ("src/layer/testdata/gone.txt", "there is no such file"),
            ("benches/speed.rs::is_slow", "benches/speed.rs has no such function"),
            ("waits", "a name is a module and a test"),
        ] {
            let faults = faults_of(&format!("| S1 | §4 | a rule | `{name}` |"));
            let told = |only: &String| only.contains("row S1") && only.contains(name) && only.contains(fault);
            assert!(matches!(faults.as_slice(), [only] if told(only)), "{name}: {faults:?}");
        }
    }

    #[test]
    fn only_tables_of_rules_are_read() {
        let (rows, faults) = rows(
            "| name | x |\n|---|---|\n| a | b |\n\n| id | s | r | t |\n|---|---|---|---|\n| A1 | s | r | open |\n",
        );
        assert_none(&faults);
        assert_eq!(rows, [Row { line: 7, id: "A1".to_owned(), status: Status::Open }]);
    }

    #[test]
    fn rules_and_rows_must_be_the_same() {
        let text = "- **A1** (draft) x\n- **A2** (extension, open) x\n- **A3** (policy) x\n- no rule\n";
        let (found, faults) = rules(text);
        assert_none(&faults);
        let row = |line, id: &str, status| Row { line, id: id.to_owned(), status };
        let tests = || Status::Tests(vec!["tests/one.rs::walks".to_owned()]);
        let good = [
            row(1, "A1", tests()),
            row(2, "A2", Status::Open),
            row(3, "A3", Status::Later),
            row(4, "M4.2-1", Status::Open),
        ];
        assert_none(&compare(&good, &found));
        let bad =
            [row(1, "A1", tests()), row(2, "A2", tests()), row(3, "A1", Status::Open), row(4, "B1", Status::Open)];
        let faults = compare(&bad, &found);
        for fault in ["row A1: the same id stands in line 1", "row A2", "no row for rule A3", "row B1"] {
            assert!(faults.iter().any(|told| told.contains(fault)), "{fault}: {faults:?}");
        }
        assert_eq!(faults.len(), 4, "{faults:?}");
    }

    #[test]
    fn rules_say_where_they_come_from() {
        for line in ["- **A1** x", "- **A1** (open) x", "- **A1** (draft, policy) x", "- **A1** (guess) x"] {
            assert_eq!(rules(line).1.len(), 1, "{line}");
        }
    }
}
