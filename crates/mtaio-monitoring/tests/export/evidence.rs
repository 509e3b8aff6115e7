//! What somebody reads who is woken by an alert.

use mtaio_monitoring::SystemStats;
use mtaio_monitoring::alerts::{Evidence, ProcessEvidence, TraceEvidence};
use mtaio_monitoring::profiler::Status;

const GIB: u64 = 1 << 30;

fn trace(name: &str, duration_seconds: f64, status: Status, task_name: Option<&str>) -> TraceEvidence {
    TraceEvidence {
        name: name.into(),
        duration_seconds,
        status,
        start_time: 1_000.0 - duration_seconds - if status == Status::Open { 0.0 } else { 3.0 },
        trace_id: 1,
        parent_id: None,
        task_name: task_name.map(str::to_owned),
    }
}

fn process(pid: u32, name: &str, rss_bytes: u64, cores: f64) -> ProcessEvidence {
    ProcessEvidence {
        pid,
        name: name.to_owned(),
        rss_bytes: Some(rss_bytes),
        cpu_cores_used: Some(cores),
        ..ProcessEvidence::default()
    }
}

fn check(evidence: &Evidence, expected: &str) {
    assert_eq!(evidence.to_string(), expected.trim_matches('\n'), "\n{evidence}");
}

#[test]
fn a_night() {
    let mut sample = SystemStats { timestamp: 999.5, ..SystemStats::default() };
    sample.cpu.usage_percent = Some(93.54);
    sample.cpu.load_average = Some([3.414, 2.0, 1.0]);
    sample.cpu.process_cores_used = Some(0.97);
    sample.memory.percent = Some(61.25);
    (sample.memory.used, sample.memory.total) = (Some(GIB * 49 / 10), Some(8 * GIB));
    sample.process.rss_bytes = Some(GIB / 2);
    let own =
        ProcessEvidence { is_own: true, cpu_is_lifetime_mean: true, ..process(4_711, "python", GIB / 2, 0.4) };
    let evidence = Evidence {
        timestamp: 1_000.0,
        sample: Some(sample),
        slowest_open: vec![
            trace("checkout", 12.5, Status::Open, Some("request-17")),
            trace("query", 0.4, Status::Open, None),
        ],
        slowest_recent: vec![trace("GET /cart", 2.0, Status::Error, None)],
        biggest_processes: vec![process(9, "postgres", 2 * GIB, 1.5), own],
        processes_age_seconds: Some(4.0),
    };
    check(
        &evidence,
        "
sample   cpu 93.5 %, memory 61.2 % (4.90 GiB of 8.00 GiB), load 3.41, this process 512 MiB and 0.97 cores
open     12.5 s  checkout  in request-17
         400 ms  query
recent   2.00 s  GET /cart  error, 3.00 s before
process  2.00 GiB              1.50 cores  postgres (pid 9)             looked at 4.00 s before
          512 MiB  0.40 cores in its life  python (pid 4711, this one)
",
    );
}

#[test]
fn what_was_not_measured_is_not_there() {
    check(&Evidence::default(), "nothing was measured");
    let sample = SystemStats { timestamp: 900.0, ..SystemStats::default() };
    let unknown = ProcessEvidence { pid: 7, name: "x".to_owned(), ..ProcessEvidence::default() };
    let evidence = Evidence {
        timestamp: 1_000.0,
        sample: Some(sample),
        biggest_processes: vec![unknown],
        ..Evidence::default()
    };
    check(
        &evidence,
        "
sample   cpu –, memory – (– of –)  1.67 min before
process  –  – cores  x (pid 7)
",
    );
}

#[test]
fn names_that_others_chose_neither_forge_lines_nor_fill_them() {
    let hostile = "\u{1b}[2J\nopen     99 s  everything is fine";
    let evidence = Evidence {
        timestamp: 1_000.0,
        slowest_open: vec![
            trace(&"n".repeat(256), 2.0, Status::Open, Some(hostile)),
            trace(hostile, 1.0, Status::Open, None),
        ],
        biggest_processes: vec![process(7, hostile, GIB, 0.0)],
        ..Evidence::default()
    };
    let text = evidence.to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() < 130), "{text}");
}
