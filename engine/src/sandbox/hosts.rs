//! The texts by which a leaf's programs look names up: `/etc/hosts`, `/etc/nsswitch.conf`, `/etc/resolv.conf`. Pure.

const HEAD: &str = "# Made by Faultbox for one test: services by name.\n";

/// The leaf's `/etc/hosts`: each name is loopback in both families, and so is the machine's own unless the host says
/// otherwise. The host's own lines lose the names. Those of `localhost` come first, so that a reverse look-up of a
/// loopback address gives that.
pub(super) fn render(original: &str, names: &[String], machine: &str) -> String {
    // Text that would fall into several words is not a name that a program can look up.
    let is_word = |name: &&String| !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#');
    let names: Vec<&str> = names.iter().filter(is_word).map(String::as_str).collect();
    let mut own = names.clone();
    if !machine.is_empty() && !original.lines().any(|line| named(line).any(|word| is_same(word, machine))) {
        let short = machine.split('.').next();
        own.extend([machine].into_iter().chain(short.filter(|short| *short != machine)));
    }
    let kept: Vec<String> = original.lines().filter_map(|line| without(line, &names)).collect();
    let (first, rest): (Vec<String>, Vec<String>) =
        kept.into_iter().partition(|line| named(line).any(|word| is_same(word, "localhost")));
    let mut text = String::from(HEAD);
    if first.is_empty() {
        text.push_str(&loopback("localhost"));
    }
    let own = own.iter().map(|name| loopback(name));
    for lines in first.into_iter().map(ended).chain(own).chain(rest.into_iter().map(ended)) {
        text.push_str(&lines);
    }
    text
}

fn loopback(name: &str) -> String {
    format!("127.0.0.1\t{name}\n::1\t{name}\n")
}

fn ended(line: String) -> String {
    line + "\n"
}

/// The names a line of hosts(5) gives to its address.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.split('#').next().unwrap_or("").split_whitespace().skip(1)
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// A line without these names; `None` when nothing is left of it.
fn without(line: &str, names: &[&str]) -> Option<String> {
    let is_ours = |word: &str| names.iter().any(|name| is_same(name, word));
    if !named(line).any(is_ours) {
        return Some(line.to_owned());
    }
    let kept: Vec<&str> = named(line).filter(|word| !is_ours(word)).collect();
    let address = line.split_whitespace().next()?;
    (!kept.is_empty()).then(|| format!("{address}\t{}", kept.join(" ")))
}

/// The leaf's `/etc/nsswitch.conf`: host names come from its `/etc/hosts` and its resolver; modules such as `resolve` and
/// `mdns4_minimal` ask daemons of the host. The other databases are unchanged (nsswitch.conf(5)).
pub(super) fn nsswitch(original: &str) -> String {
    const HOSTS: &str = "hosts: files dns\n";
    let mut text = String::with_capacity(original.len() + HOSTS.len());
    let mut is_done = false;
    for line in original.lines() {
        let is_hosts = line.split_once(':').is_some_and(|(database, _)| database.trim() == "hosts");
        match (is_hosts, is_done) {
            (false, _) => text.extend([line, "\n"]),
            (true, false) => text.push_str(HOSTS),
            (true, true) => {}
        }
        is_done |= is_hosts;
    }
    if !is_done {
        text.push_str(HOSTS);
    }
    text
}

/// The leaf's `/etc/resolv.conf` (resolv.conf(5)). Times and attempts are the defaults, so that a service sees no other
/// patience than it does elsewhere.
///
/// Without a search list a resolver takes the domain of the machine's name for one, where it has a domain. A list of the
/// root alone would prevent that as well, but musl asks for names that are none then.
pub(super) fn resolv_conf(machine: &str) -> String {
    let search = if machine.contains('.') { format!("search {NO_DOMAIN}\n") } else { String::new() };
    format!("# Made by Faultbox for one test.\nnameserver 127.0.0.1\n{search}")
}

/// The domain in which no name exists (RFC 6761, section 6.4).
pub const NO_DOMAIN: &str = "invalid";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(original: &str, names: &[&str], expected: &str) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let text = render(original, &names, "");
        assert_eq!(text.strip_prefix(HEAD), Some(expected));
    }

    #[test]
    fn service_names_win_over_the_hosts_own() {
        check(
            "# begin\n127.0.0.1 localhost\n# end\n",
            &["db"],
            "127.0.0.1 localhost\n127.0.0.1\tdb\n::1\tdb\n# begin\n# end\n",
        );
        let local = "127.0.0.1\tlocalhost\n::1\tlocalhost\n";
        let db = "127.0.0.1\tdb\n::1\tdb\n";
        check("10.0.0.5 DB db.lan # old\n", &["db"], &format!("{local}{db}10.0.0.5\tdb.lan\n"));
        check("10.0.0.5 db\n", &["db"], &format!("{local}{db}"));
        check("10.0.0.5 dbx", &[], &format!("{local}10.0.0.5 dbx\n"));
        check("127.0.0.1 localhost db", &["db"], &format!("127.0.0.1\tlocalhost\n{db}"));
        check("", &["a b", "c#", "d\n9.9.9.9 e"], local);
    }

    #[test]
    fn the_machine_knows_its_own_name() {
        let with = |original: &str| render(original, &[], "Box.lan");
        let own = "127.0.0.1\tBox.lan\n::1\tBox.lan\n127.0.0.1\tBox\n::1\tBox\n";
        assert!(with("127.0.0.1 localhost\n").ends_with(own), "{}", with(""));
        assert!(!with("127.0.1.1 box.lan box\n").contains("Box"));
    }

    #[test]
    fn only_host_names_are_looked_up_in_another_way() {
        let original = "# comment: hosts\npasswd: files sss\nhosts:\tmymachines resolve [!UNAVAIL=return] files\n\
                        networks: files\n hosts : nis\nnetgroup: nis";
        let expected =
            "# comment: hosts\npasswd: files sss\nhosts: files dns\nnetworks: files\nnetgroup: nis\n";
        assert_eq!(nsswitch(original), expected);
        assert_eq!(nsswitch(""), "hosts: files dns\n");
        assert_eq!(nsswitch("passwd: files"), "passwd: files\nhosts: files dns\n");
    }
}
