//! Proof that a rule acted, or why it did not.

use crate::model::{AssumptionName, RuleName};
use crate::text::Span;
use serde::{Deserialize, Serialize};

/// What one written rule saw and did in one leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub rule: RuleName,
    /// The assumption it belongs to, `None` for a rule written in a test's body.
    pub assumption: Option<AssumptionName>,
    /// `api.public` or `db`.
    pub target: String,
    /// `response 503`, `write delay 200ms` and the like.
    pub action: String,
    /// `POST /data/*`.
    pub matcher: String,
    pub label: Option<String>,
    /// Operations on the target while the rule was installed.
    pub seen: u64,
    /// Operations its matcher fits. A rule without `nth`, `after`, `every` or a probability does not count those that a
    /// rule before it settled.
    pub matched: u64,
    /// Operations it acted on: something changed for a peer or for the service.
    pub fired: u64,
    /// Operations it was carried out on without changing anything, such as a truncation behind the last byte. They do
    /// not count as fired.
    pub ineffective: u64,
    /// Delays among the firings that a signal of the service ended early.
    pub shortened: u64,
    /// The operation it came nearest to, when it never fired.
    pub near_miss: Option<NearMiss>,
    /// What happened on its target while it was installed that no rule could look at or act on, whether it fired or not.
    pub unread: Vec<Unread>,
    /// The first operations it acted on, as people read them.
    pub hits: Vec<String>,
    pub span: Span,
}

impl Evidence {
    /// Whether something went wrong by it: it fired, and it does more than let operations pass.
    pub fn is_proof(&self) -> bool {
        self.fired > 0 && self.action != ALLOW
    }
}

/// The action of a rule that lets pass what later rules would act on.
const ALLOW: &str = "allow";

/// An operation a rule did not act on, and the first reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMiss {
    /// `POST /data/testkey`.
    pub operation: String,
    /// `path is not /data/key`.
    pub reason: String,
}

/// Traffic or calls that no rule could look at or act on, counted by reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    pub subject: UnreadSubject,
    /// `the client speaks TLS`, `io_submit cannot be faulted`.
    pub reason: String,
    pub count: u64,
}

/// What could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadSubject {
    /// A connection through a relay, from some point on.
    Connection,
    /// A connection that both peers took to another protocol in order, from there on.
    Upgrade,
    /// A request of which a part was not looked at.
    Request,
    /// A system call.
    Call,
    /// A system call that was answered with an error, because what it asks for would lead past every rule.
    Refusal,
}

impl std::fmt::Display for Unread {
    /// `2 connections passed unread: the client speaks TLS`, `1 connection left the protocol: CONNECT`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Unread { subject, reason, count } = self;
        let plural = if *count == 1 { "" } else { "s" };
        match subject {
            UnreadSubject::Connection => write!(f, "{count} connection{plural} passed unread: {reason}"),
            UnreadSubject::Upgrade => write!(f, "{count} connection{plural} left the protocol: {reason}"),
            UnreadSubject::Request => write!(f, "{count} request{plural} not read whole: {reason}"),
            UnreadSubject::Call => write!(f, "{count} call{plural} passed unfaulted: {reason}"),
            UnreadSubject::Refusal => write!(f, "{count} call{plural} refused: {reason}"),
        }
    }
}

/// Words of a matcher up to this length are shown whole.
const MAX_WORD: usize = 48;

/// A matcher as a line of a report holds it: of a long word, such as a pattern for many commands, the beginning and the
/// end.
pub fn brief(matcher: &str) -> String {
    let words = matcher.split(' ').map(|word| {
        let count = word.chars().count();
        if count <= MAX_WORD {
            return word.to_owned();
        }
        let (kept, half) = (MAX_WORD - 1, MAX_WORD / 2);
        let start: String = word.chars().take(half).collect();
        let end: String = word.chars().skip(count - (kept - half)).collect();
        format!("{start}…{end}")
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_words_of_a_matcher_are_cut() {
        assert_eq!(brief("POST /data/*"), "POST /data/*");
        let long = format!("re(\"^({})$\") user:*", "SET|".repeat(40));
        let shown = brief(&long);
        assert_eq!(shown, "re(\"^(SET|SET|SET|SET|SE…ET|SET|SET|SET|SET|)$\") user:*");
        assert_eq!(brief(&"é".repeat(100)).chars().count(), MAX_WORD);
    }
}
