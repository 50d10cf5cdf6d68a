//! Everything that was written, said or shown by somebody who serves, and what may stand where.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    canary::{Canaries, Kind},
    forms::Form,
};

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The log of a process that serves, at its most talkative.
    Log,
    /// Its standard output.
    Printed,
    /// What a command says to whoever typed it.
    Command,
    /// The standard output of a command that makes a token, which is for somebody else.
    Minted,
    /// What `--help` says, and what is made of the same words: samples of configurations, and manuals.
    Help,
    /// The answer to something bad: fields and body.
    Problem,
    /// What is counted.
    Metrics,
    /// What is pushed to a collector.
    Exported,
    /// The first line and the fields of that.
    ExportedHead,
    /// The first line of a request between these two.
    Target(Ends),
    /// The fields of such a request, or of its answer.
    Fields(Ends),
    /// Keys of rows of this column family.
    Key(&'static str),
    /// Values of such rows.
    Value(&'static str),
    /// The files of the database engine, whatever they hold: no more than the rows.
    Engine,
    /// Other files that a process keeps.
    File,
    /// What it calls its files and folders.
    FileName,
}

/// Between whom something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ends {
    UserAndRelay,
    RelayAndGateway,
    FollowerAndHub,
}

/// Permissions: what may stand in these places, which are of one sort, and in which form.
pub(super) type Permitted = &'static [(&'static [Place], &'static [(Kind, Form)])];

/// What was found, and what it is a part of.
#[derive(Default)]
pub(super) struct Evidence(Vec<(Place, String, Vec<u8>)>);

impl Evidence {
    pub(super) fn add(&mut self, place: Place, of: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.0.push((place, of.into(), content.into()));
    }

    /// How many bytes there are of a place.
    pub(super) fn length(&self, place: Place) -> usize {
        self.0.iter().filter(|(known, ..)| *known == place).map(|(_, _, content)| content.len()).sum()
    }

    /// Everything that is permitted was found, and nothing else.
    pub(super) fn assert_exactly(&self, permitted: Permitted, canaries: &Canaries) {
        let rows = |place: &Place| matches!(place, Place::Key(_) | Place::Value(_));
        let allows = |place: &Place, what: &(Kind, Form)| {
            // Each file of the engine may hold any rows.
            permitted.iter().any(|(places, all)| {
                let is_here = if *place == Place::Engine { places.iter().any(rows) } else { places.contains(place) };
                is_here && all.contains(what)
            })
        };
        let search = canaries.search();
        let (mut used, mut wrong) = (BTreeSet::new(), BTreeSet::new());
        for (place, of, content) in &self.0 {
            for what @ (kind, form) in search.found_in(content) {
                if allows(place, &what) {
                    used.insert((*place, what));
                } else {
                    wrong.insert(format!("{place:?} of {of} holds {kind:?} ({form:?})"));
                }
            }
        }
        let mut report = wrong.into_iter().fold(String::new(), |mut report, line| {
            writeln!(report, "{line}").unwrap();
            report
        });
        for (places, all) in permitted {
            for what @ (kind, form) in *all {
                if !places.iter().any(|place| used.contains(&(*place, *what))) {
                    writeln!(report, "{places:?} may hold {kind:?} ({form:?}), and nothing shows that it does")
                        .unwrap();
                }
            }
        }
        assert!(report.is_empty(), "\n{report}");
    }
}

/// What is not permitted is told, and so is what is permitted for nothing.
#[test]
fn the_table_is_held_to_both_ways() {
    const PERMITTED: Permitted = &[(&[Place::Value("rows")], &[(Kind::User, Form::Raw)])];
    let mut canaries = Canaries::default();
    canaries.add(Kind::User, "canary-of-somebody");
    let verdict = |place: Place, content: &str| {
        let mut evidence = Evidence::default();
        evidence.add(place, "somebody", content);
        let checked = std::panic::AssertUnwindSafe(|| evidence.assert_exactly(PERMITTED, &canaries));
        std::panic::catch_unwind(checked).map_err(|report| *report.downcast::<String>().unwrap())
    };
    verdict(Place::Value("rows"), "here is canary-of-somebody").unwrap();
    let unused = verdict(Place::Value("rows"), "nobody is here").unwrap_err();
    assert!(unused.contains("nothing shows that it does"), "{unused}");
    for place in [Place::Log, Place::Key("rows"), Place::Value("other rows"), Place::Metrics] {
        let wrong = verdict(place, "canary-of-somebody").unwrap_err();
        assert!(wrong.contains("of somebody holds User (Raw)"), "{wrong}");
    }
    let other_form = verdict(Place::Value("rows"), &hex::encode("canary-of-somebody")).unwrap_err();
    assert!(other_form.contains("holds User (Hex)"), "{other_form}");
}
