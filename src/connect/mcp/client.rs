//! One conversation with a server: connect, list or call, and leave. All of it within one limit of time, and all that a
//! server says within limits of size.
//!
//! A call is sent once. It is sent after the server has said of its tool, word for word, what a person accepted. What a
//! server asks of us (a model's answer, a person's input, our folders) is refused, and what it tells on the side is not
//! heard.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ErrorData, Implementation,
    InitializeRequestParams, MetaObject, PaginatedRequestParams, RequestMetaObject, Tool,
};
use rmcp::service::{RequestContext, RunningService, ServiceError, serve_client};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::{ClientHandler, RoleClient};
use serde_json::{Map, Value};
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use super::accepted::described;
use super::{http, result, stdio};
use crate::causes::causes;
use crate::clean::one_line;
use crate::connect::Parts;
use crate::connect::secrets::Secrets;
use crate::domain::name::ServerName;
use crate::domain::toolbox::{AcceptedTool, McpServer, ServerSandbox, Transport};
use crate::sandbox::ServerProcess;

/// The longest message of a server.
pub(super) const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// The most that a program may say in one conversation.
const MAX_STREAM_BYTES: u64 = 32 << 20;

/// The most tools that a server may have.
pub const MAX_TOOLS: usize = 500;

/// The most pages that its list of tools may have.
const MAX_PAGES: usize = 50;

/// The longest of its descriptions and schemas together.
const MAX_LIST_BYTES: usize = 4 << 20;

/// The longest text of a server within an error.
const MAX_ERROR_CHARS: usize = 500;

/// How long a server is taken leave of, once it has answered.
const LEAVING: Duration = Duration::from_secs(1);

/// Why a server did not do what was asked. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// A person has to mend what `config/tools.json` says of it.
    #[error("config/tools.json#/servers/{0}{1}")]
    Misconfigured(ServerName, String),
    /// It cannot be reached or started, or does not speak the protocol.
    #[error("the server {0} cannot be used: {1}")]
    Unusable(ServerName, String),
    /// It says of the tool what nobody accepted.
    #[error("the server {0} changed what it says of the tool {1:?}; a person must look: lemming tools accept {0}")]
    Changed(ServerName, String),
    /// It answers that it does not do it, or that it failed.
    #[error("{0}")]
    Refused(String),
    /// It did not answer in time.
    #[error("the server {0} did not answer within {1} s{2}")]
    TimedOut(ServerName, String, &'static str),
    /// The connection broke after the call was sent.
    #[error("the server {0} was lost before it answered: {1}{2}")]
    Lost(ServerName, String, &'static str),
}

/// What is added where nobody knows whether a call was made.
const PERHAPS: &str = "; the call was sent and may have been made: find out before you ask for it again";

/// A list of tools, and what of it cannot be accepted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    /// The tools, in the server's order.
    pub tools: Vec<AcceptedTool>,
    /// The names of others, and why they cannot be accepted.
    pub left_out: Vec<(String, String)>,
}

/// A server, as `config/tools.json` has it.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// What it is reached with.
    pub parts: &'a Parts,
    /// Its name.
    pub name: &'a ServerName,
    /// What is said of it.
    pub config: &'a McpServer,
    /// What holds for its sandbox, if it says nothing itself.
    pub rule: ServerSandbox,
}

/// A call to be made.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The tool, as a person accepted it.
    pub tool: &'a AcceptedTool,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// The id of the call.
    pub id: Uuid,
    /// A longer answer is cut.
    pub max_bytes: usize,
}

impl Server<'_> {
    /// What the server says of its tools.
    ///
    /// # Errors
    /// It cannot be asked, or its list is not one.
    pub async fn list(&self, limit: Duration) -> Result<Listed, ServerError> {
        let mut secrets = Secrets::default();
        let listed = tokio::time::timeout(limit, async {
            let connection = self.connect(&mut secrets).await?;
            let listed = connection.list(None).await;
            Ok((connection, listed))
        });
        let failed = match listed.await {
            Ok(Ok((connection, listed))) => {
                let connection = connection.leave().await;
                match listed {
                    Ok(tools) => return self.listed(tools),
                    Err(failure) => self.of_failure(&failure, &connection, ""),
                }
            }
            Ok(Err(error)) => error,
            Err(_) => ServerError::TimedOut(self.name.clone(), seconds(limit), ""),
        };
        Err(failed.without(&secrets))
    }

    /// Makes a call, if the server says of the tool what was accepted.
    ///
    /// # Errors
    /// It was not made, or it failed, or nobody knows.
    pub async fn call(&self, call: Call<'_>, limit: Duration) -> Result<Value, ServerError> {
        let mut secrets = Secrets::default();
        let max_bytes = call.max_bytes;
        let is_sent = AtomicBool::new(false);
        let called = tokio::time::timeout(limit, async {
            let connection = self.connect(&mut secrets).await?;
            let called = self.called(&connection, call, &is_sent).await;
            Ok((connection, called))
        });
        let called = called.await;
        let perhaps = if is_sent.load(Ordering::Relaxed) { PERHAPS } else { "" };
        let failed = match called {
            Ok(Ok((connection, called))) => {
                let connection = connection.leave().await;
                match called {
                    Ok(Ok(answer)) => {
                        return result::told(answer, &secrets, max_bytes).map_err(ServerError::Refused);
                    }
                    Ok(Err(changed)) => changed,
                    Err(failure) => self.of_failure(&failure, &connection, perhaps),
                }
            }
            Ok(Err(error)) => error,
            Err(_) => ServerError::TimedOut(self.name.clone(), seconds(limit), perhaps),
        };
        Err(failed.without(&secrets))
    }

    async fn called(
        &self,
        connection: &Connection,
        call: Call<'_>,
        is_sent: &AtomicBool,
    ) -> Result<Result<CallToolResult, ServerError>, Failure> {
        let now = connection.list(Some(&call.tool.name)).await?;
        let is_same = |tool: Tool| described(tool).is_ok_and(|now| now == *call.tool);
        if !now.into_iter().find(|tool| tool.name == call.tool.name).is_some_and(is_same) {
            return Ok(Err(ServerError::Changed(self.name.clone(), call.tool.name.clone())));
        }
        let mut params = CallToolRequestParams::new(call.tool.name.clone()).with_arguments(call.arguments);
        let mut meta = MetaObject::new();
        meta.0.insert("lemming/call-id".to_owned(), call.id.to_string().into());
        params.meta = Some(RequestMetaObject(meta));
        is_sent.store(true, Ordering::Relaxed);
        match connection.service.call_tool_once(params).await? {
            CallToolResponse::Complete(answer) => Ok(Ok(answer)),
            _ => Ok(Err(ServerError::Refused(format!(
                "the server {} wants to be asked again or to ask a person in the middle of a call, which is not done",
                self.name
            )))),
        }
    }

    fn listed(&self, tools: Vec<Tool>) -> Result<Listed, ServerError> {
        let mut listed = Listed::default();
        for tool in tools {
            let name = one_line(&tool.name, 2 * super::accepted::MAX_NAME_BYTES);
            if listed.tools.iter().any(|other| *other.name == *tool.name) {
                return Err(ServerError::Unusable(self.name.clone(), format!("it has two tools of the name {name:?}")));
            }
            match described(tool) {
                Ok(tool) => listed.tools.push(tool),
                Err(why) => listed.left_out.push((name, why)),
            }
        }
        Ok(listed)
    }

    /// Connects and greets.
    async fn connect(&self, secrets: &mut Secrets) -> Result<Connection, ServerError> {
        let misconfigured = |message: String| ServerError::Misconfigured(self.name.clone(), message);
        let unusable = |message: String| ServerError::Unusable(self.name.clone(), message);
        let transport = self.config.transport().map_err(|error| {
            misconfigured(if error.starts_with('/') { error.to_owned() } else { format!(": {error}") })
        })?;
        match transport {
            Transport::Http(url) => {
                let transport = http::transport(url, self.config, &self.parts.environment, secrets);
                let transport = transport.map_err(misconfigured)?;
                let served = serve_client(Deaf, transport).await;
                let service = served.map_err(|error| unusable(causes(&error).join(": ")))?;
                Ok(Connection { service, process: None })
            }
            Transport::Stdio(command) => {
                let rule = self.config.sandbox.unwrap_or(self.rule);
                let started = stdio::start(command, self.config, rule, self.parts, secrets).await;
                let mut process = started.map_err(|error| match error.starts_with('/') {
                    true => misconfigured(error),
                    false => unusable(error),
                })?;
                let Some((output, input)) = process.streams() else {
                    return Err(unusable("it has no streams".to_owned()));
                };
                let transport = AsyncRwTransport::new_client(output.take(MAX_STREAM_BYTES), input)
                    .with_max_line_length(MAX_MESSAGE_BYTES);
                match serve_client(Deaf, transport).await {
                    Ok(service) => Ok(Connection { service, process: Some(process) }),
                    Err(error) => {
                        process.leave().await;
                        let said = causes(&error).join(": ");
                        Err(unusable(with_last_words(said, &process, rule)))
                    }
                }
            }
        }
    }

    fn of_failure(&self, failure: &Failure, left: &Left, perhaps: &'static str) -> ServerError {
        match failure {
            Failure::List(why) => ServerError::Unusable(self.name.clone(), why.clone()),
            Failure::Service(ServiceError::McpError(error)) => {
                let ErrorData { code, message, .. } = error;
                ServerError::Refused(format!("the server {} refuses ({}): {message}", self.name, code.0))
            }
            Failure::Service(error) => {
                let said = causes(error).join(": ");
                let said = match &left.0 {
                    Some(process) => with_last_words(said, process, self.config.sandbox.unwrap_or(self.rule)),
                    None => said,
                };
                ServerError::Lost(self.name.clone(), said, perhaps)
            }
        }
    }
}

fn with_last_words(said: String, process: &ServerProcess, rule: ServerSandbox) -> String {
    let last = process.last_words();
    let hint = match rule {
        ServerSandbox::Off => "",
        _ => {
            "; in the sandbox it reads the places of \"reads\" and \"writes\" and the system's libraries alone, and \
              has no network"
        }
    };
    // The end of what it said tells most.
    let skipped = last.chars().count().saturating_sub(MAX_ERROR_CHARS / 2);
    let last: String = last.chars().skip(skipped).collect();
    // From a whole word on: of a secret that was cut, the end would be left.
    let last =
        if skipped == 0 { last.as_str() } else { last.split_once(char::is_whitespace).map_or("", |(_, rest)| rest) };
    match last.is_empty() {
        true => format!("{}{hint}", one_line(&said, MAX_ERROR_CHARS / 2)),
        false => format!("{}; its last words: {last}{hint}", one_line(&said, MAX_ERROR_CHARS / 4)),
    }
}

impl ServerError {
    /// The same in a line of bounded length, and without secrets.
    fn without(self, secrets: &Secrets) -> Self {
        let clean = |text: String| one_line(&secrets.redact(&text), 2 * MAX_ERROR_CHARS);
        match self {
            Self::Misconfigured(server, text) => Self::Misconfigured(server, clean(text)),
            Self::Unusable(server, text) => Self::Unusable(server, clean(text)),
            Self::Refused(text) => Self::Refused(clean(text)),
            Self::Lost(server, text, perhaps) => Self::Lost(server, clean(text), perhaps),
            other => other,
        }
    }
}

fn seconds(limit: Duration) -> String {
    limit.as_secs_f64().to_string()
}

/// Why a request within a conversation failed.
enum Failure {
    Service(ServiceError),
    List(String),
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

/// A conversation. Dropped, it is over, and the program behind it killed.
struct Connection {
    service: RunningService<RoleClient, Deaf>,
    process: Option<ServerProcess>,
}

/// What is left of a conversation.
struct Left(Option<ServerProcess>);

impl Connection {
    /// All tools of the server, or those up to the one that is looked for.
    async fn list(&self, wanted: Option<&str>) -> Result<Vec<Tool>, Failure> {
        let (mut tools, mut cursor, mut bytes) = (Vec::new(), None::<String>, 0);
        for _ in 0..MAX_PAGES {
            let params = PaginatedRequestParams::default().with_cursor(cursor.clone());
            let page = self.service.list_tools(Some(params)).await?;
            bytes += page.tools.iter().map(size).sum::<usize>();
            tools.extend(page.tools);
            if tools.len() > MAX_TOOLS || bytes > MAX_LIST_BYTES {
                return Err(Failure::List(format!(
                    "it lists more than {MAX_TOOLS} tools, or tools of more than {MAX_LIST_BYTES} bytes"
                )));
            }
            let is_found = |name: &str| tools.iter().any(|tool| tool.name == name);
            if page.next_cursor.is_none() || wanted.is_some_and(is_found) {
                return Ok(tools);
            }
            if page.next_cursor == cursor {
                return Err(Failure::List("its list of tools goes in circles".to_owned()));
            }
            cursor = page.next_cursor;
        }
        Err(Failure::List(format!("its list of tools has more than {MAX_PAGES} pages")))
    }

    /// Ends the conversation, without waiting for long.
    async fn leave(mut self) -> Left {
        // Whatever a server makes of it: the answer is there.
        let _ = self.service.close_with_timeout(LEAVING).await;
        if let Some(process) = &mut self.process {
            process.leave().await;
        }
        Left(self.process)
    }
}

fn size(tool: &Tool) -> usize {
    let schema = serde_json::to_vec(&tool.input_schema).map_or(usize::MAX, |bytes| bytes.len());
    tool.name.len().saturating_add(tool.description.as_ref().map_or(0, |text| text.len())).saturating_add(schema)
}

/// Hears nothing that a server tells on the side, and refuses all that it asks.
#[derive(Debug, Clone, Copy)]
struct Deaf;

impl ClientHandler for Deaf {
    fn get_info(&self) -> InitializeRequestParams {
        let itself = Implementation::new("lemming", env!("CARGO_PKG_VERSION"));
        InitializeRequestParams::new(ClientCapabilities::default(), itself)
    }

    #[expect(deprecated, reason = "servers of all versions of the protocol may ask")]
    async fn list_roots(&self, _: RequestContext<RoleClient>) -> Result<rmcp::model::ListRootsResult, ErrorData> {
        Err(ErrorData::method_not_found::<rmcp::model::ListRootsRequestMethod>())
    }
}
