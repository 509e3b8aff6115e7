//! `mtaio doctor`: its report of recorded machines as pictures, and of this one as a process.

use std::path::{Path, PathBuf};

use expect_test::{ExpectFile, expect_file};
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::{Cost, Diagnosis, Section, State};
use mtaio_monitoring_cli::{diagnosis_json, diagnosis_text};
use serde_json::Value;

use crate::command::{run, stderr, stdout};

fn recording(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings").join(name);
    assert!(root.is_dir(), "{} is no recording", root.display());
    root
}

/// The report of a recording by a clock that stands still, so that everything costs nothing, and without the place in
/// which the recording lies.
fn diagnosis(name: &str) -> Diagnosis {
    let root = recording(name);
    let mut diagnosis = Diagnosis::below(&root, &Clock::manual().0, 1.0);
    // Where the recording says nothing of the process, it is this one.
    if diagnosis.surroundings.pid == std::process::id() {
        diagnosis.surroundings.pid = 4711;
    }
    let here = format!("{}/", root.display());
    for section in &mut diagnosis.sections {
        section.origin = section.origin.replace(&here, "/");
        section.last_error = section.last_error.as_ref().map(|error| error.replace(&here, "/"));
    }
    diagnosis
}

fn check(diagnosis: &Diagnosis, picture: &ExpectFile) {
    let text = diagnosis_text(diagnosis, false);
    for line in text.lines() {
        // A path that is longer by itself stays whole.
        assert!(line.chars().count() <= 80 || !line.trim().contains(' '), "{line}");
        assert!(!line.ends_with(' ') && !line.contains(char::is_control), "{line:?}");
    }
    picture.assert_eq(&text);
}

#[test]
fn p41_a_sandbox_that_leaves_much_out() {
    let mut diagnosis = diagnosis("gvisor");
    for (section, cost) in diagnosis.sections.iter_mut().zip([9.1e-6, 1.25e-6, 12.34e-6, 0.0, 104.2e-6]) {
        section.cost = Some(Cost { median_seconds: cost, worst_seconds: 12.0 * cost, readings: 50 });
    }
    diagnosis.sample = Some(Cost { median_seconds: 139.7e-6, worst_seconds: 2.4e-3, readings: 50 });
    diagnosis.core_percent = Some(0.014_23);
    check(&diagnosis, &expect_file!["pictures/doctor-gvisor.txt"]);
    assert!(diagnosis.is_usable());
}

#[test]
fn p41_a_container_whose_files_are_imitated() {
    check(&diagnosis("lxc"), &expect_file!["pictures/doctor-lxc.txt"]);
}

#[test]
fn p41_a_proc_that_hides_other_processes() {
    check(&diagnosis("hidepid"), &expect_file!["pictures/doctor-hidepid.txt"]);
}

#[test]
fn p41_without_the_core_sections_it_says_that_nothing_works() {
    let diagnosis = diagnosis("missing");
    check(&diagnosis, &expect_file!["pictures/doctor-missing.txt"]);
    assert!(!diagnosis.is_usable());
    let output = run(&["doctor", "--root", recording("missing").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).ends_with("it cannot read cpu, load.\n"), "{}", stdout(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn foreign_text_is_made_printable() {
    let mut diagnosis = diagnosis("hidepid");
    diagnosis.surroundings.hints = vec!["container=\x1b[2J\nlxc\u{202e}".to_owned()];
    diagnosis.surroundings.kernel = Some("Linux \x1b]0;x\x07".to_owned());
    diagnosis.sections[0].origin = "/proc/\x1b[31m".to_owned();
    let text = diagnosis_text(&diagnosis, false);
    assert!(!text.replace('\n', "").contains(|character: char| character.is_control() || character == '\u{202e}'));
    assert!(text.contains("\\u{1b}[2J\\nlxc\\u{202e}"), "{text}");
}

#[test]
fn colours_are_for_terminals() {
    let diagnosis = diagnosis("missing");
    let colored = diagnosis_text(&diagnosis, true);
    assert!(colored.contains("\x1b[31mmissing\x1b[0m") && colored.contains("\x1b[33mpartial\x1b[0m"), "{colored}");
    let plain = colored.replace("\x1b[0m", "");
    let plain = [31, 32, 33].iter().fold(plain, |text, code| text.replace(&format!("\x1b[{code}m"), ""));
    assert_eq!(plain, diagnosis_text(&diagnosis, false));
}

#[test]
fn this_machine_is_diagnosed_for_programs() {
    let output = run(&["doctor", "--json", "--interval", "0.5"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sections = report["sections"].as_array().unwrap();
    let names: Vec<&str> = sections.iter().map(|section| section["section"].as_str().unwrap()).collect();
    assert_eq!(names, Section::ALL.map(Section::name));
    for section in sections {
        assert!(section["cost"]["median_seconds"].as_f64() <= section["cost"]["worst_seconds"].as_f64());
        assert!(!section["gives"].as_str().unwrap().is_empty());
        let is_core = ["cpu", "load", "memory", "process"].contains(&section["section"].as_str().unwrap());
        assert!(!is_core || section["state"] == "ok", "{section}");
        let is_explained = section["reason"].is_string() || section["hint"].is_string();
        assert!(section["state"] != "missing" || is_explained, "{section}");
    }
    // The parts make up the whole, but for what the clock's own readings take.
    let sum: f64 = sections
        .iter()
        .filter(|section| section["every_seconds"].is_null())
        .map(|section| section["cost"]["median_seconds"].as_f64().unwrap())
        .sum();
    let sample = report["sample"]["median_seconds"].as_f64().unwrap();
    assert!(sum > 0.0 && sum < sample * 1.5, "{sum} of {sample}");
    assert!(report["fullest_sample"]["median_seconds"].as_f64().unwrap() > sample);
    assert_eq!((&report["usable"], &report["interval_seconds"]), (&Value::Bool(true), &Value::from(0.5)));
    let percent = report["core_percent"].as_f64().unwrap();
    assert!(percent > 100.0 * sample / 0.5 && percent < 50.0, "{percent} with {sample}");
    assert!(report["kernel"].as_str().unwrap().starts_with("Linux "));
}

#[test]
fn this_machine_is_diagnosed_for_people() {
    let output = run(&["doctor"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let text = stdout(&output);
    assert!(!text.contains('\x1b'), "a pipe has no colours");
    let last = text.lines().rfind(|line| !line.starts_with(' ')).unwrap();
    assert!(last.starts_with("mtaio works here"), "{last}");
}

#[test]
fn what_is_wrong_only_for_a_time_is_no_reason() {
    let mut diagnosis = diagnosis("hidepid");
    let section = &mut diagnosis.sections[0];
    assert_eq!(section.state, State::Ok);
    section.last_error = Some("/proc/stat: Interrupted system call (os error 4)".to_owned());
    assert!(diagnosis_json(&diagnosis)["sections"][0]["reason"].is_null());
    assert!(!diagnosis_text(&diagnosis, false).contains("Interrupted"));
}
