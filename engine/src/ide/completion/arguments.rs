//! Inside the brackets of a call: the arguments it still lacks, and values for the next positional one.

use super::expected::RuleTarget;
use super::{Behind, CompletionKind, Ground, List, Rank};
use crate::ide::call_site;
use crate::ide::callable::{self, Callable, CallableKind, Slot, SlotKind};
use crate::model::ParamType;
use crate::syntax::cursor::{ActiveCall, Role};
use crate::syntax::{ArgumentKind, NodeId, NodeKind};

impl Ground<'_> {
    pub(super) fn arguments(&self, list: &mut List, active: &ActiveCall) {
        let callable = callable::of_call(&self.inference, active.call);
        if let Some(callable) = &callable {
            self.keywords(list, callable, active);
            // The other form of `delay` may be meant while nothing tells which.
            let tree = self.snapshot.tree();
            if callable.name == "delay" && call_site::layer_of_place(tree, active.call).is_none() {
                self.other_form(list, active);
            }
        }
        // In front of `=` stands the name of a parameter and nothing else.
        if list.behind != Behind::Equals && self.takes_position(callable.as_ref(), active) {
            let wanted = self.expected_argument(active, &Role::Whole);
            self.values(list, wanted.as_ref());
        }
    }

    fn keywords(&self, list: &mut List, callable: &Callable, active: &ActiveCall) {
        let equals = self.equals(active);
        let by_position = self.positions_before(active).min(callable.positional);
        // A service is faulted by syscall, and the first fault comes before anything else.
        let is_syscall = |name: &String| callable.slot(name).is_some_and(|slot| slot.kind.is_syscall());
        let wants_syscall =
            self.rule_target(active) == Some(RuleTarget::Service) && !active.given.iter().any(is_syscall);
        for (at, slot) in callable.slots.iter().enumerate() {
            if active.given.contains(&slot.name) || at < by_position || callable.refuses(slot) {
                continue;
            }
            let rank = match slot.kind {
                SlotKind::Syscall if wants_syscall => Rank::Wanted,
                _ => rank(slot, callable),
            };
            let is_fault = slot.ty == ParamType::SyscallFault;
            let errno = if is_fault { self.likely_errno(active.call, &slot.name) } else { "" };
            let given = format!("{equals}{}", value(slot, errno));
            let detail = match slot.default.as_deref() {
                None => format!("required, {}", slot.ty.words()),
                Some("") => slot.ty.words().to_owned(),
                Some(default) => format!("{}, default {default}", slot.ty.words()),
            };
            list.keyword(rank, &slot.name, (&detail, &slot.doc), &given);
        }
    }

    /// How many arguments by position stand before the one at hand; what follows a keyword is none of them.
    fn positions_before(&self, active: &ActiveCall) -> usize {
        let tree = self.snapshot.tree();
        let NodeKind::Call { args, .. } = tree.kind(active.call) else { return active.index };
        let is_keyword = |&arg: &NodeId| {
            matches!(tree.kind(arg), NodeKind::Argument { kind: ArgumentKind::Keyword(_), .. })
        };
        args.iter().position(is_keyword).map_or(active.index, |first| first.min(active.index))
    }

    /// Keywords of the protocol form, offered while a call of `delay` is empty or has keywords.
    fn other_form(&self, list: &mut List, active: &ActiveCall) {
        let written = call_site::Written::of(self.snapshot.tree(), active.call);
        let Some(builtin) = crate::spec::registry::find("delay").filter(|_| written.positional.is_empty())
        else {
            return;
        };
        let equals = self.equals(active);
        for form in call_site::forms(builtin) {
            for param in
                form.params.iter().filter(|param| !active.given.iter().any(|name| name == param.name))
            {
                let words = (param.ty.words(), param.doc);
                list.keyword(Rank::Optional, param.name, words, &format!("{equals}$1"));
            }
        }
    }

    /// ` = ` in calls over several lines and where it is written so already, else `=`.
    fn equals(&self, active: &ActiveCall) -> &'static str {
        let tree = self.snapshot.tree();
        let NodeKind::Call { args, open, .. } = tree.kind(active.call) else { return "=" };
        for &arg in args {
            let text = tree.text_of(arg);
            if let NodeKind::Argument { kind: ArgumentKind::Keyword(name), .. } = tree.kind(arg)
                && tree.span(arg).end < self.offset
            {
                let spaced = text[(name.span.len() as usize).min(text.len())..].starts_with(' ');
                return if spaced { " = " } else { "=" };
            }
        }
        let before = tree.text.get(*open as usize..self.offset as usize).unwrap_or("");
        if before.contains('\n') { " = " } else { "=" }
    }
}

impl List {
    /// Adds the name of a parameter, with what `given` puts behind it unless that is written already.
    fn keyword(&mut self, rank: Rank, name: &str, words: (&str, &str), given: &str) {
        let (insert, is_snippet) = match self.behind {
            Behind::Equals => (name.to_owned(), false),
            Behind::Brackets | Behind::Other => (format!("{name}{given}"), true),
        };
        self.add(rank, CompletionKind::Argument, &format!("{name}="), words, insert, is_snippet);
    }
}

/// Required ones first, then what makes the call what it is, then the rest.
fn rank(slot: &Slot, callable: &Callable) -> Rank {
    // Everybody gives these by position.
    if callable.name.starts_with("assert_") && callable.kind == CallableKind::Builtin {
        return Rank::Rare;
    }
    match slot.kind {
        SlotKind::Parameter if slot.is_required() && callable.kind == CallableKind::Builtin => Rank::Required,
        SlotKind::Matcher => Rank::Likely,
        SlotKind::Syscall => Rank::Optional,
        SlotKind::RareSyscall => Rank::Rare,
        SlotKind::Parameter => match (callable.kind, slot.name.as_str()) {
            (CallableKind::Builtin, "target" | "rules" | "faults" | "expect" | "run" | "status" | "body") => {
                Rank::Likely
            }
            (CallableKind::Step | CallableKind::Function, _) => Rank::Wanted,
            _ => Rank::Optional,
        },
    }
}

/// The value a keyword starts with.
fn value(slot: &Slot, errno: &str) -> String {
    let usual = match slot.ty {
        ParamType::Str
        | ParamType::StrOrBytes
        | ParamType::Pattern
        | ParamType::PatternOrTable
        | ParamType::Duration => "\"$1\"",
        ParamType::SyscallFault => return format!("${{1:deny(\"${{2:{errno}}}\")}}"),
        ParamType::ProtocolRule | ParamType::List | ParamType::StrList => "[$1]",
        ParamType::Dict | ParamType::StrDict => "{$1}",
        _ => "$1",
    };
    usual.to_owned()
}
