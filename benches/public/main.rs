//! Groups whose handshakes are public: what it takes to follow them.
//!
//! `steps` measures the library beside bare mls-rs, in groups of 2 to 10 000 members; `added` what the hub adds for a
//! public commit; `beside` what others notice of it; `disk` what is stored. Prints tables and writes
//! `target/bench/public.json`. Words select what is measured; a number, the size of the groups.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on ends")]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod added;
mod bare;
mod beside;
mod branch;
#[path = "../shared/cpu.rs"]
mod cpu;
mod crowd;
mod disk;
#[path = "../shared/groups.rs"]
mod groups;
#[path = "../shared/load.rs"]
mod load;
#[path = "../durable/message.rs"]
#[allow(dead_code, reason = "shared with another measurement; nobody needs all of it")]
mod message;
#[path = "../shared/row.rs"]
#[allow(dead_code, reason = "shared with another measurement; nobody needs all of it")]
mod row;
#[path = "../shared/server.rs"]
mod server;
mod steps;
#[path = "../shared/written.rs"]
mod written;

use serde_json::Value;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Members of the groups.
const SIZES: [usize; 4] = [2, 100, 1_000, 10_000];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(at) = words.iter().position(|word| word == "--serve") {
        beside::serve(words[at + 1].as_ref());
        return;
    }
    let size = words.iter().find_map(|word| word.parse::<usize>().ok());
    let sizes = SIZES.into_iter().filter(|members| size.is_none_or(|size| size == *members));
    let mut rows = serde_json::Map::new();
    let mut measure = |name: &str, run: &dyn Fn() -> Value| {
        if words.iter().all(|word| word.parse::<usize>().is_ok() || name.contains(word.as_str())) {
            println!("\n{name}");
            rows.insert(name.to_owned(), run());
        }
    };
    measure("steps", &|| sizes.clone().map(steps::measure).collect());
    measure("added", &|| sizes.clone().map(added::measure).collect());
    measure("beside", &|| beside::measure(size.unwrap_or(10_000)));
    measure("disk", &|| disk::measure(size.unwrap_or(1_000), 1_000));
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("public.json"), serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
}
