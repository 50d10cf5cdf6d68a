//! What is told while it goes on, and at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use restante_faults::Point;
use tokio::time::Instant;

use crate::{model::Model, plan::Victim};

/// How often a line is written where there is no terminal.
const EACH: Duration = Duration::from_secs(10);

/// What was killed, and where.
pub(crate) struct Tally {
    seed: u64,
    began: Instant,
    told: Instant,
    at_random: BTreeMap<Victim, usize>,
    at_points: BTreeMap<(Point, Victim), usize>,
    /// Points that a program was to end at, and did not get to in time.
    pub(crate) missed: usize,
    /// How often a database was looked at row by row.
    pub(crate) verified: usize,
    /// How many messages the client's devices had acknowledged.
    pub(crate) said: usize,
    /// How many partitions were read from both providers at the end.
    pub(crate) compared: usize,
    /// How many requests were sealed to one key each of a list that was changed, and opened.
    pub(crate) opened: usize,
    /// How long it took from a start until it listened.
    starts: Vec<Duration>,
}

impl Tally {
    pub(crate) fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            seed,
            began: now,
            told: now,
            at_random: BTreeMap::new(),
            at_points: BTreeMap::new(),
            missed: 0,
            verified: 0,
            said: 0,
            compared: 0,
            opened: 0,
            starts: Vec::new(),
        }
    }

    pub(crate) fn hit(&mut self, point: Point, victim: Victim) {
        *self.at_points.entry((point, victim)).or_default() += 1;
    }

    pub(crate) fn strike(&mut self, victim: Victim) {
        *self.at_random.entry(victim).or_default() += 1;
    }

    pub(crate) fn started(&mut self, took: Duration) {
        self.starts.push(took);
    }

    pub(crate) fn kills(&self) -> usize {
        self.at_random.values().chain(self.at_points.values()).sum()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Points at which something has ended.
    fn hits(&self) -> BTreeSet<Point> {
        self.at_points.keys().map(|(point, _)| *point).collect()
    }

    /// Points at which nothing has ended.
    pub(crate) fn never_hit(&self) -> Vec<Point> {
        let hits = self.hits();
        Point::ALL.iter().copied().filter(|point| !hits.contains(point)).collect()
    }

    /// A line now and then.
    pub(crate) fn tell(&mut self, model: &Model) {
        let is_terminal = std::io::stderr().is_terminal();
        if !is_terminal && self.told.elapsed() < EACH {
            return;
        }
        self.told = Instant::now();
        let line = format!(
            "torture: {} s, {} kills ({} at points), {} points of {}, {} acknowledged, {} violations",
            self.elapsed().as_secs(),
            self.kills(),
            self.at_points.values().sum::<usize>(),
            self.hits().len(),
            Point::ALL.len(),
            model.acknowledged(),
            model.violations().len(),
        );
        if is_terminal {
            eprint!("\r{line}\x1b[K");
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// All numbers, and what was broken.
    pub(crate) fn text(&self, model: &Model) -> String {
        let mut text = format!(
            "seed {}\n{} kills in {} s, {} of them at {} of {} points; {} times a point was not reached in time\n",
            self.seed,
            self.kills(),
            self.elapsed().as_secs(),
            self.at_points.values().sum::<usize>(),
            self.hits().len(),
            Point::ALL.len(),
            self.missed
        );
        for (victim, count) in &self.at_random {
            writeln!(text, "  {:<40} {count:>5}", format!("{victim:?} at random")).unwrap();
        }
        for ((point, victim), count) in &self.at_points {
            writeln!(text, "  {:<40} {count:>5}", format!("{victim:?} at {point}")).unwrap();
        }
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        if let (Some(median), Some(longest)) = (starts.get(starts.len() / 2), starts.last()) {
            writeln!(text, "a start takes {} ms, {} ms at most", median.as_millis(), longest.as_millis()).unwrap();
        }
        writeln!(text, "{} times a database was looked at row by row, and its backups", self.verified).unwrap();
        writeln!(text, "{} partitions were read from both providers at the end", self.compared).unwrap();
        writeln!(text, "{} requests sealed to a key of a list that was changed were opened", self.opened).unwrap();
        writeln!(text, "{} messages between devices were acknowledged", self.said).unwrap();
        text += &model.summary();
        let violations = model.violations();
        writeln!(text, "{} violations", violations.len()).unwrap();
        for violation in violations {
            writeln!(text, "  {violation}").unwrap();
        }
        text
    }

    /// Where the command wants it.
    pub(crate) fn write(&self, text: &str) {
        let Some(folder) = std::env::var_os("RESTANTE_TORTURE_REPORTS").map(PathBuf::from) else { return };
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.txt", self.seed));
        fs::write(&file, text).unwrap();
        eprintln!("torture: the report is {}", file.display());
    }
}
