//! `mtaio report`, as a process.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;

use mtaio_monitoring::export::Format;
use mtaio_monitoring::{Profile, Profiler};

use crate::command::{mtaio, run, stderr, stdout};

/// A saved profile, in a folder that goes with it.
struct Saved {
    _folder: tempfile::TempDir,
    path: PathBuf,
    profile: Profile,
}

impl Saved {
    fn new(names: &[&str]) -> Self {
        let profiler = Profiler::new();
        for name in names {
            drop(profiler.enter(name));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let profile = profiler.profile();
        profile.save(&path).unwrap();
        Self { _folder: folder, path, profile }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// A path beside it.
    fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(name)
    }
}

#[test]
fn prints_the_table() {
    let saved = Saved::new(&["parse", "load", "parse"]);
    let output = run(&["report", saved.path()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    assert_eq!(stdout(&output), saved.profile.to_string());
    assert!(stdout(&output).contains("3 traces of 2 names"));
    let whole = run(&["report", saved.path(), "--all"]);
    assert_eq!(stdout(&whole), format!("{:#}", saved.profile));
}

#[test]
fn converts_to_any_format() {
    let saved = Saved::new(&["parse"]);
    for format in Format::ALL {
        let output = run(&["report", saved.path(), "--format", format.name()]);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{format}");
        assert_eq!(stdout(&output), saved.profile.export(format));
    }
    let path = saved.beside("run.folded");
    let output = run(&["report", saved.path(), "-o", path.to_str().unwrap()]);
    assert_eq!((output.status.code(), stdout(&output), stderr(&output)), (Some(0), "", ""));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), saved.profile.export(Format::Collapsed));
    let path = saved.beside("run.txt");
    let output = run(&["report", saved.path(), "-o", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), saved.profile.to_string());
}

#[test]
fn reads_the_standard_input() {
    let saved = Saved::new(&["parse"]);
    let mut child = mtaio(&["report", "-", "-f", "json", "-o", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(saved.profile.export(Format::Json).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    assert_eq!(stdout(&output), saved.profile.export(Format::Json));
}

#[test]
fn compares_two() {
    let (before, after) = (Saved::new(&["parse", "load"]), Saved::new(&["parse", "store"]));
    let output = run(&["report", before.path(), "--diff", after.path()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    assert_eq!(stdout(&output), before.profile.diff(&after.profile).to_string());
    let gone = stdout(&output).lines().find(|line| line.starts_with("load ")).unwrap();
    assert!(gone.contains(" gone "), "{gone}");
}

#[test]
fn failures_say_what_was_found() {
    let saved = Saved::new(&["parse"]);
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = run(&[&["report"], arguments].concat());
        assert_eq!((output.status.code(), stdout(&output)), (Some(code), ""), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    let path = saved.path();
    check(&["--diff", path], 2, "FILE");
    check(&[path, "--seconds", "3"], 1, "a profile was saved before");
    check(&[path, "--json"], 1, "a profile was saved before");
    check(&[path, "--token-file", path], 1, "--token-file is for a URL");
    check(&["http://127.0.0.1:1/", "--all"], 1, "what is watched is none");
    check(&["http://127.0.0.1:1/", "--interval", "3"], 1, "the other end has its own");
    check(&["http://127.0.0.1:1/"], 1, "the connection failed");
    check(&["--seconds", "0"], 2, "1..=86400");
    check(&["--output", "/no/such/folder/file"], 1, "cannot write /no/such/folder/file");
    check(
        &[path, "--format", "svg"],
        2,
        "must be one of json, chrome-trace, speedscope, collapsed, html, got \"svg\"",
    );
    check(&[path, "--format", "chrometrace"], 2, "did you mean chrome-trace?");
    check(&[path, "--format", "json", "--diff", path], 2, "cannot be used with");
    check(&["no-such-file.json"], 1, "mtaio: cannot read no-such-file.json: No such file");
    check(&[path, "--diff", "no-such-file.json"], 1, "cannot read no-such-file.json: No such file");
    check(&["-"], 1, "mtaio: cannot read the standard input: not a saved profile: it is empty");
    let folder = saved.path.parent().unwrap().to_str().unwrap();
    check(&[path, "--output", folder], 1, "mtaio: cannot write ");
    let other = saved.beside("other.json");
    std::fs::write(&other, "{\"format\": \"v8\", \"version\": 1}\u{1b}").unwrap();
    check(&[other.to_str().unwrap()], 1, "not a saved profile: ");
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let names: Vec<String> = (0..20_000).map(|number| format!("operation {number}")).collect();
    let saved = Saved::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for format in ["json", "chrome-trace"] {
        let mut child = mtaio(&["report", saved.path(), "--format", format]).spawn().unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0; 100]).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{format}");
    }
}

#[test]
fn a_file_name_that_asks_for_nothing_known_is_refused() {
    let saved = Saved::new(&["parse"]);
    let picture = saved.beside("out.svg");
    let output = run(&["report", saved.path(), "--output", picture.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("give --format, one of json, chrome-trace"), "{}", stderr(&output));
    let page = saved.beside("changes.html");
    let output = run(&["report", saved.path(), "--diff", saved.path(), "--output", page.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("what changed is text"), "{}", stderr(&output));
    assert!(!picture.exists() && !page.exists());
}
