//! A request that an organisation's own tool makes: any method, once, to one address, with no redirect followed.

use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::{Page, Web, explain, is_text, receive, redirect, within_time};
use crate::domain::tools::WebFetchSettings;
use crate::tool::ToolError;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Vec<u8>>,
    /// From the connection to the end of the answer.
    pub(crate) time: Duration,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The host that it sends us to, if it does. Nobody goes there.
    pub(crate) sent_to: Option<String>,
    /// Its media type, in small letters and without parameters.
    pub(crate) media_type: String,
    /// How many bytes of it were read.
    pub(crate) bytes: usize,
    /// It, if it is text.
    pub(crate) page: Option<Page>,
    /// Whether there was more than is read.
    pub(crate) cut: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) error: ToolError,
    /// Whether the request may have arrived.
    pub(crate) may_be_done: bool,
}

impl Web {
    /// Sends a request to a public address, or to a host that the organisation allows.
    pub(crate) async fn call(&self, call: Call, settings: &WebFetchSettings) -> Result<Answer, Unanswered> {
        let Call { method, url, mut headers, body, time } = call;
        let before = |error| Unanswered { error, may_be_done: false };
        let after = |error| Unanswered { error, may_be_done: true };
        let client = self.client_for(&url, settings).map_err(before)?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json,text/*;q=0.9,*/*;q=0.5"));
        // What is not packed cannot unpack to more than was sent.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut request = client.request(method, url.clone()).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let answered = async {
            let sent = request.send().await;
            Ok(match sent {
                Err(error) => {
                    let may_be_done = !error.is_connect() && !error.is_builder();
                    Err(Unanswered { error: explain(&url, error), may_be_done })
                }
                Ok(response) => {
                    let status = response.status();
                    let next = redirect(&url, &response).ok().flatten();
                    let sent_to = next.and_then(|next| next.host_str().map(super::start));
                    receive(&url, response, |_| true).await.map_err(after).map(|received| {
                        let bytes = received.bytes.len();
                        let text =
                            Some(received.text()).filter(|text| is_text(&received.media_type) && !text.contains('\0'));
                        let (media_type, cut) = (received.media_type, received.cut);
                        let page =
                            text.map(|text| Page { url: url.clone(), media_type: media_type.clone(), text, cut });
                        Answer { status, sent_to, media_type, bytes, page, cut }
                    })
                }
            })
        };
        within_time(time, answered).await.unwrap_or_else(|late| Err(after(late)))
    }
}
