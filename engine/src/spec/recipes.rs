//! Spec files that come with the program: `load("@faultbox/recipes/redis.star", ...)`.

/// Path and text of each embedded file.
pub static EMBEDDED: &[(&str, &str)] = &[];

/// What paths of embedded files begin with.
pub(super) const PREFIX: &str = "@faultbox/";

/// The text of an embedded file.
pub fn embedded(path: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}
