//! Our reading of HTTP/1 framing that parsers read differently: the table of `tests/suites/framing.txt`.
//!
//! `tests/suites/framing.py` made the table and compares our reading with that of h11 and httptools.

#[path = "../benches/fuzz/h1.rs"]
mod h1;
#[path = "../benches/fuzz/transcript.rs"]
#[expect(dead_code, reason = "only the escapes are needed here")]
mod transcript;

#[test]
fn ambiguous_framing_is_not_understood_and_the_rest_is_understood_one_way() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("suites/framing.txt").lines() {
        let columns: Vec<&str> = line.split(" | ").collect();
        let [name, kind, data, expected] = columns[..] else { panic!("four columns: {line}") };
        let bytes = transcript::unescape(data).expect("escapes as in transcripts");
        let reading = h1::reading(kind, &bytes);
        if reading.replace('|', "\\x7c") != expected {
            wrong.push(format!("{name}: {reading}, not {expected}"));
        }
        count += 1;
    }
    assert!(count >= 300, "{count} cases");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
