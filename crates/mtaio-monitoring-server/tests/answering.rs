//! What is told to who may ask.

use std::io::{Read, Write};

use mtaio_monitoring::alerts::{Rule, RuleOptions};
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::monitor::{Config, MonitorCore};
use mtaio_monitoring::profiler::Profile;
use mtaio_monitoring::{Profiler, ResourceMonitor};
use mtaio_monitoring_server::{Monitored, Options, Server};
use std::sync::Arc;

use super::{ask, connect, send, served, wait_until};

#[test]
fn the_scrape_comes_in_the_format_that_is_asked_for() {
    let (monitor, server) = served(&Options::default());
    let jobs = monitor.declare(Kind::Counter, "jobs", "{job}", "Jobs done.").unwrap();
    monitor.record_bound(&jobs, 3.0);
    let plain = ask(&server, "/metrics", "");
    assert_eq!(
        (plain.status, plain.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    assert!(plain.body.contains("# TYPE jobs_total counter\n# HELP jobs_total Jobs done.\njobs_total 3\n"));
    let open = ask(&server, "/metrics", "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n");
    let expected = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((open.header("content-type"), open.header("vary")), (Some(expected), Some("accept")));
    assert!(open.body.contains("# TYPE jobs counter\n") && open.body.ends_with("# EOF\n"));
    let lines =
        "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n";
    // Of the jobs alone, as its bytes are: the length of a family, and its name.
    let protobuf = ask(&server, "/metrics", lines);
    let expected = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    assert_eq!((protobuf.header("content-type"), protobuf.header("vary")), (Some(expected), Some("accept")));
    assert!(protobuf.body.contains("\n\u{a}jobs_total\u{12}\u{a}Jobs done.\u{18}\0"), "{:?}", protobuf.body);
    let head = send(&server, b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!((head.status, &*head.body), (200, ""));
}

#[test]
fn samples_are_handed_out_page_by_page() {
    let config = Config::default().with_interval_seconds(0.002).unwrap();
    let monitor = Arc::new(MonitorCore::new(config));
    let server = Server::start(Arc::clone(&monitor), &Options::default()).unwrap();
    let early = ask(&server, "/api/v1/stats", "");
    assert_eq!(early.status, 503);
    assert_eq!(early.json()["error"], "there is no sample yet: is the monitor started?");
    monitor.start().unwrap();
    wait_until("there are samples", || monitor.history(None, None).unwrap().len() >= 7);
    let stats = ask(&server, "/api/v1/stats", "").json();
    assert!(stats["cpu"]["usage_percent"].is_number() && stats["timestamp"].is_number());
    let rows = monitor.history(None, None).unwrap();
    // It goes on.
    let end = rows.last().unwrap().timestamp;
    let (mut seen, mut start) = (Vec::new(), String::new());
    loop {
        let page = ask(&server, &format!("/api/v1/history?limit=3&end={end}{start}"), "").json();
        let samples = page["samples"].as_array().unwrap();
        assert!(samples.len() <= 3);
        seen.extend(samples.iter().map(|sample| sample["timestamp"].as_f64().unwrap()));
        if page["next_start"].is_null() {
            break;
        }
        start = format!("&start={}", page["next_start"]);
    }
    assert_eq!(seen, rows.iter().map(|row| row.timestamp).collect::<Vec<_>>());
    let refused = ask(&server, "/api/v1/history?limit=5000", "");
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"], "limit must be a whole number from 1 to 1000, got 5000");
    assert_eq!(ask(&server, "/api/v1/history?start=NaN", "").status, 400);
}

#[test]
fn metrics_and_alerts_are_told_with_what_is_known_of_them() {
    let (monitor, server) = served(&Options::default());
    let hostile = "</script>\u{1b}[2J\"\n";
    let duration = monitor.declare(Kind::Histogram, "duration", "s", "Time.").unwrap();
    let duration = duration.with_labels(&Labels::new([("route", hostile)])).unwrap();
    (1..=100).for_each(|value| _ = monitor.record_bound(&duration, f64::from(value)));
    let metrics = ask(&server, "/api/v1/metrics", "").json();
    let recorded = &metrics["recorded"][0];
    assert_eq!((&recorded["labels"]["route"], &recorded["count"]), (&hostile.into(), &100.into()));
    assert!((recorded["p99"].as_f64().unwrap() - 99.0).abs() < 1.1);
    assert_eq!(metrics["built_in"][0]["name"], "cpu_usage");
    assert!(metrics["built_in"][0]["value"].is_null(), "what was not measured is null");
    monitor.set_rule(Rule::new("depth", 5.0, RuleOptions::default()).unwrap());
    monitor.record("depth", 9.0).unwrap();
    let alerts = ask(&server, "/api/v1/alerts", "").json();
    assert_eq!((&alerts["total"], &alerts["newest"][0]["state"]), (&1.into(), &"firing".into()));
    assert_eq!(
        (&alerts["thresholds"][0]["metric"], &alerts["thresholds"][0]["firing"]),
        (&"depth".into(), &true.into())
    );
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let (_monitor, server) = served(&Options::default());
    let mut socket = connect(&server);
    for _ in 0..3 {
        socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok\n") {
            let mut bytes = [0; 512];
            let count = socket.read(&mut bytes).unwrap();
            assert!(count > 0, "it was closed: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&bytes[..count]);
        }
    }
}

#[test]
fn a_monitor_of_tokio_is_served_without_its_runtime() {
    let monitor = ResourceMonitor::default();
    monitor.record("depth", 2.0).unwrap();
    let server = Server::start(monitor.clone(), &Options::default()).unwrap();
    assert!(ask(&server, "/metrics", "").body.contains("\ndepth 2\n"));
}

#[test]
fn a_monitor_that_is_stopped_is_served_no_more() {
    let monitor = Arc::new(MonitorCore::new(Config::default()));
    monitor.start().unwrap();
    let server = monitor.serve().start().unwrap();
    assert!(!server.is_closed());
    monitor.request_stop();
    assert!(monitor.wait_stopped(super::PATIENCE) && server.is_closed());
    std::net::TcpStream::connect(("127.0.0.1", server.port())).expect_err("nothing listens");
    // It can be served again, and one that is dropped keeps nobody waiting.
    let again = monitor.serve().port(server.port()).start().unwrap();
    assert_eq!(ask(&again, "/healthz", "").status, 200);
    drop(again);
    assert!(monitor.wait_stopped(std::time::Duration::ZERO));
}

#[test]
fn a_server_is_set_up_in_words() {
    let monitor = ResourceMonitor::builder().interval(10.0).build().unwrap();
    let server = monitor.serve().host("localhost").token("a-token-of-enough-letters").name("app").start().unwrap();
    let answer = send(&server, b"GET /healthz HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n");
    assert_eq!(answer.status, 200);
    assert_eq!(ask(&server, "/", "").status, 401);
    let refused = monitor.serve().host("example").token("short").start().expect_err("no address");
    assert_eq!(
        refused.to_string(),
        "host must be an IP address or 'localhost', got \"example\"",
        "the first fault is told"
    );
}

#[test]
fn a_profile_is_handed_out_in_every_format() {
    let (monitor, profiler) = (ResourceMonitor::default(), Profiler::new());
    drop(profiler.enter("</script>\n"));
    let server = monitor.serve().profiler(&profiler).start().unwrap();
    for (format, file, part) in [
        ("json", "profile.json", "</script>\\n"),
        ("chrome-trace", "profile.trace.json", "traceEvents"),
        ("speedscope", "profile.speedscope.json", "speedscope"),
        ("collapsed", "profile.folded", "script"),
        ("html", "profile.html", "<!DOCTYPE html>"),
    ] {
        let answer = ask(&server, &format!("/api/v1/profile?format={format}"), "");
        let disposition = format!("attachment; filename=\"{file}\"");
        assert_eq!((answer.status, answer.header("content-disposition")), (200, Some(&*disposition)), "{format}");
        assert!(answer.body.contains(part), "{format}: {}", answer.body);
    }
    let whole = ask(&server, "/api/v1/profile", "").body;
    assert_eq!(Profile::from_json(whole.as_bytes()).unwrap().metrics(None).call_count, 1);
    let refused = ask(&server, "/api/v1/profile?format=pdf", "");
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"].as_str().unwrap().starts_with("format must be one of json, chrome-trace"));
    let without = monitor.serve().profiler(&Profiler::disabled()).start().unwrap();
    assert_eq!(ask(&without, "/api/v1/profile", "").status, 404);
}

#[test]
fn nothing_answers_after_close_and_closing_twice_is_closing_once() {
    let (_monitor, server) = served(&Options::default());
    let mut waiting = connect(&server);
    assert_eq!(ask(&server, "/healthz", "").status, 200);
    assert_eq!(server.url(), format!("http://127.0.0.1:{}/", server.port()));
    server.close();
    server.close();
    assert_eq!(waiting.read(&mut [0]).expect("an end"), 0);
    std::net::TcpStream::connect(("127.0.0.1", server.port())).expect_err("nothing listens");
}
