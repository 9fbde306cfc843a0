//! A run's progress in the client's own progress display.

use super::outbox::{ANSWER_TIME, Outbox};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tower_lsp::Client;
use tower_lsp::lsp_types::notification::Progress as ProgressNotification;
use tower_lsp::lsp_types::request::WorkDoneProgressCreate;
use tower_lsp::lsp_types::{
    NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
};

/// Shows nothing when the client has no progress display.
pub(super) struct Progress {
    steps: Option<UnboundedSender<WorkDoneProgress>>,
}

impl Progress {
    pub(super) fn none() -> Progress {
        Progress { steps: None }
    }

    /// Asks the client for a display under `token`, which also is what it sends back to cancel.
    pub(super) fn start(outbox: &Outbox, token: String, title: String) -> Progress {
        let (steps, mut coming) = unbounded_channel();
        outbox.put(Box::new(move |client| {
            Box::pin(async move {
                tokio::spawn(async move {
                    let token = NumberOrString::String(token);
                    if !create(&client, token.clone()).await {
                        return;
                    }
                    while let Some(step) = coming.recv().await {
                        let value = ProgressParamsValue::WorkDone(step);
                        let params = ProgressParams { token: token.clone(), value };
                        client.send_notification::<ProgressNotification>(params).await;
                    }
                });
            })
        }));
        let progress = Progress { steps: Some(steps) };
        progress.step(WorkDoneProgress::Begin(WorkDoneProgressBegin {
            title,
            cancellable: Some(true),
            message: None,
            percentage: Some(0),
        }));
        progress
    }

    pub(super) fn report(&self, percentage: u32, message: String) {
        self.step(WorkDoneProgress::Report(WorkDoneProgressReport {
            cancellable: Some(true),
            message: Some(message),
            percentage: Some(percentage),
        }));
    }

    pub(super) fn end(&mut self, message: String) {
        self.step(WorkDoneProgress::End(WorkDoneProgressEnd { message: Some(message) }));
        self.steps = None;
    }

    fn step(&self, step: WorkDoneProgress) {
        if let Some(steps) = &self.steps {
            // The client refused the display.
            let _ = steps.send(step);
        }
    }
}

async fn create(client: &Client, token: NumberOrString) -> bool {
    let params = WorkDoneProgressCreateParams { token };
    let asked = client.send_request::<WorkDoneProgressCreate>(params);
    matches!(tokio::time::timeout(ANSWER_TIME, asked).await, Ok(Ok(())))
}
