//! Targets that read what the kernel, an executable or a service's output says.

use super::mutate::{Input, Random};
use faultbox_engine::event::Stream;
use faultbox_engine::proxy::Direction;
use faultbox_engine::run::resolver::{Carrier, Zone, answer};
use faultbox_engine::seccomp::{Address, interpreter};
use faultbox_engine::service::excerpt::Printed;
use faultbox_engine::service::output::Output;
use faultbox_engine::service::ports::read_answer;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The kernel's list of listening sockets, a datagram per turn.
pub(crate) fn check_ports(input: &Input, _seed: u64) -> u64 {
    let (mut found, mut outcomes) = (BTreeSet::new(), 0);
    for (_, datagram) in input {
        let outcome = read_answer(datagram, &mut found);
        outcomes = outcomes * 3 + outcome.map_or(2, u64::from);
    }
    assert!(found.len() <= input.iter().map(|(_, bytes)| bytes.len() / 24).sum::<usize>());
    outcomes * 8 + found.len().min(7) as u64
}

pub(crate) fn ports() -> Vec<Input> {
    let message = |kind: u16, body: &[u8]| {
        let mut bytes = (16 + body.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        // One of several messages (`NLM_F_MULTI`).
        bytes.extend(2_u16.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    };
    let socket = |family: u8| {
        let mut body = vec![family, 10, 0, 0, 0x15, 0x38, 0, 0, 127, 0, 0, 1];
        body.resize(72, 0);
        // An attribute, `INET_DIAG_SKV6ONLY`.
        body.extend([5, 0, 11, 0, 1, 0, 0, 0]);
        message(20, &body)
    };
    let answer = [socket(2), socket(10), message(3, &[0; 4])].concat();
    let refused = message(2, &(-13_i32).to_ne_bytes());
    vec![vec![(Direction::ToClient, answer)], vec![(Direction::ToClient, refused)]]
}

/// Queries to a leaf's resolver, a datagram per turn.
pub(crate) fn check_dns(input: &Input, _seed: u64) -> u64 {
    let zone = Zone::of_hosts("127.0.0.1 localhost\n127.0.0.1 db\n::1 db\n");
    let mut outcomes = 0_u64;
    for (_, message) in input {
        let over_udp = answer(&zone, message, Carrier::Udp);
        let over_tcp = answer(&zone, message, Carrier::Tcp);
        assert_eq!(over_udp.is_some(), over_tcp.is_some());
        let Some(reply) = over_udp else { continue };
        assert!(reply.bytes.len() <= 4096 && reply.bytes[..2] == message[..2]);
        // A reply is never taken for a query, or two resolvers would answer each other for ever.
        assert_eq!(answer(&zone, &reply.bytes, Carrier::Udp), None);
        let code = u64::from(reply.bytes[3] & 0xf);
        outcomes = outcomes.wrapping_mul(31) + code * 4 + u64::from(reply.bytes[7].min(3)) + 1;
    }
    outcomes
}

pub(crate) fn dns() -> Vec<Input> {
    let query = |name: &[u8], kind: u8, additional: &[u8]| {
        let count = u8::from(!additional.is_empty());
        let head = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, count];
        let bytes = [&head[..], name, &[0, kind, 0, 1], additional].concat();
        vec![(Direction::ToServer, bytes)]
    };
    vec![
        query(b"\x02db\0", 1, &[]),
        query(b"\x07nowhere\x07example\0", 28, &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]),
        query(b"\x011\x010\x010\x03127\x07in-addr\x04arpa\0", 12, &[]),
        query(b"\0", 255, &[0, 0, 41, 4, 208, 0, 1, 128, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
    ]
}

/// The head of an executable that could not be executed.
pub(crate) fn check_program(input: &Input, _seed: u64) -> u64 {
    let head: Vec<u8> = input.iter().flat_map(|turn| turn.1.iter().copied()).take(4096).collect();
    let found = interpreter(&head);
    let name = found.as_ref().map(|path| path.as_os_str().len());
    assert!(name.is_none_or(|len| len <= head.len()));
    name.map_or(0, |len| 1 + len.min(30) as u64)
}

pub(crate) fn programs() -> Vec<Input> {
    let mut elf = b"\x7fELF".to_vec();
    elf.resize(64, 0);
    elf[32..40].copy_from_slice(&64_u64.to_le_bytes());
    elf[54..56].copy_from_slice(&56_u16.to_le_bytes());
    elf[56..58].copy_from_slice(&2_u16.to_le_bytes());
    let mut second = [0; 56];
    second[..4].copy_from_slice(&3_u32.to_le_bytes());
    second[8..16].copy_from_slice(&176_u64.to_le_bytes());
    elf.extend([[0; 56], second].concat());
    elf.extend(b"/lib64/ld-linux-x86-64.so.2\0");
    let of = |bytes: Vec<u8>| vec![(Direction::ToServer, bytes)];
    vec![of(elf), of(b"#! /usr/bin/env python3\n".to_vec())]
}

/// A socket address in the memory of a service.
pub(crate) fn check_address(input: &Input, _seed: u64) -> u64 {
    let bytes: Vec<u8> = input.iter().flat_map(|turn| turn.1.iter().copied()).take(128).collect();
    match Address::parse(&bytes) {
        None => 0,
        Some(Address::Ip(address)) => 1 + u64::from(address.is_ipv6()),
        Some(Address::Unix(path)) => {
            assert!(path.as_os_str().len() <= bytes.len());
            3
        }
        Some(Address::Abstract(_)) => 4,
        Some(Address::Other { .. }) => 5,
    }
}

pub(crate) fn addresses() -> Vec<Input> {
    let family =
        |number: u16, rest: &[u8]| vec![(Direction::ToServer, [&number.to_ne_bytes()[..], rest].concat())];
    vec![
        family(2, &[0x15, 0x38, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        family(10, &[0; 26]),
        family(1, b"/run/db\0"),
        family(1, b"\0name"),
    ]
}

/// What a service prints, in pieces: nothing is lost and no line is too long.
pub(crate) fn check_lines(input: &Input, seed: u64) -> u64 {
    let bytes: Vec<u8> = input.iter().flat_map(|turn| turn.1.iter().copied()).collect();
    let mut random = Random::new(seed);
    let mut pieces = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (piece, later) = rest.split_at((1 + random.below(rest.len())).min(16 * 1024));
        pieces.push(piece.to_vec());
        rest = later;
    }
    let (lines, left_out) = lines_of(&pieces);
    if left_out == 0 {
        assert_eq!(lines_of(std::slice::from_ref(&bytes)).0, lines, "the lines depend on the pieces");
    }
    let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let open = bytes.last().is_some_and(|&byte| byte != b'\n');
    assert_eq!(lines.len() + left_out as usize, ends + usize::from(open), "a line is lost or made up");
    lines.len().min(64) as u64
}

/// The lines that are told when one piece comes per read, and how many are left out.
fn lines_of(pieces: &[Vec<u8>]) -> (Vec<String>, u64) {
    let told = Rc::new(RefCell::new((Vec::new(), 0)));
    let sink = told.clone();
    let output = Output::new(move |printed| match printed {
        Printed::Line(_, line) => sink.borrow_mut().0.push(line),
        Printed::LeftOut(left_out) => sink.borrow_mut().1 += left_out.lines,
    });
    let lines = output.lines(Stream::Stdout);
    pieces.iter().for_each(|piece| lines.take(piece));
    lines.end();
    output.end_part();
    let told = told.borrow().clone();
    assert!(output.last_lines().iter().eq(told.0.iter().skip(told.0.len().saturating_sub(20))));
    told
}
