//! The HTTP server behind the contestants.

use super::runtime::block_on;
use std::net::{SocketAddr, TcpListener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One for all connections: there may be thousands.
static BLOCK: [u8; 1 << 18] = [b'x'; 1 << 18];

const SMALL: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\n0123456789abcdef";

/// A server that answers 16 bytes, or as many MiB as the path says: `GET /128`.
pub(crate) fn start_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("a bound address");
    listener.set_nonblocking(true).expect("a socket");
    std::thread::spawn(move || {
        block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    address
}

async fn serve(mut stream: tokio::net::TcpStream) {
    // Without it the numbers are those of delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let mut request = Vec::with_capacity(256);
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut request).await {
                Ok(count) if count > 0 => {}
                _ => return,
            }
        }
        let digits = request.iter().skip(5).take_while(|byte| byte.is_ascii_digit());
        let mib = digits.fold(0_usize, |number, digit| number * 10 + usize::from(digit - b'0'));
        if mib == 0 {
            if stream.write_all(SMALL).await.is_err() {
                return;
            }
            continue;
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", mib << 20);
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        for _ in 0..mib * 4 {
            if stream.write_all(&BLOCK).await.is_err() {
                return;
            }
        }
    }
}
