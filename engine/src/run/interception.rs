//! Syscalls as operations: the adapter between the supervisor's thread and the rules.

use super::recorder::{MAX_ACTS_PER_RULE, Recorder};
use super::unfaulted::Unfaulted;
use crate::event::{EventKind, FaultWord};
use crate::model::Action;
use crate::model::errno::Errno;
use crate::model::syscall::{CallShape, Syscall};
use crate::rules::{
    ActiveRule, Decision, Operation, OwnedCall, OwnedFile, OwnedMessage, RuleSet, SyscallFile, SyscallPeer,
};
use crate::seccomp::{Address, Answer, Judge, Reply, Resolution, SyscallView};
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, MutexGuard};

/// Answers one service's intercepted calls by its rules.
pub(super) struct RuleJudge {
    pub(super) rules: Arc<RuleSet>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) service: String,
    pub(super) unfaulted: Unfaulted,
    /// Ports of relays in place of those of the interfaces they are for, which rules name.
    pub(super) detours: Vec<(u16, u16)>,
}

/// What a judged call leaves behind until the kernel took the answer.
pub(super) struct Judged {
    decision: Decision,
    /// What each due rule acts on, in words; empty when nobody will read them.
    descriptions: Vec<String>,
    /// Its delays have begun, which is when they have fired.
    held: bool,
}

const PASS: Answer<Option<Judged>> = Answer { reply: Reply::Continue, token: None };

impl Judge for RuleJudge {
    type Token = Option<Judged>;

    fn judge(&self, call: &mut SyscallView<'_>) -> Answer<Option<Judged>> {
        let syscall = call.syscall();
        if !self.unfaulted.concerns(syscall) {
            return self.decide(call);
        }
        // Watched, whether or not a rule names it; only one that does sees it.
        let answer = if self.rules.names_call(syscall) { self.decide(call) } else { PASS };
        if self.unfaulted.is_ring(syscall) && answer.token.is_none() {
            return Answer { reply: Reply::Errno(self.unfaulted.refuse(&self.rules)), token: None };
        }
        if answer.reply == Reply::Continue {
            self.unfaulted.note(&self.rules, call);
        }
        answer
    }

    fn foreign(&self, call: Option<&mut SyscallView<'_>>) -> Option<Errno> {
        match call {
            Some(call) if self.unfaulted.is_ring(call.syscall()) => Some(self.unfaulted.refuse(&self.rules)),
            Some(call) => {
                self.unfaulted.note_foreign(&self.rules, &self.operation(call));
                None
            }
            None => {
                self.unfaulted.note_unknown(&self.rules);
                None
            }
        }
    }

    fn held(&self, token: &mut Option<Judged>) {
        let Some(judged) = token else { return };
        judged.held = true;
        for (at, active) in judged.decision.delays.iter().enumerate() {
            self.acted(active, judged.words(at));
        }
    }

    fn shortened(&self, token: &Option<Judged>) {
        let delays = token.iter().flat_map(|judged| &judged.decision.delays);
        delays.for_each(|active| active.was_shortened());
    }

    fn delivery(&self) -> Option<MutexGuard<'_, ()>> {
        Some(self.rules.delivery())
    }

    fn committed(&self, token: Option<Judged>) {
        let Some(judged) = token else { return };
        for (at, active) in judged.outstanding() {
            self.acted(active, judged.words(at));
        }
    }

    fn lost(&self, token: Option<Judged>) {
        let Some(judged) = token else { return };
        for (at, active) in judged.outstanding() {
            active.was_not_carried_out(judged.words(at), "the call ended before it was answered");
        }
    }
}

impl Judged {
    /// The rules of which nothing came yet, with their places among those that are due.
    fn outstanding(&self) -> impl Iterator<Item = (usize, &Arc<ActiveRule>)> {
        let begun = if self.held { self.decision.delays.len() } else { 0 };
        self.decision.due().enumerate().skip(begun)
    }

    fn words(&self, at: usize) -> &str {
        self.descriptions.get(at).map(String::as_str).unwrap_or_default()
    }
}

impl RuleJudge {
    fn acted(&self, active: &ActiveRule, operation: &str) {
        active.acted(operation);
        if active.fired() <= MAX_ACTS_PER_RULE {
            self.recorder.event(self.fired(active, operation));
        } else {
            self.recorder.acted_again(&active.rule.name);
        }
    }

    fn decide(&self, call: &mut SyscallView<'_>) -> Answer<Option<Judged>> {
        if self.rules.is_empty() {
            return PASS;
        }
        let operation = self.operation(call);
        let decision = self.rules.decide(&operation);
        if decision.is_pass() {
            return PASS;
        }
        let reply = reply_of(&decision);
        // Describing costs more than deciding, so acts that nobody will read are not put into words.
        let read = decision.due().any(|active| active.fired() <= MAX_ACTS_PER_RULE);
        let description = if read { operation.describe() } else { String::new() };
        let words = |active: &Arc<ActiveRule>| active.words_for(&operation, &description);
        let descriptions = if read { decision.due().map(words).collect() } else { Vec::new() };
        Answer { reply, token: Some(Judged { decision, descriptions, held: false }) }
    }

    fn operation<'c, 'v>(&'c self, call: &'c mut SyscallView<'v>) -> Call<'c, 'v> {
        Call {
            syscall: call.syscall(),
            arguments: *call.arguments(),
            view: RefCell::new(call),
            files: Default::default(),
            address: OnceCell::new(),
            detours: &self.detours,
        }
    }

    fn fired(&self, active: &ActiveRule, operation: &str) -> EventKind {
        let rule = &active.rule;
        let word = match rule.action {
            Action::Deny(_) => FaultWord::Deny,
            Action::Delay(_) => FaultWord::Delay,
            _ => FaultWord::Allow,
        };
        EventKind::RuleFired {
            rule: rule.name.clone(),
            target: self.service.clone(),
            word,
            action: rule.action.to_string(),
            operation: operation.to_owned(),
            label: rule.label.clone(),
            step: None,
            span: rule.span,
        }
    }
}

fn reply_of(decision: &Decision) -> Reply {
    let deny = decision.terminal.as_ref().and_then(|active| match active.rule.action {
        Action::Deny(errno) => Some(errno),
        _ => None,
    });
    match (deny, decision.delay.is_zero()) {
        (None, true) => Reply::Continue,
        (None, false) => Reply::ContinueAfter(decision.delay),
        (Some(errno), true) => Reply::Errno(errno),
        (Some(errno), false) => Reply::ErrnoAfter(decision.delay, errno),
    }
}

/// The address family that dissolves an association (connect(2)).
const UNSPECIFIED: u16 = libc::AF_UNSPEC as u16;

/// An intercepted call; what it acts on is read from the target when a rule first asks.
struct Call<'c, 'v> {
    syscall: Syscall,
    arguments: [u64; 6],
    view: RefCell<&'c mut SyscallView<'v>>,
    /// What is behind its subjects; no call has more than two.
    files: [OnceCell<OwnedFile>; 2],
    address: OnceCell<(SyscallPeer, Option<Address>)>,
    detours: &'c [(u16, u16)],
}

/// A path as rules see it.
pub(super) fn owned(resolution: Resolution<'_>) -> OwnedFile {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    match resolution {
        Resolution::Path(path) => OwnedFile::Path(text(path)),
        Resolution::NotAFile => OwnedFile::NotAFile,
        Resolution::Unresolved(reason) => OwnedFile::Unresolved(reason),
    }
}

impl Call<'_, '_> {
    fn addressed(&self) -> &(SyscallPeer, Option<Address>) {
        if !CallShape::from(self.syscall).has_address() {
            return &(SyscallPeer::Nothing, None);
        }
        self.address.get_or_init(|| {
            let address = self.view.borrow_mut().address();
            match address {
                Err(reason) => (SyscallPeer::Unresolved(reason), None),
                Ok(None) => (SyscallPeer::Nothing, None),
                Ok(Some(address)) => (self.peer_at(&address), Some(address)),
            }
        })
    }

    fn peer_at(&self, address: &Address) -> SyscallPeer {
        let is_for_datagrams = self.syscall.name() == "connect" && self.view.borrow().is_for_datagrams(0);
        let address = match *address {
            Address::Ip(address) => address,
            Address::Other { family: UNSPECIFIED } if is_for_datagrams => {
                return SyscallPeer::Datagrams(None);
            }
            Address::Unix(_) | Address::Abstract(_) | Address::Other { .. } => return SyscallPeer::Other,
        };
        let detour = self.detours.iter().find(|(at, _)| *at == address.port() && address.ip().is_loopback());
        let port = detour.map_or(address.port(), |(_, original)| *original);
        let address = SocketAddr::new(address.ip(), port);
        if is_for_datagrams { SyscallPeer::Datagrams(Some(address)) } else { SyscallPeer::Ip(address) }
    }
}

impl Operation for Call<'_, '_> {
    fn field(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn syscall(&self) -> Option<Syscall> {
        Some(self.syscall)
    }

    fn argument(&self, position: u8) -> u64 {
        self.arguments.get(usize::from(position)).copied().unwrap_or(0)
    }

    fn file(&self, subject: usize) -> SyscallFile<'_> {
        let is_one = subject < self.syscall.subjects().len();
        let Some(cell) = self.files.get(subject).filter(|_| is_one) else { return SyscallFile::NotAFile };
        cell.get_or_init(|| owned(self.view.borrow_mut().file(subject))).get()
    }

    fn peer(&self) -> SyscallPeer {
        self.addressed().0
    }

    fn describe(&self) -> String {
        let name = self.syscall.name();
        let paths: Vec<&str> = (0..self.files.len())
            .filter_map(|subject| match self.file(subject) {
                SyscallFile::Path(path) => Some(path),
                SyscallFile::NotAFile | SyscallFile::Unresolved(_) => None,
            })
            .collect();
        match (paths.as_slice(), self.file(0), &self.addressed().1) {
            ([first, second], _, _) => format!("{name} {}", in_order(name, first, second)),
            (_, _, Some(address)) => format!("{name} {}", words(address)),
            ([only], _, _) => format!("{name} {only}"),
            (_, SyscallFile::Unresolved(_), _) => format!("{name} (file unknown)"),
            _ => format!("{name} (socket or pipe)"),
        }
    }

    fn snapshot(&self) -> OwnedMessage {
        let file = |subject: usize| match self.file(subject) {
            SyscallFile::Path(path) => OwnedFile::Path(path.to_owned()),
            SyscallFile::NotAFile => OwnedFile::NotAFile,
            SyscallFile::Unresolved(reason) => OwnedFile::Unresolved(reason),
        };
        let call = OwnedCall {
            syscall: self.syscall,
            arguments: self.arguments,
            files: (0..self.files.len()).map(file).collect(),
            peer: self.peer(),
        };
        OwnedMessage { description: self.describe(), ..OwnedMessage::of_call(call) }
    }
}

/// Two files of a call, whose primary one is given first, in the order people say them.
fn in_order(name: &str, first: &str, second: &str) -> String {
    match name {
        "rename" | "renameat" | "renameat2" | "link" | "linkat" | "move_mount" | "pivot_root" => {
            format!("{first} to {second}")
        }
        "symlink" | "symlinkat" => format!("{first} -> {second}"),
        _ => format!("{second} to {first}"),
    }
}

fn words(address: &Address) -> String {
    match address {
        Address::Ip(address) => address.to_string(),
        Address::Unix(path) => path.display().to_string(),
        Address::Abstract(name) => format!("@{}", String::from_utf8_lossy(name)),
        Address::Other { family } => format!("(address family {family})"),
    }
}
