//! The fuzzer's targets, fed with the corpus and the recordings: what fuzzing once reached stays reached, and what it
//! once found stays found, on a machine that cannot build the fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/targets/mod.rs"]
mod targets;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map_or_else(|_| Vec::new(), |entries| entries.flatten().map(|entry| entry.path()).collect())
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
