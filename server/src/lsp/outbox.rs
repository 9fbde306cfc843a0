//! Messages to the client, in order and without ever waiting for it: a client that is slow to answer, or never does,
//! cannot block a handler.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tower_lsp::Client;
use tower_lsp::lsp_types::notification::Notification;
use tower_lsp::lsp_types::request::Request;

/// Longest wait for a client's answer.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(2);

type Send =
    Box<dyn FnOnce(Client) -> Pin<Box<dyn Future<Output = ()> + std::marker::Send>> + std::marker::Send>;

/// A cheap handle; clones write into the same queue.
#[derive(Clone)]
pub(super) struct Outbox {
    queue: UnboundedSender<Send>,
}

impl Outbox {
    /// Starts the task that empties the queue. Must be called inside the runtime.
    pub(super) fn start(client: Client) -> Outbox {
        let (queue, mut waiting) = unbounded_channel::<Send>();
        tokio::spawn(async move {
            while let Some(send) = waiting.recv().await {
                send(client.clone()).await;
            }
        });
        Outbox { queue }
    }

    pub(super) fn notify<N: Notification>(&self, params: N::Params)
    where
        N::Params: std::marker::Send + 'static,
    {
        self.put(Box::new(|client| {
            Box::pin(async move {
                client.send_notification::<N>(params).await;
            })
        }));
    }

    /// Asks the client for something whose answer does not matter, such as a refresh.
    pub(super) fn request<R: Request>(&self, params: R::Params)
    where
        R::Params: std::marker::Send + 'static,
        R::Result: std::marker::Send,
    {
        self.put(Box::new(|client| {
            Box::pin(async move {
                tokio::spawn(async move {
                    // A client that refuses or forgets has told us enough.
                    let _ = tokio::time::timeout(ANSWER_TIME, client.send_request::<R>(params)).await;
                });
            })
        }));
    }

    /// Runs `send` with the client, behind everything queued before.
    pub(super) fn put(&self, send: Send) {
        // The task ends with the runtime only; then nobody reads what we would send.
        let _ = self.queue.send(send);
    }
}
