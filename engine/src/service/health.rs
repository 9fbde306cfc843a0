//! Waiting until a service is ready, without a fixed polling quantum.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The first pause between probes; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// Readiness is seen at most this long after it began.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Probes at once, then with growing pauses, until one succeeds or the time is over. Gives the last refusal.
pub async fn wait_until<F, P>(timeout: Duration, mut probe: P) -> Result<(), String>
where
    P: FnMut() -> F,
    F: Future<Output = Result<(), String>>,
{
    let mut last = "it was never probed".to_owned();
    let waiting = async {
        let mut pause = FIRST_PAUSE;
        loop {
            match probe().await {
                Ok(()) => return,
                Err(refusal) => last = refusal,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    };
    let ended = tokio::time::timeout(timeout, waiting).await;
    ended.map_err(|_| last)
}

/// The addresses a host name means inside a leaf, where only loopback exists: `localhost` and every service name are
/// loopback, IP literals are themselves. `None` for any other name.
pub fn loopback(host: &str, is_service: impl Fn(&str) -> bool) -> Option<Vec<IpAddr>> {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = literal.parse::<IpAddr>() {
        return Some(vec![ip]);
    }
    let known = host.eq_ignore_ascii_case("localhost") || is_service(host);
    known.then(|| vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn probes_until_it_succeeds_and_reports_the_last_refusal() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let probes = Cell::new(0);
        let ready = runtime.block_on(wait_until(Duration::from_secs(60), || {
            probes.set(probes.get() + 1);
            std::future::ready(if probes.get() < 4 { Err("refused".to_owned()) } else { Ok(()) })
        }));
        assert_eq!((ready, probes.get()), (Ok(()), 4));
        let never = wait_until(Duration::from_millis(5), || std::future::ready(Err("refused".to_owned())));
        assert_eq!(runtime.block_on(never), Err("refused".to_owned()));
    }

    #[test]
    fn hosts_mean_loopback() {
        let names = |host: &str| loopback(host, |name| name == "db").map(|ips| ips.len());
        assert_eq!(names("localhost"), Some(2));
        assert_eq!(names("db"), Some(2));
        assert_eq!(names("[::1]"), Some(1));
        assert_eq!(names("example.com"), None);
    }
}
