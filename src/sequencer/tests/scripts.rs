//! Plays the scripts in `testdata/`.
//!
//! A script whose output is not what it expects fails and shows both. `SCRIPTS=write cargo test --lib sequencer`
//! writes what the code does now into the scripts instead: read the difference before you believe it.

mod effects;
mod play;
mod pushes;
mod script;
mod sending;
mod sights;
mod standing;
mod words;

use play::Play;

fn play(name: &str, script: &str) {
    let parts = script::parse(script);
    let mut play = Play::default();
    let played = script::write(&parts, |line, commands| play.block(name, line, commands));
    if std::env::var("SCRIPTS").is_ok_and(|value| value == "write") {
        let path = format!("{}/src/sequencer/testdata/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, played).unwrap();
        return;
    }
    let differs = played.lines().zip(script.lines()).position(|(played, expected)| played != expected);
    let differs = differs.or_else(|| (played != script).then(|| played.lines().count().min(script.lines().count())));
    if let Some(at) = differs {
        let around = |text: &str| text.lines().skip(at.saturating_sub(8)).take(16).collect::<Vec<_>>().join("\n");
        panic!("{name}.txt, line {}: expected\n\n{}\n\nbut played\n\n{}", at + 1, around(script), around(&played));
    }
}

macro_rules! scripts {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name), include_str!(concat!("../testdata/", stringify!($name), ".txt")));
            }
        )*

        /// A script that nobody plays proves nothing.
        #[test]
        fn every_script_is_played() {
            let played = [$(concat!(stringify!($name), ".txt")),*];
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sequencer/testdata");
            for file in std::fs::read_dir(folder).unwrap() {
                let name = file.unwrap().file_name();
                assert!(played.iter().any(|known| name == *known), "{name:?} is not played");
            }
        }
    };
}

scripts!(
    adoption,
    appending,
    bad_commits,
    creation,
    deliveries,
    dominance,
    doubts,
    external_joins,
    external_proposals,
    epoch_mismatch,
    evidence,
    expect_commit,
    free_chains,
    free_commits,
    hints,
    idempotency,
    idle_groups,
    late_sends,
    orphans,
    policy,
    orphans_aging,
    one_provider,
    partition_full,
    following,
    observing,
    preflight,
    presenting,
    retention,
    deletion,
    subscribing,
    races,
    sizes,
    stolen_edges,
    terminating,
    welcomes,
);
