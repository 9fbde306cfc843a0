use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn write_file(path: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(b"x")?;
    file.sync_all()
}

fn errno(result: io::Result<()>) -> i32 {
    result.err().map_or(0, |error| error.raw_os_error().unwrap_or(-1))
}

fn main() -> io::Result<()> {
    for peer in TcpListener::bind("127.0.0.1:7000")?.incoming() {
        let mut peer = peer?;
        if peer.read(&mut [0; 64])? == 0 {
            continue;
        }
        let [a, b, c] = ["a", "b", "c"].map(|name| errno(write_file(&format!("/tmp/victim-{name}"))));
        let d = errno(TcpStream::connect("127.0.0.1:5432").map(drop));
        peer.write_all(format!("a={a} b={b} open={c} connect={d}\n").as_bytes())?;
    }
    Ok(())
}
