//! TLS and HTTP/1.1 to the gateway, as a relay speaks them; encapsulation, as a client does.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::process::PATIENCE;

pub(crate) const WELL_KNOWN: &str = "/.well-known/ohttp-gateway";

/// What a relay believes; with a certificate if `identity` names one of the site's.
pub(crate) fn client(pki: &Path, identity: Option<&str>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let cert = CertificateDer::from_pem_file(pki.join(format!("{name}.pem"))).unwrap();
            let key = PrivateKeyDer::from_pem_file(pki.join(format!("{name}-key.pem"))).unwrap();
            builder.with_client_auth_cert(vec![cert], key).unwrap()
        }
    })
}

/// A TLS connection to the gateway; with a certificate if `identity` names one of the site's.
pub(crate) async fn connect(
    address: SocketAddr,
    pki: &Path,
    identity: Option<&str>,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(client(pki, identity)).connect("follower.example".try_into().unwrap(), stream).await
}

/// One exchange on a connection of its own.
pub(crate) async fn exchange(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Response<Bytes> {
    let work = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        driver.abort();
        Response::from_parts(parts, body)
    };
    tokio::time::timeout(PATIENCE, work).await.expect("an answer in time")
}

pub(crate) fn request(method: Method, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    let fields = request.headers_mut();
    fields.insert(header::HOST, header::HeaderValue::from_static("follower.example"));
    fields.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("message/ohttp-req"));
    request
}

/// An encapsulated request, and how to open its answer.
pub(crate) struct Sealed {
    pub(crate) body: Vec<u8>,
    response: ohttp::ClientResponse,
}

/// What is in each request and must not reach the origin: by these origins learn of clients, and believe them.
pub(crate) const UNWANTED: [(&str, &str); 11] = [
    ("forwarded", "for=192.0.2.1"),
    ("via", "1.1 proxy.example"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-host", "admin.example"),
    ("x-forwarded-client-cert", "Subject=\"CN=admin\""),
    ("x-real-ip", "192.0.2.1"),
    ("x-client-ip", "192.0.2.1"),
    ("true-client-ip", "192.0.2.1"),
    ("cf-connecting-ip", "192.0.2.1"),
    ("user-agent", "client/1"),
    ("cookie", "id=7"),
];

/// `POST /v1/key-package` of now with this content, to the first key of the list.
pub(crate) fn seal(list: &[u8], content: &str) -> Sealed {
    let mut message =
        bhttp::Message::request(b"POST".into(), b"https".into(), b"follower.example".into(), b"/v1/key-package".into());
    #[expect(clippy::disallowed_methods, reason = "the gateway compares it with the machine's clock")]
    let now = SystemTime::now();
    message.put_header("date", httpdate::fmt_http_date(now).as_bytes());
    message.put_header("authorization", "Bearer secret-token-of-the-test");
    for (name, value) in UNWANTED {
        message.put_header(name, value);
    }
    message.write_content(content);
    let mut encoded = Vec::new();
    message.write_bhttp(bhttp::Mode::KnownLength, &mut encoded).unwrap();
    let config = &list[2..2 + usize::from(u16::from_be_bytes([list[0], list[1]]))];
    let (body, response) = ohttp::ClientRequest::from_encoded_config(config).unwrap().encapsulate(&encoded).unwrap();
    Sealed { body, response }
}

/// Status and content inside of an answer. Outside there must be nothing to see.
pub(crate) fn open(answer: &Response<Bytes>, sealed: Sealed) -> (u16, String) {
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "message/ohttp-res");
    // What HTTP asks for says nothing either: the length is that of the class, the connection ends with a drain.
    let names = answer.headers().keys().map(|name| name.as_str());
    let mut names: Vec<_> = names.filter(|name| *name != "connection").collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "date"]);
    assert_eq!(answer.body().len(), 8192 + 32);
    let plain = sealed.response.decapsulate(answer.body()).unwrap();
    let message = bhttp::Message::read_bhttp(&mut io::Cursor::new(&plain)).unwrap();
    (message.control().status().unwrap().code(), String::from_utf8_lossy(message.content()).into_owned())
}
