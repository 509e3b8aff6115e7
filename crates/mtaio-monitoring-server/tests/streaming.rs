//! What a stream tells, and what it does to who does not listen.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use mtaio_monitoring::alerts::{Rule, RuleOptions};
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::monitor::{Config, MonitorCore};
use mtaio_monitoring_server::{Options, Server};
use serde_json::Value;

use super::{ask, connect, served, wait_until};

/// A client that listens.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn new(server: &Server) -> Self {
        let mut socket = connect(server);
        // Of HTTP 1.0, which sends bodies as they are.
        socket.write_all(b"GET /api/v1/stream HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut lines = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).expect("a head") > 0, "it ended: {head}");
        }
        assert!(head.starts_with("HTTP/1.0 200") && head.contains("content-type: text/event-stream"), "{head}");
        Self(lines)
    }

    /// The next event: its name and its data.
    fn next(&mut self) -> (String, Value) {
        let (mut name, mut data) = (String::new(), Value::Null);
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("an event") > 0, "it ended");
            match line.trim_end_matches('\n').split_once(": ") {
                Some(("event", given)) => given.clone_into(&mut name),
                Some(("data", given)) => data = serde_json::from_str(given).expect("JSON"),
                _ if line == "\n" && !name.is_empty() => return (name, data),
                _ => assert!(line == "\n" || line.starts_with(':'), "{line:?}"),
            }
        }
    }

    fn snapshot(server: &Server) -> (Self, Value) {
        let mut listener = Self::new(server);
        let (name, data) = listener.next();
        assert_eq!(name, "snapshot");
        (listener, data)
    }
}

/// What a client is told first.
pub(super) fn first(server: &Server) -> Value {
    Listener::snapshot(server).1
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = serde_json::json!({});
    }
    let target = target.as_object_mut().expect("made one");
    for (name, new) in patch {
        if new.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), new);
        }
    }
}

/// A monitor of which is told as often as may be.
fn quick() -> (Arc<MonitorCore>, Server) {
    let monitor = Arc::new(MonitorCore::new(Config::default().with_interval_seconds(0.05).unwrap()));
    let server = Server::start(Arc::clone(&monitor), &Options::default()).unwrap();
    (monitor, server)
}

fn rule(metric: &str, threshold: f64) -> Rule {
    Rule::new(metric, threshold, RuleOptions::default()).unwrap()
}

#[test]
fn the_patches_make_of_the_first_snapshot_what_a_newcomer_is_told() {
    let (monitor, server) = quick();
    let hostile = Labels::new([("route", "</script>\u{1b}\r\ndata: x\n\n")]);
    monitor.record_with("duration", 0.5, &hostile).unwrap();
    monitor.set_rule(rule("depth", 5.0));
    monitor.set_rule(rule("gone", 5.0));
    let (mut listener, mut known) = Listener::snapshot(&server);
    assert_eq!(known["recorded"].as_object().unwrap().len(), 1);
    assert_eq!(known["thresholds"]["depth"]["firing"], false);
    monitor.start().unwrap();
    monitor.record_with("duration", 1.5, &hostile).unwrap();
    monitor.record("depth", 9.0).unwrap();
    monitor.remove_rule("gone");
    let mut alerts = Vec::new();
    // Samples, so that there are values of every sort, and then the last word of a monitor that tells no more.
    wait_until("what was recorded was told", || {
        match listener.next() {
            (name, data) if name == "patch" => merge(&mut known, &data),
            (name, data) => alerts.push((name, data)),
        }
        known["recorded"]["depth"]["count"] == 1
            && known["values"]["cpu_usage"].is_number()
            && known["timestamp"].is_number()
    });
    assert_eq!(alerts.len(), 1);
    assert_eq!(
        (&*alerts[0].0, &alerts[0].1["metric"], &alerts[0].1["state"]),
        ("alert", &"depth".into(), &"firing".into())
    );
    let told = known["recorded"].as_object().unwrap();
    let duration = told.iter().find(|(title, _)| title.starts_with("duration{")).unwrap().1;
    assert_eq!((&duration["count"], &duration["last"]), (&2.into(), &1.5.into()));
    assert_eq!(
        (&known["thresholds"]["depth"]["firing"], &known["thresholds"]["gone"]),
        (&true.into(), &Value::Null)
    );
    // Whoever comes now is told all at once what the other one has put together.
    wait_until("both know the same", || {
        let (_newcomer, fresh) = Listener::snapshot(&server);
        while known["timestamp"].as_f64() < fresh["timestamp"].as_f64() {
            if let (name, patch) = listener.next()
                && name == "patch"
            {
                merge(&mut known, &patch);
            }
        }
        known == fresh
    });
    server.close();
    let mut rest = Vec::new();
    listener.0.read_to_end(&mut rest).expect("closing ends it");
}

#[test]
fn a_client_that_does_not_listen_is_let_go_and_counted_and_others_are_not() {
    let (monitor, server) = quick();
    let name = "n".repeat(4_000);
    let mut value = 0.0;
    let mut all_change = || {
        value += 1.0;
        for number in 0..1_000 {
            monitor.record(&format!("{name}{number}"), value).unwrap();
        }
    };
    all_change();
    let mut deaf = connect(&server);
    deaf.write_all(b"GET /api/v1/stream HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let (mut listener, _) = Listener::snapshot(&server);
    wait_until("it is let go", || {
        all_change();
        assert_eq!(listener.next().0, "patch");
        server.dropped_streams() == 1
    });
    // What the socket holds is there to be read, and then it ends; in the midst of an event, most likely.
    let _ended = deaf.read_to_end(&mut Vec::new());
    all_change();
    assert_eq!(listener.next().0, "patch");
    assert_eq!(server.dropped_streams(), 1);
    assert_eq!(ask(&server, "/healthz", "").status, 200);
}

#[test]
fn there_are_so_many_streams_and_the_place_of_who_leaves_is_free() {
    let (_monitor, server) = served(&Options::default());
    let mut listeners: Vec<_> = (0..32).map(|_| Listener::snapshot(&server).0).collect();
    let refused = ask(&server, "/api/v1/stream", "");
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (503, &"there are as many streams as there may be: 32".into())
    );
    listeners.truncate(30);
    wait_until("there are two places", || {
        let mut socket = connect(&server);
        socket.write_all(b"GET /api/v1/stream HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = [0; 12];
        socket.read_exact(&mut head).unwrap();
        &head == b"HTTP/1.0 200"
    });
    assert_eq!(server.dropped_streams(), 0, "who leaves was not slow");
}
