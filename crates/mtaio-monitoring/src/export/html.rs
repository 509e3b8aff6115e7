//! One page that a browser opens from disk: it loads nothing and sends nothing.
//!
//! The page, its style and its script are the files in `page/`. What they show is one JSON text within the page. Names,
//! errors and metadata are other people's text: in that JSON no `<` is left as it is, so that nothing can end the element
//! early, and the script puts them on the page as text. A policy in the page lets no script run but this one.

pub(super) mod words;

mod data;
#[cfg(test)]
mod tests;

use crate::profiler::Profile;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = concat!(
    include_str!("page/page.js"),
    include_str!("page/flame.js"),
    include_str!("page/rows.js"),
    include_str!("page/bars.js"),
    include_str!("page/timeline.js"),
);

/// What the page's policy knows the script by. A test says what it has to be.
const SCRIPT_HASH: &str = "sha256-gjuZ/+OaxQDAZqoqN/Hix7Cnh1cz4jQM07uIip8viFE=";

/// What a server says of the page, beside what the page says itself: `Content-Security-Policy`, with the bounds that only a
/// header can set.
///
/// ```
/// let policy = mtaio_monitoring::export::page_policy();
/// assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
/// ```
#[must_use]
pub fn page_policy() -> String {
    format!(
        "default-src 'none'; script-src '{SCRIPT_HASH}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page.
pub(super) fn write(profile: &Profile) -> String {
    let data = data::write(profile).replace('<', "\\u003c");
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + data.len());
    let mut rest = PAGE;
    // What is put in is not looked at again, so that no name can be taken for a place to put something.
    while let Some((before, (place, after))) =
        rest.split_once("{{").and_then(|(a, b)| Some((a, b.split_once("}}")?)))
    {
        page.push_str(before);
        page.push_str(match place {
            "data" => &data,
            "script" => SCRIPT,
            "script-hash" => SCRIPT_HASH,
            "style" => STYLE,
            "version" => env!("CARGO_PKG_VERSION"),
            _ => "",
        });
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Text that can stand in an element or in an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML, and so a picture inside of a page, has no control characters; the others turn text around.
            character if character.is_control() && !matches!(character, '\n' | '\t') => escaped.push('\u{fffd}'),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => {
                escaped.push('\u{fffd}');
            }
            character => escaped.push(character),
        }
    }
    escaped
}

/// The same hue for the same name, in every profile. The reds are left to errors. As `hues` in `page.js`.
pub(super) fn hue_of(name: &str) -> u32 {
    let hash = name
        .encode_utf16()
        .fold(2_166_136_261_u32, |hash, unit| (hash ^ u32::from(unit)).wrapping_mul(16_777_619));
    60 + (hash >> 8) % 25 * 12
}
