//! Groups whose handshakes are public: what it takes to follow them.
//!
//! `steps` measures the library beside bare mls-rs, in groups of 2 to 10 000 members. Prints tables and writes
//! `target/bench/public.json`. A word selects what is measured; a number, the size of the groups.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on ends")]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod bare;
mod crowd;
mod steps;

use serde_json::Value;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Members of the groups.
const SIZES: [usize; 4] = [2, 100, 1_000, 10_000];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
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
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("public.json"), serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
}
