//! The measurement: both databases, what is known of them, and rows of each in turn.

mod build;
mod database;
mod disk;
mod plan;
mod program;
mod report;
mod requests;

use std::rc::Rc;

pub(crate) use plan::Plan;
#[allow(unused_imports, reason = "for small runs")]
pub(crate) use plan::Size;
pub(crate) use report::Report;
#[allow(unused_imports, reason = "for small runs")]
pub(crate) use requests::Operation;

use crate::load::{self, Load};
use database::Database;
use program::Program;
use report::{Row, Which};
use requests::target;

/// Connections, each with one request in flight.
const IN_FLIGHT: usize = 16;

/// Builds what is missing, measures, and removes what is not to be kept.
pub(crate) fn run(plan: &Plan) -> Report {
    let small = Rc::new(Database::new(plan.folder.join("almost-empty"), plan.small, plan.cache_mib));
    let large = Rc::new(Database::kept(&plan.folder, plan.large, plan.cache_mib));
    let mut report = Report::new(&small, &large);
    let both = [(Which::Small, &small), (Which::Large, &large)];
    // Started once from a disk that the system has forgotten, once from its memory.
    for (which, database) in both {
        disk::forget(&database.data());
        report.start(which, "cold", &Program::start(database));
        report.start(which, "warm", &Program::start(database));
    }
    for operation in Operation::ALL {
        for (which, database) in both {
            disk::forget(&database.data());
            let program = Program::start(database);
            program.settle();
            report.row(measure(plan, &program, database, operation, "cold", which));
        }
    }
    both.iter().for_each(|(_, database)| disk::remember(&database.data()));
    report.in_memory(program::memory_available());
    let programs = both.map(|(which, database)| (which, database, Program::start(database)));
    programs.iter().for_each(|(_, _, program)| program.settle());
    for _round in 0..plan.rounds {
        for operation in Operation::ALL {
            for (which, database, program) in &programs {
                report.row(measure(plan, program, database, operation, "warm", *which));
            }
        }
    }
    for (which, _, program) in &programs {
        report.usage(*which, program.usage());
    }
    drop(programs);
    std::fs::remove_dir_all(&small.folder).unwrap();
    if plan.delete {
        std::fs::remove_dir_all(&large.folder).unwrap();
    }
    report
}

fn measure(
    plan: &Plan,
    program: &Program,
    database: &Rc<Database>,
    operation: Operation,
    state: &'static str,
    which: Which,
) -> Row {
    let load = Load { address: program.address, in_flight: IN_FLIGHT, length: plan.length, rate: None };
    let measured = load::run(&load, &target(database, operation), || program.cpu_seconds());
    Row { operation, state, which, measured }
}
