//! The one table of diagnostic codes: id, default severity, and what it means in one sentence.
//!
//! FB00xx syntax and reading · FB01xx errors at load · FB02xx doubtful but allowed. A code is never reused.

use super::Severity;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $severity:ident;)+) => {
        /// Names one kind of finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code { $($(#[doc = $doc])+ #[serde(rename = $id)] $name,)+ }

        impl Code {
            /// Every code, in order of its id.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// The stable id, such as `FB0107`.
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)+ }
            }

            /// The severity a finding of this code has unless its maker says otherwise.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)+ }
            }

            /// What the code means, for the manual.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The text is not valid Starlark.
    Syntax = "FB0001", Error;
    /// A bracket is opened and never closed.
    UnclosedBracket = "FB0002", Error;
    /// A string is opened and never closed.
    UnclosedString = "FB0003", Error;
    /// Brackets or operators are nested deeper than the limit.
    NestedTooDeep = "FB0004", Error;
    /// A file the spec needs cannot be read.
    UnreadableFile = "FB0005", Error;
    /// A spec is not valid UTF-8.
    NotUtf8 = "FB0006", Error;
    /// Files load each other in a circle.
    LoadCycle = "FB0007", Error;
    /// A loaded file does not define the name.
    LoadMissingName = "FB0008", Error;
    /// Evaluation was stopped because it used more steps, memory or nesting than the limit.
    EvaluationLimit = "FB0009", Error;

    /// Evaluating the spec failed.
    Evaluation = "FB0100", Error;
    /// A name is used that nothing defines.
    UnknownName = "FB0101", Error;
    /// A call has a keyword argument the builtin does not take.
    UnknownArgument = "FB0102", Error;
    /// A call lacks an argument the builtin needs.
    MissingArgument = "FB0103", Error;
    /// A call has more positional arguments than the builtin takes.
    SurplusArgument = "FB0104", Error;
    /// An argument has a type the builtin does not take there.
    WrongType = "FB0105", Error;
    /// An argument has a value outside the allowed ones.
    BadValue = "FB0106", Error;
    /// A protocol rule stands where a syscall fault belongs, or the other way round.
    WrongLayer = "FB0107", Error;
    /// No such errno.
    UnknownErrno = "FB0108", Error;
    /// No such syscall, family or operation of the service.
    UnknownSyscall = "FB0109", Error;
    /// Two things of one kind have the same name.
    DuplicateName = "FB0110", Error;
    /// Services depend on each other in a circle.
    DependencyCycle = "FB0111", Error;
    /// The protocol cannot match on this field.
    UnsupportedMatcher = "FB0112", Error;
    /// The protocol cannot carry out this action.
    UnsupportedAction = "FB0113", Error;
    /// An override or exclusion names a pair the matrix does not have.
    NoSuchCell = "FB0114", Error;
    /// Two interfaces want the same port.
    PortClash = "FB0115", Error;
    /// No such attribute on the value.
    UnknownAttribute = "FB0116", Error;
    /// Something only a running test can do is done while the spec loads.
    OnlyInTest = "FB0117", Error;
    /// Something only allowed while the spec loads is done in a running test.
    OnlyAtLoad = "FB0118", Error;
    /// The name belongs to the original language and is not supported yet.
    NotSupported = "FB0119", Error;
    /// A dependency names a service that does not exist.
    UnknownService = "FB0120", Error;
    /// The binary of a service does not exist or cannot be executed.
    MissingBinary = "FB0121", Error;

    /// A rule can never act because an earlier one answers everything it would match.
    ShadowedRule = "FB0203", Warning;
    /// A rule's pattern matches no step the scenario makes; a hint where a redirect may lead to what it matches.
    UnreachableRule = "FB0204", Warning;
    /// A test asserts nothing, so it passes whatever the service does.
    NoAssertion = "FB0210", Warning;
    /// A loaded name is not used.
    UnusedLoad = "FB0211", Warning;
    /// An assumption is used by no test.
    UnusedAssumption = "FB0212", Hint;
    /// The file declares no test.
    NoTests = "FB0213", Warning;
    /// An assumption has no rule, so it changes nothing.
    EmptyAssumption = "FB0214", Warning;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn ids_are_unique_and_ascending() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()));
    }
}
