//! Rust source as the walls see it: names and punctuation, without comments, literals and tests.
//!
//! A lexer of a hundred lines instead of a parser: the walls ask only which crates and modules a
//! file names, and a parser would be a dependency.

/// A name, a number or a punctuation mark, and the line that it stands on, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// What a file holds outside of its tests.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) tokens: Vec<Token>,
    /// Modules in files of their own that are compiled for tests only: `#[cfg(test)] mod name;`.
    pub(crate) test_modules: Vec<String>,
}

impl Source {
    pub(crate) fn parse(text: &str) -> Self {
        without_tests(&lex(text))
    }

    /// The text of the token at `at`; nothing stands before the first and after the last.
    pub(crate) fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    /// Whether the token at `at` names the crate `name`: as the beginning of a path, or in a `use`.
    pub(crate) fn names_crate(&self, at: usize, name: impl Fn(&str) -> bool) -> bool {
        if !name(self.text(at)) {
            return false;
        }
        let before = |steps: usize| at.checked_sub(steps).map_or("", |at| self.text(at));
        // `module::name` is a module of ours; `::name` is a crate.
        if before(1) == "::" && is_name(before(2)) {
            return false;
        }
        self.text(at + 1) == "::"
            || before(1) == "use"
            || before(1) == "::"
            || (before(1) == "crate" && before(2) == "extern")
    }

    /// The names that directly follow the root of the crate, in a file that lies `depth` modules
    /// deep: `store` in `crate::store::Error`, in `use crate::{store::Error}`, and in
    /// `super::super::store` two modules deep.
    pub(crate) fn names_under_root(&self, depth: usize) -> Vec<&Token> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let mut end = at;
            if self.text(at) == "crate" && self.text(at + 1) == "::" {
                end = at + 2;
            } else {
                let mut levels = 0;
                while self.text(end) == "super" && self.text(end + 1) == "::" {
                    levels += 1;
                    end += 2;
                }
                if levels > 0 && levels < depth {
                    at = end;
                    continue;
                }
            }
            if end > at {
                self.heads(end, &mut found);
                at = end;
            } else {
                at += 1;
            }
        }
        found
    }

    /// The first names of the path or of the group of paths at `at`.
    fn heads<'source>(&'source self, at: usize, found: &mut Vec<&'source Token>) {
        if self.text(at) != "{" {
            found.extend(self.tokens.get(at));
            return;
        }
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(at) {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {
                    if depth == 1 && matches!(self.text(index - 1), "{" | ",") {
                        found.push(token);
                    }
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Splits source into tokens. Comments vanish; every literal becomes one token `"`.
fn lex(text: &str) -> Vec<Token> {
    let mut cursor = Cursor { rest: text, line: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = cursor.peek() {
        let line = cursor.line;
        let mut push = |text: &str| {
            tokens.push(Token { text: text.to_owned(), line });
        };
        if first.is_whitespace() {
            cursor.take(first.len_utf8());
        } else if cursor.rest.starts_with("//") {
            let end = cursor.rest.find('\n').unwrap_or(cursor.rest.len());
            cursor.take(end);
        } else if cursor.rest.starts_with("/*") {
            cursor.take_block_comment();
        } else if let Some(length) = literal(cursor.rest) {
            cursor.take(length);
            push("\"");
        } else if first == '\'' {
            // A lifetime; its name comes next and means nothing to the walls.
            cursor.take(1);
            let length = word(cursor.rest);
            cursor.take(length);
        } else if cursor.rest.starts_with("::") {
            cursor.take(2);
            push("::");
        } else {
            if cursor.rest.starts_with("r#") {
                cursor.take(2);
            }
            let length = word(cursor.rest);
            let length = if length == 0 { first.len_utf8() } else { length };
            push(cursor.take(length));
        }
    }
    tokens
}

struct Cursor<'text> {
    rest: &'text str,
    line: usize,
}

impl<'text> Cursor<'text> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, length: usize) -> &'text str {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    /// Block comments nest.
    fn take_block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.take(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.take(2);
                if depth == 0 {
                    return;
                }
            } else if let Some(next) = self.peek() {
                self.take(next.len_utf8());
            } else {
                return;
            }
        }
    }
}

/// The length of the name or number at the beginning, or 0.
fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// The length of the string or character literal at the beginning, with its prefix.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '#', '\''])))?;
    let rest = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let content = rest[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let length = content.find(&close).map_or(content.len(), |end| end + close.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    if let Some(content) = rest.strip_prefix('"') {
        return Some(prefix.len() + 1 + after_quote(content, '"'));
    }
    let content = rest.strip_prefix('\'')?;
    let mut characters = content.chars();
    let first = characters.next()?;
    // `'a'` is a character, `'a` a lifetime.
    (first == '\\' || characters.next() == Some('\'')).then(|| prefix.len() + 1 + after_quote(content, '\''))
}

/// How much of `content` lies before and on the closing `quote`.
fn after_quote(content: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in content.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    content.len()
}

/// Drops every item that is compiled for tests only.
fn without_tests(tokens: &[Token]) -> Source {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut source = Source::default();
    let mut at = 0;
    while at < tokens.len() {
        if text(at) != "#" {
            source.tokens.extend(tokens.get(at).cloned());
            at += 1;
            continue;
        }
        let whole_file = text(at + 1) == "!";
        let open = if whole_file { at + 2 } else { at + 1 };
        let end = after_group(tokens, open);
        if !is_for_tests(tokens.get(open + 1..end.saturating_sub(1)).unwrap_or_default()) {
            source.tokens.extend(tokens.get(at..end).unwrap_or_default().iter().cloned());
            at = end.max(at + 1);
        } else if whole_file {
            return Source::default();
        } else {
            let item = after_attributes(tokens, end);
            at = after_item(tokens, item);
            if let [.., keyword, name, semicolon] = tokens.get(item..at).unwrap_or_default()
                && keyword.text == "mod"
                && semicolon.text == ";"
            {
                source.test_modules.push(name.text.clone());
            }
        }
    }
    source
}

/// Whether the attribute between the brackets removes its item from everything but tests.
fn is_for_tests(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().map(|token| token.text.as_str()).collect();
    match words.as_slice() {
        ["cfg", "(", condition @ ..] => {
            condition.contains(&"test") && !condition.contains(&"any") && !condition.contains(&"not")
        }
        // `#[test]`, `#[tokio::test]`, `#[tokio::test(flavor = "...")]`
        path => {
            let end = path.iter().position(|word| *word == "(").unwrap_or(path.len());
            path[..end].last() == Some(&"test")
        }
    }
}

/// The index after the group that opens at `open`.
fn after_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

fn after_attributes(tokens: &[Token], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token.text == "#") {
        at = after_group(tokens, at + 1);
    }
    at
}

/// The index after the item at `at`: after its `;` or its first block. What is no item (a field, a
/// variant, an argument) ends at a comma, or where the group around it closes.
fn after_item(tokens: &[Token], mut at: usize) -> usize {
    const ITEMS: &[&str] = &[
        "pub",
        "mod",
        "use",
        "fn",
        "struct",
        "enum",
        "union",
        "impl",
        "trait",
        "type",
        "const",
        "static",
        "unsafe",
        "async",
        "extern",
        "macro_rules",
        "let",
    ];
    let is_item = tokens.get(at).is_some_and(|token| ITEMS.contains(&token.text.as_str()));
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            "{" => return after_group(tokens, at),
            "(" | "[" => at = after_group(tokens, at),
            ")" | "]" | "}" => return at,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Source::parse(text).tokens.into_iter().map(|token| token.text).collect()
    }

    fn under_root(text: &str, depth: usize) -> Vec<String> {
        Source::parse(text).names_under_root(depth).into_iter().map(|token| token.text.clone()).collect()
    }

    #[test]
    fn comments_vanish() {
        assert_eq!(words("a // tokio::x\nb"), ["a", "b"]);
        assert_eq!(words("a /* x /* y */ z */ b"), ["a", "b"]);
        assert_eq!(words("//! crate::store\n/// more\nfn"), ["fn"]);
        assert_eq!(words("a /* never closed"), ["a"]);
    }

    #[test]
    fn literals_become_one_token() {
        assert_eq!(words(r#"x = "a \" tokio" ;"#), ["x", "=", "\"", ";"]);
        assert_eq!(words("r#\"a \" // b\"# c"), ["\"", "c"]);
        assert_eq!(words(r"b'\'' c'x' '\u{1F600}' '{' e"), ["\"", "\"", "\"", "\"", "e"]);
        assert_eq!(words("br\"x\" cr#\"y\"# b\"z\""), ["\"", "\"", "\""]);
        assert_eq!(words("\"never closed"), ["\""]);
    }

    #[test]
    fn lifetimes_are_no_characters() {
        assert_eq!(
            words("fn f<'a>(x: &'a str) -> &'a str"),
            ["fn", "f", "<", ">", "(", "x", ":", "&", "str", ")", "-", ">", "&", "str"]
        );
        assert_eq!(words("'outer: loop"), [":", "loop"]);
    }

    #[test]
    fn raw_names_are_names() {
        assert_eq!(words("r#async broken"), ["async", "broken"]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let source = Source::parse("/*\n\n*/ \"\n\" // x\n name");
        let last = source.tokens.last().unwrap();
        assert_eq!((last.text.as_str(), last.line), ("name", 5));
    }

    #[test]
    fn test_items_are_dropped() {
        assert_eq!(words("a; #[cfg(test)] mod tests { use b; fn c() {} } d"), ["a", ";", "d"]);
        assert_eq!(words("#[cfg(test)] #[allow(x)] use b::{c}; d"), [";", "d"]);
        assert_eq!(words("#[cfg(all(test, feature = \"x\"))] fn b<C, D>(e: E) { f } g"), ["g"]);
        assert_eq!(words("#[tokio::test(start)] async fn b() { c } d"), ["d"]);
        assert_eq!(words("S { #[cfg(test)] a: b, c: d }"), ["S", "{", "c", ":", "d", "}"]);
        assert!(words("#![cfg(test)]\nuse a;").is_empty());
    }

    #[test]
    fn what_is_not_only_for_tests_stays() {
        let kept = words("#[cfg(not(test))] mod a {} #[cfg(any(test, fuzzing))] mod b {}");
        assert!(kept.contains(&String::from("a")) && kept.contains(&String::from("b")));
        assert!(words("#[derive(Debug)] struct A;").contains(&String::from("A")));
        assert!(words("#[cfg_attr(test, derive(Debug))] struct A;").contains(&String::from("A")));
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_told() {
        let source = Source::parse("#[cfg(test)]\npub(crate) mod contract;\n mod real;");
        assert_eq!(source.test_modules, ["contract"]);
    }

    #[test]
    fn crates_are_told_from_modules_and_fields() {
        let names = |text: &str| {
            let source = Source::parse(text);
            (0..source.tokens.len()).any(|at| source.names_crate(at, |name| name == "rocksdb"))
        };
        for text in [
            "use rocksdb::DB;",
            "use rocksdb as r;",
            "use {bytes::Bytes, rocksdb::DB};",
            "let d: ::rocksdb::DB;",
            "extern crate rocksdb;",
            "pub use rocksdb;",
        ] {
            assert!(names(text), "{text}");
        }
        for text in [
            "let rocksdb = 1;",
            "config.rocksdb",
            "store::rocksdb::Engine",
            "// rocksdb::DB",
            "\"rocksdb::DB\"",
            "mod rocksdb;",
        ] {
            assert!(!names(text), "{text}");
        }
    }

    #[test]
    fn names_under_the_root_are_found_in_every_spelling() {
        assert_eq!(under_root("use crate::store::Error;", 1), ["store"]);
        assert_eq!(under_root("use crate::{mls::Head, store::{self, Error}, wire};", 1), ["mls", "store", "wire"]);
        assert_eq!(under_root("fn f() -> crate::http::Problem {}", 2), ["http"]);
        assert_eq!(under_root("use super::super::store::Error;", 2), ["store"]);
        assert_eq!(under_root("use super::{http, service};", 1), ["http", "service"]);
        assert!(under_root("use super::sibling::Thing;", 2).is_empty());
        assert!(under_root("pub(crate) fn f() {}", 1).is_empty());
        assert!(under_root("pub(super) fn f() {}", 1).is_empty());
    }
}
