//! A client that checks PostgreSQL's certificate, with and without a rule between the two.

use super::harness::{Place, has};

/// PostgreSQL for any user, with TLS and a certificate for `db` of its own making.
const DATABASE: &str = r#"
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
home=/tmp/encrypted
as_owner=""
umask 022
mkdir "$home"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=db -addext subjectAltName=DNS:db \
    -keyout "$home/server.key" -out "$home/server.crt" 2>/dev/null
chmod 600 "$home/server.key"
printf pencil >"$home/password"
if [ "$(id -u)" = 0 ]; then
    chown -R postgres: "$home"
    as_owner="setpriv --reuid=postgres --regid=postgres --init-groups"
fi
cd "$home"
$as_owner "$bin/initdb" -D "$home/data" -U postgres --pwfile=password -A scram-sha-256 --no-sync >/dev/null
exec $as_owner "$bin/postgres" -D "$home/data" -k "$home" -c listen_addresses=localhost -c fsync=off \
    -c ssl=on -c ssl_cert_file="$home/server.crt" -c ssl_key_file="$home/server.key"
"#;

/// Answers with what psql says when it trusts the database's certificate and the run's.
const CLIENT: &str = r#"
import http.server, os, subprocess

SERVER, BOTH = "/tmp/encrypted/server.crt", "/tmp/both.pem"
with open(BOTH, "w") as both:
    for path in (SERVER, os.environ["FAULTBOX_CA"]):
        both.write(open(path).read())

class Query(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        roots = BOTH if self.path == "/both" else SERVER
        login = f"host=db user=postgres password=pencil sslmode=verify-full sslrootcert={roots}"
        command = ["psql", "-XAt", "-d", login, "-c", "\\conninfo", "-c", "SELECT 42"]
        # The home of another user cannot be searched for certificates.
        env = dict(os.environ, HOME="/tmp")
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(done.stdout)

http.server.HTTPServer(("127.0.0.1", 8080), Query).serve_forever()
"#;

const SPEC: &str = r#"
db = service("db", "sh", interface("main", "postgres", 5432), args = ["db.sh"],
    env = {"POSTGRES_PASSWORD": "pencil"}, healthcheck = ready(timeout = "60s"))
app = service("app", "python3", interface("public", "http", 8080), args = ["app.py"],
    depends_on = [db], healthcheck = tcp("localhost:8080"))

def ask():
    return app.get(path = "/both").body

def ask_warily():
    return app.get(path = "/server").body

def answers(body):
    assert_true("SSL connection" in body and "\n42" in body, body)

def fails(body):
    assert_true("SSL connection" in body and "deadlock detected" in body, body)

deadlock = fault_assumption("deadlock", target = db.main,
    rules = [error(query = "SELECT 42", sqlstate = "40P01", message = "deadlock detected")])

def test_alone():
    answers(ask())
    answers(ask_warily())

fault_scenario("faulted", scenario = ask, faults = deadlock, expect = fails)
fault_scenario("wary", scenario = ask_warily, faults = deadlock)
"#;

#[test]
fn a_client_that_checks_certificates_trusts_the_runs() {
    if !has("psql") || !has("openssl") {
        return;
    }
    let place = || {
        let place = Place::new(SPEC);
        place.write("db.sh", DATABASE);
        place.write("app.py", CLIENT);
        place
    };
    for place in [place(), place().run_by_nobody()] {
        place.test(&["--test", "alone", "--test", "faulted"]).expect(0, &["fired 1x", "2 passed, 0 failed"]);
        // A client that trusts the server only is not fooled, and the run says what to do.
        let refused = "nothing it could act on reached db.main; 1 connection passed unread: the client refused the run's certificate";
        place.test(&["--test", "wary"]).expect(2, &[refused, "sslrootcert at $FAULTBOX_CA"]);
    }
}
