//! Destinations out of their tables.
//!
//! Addresses and headers hold secrets: none of their text is shown, and variables of the environment may stand in them.

use std::time::Duration;

use toml::de::DeValue;

use crate::error::MonitoringError;
use crate::monitor::destinations::{Alertmanager, Destination, Webhook};

use super::faults::Faults;
use super::fields::{Fields, Value, keep_texts_secret, number, place_in};

const WEBHOOK: [&str; 5] = ["type", "url", "headers", "timeout_seconds", "retry_seconds"];
const ALERTMANAGER: [&str; 6] = ["type", "url", "labels", "generator_url", "resend_seconds", "timeout_seconds"];
/// The keys of which no value is a secret.
pub(super) const PUBLIC: [&str; 6] =
    ["type", "labels", "generator_url", "timeout_seconds", "retry_seconds", "resend_seconds"];
/// An address in place of one that is none, so that the rest can be looked at.
const ANY_URL: &str = "http://localhost";
/// The longest that a webhook is tried again: a day.
const LONGEST_RETRY_SECONDS: f64 = 86_400.0;

/// What the environment holds under a name.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The keys of a destination of this type; all of them where there is no such type.
pub(super) fn keys(kind: Option<&str>) -> Vec<&'static str> {
    match kind {
        Some("webhook") => WEBHOOK.to_vec(),
        Some("alertmanager") => ALERTMANAGER.to_vec(),
        _ => {
            let more = ALERTMANAGER.into_iter().filter(|key| !WEBHOOK.contains(key));
            WEBHOOK.into_iter().chain(more).collect()
        }
    }
}

/// Looks for what must not be shown, before anything else is looked for.
pub(super) fn keep_secrets(table: &toml::de::DeTable<'_>, faults: &mut Faults<'_>) {
    let secret = |key: &str| !PUBLIC.contains(&key);
    for (_, value) in table.iter().filter(|(key, _)| secret(key.get_ref())) {
        keep_texts_secret(value, faults);
    }
}

/// The destination of a table, if nothing is wrong with it.
pub(super) fn destination(
    fields: &Fields<'_>,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Option<Destination> {
    let kind = fields.needed("type", "type = \"webhook\"", faults);
    let url = fields.needed("url", "url = \"https://alerts.example.org:9093\"", faults);
    let url = url.and_then(|url| Some((url, text("url", url, environment, faults)?)));
    let kind = kind?;
    let mut reading = Reading { fields, environment, faults, sound: true };
    let destination = match kind.get_ref().as_str() {
        Some("webhook") => reading.webhook(url.as_ref()).map(Destination::from),
        Some("alertmanager") => reading.alertmanager(url.as_ref()).map(Destination::from),
        _ => {
            reading.faults.wrong("type", "\"webhook\" or \"alertmanager\"", kind);
            None
        }
    };
    destination.filter(|_| reading.sound && url.is_some())
}

struct Reading<'a, 'b, 'c> {
    fields: &'a Fields<'b>,
    environment: Environment<'a>,
    faults: &'a mut Faults<'c>,
    sound: bool,
}

impl Reading<'_, '_, '_> {
    fn webhook(&mut self, url: Option<&(&Value<'_>, String)>) -> Option<Webhook> {
        let url =
            url.map_or(ANY_URL, |(value, url)| self.sound_url(value, url, |url| Webhook::new(url).map(drop)));
        let headers =
            self.texts("headers", |name, value| Webhook::with_headers(ANY_URL, [(name, value)]).map(drop));
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut webhook = Webhook::with_headers(url, headers).ok()?;
        if let Some(value) = self.fields.get("retry_seconds") {
            let seconds = number(value);
            if (0.0..=LONGEST_RETRY_SECONDS).contains(&seconds) {
                webhook = webhook.with_retry(Duration::from_secs_f64(seconds));
            } else {
                self.sound = false;
                self.faults.wrong("retry_seconds", "a number of seconds from 0 to 86400 (a day)", value);
            }
        }
        Some(self.set("timeout_seconds", webhook, Webhook::with_timeout_seconds))
    }

    fn alertmanager(&mut self, url: Option<&(&Value<'_>, String)>) -> Option<Alertmanager> {
        let url =
            url.map_or(ANY_URL, |(value, url)| self.sound_url(value, url, |url| Alertmanager::new(url).map(drop)));
        let manager = Alertmanager::new(url).ok()?;
        let labels = self.texts("labels", |name, value| manager.clone().with_labels([(name, value)]).map(drop));
        let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut manager = manager.clone().with_labels(labels).ok()?;
        if let Some(value) = self.fields.get("generator_url") {
            let url = text("generator_url", value, self.environment, self.faults);
            match url.as_deref().map(|url| manager.clone().with_generator_url(url)) {
                Some(Ok(with_url)) => manager = with_url,
                Some(Err(error)) => {
                    self.sound = false;
                    self.faults.refuse("generator_url", value, &error);
                }
                None => self.sound = false,
            }
        }
        let manager = self.set("resend_seconds", manager, Alertmanager::with_resend_seconds);
        Some(self.set("timeout_seconds", manager, Alertmanager::with_timeout_seconds))
    }

    /// The address, or another one where it is none.
    fn sound_url<'u>(
        &mut self,
        value: &Value<'_>,
        url: &'u str,
        check: impl Fn(&str) -> Result<(), MonitoringError>,
    ) -> &'u str {
        match check(url) {
            Ok(()) => url,
            Err(error) => {
                self.sound = false;
                // It says what is wrong without a word of the address.
                self.faults.add(&value.span(), error.to_string());
                ANY_URL
            }
        }
    }

    /// The same with the number of seconds of this key, where there is one.
    fn set<T: Clone>(&mut self, key: &str, to: T, with: fn(T, f64) -> Result<T, MonitoringError>) -> T {
        let Some(value) = self.fields.get(key) else { return to };
        with(to.clone(), number(value)).unwrap_or_else(|error| {
            self.sound = false;
            self.faults.refuse(key, value, &error);
            to
        })
    }

    /// Those pairs of a table that pass the check.
    fn texts(
        &mut self,
        key: &str,
        check: impl Fn(&str, &str) -> Result<(), MonitoringError>,
    ) -> Vec<(String, String)> {
        let Some(value) = self.fields.get(key) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            self.sound = false;
            self.faults.wrong(key, "a table of texts, such as { name = \"text\" }", value);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (name, value) in table {
            let Some(text) = text(key, value, self.environment, self.faults) else {
                self.sound = false;
                continue;
            };
            match check(name.get_ref(), &text) {
                Ok(()) => texts.push((name.get_ref().to_string(), text)),
                Err(error) => {
                    self.sound = false;
                    self.faults.add(&name.span(), error.to_string());
                }
            }
        }
        texts
    }
}

/// A text, with the environment's values in place of `${NAME}`; `$${` is a plain `${`.
fn text(key: &str, value: &Value<'_>, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<String> {
    let Some(text) = value.get_ref().as_str() else {
        faults.wrong(key, "text in quotes", value);
        return None;
    };
    let (mut filled, mut rest, mut sound) = (String::new(), text, true);
    while let Some(at) = rest.find("${") {
        let before = &rest[..at];
        rest = &rest[at + 2..];
        if let Some(plain) = before.strip_suffix('$') {
            filled.push_str(plain);
            filled.push_str("${");
            continue;
        }
        filled.push_str(before);
        let place = |text: &str, rest: &str| text[..text.len() - rest.len() - 2].chars().count();
        let name = rest.split_once('}').filter(|(name, _)| is_a_name(name));
        let Some((name, after)) = name else {
            sound = false;
            let at = place_in(faults, &value.span(), place(text, rest));
            faults.add(&at, "a variable of the environment is written ${NAME}, and a plain ${ is written $${");
            continue;
        };
        match environment(name).filter(|value| !value.is_empty()) {
            Some(value) => filled.push_str(&value),
            None => {
                sound = false;
                let at = place_in(faults, &value.span(), place(text, rest));
                faults.add(&at, format!("the environment has no {name}, or it is empty: set it before the start"));
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    sound.then_some(filled)
}

/// Whether it is the name of a variable: letters, digits and `_`, no digit first.
fn is_a_name(name: &str) -> bool {
    let belongs = |character: char| character.is_ascii_alphanumeric() || character == '_';
    name.chars().all(belongs) && name.starts_with(|first: char| !first.is_ascii_digit())
}
