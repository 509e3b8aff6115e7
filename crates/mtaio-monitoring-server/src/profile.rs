//! A profile to take home, in any of its formats.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::Response;
use mtaio_monitoring::export::Format;
use mtaio_monitoring::profiler::{Profile, Recorder};
use tokio::sync::Semaphore;

use crate::answers::{answer, busy, made_elsewhere, refusal};
use crate::operations::operations_json;
use crate::page::profile_page as page;

/// Characters of a name that is none which the refusal repeats.
const SHOWN: usize = 40;

/// Where profiles come from.
pub(crate) struct Profiles {
    recorder: Option<Arc<Recorder>>,
    /// One is made at a time: that of a million traces takes seconds and hundreds of megabytes.
    room: Arc<Semaphore>,
}

impl Profiles {
    pub(crate) fn of(recorder: Option<Arc<Recorder>>) -> Self {
        Self { recorder, room: Arc::new(Semaphore::new(1)) }
    }

    /// What was recorded until now, in the format that the query asks for.
    pub(crate) async fn answer(&self, query: &str) -> Response {
        let format = match asked(query) {
            Ok(format) => format,
            Err(why) => return refusal(StatusCode::BAD_REQUEST, &why),
        };
        let text = match self.made(move |profile| profile.export(format)).await {
            Ok(text) => text,
            Err(refusal) => return refusal,
        };
        let (content_type, file) = match format {
            Format::Json => ("application/json", "profile.json"),
            Format::ChromeTrace => ("application/json", "profile.trace.json"),
            Format::Speedscope => ("application/json", "profile.speedscope.json"),
            Format::Collapsed => ("text/plain; charset=utf-8", "profile.folded"),
            _ => ("text/html; charset=utf-8", "profile.html"),
        };
        let mut made = answer(StatusCode::OK, content_type, text);
        // Saved and not shown: as a page of ours its script would be one that the policy forbids.
        let saved = HeaderValue::try_from(format!("attachment; filename=\"{file}\""));
        made.headers_mut().insert(header::CONTENT_DISPOSITION, saved.expect("the names are ours"));
        made
    }

    /// The page of what was recorded until now, to be looked at: the one that [`Format::Html`] saves.
    pub(crate) async fn page(&self) -> Response {
        match self.made(|profile| profile.export(Format::Html)).await {
            Ok(text) => page(text),
            Err(refusal) => refusal,
        }
    }

    /// What each operation cost, and the slowest traces.
    pub(crate) async fn operations(&self) -> Response {
        match self.made(|profile| operations_json(profile).to_string()).await {
            Ok(text) => answer(StatusCode::OK, "application/json", text),
            Err(refusal) => refusal,
        }
    }

    pub(crate) fn there_are(&self) -> bool {
        self.recorder.is_some()
    }

    /// What is written of the profile, on another thread, or nobody else would be answered meanwhile.
    async fn made(&self, write: impl FnOnce(&Profile) -> String + Send + 'static) -> Result<String, Response> {
        let Some(recorder) = self.recorder.clone() else {
            return Err(refusal(
                StatusCode::NOT_FOUND,
                "the server was started without a profiler, or with one that is disabled",
            ));
        };
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            return Err(busy("another profile is being made: ask again"));
        };
        made_elsewhere(room, "profile", move || write(&recorder.profile())).await
    }
}

fn asked(query: &str) -> Result<Format, String> {
    let mut format = Format::Json;
    for (parameter, name) in form_urlencoded::parse(query.as_bytes()) {
        match &*parameter {
            "format" => {
                let shown: String = name.chars().take(SHOWN).collect();
                format = shown.parse().map_err(|error: mtaio_monitoring::MonitoringError| error.to_string())?;
            }
            _ => return Err("there is no such parameter: there is format".to_owned()),
        }
    }
    Ok(format)
}

#[cfg(test)]
mod tests {
    use mtaio_monitoring::export::Format;

    use super::asked;

    #[test]
    fn every_format_can_be_asked_for_and_nothing_else() {
        assert_eq!(asked(""), Ok(Format::Json));
        for format in Format::ALL {
            assert_eq!(asked(&format!("format={format}")), Ok(format));
        }
        assert_eq!(asked("format=%63hrome%2Dtrace"), Ok(Format::ChromeTrace));
        assert!(asked("format=svg").unwrap_err().starts_with("format must be one of json, chrome-trace"));
        assert_eq!(asked("f=json"), Err("there is no such parameter: there is format".to_owned()));
        assert!(asked(&format!("format={}", "x".repeat(9_000))).unwrap_err().len() < 200);
    }
}
