//! The body of a response, which says when its last part was made.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::request::Request;

pin_project! {
    /// The body of a response: the service's own, of which nothing is held. See
    /// [`MonitoringLayer`](super::MonitoringLayer).
    #[derive(Debug)]
    pub struct MonitoredBody<B> {
        #[pin]
        body: B,
        request: Option<Request>,
    }
}

impl<B: Body> MonitoredBody<B> {
    pub(super) fn new(body: B, request: Option<Request>) -> Self {
        Self { body, request }
    }
}

/// Whether nothing is left of a body.
pub(super) fn ends(body: &impl Body) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

impl<B: Body> Body for MonitoredBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let Some(request) = this.request.as_mut() else { return this.body.poll_frame(context) };
        let polled = request.work(|| this.body.as_mut().poll_frame(context));
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => request.sent(),
            Poll::Ready(Some(Err(_))) => request.failed(std::any::type_name::<B::Error>()),
            // Whoever has all of it may not ask again.
            Poll::Ready(Some(Ok(_))) => {
                if ends(&*this.body) {
                    request.sent();
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
