//! Where alerts go besides handlers, with a time that the test moves and another side that does what the test says.
//!
//! Long because of the other side, and because each way in which it can behave is a test of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use mtaio_monitoring::alerts::{Alert, Rule, RuleOptions};
use mtaio_monitoring::clock::{Clock, ManualClock};
use mtaio_monitoring::monitor::{
    Alertmanager, Answer, Config, Destination, DestinationHealth, Event, MonitorCore, Transport, Webhook,
};
use serde_json::{Value, json};

use super::wait_until;

/// Midnight of the clock's first day, when a test begins.
const BEGIN: f64 = 1_767_225_600.0;

/// The other side.
#[derive(Clone, Default)]
struct Peer(Arc<(Mutex<Behaviour>, Condvar)>);

#[derive(Default)]
struct Behaviour {
    /// What it answers next; afterwards it takes everything.
    answers: VecDeque<Answer>,
    /// What it was given, with the timeout of the call.
    bodies: Vec<(Value, Duration)>,
    hangs: bool,
    panics: bool,
}

impl Transport for Peer {
    fn post(&mut self, body: &[u8], timeout: Duration) -> Answer {
        let (behaviour, changed) = &*self.0;
        let mut behaviour = behaviour.lock().unwrap();
        let panics = std::mem::take(&mut behaviour.panics);
        behaviour.bodies.push((serde_json::from_slice(body).expect("JSON"), timeout));
        drop(changed.wait_while(behaviour, |behaviour| behaviour.hangs).unwrap());
        assert!(!panics, "as the test asked for");
        self.0.0.lock().unwrap().answers.pop_front().unwrap_or(Answer::Taken)
    }
}

impl Peer {
    fn change<T>(&self, change: impl FnOnce(&mut Behaviour) -> T) -> T {
        let changed = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        changed
    }

    fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.change(|behaviour| behaviour.answers.extend(answers));
    }

    fn calls(&self) -> usize {
        self.change(|behaviour| behaviour.bodies.len())
    }

    /// The body of a call, as soon as it comes.
    fn body(&self, call: usize) -> Value {
        wait_until("the other side is called", || self.calls() > call);
        self.change(|behaviour| behaviour.bodies[call].0.clone())
    }

    fn webhook(&self) -> Webhook {
        let peer = self.clone();
        Webhook::over("peer", move || Box::new(peer.clone()))
    }

    fn alertmanager(&self) -> Alertmanager {
        let peer = self.clone();
        Alertmanager::over("peer", move || Box::new(peer.clone()))
    }
}

fn failed(retry_after: Option<u64>) -> Answer {
    Answer::Failed { why: "it answered 503".to_owned(), retry_after: retry_after.map(Duration::from_secs) }
}

fn refused() -> Answer {
    Answer::Refused { why: "it answered 400".to_owned() }
}

/// A monitor that does not sample, with a threshold on `queue` and one destination.
struct Service {
    monitor: MonitorCore,
    hand: Arc<ManualClock>,
    peer: Peer,
}

impl Service {
    fn new(destination: impl FnOnce(&Peer) -> Destination) -> Self {
        let (clock, hand) = Clock::manual();
        let monitor = MonitorCore::new(Config::default().with_clock(clock));
        let options = RuleOptions { critical: Some(100.0), ..RuleOptions::default() };
        let rule = Rule::new("queue", 10.0, options).unwrap().with_annotations([("runbook", "http://wiki/queue")]);
        monitor.set_rule(rule);
        let peer = Peer::default();
        monitor.add_destination(destination(&peer));
        Self { monitor, hand, peer }
    }

    fn record(&self, value: f64) {
        self.monitor.record("queue", value).unwrap();
    }

    fn health(&self) -> DestinationHealth {
        self.monitor.health().destinations.pop().expect("one")
    }

    fn counts(&self) -> (u64, u64, u64, u64) {
        let DestinationHealth { sent, failed, dropped, waiting, .. } = self.health();
        (sent, failed, dropped, waiting)
    }

    /// Waits for sent, failed, dropped and waiting.
    fn wait_for(&self, counts: (u64, u64, u64, u64)) {
        let begin = Instant::now();
        while self.counts() != counts {
            assert!(begin.elapsed() < super::PATIENCE, "{counts:?} in vain: {:?}", self.health());
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Moves the time in small steps until the other side was called so often, and gives the seconds that took.
    fn seconds_until_call(&self, calls: usize) -> f64 {
        let mut steps = 0;
        while self.peer.calls() < calls {
            assert!(steps < 100_000, "no call came");
            self.hand.advance(0.1);
            steps += 1;
            std::thread::sleep(Duration::from_millis(2));
        }
        f64::from(steps) / 10.0
    }
}

#[test]
fn a_webhook_gets_each_alert_as_one_object() {
    let service = Service::new(|peer| peer.webhook().into());
    service.record(11.0);
    service.hand.advance(1.0);
    service.record(10.0);
    service.monitor.raise(Alert::of_message("the disk is on fire".to_owned(), 0.0));
    let expected = json!({
        "version": 1, "metric": "queue", "value": 11.0, "threshold": 10.0,
        "message": "queue 11 is above its threshold of 10", "state": "firing", "level": "warning",
        "timestamp": BEGIN, "since": BEGIN, "peak": 11.0, "labels": {}, "window_seconds": null,
        "annotations": {"runbook": "http://wiki/queue"},
        "evidence": {
            "timestamp": BEGIN, "sample": null, "slowest_open": [], "slowest_recent": [], "biggest_processes": [],
            "processes_age_seconds": null,
        },
    });
    assert_eq!(service.peer.body(0), expected);
    let cleared = service.peer.body(1);
    assert_eq!((&cleared["state"], &cleared["timestamp"]), (&json!("resolved"), &json!(BEGIN + 1.0)));
    assert_eq!(cleared["evidence"], Value::Null);
    let message = service.peer.body(2);
    assert_eq!((&message["message"], &message["metric"]), (&json!("the disk is on fire"), &Value::Null));
    service.wait_for((3, 0, 0, 0));
    let health = service.health();
    assert_eq!((health.kind, &*health.address, health.last_error), ("webhook", "peer", None));
}

#[test]
fn what_failed_is_tried_again_for_a_while_with_longer_and_longer_waits() {
    let service = Service::new(|peer| peer.webhook().with_retry(Duration::from_secs(20)).into());
    service.peer.answer((0..100).map(|_| failed(None)));
    service.record(11.0);
    for (call, longest) in [(2, 0.5), (3, 1.0), (4, 2.0), (5, 4.0), (6, 8.0)] {
        wait_until("the call before has failed", || service.health().failed == call as u64 - 1);
        let seconds = service.seconds_until_call(call);
        assert!((longest / 2.0 - 0.1..=longest + 0.2).contains(&seconds), "{seconds} s before call {call}");
    }
    // The next attempt would be too late.
    let mut calls = 6;
    while service.counts().2 == 0 {
        service.hand.advance(0.1);
        std::thread::sleep(Duration::from_millis(2));
        calls = service.peer.calls() as u64;
    }
    assert!(calls <= 8);
    assert_eq!(service.counts(), (0, calls, 1, 0));
    assert_eq!(service.health().last_error.as_deref(), Some("it answered 503"));
}

#[test]
fn the_other_side_is_left_alone_for_as_long_as_it_asks_for() {
    let service = Service::new(|peer| peer.webhook().into());
    service.peer.answer([failed(Some(40))]);
    service.record(11.0);
    service.record(9.0);
    wait_until("the first call has failed", || service.health().failed == 1);
    let seconds = service.seconds_until_call(2);
    assert!((39.9..=40.5).contains(&seconds), "{seconds}");
    service.wait_for((2, 1, 0, 0));
}

#[test]
fn what_is_refused_is_not_tried_again_and_does_not_hold_up_the_next() {
    let service = Service::new(|peer| peer.webhook().into());
    service.peer.answer([refused()]);
    service.record(11.0);
    service.record(9.0);
    service.wait_for((1, 1, 1, 0));
    assert_eq!(service.peer.body(1)["state"], "resolved");
}

#[test]
fn one_that_hangs_delays_nobody_and_hears_of_the_newest_state() {
    let service = Service::new(|peer| peer.webhook().into());
    let other = Peer::default();
    service.peer.change(|behaviour| behaviour.hangs = true);
    service.record(11.0);
    service.peer.body(0);
    service.monitor.add_destination(other.webhook());
    let begin = Instant::now();
    let mut longest = Duration::ZERO;
    for value in 12..512 {
        let record = Instant::now();
        service.record(9.0);
        service.record(f64::from(value));
        longest = longest.max(record.elapsed());
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    let health = service.monitor.health().destinations.remove(0);
    assert_eq!((health.sent, health.dropped, health.waiting), (0, 998, 3), "the one on its way, and a pair");
    wait_until("the other destination has all of its own", || {
        let other = &service.monitor.health().destinations[1];
        other.sent + other.dropped == 1_000
    });
    service.peer.change(|behaviour| behaviour.hangs = false);
    let pair =
        [service.peer.body(1), service.peer.body(2)].map(|body| (body["state"].clone(), body["value"].clone()));
    assert_eq!(pair, [(json!("resolved"), json!(9.0)), (json!("firing"), json!(511.0))]);
    wait_until("all is sent", || service.monitor.health().destinations[0].sent == 3);
}

#[test]
fn a_close_tries_what_waits_once_more_and_an_abandoned_call_is_counted_when_it_ends() {
    let service = Service::new(|peer| peer.webhook().into());
    // It failed, and waits; the close does not wait with it.
    service.peer.answer([failed(Some(40))]);
    service.record(11.0);
    wait_until("the call has failed", || service.health().failed == 1);
    service.record(9.0);
    service.monitor.close_destinations(Duration::from_secs(3));
    wait_until("its thread has ended", || service.monitor.destinations_have_ended());
    assert_eq!(service.counts(), (2, 1, 0, 0));
    let timeouts =
        service.peer.change(|behaviour| behaviour.bodies.iter().map(|(_, timeout)| *timeout).collect::<Vec<_>>());
    assert_eq!(timeouts, [Duration::from_secs(10), Duration::from_secs(3), Duration::from_secs(3)]);
    // It fails again: there is no time for a third attempt, nor for the others.
    service.peer.answer([failed(None), failed(None)]);
    service.record(11.0);
    wait_until("the call has failed", || service.health().failed == 2);
    service.record(9.0);
    service.monitor.close_destinations(Duration::from_secs(3));
    wait_until("its thread has ended", || service.monitor.destinations_have_ended());
    assert_eq!(service.counts(), (2, 3, 2, 0));
    // It hangs.
    service.peer.change(|behaviour| behaviour.hangs = true);
    let calls = service.peer.calls();
    service.record(11.0);
    service.peer.body(calls);
    service.record(9.0);
    service.monitor.close_destinations(Duration::from_secs(3));
    service.monitor.abandon_destinations();
    assert_eq!(service.counts(), (2, 3, 3, 1), "nobody knows yet what becomes of the call");
    assert!(!service.monitor.destinations_have_ended());
    // Somebody goes on meanwhile: the next thread waits for this one.
    service.record(12.0);
    service.peer.change(|behaviour| behaviour.hangs = false);
    service.wait_for((4, 3, 3, 0));
    assert_eq!(service.peer.body(calls + 1)["value"], 12.0);
}

#[test]
fn a_bug_in_the_transport_costs_one_alert() {
    let service = Service::new(|peer| peer.webhook().into());
    service.peer.change(|behaviour| behaviour.panics = true);
    service.record(11.0);
    service.record(9.0);
    service.wait_for((1, 1, 1, 0));
    assert_eq!(service.health().last_error.as_deref(), Some("a bug in the transport was caught"));
}

#[test]
fn a_destination_that_is_taken_away_hears_what_waits_and_no_more() {
    let service = Service::new(|peer| peer.webhook().into());
    let number = service.health().number;
    service.record(11.0);
    assert!(service.monitor.remove_destination(number));
    assert!(!service.monitor.remove_destination(number));
    assert_eq!(service.monitor.health().destinations, []);
    service.record(9.0);
    assert_eq!(service.peer.body(0)["value"], 11.0);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(service.peer.calls(), 1);
}

#[test]
fn the_child_of_a_fork_has_the_destinations_and_counts_of_its_own() {
    let service = Service::new(|peer| peer.webhook().into());
    service.record(11.0);
    service.wait_for((1, 0, 0, 0));
    let number = service.health().number;
    service.monitor.after_fork_in_child();
    assert_eq!(service.counts(), (0, 0, 0, 0));
    service.record(12.0);
    service.wait_for((1, 0, 0, 0));
    assert_eq!(service.health().number, number);
    assert!(service.monitor.add_destination(service.peer.webhook()) > number);
}

#[test]
fn alertmanager_hears_of_what_fires_again_and_again_and_of_its_end() {
    let service = Service::new(|peer| {
        let manager = peer.alertmanager().with_labels([("service", "shop"), ("queue", "mine")]).unwrap();
        manager.with_generator_url("http://shop/alerts").unwrap().into()
    });
    service.record(11.0);
    let first = json!([{
        "labels": {"alertname": "queue", "severity": "warning", "service": "shop", "queue": "mine"},
        "annotations": {
            "message": "queue 11 is above its threshold of 10", "value": "11", "threshold": "10",
            "runbook": "http://wiki/queue",
        },
        "startsAt": "2026-01-01T00:00:00.000Z", "endsAt": "2026-01-01T00:04:00.000Z",
        "generatorURL": "http://shop/alerts",
    }]);
    assert_eq!(service.peer.body(0), first);
    service.wait_for((1, 0, 0, 0));
    for minute in 1..=3 {
        service.hand.advance(60.0);
        let again = service.peer.body(minute);
        assert_eq!(again[0]["startsAt"], "2026-01-01T00:00:00.000Z");
        assert_eq!(again[0]["endsAt"], format!("2026-01-01T00:0{}:00.000Z", 4 + minute));
        // The answer is in before the time moves on.
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(service.counts(), (1, 0, 0, 0), "what is repeated is not counted again");
    service.hand.advance(10.0);
    service.record(9.0);
    for repeat in 0..15 {
        let over = service.peer.body(4 + repeat);
        assert_eq!(
            (&over[0]["labels"], &over[0]["endsAt"]),
            (&first[0]["labels"], &json!("2026-01-01T00:03:10.000Z"))
        );
        std::thread::sleep(Duration::from_millis(10));
        service.hand.advance(60.0);
    }
    service.peer.body(19);
    std::thread::sleep(Duration::from_millis(10));
    for _ in 0..5 {
        service.hand.advance(60.0);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(service.peer.calls(), 20, "for a quarter of an hour, and no longer");
    assert_eq!(service.counts(), (2, 0, 0, 0));
}

/// The alerts of a body: labels that tell them apart, and whether they have ended by `now`.
fn told(body: &Value, now: &str) -> Vec<(String, bool)> {
    let alerts = body.as_array().expect("an array");
    let severity = |alert: &Value| alert["labels"]["severity"].as_str().expect("a text").to_owned();
    alerts.iter().map(|alert| (severity(alert), alert["endsAt"].as_str().expect("a text") <= now)).collect()
}

#[test]
fn a_warning_that_becomes_critical_is_the_end_of_one_alert_and_the_beginning_of_another() {
    let service = Service::new(|peer| peer.alertmanager().into());
    let now = "2026-01-01T00:00:00.000Z";
    service.record(11.0);
    service.peer.body(0);
    service.wait_for((1, 0, 0, 0));
    service.record(101.0);
    let worse = service.peer.body(1);
    assert_eq!(told(&worse, now), [("critical".to_owned(), false), ("warning".to_owned(), true)]);
    service.wait_for((2, 0, 0, 0));
    service.record(9.0);
    assert_eq!(told(&service.peer.body(2), now), [("critical".to_owned(), true)]);
    service.wait_for((3, 0, 0, 0));
}

#[test]
fn an_alertmanager_that_is_away_hears_of_the_newest_state_when_it_is_back() {
    let service = Service::new(|peer| peer.alertmanager().into());
    service.peer.answer((0..4).map(|_| failed(None)));
    service.record(11.0);
    wait_until("the call has failed", || service.health().failed == 1);
    service.record(9.0);
    service.record(12.0);
    service.monitor.raise(Alert::of_message("the disk is on fire".to_owned(), 0.0));
    service.seconds_until_call(5);
    let back = service.peer.body(4);
    let names: Vec<&Value> = back.as_array().unwrap().iter().map(|alert| &alert["labels"]["alertname"]).collect();
    assert_eq!(names, ["message", "queue"]);
    assert_eq!(back[1]["annotations"]["value"], "12");
    assert_eq!(back[0]["labels"]["message"], "the disk is on fire");
    service.wait_for((2, 4, 2, 0));
    // Messages are not repeated.
    service.hand.advance(60.0);
    assert_eq!(service.peer.body(5).as_array().map(Vec::len), Some(1));
}

#[test]
fn what_alertmanager_refuses_is_counted_and_told_again_with_the_next_round() {
    let service = Service::new(|peer| peer.alertmanager().with_resend_seconds(10.0).unwrap().into());
    service.peer.answer([refused()]);
    service.record(11.0);
    service.wait_for((0, 1, 1, 0));
    service.hand.advance(10.0);
    assert_eq!(service.peer.body(1)[0]["endsAt"], "2026-01-01T00:00:50.000Z");
    service.monitor.close_destinations(Duration::from_secs(1));
    wait_until("its thread has ended", || service.monitor.destinations_have_ended());
    // Started again, it goes on with what fires.
    service.monitor.start().unwrap();
    service.hand.advance(10.0);
    service.peer.body(2);
    service.monitor.request_stop();
}

#[test]
fn a_storm_while_it_hangs_leaves_nothing_firing_that_is_over() {
    const STORM: usize = 1_900;
    let service = Service::new(|peer| peer.alertmanager().with_resend_seconds(10.0).unwrap().into());
    let names: Vec<String> = (0..STORM).map(|index| format!("queue_{index}")).collect();
    for name in &names {
        service.monitor.set_rule(Rule::new(name, 10.0, RuleOptions::default()).unwrap());
    }
    let record = |value: f64| {
        for name in &names {
            service.monitor.record(name, value).unwrap();
        }
    };
    record(11.0);
    service.wait_for((STORM as u64, 0, 0, 0));
    service.peer.change(|behaviour| behaviour.hangs = true);
    let calls = service.peer.calls();
    // The call that hangs is about another alert. All others change three times meanwhile.
    service.record(11.0);
    service.peer.body(calls);
    for value in [9.0, 12.0, 9.0] {
        record(value);
    }
    service.peer.change(|behaviour| behaviour.hangs = false);
    wait_until("nothing waits", || service.health().waiting == 0);
    let health = service.health();
    assert_eq!(health.sent + health.dropped, 4 * STORM as u64 + 1, "{health:?}");
    service.hand.advance(10.0);
    wait_until("all of them are repeated", || service.peer.calls() > calls + 2 * STORM.div_ceil(64));
    // What the other side believes, after all that it was told.
    let mut ends = std::collections::BTreeMap::new();
    for (body, _) in service.peer.change(|behaviour| behaviour.bodies.clone()) {
        for alert in body.as_array().expect("an array") {
            ends.insert(alert["labels"]["alertname"].to_string(), alert["endsAt"].to_string());
        }
    }
    ends.remove("\"queue\"");
    assert_eq!(ends.len(), STORM);
    let firing: Vec<_> = ends.iter().filter(|(_, end)| *end != "\"2026-01-01T00:00:00.000Z\"").collect();
    assert!(firing.is_empty(), "{firing:?}");
}

#[test]
fn the_log_hears_of_each_trouble_once_and_not_too_often() {
    let service = Service::new(|peer| peer.webhook().with_retry(Duration::ZERO).into());
    let said = || -> Vec<String> {
        let events = service.monitor.drain_events().into_iter();
        events.filter_map(|event| if let Event::Notice(text) = event { Some(text) } else { None }).collect()
    };
    let sends = |answer: Answer, calls: u64| {
        service.peer.answer([answer]);
        service.record(if calls.is_multiple_of(2) { 9.0 } else { 11.0 });
        service.wait_for((0, calls, calls, 0));
    };
    sends(refused(), 1);
    assert_eq!(said(), ["the webhook at peer did not take an alert: it answered 400"]);
    sends(refused(), 2);
    sends(failed(None), 3);
    assert!(said().is_empty(), "it is too early for another line");
    service.hand.advance(61.0);
    sends(refused(), 4);
    assert!(said().is_empty(), "it has been said");
    sends(failed(None), 5);
    assert_eq!(said(), ["the webhook at peer did not take an alert: it answered 503"]);
    // It goes well, and wrong again.
    service.hand.advance(61.0);
    service.record(9.0);
    service.wait_for((1, 5, 5, 0));
    service.peer.answer([failed(None)]);
    service.record(11.0);
    service.wait_for((1, 6, 6, 0));
    assert_eq!(said().len(), 1);
}

#[test]
fn labels_get_names_that_prometheus_allows() {
    let service = Service::new(|peer| peer.alertmanager().into());
    let mut alert = Alert::of_message("m".to_owned(), 0.0);
    alert.metric = Some("request_duration:p99".into());
    alert.labels = mtaio_monitoring::metrics::Labels::new([
        ("http.route", "/cart"),
        ("http_route", "b"),
        ("1st", "c"),
        ("ü", "d"),
        ("empty", ""),
        ("severity", "e"),
    ]);
    service.monitor.raise(alert);
    let labels = json!({
        "alertname": "request_duration:p99", "severity": "warning", "message": "m", "http_route": "/cart",
        "http_route_": "b", "_1st": "c", "_": "d", "severity_": "e",
    });
    assert_eq!(service.peer.body(0)[0]["labels"], labels);
}

#[test]
fn settings_outside_their_range() {
    let manager = || Peer::default().alertmanager();
    for name in ["", "1st", "a-b", "alertname", "severity", "ü"] {
        let error = manager().with_labels([(name, "x")]).unwrap_err().to_string();
        assert!(error.starts_with("labels must be names of letters, digits and _"), "{error}");
    }
    for seconds in [0.0, -1.0, 3_601.0, f64::NAN] {
        assert!(
            manager().with_resend_seconds(seconds).unwrap_err().to_string().starts_with("resend_seconds must be")
        );
    }
    for url in ["", "shop/alerts", "http://", "http://a b", "javascript:alert(1)"] {
        assert!(manager().with_generator_url(url).unwrap_err().to_string().starts_with("generator_url must be"));
    }
}
