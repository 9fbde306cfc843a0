//! A small client: frames, ids, time limits, and a folder to put specs into.

use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for anything; far above what is promised, since the machine may be busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// What a client says it can do; tests change what they are about.
pub(crate) fn abilities() -> Value {
    json!({
        "processId": std::process::id(),
        "capabilities": { "general": { "positionEncodings": ["utf-16"] } },
        "initializationOptions": { "testEvents": true },
    })
}

/// A running server and everything it has said that nobody has looked at.
pub(crate) struct Server {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    incoming: Receiver<Value>,
    unread: VecDeque<Value>,
    /// The findings of each document as a client shows them now, looked at or not.
    shown: BTreeMap<String, Vec<Value>>,
    next_id: i64,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts it and stops before `initialize`.
    pub(crate) fn raw() -> Server {
        Server::of(env!("CARGO_BIN_EXE_faultbox").as_ref(), "lsp")
    }

    /// Starts any language server by its program and the argument that makes it one.
    pub(crate) fn of(program: &Path, argument: &str) -> Server {
        let folder = tempfile::Builder::new().prefix("faultbox-lsp").tempdir().unwrap();
        let mut command = Command::new(program);
        command.arg(argument).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, incoming) = channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            while let Some(message) = read_message(&mut reader) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Server { child, stdin, incoming, unread: VecDeque::new(), shown: BTreeMap::new(), next_id: 0, folder }
    }

    /// Starts it as an ordinary client would.
    pub(crate) fn start() -> Server {
        Server::start_with(abilities()).0
    }

    /// Starts it with these parameters; also returns the answer to `initialize`.
    pub(crate) fn start_with(params: Value) -> (Server, Value) {
        let mut server = Server::raw();
        let answer = server.request("initialize", params);
        server.notify("initialized", json!({}));
        (server, answer)
    }

    // --- files ---

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn uri(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    /// Writes the file, in a folder of its own if need be.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes the file and opens it, version 1.
    pub(crate) fn open(&mut self, name: &str, text: &str) -> String {
        self.write(name, text);
        let uri = self.uri(name);
        self.open_buffer(&uri, text);
        uri
    }

    /// Opens a document as it is in the editor, version 1.
    pub(crate) fn open_buffer(&mut self, uri: &str, text: &str) {
        let item = json!({ "uri": uri, "languageId": "faultbox", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": item }));
    }

    pub(crate) fn close(&mut self, uri: &str) {
        self.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }

    /// One incremental change, or a new text when there is no range.
    pub(crate) fn change(&mut self, uri: &str, version: i32, range: Option<Value>, text: &str) {
        let change = match range {
            Some(range) => json!({ "range": range, "text": text }),
            None => json!({ "text": text }),
        };
        let document = json!({ "uri": uri, "version": version });
        let params = json!({ "textDocument": document, "contentChanges": [change] });
        self.notify("textDocument/didChange", params);
    }

    // --- messages ---

    pub(crate) fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    /// Sends what may be no message.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        // A server that is gone is noticed by who waits for its answer.
        let _ = stdin.write_all(bytes);
        let _ = stdin.flush();
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request; returns its id.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// The whole response to a request.
    pub(crate) fn response(&mut self, id: i64) -> Value {
        self.wait(&format!("response {id}"), |message| {
            let is_it = message["id"] == id && message.get("method").is_none();
            is_it.then(|| message.clone())
        })
    }

    /// The result of a request; panics when it is an error.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        let response = self.response(id);
        assert!(response.get("error").is_none(), "{method}: {response}");
        response["result"].clone()
    }

    /// The error a request is answered with.
    pub(crate) fn refusal(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        let response = self.response(id);
        assert!(response.get("error").is_some(), "{method}: {response}");
        response["error"].clone()
    }

    pub(crate) fn command(&mut self, command: &str, argument: Value) -> Value {
        self.request("workspace/executeCommand", json!({ "command": command, "arguments": [argument] }))
    }

    /// Takes the first message, read or coming, that `choose` wants.
    pub(crate) fn wait<T>(&mut self, what: &str, mut choose: impl FnMut(&Value) -> Option<T>) -> T {
        for at in 0..self.unread.len() {
            if let Some(found) = choose(&self.unread[at]) {
                self.unread.remove(at);
                return found;
            }
        }
        let end = Instant::now() + LIMIT;
        while let Some(message) = self.next(end) {
            match choose(&message) {
                Some(found) => return found,
                None => self.unread.push_back(message),
            }
        }
        panic!("no {what} within {LIMIT:?}; unread: {:#?}", self.unread);
    }

    /// The next notification of this method, whose parameters `wanted` accepts.
    pub(crate) fn notification(&mut self, method: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(method, |message| {
            let is_it = message["method"] == method && wanted(&message["params"]);
            is_it.then(|| message["params"].clone())
        })
    }

    /// Looks away from everything that came.
    pub(crate) fn forget(&mut self) {
        self.unread.clear();
    }

    /// What came by this method about a document and nobody has looked at.
    pub(crate) fn unread(&self, method: &str, uri: &str) -> Vec<Value> {
        let is_it = |message: &&Value| message["method"] == method && message["params"]["uri"] == uri;
        self.unread.iter().filter(is_it).cloned().collect()
    }

    /// The findings published for this version of a document.
    pub(crate) fn findings(&mut self, uri: &str, version: i32) -> Vec<Value> {
        self.findings_where(uri, |params| params["version"] == version)
    }

    pub(crate) fn findings_where(&mut self, uri: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let method = "textDocument/publishDiagnostics";
        let params = self.notification(method, |params| params["uri"] == uri && wanted(params));
        params["diagnostics"].as_array().cloned().unwrap_or_default()
    }

    /// The findings a client shows for the document, as far as messages were read.
    pub(crate) fn shown(&self, uri: &str) -> &[Value] {
        self.shown.get(uri).map_or(&[], Vec::as_slice)
    }

    /// Waits until the findings a client shows for the document are as wanted.
    pub(crate) fn shows(&mut self, uri: &str, wanted: impl Fn(&[Value]) -> bool) {
        let end = Instant::now() + LIMIT;
        while !wanted(self.shown(uri)) {
            match self.next(end) {
                Some(message) => self.unread.push_back(message),
                None => panic!("{uri} does not show that within {LIMIT:?}: {:#?}", self.shown(uri)),
            }
        }
    }

    /// Asks until the answer is as wanted, for what follows from something that is not announced.
    pub(crate) fn wait_until(&mut self, mut is_so: impl FnMut(&mut Server) -> bool) {
        let end = Instant::now() + LIMIT;
        while !is_so(self) {
            assert!(Instant::now() < end, "it did not come about within {LIMIT:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The next message before `end`. Requests of the server are answered on the way.
    fn next(&mut self, end: Instant) -> Option<Value> {
        let left = end.saturating_duration_since(Instant::now());
        let message = match self.incoming.recv_timeout(left) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => {
                panic!("the server has ended: {:?}", self.child.try_wait())
            }
        };
        if message["method"] == "textDocument/publishDiagnostics" {
            let params = &message["params"];
            let found = params["diagnostics"].as_array().cloned().unwrap_or_default();
            self.shown.insert(params["uri"].as_str().unwrap_or("").to_owned(), found);
        }
        if message.get("method").is_some() && message.get("id").is_some() && self.stdin.is_some() {
            self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": null }));
        }
        Some(message)
    }

    // --- endings ---

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn exit_status(&mut self) -> ExitStatus {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the server does not end");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it in the ordinary way. Nothing may be left that someone should have looked at: no response, no message to the
    /// user, no half frame.
    pub(crate) fn finish(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        assert_eq!(self.exit_status().code(), Some(0));
        let mut unread: Vec<Value> = self.unread.drain(..).collect();
        unread.extend(self.incoming.iter());
        unread.retain(|message| {
            let method = message["method"].as_str().unwrap_or("");
            method.is_empty() || method.starts_with("window/showMessage") || method == "window/logMessage"
        });
        assert!(unread.is_empty(), "unread: {unread:#?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, in a test that passes.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next frame; `None` at a clean end. Anything on standard output that is not a frame fails the test.
pub(crate) fn read_message(reader: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            assert!(length.is_none(), "half a frame");
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("not a header: {line:?}"));
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok();
        }
    }
    let mut body = vec![0; length.expect("a Content-Length header")];
    reader.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("a frame holds JSON"))
}

/// A range from its two ends.
pub(crate) fn range(start: (u32, u32), end: (u32, u32)) -> Value {
    let position = |(line, character): (u32, u32)| json!({ "line": line, "character": character });
    json!({ "start": position(start), "end": position(end) })
}

/// `code message` of each finding, in order.
pub(crate) fn codes(findings: &[Value]) -> Vec<String> {
    findings.iter().map(|found| found["code"].as_str().unwrap_or("").to_owned()).collect()
}
