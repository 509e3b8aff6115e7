//! The fuzzer's targets, fed with the corpus and the recordings: what fuzzing once reached stays reached, and what it
//! once found stays found, on a machine that cannot build the fuzzer.

use std::fs;
use std::hint::black_box;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/targets/mod.rs"]
mod targets;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .map_or_else(|_| Vec::new(), |entries| entries.flatten().map(|entry| entry.path()).collect())
}

#[test]
fn p39_the_corpus_of_every_target_passes() {
    for target in targets::TARGETS {
        let corpus = files(&root().join("fuzz/corpus").join(target.name));
        assert!(!corpus.is_empty(), "{} has no corpus: `make/fuzz.sh keep` makes it", target.name);
        let recordings = files(&root().join("tests/recordings"));
        let recorded = recordings.iter().map(|recording| recording.join(target.recorded));
        for file in corpus.into_iter().chain(recorded.filter(|file| file.is_file())) {
            // What a failure prints must say which input it was.
            println!("{}", file.display());
            target.check(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn p39_a_cut_input_passes_too() {
    for target in targets::TARGETS {
        for file in files(&root().join("fuzz/corpus").join(target.name)).into_iter().take(8) {
            let input = fs::read(&file).unwrap();
            println!("{}", file.display());
            (0..input.len()).step_by(7).for_each(|length| target.check(&input[..length]));
        }
    }
}

/// Whether a target that does this to eight bytes, and may hold four for each, is found out, and by which words.
#[track_caller]
fn check_finds(run: fn(&[u8]), expected: Option<&str>) {
    let target = targets::Target { name: "breaking", recorded: "-", bytes_each: 4, run };
    let said = catch_unwind(|| target.check(&[0; 8])).err().map(|panic| *panic.downcast::<String>().unwrap());
    match expected {
        Some(expected) => assert!(said.as_ref().is_some_and(|said| said.contains(expected)), "{said:?}"),
        None => assert_eq!(said, None),
    }
}

#[test]
fn p39_a_target_that_holds_too_much_is_found() {
    const MOST: usize = 4 * 8 + targets::ANY_INPUT_BYTES;
    check_finds(|_| drop(black_box(vec![0_u8; MOST])), None);
    check_finds(|_| drop(black_box(vec![0_u8; MOST + 1])), Some("8 bytes made it hold 16417, more than 16416"));
    // One after the other is not both at once, and what grows holds its old block too while it is copied.
    check_finds(|_| (0..2).for_each(|_| drop(black_box(vec![0_u8; MOST]))), None);
    check_finds(|_| black_box(vec![0_u8; MOST / 2]).reserve_exact(MOST / 2), Some("more than 16416"));
    // A bound of so many bytes each is one that the input moves.
    let target =
        targets::Target { name: "", recorded: "-", bytes_each: 4, run: |_| drop(black_box(vec![0_u8; MOST])) };
    assert!(catch_unwind(|| target.check(&[0; 7])).is_err());
}

#[test]
fn p39_a_parser_that_keeps_what_an_earlier_text_left_is_found() {
    let keeps = |text: &[u8]| {
        targets::filled(
            |text, out: &mut Vec<u8>| {
                out.extend(text);
                Ok(())
            },
            b"earlier",
            text,
        );
    };
    check_finds(keeps, Some("what an earlier text has left shows through"));
}
