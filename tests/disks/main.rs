//! Real programs on disks that break: the power is cut, reads or writes fail, there is no room. Mostly it is the hub; the
//! power is cut under a gateway that stands alone and under a relay too.
//!
//! The disks are real block devices with a real file system (`disk/`). That takes root, FUSE and loop devices: where they
//! are missing, all of these tests are ignored, and it is said why. Everything that goes wrong follows from a seed.
//! `RESTANTE_POWER_CUTS=N` has the power cut N times instead of a few; `RESTANTE_DISK_SEED=N` begins with another seed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a broken flow fails loudly")]
#![allow(clippy::print_stderr, reason = "whoever runs the tests is told why they are ignored")]

mod calls;
mod course;
mod disk;
mod errors;
#[path = "../fixtures/mod.rs"]
#[allow(dead_code, reason = "shared with the unit tests; nobody needs all of it")]
mod fixtures;
mod full;
mod house;
#[path = "../flows/https.rs"]
#[allow(dead_code, reason = "the flows' own")]
mod https;
mod key_lists;
#[path = "../flows/line.rs"]
#[allow(dead_code, reason = "the flows' own")]
mod line;
#[path = "../flows/lone_gateway.rs"]
#[allow(dead_code, reason = "the flows' own")]
mod lone_gateway;
mod much;
#[path = "../torture/origin.rs"]
mod origin;
#[path = "../flows/people.rs"]
#[allow(dead_code, reason = "the flows' own")]
mod people;
#[path = "../flows/pki.rs"]
#[allow(dead_code, reason = "the flows' own")]
mod pki;
mod power_loss;
#[path = "../flows/process.rs"]
#[allow(dead_code, reason = "the flows' own")]
mod process;
mod random;
#[path = "../flows/relay.rs"]
#[allow(dead_code, reason = "the flows' own")]
mod relay;
mod restoring;
#[path = "../flows/site.rs"]
#[allow(dead_code, reason = "the flows' own")]
mod site;

use std::{env, os::unix::process::CommandExt, process::Command};

use libtest_mimic::{Arguments, Trial};

/// Set in the process that has mounts of its own.
const APART: &str = "RESTANTE_DISKS_APART";

fn main() {
    let lacks = disk::lacks();
    if lacks.is_none() && env::var_os(APART).is_none() {
        // Mounts of this process's own end with it, whatever ends it.
        let program = env::current_exe().unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--"]).arg(program).args(env::args_os().skip(1));
        let error = command.env(APART, "1").exec();
        panic!("no mounts of our own: {error}");
    }
    if let Some(lacks) = &lacks {
        eprintln!("ignored, because this machine lets us make no disks: it lacks {lacks}");
    }
    let seed = number("RESTANTE_DISK_SEED").unwrap_or(1);
    let rounds = number("RESTANTE_POWER_CUTS").unwrap_or(4);
    let trials = vec![
        trial("nothing_acknowledged_is_lost", power_loss::nothing_acknowledged_is_lost(seed, rounds)),
        trial("a_disk_that_lies_is_found_out", power_loss::a_disk_that_lies_is_found_out(seed)),
        trial("no_call_is_made_twice", calls::no_call_is_made_twice(seed, rounds)),
        trial("marks_on_a_disk_that_lies_are_found_out", calls::marks_on_a_disk_that_lies_are_found_out(seed)),
        trial("what_a_relay_has_served_is_kept", key_lists::what_a_relay_has_served_is_kept(seed)),
        trial(
            "a_restore_that_is_cut_off_leaves_nothing_or_all",
            restoring::a_restore_that_is_cut_off_leaves_nothing_or_all(seed),
        ),
        trial("sends_on_a_full_disk", full::sends_on_a_full_disk(seed)),
        trial("backups_on_a_full_disk", full::backups_on_a_full_disk(seed)),
        trial(
            "a_failed_write_ends_writes_until_the_next_start",
            errors::a_failed_write_ends_writes_until_the_next_start(seed),
        ),
        trial("writes_end_wherever_the_disk_fails", errors::writes_end_wherever_the_disk_fails(seed)),
        trial(
            "what_cannot_be_read_is_told_and_never_made_up",
            errors::what_cannot_be_read_is_told_and_never_made_up(seed),
        ),
        trial(
            "a_log_that_cannot_be_read_is_not_passed_over",
            errors::a_log_that_cannot_be_read_is_not_passed_over(seed),
        ),
    ];
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(lacks.is_some())).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

fn trial(name: &'static str, flow: impl Future<Output = ()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(flow);
        Ok(())
    })
}
