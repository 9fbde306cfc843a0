//! From a subscription to a BPF program. Pure.
//!
//! - Numbers are searched by bisection, so a service with many faultable calls pays the same as one with few.
//! - Calls of another architecture (a 32-bit program) are all stopped on: the supervisor lets them continue and counts
//!   them, so that a rule that cannot see them is reported instead of silently passing.
//! - The x32 numbering of x86_64 (bit 30 set) is answered ENOSYS, as kernels without x32 do.
//! - `io_uring_setup` is always stopped on: operations on a ring are invisible to seccomp, so a judge refuses it and
//!   says so.
//! - Calls that are meant with certain arguments only are looked at here, so that others cost nothing.
//!
//! The last three hold where a rule needs a call. A filter that only stops on sockets leaves all of that alone.

use seccompiler::{BpfProgram, sock_filter};

use super::program::{
    JUMP_ANY_SET, JUMP_AT_LEAST, JUMP_EQUAL, JUMP_GREATER, MAX_INSTRUCTIONS, NATIVE_ARCH, OFFSET_ARCH,
    OFFSET_NUMBER, RET_ALLOW, RET_NOTIFY, branch, load, offset_of_argument, ret, ret_errno, split,
};
use super::subscription::{SocketCalls, Subscription};
use crate::model::syscall::{Condition, Subject, Syscall, When};

/// First number of the x32 numbering (`__X32_SYSCALL_BIT`).
const X32_BIT: u32 = 0x4000_0000;

/// A program for the kernel, made from a [`Subscription`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    program: BpfProgram,
    wait_killable: bool,
}

impl Filter {
    pub fn new(subscription: &Subscription) -> Filter {
        let mut program = vec![
            load(OFFSET_ARCH),
            branch(JUMP_EQUAL, NATIVE_ARCH, 1, 0),
            ret(if subscription.is_empty() { RET_ALLOW } else { RET_NOTIFY }),
            load(OFFSET_NUMBER),
        ];
        program.extend(bisect(&boundaries(subscription)));
        // A few instructions per number of a table with under 512 numbers, most of them plain.
        debug_assert!(program.len() <= MAX_INSTRUCTIONS);
        Filter { program, wait_killable: true }
    }

    /// The filter as kernels before 5.19 install it, under which every signal interrupts a call that waits for its
    /// answer. For tests.
    pub fn without_wait_killable(self) -> Filter {
        Filter { wait_killable: false, ..self }
    }

    pub(super) fn wait_killable(&self) -> bool {
        self.wait_killable
    }

    pub(super) fn program(&self) -> &[sock_filter] {
        &self.program
    }
}

/// What happens to a call with a certain number.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Allow,
    Notify,
    /// Stop on it unless its first argument is descriptor 0, 1 or 2.
    NotifyBehindStdio,
    /// Stop on it when its arguments are one of these.
    NotifyWhen(Vec<When>),
    /// Stop on it if its first argument is AF_UNIX.
    NotifyUnix,
    /// Stop on it if its third argument, a length, is enough for an internet address. Those of netlink(7), which every
    /// look-up of a name binds, are shorter.
    NotifyLongAddress,
    Errno(i32),
}

impl Fate {
    fn instructions(&self) -> Vec<sock_filter> {
        match self {
            Fate::Allow => vec![ret(RET_ALLOW)],
            Fate::Notify => vec![ret(RET_NOTIFY)],
            // A descriptor is an int: the kernel looks at the low 32 bits only, so do we.
            Fate::NotifyBehindStdio => vec![
                load(offset_of_argument(0)),
                branch(JUMP_GREATER, libc::STDERR_FILENO as u32, 0, 1),
                ret(RET_NOTIFY),
                ret(RET_ALLOW),
            ],
            Fate::NotifyWhen(each) => {
                let mut all: Vec<sock_filter> = each.iter().flat_map(|&when| stop_when(when)).collect();
                all.push(ret(RET_ALLOW));
                all
            }
            Fate::NotifyUnix => vec![
                load(offset_of_argument(0)),
                branch(JUMP_EQUAL, libc::AF_UNIX as u32, 0, 1),
                ret(RET_NOTIFY),
                ret(RET_ALLOW),
            ],
            Fate::NotifyLongAddress => vec![
                load(offset_of_argument(2)),
                branch(JUMP_AT_LEAST, size_of::<libc::sockaddr_in>() as u32, 0, 1),
                ret(RET_NOTIFY),
                ret(RET_ALLOW),
            ],
            Fate::Errno(number) => vec![ret_errno(*number)],
        }
    }
}

/// Stops when every condition holds; otherwise goes on behind its last instruction.
fn stop_when(when: When) -> Vec<sock_filter> {
    let mut code = vec![ret(RET_NOTIFY)];
    for condition in when.conditions().iter().rev() {
        // A handful of instructions, so the distance always fits.
        let out = code.len() as u8;
        let mut test = match *condition {
            Condition::Any { argument, bits } => {
                vec![load(offset_of_argument(argument)), branch(JUMP_ANY_SET, bits, 0, out)]
            }
            Condition::None { argument, bits } => {
                vec![load(offset_of_argument(argument)), branch(JUMP_ANY_SET, bits, out, 0)]
            }
            Condition::OneOf { argument, values } => {
                let mut test = vec![load(offset_of_argument(argument))];
                for (at, &value) in values.iter().enumerate() {
                    let left = (values.len() - 1 - at) as u8;
                    test.push(branch(JUMP_EQUAL, value, left, if left == 0 { out } else { 0 }));
                }
                test
            }
        };
        test.append(&mut code);
        code = test;
    }
    code
}

/// Ascending starts of the ranges of numbers that share a fate; the first starts at 0.
fn boundaries(subscription: &Subscription) -> Vec<(u32, Fate)> {
    let exempt = subscription.exempt_stdio;
    let mut single: Vec<(u32, Fate)> =
        subscription.calls().map(|(call, whens)| (call.number(), fate_of(call, whens, exempt))).collect();
    let others = socket_fates(subscription).into_iter().filter(|&(call, _)| !subscription.contains(call));
    single.extend(others.map(|(call, fate)| (call.number(), fate)));
    let strict = !subscription.is_empty();
    let ring = Syscall::from_name("io_uring_setup").filter(|&ring| strict && !subscription.contains(ring));
    single.extend(ring.map(|ring| (ring.number(), Fate::Notify)));
    single.sort_by_key(|&(number, _)| number);

    let mut ranges = vec![(0, Fate::Allow)];
    for (number, fate) in single {
        push_range(&mut ranges, number, fate);
        push_range(&mut ranges, number + 1, Fate::Allow);
    }
    if cfg!(target_arch = "x86_64") && strict {
        push_range(&mut ranges, X32_BIT, Fate::Errno(libc::ENOSYS));
    }
    ranges
}

/// Calls that are stopped on whether or not a rule needs them.
fn socket_fates(subscription: &Subscription) -> Vec<(Syscall, Fate)> {
    let SocketCalls { opening, unix } = subscription.sockets;
    let wanted = [
        ("listen", Fate::Notify, opening),
        ("bind", Fate::NotifyLongAddress, opening),
        ("socket", Fate::NotifyUnix, unix),
    ];
    let wanted = wanted.into_iter().filter(|&(_, _, wanted)| wanted);
    wanted.filter_map(|(name, fate, _)| Some((Syscall::from_name(name)?, fate))).collect()
}

fn fate_of(call: Syscall, whens: &[When], exempt_stdio: bool) -> Fate {
    if !whens.contains(&When::Always) {
        return Fate::NotifyWhen(whens.to_vec());
    }
    let on_descriptor = call.subjects().first() == Some(&Subject::Descriptor(0));
    if exempt_stdio && on_descriptor { Fate::NotifyBehindStdio } else { Fate::Notify }
}

/// Appends a range, replacing an empty one and joining equal neighbours.
fn push_range(ranges: &mut Vec<(u32, Fate)>, start: u32, fate: Fate) {
    if ranges.last().is_some_and(|last| last.0 == start) {
        ranges.pop();
    }
    if ranges.last().is_none_or(|last| last.1 != fate) {
        ranges.push((start, fate));
    }
}

fn bisect(ranges: &[(u32, Fate)]) -> Vec<sock_filter> {
    match ranges {
        [] => vec![ret(RET_ALLOW)],
        [(_, fate)] => fate.instructions(),
        _ => {
            let (below, rest) = ranges.split_at(ranges.len() / 2);
            split(rest[0].0, bisect(below), bisect(rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::program::{JUMP, LOAD, RETURN};
    use super::*;
    use crate::model::syscall::CallShape;

    const ERRNO_ENOSYS: u32 = 0x0005_0000 | libc::ENOSYS as u32;

    /// Runs a program as the kernel would, for one call.
    fn interpret(program: &[sock_filter], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let mut at = 0;
        let mut accumulator = 0;
        loop {
            let step = program.get(at).expect("a program ends in a return");
            at += 1;
            let compare = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    accumulator = match step.k {
                        OFFSET_NUMBER => number,
                        OFFSET_ARCH => arch,
                        other => arguments[((other - offset_of_argument(0)) / 8) as usize] as u32,
                    }
                }
                JUMP => at += step.k as usize,
                JUMP_EQUAL => at += compare(accumulator == step.k),
                JUMP_GREATER => at += compare(accumulator > step.k),
                JUMP_AT_LEAST => at += compare(accumulator >= step.k),
                JUMP_ANY_SET => at += compare(accumulator & step.k != 0),
                RETURN => return step.k,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    const NOTHING: [u64; 6] = [0; 6];

    fn filter(calls: impl IntoIterator<Item = Syscall>) -> Filter {
        Filter::new(&Subscription::new(calls).expect("only trappable calls"))
    }

    fn call(name: &str) -> Syscall {
        Syscall::from_name(name).expect("a known call")
    }

    #[test]
    fn arguments_are_looked_at_as_the_model_says() {
        let whens = [
            ("unlinkat", vec![When::WithRemoveDir]),
            ("unlinkat", vec![When::WithRemoveDir, When::WithoutRemoveDir]),
            ("sendto", vec![When::FastOpen(3)]),
            ("ioctl", vec![When::Clones]),
            ("mmap", vec![When::MapsToWrite]),
            ("mmap", vec![When::MapsToRead, When::MapsToWrite]),
            ("mmap", vec![When::MapsToWrite, When::MapsToRead]),
        ];
        // Every combination of what some condition looks at.
        let values: [&[u64]; 6] = [
            &[0],
            &[0, 0x4004_9409, 0x4020_940d, 0x5401],
            &[0, 1, 2, 3, 5, 7, 0x200],
            &[0, 1, 2, 3, 0x21, 0x22, 0x802, 0x2000_0000],
            &[5, u64::MAX, 0xffff_ffff],
            &[0],
        ];
        let mut combinations: Vec<[u64; 6]> = vec![NOTHING];
        for (at, choices) in values.iter().enumerate() {
            combinations = combinations
                .iter()
                .flat_map(|each| {
                    choices.iter().map(|&choice| {
                        let mut next = *each;
                        next[at] = choice;
                        next
                    })
                })
                .collect();
        }
        for (name, whens) in whens {
            let shapes = whens.iter().map(|&when| CallShape { when, ..call(name).into() });
            let filter = Filter::new(&Subscription::new(shapes).expect("trappable with these arguments"));
            for arguments in &combinations {
                let wanted = whens.iter().any(|when| when.holds(|at| arguments[usize::from(at)]));
                let expected = if wanted { RET_NOTIFY } else { RET_ALLOW };
                let got = interpret(filter.program(), NATIVE_ARCH, call(name).number(), *arguments);
                assert_eq!(got, expected, "{name} {whens:?} {arguments:x?}");
            }
        }
    }

    #[test]
    fn everything_faultable_at_once_fits_and_is_exact() {
        let filter = filter(Syscall::trappable());
        assert!(filter.program().len() <= MAX_INSTRUCTIONS);
        for number in 0..600 {
            let known = Syscall::from_number(number);
            let expected = match known {
                Some(known) if crate::model::syscall::untrappable(known.name()).is_none() => RET_NOTIFY,
                _ => RET_ALLOW,
            };
            assert_eq!(
                interpret(filter.program(), NATIVE_ARCH, number, NOTHING),
                expected,
                "{number} {known:?}"
            );
        }
    }

    #[test]
    fn io_uring_foreign_and_x32_calls_are_never_silently_allowed() {
        let filter = filter([call("write")]);
        let run = |arch, number| interpret(filter.program(), arch, number, NOTHING);
        assert_eq!(run(NATIVE_ARCH, call("io_uring_setup").number()), RET_NOTIFY);
        assert_eq!(run(0x4000_0003, 4), RET_NOTIFY);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(run(NATIVE_ARCH, X32_BIT | call("write").number()), ERRNO_ENOSYS);
        }
    }

    #[test]
    fn stdio_is_exempt_only_when_asked() {
        let mut subscription = Subscription::new([call("write"), call("openat")]).expect("trappable");
        let run = |subscription: &Subscription, name, argument| {
            let arguments = [argument, 0, 0, 0, 0, 0];
            interpret(Filter::new(subscription).program(), NATIVE_ARCH, call(name).number(), arguments)
        };
        assert_eq!(run(&subscription, "write", 1), RET_NOTIFY);
        subscription.exempt_stdio = true;
        assert_eq!(run(&subscription, "write", 2), RET_ALLOW);
        assert_eq!(run(&subscription, "write", 3), RET_NOTIFY);
        assert_eq!(run(&subscription, "write", 0xffff_ffff), RET_NOTIFY);
        assert_eq!(run(&subscription, "openat", 1), RET_NOTIFY);
    }

    #[test]
    fn sockets_alone_leave_everything_else_as_it_is() {
        let mut subscription = Subscription::new([] as [Syscall; 0]).expect("nothing");
        subscription.sockets = SocketCalls { opening: true, unix: true };
        let filter = Filter::new(&subscription);
        let run = |arch, number, third| interpret(filter.program(), arch, number, [3, 0, third, 0, 0, 0]);
        for (name, first, third, expected) in [
            ("listen", 3, 0, RET_NOTIFY),
            ("bind", 3, 16, RET_NOTIFY),
            ("bind", 3, 28, RET_NOTIFY),
            ("bind", 3, 12, RET_ALLOW),
            ("socket", libc::AF_UNIX, 0, RET_NOTIFY),
            ("socket", libc::AF_INET, 0, RET_ALLOW),
            ("connect", 3, 16, RET_ALLOW),
            ("io_uring_setup", 0, 0, RET_ALLOW),
        ] {
            let (number, first) = (call(name).number(), u64::from(first.cast_unsigned()));
            let fate = interpret(filter.program(), NATIVE_ARCH, number, [first, 0, third, 0, 0, 0]);
            assert_eq!(fate, expected, "{name} {first} {third}");
        }
        assert_eq!(run(0x4000_0003, 4, 0), RET_ALLOW);
        assert_eq!(run(NATIVE_ARCH, X32_BIT | call("write").number(), 0), RET_ALLOW);
    }

    #[test]
    fn a_rule_on_sockets_sees_those_of_every_domain() {
        let mut subscription = Subscription::new([call("socket")]).expect("trappable");
        subscription.sockets = SocketCalls { opening: false, unix: true };
        let filter = Filter::new(&subscription);
        let inet = [libc::AF_INET as u64, 0, 0, 0, 0, 0];
        assert_eq!(interpret(filter.program(), NATIVE_ARCH, call("socket").number(), inet), RET_NOTIFY);
        assert_eq!(interpret(filter.program(), NATIVE_ARCH, call("listen").number(), [3; 6]), RET_ALLOW);
    }

    proptest! {
        #[test]
        fn stops_on_exactly_the_subscribed_calls(mask in proptest::collection::vec(any::<bool>(), 400), probe in 0u32..700) {
            let chosen: Vec<Syscall> =
                Syscall::trappable().zip(&mask).filter(|(_, wanted)| **wanted).map(|(call, _)| call).collect();
            let expected = match Syscall::from_number(probe) {
                Some(probed) if chosen.contains(&probed) => RET_NOTIFY,
                Some(probed) if probed.name() == "io_uring_setup" => RET_NOTIFY,
                _ => RET_ALLOW,
            };
            prop_assert_eq!(interpret(filter(chosen).program(), NATIVE_ARCH, probe, NOTHING), expected);
        }
    }
}
