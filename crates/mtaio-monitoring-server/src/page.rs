//! The dashboard: files that are embedded, and no others; and the page of a profile.

use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::Response;
use mtaio_monitoring::export::page_policy;

use crate::answers::answer;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A page that may load what this server has, run none but its own scripts, and talk to nobody else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
#[derive(Clone, Copy)]
pub(crate) struct File {
    pub(crate) path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const fn file(path: &'static str, content_type: &'static str, text: &'static str) -> File {
    File { path, content_type, text }
}

/// Every file of the page, itself first. uPlot is that library's own file, unchanged.
pub(crate) const FILES: [File; 12] = [
    file("/", HTML, include_str!("page/index.html")),
    file("/app.js", SCRIPT, include_str!("page/app.js")),
    file("/chart.js", SCRIPT, include_str!("page/chart.js")),
    file("/dashboard.css", STYLE, include_str!("page/dashboard.css")),
    file("/format.js", SCRIPT, include_str!("page/format.js")),
    file("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    file("/panels.js", SCRIPT, include_str!("page/panels.js")),
    file("/store.js", SCRIPT, include_str!("page/store.js")),
    file("/stream.js", SCRIPT, include_str!("page/stream.js")),
    file("/tables.js", SCRIPT, include_str!("page/tables.js")),
    file("/uPlot.css", STYLE, include_str!("page/uPlot.css")),
    file("/uPlot.js", SCRIPT, include_str!("page/uPlot.js")),
];

impl File {
    pub(crate) fn answer(self) -> Response {
        let mut file = answer(StatusCode::OK, self.content_type, self.text);
        if self.content_type == HTML {
            let policy = HeaderValue::from_static(POLICY);
            file.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        file
    }
}

/// The answer with the page of a profile, whose script is in the page.
pub(crate) fn profile_page(text: String) -> Response {
    let mut page = answer(StatusCode::OK, HTML, text);
    let policy = HeaderValue::try_from(page_policy()).expect("a policy is plain text");
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    page
}

#[cfg(test)]
mod tests {
    use super::FILES;

    /// Every file that another one names is there, and nothing from elsewhere is named.
    #[test]
    fn the_page_is_whole_and_asks_nobody_else() {
        for file in &FILES {
            if !file.path.starts_with("/uPlot") && file.path != "/icon.svg" {
                for elsewhere in ["http:", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "eval("] {
                    assert!(!file.text.contains(elsewhere), "{elsewhere} in {}", file.path);
                }
            }
            let imported = file.text.match_indices("from './").map(|(at, from)| &file.text[at + from.len()..]);
            for rest in imported {
                let name = rest.split('\'').next().unwrap_or_default();
                assert!(FILES.iter().any(|file| file.path[1..] == *name), "{name}, which {} loads", file.path);
            }
        }
        for file in &FILES[1..] {
            let name = &file.path[1..];
            let is_named = FILES.iter().any(|other| {
                other.text.contains(&format!("{name}\"")) || other.text.contains(&format!("./{name}'"))
            });
            assert!(is_named, "nobody loads {name}");
        }
        for active in ["<style", " style=", " onclick=", "<script>"] {
            assert!(!FILES[0].text.contains(active), "{active:?}: the page's policy forbids it");
        }
    }
}
