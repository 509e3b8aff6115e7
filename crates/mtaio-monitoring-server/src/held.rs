//! Answers that wait for their clients to take them: so much memory, and no more.
//!
//! A client may take its time, and until it has taken its answer that is held. Each of as many connections as there may be could
//! hold a history of megabytes, or a profile of hundreds. So their bytes are counted, from when an answer is made until the last
//! of it was handed to the system, and where there are too many, whoever asks for another large one is told to come
//! back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::answers::{busy, refusal};

/// Bytes of all answers that wait; but for one answer, however large it is.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// An answer up to this size is made in any case: all connections together could hold 16 MiB of such.
const SMALL: usize = 64 * 1024;

/// The bytes that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room(Arc<AtomicUsize>);

/// An answer, counted for as long as any part of it is there.
struct Held {
    bytes: Bytes,
    room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Room {
    /// The same bytes, counted; `None` where there is no room for them.
    fn hold(&self, bytes: Bytes) -> Option<Bytes> {
        // One thread answers, so that nobody else counts between the two.
        let before = self.0.load(Ordering::Relaxed);
        if before > 0 && before + bytes.len() > MOST_BYTES {
            return None;
        }
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Some(Bytes::from_owner(Held { bytes, room: self.clone() }))
    }
}

/// Stands around every route that makes its answer whole; a stream, whose size nobody knows, has bounds of its own.
pub(crate) async fn held(State(room): State<Room>, request: Request, next: Next) -> Response {
    // Of these nothing but the head is sent.
    let is_head = *request.method() == Method::HEAD;
    let answer = next.run(request).await;
    let is_large = answer.body().size_hint().exact().is_some_and(|size| size > SMALL as u64);
    if is_head || !is_large {
        return answer;
    }
    let (head, body) = answer.into_parts();
    // It is there already, in one piece.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made");
    };
    match room.hold(bytes) {
        Some(bytes) => Response::from_parts(head, Body::from(bytes)),
        None => busy("too many answers wait for their clients to take them: ask again"),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::{MOST_BYTES, Room};

    #[test]
    fn bytes_are_counted_until_the_last_of_them_is_gone() {
        let room = Room::default();
        // One that is larger than all that may wait is made while nothing does.
        let huge = room.hold(Bytes::from(vec![7; MOST_BYTES + 1])).expect("it is the only one");
        assert!(room.hold(Bytes::from_static(b"x")).is_none());
        let part = huge.slice(MOST_BYTES..);
        drop(huge);
        assert!(room.hold(Bytes::from_static(b"x")).is_none(), "a part of it waits");
        assert_eq!(&*part, b"\x07");
        drop(part);
        let half = Bytes::from(vec![7; MOST_BYTES / 2]);
        let (one, two) = (room.hold(half.clone()), room.hold(half.clone()));
        assert!(one.is_some() && two.is_some() && room.hold(half).is_none());
    }
}
