//! Small runs of the long measurements of `benches/`, so that they work when somebody wants an hour of them: everything
//! that is answered is checked, and no time is.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a broken measurement fails loudly")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "measurements talk to people")]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../../benches/shared/cpu.rs"]
mod cpu;
#[path = "../../benches/full/mod.rs"]
mod full;
#[path = "../fixtures/key_packages.rs"]
#[allow(dead_code, reason = "shared with other tests; nobody needs all of it")]
mod key_packages;
#[path = "../../benches/shared/load.rs"]
mod load;
#[path = "../../benches/mixed/mod.rs"]
mod mixed;
#[path = "../../benches/shared/program.rs"]
mod program;
#[path = "../../benches/shared/row.rs"]
#[allow(dead_code, reason = "shared with measurements; nobody needs all of it")]
mod row;
#[path = "../../benches/shared/traffic.rs"]
mod traffic;
#[path = "../../benches/shared/usage.rs"]
mod usage;
#[path = "../../benches/shared/written.rs"]
mod written;

use std::time::Duration;

#[test]
fn a_large_database_is_built_kept_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let large = full::Size { groups: 32, epochs: 20, messages: 4 };
    let mut plan = full::Plan {
        large,
        small: full::Size { groups: 4, ..large },
        length: Duration::from_millis(100),
        rounds: 1,
        folder: folder.path().to_owned(),
        delete: false,
        cache_mib: Some(64),
    };
    let first = full::run(&plan);
    // Cold and warm, each on both databases.
    assert_eq!(first.rows.len(), full::Operation::ALL.len() * 4);
    // A row needs more than its bytes, and not several times as much.
    assert!((1.0..3.0).contains(&first.bytes_ratio()), "{}", first.bytes_ratio());
    plan.delete = true;
    let again = full::run(&plan);
    again.print();
    again.write(folder.path());
    assert_eq!(again.built(), first.built(), "the large one was used again");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left of them but the rows");
}

#[test]
fn mixed_traffic_comes_back_as_it_was_sent() {
    let plan = mixed::Plan {
        minutes: 3,
        minute: Duration::from_millis(700),
        maximum: Duration::from_secs(1),
        rate: None,
        groups: 8,
        push: false,
    };
    let folder = tempfile::tempdir().unwrap();
    let report = mixed::run(&plan);
    report.print();
    report.write(folder.path());
    assert_eq!(report.unexplained(), 0);
    for kind in [mixed::Kind::Send, mixed::Kind::Forwarded, mixed::Kind::Read, mixed::Kind::Fetch] {
        assert!(report.count(kind) > 0, "{kind:?}");
    }
}

#[test]
fn the_nearest_line_of_points_beside_it_has_its_slope() {
    // 3 + 2x, and as much above it as below.
    let points = [(0.0, 4.0), (0.0, 2.0), (1.0, 5.0), (2.0, 8.0), (2.0, 6.0)];
    assert!((mixed::slope(&points) - 2.0).abs() < 1e-9, "{}", mixed::slope(&points));
}

#[test]
fn words_make_a_run_shorter() {
    let words = |words: &str| words.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mixed = |text: &str| mixed::Plan::of(&words(text));
    let hour = mixed("").unwrap();
    assert_eq!((hour.minutes, hour.maximum.as_secs(), hour.warm_up()), (60, 60, 10));
    let short = mixed("--minutes 3 --rate 100 --push").unwrap();
    assert_eq!((short.minutes, short.maximum.as_secs(), short.warm_up(), short.rate), (3, 30, 1, Some(100.0)));
    let full = |text: &str| full::Plan::of(&words(text));
    let usual = full("").unwrap();
    assert_eq!((usual.large.partitions(), usual.large.all_messages()), (1_000_000, 10_000_000));
    let small = full("--partitions 400 --messages 1200 --delete").unwrap();
    assert_eq!((small.large.partitions(), small.large.all_messages(), small.delete), (400, 1200, true));
    for wrong in ["--minutes", "--minutes 0", "--hours 1"] {
        assert!(mixed(wrong).is_err(), "{wrong}");
    }
    for wrong in ["--partitions", "--rounds 0", "--groups 1"] {
        assert!(full(wrong).is_err(), "{wrong}");
    }
}
