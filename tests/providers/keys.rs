//! Keys by reference: the environment, files, AWS.

use lemming::provider::{CallCost, CallErrorKind};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::{KEY, open_with, request};

fn completion() -> Reply {
    Reply::json(&json!({"id": "x", "model": "m", "choices": [{"message": {"role": "assistant", "content": "{}"},
        "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}))
}

fn model(peer: &Peer, key: &str) -> Value {
    json!({"provider": "openai", "model_name": "m", "base_url": peer.url, "key": key})
}

#[tokio::test]
async fn a_key_in_a_file_is_read_without_its_line_end() {
    let peer = Peer::answering([completion()]).await;
    let root = tempfile::tempdir().expect("folder");
    std::fs::write(root.path().join("key"), format!("{KEY}\n")).expect("file");
    let provider = open_with(model(&peer, "file:key"), &[], Some(root.path().to_owned())).await.expect("provider");
    provider.complete(&request("m")).await.expect("answer");
    assert_eq!(peer.only().headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn a_key_in_aws_is_read_with_a_signed_request() {
    // Sources: docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html,
    // docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    let secret = json!({"ARN": "arn:aws:secretsmanager:us-west-2:123456789012:secret:MyTestSecret-1",
        "Name": "lemming", "SecretString": json!({"openai": KEY}).to_string()});
    let parameter = json!({"Parameter": {"Name": "/lemming/key", "Type": "SecureString", "Value": KEY, "Version": 1}});
    for (reference, reply, target, service, asked) in [
        (
            "aws-secretsmanager:lemming#openai",
            &secret,
            "secretsmanager.GetSecretValue",
            "secretsmanager",
            json!({"SecretId": "lemming"}),
        ),
        (
            "aws-ssm:/lemming/key",
            &parameter,
            "AmazonSSM.GetParameter",
            "ssm",
            json!({"Name": "/lemming/key", "WithDecryption": true}),
        ),
    ] {
        let aws = Peer::answering([Reply::json(reply)]).await;
        let peer = Peer::answering([completion()]).await;
        let vars = [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_REGION", "us-west-2"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.url.as_str()),
            ("AWS_ENDPOINT_URL_SSM", aws.url.as_str()),
        ];
        let provider = open_with(model(&peer, reference), &vars, None).await.expect("provider");
        provider.complete(&request("m")).await.expect("answer");
        assert_eq!(peer.only().headers["authorization"], format!("Bearer {KEY}"));
        let got = aws.only();
        assert_eq!((got.headers["x-amz-target"].as_str(), &got.body), (target, &asked));
        let scope = format!("/us-west-2/{service}/aws4_request");
        assert!(got.headers["authorization"].contains(&scope), "{:?}", got.headers);
        assert!(got.headers["authorization"].contains("x-amz-target"), "the action is signed");
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_named_by_its_reference() {
    let peer = Peer::answering([completion()]).await;
    let aws = Peer::answering([Reply::status(
        400,
        &json!({"__type": "ResourceNotFoundException",
        "Message": "Secrets Manager can't find the specified secret."}),
    )])
    .await;
    let root = tempfile::tempdir().expect("folder");
    std::fs::write(root.path().join("empty"), "\n").expect("file");
    std::fs::write(root.path().join("two"), "hunter2\nhunter2\n").expect("file");
    let vars = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_REGION", "us-west-2"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.url.as_str()),
    ];
    for (reference, said) in [
        ("env:NO_SUCH_KEY", "the variable NO_SUCH_KEY is not set"),
        ("file:none", "cannot read the key in file none"),
        ("file:empty", "the key at file:empty is empty"),
        ("file:two", "what no header can carry"),
        ("aws-secretsmanager:none", "ResourceNotFoundException"),
    ] {
        let error = open_with(model(&peer, reference), &vars, Some(root.path().to_owned())).await.expect_err(reference);
        assert_eq!((error.kind, error.cost), (CallErrorKind::Misconfigured, CallCost::Nothing), "{error}");
        assert!(error.message.starts_with("model m: ") && error.message.contains(said), "{error}");
        assert!(!error.message.contains("hunter2"), "{error}");
    }
    assert!(peer.got().is_empty());
}

#[tokio::test]
async fn a_provider_s_usual_key_goes_to_the_provider_s_own_address_alone() {
    let peer = Peer::answering([completion()]).await;
    let model = json!({"provider": "openai", "model_name": "m", "base_url": peer.url});
    let provider = open_with(model, &[("OPENAI_API_KEY", KEY)], None).await.expect("provider");
    provider.complete(&request("m")).await.expect("answer");
    assert_eq!(peer.only().headers["authorization"], "Bearer none");
    let model = json!({"provider": "openai", "model_name": "m"});
    let error = open_with(model, &[], None).await.expect_err("no key");
    assert!(error.message.contains("the variable OPENAI_API_KEY is not set"), "{error}");
}

#[tokio::test]
async fn a_key_does_not_travel_in_the_clear() {
    let model =
        json!({"provider": "openai", "model_name": "m", "base_url": "http://10.0.0.1/v1", "key": "env:THE_KEY"});
    let error = open_with(model, &[("THE_KEY", KEY)], None).await.expect_err("in the clear");
    assert!(error.message.contains("in the clear"), "{error}");
}
