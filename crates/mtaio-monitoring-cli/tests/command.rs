//! The command, as a process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

use mtaio_monitoring::metrics::catalogue::BuiltIn;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub(crate) fn mtaio(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtaio"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    mtaio(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["top", "--help"],
        &["watch", "--help"],
        &["metrics", "-h"],
        &["check-config", "--help"],
        &["doctor", "--help"],
        &["report", "--help"],
        &["run", "--help"],
        &["serve", "--help"],
        &["completions", "--help"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!stdout(&output).is_empty());
    }
    let help = run(&["--help"]);
    for promised in ["Examples:", "mtaio watch --json", "Exit codes:", "NO_COLOR"] {
        assert!(stdout(&help).contains(promised), "{promised}");
    }
}

#[test]
fn running_python_needs_python() {
    let output = run(&["run", "--profile", "out.html", "-m", "uvicorn", "shop:app\u{1b}[2J"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""));
    let said = stderr(&output);
    assert!(said.contains("`pip install mtaio-monitoring`"), "{said}");
    assert!(said.contains("mtaio run --profile out.html -m uvicorn shop:app"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn bad_arguments_say_what_is_accepted() {
    let check = |arguments: &[&str], expected: &str| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    check(&[], "Usage: mtaio");
    check(&["tops"], "similar subcommand exists: 'top'");
    check(&["top", "--interval", "0"], "from 0.001 to 86400");
    check(&["top", "--interval", "-1"], "from 0.001 to 86400");
    check(&["top", "--interval", "NaN"], "from 0.001 to 86400");
    check(&["doctor", "--interval", "0"], "from 0.001 to 86400");
    check(&["watch", "--interval", "soon"], "not a number of seconds");
    check(&["watch", "--count", "0"], "--count");
    check(&["check-config"], "<PATH>");
    check(&["watch", "--threshold", "cpu_usage"], "METRIC=VALUE is needed");
    check(&["watch", "--threshold", "cpu_usgae=80"], "`mtaio metrics` lists them");
    check(&["watch", "--threshold", "cpu_usage=inf"], "a finite number");
}

#[test]
fn the_catalogue_is_listed_whole() {
    let (table, json) = (run(&["metrics", "--catalogue"]), run(&["metrics", "--json"]));
    let entries: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(entries.len(), BuiltIn::ALL.len());
    assert_eq!(stdout(&table).lines().count(), BuiltIn::ALL.len() + 1);
    for (metric, (entry, row)) in BuiltIn::ALL.iter().zip(entries.iter().zip(stdout(&table).lines().skip(1))) {
        let known = metric.description();
        let expected =
            [("name", known.name), ("kind", known.kind.name()), ("unit", known.unit), ("help", known.help)];
        for (field, text) in expected {
            assert_eq!(entry[field], text);
            assert!(row.contains(text), "{row}");
        }
    }
}

#[test]
fn samples_for_programs() {
    let output = run(&["watch", "--json", "--interval", "0.1", "--count", "3"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let samples: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(samples.len(), 3);
    for sample in &samples {
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut fields = keys(sample);
        fields.sort();
        let expected = [
            "container",
            "container_pressure",
            "cpu",
            "elapsed_seconds",
            "filesystems",
            "gap",
            "host",
            "io",
            "memory",
            "monitor",
            "network",
            "pressure",
            "process",
            "sequence",
            "space",
            "timestamp",
            "tree",
        ];
        assert_eq!(fields, expected);
        assert_eq!(keys(&sample["cpu"]).len(), 20);
        assert_eq!(keys(&sample["memory"]).len(), 17);
        assert_eq!(keys(&sample["io"]).len(), 12);
        assert_eq!(keys(&sample["network"]).len(), 17);
        // Samples of the cadence have no lists.
        assert!(sample["cpu"]["cores"].is_null() && sample["filesystems"].is_null());
        assert!(sample["network"]["receive_bytes"].is_u64(), "{sample}");
        assert!((0.0..=100.0).contains(&sample["cpu"]["usage_percent"].as_f64().unwrap()));
        assert_eq!(sample["cpu"]["load_average"].as_array().unwrap().len(), 3);
        assert!(sample["memory"]["total"].as_u64().unwrap() > 0);
    }
    let sequences: Vec<_> = samples.iter().map(|sample| sample["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted_by(|earlier, later| earlier < later), "{sequences:?}");
    assert!(stderr(&output).starts_with("mtaio watch: "), "{}", stderr(&output));
}

#[test]
fn alerts_go_to_the_standard_error() {
    let output = run(&["watch", "-i", "0.1", "-n", "2", "--threshold", "host_memory_total_bytes=1"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output).matches("is above its threshold of 1 By").count(), 1, "{}", stderr(&output));
    assert!(stdout(&output).contains("| FIRING host_memory_total_bytes "), "{}", stdout(&output));
    assert!(stdout(&output).lines().last().unwrap().contains("2 samples, 0 missed, cpu mean "));
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    for arguments in
        [&["watch", "-i", "0.01"][..], &["watch", "-i", "0.01", "--json"], &["metrics"], &["top", "-i", "0.1"]]
    {
        let mut child = mtaio(arguments).spawn().unwrap();
        first_line(&mut child);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn signals_end_it_with_a_summary() {
    let check = |arguments: &[&str], signal, code| {
        let mut child = mtaio(arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?}");
        assert!(rest.contains(" missed"), "{rest}");
    };
    check(&["watch", "-i", "0.05"], Signal::INT, 0);
    check(&["watch", "-i", "0.05", "-n", "1000000"], Signal::INT, 130);
    check(&["watch", "-i", "0.05"], Signal::TERM, 143);
    check(&["top", "-i", "0.1"], Signal::INT, 0);
    check(&["top", "-i", "0.1"], Signal::TERM, 143);
}

/// Reads one line and closes the pipe.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line
}
