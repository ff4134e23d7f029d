//! Hooks (`hooks` in `org.json`): names under which others may post, and what becomes of what they post.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::AgentName;
use super::outbox::Kind;

/// A hook: who may post under its name, and what message it becomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hook {
    /// How its sender shows who it is.
    pub auth: HookAuth,
    /// Who may read the message; absent or null: everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<AgentName>>,
    /// What the message is for.
    #[serde(default)]
    pub kind: Kind,
    /// Labels of the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its text: a template that sees `hook`, `event` and `body`; absent: the event and the beginning of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How a sender shows who it is. Every secret is a reference: `env:NAME`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "style", rename_all = "snake_case")]
pub enum HookAuth {
    /// It sends the secret itself, in `Authorization: Bearer` or `X-Hook-Secret`.
    Secret {
        /// The secret.
        secret: String,
    },
    /// It sends the HMAC-SHA256 of the body in a header.
    Hmac {
        /// The secret.
        secret: String,
        /// The header's name.
        #[serde(default = "signature_header")]
        header: String,
        /// How the digest is written.
        #[serde(default)]
        encoding: DigestEncoding,
        /// What stands before the digest, such as `sha256=`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
    },
    /// It signs as GitHub does: `X-Hub-Signature-256`.
    Github {
        /// The secret.
        secret: String,
    },
    /// It signs as Slack does: `X-Slack-Signature`, of the last five minutes.
    Slack {
        /// The signing secret.
        secret: String,
    },
    /// It signs by Standard Webhooks: `webhook-signature`, of the last five minutes.
    Standard {
        /// The secret: `whsec_` and base64, or any other text.
        secret: String,
    },
}

/// How a digest is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DigestEncoding {
    /// In hexadecimal digits.
    #[default]
    Hex,
    /// In base64.
    Base64,
}

fn signature_header() -> String {
    "X-Signature".to_owned()
}

impl HookAuth {
    /// The reference to the secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        match self {
            Self::Secret { secret }
            | Self::Hmac { secret, .. }
            | Self::Github { secret }
            | Self::Slack { secret }
            | Self::Standard { secret } => secret,
        }
    }
}
