//! Texts as vectors, from OpenAI, whoever speaks as it does, and Ollama.

use lemming::provider::{CallCost, CallErrorKind, Embedded};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::{KEY, embed};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn open_ai(peer: &Peer) -> Value {
    json!({"provider": "openai", "model_name": "text-embedding-3-small", "base_url": format!("{}v1", peer.url),
        "key": "env:THE_KEY"})
}

/// Source: platform.openai.com/docs/api-reference/embeddings/create
fn list(vectors: &[(usize, Value)]) -> Value {
    let data: Value = vectors.iter().map(|(i, v)| json!({"object": "embedding", "index": i, "embedding": v})).collect();
    json!({"object": "list", "data": data, "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 8, "total_tokens": 8}})
}

#[tokio::test]
async fn openai_gives_a_vector_for_each_text_in_their_order() {
    let peer = Peer::answering([Reply::json(&list(&[(1, json!([0.5, 1])), (0, json!([-0.25, 2.5]))]))]).await;
    let Embedded { vectors, usage, reported_model } =
        embed(open_ai(&peer), "text-embedding-3-small", &texts(&["a", "b"])).await.expect("vectors");
    assert_eq!(vectors, [[-0.25, 2.5], [0.5, 1.0]]);
    assert_eq!(usage.expect("usage").input_tokens, 8);
    assert_eq!(reported_model.as_deref(), Some("text-embedding-3-small"));
    let got = peer.only();
    assert_eq!((got.path.as_str(), &got.headers["authorization"]), ("/v1/embeddings", &format!("Bearer {KEY}")));
    assert_eq!(got.body, json!({"model": "text-embedding-3-small", "input": ["a", "b"], "encoding_format": "float"}));
}

#[tokio::test]
async fn ollama_is_asked_in_its_own_way() {
    // Source: docs.ollama.com/api/embed
    let answer = json!({"model": "embeddinggemma", "embeddings": [[0.01, -0.002]], "total_duration": 14_143_917,
        "load_duration": 1_019_500, "prompt_eval_count": 8});
    let peer = Peer::answering([Reply::json(&answer)]).await;
    let model = json!({"provider": "ollama", "model_name": "embeddinggemma", "base_url": peer.url});
    let embedded = embed(model, "embeddinggemma", &texts(&["a"])).await.expect("vectors");
    assert_eq!(embedded.vectors, [[0.01, -0.002]]);
    assert_eq!(embedded.usage.expect("usage").input_tokens, 8);
    assert_eq!(peer.only().path, "/api/embed");
    assert_eq!(peer.only().body, json!({"model": "embeddinggemma", "input": ["a"]}));
}

#[tokio::test]
async fn what_is_no_vector_for_each_text_is_refused_and_was_paid() {
    for (answer, paid) in [
        (list(&[(0, json!([1]))]), true),
        (list(&[(0, json!([1])), (1, json!([1, 2]))]), true),
        (list(&[(0, json!([])), (1, json!([]))]), true),
        (json!({"data": "none"}), false),
        (json!({}), false),
    ] {
        let peer = Peer::answering([Reply::json(&answer)]).await;
        let error = embed(open_ai(&peer), "m", &texts(&["a", "b"])).await.expect_err("no vectors");
        assert_eq!(error.kind, CallErrorKind::Unanswered, "{answer}");
        assert_eq!(matches!(error.cost, CallCost::Used(usage) if usage.input_tokens == 8), paid, "{answer}: {error:?}");
    }
}

#[tokio::test]
async fn refusals_are_told_apart_and_never_show_the_key() {
    for (status, kind) in
        [(401, CallErrorKind::Misconfigured), (429, CallErrorKind::RateLimited), (500, CallErrorKind::Unanswered)]
    {
        let body = json!({"error": {"message": format!("no, {KEY}!")}});
        let peer = Peer::answering([Reply::status(status, &body)]).await;
        let error = embed(open_ai(&peer), "m", &texts(&["a"])).await.expect_err("refused");
        assert_eq!(error.kind, kind);
        assert!(!format!("{error} {error:?}").contains(KEY), "{error:?}");
    }
}

#[tokio::test]
async fn a_provider_without_embeddings_says_so_before_anything_is_sent() {
    for (model, said) in [
        (
            json!({"provider": "anthropic", "model_name": "m", "key": "env:THE_KEY"}),
            "use openai, openai_compatible or ollama",
        ),
        (json!({"provider": "scripted", "provider_config": {"rules": []}}), "no embeddings of provider scripted: use"),
        (json!({"provider": "openai", "model_name": "m", "key": "env:NONE"}), "NONE"),
        (
            json!({"provider": "openai", "model_name": "m", "key": "env:THE_KEY", "provider_config": {"x": 1}}),
            "unknown field",
        ),
        (
            json!({"provider": "ollama", "model_name": "m", "key": "env:THE_KEY", "base_url": "http://example.org/"}),
            "in the clear",
        ),
    ] {
        let error = embed(model, "m", &texts(&["a"])).await.expect_err(said);
        assert!(error.kind == CallErrorKind::Misconfigured && error.message.contains(said), "{error}");
    }
}
