//! Which arguments of a command are keys, compared with a real server over all its commands.
//!
//! The server documents the arguments of each command (`COMMAND DOCS`); from that, commands are generated in every
//! shape, and the server says which of their arguments are keys (`COMMAND GETKEYS`).

use crate::redis::{setting, step};
use faultbox_engine::model::{Data, Protocol};
use faultbox_engine::protocol;
use faultbox_engine::proxy::{Cut, Direction};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Two decisions of one command are varied together up to this many decisions.
const MAX_PAIRED: usize = 24;

/// Texts that a command may carry where no keyword is meant.
const MISLEADING: [&str; 6] = ["STORE", "STREAMS", "KEYS", "AUTH", "BY", "0"];

/// An argument as `COMMAND DOCS` has it.
struct Argument {
    name: String,
    ty: String,
    token: Option<String>,
    optional: bool,
    multiple: bool,
    multiple_token: bool,
    inner: Vec<Argument>,
}

/// Pairs of a flat list: RESP2 has no maps.
fn fields(data: &Data) -> BTreeMap<String, &Data> {
    let Data::List(items) = data else { return BTreeMap::new() };
    let pairs = items.chunks_exact(2).filter_map(|pair| Some((pair[0].as_str()?.to_owned(), &pair[1])));
    pairs.collect()
}

fn list(data: Option<&&Data>) -> Vec<Data> {
    match data {
        Some(Data::List(items)) => items.clone(),
        _ => Vec::new(),
    }
}

fn argument(data: &Data) -> Argument {
    let fields = fields(data);
    let text = |name: &str| fields.get(name).and_then(|data| data.as_str()).map(str::to_owned);
    let flags = list(fields.get("flags"));
    let has = |flag: &str| flags.iter().any(|known| known.as_str() == Some(flag));
    Argument {
        name: text("name").unwrap_or_default(),
        ty: text("type").unwrap_or_default(),
        token: text("token"),
        optional: has("optional"),
        multiple: has("multiple"),
        multiple_token: has("multiple_token"),
        inner: list(fields.get("arguments")).iter().map(argument).collect(),
    }
}

/// Every command and subcommand with its words and arguments.
fn commands(docs: &Data, prefix: &[String], into: &mut Vec<(Vec<String>, Vec<Argument>)>) {
    for (name, doc) in fields(docs) {
        let mut words = prefix.to_vec();
        words.push(name.split('|').next_back().unwrap_or_default().to_uppercase());
        let doc = fields(doc);
        into.push((words.clone(), list(doc.get("arguments")).iter().map(argument).collect()));
        if let Some(subcommands) = doc.get("subcommands") {
            commands(subcommands, &words, into);
        }
    }
}

/// One command being written: decisions are numbered in the order they are met.
struct Writer<'c> {
    /// Optional arguments are written, several are two.
    full: bool,
    /// Decisions that go the other way, with their choice.
    other: &'c [(usize, usize)],
    /// How many choices each decision met has.
    met: Vec<usize>,
    words: Vec<String>,
    /// Where the number of the keys that follow belongs, and the words that are keys.
    count_at: Option<usize>,
    is_key: Vec<bool>,
    text: &'c str,
}

impl Writer<'_> {
    /// One of `choices`; `usual` unless the decision is to go another way.
    fn decide(&mut self, choices: usize, usual: usize) -> usize {
        let number = self.met.len();
        self.met.push(choices);
        let other = self.other.iter().find(|(at, _)| *at == number);
        other.map_or(usual, |(_, choice)| (usual + choice) % choices)
    }

    fn push(&mut self, word: impl Into<String>, is_key: bool) {
        self.words.push(word.into());
        self.is_key.push(is_key);
    }

    fn arguments(&mut self, arguments: &[Argument]) {
        for argument in arguments {
            if argument.optional && self.decide(2, usize::from(self.full)) == 0 {
                continue;
            }
            let times = if argument.multiple { 1 + self.decide(2, usize::from(self.full)) } else { 1 };
            for time in 0..times {
                match &argument.token {
                    Some(token) if time == 0 || argument.multiple_token => self.push(token.clone(), false),
                    _ => {}
                }
                self.value(argument);
            }
        }
    }

    fn value(&mut self, argument: &Argument) {
        match argument.ty.as_str() {
            "pure-token" => {}
            "block" => self.arguments(&argument.inner),
            "oneof" => {
                let choice = self.decide(argument.inner.len(), 0);
                self.arguments(&argument.inner[choice..=choice]);
            }
            "key" => self.push(format!("key:{}", self.words.len()), true),
            "integer" if argument.name == "numkeys" => {
                self.count_at = Some(self.words.len());
                self.push("0", false);
            }
            "integer" | "double" | "unix-time" => self.push("7", false),
            _ => self.push(self.text, false),
        }
    }

    /// The words, with the number of keys put where it belongs.
    fn finish(mut self) -> Vec<String> {
        if let Some(at) = self.count_at {
            let keys = self.is_key[at + 1..].iter().take_while(|is_key| **is_key).count();
            self.words[at] = keys.to_string();
        }
        self.words
    }
}

fn write(
    words: &[String],
    arguments: &[Argument],
    full: bool,
    other: &[(usize, usize)],
    text: &str,
) -> (Vec<String>, Vec<usize>) {
    let mut writer = Writer {
        full,
        other,
        met: Vec::new(),
        words: words.to_vec(),
        count_at: None,
        is_key: vec![false; words.len()],
        text,
    };
    writer.arguments(arguments);
    let met = writer.met.clone();
    (writer.finish(), met)
}

/// A command in many shapes: with as little and with as much as it takes, each decision the other way, two together.
fn shapes(words: &[String], arguments: &[Argument]) -> BTreeSet<Vec<String>> {
    let mut shapes = BTreeSet::new();
    for full in [false, true] {
        let (first, met) = write(words, arguments, full, &[], "text");
        shapes.insert(first);
        for text in MISLEADING {
            shapes.insert(write(words, arguments, full, &[], text).0);
        }
        let choices = |at: usize| (1..met[at]).map(move |choice| (at, choice));
        let single: Vec<(usize, usize)> = (0..met.len()).flat_map(choices).collect();
        for (place, &one) in single.iter().enumerate() {
            let (shape, met) = write(words, arguments, full, &[one], "text");
            shapes.insert(shape);
            shapes.insert(write(words, arguments, full, &[one], "STORE").0);
            // A decision may bring others with it.
            for at in single.len()..met.len() {
                shapes.insert(write(words, arguments, full, &[one, (at, 1)], "text").0);
            }
            for &two in single[place + 1..].iter().filter(|_| single.len() <= MAX_PAIRED) {
                shapes.insert(write(words, arguments, full, &[one, two], "text").0);
            }
        }
    }
    shapes
}

fn encode<'w>(words: impl ExactSizeIterator<Item = &'w str>) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
    out
}

/// What the server says are the keys; `None` when it does not take the command for one.
async fn server_keys(stream: &mut BufReader<TcpStream>, command: &[String]) -> Option<Vec<String>> {
    let words = ["COMMAND", "GETKEYS"].into_iter().chain(command.iter().map(String::as_str));
    let words: Vec<&str> = words.collect();
    stream.write_all(&encode(words.into_iter())).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    if let Some(error) = line.strip_prefix('-') {
        return error.contains("has no key arguments").then(Vec::new);
    }
    let count: usize = line.trim_end().strip_prefix('*').expect(&line).parse().unwrap();
    let mut keys = Vec::new();
    for _ in 0..count {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let mut bytes = vec![0; line.trim_end()[1..].parse::<usize>().unwrap() + 2];
        stream.read_exact(&mut bytes).await.unwrap();
        keys.push(String::from_utf8_lossy(&bytes[..bytes.len() - 2]).into_owned());
    }
    Some(keys)
}

/// What a rule on `key` or `channel` sees of the command.
fn seen(command: &[String], field: &str) -> Vec<String> {
    let bytes = encode(command.iter().map(String::as_str));
    let mut session = protocol::session(Protocol::Redis);
    // MONITOR and its like are no requests, and have no keys.
    let Cut::Unit { .. } = session.cut(Direction::ToServer, &bytes, false) else { return Vec::new() };
    let fields = session.message(&bytes).fields.into_iter();
    fields.filter(|(name, _)| *name == field).map(|(_, text)| text).collect()
}

#[tokio::test]
async fn the_keys_of_every_command_are_those_the_server_says() {
    let Some((server, setting)) = setting() else { return };
    let args = ("args", json!(["DOCS"]));
    let docs = step(&setting, "command", &[("cmd", json!("COMMAND")), args]).await;
    let mut all = Vec::new();
    commands(docs.data.get("value").unwrap(), &[], &mut all);
    assert!(all.len() > 350, "{} commands and subcommands", all.len());
    let mut stream = BufReader::new(TcpStream::connect(server.address).await.unwrap());
    let (mut compared, mut wrong, mut with_keys) = (0, Vec::new(), BTreeSet::new());
    for (words, arguments) in &all {
        for command in shapes(words, arguments) {
            let Some(mut expected) = server_keys(&mut stream, &command).await else { continue };
            compared += 1;
            if !expected.is_empty() {
                with_keys.insert(words[0].clone());
            }
            let mut found = seen(&command, "key");
            // The order of several is the server's own.
            expected.sort_unstable();
            found.sort_unstable();
            if found != expected {
                wrong.push(format!("{}: {found:?}, the server says {expected:?}", command.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 2000, "{compared} were compared");
    // Those whose keys are hard to find were among them.
    let hard = [
        "SORT",
        "SORT_RO",
        "GEORADIUS",
        "GEORADIUSBYMEMBER",
        "MIGRATE",
        "XREAD",
        "XREADGROUP",
        "EVAL",
        "FCALL",
        "ZUNIONSTORE",
        "BITOP",
        "OBJECT",
        "MEMORY",
        "LMPOP",
        "BLMPOP",
        "BZMPOP",
        "SINTERCARD",
        "COPY",
        "XINFO",
    ];
    let missing: Vec<&str> = hard.into_iter().filter(|name| !with_keys.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn channels_are_no_keys() {
    let Some((server, _setting)) = setting() else { return };
    let mut stream = BufReader::new(TcpStream::connect(server.address).await.unwrap());
    for (command, channels) in [
        ("PUBLISH news hello", &["news"][..]),
        ("SPUBLISH news hello", &["news"]),
        ("SUBSCRIBE a b", &["a", "b"]),
        ("PSUBSCRIBE a* b", &["a*", "b"]),
        ("SSUBSCRIBE a b", &["a", "b"]),
        ("UNSUBSCRIBE a", &["a"]),
        ("PUBSUB NUMSUB a", &[]),
    ] {
        let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(server_keys(&mut stream, &command).await, Some(Vec::new()), "{command:?}");
        assert_eq!(seen(&command, "key"), [""; 0], "{command:?}");
        assert_eq!(seen(&command, "channel"), channels, "{command:?}");
    }
}
