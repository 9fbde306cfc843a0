//! Where a redirect leads, when it leads back to the same interface (RFC 9110 section 15.4).

use hyper::{Method, StatusCode, Uri};

/// The request that follows; `None` when the answer is no redirect or leads to another host.
pub(super) fn next(
    method: &Method,
    from: &str,
    status: StatusCode,
    location: &str,
    authority: &str,
) -> Option<(Method, String)> {
    let method = match status.as_u16() {
        // Every browser and most libraries turn POST into GET here; RFC 9110 allows it.
        301 | 302 if *method == Method::POST => Method::GET,
        301 | 302 | 307 | 308 => method.clone(),
        303 if *method == Method::HEAD => Method::HEAD,
        303 => Method::GET,
        _ => return None,
    };
    Some((method, resolve(from, location, authority)?))
}

fn resolve(from: &str, location: &str, authority: &str) -> Option<String> {
    if location.starts_with("//") || location.contains("://") {
        let uri: Uri = location.parse().ok()?;
        let same = uri.authority().is_some_and(|at| at.as_str().eq_ignore_ascii_case(authority));
        return same.then(|| uri.path_and_query().map_or("/", |at| at.as_str()).to_owned());
    }
    if location.starts_with('/') {
        return Some(location.to_owned());
    }
    let path = from.split(['?', '#']).next().unwrap_or("/");
    let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
    Some(format!("{folder}{location}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_within_the_interface_are_followed() {
        let check = |method: &Method, status: u16, location, expected: Option<(Method, &str)>| {
            let status = StatusCode::from_u16(status).unwrap();
            let found = next(method, "/a/b?x=1", status, location, "localhost:8080");
            assert_eq!(found, expected.map(|(method, path)| (method, path.to_owned())), "{location}");
        };
        check(&Method::POST, 302, "/c", Some((Method::GET, "/c")));
        check(&Method::POST, 307, "/c", Some((Method::POST, "/c")));
        check(&Method::PUT, 303, "c?y", Some((Method::GET, "/a/c?y")));
        check(&Method::GET, 301, "http://localhost:8080/z", Some((Method::GET, "/z")));
        check(&Method::GET, 301, "http://elsewhere/z", None);
        check(&Method::GET, 200, "/c", None);
    }
}
