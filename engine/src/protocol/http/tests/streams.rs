//! Random pipelined streams: whatever the pieces, the same units, and the same bytes at the other end.

use super::super::HttpSession;
use crate::model::Action;
use crate::protocol::bench::{Bench, Peer, rule};
use crate::proxy::{Cut, Direction, Session};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// xorshift64* (Vigna, 2016): the same streams on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn body(&mut self, most: usize) -> String {
        // Bytes that look like framing, to catch a parser that looks for it where it must not.
        let words = ["GET / HTTP/1.1\r\n\r\n", "0\r\n\r\n", "\r\n", "x", "HTTP/1.1 200 OK\r\n"];
        (0..self.below(most + 1)).map(|_| words[self.below(words.len())]).collect()
    }

    /// `body` framed one way or the other.
    fn frame(&mut self, start: &str, body: &str) -> String {
        if self.below(2) == 0 {
            return format!("{start}Content-Length: {}\r\n\r\n{body}", body.len());
        }
        let mut text = format!("{start}Transfer-Encoding: chunked\r\n\r\n");
        let mut rest = body;
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(1 + self.below(rest.len()));
            text.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
            rest = behind;
        }
        let trailer = if self.below(3) == 0 { "Trailer: t\r\n" } else { "" };
        text + "0\r\n" + trailer + "\r\n"
    }

    /// A request and its reply.
    fn exchange(&mut self) -> (String, String) {
        let path = self.below(1000);
        let body = self.body(8);
        let reply_body = self.body(8);
        let reply = self.frame("HTTP/1.1 200 OK\r\nServer: s\r\n", &reply_body);
        match self.below(6) {
            0 => {
                let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1 + reply_body.len());
                (format!("HEAD /{path} HTTP/1.1\r\nHost: h\r\n\r\n"), reply)
            }
            1 => (
                self.frame(&format!("PUT /{path} HTTP/1.1\r\nExpect: 100-continue\r\n"), &body),
                format!("HTTP/1.1 100 Continue\r\n\r\n{reply}"),
            ),
            2 => (
                self.frame(&format!("POST /{path} HTTP/1.1\r\n"), &body),
                "HTTP/1.1 204 No Content\r\nX:y\r\n\r\n".to_owned(),
            ),
            3 => (self.frame(&format!("POST /{path} HTTP/1.1\r\nx-Odd:   case \t\r\n"), &body), reply),
            _ => (format!("GET /{path}?q HTTP/1.1\r\nHost: h\r\n\r\n"), reply),
        }
    }
}

async fn send_in_pieces(random: &mut Random, sink: &mut Peer, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let most = if random.below(4) == 0 { rest.len() } else { rest.len().min(40) };
        let (piece, behind) = rest.split_at(1 + random.below(most));
        sink.0.write_all(piece).await.unwrap();
        rest = behind;
        if random.below(2) == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Answers every request as soon as it is there, and gives back what came.
async fn serve(mut peer: Peer, exchanges: &[(String, String)], random: &mut Random) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut due = 0;
    for (request, reply) in exchanges {
        due += request.len();
        while seen.len() < due {
            assert_ne!(peer.0.read_buf(&mut seen).await.unwrap(), 0, "the requests ended early");
        }
        send_in_pieces(random, &mut peer, reply.as_bytes()).await;
    }
    peer.0.read_to_end(&mut seen).await.unwrap();
    seen
}

async fn one_stream(bench: &Bench, seed: u64) {
    let mut random = Random(seed * 2 + 1);
    let exchanges: Vec<_> = (0..1 + random.below(5)).map(|_| random.exchange()).collect();
    let requests: String = exchanges.iter().map(|(request, _)| request.as_str()).collect();
    let replies: String = exchanges.iter().map(|(_, reply)| reply.as_str()).collect();
    let (mut client, server) = bench.connect().await;
    let mut server_random = Random(seed * 2 + 2);
    let talk = async {
        send_in_pieces(&mut random, &mut client, requests.as_bytes()).await;
        client.0.shutdown().await.unwrap();
        let mut seen = Vec::new();
        client.0.read_to_end(&mut seen).await.unwrap();
        seen
    };
    let (answered, asked) = tokio::join!(talk, serve(server, &exchanges, &mut server_random));
    assert_eq!(String::from_utf8_lossy(&asked), requests, "requests of stream {seed}");
    assert_eq!(String::from_utf8_lossy(&answered), replies, "replies of stream {seed}");
}

/// Takes a few seconds in a debug build.
const STREAMS: u64 = 10_000;

#[tokio::test]
async fn random_streams_come_out_byte_for_byte() {
    let bench = Bench::new().await;
    let never = [("path", "/none/*"), ("body", "*never*")];
    let _rules = bench.rules.install(vec![
        rule(&never, Action::Duplicate),
        rule(&[("method", "POST"), ("body", "*never*")], Action::Duplicate),
    ]);
    for seed in 0..STREAMS {
        one_stream(&bench, seed).await;
    }
    assert!(bench.log.opaque().is_empty(), "{:?}", bench.log.opaque());
}

/// Feeds `bytes` in pieces that end at `ends`, and gives the units as (start, length) and the bytes consumed.
fn units(bytes: &[u8], mut ends: Vec<usize>, direction: Direction) -> (Vec<(usize, usize)>, usize) {
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut session = HttpSession::new();
    let (mut at, mut units) = (0, Vec::<(usize, usize)>::new());
    for end in ends {
        while at < end {
            let taken = match session.cut(direction, &bytes[at..end], false) {
                Cut::More | Cut::Left(_) | Cut::Opaque(_) => break,
                Cut::Unit { head, .. } => {
                    units.push((at, 0));
                    head
                }
                Cut::Body { len, .. } => len,
            };
            assert!(taken > 0 && at + taken <= end, "{taken} of {}", end - at);
            at += taken;
            units.last_mut().unwrap().1 += taken;
        }
    }
    (units, at)
}

proptest! {
    #[test]
    fn the_same_units_whatever_the_pieces(seed in 1_u64.., cuts in prop::collection::vec(0.0..1.0_f64, 0..20)) {
        let mut random = Random(seed);
        let exchanges: Vec<_> = (0..4).map(|_| random.exchange()).collect();
        let requests: String = exchanges.iter().map(|(request, _)| request.as_str()).collect();
        let ends = cuts.iter().map(|cut| (cut * requests.len() as f64) as usize).collect();
        let whole = units(requests.as_bytes(), Vec::new(), Direction::ToServer);
        let lengths: Vec<_> = exchanges.iter().map(|(request, _)| request.len()).collect();
        prop_assert_eq!(whole.0.iter().map(|(_, length)| *length).collect::<Vec<_>>(), lengths);
        prop_assert_eq!(units(requests.as_bytes(), ends, Direction::ToServer), whole);
    }

    #[test]
    fn any_bytes_are_cut_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), to_server: bool) {
        let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
        let (_, consumed) = units(&bytes, vec![bytes.len() / 2], direction);
        prop_assert!(consumed <= bytes.len());
    }

    #[test]
    fn nearly_http_is_cut_without_a_panic(
        bytes in "(GET|POST) /[a ]{0,3} HTTP/1\\.[01]\r\n((Content-Length|Transfer-Encoding|Host)[ :]{1,2}(chunked|[0-9]{1,3})\r?\n){0,3}\r\n[0-9a-f\r\n;]{0,30}",
    ) {
        let (_, consumed) = units(bytes.as_bytes(), vec![bytes.len() / 2], Direction::ToServer);
        prop_assert!(consumed <= bytes.len());
    }
}
