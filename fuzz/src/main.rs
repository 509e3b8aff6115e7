//! Feeds libFuzzer's inputs to one target, which `MTAIO_FUZZ_TARGET` names; `list` prints the targets instead, each
//! with the file of a recording that it begins with. `make fuzz` runs them all; a file as the only argument is an
//! input to try again.
//!
//! One binary for all targets, because linking is what they cost.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mtaio-monitoring/tests/allocations.rs"]
mod allocations;
mod targets;

use targets::{TARGETS, Target};

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fn choose() {
    let name = std::env::var("MTAIO_FUZZ_TARGET").unwrap_or_default();
    if name == "list" {
        for target in TARGETS {
            println!("{} {}", target.name, target.recorded);
        }
        std::process::exit(0);
    }
    match TARGETS.iter().find(|target| target.name == name) {
        Some(target) => CHOSEN.get_or_init(|| target),
        None => {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!("MTAIO_FUZZ_TARGET is {name:?}; it takes list or one of {}", names.join(", "));
            std::process::exit(2);
        }
    };
}

fuzz_target!(init: choose(), |input: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        target.check(input);
    }
});
