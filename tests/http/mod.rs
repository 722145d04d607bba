//! What a step's client leaves in the record beside its exchanges, seen on a server with a certificate of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

use std::sync::Arc;

use coalmine::{
    Canary, Context, Resources, Result, RunRecord, Suite, Verdict,
    http::{Api, HttpPool, Roots, client_config},
    record::{CERTIFICATES, CertificateRecord},
    suite::{Run, RunOptions},
};
use jiff::Timestamp;
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// A server that says `ok` to everything; its address, and its certificate as PEM.
async fn server(until: (i32, u8, u8)) -> (String, String) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut request = [0; 4096];
                while stream.read(&mut request).await? > 0 {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
                }
                Ok::<_, std::io::Error>(())
            });
        }
    });
    (format!("https://localhost:{port}"), certificate.pem())
}

async fn run(roots: &str, addresses: Vec<String>) -> RunRecord {
    let body = move |cx: Context| {
        let addresses = addresses.clone();
        async move {
            for address in &addresses {
                Api::new(&cx, &cx.resource::<HttpPool>(), address).get("/").send().await?;
            }
            Ok::<_, coalmine::Failure>(())
        }
    };
    let suite = Suite::new("shop").canary(Canary::new("front").step("look", body));
    let plan = suite.plan().unwrap_or_else(|error| panic!("{error}"));
    let pool = HttpPool::new(client_config(&Roots::Only(roots.to_owned())).unwrap()).unwrap();
    let options = RunOptions::new("https:", Resources::new().with(pool));
    Run::new(Arc::clone(&plan.canaries[0]), options).finish().await
}

#[tokio::test]
async fn a_record_says_until_when_the_certificates_of_the_target_are_valid() -> Result<()> {
    let (late, late_pem) = server((4000, 1, 31)).await;
    let (soon, soon_pem) = server((2040, 2, 29)).await;
    let record = run(&(late_pem + &soon_pem), vec![soon.clone(), late.clone(), soon.clone()]).await;
    assert_eq!(record.verdict, Verdict::Passed, "{record:?}");
    let expected = |address: &str, end: &str| CertificateRecord {
        host: address.trim_start_matches("https://").to_owned(),
        not_after: end.parse().unwrap(),
    };
    let mut all = [expected(&late, "4000-01-31T00:00:00Z"), expected(&soon, "2040-02-29T00:00:00Z")];
    all.sort_by(|a, b| a.host.cmp(&b.host));
    assert_eq!(record.certificates, all);

    let text = serde_json::to_string(&record)?;
    assert_eq!(RunRecord::from_json(&text).unwrap().certificates, all);
    assert!(text.contains(r#""not_after":"4000-01-31T00:00:00Z""#), "{text}");
    Ok(())
}

#[tokio::test]
async fn of_several_certificates_the_first_end_counts_and_hosts_do_not_pile_up() {
    let body = async |cx: Context| {
        for (host, end) in [("b", 30), ("a", 20), ("b", 10), ("b", 40)] {
            cx.saw_certificate(host, Timestamp::from_second(end)?);
        }
        for number in 0..100 {
            cx.saw_certificate(&format!("c{number}"), Timestamp::from_second(1)?);
        }
        Ok::<_, coalmine::Failure>(())
    };
    let suite = Suite::new("shop").canary(Canary::new("front").step("look", body));
    let plan = suite.plan().unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions::new("memory:", Resources::new());
    let seen = Run::new(Arc::clone(&plan.canaries[0]), options).finish().await.certificates;
    let named: Vec<_> = seen.iter().map(|it| (it.host.as_str(), it.not_after.as_second())).collect();
    assert_eq!(named[..3], [("a", 20), ("b", 10), ("c0", 1)]);
    assert_eq!(seen.len(), CERTIFICATES);
}

#[tokio::test]
async fn without_tls_there_is_nothing_to_say() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
    let (_, pem) = server((4000, 1, 31)).await;
    let record = run(&pem, vec![address]).await;
    assert_eq!((record.verdict, record.certificates.len()), (Verdict::Passed, 0), "{record:?}");
    assert!(!serde_json::to_string(&record).unwrap().contains("certificates"));
}
