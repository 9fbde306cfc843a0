//! Finds the rules that can match without asking each: a thousand rules must not cost a thousand comparisons.
//!
//! Rules are filed under the text their pattern on one field begins with. An operation looks up the beginnings of its
//! own field, one lookup per distinct length; rules without such a beginning are candidates always.

use super::active::ActiveRule;
use super::operation::Operation;
use crate::model::{Matcher, Pattern};
use std::collections::HashMap;
use std::sync::Arc;

/// Fewer rules than this are asked one by one, which is as fast.
const WORTH_IT: usize = 8;

/// Files the rules of one installation.
#[derive(Debug)]
pub(super) struct Index {
    /// The field the rules are filed by; `None` when asking one by one is as good.
    field: Option<&'static str>,
    by_beginning: HashMap<String, Vec<u32>>,
    /// Distinct lengths of the beginnings, ascending.
    lengths: Vec<usize>,
    /// Rules without a beginning, ascending.
    always: Vec<u32>,
}

impl Index {
    pub(super) fn new(rules: &[Arc<ActiveRule>]) -> Index {
        let field = best_field(rules).filter(|_| rules.len() >= WORTH_IT);
        let mut index =
            Index { field, by_beginning: HashMap::new(), lengths: Vec::new(), always: Vec::new() };
        let Some(field) = field else { return index };
        for (at, active) in rules.iter().enumerate() {
            let at = at as u32;
            match beginning(&active.rule.matcher, field) {
                Some(text) => {
                    index.lengths.push(text.len());
                    index.by_beginning.entry(text).or_default().push(at);
                }
                None => index.always.push(at),
            }
        }
        index.lengths.sort_unstable();
        index.lengths.dedup();
        index
    }

    /// Calls `visit` with each rule that may match, with its place, in the order written, until it says stop
    /// (`false`).
    pub(super) fn candidates(
        &self,
        rules: &[Arc<ActiveRule>],
        operation: &dyn Operation,
        mut visit: impl FnMut(usize, &Arc<ActiveRule>) -> bool,
    ) {
        let mut visit_listed = |listed: &[u32]| {
            let mut found = listed.iter().filter_map(|&at| Some((at as usize, rules.get(at as usize)?)));
            found.all(|(at, active)| visit(at, active));
        };
        let Some(field) = self.field else {
            rules.iter().enumerate().all(|(at, active)| visit(at, active));
            return;
        };
        let Some(text) = operation.field(field) else { return visit_listed(&self.always) };
        let lookups = self.lengths.iter().filter_map(|&length| self.by_beginning.get(text.get(..length)?));
        let mut found: Vec<u32> = lookups.flatten().copied().collect();
        if found.is_empty() {
            return visit_listed(&self.always);
        }
        found.extend(&self.always);
        found.sort_unstable();
        visit_listed(&found);
    }
}

/// The field most rules have a beginning for.
fn best_field(rules: &[Arc<ActiveRule>]) -> Option<&'static str> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for active in rules {
        let Matcher::Message(clauses) = &active.rule.matcher else { return None };
        for clause in clauses.iter().filter(|clause| clause.key.is_none()) {
            if beginning(&active.rule.matcher, clause.field).is_none() {
                continue;
            }
            match counts.iter_mut().find(|(field, _)| *field == clause.field) {
                Some((_, count)) => *count += 1,
                None => counts.push((clause.field, 1)),
            }
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(field, _)| field)
}

/// The text every match of the rule begins with in this field. Fields that ignore case are not filed.
fn beginning(matcher: &Matcher, field: &str) -> Option<String> {
    let Matcher::Message(clauses) = matcher else { return None };
    let clause = clauses.iter().find(|clause| clause.field == field && clause.key.is_none())?;
    match &clause.pattern {
        Pattern::Glob(glob) if !glob.folds_case() => Some(glob.beginning()).filter(|text| !text.is_empty()),
        Pattern::Glob(_) | Pattern::Regex(_) => None,
    }
}
