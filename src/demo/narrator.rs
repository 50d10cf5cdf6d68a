//! The teller: lines for people, checks for machines.
//!
//! On a terminal a bar below the lines shows how far the story is; elsewhere there are lines only.

use std::{
    fmt::Debug,
    io::{self, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Tally;

/// Lines are not longer than this, for a terminal of usual width.
const WIDTH: usize = 80;
const INDENT: &str = "   ";

/// Tells the story and counts the checks.
///
/// A write error is kept until [`Narrator::close`]: the scenes go on, and nobody has to handle it at every line.
pub(super) struct Narrator {
    out: Box<dyn Write + Send>,
    written: io::Result<()>,
    bar: ProgressBar,
    scene: &'static str,
    number: u32,
    tally: Tally,
    /// Whether explanations are still wanted.
    explains: bool,
}

impl Narrator {
    /// `scenes`: how many there will be.
    pub(super) fn new(out: Box<dyn Write + Send>, scenes: u64) -> Self {
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(scenes), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{spinner} [{bar:32}] {pos}/{len} {elapsed} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { out, written: Ok(()), bar, scene: "", number: 0, tally: Tally::default(), explains: true }
    }

    /// A part of the story. What was explained in the first is not explained again.
    pub(super) fn act(&mut self, title: &str, explains: bool) {
        self.explains = explains;
        self.line("");
        self.line(&format!("== {title} =="));
    }

    /// A scene begins.
    pub(super) fn scene(&mut self, title: &'static str) {
        if self.number > 0 {
            self.bar.inc(1);
        }
        self.number += 1;
        self.scene = title;
        self.bar.set_message(title);
        self.line("");
        self.line(&format!("{}. {title}", self.number));
    }

    /// Says something.
    pub(super) fn tell(&mut self, text: impl AsRef<str>) {
        self.wrapped(INDENT, INDENT, text.as_ref());
    }

    /// Says something that a newcomer wants to know, once.
    pub(super) fn explain(&mut self, text: &str) {
        if self.explains {
            self.tell(text);
        }
    }

    /// Says something in a line of its own, however long it is.
    pub(super) fn tell_line(&mut self, text: impl AsRef<str>) {
        self.line(&format!("{INDENT}{}", text.as_ref()));
    }

    /// What somebody types at a terminal, and what the program answers, as it stands there.
    pub(super) fn terminal(&mut self, command: &str, answer: &str) {
        self.line("");
        self.line(&format!("{INDENT}$ {command}"));
        answer.lines().for_each(|line| self.line(&format!("{INDENT}  {line}")));
        self.line("");
    }

    /// What the hub could see of a request.
    pub(super) fn hub_saw(&mut self, sight: impl AsRef<str>) {
        self.wrapped("   hub | ", "       | ", sight.as_ref());
    }

    /// What a provider has been told.
    pub(super) fn provider_saw(&mut self, provider: &str, sight: impl AsRef<str>) {
        self.wrapped(&format!("   {provider} | "), &format!("   {:1$} | ", "", provider.len()), sight.as_ref());
    }

    /// What the relay could see.
    pub(super) fn relay_saw(&mut self, sight: impl AsRef<str>) {
        self.wrapped("   relay   | ", "           | ", sight.as_ref());
    }

    /// What the gateway could see.
    pub(super) fn gateway_saw(&mut self, sight: impl AsRef<str>) {
        self.wrapped("   gateway | ", "           | ", sight.as_ref());
    }

    /// A check. The claim is what was looked at, no more.
    pub(super) fn check(&mut self, claim: impl AsRef<str>, holds: bool) {
        self.tally.count(holds);
        let head = if holds { "   ok      " } else { "   FAILED  " };
        self.wrapped(head, "           ", claim.as_ref());
    }

    /// A check that two things are the same; tells them when they are not.
    pub(super) fn check_same<T: PartialEq + Debug>(&mut self, claim: impl AsRef<str>, found: &T, expected: &T) {
        self.check(claim, found == expected);
        if found != expected {
            self.wrapped("           ", "           ", &format!("found    {found:?}"));
            self.wrapped("           ", "           ", &format!("expected {expected:?}"));
        }
    }

    /// The scene could not be played to its end, which is a failed check.
    pub(super) fn broke_off(&mut self, failure: &dyn std::error::Error) {
        let mut causes = failure.to_string();
        let mut cause = failure.source();
        while let Some(this) = cause {
            let text = this.to_string();
            if !causes.ends_with(&text) {
                causes = format!("{causes}: {text}");
            }
            cause = this.source();
        }
        self.check(format!("the scene \"{}\" could not be played to its end: {causes}", self.scene), false);
    }

    /// Ends with the tally.
    ///
    /// # Errors
    /// The first error that writing met.
    pub(super) fn close(mut self) -> io::Result<Tally> {
        self.bar.finish_and_clear();
        self.line("");
        self.line(&self.tally.to_string());
        let flushed = self.out.flush();
        std::mem::replace(&mut self.written, Ok(())).and(flushed).map(|()| self.tally)
    }

    fn wrapped(&mut self, first: &str, next: &str, text: &str) {
        let mut line = first.to_owned();
        let mut empty = true;
        for word in text.split(' ') {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line.clear();
                line.push_str(next);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        if self.written.is_ok() {
            let out = &mut self.out;
            self.written = self.bar.suspend(|| writeln!(out, "{}", line.trim_end()));
        }
    }
}

impl Drop for Narrator {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(story: impl FnOnce(&mut Narrator)) -> (String, Tally) {
        let page = Page::default();
        let mut narrator = Narrator::new(Box::new(page.clone()), 2);
        story(&mut narrator);
        let tally = narrator.close().unwrap();
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        (text, tally)
    }

    #[test]
    fn checks_are_named_and_counted_and_the_tally_is_the_last_line() {
        let (text, tally) = told(|narrator| {
            narrator.scene("A scene");
            narrator.check("water is wet", true);
            narrator.check_same("two is three", &2, &3);
        });
        assert_eq!(tally, Tally { passed: 1, failed: 1 });
        assert!(text.contains("1. A scene\n   ok      water is wet\n   FAILED  two is three\n"), "{text}");
        assert!(text.contains("found    2\n") && text.contains("expected 3\n"), "{text}");
        assert!(text.ends_with("\ndemo: 1 checks passed, 1 failed\n"), "{text}");
    }

    #[test]
    fn a_scene_that_breaks_off_is_a_failed_check_that_names_it() {
        let (text, tally) = told(|narrator| {
            narrator.scene("A scene");
            narrator.broke_off(&io::Error::other("the lamp fell"));
        });
        assert_eq!(tally, Tally { passed: 0, failed: 1 });
        assert!(text.contains("FAILED  the scene \"A scene\" could not be played to its end: the lamp fell"), "{text}");
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let (text, _) = told(|narrator| narrator.tell("word ".repeat(60).trim_end()));
        let lines: Vec<_> = text.lines().filter(|line| line.contains("word")).collect();
        assert!(
            lines.len() > 1 && lines.iter().all(|line| line.len() <= WIDTH && line.starts_with("   word")),
            "{text}"
        );
    }

    #[test]
    fn explanations_are_given_once() {
        let (text, _) = told(|narrator| {
            for first in [true, false] {
                narrator.act("An act", first);
                narrator.explain("It is so.");
            }
        });
        assert_eq!(text.matches("It is so.").count(), 1);
    }

    #[test]
    fn a_closed_pipe_is_told_at_the_end() {
        let mut narrator = Narrator::new(Box::new(Closed), 1);
        narrator.tell("Is anybody there?");
        assert_eq!(narrator.close().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
