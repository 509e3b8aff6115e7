//! What `#[trace]` writes into functions: no interface of its own.

use super::Profiler;

/// What an expression gives a profiler through: a profiler, a reference to one, whatever dereferences to one.
#[must_use]
pub fn profiler(profiler: &Profiler) -> &Profiler {
    profiler
}

/// A field's value.
pub fn value(value: impl Into<serde_json::Value>) -> serde_json::Value {
    value.into()
}
