//! Which tests a `--test` pattern means.

use crate::diagnostic::suggest;
use crate::model::{Dialect, Glob, Spec, TestKind};
use std::collections::BTreeSet;

/// A pattern that names no test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoMatch {
    pub pattern: String,
    /// Names near to the pattern, nearest first.
    pub suggestions: Vec<String>,
    /// Every test of the spec.
    pub available: Vec<String>,
    /// Why the pattern itself is wrong, for a broken regular expression.
    pub problem: Option<String>,
}

/// Indices of the tests the patterns mean, in declaration order; every test when there is no pattern.
///
/// A pattern means, by the first rule that applies: the test of that name, with or without `test_`; the cells of the
/// matrix row `matrix_<scenario>`; a regular expression searched for behind a leading `~`; a glob.
pub fn select(spec: &Spec, patterns: &[String]) -> Result<Vec<usize>, NoMatch> {
    if patterns.is_empty() {
        return Ok((0..spec.tests.len()).collect());
    }
    let mut chosen = BTreeSet::new();
    for pattern in patterns {
        let found = matching(spec, pattern).map_err(|problem| no_match(spec, pattern, Some(problem)))?;
        if found.is_empty() {
            return Err(no_match(spec, pattern, None));
        }
        chosen.extend(found);
    }
    Ok(chosen.into_iter().collect())
}

fn matching(spec: &Spec, pattern: &str) -> Result<Vec<usize>, String> {
    let prefixed = format!("test_{pattern}");
    let by = |test: &dyn Fn(usize, &str) -> bool| -> Vec<usize> {
        let names = spec.tests.iter().enumerate();
        names.filter(|(at, found)| test(*at, found.name.as_str())).map(|(at, _)| at).collect()
    };
    let exact = by(&|_, name| name == pattern);
    if !exact.is_empty() {
        return Ok(exact);
    }
    let exact = by(&|_, name| name == prefixed);
    if !exact.is_empty() {
        return Ok(exact);
    }
    let row = by(&|at, _| row_name(spec, at).is_some_and(|row| row == pattern || row == prefixed));
    if !row.is_empty() {
        return Ok(row);
    }
    if let Some(expression) = pattern.strip_prefix('~') {
        let regex = regex::Regex::new(expression).map_err(|error| error.to_string())?;
        return Ok(by(&|_, name| regex.is_match(name)));
    }
    if pattern.contains(['*', '?']) {
        let plain = Glob::new(pattern, Dialect::Plain, false);
        let found = by(&|_, name| plain.matches(name));
        if !found.is_empty() {
            return Ok(found);
        }
        let prefixed = Glob::new(&prefixed, Dialect::Plain, false);
        return Ok(by(&|_, name| prefixed.matches(name)));
    }
    Ok(Vec::new())
}

/// `test_matrix_<scenario>` for a cell.
fn row_name(spec: &Spec, test: usize) -> Option<String> {
    let TestKind::Cell(cell) = &spec.tests.get(test)?.kind else { return None };
    let scenario = spec.matrices.get(cell.matrix)?.scenarios.get(cell.row)?;
    Some(format!("test_matrix_{scenario}"))
}

fn no_match(spec: &Spec, pattern: &str, problem: Option<String>) -> NoMatch {
    let available: Vec<String> = spec.tests.iter().map(|test| test.name.to_string()).collect();
    let bare = |name: &str| name.strip_prefix("test_").unwrap_or(name).to_owned();
    let wanted = bare(pattern);
    let short: Vec<String> = available.iter().map(|name| bare(name)).collect();
    let mut suggestions: Vec<String> =
        suggest::ranked(&wanted, short.iter().map(String::as_str)).into_iter().map(str::to_owned).collect();
    // A name that shares a word is still more help than none.
    let shares_word =
        |name: &String| name.split('_').any(|word| word.len() > 2 && wanted.split('_').any(|w| w == word));
    suggestions.extend(short.iter().filter(|name| shares_word(name)).cloned());
    if suggestions.is_empty() {
        suggestions.extend(suggest::closest(&wanted, short.iter().map(String::as_str)).map(str::to_owned));
    }
    let mut seen = BTreeSet::new();
    suggestions.retain(|name| seen.insert(name.clone()));
    suggestions.truncate(3);
    NoMatch { pattern: pattern.to_owned(), suggestions, available, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CallableId, Cell, Matrix, Test, TestName};
    use crate::text::{FileId, Span};

    fn spec() -> Spec {
        let span = Span::start_of(FileId(0));
        let test = |name: &str, kind| Test { name: TestName::new(name), kind, timeout: None, span };
        let callable = CallableId(0);
        let mut spec = Spec::default();
        for name in ["test_write_gets_503", "test_health", "test_write"] {
            spec.tests.push(test(name, TestKind::Body { callable }));
        }
        let scenarios = ["write", "write_and_read"];
        let faults = ["api_503", "slow"];
        for (row, scenario) in scenarios.iter().enumerate() {
            for (column, fault) in faults.iter().enumerate() {
                let cell = Cell { matrix: 0, row, column, callable, fault: (*fault).into(), expect: None };
                spec.tests.push(test(&format!("test_matrix_{scenario}_{fault}"), TestKind::Cell(cell)));
            }
        }
        spec.matrices.push(Matrix {
            scenarios: scenarios.map(str::to_owned).to_vec(),
            faults: faults.map(Into::into).to_vec(),
            excluded: Vec::new(),
            require_faults_fire: false,
            span,
        });
        spec
    }

    fn check(pattern: &str, wanted: &[usize]) {
        let found = select(&spec(), &[pattern.to_owned()]).unwrap_or_default();
        assert_eq!(found, wanted, "{pattern}");
    }

    #[test]
    fn patterns_mean_the_first_rule_that_applies() {
        check("write_gets_503", &[0]);
        check("test_health", &[1]);
        check("write", &[2]);
        check("matrix_write", &[3, 4]);
        check("matrix_write_and_read", &[5, 6]);
        check("test_matrix_*", &[3, 4, 5, 6]);
        check("matrix_*_slow", &[4, 6]);
        check("~matrix_.*_(slow)$", &[4, 6]);
        check("happy_path", &[]);
    }

    #[test]
    fn several_patterns_add_up_in_declaration_order() {
        let patterns = ["health".to_owned(), "write_gets_503".to_owned()];
        assert_eq!(select(&spec(), &patterns), Ok(vec![0, 1]));
        assert_eq!(select(&spec(), &[]).map(|all| all.len()), Ok(7));
    }

    #[test]
    fn a_miss_suggests_and_lists() {
        let miss = select(&spec(), &["heath".to_owned()]).unwrap_err();
        assert_eq!(miss.suggestions, ["health"]);
        assert_eq!(miss.available.len(), 7);
        let broken = select(&spec(), &["~(".to_owned()]).unwrap_err();
        assert!(broken.problem.is_some());
    }
}
