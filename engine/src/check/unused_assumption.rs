//! FB0212: an assumption is used by no test.
//!
//! ```star
//! drop_uploads = fault_assumption("drop_uploads", target=api.public, rules=[drop(path="/upload")])
//! ```

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Assumption, AssumptionName, Spec};
use crate::spec::Loaded;
use crate::spec::outline::{Body, GlobalSite, Outline};
use crate::text::Span;
use std::collections::BTreeSet;

pub(super) fn check(loaded: &Loaded, is_loaded: &dyn Fn() -> bool) -> Vec<Diagnostic> {
    let used = used(&loaded.spec);
    let unused = |assumption: &&Assumption| {
        let is_used = used.contains(&assumption.name) || named_in_a_function(loaded, assumption);
        let may_be_used = loaded.program.is_none() && named_elsewhere(loaded, assumption);
        !is_used && !may_be_used
    };
    let finding = |assumption: &Assumption| {
        let message = format!("no test uses the assumption \"{}\"", assumption.name);
        Diagnostic::new(Code::UnusedAssumption, assumption.span, message).label("not used")
    };
    let unused: Vec<&Assumption> = loaded.spec.assumptions.iter().filter(unused).collect();
    // A part of other specs declares assumptions for their tests.
    if unused.is_empty() || is_loaded() {
        return Vec::new();
    }
    unused.into_iter().map(finding).collect()
}

/// Assumptions of tests and matrices, with what they are made of.
fn used(spec: &Spec) -> BTreeSet<AssumptionName> {
    let tests = spec.tests.iter().flat_map(|test| test.faults());
    let columns = spec.matrices.iter().flat_map(|matrix| &matrix.faults);
    let mut todo: Vec<AssumptionName> = tests.chain(columns).cloned().collect();
    let mut used = BTreeSet::new();
    while let Some(name) = todo.pop() {
        let parts = spec.assumption(&name).map(|assumption| assumption.parts.clone()).unwrap_or_default();
        if used.insert(name) {
            todo.extend(parts);
        }
    }
    used
}

/// The variable an assumption is assigned to.
fn holder<'l>(loaded: &'l Loaded, assumption: &Assumption) -> Option<&'l GlobalSite> {
    let span = assumption.span;
    let globals = &loaded.outlines.get(span.file.0 as usize)?.globals;
    globals.iter().find(|global| global.statement.start <= span.start && span.end <= global.statement.end)
}

/// True when a function may install it: its variable is named in one.
fn named_in_a_function(loaded: &Loaded, assumption: &Assumption) -> bool {
    let Some(holder) = holder(loaded, assumption) else { return false };
    let named = |body: &Body| body.names.contains(&holder.name);
    let in_function = |outline: &Outline| {
        outline.functions.iter().any(|function| named(&function.body)) || outline.lambdas.values().any(named)
    };
    loaded.outlines.iter().any(in_function)
}

/// True when its variable is read outside its own statement. What that is for may be a call that failed.
fn named_elsewhere(loaded: &Loaded, assumption: &Assumption) -> bool {
    let Some(holder) = holder(loaded, assumption) else { return false };
    let is_own = |span: &Span| {
        let own = holder.statement;
        span.file == own.file && own.start <= span.start && span.end <= own.end
    };
    loaded.outlines.iter().any(|outline| {
        let locals = outline.loads.iter().flat_map(|load| &load.names);
        let locals = locals.filter(|(_, theirs, _)| *theirs == holder.name).map(|(local, ..)| local);
        let names: Vec<&String> = locals.chain([&holder.name]).collect();
        outline.reads.iter().any(|(name, span)| names.contains(&name) && !is_own(span))
    })
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;
    use crate::spec::testing::load_with;

    const HEAD: &str = "api = service(\"api\", \"a\", interface(\"main\", \"http\", 80))\n\
                        a = fault_assumption(\"a\", target=api.main, rules=[drop()])\n";

    #[test]
    fn an_assumption_nobody_uses_is_named() {
        check(
            &format!("{HEAD}def test_x():\n    assert_true(1)\n"),
            &["FB0212 2:5 no test uses the assumption \"a\""],
        );
    }

    #[test]
    fn parts_and_bodies_use_assumptions() {
        check(
            &format!(
                "{HEAD}b = fault_assumption(\"b\", faults=[a])\nfault_scenario(\"x\", scenario=lambda: 1, faults=b, expect=lambda r: assert_true(r))\n"
            ),
            &[],
        );
        check(&format!("{HEAD}def test_x():\n    fault(a, run=lambda: assert_true(1))\n"), &[]);
    }

    #[test]
    fn a_call_that_failed_uses_what_it_was_given() {
        let unused = |calls: &str| {
            let loaded = load_with(&format!("{HEAD}{calls}"), &[]);
            assert!(!loaded.diagnostics.is_empty(), "{calls}");
            super::check(&loaded, &|| false).len()
        };
        assert_eq!(unused("fault_matrix(scenarios=1, faults=[a])\n"), 0);
        assert_eq!(unused("def sc():\n    pass\nfault_scenario(\"x\", sc, faults=a, expect=nope)\n"), 0);
        assert_eq!(unused("x = nope\n"), 1);
    }
}
