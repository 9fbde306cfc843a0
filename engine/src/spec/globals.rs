//! Everything a spec can name without defining it.

use super::guard;
use super::registry;
use super::values::{Hole, Native, NotSupported};
use starlark::environment::{Globals, GlobalsBuilder, LibraryExtension};
use std::collections::HashSet;

/// Builtins of Starlark itself that specs have.
pub(super) const STANDARD: &[&str] = &[
    "None",
    "True",
    "False",
    "abs",
    "all",
    "any",
    "bool",
    "bytes",
    "chr",
    "dict",
    "dir",
    "enumerate",
    "fail",
    "float",
    "getattr",
    "hasattr",
    "hash",
    "int",
    "len",
    "list",
    "max",
    "min",
    "ord",
    "range",
    "repr",
    "reversed",
    "sorted",
    "str",
    "struct",
    "tuple",
    "type",
    "zip",
];

/// The globals. `unknown` names, which nothing defines, stand for holes, so that evaluation goes on past them.
pub(super) fn build(unknown: &HashSet<String>) -> Globals {
    let mut globals = GlobalsBuilder::extended_by(&[LibraryExtension::StructType]);
    guard::install(&mut globals);
    for builtin in registry::all() {
        globals.set(builtin.name, Native { builtin });
    }
    for (name, _) in registry::NOT_SUPPORTED {
        globals.set(name, NotSupported { name });
    }
    let mut unknown: Vec<&String> = unknown.iter().collect();
    unknown.sort_unstable();
    for name in unknown {
        globals.set(name, Hole);
    }
    globals.build()
}

/// Names that need no definition.
pub(crate) fn names() -> HashSet<String> {
    let builtins = registry::all().map(|builtin| builtin.name);
    let later = registry::NOT_SUPPORTED.iter().map(|(name, _)| *name);
    let standard = build(&HashSet::new());
    let standard: Vec<String> = standard.names().map(|name| name.as_str().to_owned()).collect();
    builtins.chain(later).map(str::to_owned).chain(standard).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_names_exist() {
        let names = names();
        for name in STANDARD.iter().filter(|name| !matches!(**name, "None" | "True" | "False")) {
            assert!(names.contains(*name), "{name}");
        }
    }
}
