//! The corpora that the fuzz targets begin with (`fuzz/corpus/`), made of the published vectors and of what real clients
//! have sealed.
//!
//! * Every file is what its maker makes; `RESTANTE_WRITE_CORPUS=1 cargo test --test fuzz_corpus` writes them again. Files
//!   that begin with `find-` are what fuzzing has found: they stay for ever. Those that begin with `reached-` broke nothing
//!   and led where no other input does: a small set of them, for runs that are short.
//! * What cannot be made twice, because a client draws random numbers for it, is made where it is missing, and else has to
//!   be of use still.

#![allow(clippy::unwrap_used, reason = "a broken corpus fails loudly")]

mod client;
mod corpus;
mod export;
#[path = "../../fuzz/src/families.rs"]
#[allow(unreachable_pub, reason = "shared with the targets")]
mod families;
mod gateway;
#[path = "../../fuzz/src/gateway_keys.rs"]
#[allow(unreachable_pub, reason = "shared with the targets")]
mod gateway_keys;
mod groups;
mod header_fields;
mod marks;
#[path = "../../fuzz/src/parts.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared with the targets")]
mod parts;
mod relay;
mod rows;
mod sequencer;
#[path = "../../fuzz/src/structures.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared with the targets")]
mod structures;
mod vectors;

use std::{collections::BTreeSet, env, fs};

use self::corpus::{Corpus, folder};

fn made() -> Corpus {
    let mut corpus = Corpus::default();
    vectors::add(&mut corpus);
    groups::add(&mut corpus);
    gateway::add(&mut corpus);
    marks::add(&mut corpus);
    relay::add(&mut corpus);
    header_fields::add(&mut corpus);
    export::add(&mut corpus);
    client::add(&mut corpus);
    rows::add(&mut corpus);
    sequencer::add(&mut corpus);
    corpus
}

#[test]
fn every_file_is_what_its_maker_makes() {
    let made = made();
    let is_writing = env::var_os("RESTANTE_WRITE_CORPUS").is_some();
    for (target, inputs) in made.targets() {
        let folder = folder(target);
        if is_writing {
            made.write(target);
        }
        for (name, input) in inputs {
            let found = fs::read(folder.join(name)).unwrap_or_default();
            assert!(found == *input, "{target}/{name} is not what its maker makes (see RESTANTE_WRITE_CORPUS)");
        }
        let strangers: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !corpus::stays(name) && !inputs.contains_key(name))
            .collect();
        assert!(
            strangers.is_empty(),
            "{target}: nobody makes {strangers:?}; those of fuzzing are called find-… or reached-…"
        );
    }
}

#[test]
fn corpora_are_small() {
    for (target, inputs) in made().targets() {
        let bytes: usize = inputs.values().map(Vec::len).sum();
        assert!(inputs.len() <= 200 && bytes <= 100_000, "{target}: {} inputs, {bytes} bytes", inputs.len());
        assert!(inputs.values().all(|input| input.len() <= 8192), "{target}: longer than any run's inputs");
        let all = fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
        let (files, bytes) = all.fold((0, 0), |(files, bytes), length| (files + 1, bytes + length));
        assert!(files <= 300 && bytes <= 150_000, "{target}: {files} files, {bytes} bytes");
    }
}

/// Whatever has vectors is decoded by a target.
#[test]
fn every_structure_has_a_target() {
    let lists = [structures::REQUESTS, structures::RESPONSES, structures::PARTS];
    let mut covered: BTreeSet<String> =
        lists.iter().flat_map(|list| list.iter()).map(|structure| structure.name.to_owned()).collect();
    assert_eq!(covered.len(), lists.iter().map(|list| list.len()).sum::<usize>(), "a structure stands twice");
    covered.extend(vectors::MLS.iter().map(|(structure, _)| (*structure).to_owned()));
    let published = vectors::published().into_iter().map(|vector| vector.structure).collect::<BTreeSet<_>>();
    assert_eq!(published, covered);
}
