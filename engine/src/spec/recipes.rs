//! Spec files that come with the program: `load("@faultbox/recipes/redis.star", ...)`.

/// Path and text of each embedded file.
pub static EMBEDDED: &[(&str, &str)] = &[
    ("@faultbox/recipes/http.star", include_str!("recipes/http.star")),
    ("@faultbox/recipes/postgres.star", include_str!("recipes/postgres.star")),
    ("@faultbox/recipes/redis.star", include_str!("recipes/redis.star")),
];

/// What paths of embedded files begin with.
pub(super) const PREFIX: &str = "@faultbox/";

/// The text of an embedded file.
pub fn embedded(path: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}
