//! Alerts as Prometheus gives them to Alertmanager.
//!
//! Alertmanager keeps an alert for as long as it hears of it. So the alerts that fire are sent again and again, each time
//! with an end some way ahead (`endsAt`): if the service dies, its alerts end by themselves. One that has ended is sent
//! with its true end, and that for a while, in case Alertmanager is away or was started anew.
//!
//! An alert is its labels, there. The level is one of them (`severity`), so that a warning which becomes critical is the
//! end of one alert and the beginning of another.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::alerts::{Alert, AlertState};
use crate::clock::{Instant3, NANOS_PER_SECOND};
use crate::error::{MonitoringError, Result};

use super::delivery::{Ledger, Settled};
use super::moment::rfc_3339;
use super::transport::{Answer, OpenTransport, Transport};
use super::webhook::{About, TIMEOUT};

/// How often alerts that fire are sent again, if nobody says otherwise.
const RESEND_SECONDS: f64 = 60.0;
/// So many times as far ahead lies their end.
const ENDS_AFTER_RESENDS: f64 = 4.0;
/// For how long the end of an alert is sent again, as by Prometheus.
const RESOLVED_NS: u64 = 15 * 60 * NANOS_PER_SECOND;
/// Alerts in one request, as with Prometheus.
const BATCH: usize = 64;
/// Alerts that are kept at most.
const ROOM: usize = 2_000;
/// The labels that every alert has.
const NAME: &str = "alertname";
const SEVERITY: &str = "severity";

/// Posts alerts to `/api/v2/alerts` of an Alertmanager.
///
/// Their labels are `alertname` (the metric, or the expression of the threshold), `severity` (the level), those of the
/// instance and those given here; the annotations are `message`, `value`, `threshold` and those of the rule. Characters
/// that Prometheus does not allow in the name of a label become `_`. Alerts that fire are sent again every
/// `resend_seconds`, with an end four times as far ahead, and their end for 15 minutes. A message of the program's own
/// ([`alert`](crate::monitor::MonitorCore::raise)) is a label too (`message`), is sent once and ends by itself.
#[derive(Clone, Debug)]
pub struct Alertmanager {
    pub(super) about: About,
    labels: BTreeMap<String, String>,
    generator_url: String,
    resend_seconds: f64,
}

impl Alertmanager {
    /// An Alertmanager over a way of its own to get there, and a name for it.
    pub fn over(name: &str, open: impl Fn() -> Box<dyn Transport> + Send + Sync + 'static) -> Self {
        let about = About { address: name.to_owned(), timeout: TIMEOUT, open: OpenTransport::new(open) };
        Self::about(about)
    }

    pub(super) fn about(about: About) -> Self {
        let labels = BTreeMap::new();
        Self { about, labels, generator_url: String::new(), resend_seconds: RESEND_SECONDS }
    }

    /// Labels of every alert, such as `service`. Where the instance has one of the same name, that one counts.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a name that is none in Prometheus, and for `alertname` and `severity`.
    pub fn with_labels<'a>(mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        for (name, value) in labels {
            if name != valid(name) || name == NAME || name == SEVERITY {
                let accepted = "names of letters, digits and _ that do not begin with a digit, other than alertname and \
                                severity";
                return Err(MonitoringError::argument("labels", accepted, format_args!("{name:?}")));
            }
            self.labels.insert(name.to_owned(), value.to_owned());
        }
        Ok(self)
    }

    /// Where people are sent who ask what raised an alert; nowhere by default.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] where it does not begin with `http://` or `https://`.
    pub fn with_generator_url(mut self, url: &str) -> Result<Self> {
        let is_url =
            ["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme));
        if !is_url || url.contains(|character: char| character.is_whitespace() || character.is_control()) {
            let accepted = "an address that begins with http:// or https://";
            return Err(MonitoringError::argument("generator_url", accepted, format_args!("{url:?}")));
        }
        url.clone_into(&mut self.generator_url);
        Ok(self)
    }

    /// Seconds after which alerts that fire are sent again: 0.1 to 3600, by default 60.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] outside that.
    pub fn with_resend_seconds(mut self, seconds: f64) -> Result<Self> {
        if !(0.1..=3_600.0).contains(&seconds) {
            return Err(MonitoringError::argument(
                "resend_seconds",
                "a number of seconds from 0.1 to 3600",
                seconds,
            ));
        }
        self.resend_seconds = seconds;
        Ok(self)
    }

    pub(super) fn ledger(&self) -> Standing {
        Standing { settings: self.clone(), entries: BTreeMap::new(), on_the_way: Vec::new() }
    }

    /// Labels that make out an alert.
    fn identity(&self, alert: &Alert) -> Identity {
        let mut labels = Identity::new();
        let name = alert.metric.as_deref().filter(|metric| !metric.is_empty());
        labels.insert(NAME.to_owned(), name.unwrap_or("message").to_owned());
        labels.insert(SEVERITY.to_owned(), alert.level.name().to_owned());
        if alert.is_message() {
            labels.insert("message".to_owned(), alert.message.clone());
        }
        alert.labels.iter().for_each(|(name, value)| add(&mut labels, name, value));
        for (name, value) in &self.labels {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
        // One without a value is one that is not there.
        labels.retain(|_, value| !value.is_empty());
        labels
    }
}

type Identity = BTreeMap<String, String>;

/// A name that Prometheus allows, in place of one that it may not.
fn valid(name: &str) -> String {
    let allowed = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let name: String = name.chars().map(allowed).collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
}

/// Adds under a valid name that is not taken yet.
fn add(texts: &mut BTreeMap<String, String>, name: &str, value: &str) {
    let mut name = valid(name);
    while texts.contains_key(&name) {
        name.push('_');
    }
    texts.insert(name, value.to_owned());
}

/// What Alertmanager is to believe.
pub(super) struct Standing {
    settings: Alertmanager,
    entries: BTreeMap<Identity, Entry>,
    /// Those of the last body.
    on_the_way: Vec<Identity>,
}

struct Entry {
    alert: Alert,
    /// When it began, in seconds since the epoch.
    since: f64,
    end: End,
    /// Whether Alertmanager has ever taken it.
    known: bool,
    /// Whether it carries news that was never sent.
    owed: bool,
    due_ns: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    /// It lasts.
    Open,
    /// It is a message: it is sent once, and ends when Alertmanager hears no more of it.
    ByItself,
    /// At `timestamp` on the wall; to be told until `until_ns`.
    At { timestamp: f64, until_ns: u64 },
}

impl Entry {
    fn is_of(&self, alert: &Alert) -> bool {
        self.end != End::ByItself && self.alert.metric == alert.metric && self.alert.labels == alert.labels
    }

    /// It is over, and Alertmanager is to hear of it.
    fn resolve(&mut self, timestamp: f64, now: Instant3) {
        self.end = End::At { timestamp, until_ns: now.monotonic_ns + RESOLVED_NS };
        self.due_ns = now.monotonic_ns;
    }

    fn settle_owed(&mut self) -> u64 {
        u64::from(std::mem::take(&mut self.owed))
    }
}

impl Standing {
    fn resend_ns(&self) -> u64 {
        (self.settings.resend_seconds * 1e9) as u64
    }

    fn begin(&mut self, alert: Alert, now: Instant3) -> u64 {
        let identity = self.settings.identity(&alert);
        let mut dropped = 0;
        // Another level of the same is over with this one; one that nobody ever heard of need not be ended.
        self.entries.retain(|other, entry| {
            let is_old =
                entry.end == End::Open && !alert.is_message() && entry.is_of(&alert) && *other != identity;
            if is_old {
                dropped += entry.settle_owed();
                entry.resolve(alert.timestamp, now);
            }
            !is_old || entry.known
        });
        if let Some(before) = self.entries.get_mut(&identity) {
            dropped += before.settle_owed();
        } else if self.entries.len() >= ROOM {
            let Some(over) = self.dispensable() else { return dropped + 1 };
            dropped += self.entries.remove(&over).map_or(0, |mut entry| entry.settle_owed());
        }
        let end = if alert.is_message() { End::ByItself } else { End::Open };
        let known = self.entries.get(&identity).is_some_and(|before| before.known);
        let since = alert.since.unwrap_or(alert.timestamp);
        // It is not sent: annotations that change with each alert would be another payload at each re-send.
        let alert = Alert { evidence: None, ..alert };
        let entry = Entry { alert, since, end, known, owed: true, due_ns: now.monotonic_ns };
        self.entries.insert(identity, entry);
        dropped
    }

    fn end(&mut self, alert: &Alert, now: Instant3) -> u64 {
        let mut dropped = 0;
        let mut is_owed = false;
        for entry in self.entries.values_mut().filter(|entry| entry.end == End::Open && entry.is_of(alert)) {
            dropped += entry.settle_owed();
            entry.resolve(alert.timestamp, now);
            entry.alert = Alert { level: entry.alert.level, ..alert.clone() };
            // There is one such at most, but for a bug.
            entry.owed = !is_owed;
            is_owed = true;
        }
        if is_owed {
            return dropped;
        }
        // It began before anybody was told here: in the parent of a fork, or when there was no room.
        dropped += self.begin(alert.clone(), now);
        if let Some(entry) = self.entries.get_mut(&self.settings.identity(alert)) {
            entry.resolve(alert.timestamp, now);
        }
        dropped
    }

    /// The entry that is missed least, of those that are over: one whose end was told, else one whose beginning was not.
    fn dispensable(&self) -> Option<Identity> {
        let over = || self.entries.iter().filter(|(_, entry)| entry.end != End::Open);
        let told = over().find(|(_, entry)| !entry.owed);
        let unheard_of = || over().find(|(_, entry)| !entry.known && entry.end != End::ByItself);
        told.or_else(unheard_of).map(|(identity, _)| identity.clone())
    }

    fn json(&self, identity: &Identity, entry: &Entry, now: Instant3) -> Value {
        let now = now.realtime_ns as f64 / 1e9;
        let ahead = self.settings.resend_seconds * ENDS_AFTER_RESENDS;
        let ends_at = match entry.end {
            End::Open | End::ByItself => now + ahead,
            // The wall clock may have been set back since: an end in the future would be none.
            End::At { timestamp, .. } => timestamp.min(now),
        };
        let alert = &entry.alert;
        let mut texts = BTreeMap::from([("message".to_owned(), alert.message.clone())]);
        for (name, number) in [("value", alert.value), ("threshold", alert.threshold)] {
            texts.extend(number.map(|number| (name.to_owned(), number.to_string())));
        }
        alert.annotations.iter().for_each(|(name, text)| add(&mut texts, name, text));
        let mut object = Map::new();
        object.insert("labels".to_owned(), json!(identity));
        object.insert("annotations".to_owned(), json!(texts));
        object.insert("startsAt".to_owned(), json!(rfc_3339(entry.since.min(ends_at))));
        object.insert("endsAt".to_owned(), json!(rfc_3339(ends_at)));
        if !self.settings.generator_url.is_empty() {
            object.insert("generatorURL".to_owned(), json!(self.settings.generator_url));
        }
        Value::Object(object)
    }
}

impl Ledger for Standing {
    fn has_room(&self) -> bool {
        true
    }

    fn take(&mut self, alert: Alert, now: Instant3) -> u64 {
        match alert.state {
            AlertState::Firing => self.begin(alert, now),
            AlertState::Resolved => self.end(&alert, now),
        }
    }

    fn is_waiting(&self) -> bool {
        self.entries.values().any(|entry| entry.owed)
    }

    fn due_ns(&self) -> Option<u64> {
        self.entries.values().map(|entry| entry.due_ns).min()
    }

    fn body(&mut self, now: Instant3, owed_only: bool) -> Vec<u8> {
        let is_due = |entry: &Entry| entry.owed || (!owed_only && entry.due_ns <= now.monotonic_ns);
        let due = self.entries.iter().filter(|(_, entry)| is_due(entry));
        self.on_the_way = due.map(|(identity, _)| identity.clone()).take(BATCH).collect();
        let alerts = self.on_the_way.iter().map(|identity| self.json(identity, &self.entries[identity], now));
        Value::Array(alerts.collect()).to_string().into_bytes()
    }

    fn answered(&mut self, answer: &Answer, now: Instant3, _next_ns: u64) -> Settled {
        let mut settled = Settled::default();
        let resend_ns = self.resend_ns();
        for identity in std::mem::take(&mut self.on_the_way) {
            let Some(entry) = self.entries.get_mut(&identity) else { continue };
            let is_over = matches!(entry.end, End::At { until_ns, .. } if until_ns <= now.monotonic_ns);
            match answer {
                Answer::Taken => {
                    settled.sent += entry.settle_owed();
                    entry.known = true;
                }
                // Those of the batch that are sound it has taken; which ones they are it does not say.
                Answer::Refused { .. } => settled.dropped += entry.settle_owed(),
                Answer::Failed { .. } if is_over => settled.dropped += entry.settle_owed(),
                // Due as before, and sent when the other side may be asked again.
                Answer::Failed { .. } => continue,
            }
            entry.due_ns = now.monotonic_ns + resend_ns;
            if is_over || entry.end == End::ByItself {
                self.entries.remove(&identity);
            }
        }
        settled
    }

    fn give_up(&mut self) -> u64 {
        // Those that fire are sent again when the monitor is started again; a message would come out of the blue.
        let given_up = self.entries.values_mut().map(Entry::settle_owed).sum();
        self.entries.retain(|_, entry| entry.end != End::ByItself);
        given_up
    }
}

#[cfg(feature = "destinations")]
mod by_http {
    use super::{About, Alertmanager, OpenTransport, TIMEOUT};
    use crate::error::Result;

    use super::super::http::{Http, timeout};
    use super::super::url::Url;

    impl Alertmanager {
        /// The Alertmanager at this address, without `/api/v2/alerts`. A user and a password in it are sent as basic
        /// authentication, and nothing of it but scheme, host and port is ever shown.
        ///
        /// # Errors
        ///
        /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) for an address that is none.
        ///
        /// ```
        /// use mtaio_monitoring::monitor::Alertmanager;
        /// let alertmanager = Alertmanager::new("http://alertmanager:9093")?
        ///     .with_labels([("service", "shop")])?
        ///     .with_resend_seconds(30.0)?;
        /// # Ok::<(), mtaio_monitoring::MonitoringError>(())
        /// ```
        pub fn new(url: &str) -> Result<Self> {
            let url = Url::parse("url", url)?;
            let address = url.shown().to_owned();
            let http = Http::new(url.below("/api/v2/alerts"));
            Ok(Self::about(About { address, timeout: TIMEOUT, open: OpenTransport::new(move || http.open()) }))
        }

        /// How long one call may take, from looking up the name to the end of the answer: above 0, up to 300 s; 10 by
        /// default.
        ///
        /// # Errors
        ///
        /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) outside that.
        pub fn with_timeout_seconds(mut self, seconds: f64) -> Result<Self> {
            self.about.timeout = timeout(seconds)?;
            Ok(self)
        }
    }
}
