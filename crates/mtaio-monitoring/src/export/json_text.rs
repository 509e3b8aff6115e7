//! JSON written by hand into one string: a million traces take a second, where a serializer takes several.

use serde_json::Value;

use crate::profiler::Metadata;

/// How deeply values that somebody attached may be nested. What is deeper cannot be read back by every reader.
const MOST_NESTED: usize = 64;

/// Appends a whole number.
pub(super) fn push_number(text: &mut String, number: impl itoa::Integer) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// Appends nanoseconds as microseconds, exactly.
pub(super) fn push_microseconds(text: &mut String, nanoseconds: u64) {
    push_number(text, nanoseconds / 1_000);
    let rest = nanoseconds % 1_000;
    if rest > 0 {
        let digit = |value: u64| char::from(b'0' + (value % 10) as u8);
        text.extend(['.', digit(rest / 100), digit(rest / 10), digit(rest)]);
    }
}

/// Appends a string with its quotes.
pub(super) fn push_string(text: &mut String, string: &str) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if string.bytes().all(is_plain) {
        text.push('"');
        text.push_str(string);
        text.push('"');
    } else {
        push_json(text, &string);
    }
}

/// Appends a number that may have a fraction; null where it is none that JSON knows.
pub(super) fn push_float(text: &mut String, number: f64) {
    push_json(text, &number);
}

/// Appends what was attached to a trace, as an object.
pub(super) fn push_metadata(text: &mut String, metadata: &Metadata) {
    text.push('{');
    for (place, (name, value)) in metadata.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_string(text, name);
        text.push(':');
        match value {
            Value::String(string) => push_string(text, string),
            value if is_nested_beyond(value, MOST_NESTED) => {
                text.push_str("\"(nested more than 64 levels deep)\"");
            }
            value => push_json(text, value),
        }
    }
    text.push('}');
}

fn is_nested_beyond(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(values) => levels == 0 || values.iter().any(|value| is_nested_beyond(value, levels - 1)),
        Value::Object(values) => levels == 0 || values.values().any(|value| is_nested_beyond(value, levels - 1)),
        _ => false,
    }
}

fn push_json(text: &mut String, value: &impl serde::Serialize) {
    // Strings, numbers and `Value`s always have a JSON text.
    text.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()));
}
