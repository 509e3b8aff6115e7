//! What some traces carry beyond a record: an error, and what their face attached to them.

use std::fmt::Debug;
use std::sync::Arc;

use crate::lock::Mutex;

/// Names and values that somebody attached to a trace.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// What a face attaches to a trace. It is asked only when somebody looks.
pub trait Attachment: Debug + Send + Sync + 'static {
    /// Names and values.
    fn metadata(&self) -> Metadata;

    /// Where the trace began, in the manner of the language's own tracebacks.
    fn stack_trace(&self) -> Option<String> {
        None
    }

    /// The attachment itself, for the face that made it.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// Metadata as it is: Rust's own attachment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plain {
    pub(crate) metadata: Metadata,
    pub(crate) stack_trace: Option<String>,
}

impl Attachment for Plain {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn stack_trace(&self) -> Option<String> {
        self.stack_trace.clone()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// What a trace carries beyond its record.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// What it failed with.
    pub error: Option<Box<str>>,
    /// What its face attached.
    pub attachment: Option<Arc<dyn Attachment>>,
}

impl Extra {
    pub(super) fn is_empty(&self) -> bool {
        self.error.is_none() && self.attachment.is_none()
    }
}

/// Extras of traces that have ended and not yet reached the finished ones.
#[derive(Debug, Default)]
pub(super) struct Extras(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    extras: Vec<Option<Extra>>,
    free: Vec<u32>,
}

impl Extras {
    /// Keeps one, and gives its place, from 1.
    pub(super) fn put(&self, extra: Extra) -> u32 {
        let mut places = self.0.lock();
        if let Some(place) = places.free.pop() {
            places.extras[place as usize - 1] = Some(extra);
            return place;
        }
        places.extras.push(Some(extra));
        places.extras.len() as u32
    }

    /// Takes one out of its place.
    pub(super) fn take(&self, place: u32) -> Option<Extra> {
        let mut places = self.0.lock();
        let extra = places.extras.get_mut((place as usize).checked_sub(1)?)?.take();
        if extra.is_some() {
            places.free.push(place);
        }
        extra
    }
}
