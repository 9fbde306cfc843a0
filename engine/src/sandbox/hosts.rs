//! The text of a leaf's `/etc/hosts`. Pure.

/// Lets each name resolve to loopback in both families, before the host's own lines, which lose those names.
pub(super) fn render(original: &str, names: &[String]) -> String {
    let mut text = String::from("# Made by Faultbox for one test: services by name.\n");
    for name in names {
        text.push_str(&format!("127.0.0.1\t{name}\n::1\t{name}\n"));
    }
    for line in original.lines() {
        let content = line.split('#').next().unwrap_or("");
        let mut words = content.split_whitespace();
        let address = words.next();
        let (ours, kept): (Vec<&str>, Vec<&str>) =
            words.partition(|word| names.iter().any(|name| name == word));
        match address {
            Some(_) if !ours.is_empty() && kept.is_empty() => {}
            Some(address) if !ours.is_empty() => text.push_str(&format!("{address}\t{}\n", kept.join(" "))),
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(original: &str, names: &[&str], expected: &str) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let text = render(original, &names);
        assert_eq!(text.split_once('\n').map(|(_, rest)| rest), Some(expected));
    }

    #[test]
    fn service_names_win_over_the_hosts_own() {
        check(
            "127.0.0.1 localhost\n# end\n",
            &["db"],
            "127.0.0.1\tdb\n::1\tdb\n127.0.0.1 localhost\n# end\n",
        );
        check("10.0.0.5 db db.lan # old\n", &["db"], "127.0.0.1\tdb\n::1\tdb\n10.0.0.5\tdb.lan\n");
        check("10.0.0.5 db\n", &["db"], "127.0.0.1\tdb\n::1\tdb\n");
        check("10.0.0.5 dbx", &[], "10.0.0.5 dbx\n");
    }
}
