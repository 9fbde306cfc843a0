//! Every reader of foreign bytes, by name.

use super::mutate::Input;
use super::{host, sessions, texts, transcript};
use faultbox_engine::model::Protocol;
use faultbox_engine::proxy::Direction;

/// One reader.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Reads the input, panics when something does not hold, and says what it took the input for: an input that is
    /// taken for something new is kept and changed further.
    pub(crate) check: fn(&Input, u64) -> u64,
    pub(crate) seeds: fn() -> Vec<Input>,
    /// What the reader looks for.
    pub(crate) words: &'static [&'static [u8]],
}

pub(crate) static TARGETS: &[Target] = &[
    Target {
        name: "http",
        check: |input, seed| sessions::check(Protocol::Http, input, seed),
        seeds: || recorded(Protocol::Http),
        words: HTTP,
    },
    Target {
        name: "redis",
        check: |input, seed| sessions::check(Protocol::Redis, input, seed),
        seeds: || recorded(Protocol::Redis),
        words: RESP,
    },
    Target {
        name: "postgres",
        check: |input, seed| sessions::check(Protocol::Postgres, input, seed),
        seeds: || recorded(Protocol::Postgres),
        words: POSTGRES,
    },
    Target {
        name: "tcp",
        check: |input, seed| sessions::check(Protocol::Tcp, input, seed),
        seeds: || recorded(Protocol::Tcp),
        words: &[b"\r\n", b"\0", b"\xff"],
    },
    Target {
        name: "udp",
        check: sessions::check_datagram,
        seeds: || recorded(Protocol::Udp),
        words: &[b"\r\n", b"\0", b"\xff", b"\xe2\x82"],
    },
    Target { name: "resp", check: texts::check_resp, seeds: || recorded(Protocol::Redis), words: RESP },
    Target { name: "login", check: texts::check_login, seeds: logins, words: POSTGRES },
    Target {
        name: "ports",
        check: host::check_ports,
        seeds: host::ports,
        words: &[b"\0\0\0\x80", b"\x02\0", b"\x03\0", b"\xff\xff\xff\xff"],
    },
    Target {
        name: "dns",
        check: host::check_dns,
        seeds: host::dns,
        words: &[
            b"\x02db\0",
            b"\xc0\x0c",
            b"\x3f",
            b"\0\x29",
            b"\0\x01\0\x01",
            b"\x07in-addr\x04arpa\0",
            b"\xff",
        ],
    },
    Target {
        name: "program",
        check: host::check_program,
        seeds: host::programs,
        words: &[b"#!", b"\x7fELF", b"\x03\0\0\0", b"\xff\xff\xff\xff\xff\xff\xff\xff", b" ", b"\n"],
    },
    Target {
        name: "address",
        check: host::check_address,
        seeds: host::addresses,
        words: &[b"\x01\0", b"\x02\0", b"\x0a\0", b"\0", b"/"],
    },
    Target {
        name: "lines",
        check: host::check_lines,
        seeds: || texts(&["ready\nlistening on 1\r\n\n", "no end"]),
        words: &[b"\r\n", b"\n", b"\r", b"\xf0\x9f\x98\x80"],
    },
    Target { name: "glob", check: texts::check_glob, seeds: globs, words: GLOB },
    Target { name: "syntax", check: texts::check_syntax, seeds: specs, words: SPEC },
    Target { name: "cursor", check: texts::check_cursor, seeds: specs, words: SPEC },
    Target { name: "sql", check: texts::check_sql, seeds: statements, words: SQL },
    Target {
        name: "units",
        check: texts::check_units,
        seeds: units,
        words: &[b"ms", b"s", b"1", b".", b"%", b"e9"],
    },
];

fn recorded(protocol: Protocol) -> Vec<Input> {
    transcript::of(protocol).into_iter().map(|(_, talk)| talk).collect()
}

fn texts(texts: &[&str]) -> Vec<Input> {
    texts.iter().map(|text| vec![(Direction::ToServer, text.as_bytes().to_vec())]).collect()
}

fn globs() -> Vec<Input> {
    texts(&[
        "/data/*\n/data/a/b",
        "*.log\nx.log",
        "a?c\\*\nabc*",
        "INSERT INTO *\ninsert into orders",
        "**/x\na/b/x",
    ])
}

fn specs() -> Vec<Input> {
    texts(&[
        include_str!("../../src/syntax/testdata/http_protocol_faults.star"),
        "x = [y for y in range(3) if y % 2]\ndef f(a, *b, c = 1, **d):\n    return a[1:2].z(\"é\\n\", r'x')\n",
        "load(\"a.star\", \"b\", c = \"d\")\nif x:\n  pass\nelif y: break\nelse:\n\tx += {1: 2, \"k\": (3,)}\n",
        "lambda x: not x or \"\"\"😀\r\n\"\"\" # c\rfor a, b in {}.items(): print(a,\n",
    ])
}

fn logins() -> Vec<Input> {
    let said: [&[u8]; 4] = [
        b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0",
        b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0R\0\0\0\x08\0\0\0\0",
        b"E\0\0\0\x16SFATAL\0C28000\0Mno\0\0",
        b"p\0\0\0\x22SCRAM-SHA-256\0\0\0\0\x0cy,,n=,r=abcd",
    ];
    let mut all: Vec<Input> = said.iter().map(|bytes| vec![(Direction::ToClient, bytes.to_vec())]).collect();
    let scram = |direction, said: &[u8]| (direction, said.to_vec());
    all.push(vec![
        scram(Direction::ToServer, said[3]),
        scram(Direction::ToClient, b"R\0\0\0\x28\0\0\0\x0br=abcdefgh,s=W22ZaJ0SNY7soQ==,i=2"),
        scram(Direction::ToServer, b"p\0\0\0\x1bc=eSws,r=abcdefgh,p=aaaa"),
        scram(Direction::ToClient, b"R\0\0\0\x0e\0\0\0\x0cv=aaaa"),
    ]);
    all
}

fn statements() -> Vec<Input> {
    texts(&[
        "INSERT INTO \"orders\" (a, b) VALUES ($1, 'it''s') -- done\n;",
        "SELECT /* a /* b */ */ * FROM t WHERE x=:y AND z <> E'\\'' AND d = $tag$ a $tag$",
        "select \"A b\", u&\"x\" from a.b where c::text ~* 'x' and n = 1.5e3;",
    ])
}

fn units() -> Vec<Input> {
    texts(&["500ms", "1.5s", "2m30s", "30%", "0.3", "1h", "10us", "100%", "99999999999999999999s"])
}

const HTTP: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 ",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 18446744073709551615\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : gzip, chunked\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b"CONNECT ",
    b"HEAD ",
    b"fffffffffffffff\r\n",
    b";a=\"b\"",
    b" folded\r\n",
    b"http://a?b",
    b"%zz%2",
];

const RESP: &[&[u8]] = &[
    b"\r\n",
    b"*-1\r\n",
    b"$-1\r\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
    b"$9999999\r\n",
    b"$16384\r\n",
    b"*4611686018427387903\r\n",
    b"%2\r\n",
    b">3\r\n$7\r\nmessage\r\n",
    b"|1\r\n+a\r\n:1\r\n",
    b"~1\r\n",
    b"_\r\n",
    b"#t\r\n",
    b",inf\r\n",
    b"=5\r\ntxt:x\r\n",
    b"!3\r\nERR\r\n",
    b"MULTI\r\n",
    b"EXEC\r\n",
    b"DISCARD\r\n",
    b"RESET\r\n",
    b"HELLO 3\r\n",
    b"SUBSCRIBE a b\r\n",
    b"UNSUBSCRIBE\r\n",
    b"CLIENT REPLY SKIP\r\n",
    b"CLIENT REPLY OFF\r\n",
    b"CLIENT REPLY ON\r\n",
    b"MONITOR\r\n",
    b"PSYNC ? -1\r\n",
    b"+QUEUED\r\n",
    b"-ERR x\r\n",
    b"*1\r\n",
];

const POSTGRES: &[&[u8]] = &[
    b"\0\0\0\x04",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"S\0\0\0\x04",
    b"H\0\0\0\x04",
    b"X\0\0\0\x04",
    b"Z\0\0\0\x05I",
    b"Z\0\0\0\x05E",
    b"1\0\0\0\x04",
    b"2\0\0\0\x04",
    b"n\0\0\0\x04",
    b"I\0\0\0\x04",
    b"s\0\0\0\x04",
    b"c\0\0\0\x04",
    b"N",
    b"G\0\0\0\x07\0\0\0",
    b"H\0\0\0\x07\0\0\0",
    b"C\0\0\0\x0dSELECT 1\0",
    b"E\0\0\0\x08Sx\0\0",
    b"Q\0\0\0\x0dSELECT 1\0",
    b"P\0\0\0\x10\0SELECT 1\0\0\0",
    b"B\0\0\0\x0c\0\0\0\0\0\0\0\0",
    b"E\0\0\0\x09\0\0\0\0\0",
    b"D\0\0\0\x06P\0",
    b"C\0\0\0\x06Ss",
    b"\0\0\0\x08\x04\xd2\x16\x2f",
    b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02",
    b"\0\0\0\x11\0\x03\0\0user\0a\0\0",
];

const GLOB: &[&[u8]] =
    &[b"*", b"**", b"?", b"\\", b"/", b".", b">", b"#", b"\n", b"aaaa", "é".as_bytes(), "İ".as_bytes()];

const SPEC: &[&[u8]] = &[
    b"def f():\n    ",
    b"(",
    b")",
    b"[",
    b"{",
    b"}",
    b"\"\"\"",
    b"'",
    b"\\\n",
    b"\n\t",
    b"if x:\n",
    b"else:",
    b"for x in y:",
    b"lambda ",
    b" = ",
    b"**",
    b"not ",
    b"load(",
    b"fault(",
    b"0x",
    b"#",
    b":",
    b"\r",
    b"\xf0\x9f\x98\x80",
    b"\xe2\x80\xa8",
];

const SQL: &[&[u8]] = &[
    b"'",
    b"\"",
    b"$1",
    b"$$",
    b"$a$",
    b"--",
    b"/*",
    b"*/",
    b";",
    b" ",
    b"\n",
    b"E'",
    b"?",
    b":x",
    b"(",
    b"\xc3\x89",
];
