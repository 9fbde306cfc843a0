use super::*;
use crate::model::Spec;
use crate::plan::{HOME, Needs, together};
use std::future::Future;
use std::io::{Read, Seek};
use std::time::Instant;

/// A query for the address of a name.
fn query(name: &str) -> Vec<u8> {
    let name = message::encode(name).unwrap();
    [&[0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name, &[0, 1, 0, 1]].concat()
}

fn code(reply: &[u8]) -> u8 {
    reply[3] & 0xf
}

/// Runs `act` beside a resolver on free ports; gives what was reported.
fn beside<F: Future<Output = ()>>(act: impl FnOnce(SocketAddr, SocketAddr) -> F) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut out = tempfile::tempfile().unwrap();
    let recorder = Arc::new(Recorder::new(0, out.try_clone().unwrap(), Instant::now()));
    let spec = Spec::default();
    let placement = together(&spec, &Needs::default());
    // The network's relays belong to the runtime.
    let inside = runtime.enter();
    let network = Arc::new(Network::new(&spec, &placement, |_| None, recorder.clone(), None).unwrap());
    drop(inside);
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (udp_address, tcp_address) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
        let zone = Zone::of_hosts("127.0.0.1 db\n");
        let running: Running =
            Rc::new(|_| vec![(u32::MAX, ServiceName::new("api")), (u32::MAX - 1, ServiceName::new("web"))]);
        let shared = Rc::new(Shared { zone, network, running, recorder, reported: RefCell::default() });
        let _udp = AbortOnDrop(tokio::task::spawn_local(datagrams(shared.clone(), HOME, udp)));
        let _tcp = AbortOnDrop(tokio::task::spawn_local(connections(shared, HOME, tcp)));
        act(udp_address, tcp_address).await;
    });
    let mut reported = String::new();
    out.rewind().unwrap();
    out.read_to_string(&mut reported).unwrap();
    reported
}

#[test]
fn datagrams_are_answered_and_an_unknown_name_is_reported_once() {
    let reported = beside(|address, _| async move {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(address).await.unwrap();
        let mut buffer = [0; 512];
        for (name, expected) in
            [("db", 0), ("nowhere.example", 3), ("nowhere.EXAMPLE", 3), ("8.8.8.8.in-addr.arpa", 3)]
        {
            // What is no query gets no reply, so the next one is that of the query.
            socket.send(b"?").await.unwrap();
            socket.send(&query(name)).await.unwrap();
            let length = socket.recv(&mut buffer).await.unwrap();
            assert_eq!(code(&buffer[..length]), expected, "{name}");
        }
    });
    assert_eq!(reported.lines().count(), 1, "{reported}");
    // This process is of neither service.
    assert!(
        reported.contains("a service asked for nowhere.example, which the spec does not declare"),
        "{reported}"
    );
}

#[test]
fn a_flood_of_unknown_names_is_cut_off() {
    let reported = beside(|address, _| async move {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(address).await.unwrap();
        for number in 0..MAX_REPORTED + 20 {
            socket.send(&query(&format!("n{number}"))).await.unwrap();
            socket.recv(&mut [0; 512]).await.unwrap();
        }
    });
    assert_eq!(reported.lines().count(), MAX_REPORTED + 1, "{reported}");
    assert!(reported.lines().last().unwrap().contains("further names"), "{reported}");
}

#[test]
fn a_connection_carries_queries_until_one_is_none() {
    let reported = beside(|_, address| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let framed = |query: &[u8]| [&(query.len() as u16).to_be_bytes()[..], query].concat();
        let two = [framed(&query("db")), framed(&query("nowhere"))].concat();
        for byte in two {
            stream.write_all(&[byte]).await.unwrap();
        }
        for expected in [0, 3] {
            let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut reply).await.unwrap();
            assert_eq!(code(&reply), expected);
        }
        stream.write_all(&[0, 0]).await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "closed");
    });
    assert_eq!(reported.lines().count(), 1, "{reported}");
}
