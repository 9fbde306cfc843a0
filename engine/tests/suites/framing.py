#!/usr/bin/env python3
"""HTTP/1 framing that parsers read differently: what our session reads, h11, httptools, nginx and HAProxy must read the same.

usage: framing.py --write          writes framing.txt from the table below
       framing.py H1_UNITS         compares with those that are installed (H1_UNITS is target/*/examples/h1_units)

A line of framing.txt: name, `request` or `reply`, escaped bytes, our reading; separated by ` | `. A reading is
`METHOD target body` or `status body` per message, then `!` where the rest is forwarded without being understood and
`...` where more bytes are needed. A peer that refuses what we read counts as reading it differently. `tests/framing.rs` holds our session to the last column.
"""
# Readings are compared as far as we understood: what follows is forwarded without being understood.
import os, select, shutil, socket, subprocess, sys, tempfile, threading

OPAQUE = "!"
H = "Host: a\r\n"

def requests():
    def post(fields, body, reading, name, line="POST / HTTP/1.1"):
        return name, "request", f"{line}\r\n{H}{fields}\r\n{body}", reading
    after = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"
    # Content-Length: one value of digits is the only one all parsers agree on.
    for value, length in [("0", 0), ("3", 3), ("003", 3), ("3 ", 3), ("  3  ", 3)]:
        reading = f"POST / {length}; GET /b 0"
        yield post(f"Content-Length: {value}\r\n", "abc"[:length] + after, reading, f"length {value!r}")
    for value in ["+3", "-3", "0x3", "3_", "3_0", "3,3", "3, 3", "3,4", "3;", "3 3", "3\x0b", "\x0b3", "3.0", "3e0", "", " ", "abc",
                  "'3'", "\t3", "3\t", "  3\t ", '"3"', "\u0663".encode().decode("latin1"), "\xb3", "3\x00", "\x003", "3\x7f", "0b11", "0o3", "--3",
                  "18446744073709551616", "18446744073709551619", "9" * 40, "3,", ",3", "3\r", "3\rX: y"]:
        yield post(f"Content-Length: {value}\r\n", "abc" + after, OPAQUE, f"length {value!r}")
    for second in ["3", "4", "0", "+3", "x"]:
        yield post(f"Content-Length: 3\r\nContent-Length: {second}\r\n", "abc" + after, OPAQUE, f"two lengths, {second}")
        yield post(f"Content-Length: 3\r\nX: y\r\ncontent-length: {second}\r\n", "abc" + after, OPAQUE, f"two lengths apart, {second}")
    for name in ["content-length", "CONTENT-LENGTH", "cOnTeNt-LeNgTh"]:
        yield post(f"{name}: 3\r\n", "abc" + after, "POST / 3; GET /b 0", f"length named {name}")
    # Names that are nearly one of the two; as other fields they mean nothing.
    for name in ["Content-Length ", "Content-Length\t", " Content-Length", "\tContent-Length", "Content Length", "Content-Length\x00", "\x00Content-Length",
                 "Content-Length\x0b", "Content-Length\r", "Content-Length\x7f", "Content-Length\xa0", "(Content-Length", "Content-Length)", "Content-Length@", "Content/Length", "[Content-Length", "Content-Length,", "Content-Length;", "Content-Length\"", "", " "]:
        yield post(f"{name}: 3\r\n", "abc", OPAQUE, f"name {name!r}")
    for name in ["Content_Length", "Content-Length-", "XContent-Length", "Content--Length", "Content.Length", "ContentLength", "Content-Length!"]:
        yield post(f"{name}: 3\r\n", after, "POST / 0; GET /b 0", f"name {name!r}")
    # Transfer-Encoding.
    chunks = "3\r\nabc\r\n0\r\n\r\n"
    for value in ["chunked", "Chunked", "CHUNKED", " chunked", "chunked "]:
        yield post(f"Transfer-Encoding: {value}\r\n", chunks + after, "POST / 3; GET /b 0", f"coding {value!r}")
    for value in ["\tchunked\t", "\tchunked", "chunked\t", "xchunked", "chunkedx", "chunked,", ",chunked", "chunked, identity", "identity, chunked", "identity", "gzip", "gzip, chunked", "chunked, gzip",
                  "chunked, chunked", "\x0bchunked", "chunked\x0b", "\x0cchunked", "chunked\x00", "\x00chunked", "'chunked'", '"chunked"', "chunked;q=1", "chunked; a=b", "chun ked",
                  "", " ", "chunk", "c\u0068unke\u0044".replace("d", "d") + "\xa0", "\xa0chunked", "deflate, chunked", "cow", "none", "chunked\r", "x\rchunked"]:
        yield post(f"Transfer-Encoding: {value}\r\n", chunks + after, OPAQUE, f"coding {value!r}")
    for name in ["Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding", "Transfer-Encoding\x0b", "Transfer\x00Encoding", "Transfer-Encoding\xa0", "Transfer Encoding", "\x0bTransfer-Encoding"]:
        yield post(f"{name}: chunked\r\n", chunks, OPAQUE, f"name {name!r}")
    for second in ["chunked", "identity", "gzip", "x", ""]:
        yield post(f"Transfer-Encoding: chunked\r\nTransfer-Encoding: {second}\r\n", chunks + after, OPAQUE, f"two codings, chunked and {second!r}")
        yield post(f"Transfer-Encoding: {second}\r\nTransfer-Encoding: chunked\r\n", chunks + after, OPAQUE, f"two codings, {second!r} and chunked")
    for length in ["0", "3", "4", "13", "100", "x", "-1", ""]:
        yield post(f"Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n", chunks + after, OPAQUE, f"length {length!r} and coding")
        yield post(f"Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n", chunks + after, OPAQUE, f"coding and length {length!r}")
    yield post("Transfer-Encoding: chunked\r\n", chunks, OPAQUE, "coding in 1.0", "POST / HTTP/1.0")
    yield post("Transfer-Encoding:\r\n chunked\r\n", chunks, OPAQUE, "coding folded")
    yield post("Content-Length:\r\n 3\r\n", "abc", OPAQUE, "length folded")
    # Chunks.
    def chunked(body, reading, name):
        return post("Transfer-Encoding: chunked\r\n", body, reading, f"chunks {name}")
    for size in ["3", "03", "0003", "000000000000003"]:
        yield chunked(f"{size}\r\nabc\r\n0\r\n\r\n{after}", "POST / 3; GET /b 0", size)
    for size in ["a", "A", "0a", "0A"]:
        yield chunked(f"{size}\r\n0123456789\r\n0\r\n\r\n{after}", "POST / 10; GET /b 0", size)
    for size in ["0x3", "+3", "-3", "", " ", "3 ", " 3", "\t3", "3\t", "3\x0b", "3,", "3g", "g", "3_", "1_0", "3.0", "3\x00", "\x003", "3\r", "1" + "0" * 16, "f" * 17, "0" * 32 + "3", "10000000000000003", "\xb3", "'3'", "3:", "3=", "3/", "--3"]:
        yield chunked(f"{size}\r\nabc\r\n0\r\n\r\n{after}", OPAQUE, repr(size))
    for body, name in [("3\nabc\r\n0\r\n\r\n", "size ends with LF"), ("3\rabc\r\n0\r\n\r\n", "size ends with CR"), ("3\r\nabc\n0\r\n\r\n", "data ends with LF"), ("3\r\nabc\r0\r\n\r\n", "data ends with CR"),
                       ("3\r\nabc0\r\n\r\n", "data without an end"), ("3\r\nabcd\r\n0\r\n\r\n", "data too long"), ("3\r\nab\r\n0\r\n\r\n", "data too short"), ("0\n\r\n", "last size ends with LF"),
                       ("0\r\n\n", "end is LF"), ("0\r\n\r\r\n", "end has two CR"), ("3\r\nabc\r\n\r\n0\r\n\r\n", "empty line between"), ("3\r\nabc\r\n 0\r\n\r\n", "space before the last"),
                       ("3;\nabc\r\n0\r\n\r\n", "extension ends with LF"), ("3;a\nb\r\nabc\r\n0\r\n\r\n", "LF within an extension"), ("3;a\rb\r\nabc\r\n0\r\n\r\n", "CR within an extension"), ("3;a\x00b\r\nabc\r\n0\r\n\r\n", "NUL within an extension"),
                       ("0\r\n folded: x\r\n\r\n", "trailer begins with a space"), ("0\r\nX: y\n\r\n", "trailer ends with LF"), ("0\r\nX: y\r\n z\r\n\r\n", "trailer folded"), ("0\r\nX: \x00\r\n\r\n", "NUL within a trailer"),
                       ("3 ;a=b\r\nabc\r\n0\r\n\r\n", "space before an extension"), ("0 \r\n\r\n", "space behind the last size"), ("0x0\r\n\r\n", "last size 0x0")]:
        yield chunked(body + after, OPAQUE, name)
    for body, name in [("3\r\nabc\r\n", "without the last"), ("3\r\nab", "within data"), ("3", "within a size"), ("0\r\n", "before the end"), ("0\r\nX: y\r\n", "within trailers")]:
        yield chunked(body, "...", "cut " + name)
    # Line ends and first lines.
    for text, name in [("GET / HTTP/1.1\nHost: a\n\n", "LF only"), ("GET / HTTP/1.1\r\nHost: a\n\r\n", "LF behind a field"), ("GET / HTTP/1.1\nHost: a\r\n\r\n", "LF behind the first line"), ("GET / HTTP/1.1\r\nHost: a\r\n\n", "LF as the end"),
                       ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "CR within a field"), ("GET / HTTP/1.1\rHost: a\r\n\r\n", "CR behind the first line"), ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "CR CR LF"), ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "CR CR LF behind a field"),
                       ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "folded"), ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", "folded with a tab"), ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "first field folded"), ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "no colon"),
                       ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "two hosts"), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "the same host twice"), ("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", "no name")]:
        yield name, "request", text, OPAQUE
    for byte in [0, 1, 8, 11, 12, 13, 27, 31, 127]:
        yield f"value with {byte}", "request", f"GET / HTTP/1.1\r\n{H}X: a{chr(byte)}b\r\n\r\n", OPAQUE
        yield f"name with {byte}", "request", f"GET / HTTP/1.1\r\n{H}X{chr(byte)}Y: a\r\n\r\n", OPAQUE
        yield f"target with {byte}", "request", f"GET /a{chr(byte)}b HTTP/1.1\r\n{H}\r\n", OPAQUE
        yield f"method with {byte}", "request", f"G{chr(byte)}T / HTTP/1.1\r\n{H}\r\n", OPAQUE
    for line in ["GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1", "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/1.10", "GET / HTTP/01.1", "GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/3", "GET / HTTP/ 1.1", "GET / HTTP /1.1", "GET / HTTP/1,1",
                 "GET /", "GET", "GET / x HTTP/1.1", "GET HTTP/1.1", "G(T / HTTP/1.1", "G:T / HTTP/1.1", "GET a HTTP/1.1", "GET ftp:/x HTTP/1.1", "GET / XTTP/1.1", "GET / HTTP/1.-1", "GET / HTTP/+1.1", "GET / HTTP/1.1x", "/ HTTP/1.1"]:
        yield f"line {line!r}", "request", f"{line}\r\n{H}\r\n", OPAQUE
    for target in ["/", "/a?b=c", "/a%20b", "/%00", "//x", "/a;b", "/a|b", "/a{b}", "/../x", "http://a/b", "http://a:80/b?c"]:
        yield f"target {target}", "request", f"GET {target} HTTP/1.1\r\n{H}\r\n", f"GET {target} 0"
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "PURGE"]:
        yield f"method {method}", "request", f"{method} / HTTP/1.1\r\n{H}\r\n{after}", f"{method} / 0; GET /b 0"
    # Servers skip an empty line before a request (RFC 9112 section 2.2).
    for lines in [1, 2, 9]:
        empty = "\r\n" * lines
        yield f"empty lines first, {lines}", "request", f"{empty}GET / HTTP/1.1\r\n{H}\r\n", "GET / 0"
        yield f"empty lines between, {lines}", "request", f"POST / HTTP/1.1\r\n{H}Content-Length: 3\r\n\r\nabc{empty}{after}", "POST / 3; GET /b 0"
        yield f"empty lines behind chunks, {lines}", "request", f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n{empty}{after}", "POST / 3; GET /b 0"
    for empty in ["\n", "\r", "\r\r\n", " \r\n", "\t\r\n", "\r\n\n", "\r\n \r\n"]:
        yield f"nearly empty line first, {empty!r}", "request", f"{empty}GET / HTTP/1.1\r\n{H}\r\n", OPAQUE
    yield "old", "request", f"GET / HTTP/1.0\r\n{H}\r\n", "GET / 0"
    yield "body with a request in it", "request", f"POST / HTTP/1.1\r\n{H}Content-Length: {len(after)}\r\n\r\n{after}", f"POST / {len(after)}"
    yield "chunk with an end in it", "request", f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n", "POST / 5"
    yield "cut head", "request", "GET / HTTP/1.1\r\nHost", "..."
    yield "cut body", "request", f"POST / HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nabc", "..."

def replies():
    def reply(fields, body, reading, name, line="HTTP/1.1 200 OK"):
        return name, "reply", f"{line}\r\n{fields}\r\n{body}", reading
    for value in ["0", "3", "003", " 3 "]:
        length = int(value)
        yield reply(f"Content-Length: {value}\r\n", "abc"[:length], f"200 {length}", f"length {value!r}")
    for value in ["+3", "-3", "0x3", "3,3", "3, 4", "", "3 3", "3_", "\x0b3", "9" * 30]:
        yield reply(f"Content-Length: {value}\r\n", "abc", OPAQUE, f"length {value!r}")
    for value in ["chunked", "CHUNKED"]:
        yield reply(f"Transfer-Encoding: {value}\r\n", "3\r\nabc\r\n0\r\n\r\n", "200 3", f"coding {value!r}")
    for value in ["gzip, chunked", "chunked, gzip", "xchunked", "\x0bchunked", "identity", ""]:
        yield reply(f"Transfer-Encoding: {value}\r\n", "3\r\nabc\r\n0\r\n\r\n", OPAQUE, f"coding {value!r}")
    yield reply("Content-Length: 3\r\nContent-Length: 3\r\n", "abc", OPAQUE, "two lengths")
    yield reply("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", OPAQUE, "length and coding")
    yield reply("Transfer-Encoding: chunked\r\n", "0\r\n\r\n", OPAQUE, "coding in 1.0", "HTTP/1.0 200 OK")
    yield reply("Content-Length : 3\r\n", "abc", OPAQUE, "space before the colon")
    yield reply("X: a\r\n b\r\n", "", OPAQUE, "folded")
    for line in ["HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK", "HTTP/1.1 abc OK", "HTTP/2 200 OK", "HTTP/1.2 200 OK", "ICY 200 OK", "http/1.1 200 OK", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 O\x00K", " HTTP/1.1 200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 +20 OK", "HTTP/1.1 099 x", "HTTP/1.1 -10 x", "HTTP/1.1", "HTTP/1.1 0x1 OK"]:
        yield reply("Content-Length: 0\r\n", "", OPAQUE, f"line {line!r}", line)
    for line, status in [("HTTP/1.1 200 ", 200), ("HTTP/1.1 404 Not Found", 404), ("HTTP/1.0 500 x", 500), ("HTTP/1.1 599 \xe9", 599)]:
        yield reply("Content-Length: 2\r\n", "ab", f"{status} 2", f"line {line!r}", line)
    yield reply("", "", "204 0", "no content", "HTTP/1.1 204 No Content")
    yield reply("Content-Length: 9\r\n", "", "304 0", "not modified", "HTTP/1.1 304 Not Modified")

def escape(text):
    plain = {0x5c: "\\\\", 0x0d: "\\r", 0x0a: "\\n", 0x09: "\\t", 0x7c: "\\x7c"}
    return "".join(plain.get(b) or (chr(b) if 0x20 <= b < 0x7f else "\\x%02x" % b) for b in text.encode("latin1"))

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "framing.txt")

def write():
    with open(TABLE, "w") as file:
        for name, kind, text, reading in [*requests(), *replies()]:
            file.write(f"{escape(name)} | {kind} | {escape(text)} | {reading.replace('|', chr(92) + 'x7c')}\n")

def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin1")

def by_h11(kind, data, seen):
    import h11
    us = h11.Connection(h11.SERVER if kind == "request" else h11.CLIENT)
    if kind == "reply":
        us.send(h11.Request(method="GET", target="/", headers=[("Host", "a")])); us.send(h11.EndOfMessage())
    us.receive_data(data)
    while True:
        event = us.next_event()
        if event in (h11.NEED_DATA, h11.PAUSED):
            if event is h11.PAUSED and us.our_state is h11.SEND_RESPONSE:
                us.send(h11.Response(status_code=200, headers=[("Content-Length", "0")])); us.send(h11.EndOfMessage())
            if us.our_state is h11.DONE and us.their_state is h11.DONE and kind == "request":
                us.start_next_cycle(); continue
            return
        if isinstance(event, h11.Request): head, size = f"{event.method.decode()} {event.target.decode('latin1')}", 0
        elif isinstance(event, h11.Response): head, size = str(event.status_code), 0
        elif isinstance(event, h11.Data): size += len(event.data)
        elif isinstance(event, h11.EndOfMessage): seen.append(f"{head} {size}")
        elif isinstance(event, h11.ConnectionClosed): return

def by_httptools(kind, data, seen):
    import httptools
    class Seen:
        def __init__(self): self.url, self.size = b"", 0
        def on_message_begin(self): self.url, self.size = b"", 0
        def on_url(self, url): self.url += url
        def on_body(self, body): self.size += len(body)
        def on_message_complete(self):
            head = f"{parser.get_method().decode()} {self.url.decode('latin1')}" if kind == "request" else str(parser.get_status_code())
            seen.append(f"{head} {self.size}")
    parser = (httptools.HttpRequestParser if kind == "request" else httptools.HttpResponseParser)(Seen())
    parser.feed_data(data)

class Proxy:
    """A proxy's reading: of requests what reaches the server behind it, of replies what reaches its client."""
    def __init__(self, name, program, config):
        self.name, self.home = name, tempfile.TemporaryDirectory()
        os.chmod(self.home.name, 0o755)
        self.server = socket.create_server(("127.0.0.1", 0))
        with socket.create_server(("127.0.0.1", 0)) as free: self.port = free.getsockname()[1]
        path = os.path.join(self.home.name, "config")
        text = config.replace("HOME", self.home.name).replace("BACK", str(self.server.getsockname()[1])).replace("FRONT", str(self.port))
        with open(path, "w") as file: file.write(text)
        self.process = subprocess.Popen([word.replace("CONFIG", path) for word in program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.seen, self.reply, self.turn = [], b"", threading.Condition()
        threading.Thread(target=self.serve, daemon=True).start()
        for _ in range(200):
            try: socket.create_connection(("127.0.0.1", self.port)).close(); return
            except OSError:
                if self.process.poll() is not None: sys.exit(f"{name} does not start")
                select.select([], [], [], 0.05)
        sys.exit(f"{name} does not listen")

    def close(self):
        self.process.terminate(); self.process.wait(); self.server.close(); self.home.cleanup()

    def serve(self):
        while True:
            try: peer = self.server.accept()[0]
            except OSError: return
            threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

    def answer(self, peer):
        with peer, peer.makefile("rb") as lines:
            try:
                while line := lines.readline():
                    method, target, _ = line.decode("latin1").split(" ")
                    reading = f"{method} {target} {self.body(lines)}"
                    with self.turn: self.seen.append(reading); reply = self.reply; self.turn.notify_all()
                    peer.sendall(reply or b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    if reply: return
            except (OSError, ValueError): return

    def body(self, lines):
        """The proxy writes its own framing, so the plainest reader will do. A body that is cut off is no request."""
        length, chunked = 0, False
        while line := lines.readline().strip().lower():
            if line.startswith(b"content-length:"): length = int(line[15:])
            chunked |= line == b"transfer-encoding: chunked"
        if not chunked:
            if len(lines.read(length)) < length: raise ValueError("cut")
            return length
        while size := int(lines.readline().split(b";")[0], 16): length += len(lines.read(size)); lines.readline()
        while lines.readline().strip(): pass
        return length

    def __call__(self, kind, data, wanted):
        with self.turn: self.seen, self.reply = [], data if kind == "reply" else b""
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.settimeout(5)
            client.sendall(data if kind == "request" else b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with client.makefile("rb") as lines: return self.replies(lines, wanted) if kind == "reply" else self.requests(lines, wanted)

    def requests(self, lines, wanted):
        """One answer per request: the server's, or the proxy's own when it refuses. 405 is about the method alone."""
        for at in range(len(wanted)):
            line = lines.readline()
            if not line: raise ValueError("closed")
            status = int(line.split(b" ")[1])
            if status == 405 or wanted[at] in NOT_FILES: return [*self.seen, *wanted[at:]]
            if status >= 400: raise ValueError(f"answers {status}")
            if not wanted[at].startswith("HEAD "): self.body(lines)
            else:
                while lines.readline().strip(): pass
        with self.turn: return list(self.seen)

    def replies(self, lines, wanted):
        status = int(lines.readline().split(b" ")[1])
        if status == 502: raise ValueError("answers 502")
        if status in (204, 304): return [f"{status} 0"]
        return [f"{status} {self.body(lines)}"]

# nginx maps targets to files, which these cannot be. It says nothing about where the request ends.
NOT_FILES = ["GET /%00 0", "GET /../x 0"]

NGINX = """daemon off; master_process off; pid HOME/pid; error_log HOME/log; events {}
http { access_log off; client_body_temp_path HOME/b; proxy_temp_path HOME/p; fastcgi_temp_path HOME/f; uwsgi_temp_path HOME/u; scgi_temp_path HOME/s;
  server { listen 127.0.0.1:FRONT; merge_slashes off;
    location / { proxy_pass http://127.0.0.1:BACK; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass_request_headers on; } } }
"""
HAPROXY = """global
  maxconn 100
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
listen main
  bind 127.0.0.1:FRONT
  server back 127.0.0.1:BACK
"""

def library(read):
    """What a parser reads; what it makes of the rest does not matter."""
    def reading(kind, data, wanted):
        seen = []
        try: read(kind, data, seen)
        except Exception:
            if len(seen) < len(wanted): raise
        return seen
    return reading

def peers():
    """Every parser that is here, by name; the others by what they lack."""
    found, absent = {}, []
    for name, module, read in [("h11", "h11", by_h11), ("httptools", "httptools", by_httptools)]:
        try: old = getattr(__import__(module), "__version__", "").startswith("0.1")
        except ImportError: old = None
        # httptools before 0.2 is another, retired parser.
        if old is None or name == "httptools" and old: absent.append(name)
        else: found[name] = library(read)
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    for name, words, config in [("nginx", ["-e", "/dev/null", "-c", "CONFIG"], NGINX), ("haproxy", ["-f", "CONFIG"], HAPROXY)]:
        program = shutil.which(name, path=path)
        if program: found[name] = Proxy(name, [program, *words], config)
        else: absent.append(name)
    return found, absent

# RFC 9112 section 2.2 asks servers to skip them, and all others do. h11 ends the connection there, so that nothing behind
# the empty line is read another way.
REFUSED_BY_H11 = "empty lines "

def plain(reading):
    """A target in absolute form is told in origin form by proxies: another spelling, not another reading."""
    method, _, rest = reading.partition(" ")
    if rest.startswith("http://"): rest = "/" + rest[7:].partition("/")[2]
    return f"{method} {rest}"

def compare(program):
    cases = [line.rstrip("\n").split(" | ") for line in open(TABLE)]
    feed = "".join(f"{kind} {data}\n" for _, kind, data, _ in cases)
    ours = subprocess.run([program], input=feed, capture_output=True, text=True, check=True).stdout.splitlines()
    found, absent = peers()
    for name in absent: print(f"skipped: {name} is not installed")
    if absent and "FAULTBOX_NO_SKIP" in os.environ: sys.exit("a peer is missing")
    counts = {"cases": len(cases), "understood": 0, "forwarded": 0, "compared": 0}
    different = []
    for (name, kind, data, _), reading in zip(cases, ours, strict=True):
        wanted = [part for part in reading.split("; ") if part not in ("!", "...")]
        counts["understood" if wanted else "forwarded"] += 1
        for peer, read in found.items():
            if not wanted: continue
            counts["compared"] += 1
            try: theirs = read(kind, unescape(data), wanted)[:len(wanted)]
            except Exception as error:
                if peer != "h11" or not name.startswith(REFUSED_BY_H11): different.append(f"{name}: {peer} refuses it: {error}")
                continue
            if [*map(plain, theirs)] != [*map(plain, wanted)]: different.append(f"{name}: we read {wanted}, {peer} {theirs}")
    for peer in found.values():
        if isinstance(peer, Proxy): peer.close()
    print(counts); print("\n".join(different) or f"no difference between us, {', '.join(found)}")
    sys.exit(bool(different))

if __name__ == "__main__":
    write() if sys.argv[1:] == ["--write"] else compare(sys.argv[1])
