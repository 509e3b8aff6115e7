//! A server of our own, and servers that nobody should meet.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mtaio_monitoring::alerts::{Rule, RuleOptions};
use mtaio_monitoring::clock::{Clock, NANOS_PER_SECOND};
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::monitor::{Config, MonitorCore};
use mtaio_monitoring_server::{Options, Server};

use super::{Client, Far, Past, Trouble};
use crate::top::{Observation, Source};

/// How long a test waits for another thread before it gives up: long, because the machine may be busy.
const PATIENCE_NS: u64 = 30 * NANOS_PER_SECOND;

const TOKEN: &str = "a-token-of-enough-letters";

fn begin() -> (Clock, u64) {
    let clock = Clock::system();
    let now_ns = clock.monotonic_ns();
    (clock, now_ns)
}

/// Looks again and again, until what was seen last is right; all samples that came meanwhile are in it.
fn seen(far: &mut Far, is_right: impl Fn(&Observation) -> bool) -> Observation {
    let (clock, begin_ns) = begin();
    let mut history = Vec::new();
    loop {
        let mut observation = far.observe(None);
        history.append(&mut observation.view.history);
        observation.view.history.clone_from(&history);
        if is_right(&observation) {
            return observation;
        }
        assert!(clock.monotonic_ns() - begin_ns < PATIENCE_NS, "waited in vain: {observation:#?}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn monitor() -> Arc<MonitorCore> {
    let monitor = Arc::new(MonitorCore::new(Config::default().with_interval_seconds(0.02).unwrap()));
    monitor.set_rule(
        Rule::new("queue_depth", 3.0, RuleOptions { clear: Some(1.0), ..RuleOptions::default() }).unwrap(),
    );
    monitor
}

fn trouble(observation: &Observation) -> Option<&str> {
    observation.remote.as_ref().unwrap().trouble.as_deref()
}

#[test]
fn what_is_told_is_seen() {
    let monitor = monitor();
    for value in [1.0, 2.0, 8.0] {
        monitor.record("queue_depth", value).unwrap();
    }
    let labels = Labels::new([("route", "/x")]);
    monitor.record_with("request_duration_seconds", 0.25, &labels).unwrap();
    monitor.start().unwrap();
    let server = Server::start(Arc::clone(&monitor), &Options::default().with_token(TOKEN).unwrap()).unwrap();
    let mut far = Far::connect(&server.url(), Some(TOKEN), Past::Some).unwrap();
    let at_first = seen(&mut far, |seen| {
        seen.view.snapshot.recorded.len() == 2
            && seen.view.snapshot.alerts.total == 1
            && seen.view.history.len() > 2
    });
    assert!(trouble(&at_first).is_none());
    let snapshot = &at_first.view.snapshot;
    assert!(snapshot.thresholds[0].firing && snapshot.thresholds[0].rule.clear == 1.0);
    assert!(snapshot.alerts.newest[0].message.contains("queue_depth"));
    let series = snapshot.recorded.iter().find(|series| &*series.name == "request_duration_seconds").unwrap();
    assert_eq!((series.labels.clone(), series.count, series.last), (labels, 1, Some(0.25)));
    // Of processors and processes nothing is told one by one.
    assert!(at_first.lists.is_none_or(|lists| lists == crate::top::Lists::default()));

    // What was sampled is what was sampled there, all of it and to the last bit, but for numbers that count anew.
    let last = at_first.view.history.last().unwrap().timestamp;
    let more = seen(&mut far, |seen| seen.view.history.len() > 5);
    assert!(more.view.history[0].timestamp > last);
    let both: Vec<_> = at_first.view.history.iter().chain(&more.view.history).collect();
    let (first, end) = (both[0].timestamp, both[both.len() - 1].timestamp);
    let there = monitor.history(Some(first), Some(end)).unwrap();
    assert_eq!(there.len(), both.len());
    for (at, (here, mut there)) in both.into_iter().zip(there).enumerate() {
        there.sequence = at as u64 + 1;
        assert_eq!(*here, there);
    }

    monitor.record("queue_depth", 0.0).unwrap();
    seen(&mut far, |seen| !seen.view.snapshot.thresholds[0].firing && seen.view.snapshot.alerts.total == 2);
}

#[test]
fn who_goes_away_is_waited_for() {
    let monitor = monitor();
    monitor.start().unwrap();
    let server = Server::start(Arc::clone(&monitor), &Options::default()).unwrap();
    let (url, port) = (server.url(), server.port());
    let mut far = Far::connect(&url, None, Past::Some).unwrap();
    let before = seen(&mut far, |seen| seen.view.history.len() > 2);
    server.close();
    let away = seen(&mut far, |seen| trouble(seen).is_some());
    assert!(trouble(&away).unwrap().starts_with(&url), "{away:?}");
    // What was seen last stays, and nothing is made up.
    assert_eq!(away.view.snapshot.stats.unwrap().memory.total, before.view.snapshot.stats.unwrap().memory.total);
    let server = Server::start(Arc::clone(&monitor), &Options::default().with_port(port)).unwrap();
    let again = seen(&mut far, |seen| trouble(seen).is_none() && seen.view.history.len() > 2);
    // Those of while it was away are asked for: it was sampled all the time.
    let times: Vec<_> = again.view.history.iter().map(|stats| stats.timestamp).collect();
    assert_eq!(monitor.history(times.first().copied(), times.last().copied()).unwrap().len(), times.len());
    server.close();

    // One that was started anew, with another monitor, which counts from 0.
    let other = Arc::new(MonitorCore::new(Config::default().with_interval_seconds(0.02).unwrap()));
    other.start().unwrap();
    let _server = Server::start(Arc::clone(&other), &Options::default().with_port(port)).unwrap();
    let anew = seen(&mut far, |seen| trouble(seen).is_none() && seen.view.snapshot.thresholds.is_empty());
    assert!(anew.view.history.is_sorted_by(|earlier, later| earlier.sequence < later.sequence));
}

#[test]
fn what_is_wrong_is_said() {
    let monitor = monitor();
    let server = Server::start(Arc::clone(&monitor), &Options::default().with_token(TOKEN).unwrap()).unwrap();
    let url = server.url();
    let said = |address: &str, token| Far::connect(address, token, Past::Some).unwrap_err().to_string();
    assert_eq!(said(&url, None), format!("{url}: it asks for a token: set MTAIO_TOKEN, or give --token-file"));
    assert_eq!(said(&url, Some("another-token-of-enough-letters")), format!("{url}: it does not take this token"));
    assert!(said(&url, Some("two\nlines")).ends_with("the token must be of visible ASCII characters"));
    assert!(said(&format!("{url}x/"), Some(TOKEN)).ends_with("is no server of mtaio"));
    for wrong in ["", "ftp://x/", "http://", "http://a@b/", "http://b/?x", "http://b/#x", "a b", "http://[::1/"] {
        assert!(said(wrong, None).starts_with("an address such as http://127.0.0.1:8000/ is needed"), "{wrong}");
    }
    server.close();
    assert!(said(&url, None).starts_with(&format!("{url}: the connection failed")), "{}", said(&url, None));
    // Without a scheme, as people type it.
    assert_eq!(Client::new("127.0.0.1:80", None).unwrap().address(), "http://127.0.0.1:80/");
}

/// Answers every request with these bytes, again and again those behind them, and then closes; until the test is over.
fn hostile(answers: &'static [(&'static str, &'static [u8], &'static [u8])]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer = move |mut socket: TcpStream| {
        let mut head = [0; 4096];
        let count = socket.read(&mut head).unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..count]).into_owned();
        let found = answers.iter().find(|(path, ..)| head.starts_with(&format!("GET {path}")));
        let Some((_, once, for_ever)) = found else {
            let _ = socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            return;
        };
        if socket.write_all(once).is_ok() && !for_ever.is_empty() {
            // In pieces of some size.
            let piece = for_ever.repeat(16_384);
            while socket.write_all(&piece).is_ok() {}
        }
    };
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            thread::spawn(move || answer(socket));
        }
    });
    url
}

const ALERTS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"total\":1,\"newest\":[{\"message\":\"\\u001b[2J\",\"state\":\"firing\",\"timestamp\":1}],\"thresholds\":[]}";
const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"total\":1,\"newest\":[],\"thresholds\":[{\"metric\":\"x\",\"threshold\":1e999},{\"threshold\":0},{\"metric\":\"{{{\",\"threshold\":1}]}";

#[test]
fn who_is_something_else_is_told_so() {
    let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
    let cases: [(&'static str, &'static [u8], &str); 8] = [
        (json, b"", "is not as JSON should be"),
        (json, b"[", "has more than 32 MiB"),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", b"", "it sends text/html"),
        ("HTTP/1.1 200 OK\r\n\r\n", b"", "it sends "),
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", b"", "it sends somewhere else"),
        ("HTTP/1.1 500 Oh\r\n\r\n", b"", "it answered 500"),
        ("SSH-2.0-OpenSSH_9.2\r\n", b"", "127.0.0.1"),
        ("HTTP/1.1 200 OK\r\n", b"x-header: of a head that never ends\r\n", "127.0.0.1"),
    ];
    for (once, for_ever, expected) in cases {
        let answers = Box::leak(Box::new([("/api/v1/alerts", once.as_bytes(), for_ever)]));
        let url = hostile(answers);
        let said = Far::connect(&url, None, Past::Some).unwrap_err().to_string();
        assert!(said.starts_with(&url) && said.contains(expected), "{expected}: {said}");
    }
    // JSON, and no alerts.
    let url =
        hostile(&[("/api/v1/alerts", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":1}", b"")]);
    assert!(matches!(Far::connect(&url, None, Past::Some), Err(Trouble::Foreign { .. })));
    // Nothing is read that is not ours: what is odd in what is ours is passed over, or refused whole.
    let url = hostile(&[("/api/v1/alerts", GOOD, b"")]);
    assert!(matches!(Far::connect(&url, None, Past::Some), Err(Trouble::Foreign { .. })), "a number that is none");
}

#[test]
fn a_stream_of_nonsense_is_a_trouble_and_no_more() {
    let cases: [(&'static [u8], &'static [u8], &str); 4] = [
        (b"data: ", b"x", "more than 4 MiB"),
        (b"event: snapshot\ndata: {\"timestamp\":\n\n", b"", "not as JSON should be"),
        (b"event: snapshot\ndata: {\"recorded\":{\"a\":7}}\n\n", b"", "not as JSON should be"),
        (b"event: patch\ndata: {\"rec", b"", "was closed"),
    ];
    for (once, for_ever, expected) in cases {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n".to_vec();
        let stream: &'static [u8] = Box::leak([head, once.to_vec()].concat().into_boxed_slice());
        let answers =
            Box::leak(Box::new([("/api/v1/alerts", ALERTS, &b""[..]), ("/api/v1/stream", stream, for_ever)]));
        let mut far = match Far::connect(&hostile(answers), None, Past::Some) {
            Ok(far) => far,
            Err(trouble) => panic!("{trouble}"),
        };
        let seen = seen(&mut far, |seen| trouble(seen).is_some_and(|trouble| trouble.contains(expected)));
        assert!(seen.view.snapshot.recorded.is_empty() && seen.view.history.is_empty());
    }
}

#[test]
fn what_is_kept_of_a_stream_is_bounded() {
    // Forty events of a thousand series each, and samples of no time and any time.
    let event = |turn: usize| {
        let series: Vec<_> = (0..1_000).map(|at| format!("\"series_{turn}_{at}\":{{\"last\":1}}")).collect();
        format!("event: patch\ndata: {{\"timestamp\":{turn},\"recorded\":{{{}}}}}\n\n", series.join(","))
    };
    let long = format!("event: patch\ndata: {{\"recorded\":{{\"{}\":{{}}}}}}\n\n", "x".repeat(5_000));
    let events: String = (0..40).map(event).collect::<String>()
        + &long
        + "event: patch\ndata: {\"recorded\":{\"series_0_0\":{\"last\":2}}}\n\n";
    let stream = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{events}");
    let samples: Vec<_> = (0..1_000).map(|at| format!("{{\"timestamp\":{}}}", 1_000_000 + at)).collect();
    let history = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{{\"samples\":[{}],\"next_start\":1e300}}",
        samples.join(",")
    );
    let alerts: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"total\":0,\"newest\":[],\"thresholds\":[]}";
    let answers = Box::leak(Box::new([
        ("/api/v1/alerts", alerts, &b""[..]),
        ("/api/v1/stream", Box::leak(stream.into_boxed_str()).as_bytes(), &b""[..]),
        ("/api/v1/history", Box::leak(history.into_boxed_str()).as_bytes(), &b""[..]),
    ]));
    let mut far = Far::connect(&hostile(answers), None, Past::Some).unwrap();
    // Nobody looks while it comes.
    let (clock, begin_ns) = begin();
    while far.trouble().is_none() {
        assert!(clock.monotonic_ns() - begin_ns < PATIENCE_NS);
        thread::sleep(Duration::from_millis(2));
    }
    let seen = seen(&mut far, |_| true);
    assert_eq!(seen.view.snapshot.recorded.len(), 10_000);
    assert!(seen.view.snapshot.recorded.iter().all(|series| series.name.len() < 100));
    assert_eq!(seen.view.history.len(), 2_000);
}
