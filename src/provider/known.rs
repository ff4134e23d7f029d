//! The providers by name.

use genai::adapter::AdapterKind;

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Answers by rules.
    Scripted,
    /// A local command.
    Cli,
    /// Ollama, on this machine or in its cloud.
    Ollama { is_cloud: bool },
    /// Amazon Bedrock.
    Bedrock,
    /// What the `genai` crate speaks to.
    Hosted(AdapterKind),
    /// Azure OpenAI: needs an address.
    Azure,
    /// Any server that speaks as OpenAI does: needs an address.
    OpenAiCompatible,
}

/// What genai speaks to and what is left out here: what has a way of its own above, and what takes
/// its address or its key from the environment by itself.
const LEFT_OUT: &[AdapterKind] = &[
    AdapterKind::Ollama,
    AdapterKind::OllamaCloud,
    AdapterKind::BedrockApi,
    AdapterKind::Vertex,
    AdapterKind::GithubCopilot,
    AdapterKind::Omlx,
];

/// The provider of that name.
pub(super) fn known(name: &str) -> Option<Known> {
    Some(match name {
        "scripted" => Known::Scripted,
        "cli" => Known::Cli,
        "ollama" => Known::Ollama { is_cloud: false },
        "ollama_cloud" => Known::Ollama { is_cloud: true },
        "bedrock" => Known::Bedrock,
        "azure" => Known::Azure,
        "openai_compatible" => Known::OpenAiCompatible,
        other => Known::Hosted(AdapterKind::all().iter().copied().find(|kind| is_hosted(*kind, other))?),
    })
}

fn is_hosted(kind: AdapterKind, name: &str) -> bool {
    !LEFT_OUT.contains(&kind) && kind.as_lower_str() == name
}

/// The names of all providers, the most used first.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names = vec!["openai", "anthropic", "ollama", "gemini", "bedrock", "azure", "openai_compatible"];
    names.extend(["ollama_cloud", "scripted", "cli"]);
    for kind in AdapterKind::all() {
        if !LEFT_OUT.contains(kind) && !names.contains(&kind.as_lower_str()) {
            names.push(kind.as_lower_str());
        }
    }
    names
}

/// Says whether there is a provider of that name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    known(name).is_some()
}

/// Says whether models of that provider cost nothing per token, as they run where we do.
#[must_use]
pub fn is_local(name: &str) -> bool {
    matches!(known(name), Some(Known::Ollama { is_cloud: false } | Known::Scripted | Known::Cli))
}

/// Says whether models of that provider are on the network, ours or another.
#[must_use]
pub fn is_remote(name: &str) -> bool {
    !matches!(known(name), None | Some(Known::Scripted | Known::Cli))
}

/// Says whether a provider has no address of its own: the model must name one.
#[must_use]
pub fn needs_base_url(name: &str) -> bool {
    matches!(known(name), Some(Known::Azure | Known::OpenAiCompatible))
}

/// The variable that a provider's key stands in, as a rule.
#[must_use]
pub fn usual_key(name: &str) -> Option<&'static str> {
    match known(name)? {
        Known::Scripted | Known::Cli | Known::Bedrock | Known::OpenAiCompatible => None,
        Known::Ollama { is_cloud } => is_cloud.then_some("OLLAMA_API_KEY"),
        Known::Azure => Some("AZURE_OPENAI_API_KEY"),
        Known::Hosted(kind) => kind.default_key_env_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_once() {
        let names = names();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        assert!(names.iter().all(|name| is_known(name)), "{names:?}");
        assert!(!is_known("vertex") && !is_known("opnai"));
    }
}
