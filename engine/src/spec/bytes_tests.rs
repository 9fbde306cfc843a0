//! Bytes in specs: what steps and rules are given, and what replies give back.

use super::testing::{Script, lines, load_with, perform};
use super::{Limits, load};
use crate::model::{Action, Data, StepId, StepReply};
use crate::text::MemoryFiles;
use std::path::Path;
use std::time::Duration;

/// A file that is no text.
const BLOB: &[u8] = b"\x89PNG\r\n\xff\0";

#[test]
fn any_file_is_read_as_bytes_and_only_text_as_text() {
    let text = "\
api = service(\"api\", \"x\", interface(\"public\", \"http\", 8080))\n\
blob = load_bytes(\"blob\")\n\
fault_assumption(\"a\", target=api.public, rules=[response(body=blob)])\n\
broken = load_file(\"blob\")\n\
json = load_json(\"blob\")\n";
    let mut files = MemoryFiles::default().with("/spec/main.star", text);
    files.files.insert("/spec/blob".into(), BLOB.into());
    let loaded = load(&files, Path::new("/spec/main.star"), &Limits::load());
    assert_eq!(
        lines(&loaded),
        ["FB0006 4:20 `blob` is not valid UTF-8", "FB0006 5:18 `blob` is not valid UTF-8"]
    );
    let helps: Vec<String> = loaded.diagnostics.iter().flat_map(|finding| finding.help.clone()).collect();
    assert_eq!(helps, ["load_bytes() reads any file"]);
    assert_eq!(loaded.data_files, [Path::new("/spec/blob")]);
    let Action::Respond(params) = &loaded.spec.assumptions[0].rules[0].action else { panic!() };
    assert_eq!(params.get("body"), Some(&Data::bytes(BLOB)));
}

#[test]
fn bytes_travel_from_a_body_to_the_wire_and_back() {
    let text = r#"
def test_a():
    r = api.post("/x", b"\xff\x80")
    assert_eq(r.body, "\ufffd")
    assert_eq(r.body_bytes, b"\xff\n")
    assert_eq(db.main.send(b"\x00"), b"\x01\r\n")
    fault(api.public, response(body=bytes([255])), run=lambda: api.get("/y"))
    assert_eq(api.get("/y").body_bytes, b"/y")
"#;
    let empty = StepReply { ok: true, ..StepReply::failed(StepId(0), "", Duration::ZERO) };
    let mut script = Script::default();
    let reply = StepReply { body: "\u{fffd}".to_owned(), raw: Some(b"\xff\n".to_vec()), ..empty.clone() };
    script.replies.insert("api.public.post /x".to_owned(), reply);
    let line = StepReply { body: "\u{1}".to_owned(), raw: Some(b"\x01\r\n".to_vec()), ..empty };
    script.replies.insert("db.main.send /".to_owned(), line);
    let (_, performed, log) = perform(text, "test_a", script);
    assert_eq!(performed.failure.map(|failure| failure.message), None);
    assert!(log.contains(&r#"step api.public.post {"body":b"\xff\x80","path":"/x"}"#.to_owned()), "{log:#?}");
    assert!(log.contains(&r#"step db.main.send {"data":b"\x00"}"#.to_owned()), "{log:#?}");
}

#[test]
fn what_cannot_be_sent_is_told_where_it_is_written() {
    let fails = |body: &str| {
        let text = format!("def test_a():\n    {body}\n");
        let (loaded, performed, _) = perform(&text, "test_a", Script::default());
        let failure = performed.failure.expect(body);
        format!("{}: {}", loaded.sources.text(failure.span.unwrap()), failure.message)
    };
    let json = fails("x = b\"\\xff\"; api.post(\"/\", {\"a\": x})");
    assert_eq!(json, "{\"a\": x}: api.public.post() body= cannot hold bytes within JSON");
    let header = fails("x = \"a\\r\\nb\"; api.get(headers={\"X\": x})");
    assert_eq!(header, "x: the header X cannot have the value \"a\\r\\nb\"");
    let name = fails("x = \"a b\"; api.get(headers={x: \"y\"})");
    assert_eq!(name, "\"y\": \"a b\" cannot be the name of a header");
    let status = fails("x = 103; fault(api.public, response(status=x), run=lambda: 1)");
    assert_eq!(status, "x: 103 is an interim status, which answers no request");
}

#[test]
fn bytes_do_not_grow_without_bounds() {
    let loaded = load_with("x = b\"ab\" * 1000000000\n", &[]);
    assert_eq!(lines(&loaded).len(), 1, "{:?}", lines(&loaded));
    assert!(lines(&loaded)[0].contains("is too large"), "{:?}", lines(&loaded));
}
