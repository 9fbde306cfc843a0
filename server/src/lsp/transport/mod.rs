//! The base protocol of LSP 3.17 on standard input and output: `frames` cuts the stream into messages, `message` makes
//! requests and answers of them, and this module carries them to the service and back.
//!
//! tower-lsp 0.20 has such a transport. Its decoder gives up the stream for one message it cannot read, so that half an
//! emoji in a buffer ends the server; here such a message is answered with an error, and the next one is read.

mod frames;
mod message;

use frames::{Frame, Lost};
use futures_util::{SinkExt, StreamExt};
use message::Incoming;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_lsp::jsonrpc::{Request, Response};
use tower_lsp::{ClientSocket, ExitedError, LspService};
use tower_service::Service;

/// How many requests may wait for their answer at once; answers come from elsewhere, so waiting costs nothing.
const MAX_WAITING: usize = 256;

/// Answers that are made and not yet written; a client that reads slowly gets no further ones made.
const MAX_UNWRITTEN: usize = 16;

/// Longest wait for the answers that are due when the client says no more.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How serving ended.
#[derive(Debug)]
pub(super) struct End {
    /// The client said `shutdown`, so that the end is no failure.
    pub(super) was_shut_down: bool,
    /// Why the rest of the stream could not be read.
    pub(super) lost: Option<String>,
}

/// Serves until the client says `exit`, its stream ends, or where a message ends can no longer be told.
pub(super) async fn serve<S: tower_lsp::LanguageServer>(service: LspService<S>, socket: ClientSocket) -> End {
    let (requests, responses) = socket.split();
    let (answers, made) = channel(MAX_UNWRITTEN);
    let mut reader =
        Reader { service, answers, waiting: Arc::new(Semaphore::new(MAX_WAITING)), was_shut_down: false };
    let mut writing = Box::pin(write(tokio::io::stdout(), made, requests));
    let mut stdin = BufReader::new(tokio::io::stdin());
    let end = tokio::select! {
        end = reader.read(&mut stdin, responses) => end,
        // Nobody reads what is written any more.
        _ = &mut writing => return End { was_shut_down: reader.was_shut_down, lost: None },
    };
    let was_shut_down = reader.was_shut_down;
    drop(reader);
    if !matches!(end, Stop::Exit) {
        // Whoever sent requests and then closed the stream still gets their answers.
        let _ = tokio::time::timeout(LAST_ANSWERS, writing).await;
    }
    match end {
        Stop::Lost(why) => End { was_shut_down, lost: Some(why) },
        Stop::Exit | Stop::EndOfInput => End { was_shut_down, lost: None },
    }
}

/// Why no more is read.
enum Stop {
    Exit,
    EndOfInput,
    Lost(String),
}

struct Reader<S> {
    service: LspService<S>,
    answers: Sender<Response>,
    waiting: Arc<Semaphore>,
    was_shut_down: bool,
}

impl<S: tower_lsp::LanguageServer> Reader<S> {
    async fn read(
        &mut self,
        stdin: &mut (impl AsyncBufRead + Unpin),
        mut responses: impl SinkExt<Response, Error = ExitedError> + Unpin,
    ) -> Stop {
        loop {
            let incoming = match frames::next(stdin).await {
                Ok(Frame::Body(body)) => message::decode(body),
                Ok(Frame::Unreadable(why)) => message::unreadable(why),
                Err(Lost::EndOfInput) => return Stop::EndOfInput,
                Err(Lost::Framing(why)) => return Stop::Lost(why),
            };
            match incoming {
                Incoming::Request(request) if request.method() == "exit" => return Stop::Exit,
                Incoming::Request(request) => self.take(request).await,
                Incoming::Refused(answer) => self.answer(answer).await,
                // An answer to a question the server no longer waits for changes nothing.
                Incoming::Response(response) => drop(responses.send(response).await),
                Incoming::Nothing => {}
            }
        }
    }

    async fn take(&mut self, request: Request) {
        let place = match request.id() {
            // It never fails: nothing closes the semaphore.
            Some(_) => Arc::clone(&self.waiting).acquire_owned().await.ok(),
            None => None,
        };
        self.was_shut_down |= request.method() == "shutdown";
        // What follows is refused until this one is answered, so nothing that follows is looked at before.
        let comes_first = request.method() == "initialize";
        let mut work = self.service.call(request);
        // Started here, so that messages reach the owner of the documents in the order in which they came.
        let begun = if comes_first { Some(work.as_mut().await) } else { begin(&mut work).await };
        match begun {
            Some(Ok(Some(answer))) => self.answer(answer).await,
            Some(_) => {}
            None => drop(tokio::spawn(finish(work, self.answers.clone(), place))),
        }
    }

    async fn answer(&self, answer: Response) {
        // Nobody reads answers any more: then this task ends, too.
        let _ = self.answers.send(answer).await;
    }
}

type Work = Pin<Box<dyn Future<Output = Result<Option<Response>, ExitedError>> + Send>>;

/// Runs it up to its first wait.
async fn begin(work: &mut Work) -> Option<Result<Option<Response>, ExitedError>> {
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn finish(work: Work, answers: Sender<Response>, place: Option<OwnedSemaphorePermit>) {
    if let Ok(Some(answer)) = work.await {
        // The client is gone, or reads it.
        let _ = answers.send(answer).await;
    }
    drop(place);
}

/// Writes answers, and what the server says and asks of itself, until there can be no more answers.
async fn write(
    mut stdout: impl AsyncWrite + Unpin,
    mut answers: Receiver<Response>,
    mut requests: impl StreamExt<Item = Request> + Unpin,
) -> io::Result<()> {
    let mut has_requests = true;
    loop {
        let body = tokio::select! {
            answer = answers.recv() => match answer {
                Some(answer) => serde_json::to_vec(&answer)?,
                None => return Ok(()),
            },
            request = requests.next(), if has_requests => match request {
                Some(request) => serde_json::to_vec(&request)?,
                None => {
                    has_requests = false;
                    continue;
                }
            },
        };
        stdout.write_all(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await?;
        stdout.write_all(&body).await?;
        stdout.flush().await?;
    }
}
