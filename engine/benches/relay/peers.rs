//! Programs to compare with, one worker each.

use super::contestants::free_address;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    HaproxyHttp,
    NginxHttp,
    HaproxyTcp,
    NginxTcp,
    Toxiproxy,
}

impl Peer {
    pub(crate) const ALL: [Peer; 4] = [Peer::HaproxyHttp, Peer::NginxHttp, Peer::HaproxyTcp, Peer::NginxTcp];
    /// Those that move bytes without looking at them.
    pub(crate) const SPLICES: [Peer; 2] = [Peer::HaproxyTcp, Peer::NginxTcp];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::HaproxyHttp => "haproxy-http",
            Peer::NginxHttp => "nginx-http",
            Peer::HaproxyTcp => "haproxy-tcp",
            Peer::NginxTcp => "nginx-tcp",
            Peer::Toxiproxy => "toxiproxy",
        }
    }

    pub(crate) fn package(self) -> &'static str {
        match self {
            Peer::HaproxyHttp | Peer::HaproxyTcp => "haproxy",
            Peer::NginxHttp => "nginx-light",
            Peer::NginxTcp => "libnginx-mod-stream",
            Peer::Toxiproxy => "toxiproxy-server, see README.md",
        }
    }

    pub(crate) fn command(self, config: &Path) -> Command {
        match self {
            Peer::HaproxyHttp | Peer::HaproxyTcp => {
                let mut command = Command::new("haproxy");
                command.arg("-db").arg("-f").arg(config);
                command
            }
            Peer::NginxHttp | Peer::NginxTcp => {
                let mut command = Command::new("nginx");
                // Where it ends it removes the file, so as root it must not be /dev/null.
                let pid = format!("pid {};", config.with_extension("pid").display());
                command.args(["-e", "/dev/null", "-g", &pid, "-c"]).arg(config);
                command
            }
            Peer::Toxiproxy => {
                let mut command = Command::new("toxiproxy-server");
                // It tells of every connection otherwise, and has as many workers as there are processors.
                command.env("LOG_LEVEL", "fatal").env("GOMAXPROCS", "1");
                let api = free_address().port().to_string();
                command.args(["-host", "127.0.0.1", "-port", &api, "-config"]).arg(config);
                command
            }
        }
    }

    pub(crate) fn config(self, address: SocketAddr, upstream: SocketAddr) -> String {
        match self {
            Peer::HaproxyHttp => {
                let rule = "http-request deny if { method POST } { path_beg /none/ }";
                haproxy("http", &format!("http-reuse always\nlisten bench\n {rule}"), address, upstream)
            }
            Peer::HaproxyTcp => haproxy("tcp", "listen bench", address, upstream),
            Peer::NginxHttp => nginx(&format!(
                "http {{ access_log off; keepalive_requests 100000000; proxy_max_temp_file_size 0;\n\
                 upstream up {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
                 server {{ listen {address}; location / {{ proxy_pass http://up; proxy_http_version 1.1;\n\
                 proxy_set_header Connection \"\"; }} }} }}"
            )),
            Peer::NginxTcp => {
                let stream = format!("stream {{ server {{ listen {address}; proxy_pass {upstream}; }} }}");
                format!("load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n{}", nginx(&stream))
            }
            Peer::Toxiproxy => format!(
                r#"[{{"name": "bench", "listen": "{address}", "upstream": "{upstream}", "enabled": true}}]"#
            ),
        }
    }
}

fn haproxy(mode: &str, rest: &str, address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "global\n nbthread 1\n maxconn 2000\ndefaults\n mode {mode}\n timeout connect 5s\n timeout client 60s\n \
         timeout server 60s\n {rest}\n bind {address}\n server up {upstream}\n"
    )
}

fn nginx(rest: &str) -> String {
    format!(
        "worker_processes 1;\ndaemon off;\nmaster_process off;\nerror_log /dev/null;\n\
         events {{ worker_connections 2048; }}\n{rest}\n"
    )
}
