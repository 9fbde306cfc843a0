//! TLS on both sides of a relay: towards clients with certificates of the run's own authority, towards the server
//! without looking at its certificate.
//!
//! The relay stands between two programs of one test on one machine, so there is nobody to guard against; what matters
//! is that a client that checks certificates can, against the run's authority.

use super::stream::{Stream, Wrapped};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::{CertifiedKey, SigningKey};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// Names every certificate carries: what a program inside a leaf reaches a service by.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Making an authority or a certificate failed, which only a want of random numbers can cause.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("cannot set TLS up: {0}")]
    Setup(#[from] tokio_rustls::rustls::Error),
}

/// A run's own certificate authority. Its key lives in memory and ends with the process.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// Makes a key pair and signs its certificate with it.
    pub fn new() -> Result<Authority, TlsError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Faultbox, this run only");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Authority { issuer: Issuer::new(params, key), certificate })
    }

    /// The certificate for a client's list of trusted ones, in PEM (RFC 7468).
    pub fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(&self.certificate);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, behind) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = behind;
        }
        pem + "-----END CERTIFICATE-----\n"
    }

    /// Accepts TLS in the stead of the service called `name`, with `protocol` for clients that ask for one (ALPN,
    /// RFC 7301).
    pub fn acceptor(self: &Arc<Self>, name: &str, protocol: &[u8]) -> Result<Acceptor, TlsError> {
        let key = KeyPair::generate()?;
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let signer = ring::sign::any_supported_type(&der)?;
        let certificates =
            Certificates { authority: self.clone(), name: name.to_owned(), public: key, signer };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Acceptor(TlsAcceptor::from(Arc::new(config))))
    }
}

/// Answers clients that speak TLS.
#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

impl Acceptor {
    /// Shakes hands with a client; bytes behind it are in the clear.
    pub async fn accept(&self, socket: TcpStream) -> io::Result<Stream> {
        let stream = self.0.accept(socket).await?;
        Ok(Stream::Wrapped(Box::new(Secured(stream.into()))))
    }
}

/// Shakes hands with a server, whatever its certificate.
pub async fn secure(socket: TcpStream, protocol: &[u8]) -> io::Result<Stream> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST).into());
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
    Ok(Stream::Wrapped(Box::new(Secured(stream.into()))))
}

/// Why a handshake failed, when the reason is that the client does not trust the run's certificate: its own word.
pub fn refusal(error: &io::Error) -> Option<String> {
    use tokio_rustls::rustls::AlertDescription as Alert;
    let error = error.get_ref()?.downcast_ref::<tokio_rustls::rustls::Error>()?;
    match error {
        tokio_rustls::rustls::Error::AlertReceived(
            alert @ (Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::UnsupportedCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::AccessDenied
            // Signed by another run: the authorities have one name.
            | Alert::DecryptError),
        ) => Some(format!("{alert:?}")),
        _ => None,
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Signs a certificate for the name a client asks for.
struct Certificates {
    authority: Arc<Authority>,
    name: String,
    public: KeyPair,
    signer: Arc<dyn SigningKey>,
}

impl Certificates {
    fn sign(&self, asked: Option<&str>) -> Result<CertifiedKey, rcgen::Error> {
        let mut names: Vec<String> = LOOPBACK.map(str::to_owned).to_vec();
        names.push(self.name.clone());
        names.extend(asked.filter(|asked| !names.iter().any(|name| name == asked)).map(str::to_owned));
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, self.name.as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Clients that read RFC 5280 strictly ask for it.
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&self.public, &self.authority.issuer)?;
        Ok(CertifiedKey::new(vec![certificate.der().clone()], self.signer.clone()))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A name no certificate can carry is left out.
        let asked = self.sign(hello.server_name()).or_else(|_| self.sign(None));
        asked.ok().map(Arc::new)
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Takes every certificate: the server is the test's own, on loopback.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, tokio_rustls::rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// TLS on a socket, with ends as sockets have them.
struct Secured(TlsStream<TcpStream>);

impl Wrapped for Secured {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self.0.get_ref().0)
    }
}

impl AsyncRead for Secured {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.get_mut().0).poll_read(cx, buf)) {
            // A peer that closes without TLS's goodbye has closed all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            outcome => Poll::Ready(outcome),
        }
    }
}

impl AsyncWrite for Secured {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::rustls::RootCertStore;

    /// A client with ordinary checks and one root.
    fn client(root: &Authority) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(root.certificate.clone()).expect("a certificate");
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    /// Connects as `name` to what `authority` made for `db`: the client's outcome and the server's.
    async fn shake(
        authority: &Arc<Authority>,
        root: &Authority,
        name: &str,
    ) -> (io::Result<()>, io::Result<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acceptor = authority.acceptor("db", b"test").expect("an acceptor");
        let serving = async {
            let mut stream = acceptor.accept(listener.accept().await?.0).await?;
            stream.write_all(b"hello").await?;
            stream.shutdown().await
        };
        let asking = async {
            let name = ServerName::try_from(name.to_owned()).expect("a name");
            let socket = TcpStream::connect(address).await?;
            let mut stream = client(root).connect(name, socket).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            assert_eq!(text, "hello");
            Ok(())
        };
        tokio::join!(asking, serving)
    }

    #[tokio::test]
    async fn a_client_that_trusts_the_authority_gets_in_by_any_name() {
        let authority = Arc::new(Authority::new().expect("an authority"));
        for name in ["db", "localhost", "127.0.0.1", "::1", "db.internal.example"] {
            let (asked, served) = shake(&authority, &authority, name).await;
            asked.unwrap_or_else(|error| panic!("{name}: {error}"));
            served.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[tokio::test]
    async fn one_that_trusts_another_says_so() {
        let [authority, other] = [(); 2].map(|()| Arc::new(Authority::new().expect("an authority")));
        let (asked, served) = shake(&authority, &other, "localhost").await;
        assert!(asked.is_err());
        let word = refusal(&served.expect_err("a refusal")).expect("a word");
        assert!(["UnknownCA", "DecryptError"].contains(&word.as_str()), "{word}");
    }

    #[test]
    fn the_certificate_is_written_as_text() {
        let pem = Authority::new().expect("an authority").pem();
        let lines: Vec<&str> = pem.lines().collect();
        assert_eq!(
            (lines[0], lines[lines.len() - 1]),
            ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
        );
        assert!(lines.iter().all(|line| line.len() <= 64), "{pem}");
    }
}
