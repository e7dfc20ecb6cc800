//! One HTTP exchange with one address, ended by one deadline: name lookups, proxies and redirections are none of its business.
//!
//! Refuses an answer of more than a megabyte.

use super::Trouble;
use super::access::{ADVICE, Access};
use plugin_core::net::words;
use plugin_tls::Verifier;
use reqwest::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH, LOCATION, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use std::error::Error as StdError;
use std::io::Error as IoError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A system is some 30 KB.
const LARGEST: usize = 1 << 20;
/// A connection that was quiet for longer may be gone on the other side.
const IDLE: Duration = Duration::from_secs(5);

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    /// JSON; may hold a password, so it is never printed.
    pub body: Option<String>,
    /// The state of the resource to which the request belongs.
    pub etag: Option<String>,
    /// It may be sent twice: reading, off and on may; a second session would be left behind.
    pub repeatable: bool,
}

impl Ask {
    pub fn get(path: &str) -> Self {
        Ask { method: Method::GET, path: path.to_owned(), body: None, etag: None, repeatable: true }
    }

    pub fn post(path: &str, body: &serde_json::Value) -> Self {
        Ask { method: Method::POST, path: path.to_owned(), body: Some(body.to_string()), etag: None, repeatable: true }
    }

    pub fn delete(path: &str) -> Self {
        Ask { method: Method::DELETE, ..Ask::get(path) }
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Identity<'a> {
    Nobody,
    Basic(&'a str, &'a str),
    Token(&'a str),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn location(&self) -> Option<&str> {
        self.header(LOCATION)
    }

    /// The place of something that the service has just made. It is on the service, by whatever name that calls itself.
    pub fn made(&self) -> Option<&str> {
        let place = self.location()?;
        let Some((_, rest)) = place.split_once("://") else { return Some(place) };
        rest.find('/').and_then(|at| rest.get(at..))
    }

    pub fn etag(&self) -> Option<&str> {
        self.header(ETAG)
    }

    pub fn token(&self) -> Option<&str> {
        self.header("X-Auth-Token")
    }

    /// The service takes a user name and a password with each request.
    pub fn offers_basic(&self) -> bool {
        let basic = |challenge: &str| challenge.to_ascii_lowercase().contains("basic");
        self.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|h| h.to_str().ok()).any(basic)
    }
}

/// The client of one address.
pub struct Http {
    runtime: Runtime,
    client: Client,
    verifier: Arc<Verifier>,
    origin: String,
    used: bool,
}

impl Http {
    /// Connects at the first exchange.
    pub fn new(access: &Access, address: SocketAddr) -> Result<Self, Trouble> {
        let wrong = |e: String| Trouble::Config(format!("HTTP can't be prepared: {e}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| wrong(e.to_string()))?;
        let client = Client::builder()
            .tls_backend_preconfigured(plugin_tls::client(&access.verifier).map_err(wrong)?)
            .resolve_to_addrs(&access.address, &[address])
            .user_agent(concat!("twinguard/", env!("CARGO_PKG_VERSION")))
            // A power command takes the way that the administrator wrote down, and no other.
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|e| wrong(chain(&e)))?;
        Ok(Http { runtime, client, verifier: Arc::clone(&access.verifier), origin: access.origin(), used: false })
    }

    /// The path on this service of what it calls `uri`.
    ///
    /// # Errors
    /// It leads to another host.
    pub fn path(&self, uri: &str) -> Result<String, Trouble> {
        let foreign =
            || Trouble::Refused(format!("it points to \"{}\", which is not on this service", uri.escape_debug().take(80).collect::<String>()));
        let path = uri.strip_prefix(&self.origin).unwrap_or(uri);
        // An address without its usual port is the same place.
        let path = path.strip_prefix(self.origin.trim_end_matches(":443")).unwrap_or(path);
        let clean = path.starts_with('/') && !path.starts_with("//") && path.len() < 2048 && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if clean { Ok(path.to_owned()) } else { Err(foreign()) }
    }

    /// Sends and receives within `time`.
    pub fn exchange(&mut self, ask: &Ask, who: &Identity<'_>, time: Duration) -> Result<Answer, Trouble> {
        let work = async {
            let mut reused = self.used;
            loop {
                match once(&self.client, &self.origin, ask, who).await {
                    // The service closed the kept connection while we wrote, and answered nothing.
                    Err(Broken::Http(e)) if reused && !e.is_connect() && ask.repeatable => reused = false,
                    other => return other,
                }
            }
        };
        let ended = self.runtime.block_on(async { tokio::time::timeout(time, work).await });
        self.used = true;
        match ended {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Broken::Large)) => Err(Trouble::Garbled(format!("the answer to {ask} is larger than {LARGEST} bytes"))),
            Ok(Err(Broken::Http(error))) => Err(self.explain(ask, &error)),
            Err(_) => {
                let text = format!("timed out, no answer to {ask} in {:.1} s", time.as_secs_f64());
                Err(Trouble::Silent(format!("{text}; check address, port, cable and that Redfish (HTTPS) is enabled in the BMC")))
            }
        }
    }

    fn explain(&self, ask: &Ask, error: &reqwest::Error) -> Trouble {
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(e) = next {
            next = e.source();
            let Some(io) = e.downcast_ref::<IoError>() else { continue };
            match within(io) {
                Some(tls) => {
                    return match (self.verifier.why(tls, &ADVICE), tls) {
                        (Some(why), _) => Trouble::Denied(why),
                        (None, rustls::Error::InvalidMessage(_)) => Trouble::Garbled("what answers there does not speak TLS".into()),
                        (None, rustls::Error::AlertReceived(alert)) => Trouble::Refused(format!("it broke TLS off ({alert:?})")),
                        (None, other) => Trouble::Garbled(format!("TLS failed: {other}")),
                    };
                }
                None if io.raw_os_error().is_some() || io.get_ref().is_none() => return Trouble::Silent(format!("{} ({ask})", words(io))),
                None => {}
            }
        }
        Trouble::Garbled(format!("the answer to {ask} is no HTTP: {}", chain(error)))
    }
}

enum Broken {
    Http(reqwest::Error),
    Large,
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Broken::Http(error)
    }
}

async fn once(client: &Client, origin: &str, ask: &Ask, who: &Identity<'_>) -> Result<Answer, Broken> {
    let mut request = client.request(ask.method.clone(), format!("{origin}{}", ask.path));
    // Without these two some services answer 406.
    request = request.header(ACCEPT, "application/json").header("OData-Version", "4.0");
    request = match who {
        Identity::Nobody => request,
        Identity::Basic(user, password) => request.basic_auth(user, Some(password)),
        Identity::Token(token) => request.header("X-Auth-Token", *token),
    };
    if let Some(etag) = &ask.etag {
        request = request.header(IF_MATCH, etag);
    }
    if let Some(body) = &ask.body {
        request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
    }
    let mut response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Broken::Large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body, headers })
}

/// The TLS error that an IO error carries, however often it is wrapped.
fn within(mut io: &IoError) -> Option<&rustls::Error> {
    loop {
        let inner = io.get_ref()?;
        match inner.downcast_ref::<IoError>() {
            Some(next) => io = next,
            None => return inner.downcast_ref(),
        }
    }
}

/// An error with its causes, without the address, which the caller names.
fn chain(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut next = error.source();
    while let Some(e) = next {
        words.push(e.to_string());
        next = e.source();
    }
    words.join(": ")
}
