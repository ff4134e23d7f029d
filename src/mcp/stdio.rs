//! The protocol on a pair of streams, such as a process's standard input and output: a line is a message.

use rmcp::ServiceExt as _;
use rmcp::service::{QuitReason, ServerInitializeError};
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite};

use super::server::Server;
use crate::domain::ingress::MAX_INGRESS_BYTES;
use crate::engine::Stop;

/// The most bytes of a line: a longer one is dropped. Nothing that an organisation takes is larger, but for its escapes.
pub const MAX_LINE_BYTES: usize = 4 * MAX_INGRESS_BYTES;

/// Why a conversation ended that should not have.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client did not begin as one of MCP does.
    #[error("the client is none of MCP: {0}")]
    Client(String),
    /// This program ended it.
    #[error("the server broke off")]
    Broken,
}

/// Answers a client until its stream ends, or until `stop`.
///
/// # Errors
/// The client does not speak MCP, or a fault of this program ended it.
pub async fn serve<R, W>(server: Server, input: R, output: W, stop: &Stop) -> Result<(), StdioError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let transport = AsyncRwTransport::new(input, output).with_max_line_length(MAX_LINE_BYTES);
    let beginning = server.serve(transport);
    let running = tokio::select! {
        biased;
        () = stop.requested() => return Ok(()),
        begun = beginning => match begun {
            Ok(running) => running,
            // Whoever goes away before saying anything asked for nothing.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(StdioError::Client(crate::clean::one_line(&error.to_string(), 200))),
        },
    };
    let token = running.cancellation_token();
    let mut ended = std::pin::pin!(running.waiting());
    let reason = tokio::select! {
        biased;
        () = stop.requested() => {
            token.cancel();
            ended.await
        }
        reason = &mut ended => reason,
    };
    match reason {
        Ok(QuitReason::Closed | QuitReason::Cancelled) => Ok(()),
        _ => Err(StdioError::Broken),
    }
}
