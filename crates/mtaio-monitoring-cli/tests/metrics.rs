//! `mtaio metrics`, `mtaio report` of what is watched, and `mtaio completions`, as processes.

use std::io::Read;
use std::net::TcpListener;

use mtaio_monitoring::metrics::catalogue::BuiltIn;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::command::{mtaio, run, stderr, stdout};
use crate::serve::{Serving, TOKEN};

fn entries(arguments: &[&str]) -> Vec<Value> {
    let output = run(&[&["metrics", "--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A server once it has taken a sample.
fn serving(token: Option<&str>) -> Serving {
    let serving = Serving::start(&["-i", "0.1", "--threshold", "host_memory_total_bytes=1"], token);
    let bearer = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
    while !serving.ask("/api/v1/history", &bearer).contains("\"elapsed_seconds\":0.") {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    serving
}

#[test]
fn metrics_have_values() {
    let all = entries(&[]);
    assert_eq!(all.len(), BuiltIn::ALL.len());
    let value = |name: &str| all.iter().find(|entry| entry["name"] == name).unwrap()["value"].as_f64().unwrap();
    // Of this moment, also what needs two readings.
    assert!((0.0..=100.0).contains(&value("cpu_usage")) && value("host_memory_total_bytes") > 1e6);
    let some = entries(&["host_load"]);
    let names: Vec<_> = some.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["host_load_1m", "host_load_5m", "host_load_15m"]);
    let table = run(&["metrics", "memory_total"]);
    let lines: Vec<_> = stdout(&table).lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["NAME", "VALUE", "KIND", "UNIT", "HELP"]);
    assert!(
        lines.len() == 2 && lines[1][0] == "host_memory_total_bytes" && lines[1][2].ends_with('B'),
        "{lines:?}"
    );
}

#[test]
fn a_scrape_without_a_server_and_of_one() {
    let check = |arguments: &[&str]| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stdout(&output);
        assert!(text.contains("\n# TYPE host_memory_total_bytes gauge\n"), "{text}");
        assert_eq!(text.ends_with("# EOF\n"), arguments.contains(&"openmetrics"), "{arguments:?}");
    };
    let serving = serving(None);
    for format in ["prometheus", "openmetrics"] {
        check(&["metrics", "--format", format]);
        check(&["metrics", "--format", format, &serving.page]);
    }
    let told = entries(&[&serving.page]);
    assert_eq!(told.len(), BuiltIn::ALL.len());
    assert!(told.iter().any(|entry| entry["name"] == "host_memory_total_bytes" && entry["value"].is_number()));
    // Without a scheme too.
    assert_eq!(entries(&[&format!("127.0.0.1:{}", serving.port())]).len(), told.len());
}

#[test]
fn wrong_words_are_told() {
    let check = |arguments: &[&str], code, expected: &str| {
        let output = mtaio(&[&["metrics"], arguments].concat()).env_remove("MTAIO_TOKEN").output().unwrap();
        assert_eq!((output.status.code(), stdout(&output)), (Some(code), ""), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    check(&["cpu_usgae"], 1, "no metric has cpu_usgae in its name");
    check(&["cpu", "--format", "prometheus"], 1, "a scrape is of everything");
    check(&["--catalogue", "--format", "openmetrics"], 1, "--catalogue has no values");
    check(&["--token-file", "x"], 1, "--token-file is for a URL");
    check(&["--format", "xml"], 2, "[possible values: table, json, prometheus, openmetrics]");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    check(&[&nobody], 1, "the connection failed");
    let serving = Serving::start(&[], Some(TOKEN));
    check(&[&serving.page], 1, "set MTAIO_TOKEN, or give --token-file");
}

#[test]
fn a_while_is_told_of() {
    let output = run(&["report", "--seconds", "1", "-i", "0.1", "--threshold", "host_memory_total_bytes=1"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let text = stdout(&output);
    let cells = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(cells("METRIC"), ["METRIC", "LAST", "MEAN", "MIN", "P50", "P90", "P99", "MAX"]);
    // What stays as it is has one value everywhere.
    let memory = cells("host_memory_total_bytes");
    assert!(memory.len() == 8 && memory[2..].iter().all(|cell| *cell == memory[1]), "{memory:?}");
    assert_eq!(cells("ALERTS"), ["ALERTS", "1"]);
    assert!(
        text.contains("\n  firing    host_memory_total_bytes ")
            && text.contains(" is above its threshold of 1 By"),
        "{text}"
    );
    assert!(text.contains("  fires now: host_memory_total_bytes"), "{text}");
    assert_eq!(cells("PROCESS"), ["PROCESS", "PID", "MEAN CPU", "MOST MEMORY"]);
    assert!(!text.contains("NaN"), "{text}");
}

#[test]
fn a_while_as_json_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let output = run(&["report", "--seconds", "1", "-i", "0.1", "--json", "--output", path.to_str().unwrap()]);
    assert_eq!((output.status.code(), stdout(&output), stderr(&output)), (Some(0), "", ""));
    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let samples = report["samples"].as_u64().unwrap();
    assert!(samples >= 3, "{samples}");
    let memory = &report["metrics"]["host_memory_total_bytes"];
    assert_eq!(memory["count"], samples);
    for number in ["mean", "min", "p50", "p90", "p99", "max"] {
        assert_eq!(memory[number], memory["last"], "{number}");
    }
    let cpu = &report["metrics"]["host_cpu_usage_percent"];
    let number = |name: &str| cpu[name].as_f64().unwrap();
    assert!(number("min") <= number("p50") && number("p50") <= number("p99") && number("p99") <= number("max"));
    assert!(number("min") <= number("mean") && number("mean") <= number("max"));
    assert_eq!(report["alerts_total"], 0);
    assert!(!report["processes"].as_array().unwrap().is_empty());
}

#[test]
fn a_while_of_somewhere_else() {
    let serving = serving(None);
    let output = run(&["report", &serving.page, "--seconds", "1", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Of this second alone, and what is not told is not none.
    let samples = report["samples"].as_u64().unwrap();
    assert!((1..=40).contains(&samples), "{samples}");
    assert!(report["metrics"]["host_memory_total_bytes"]["mean"].is_number());
    assert!(report["processes"].is_null());
    let text = run(&["report", &serving.page, "--seconds", "1"]);
    assert!(stdout(&text).contains("PROCESSES  not told from there"), "{}", stdout(&text));
}

#[test]
fn a_while_that_is_cut_short_is_told_of_all_the_same() {
    let mut child = mtaio(&["report", "--seconds", "86400", "-i", "0.05"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(text.contains("\nhost_memory_total_bytes "), "{text}");
}

#[test]
fn shells_complete_every_command() {
    for (shell, words) in
        [("bash", "complete -F _mtaio"), ("zsh", "#compdef mtaio"), ("fish", "complete -c mtaio")]
    {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let text = stdout(&output);
        assert!(text.contains(words), "{text}");
        for command in [
            "top",
            "watch",
            "metrics",
            "check-config",
            "doctor",
            "report",
            "run",
            "serve",
            "completions",
            "token-file",
        ] {
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(run(&["completions", "cmd"]).status.code(), Some(2));
    // bash reads it.
    let script = format!("source <({} completions bash) && complete -p mtaio", env!("CARGO_BIN_EXE_mtaio"));
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(stdout(&output).contains("_mtaio"), "{}", stderr(&output));
}
