//! Syscalls as operations: the adapter between the supervisor's thread and the rules.

use super::recorder::{MAX_ACTS_PER_RULE, Recorder};
use crate::event::{EventKind, FaultWord};
use crate::model::Action;
use crate::model::syscall::{Family, Subject, Syscall};
use crate::rules::{ActiveRule, Decision, Operation, OwnedMessage, RuleSet, SyscallPath};
use crate::seccomp::{Address, Answer, Judge, Reply, Resolution, SyscallView};
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

/// Files of the loader and the runtime: a rule without a path leaves them alone, or no program could go on.
const SYSTEM_PREFIXES: &[&str] =
    &["/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/proc/", "/sys/", "/dev/", "/etc/ld.so."];

/// Answers one service's intercepted calls by its rules.
pub(super) struct RuleJudge {
    pub(super) rules: Arc<RuleSet>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) service: String,
}

/// What a judged call leaves behind until the kernel took the answer.
pub(super) struct Judged {
    decision: Decision,
    description: String,
    /// Its delays have begun, which is when they have fired.
    held: bool,
}

impl Judge for RuleJudge {
    type Token = Option<Judged>;

    fn judge(&self, call: &mut SyscallView<'_>) -> Answer<Option<Judged>> {
        if self.rules.is_empty() {
            return Answer { reply: Reply::Continue, token: None };
        }
        let operation = Call { syscall: call.syscall(), view: RefCell::new(call), path: OnceCell::new() };
        let decision = self.rules.decide(&operation);
        if decision.is_pass() {
            return Answer { reply: Reply::Continue, token: None };
        }
        let reply = reply_of(&decision);
        // Describing costs more than deciding, so acts that nobody will read are not put into words.
        let read = decision.due().any(|active| active.fired() <= MAX_ACTS_PER_RULE);
        let description = if read { operation.describe() } else { String::new() };
        Answer { reply, token: Some(Judged { decision, description, held: false }) }
    }

    fn held(&self, token: &mut Option<Judged>) {
        let Some(judged) = token else { return };
        judged.held = true;
        for active in &judged.decision.delays {
            self.acted(active, &judged.description);
        }
    }

    fn shortened(&self, token: &Option<Judged>) {
        let delays = token.iter().flat_map(|judged| &judged.decision.delays);
        delays.for_each(|active| active.was_shortened());
    }

    fn committed(&self, token: Option<Judged>) {
        let Some(judged) = token else { return };
        for active in judged.outstanding() {
            self.acted(active, &judged.description);
        }
    }

    fn lost(&self, token: Option<Judged>) {
        let Some(judged) = token else { return };
        for active in judged.outstanding() {
            active.was_not_carried_out(&judged.description, "the call ended before it was answered");
        }
    }
}

impl Judged {
    /// The rules of which nothing came yet.
    fn outstanding(&self) -> impl Iterator<Item = &Arc<ActiveRule>> {
        let delays = if self.held { &[] } else { self.decision.delays.as_slice() };
        delays.iter().chain(&self.decision.terminal)
    }
}

impl RuleJudge {
    fn acted(&self, active: &ActiveRule, operation: &str) {
        active.acted(operation);
        if active.fired() <= MAX_ACTS_PER_RULE {
            self.recorder.event(self.fired(active, operation));
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

/// An intercepted call; its path is read from the target when a rule first asks.
struct Call<'c, 'v> {
    syscall: Syscall,
    view: RefCell<&'c mut SyscallView<'v>>,
    path: OnceCell<Option<Option<String>>>,
}

impl Call<'_, '_> {
    /// As in [`OwnedMessage::path`].
    fn resolved(&self) -> &Option<Option<String>> {
        self.path.get_or_init(|| match self.view.borrow_mut().path() {
            Resolution::Path(path) => Some(Some(path.to_string_lossy().into_owned())),
            Resolution::NotAFile => None,
            Resolution::Unresolved => Some(None),
        })
    }

    fn may_be_loading(&self) -> bool {
        let by_path = self.syscall.subjects().iter().any(|subject| matches!(subject, Subject::Path { .. }));
        by_path
            || Family::from_keyword("read").is_some_and(|read| read.members().contains(&self.syscall.name()))
    }
}

impl Operation for Call<'_, '_> {
    fn field(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn syscall(&self) -> Option<Syscall> {
        Some(self.syscall)
    }

    fn path(&self) -> SyscallPath<'_> {
        match self.resolved() {
            None => SyscallPath::NotAFile,
            Some(None) => SyscallPath::Unresolved,
            Some(Some(path)) => SyscallPath::Path(path),
        }
    }

    fn is_system_file(&self) -> bool {
        let SyscallPath::Path(path) =
            (if self.may_be_loading() { self.path() } else { SyscallPath::NotAFile })
        else {
            return false;
        };
        SYSTEM_PREFIXES.iter().any(|prefix| path.starts_with(prefix))
    }

    fn describe(&self) -> String {
        let name = self.syscall.name();
        match self.path() {
            SyscallPath::Path(path) => format!("{name} {path}"),
            SyscallPath::Unresolved => format!("{name} (file unknown)"),
            SyscallPath::NotAFile => match self.view.borrow().address() {
                Some(address) => format!("{name} {}", words(&address)),
                None => format!("{name} (socket or pipe)"),
            },
        }
    }

    fn snapshot(&self) -> OwnedMessage {
        OwnedMessage {
            description: self.describe(),
            fields: Vec::new(),
            entries: Vec::new(),
            syscall: Some(self.syscall),
            path: self.resolved().clone(),
        }
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
