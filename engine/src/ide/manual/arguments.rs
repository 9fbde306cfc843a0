//! Words of the language that have no part of their own: arguments, fields of rules, system calls.

use super::{field, list, param, sections, sentence};
use crate::model::syscall::{self, Family};
use crate::model::{Field, Param, Protocol};
use crate::spec::registry::{self, Keywords};

/// Where a word is an argument: of which builtins, rules and steps, with what it means there.
pub(super) fn of(word: &str) -> Vec<String> {
    let is_word = |own: &&Param| own.name == word;
    let mut items: Vec<String> = Vec::new();
    let mut add = |place: String, text: String| {
        let item = format!("{place}: {text}");
        if !items.contains(&item) {
            items.push(item);
        }
    };
    for trigger in registry::triggers().iter().filter(is_word) {
        add("every protocol rule, as a trigger".to_owned(), param(trigger));
    }
    for builtin in registry::all() {
        let shared = matches!(builtin.keywords, Keywords::Rule(_))
            && registry::triggers().iter().any(|trigger| trigger.name == word);
        let own = builtin.params.iter().filter(is_word).filter(|_| !shared);
        own.for_each(|own| add(format!("`{}(...)`", builtin.name), param(own)));
    }
    for schema in Protocol::ALL.iter().map(|&one| crate::protocol::schema(one)) {
        let name = schema.protocol.name();
        let matches = |own: &&Field| own.name == word || own.aliases.contains(&word);
        for own in schema.fields.iter().filter(matches) {
            add(format!("rules on {name}, as what they match"), field(own));
        }
        for spec in schema.actions {
            let own = spec.params.iter().filter(is_word);
            own.for_each(|own| add(format!("`{}(...)` on {name}", spec.kind.builtin()), param(own)));
        }
        for spec in schema.steps {
            let own = spec.params.iter().filter(is_word);
            own.for_each(|own| add(format!("the step `{}` of {name}", spec.name), param(own)));
        }
    }
    if let Some(family) = Family::from_keyword(word) {
        add(
            "services and faults, as a system call".to_owned(),
            format!("`{word}`: {}.", sentence(family.doc())),
        );
    } else if syscall::resolve(word).is_some() {
        let doc = syscall::keyword_doc(word).map_or_else(|| format!("{word}(2)"), str::to_owned);
        add("services and faults, as a system call".to_owned(), format!("`{word}`: {doc}"));
    }
    if items.is_empty() {
        return Vec::new();
    }
    let mut text = format!("### {word}\n\nAn argument of\n");
    list(&mut text, &items);
    vec![text]
}

/// Every word that [`about`] knows.
pub fn words() -> Vec<String> {
    let mut words: Vec<String> = sections().into_iter().flat_map(|section| section.names).collect();
    let of_builtins = registry::all().flat_map(|builtin| builtin.params).chain(registry::triggers());
    words.extend(of_builtins.map(|own| own.name.to_owned()));
    for schema in Protocol::ALL.iter().map(|&one| crate::protocol::schema(one)) {
        words.extend(schema.fields.iter().map(|own| own.name.to_owned()));
        let params = schema.actions.iter().flat_map(|spec| spec.params);
        let params = params.chain(schema.steps.iter().flat_map(|spec| spec.params));
        words.extend(params.map(|own| own.name.to_owned()));
    }
    words.extend(syscall::keywords().into_iter().map(|word| word.name.to_owned()));
    words.sort();
    words.dedup();
    words
}
