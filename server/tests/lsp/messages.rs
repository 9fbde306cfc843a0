//! Broken messages (bar R16): one that cannot be understood is answered with an error, and the next one is read. Only
//! where the next one starts can no longer be told, the server ends and says why.

use crate::client::{LIMIT, Server, read_message};
use serde_json::{Value, json};
use std::io::{BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

const TEXT: &str = "y = 1\n";

/// A name, what is sent, and what is expected.
type Row = (&'static str, Vec<u8>, Then);

/// What is expected of a message.
enum Then {
    /// An error under this id.
    Error(i64, Value),
    /// The document has a `y` at this column of its first line.
    Taken(u32),
    /// No answer, and the document as it was.
    Nothing,
}
use Then::{Error, Nothing, Taken};

fn framed(body: impl AsRef<[u8]>) -> Vec<u8> {
    with_header("", body)
}

/// A message with more header lines, each with its end.
fn with_header(lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    [format!("{lines}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// The document changes to this JSON text.
fn change(uri: &str, text: &[u8]) -> Vec<u8> {
    let before = format!(
        r#"{{"jsonrpc":"2.0","method":"textDocument/didChange","params":{{"textDocument":{{"uri":"{uri}","version":2}},"contentChanges":[{{"text":""#
    );
    [before.as_bytes(), text, br#""}]}}"#].concat()
}

/// Content that is no JSON, or no message.
fn of_content() -> Vec<Row> {
    let parse = || Error(-32700, Value::Null);
    let invalid = |id: Value| Error(-32600, id);
    let row = |what, body: &str, then| (what, framed(body), then);
    vec![
        row("nothing at all", "", parse()),
        row("only blanks", "  \r\n", parse()),
        row("words", "hello", parse()),
        row("a bracket", "{", parse()),
        row("names without quotes", "{nope}", parse()),
        row("single quotes", "{'jsonrpc':'2.0'}", parse()),
        row("a comma too many", r#"{"jsonrpc":"2.0",}"#, parse()),
        row("a comment", r#"{"jsonrpc":"2.0"/* */}"#, parse()),
        row(
            "two messages in one",
            r#"{"jsonrpc":"2.0","method":"a"}{"jsonrpc":"2.0","method":"b"}"#,
            parse(),
        ),
        row("an escape there is not", r#"{"jsonrpc":"2.0","method":"\x41"}"#, parse()),
        row("a line end within a text", "{\"jsonrpc\":\"2.0\",\"method\":\"a\nb\"}", parse()),
        row("NaN", r#"{"jsonrpc":"2.0","id":NaN}"#, parse()),
        row("a NUL", "\0", parse()),
        row("a hundred thousand brackets", &"[".repeat(100_000), parse()),
        row("an empty batch", "[]", invalid(Value::Null)),
        row("a batch", r#"[{"jsonrpc":"2.0","id":1,"method":"shutdown"}]"#, invalid(Value::Null)),
        row("a number", "42", invalid(Value::Null)),
        row("a text", "\"initialize\"", invalid(Value::Null)),
        row("null", "null", invalid(Value::Null)),
        row("an empty object", "{}", invalid(Value::Null)),
        row("no version of the protocol", r#"{"id":71,"method":"shutdown"}"#, invalid(json!(71))),
        row("an old version", r#"{"jsonrpc":"1.0","id":72,"method":"shutdown"}"#, invalid(json!(72))),
        row("no method", r#"{"jsonrpc":"2.0","id":73}"#, invalid(json!(73))),
        row("a method that is a number", r#"{"jsonrpc":"2.0","id":"a","method":1}"#, invalid(json!("a"))),
        row(
            "params that are a number",
            r#"{"jsonrpc":"2.0","id":74,"method":"m","params":1}"#,
            invalid(json!(74)),
        ),
        row("an id that is null", r#"{"jsonrpc":"2.0","id":null,"method":"shutdown"}"#, invalid(Value::Null)),
        row(
            "an id that is a list",
            r#"{"jsonrpc":"2.0","id":[1],"method":"shutdown"}"#,
            invalid(Value::Null),
        ),
        row(
            "an id that is a fraction",
            r#"{"jsonrpc":"2.0","id":1.5,"method":"shutdown"}"#,
            invalid(Value::Null),
        ),
        row("a method nobody has", r#"{"jsonrpc":"2.0","id":75,"method":"nope"}"#, Error(-32601, json!(75))),
        row("a method without a name", r#"{"jsonrpc":"2.0","id":76,"method":""}"#, Error(-32601, json!(76))),
        row(
            "params of another kind",
            r#"{"jsonrpc":"2.0","id":77,"method":"textDocument/hover","params":[]}"#,
            Error(-32602, json!(77)),
        ),
        row(
            "a second initialize",
            r#"{"jsonrpc":"2.0","id":78,"method":"initialize","params":{"capabilities":{}}}"#,
            invalid(json!(78)),
        ),
        row("an answer nobody waits for", r#"{"jsonrpc":"2.0","id":4711,"result":1}"#, Nothing),
        row("an answer that is no answer", r#"{"jsonrpc":"2.0","id":1,"error":7}"#, Nothing),
        row("a notification nobody has", r#"{"jsonrpc":"2.0","method":"nope"}"#, Nothing),
        row(
            "a cancellation of nothing",
            r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":{}}}"#,
            Nothing,
        ),
        row(
            "a change of nothing",
            r#"{"jsonrpc":"2.0","method":"textDocument/didChange","params":{}}"#,
            Nothing,
        ),
    ]
}

/// Texts JSON cannot hold, and headers as only some clients write them.
fn of_texts_and_headers(uri: &str) -> Vec<Row> {
    let text = |what, text: &[u8], column| (what, framed(change(uri, text)), Taken(column));
    let header = |what, lines: &str, column: u32| {
        let body = change(
            uri,
            format!("{}y = 1", "\"\"; ".repeat(column as usize / 4)).replace('"', "\\\"").as_bytes(),
        );
        (what, with_header(lines, body), Taken(column))
    };
    let good = change(uri, b"y = 1");
    vec![
        text("the first half of a pair", br#"x = \"\ud83d\"; y = 1"#, 9),
        text("the second half of a pair", br#"x = \"\ude00\"; y = 1"#, 9),
        text("the halves the wrong way round", br#"x = \"\uDE00\uD83D\"; y = 1"#, 10),
        text("a pair and a half", br#"x = \"\ud83d\ude00\ud83d\"; y = 1"#, 11),
        text("a half behind a backslash", br#"x = \"\\\\\ud83d\"; y = 1"#, 11),
        text("what only looks like a half", br#"x = \"\\\\ud83d\"; y = 1"#, 15),
        text("a half in bytes", b"x = \\\"\xed\xa0\xbd\\\"; y = 1", 9),
        text("a letter of Latin-1", b"x = \\\"caf\xe9\\\"; y = 1", 12),
        text("a character cut short", b"x = \\\"\xf0\x9f\x98\\\"; y = 1", 11),
        text("a byte order mark", "\u{feff}y = 1".as_bytes(), 1),
        ("a mark before the message", framed(["\u{feff}".as_bytes(), &good].concat()), Taken(0)),
        header("lower case and other lines", "x-other: 1\r\n", 4),
        header("a charset of older clients", "Content-Type: application/vscode-jsonrpc; charset=utf8\r\n", 8),
        header("a charset in quotes", "content-type: text/plain;charset=\"UTF-8\"\r\n", 4),
        header("a line that is none", "nonsense\r\n", 8),
        header("empty lines before", "\r\n\r\n", 4),
        ("the length twice", with_header(&format!("Content-Length: {}\r\n", good.len()), &good), Taken(0)),
        (
            "the length without blanks",
            [format!("CONTENT-LENGTH:{}\n\n", good.len()).into_bytes(), good.clone()].concat(),
            Taken(0),
        ),
        (
            "another charset",
            with_header("Content-Type: x; charset=utf-16\r\n", &good),
            Error(-32700, Value::Null),
        ),
    ]
}

/// Where `y` is on the first line.
fn column_of_y(server: &mut Server, uri: &str) -> Option<u64> {
    let symbols = server.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
    let y = symbols.as_array().into_iter().flatten().find(|symbol| symbol["name"] == "y")?;
    y["location"]["range"]["start"]["character"].as_u64()
}

fn check(server: &mut Server, uri: &str, (what, bytes, then): &Row) {
    server.open_buffer(uri, TEXT);
    server.send_bytes(bytes);
    match then {
        Error(code, id) => {
            let answer = server.wait(what, |message| {
                let is_it = message.get("method").is_none() && message.get("error").is_some();
                is_it.then(|| message.clone())
            });
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), id), "{what}: {answer}");
            assert!(!answer["error"]["message"].as_str().unwrap_or("").is_empty(), "{what}: {answer}");
        }
        Taken(column) => assert_eq!(column_of_y(server, uri), Some(u64::from(*column)), "{what}"),
        Nothing => assert_eq!(column_of_y(server, uri), Some(0), "{what}"),
    }
    // The next message is read.
    server.change(uri, 3, None, &format!("\"\"; {TEXT}"));
    assert_eq!(column_of_y(server, uri), Some(4), "after {what}");
    server.close(uri);
}

#[test]
fn a_message_without_meaning_is_answered_and_the_next_one_is_read() {
    let mut server = Server::start();
    let uri = server.uri("faultbox.star");
    of_content().iter().for_each(|row| check(&mut server, &uri, row));
    server.finish();
}

#[test]
fn texts_and_headers_are_taken_as_clients_send_them() {
    let mut server = Server::start();
    let uri = server.uri("faultbox.star");
    of_texts_and_headers(&uri).iter().for_each(|row| check(&mut server, &uri, row));
    server.finish();
}

/// Streams whose next message cannot be found, and what is said of them.
const LOST: &[(&str, &str, &str)] = &[
    ("no length", "X-Other: 1\r\n\r\n{}", "no Content-Length"),
    ("no header", "hello\r\n\r\n", "no Content-Length"),
    ("a negative length", "Content-Length: -1\r\n\r\n{}", "Content-Length is \"-1\""),
    ("a length in hexadecimal", "Content-Length: 0x2\r\n\r\n{}", "Content-Length is \"0x2\""),
    ("an empty length", "Content-Length:\r\n\r\n{}", "Content-Length is \"\""),
    ("a length of exabytes", "Content-Length: 9999999999999999999\r\n\r\n{}", "not the length of a message"),
    ("a length beyond all numbers", "Content-Length: 99999999999999999999999\r\n\r\n{}", "not the length"),
    ("two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", "two different"),
    ("two lengths in one line", "Content-Length: 2, 3\r\n\r\n{} ", "not the length"),
    (
        "a length that is too small",
        "Content-Length: 1\r\n\r\n{}Content-Length: 2\r\n\r\n{}",
        "no Content-Length",
    ),
    ("a length that is too large", "Content-Length: 9\r\n\r\n{}", "ended within a message"),
    ("half a header", "Content-Len", "ended within a message"),
];

#[test]
fn where_the_next_message_starts_must_be_known() {
    for (what, bytes, why) in LOST {
        ends(what, bytes.as_bytes(), why);
    }
    ends("a header without end", "X: 1\r\n".repeat(10_000).as_bytes(), "does not end");
    ends("a line without end", &[b'x'; 100_000], "does not end");
}

/// The server answers what came before, and ends at once, with one line that says why.
fn ends(what: &str, bytes: &[u8], why: &str) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_faultbox"))
        .arg("lsp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let first = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#;
    // A server that has ended takes nothing more.
    let _ = stdin.write_all(&[framed(first), bytes.to_vec()].concat());
    if why.contains("ended") {
        drop(stdin);
    }
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(read_message(&mut stdout).expect(what)["id"], 1, "{what}");
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{what}");
    assert!(stderr.contains(why) && stderr.lines().count() == 1, "{what}: {stderr}");
    assert!(begun.elapsed() < LIMIT, "{what}");
}

/// Bar R16 counts them.
#[test]
fn there_are_sixty_messages() {
    assert!(of_content().len() + of_texts_and_headers("").len() + LOST.len() >= 60);
}

/// As vscode-jsonrpc does: what was asked for before the stream ends is answered.
#[test]
fn a_client_that_says_no_more_gets_its_answers() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", TEXT);
    let ids: Vec<i64> = (0..50)
        .map(|_| server.ask("textDocument/foldingRange", json!({ "textDocument": { "uri": uri } })))
        .collect();
    server.close_stdin();
    for id in ids {
        server.response(id);
    }
    assert_eq!(server.exit_status().code(), Some(1));
}
