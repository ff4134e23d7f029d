//! Options of a bucket that show in its requests.

use lemming::store::open::open;
use object_store::{ObjectStoreExt as _, PutMode};

use crate::aws::{SECRET, World};
use crate::peer::{Peer, Seen, ok};

const KEYS: &str = "&access_key_id=ID&secret_access_key=hunter2-hunter2&region=eu-west-1";

#[tokio::test]
async fn a_create_carries_the_condition_and_what_the_options_ask_for() {
    let world = World::new().await;
    for (options, headers) in [
        ("", &[("if-none-match", "*"), ("x-amz-server-side-encryption", ""), ("x-amz-checksum-sha256", "")][..]),
        (
            "&server_side_encryption=aws:kms&sse_kms_key_id=alias/lemming&sse_bucket_key_enabled=true",
            &[
                ("x-amz-server-side-encryption", "aws:kms"),
                ("x-amz-server-side-encryption-aws-kms-key-id", "alias/lemming"),
                ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
                ("if-none-match", "*"),
            ],
        ),
        ("&server_side_encryption=AES256", &[("x-amz-server-side-encryption", "AES256")]),
        // The SHA-256 of "x".
        ("&checksum_algorithm=sha256", &[("x-amz-checksum-sha256", "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=")]),
        ("&request_payer=true", &[("x-amz-request-payer", "requester")]),
        ("&unsigned_payload=true", &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]),
    ] {
        let opened = world.open(&format!("{KEYS}{options}"));
        let key = opened.prefix.clone().join("a");
        opened.store.put_opts(&key, "x".into(), PutMode::Create.into()).await.expect(options);
        let seen = world.last();
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("PUT", "/bucket/place/a"));
        for (name, value) in headers {
            assert_eq!(seen.header(name), *value, "{name} with {options}");
        }
    }
}

#[tokio::test]
async fn the_standard_variables_name_endpoint_and_region() {
    let world = World::new().await;
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let vars = [
            (name, world.bucket.url.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_DEFAULT_REGION", "eu-west-3"),
            ("AWS_ACCESS_KEY_ID", "OFENV"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let opened = open("s3://bucket/a/b", vars).expect("open");
        opened.store.get(&opened.prefix.clone().join("c")).await.expect("read");
        let seen = world.last();
        assert_eq!(seen.path, "/bucket/a/b/c", "by its path, as servers of one's own have it");
        assert_eq!(seen.signer(), ("OFENV".to_owned(), "eu-west-3".to_owned()));
    }
}

#[tokio::test]
async fn a_bucket_in_the_name_of_the_host_is_asked_for_without_its_path() {
    let world = World::new().await;
    let opened = world.open(&format!("{KEYS}&virtual_hosted_style_request=true"));
    opened.store.get(&opened.prefix.clone().join("c")).await.expect("read");
    assert_eq!(world.last().path, "/place/c");
    let opened = world.open("&skip_signature=true");
    opened.store.get(&opened.prefix.clone().join("c")).await.expect("read");
    assert_eq!(world.last().header("authorization"), "", "a public bucket is read unsigned, and no source is asked");
}

#[test]
fn an_option_that_nothing_would_heed_is_an_error() {
    for option in ["imdsv1_fallback", "imdsv1", "profil", "kms"] {
        let error = open(&format!("s3://bucket?{option}=true"), []).expect_err(option).to_string();
        assert!(error.contains(&format!("has no option {option:?}")), "{error}");
    }
}

#[tokio::test]
async fn google_and_azure_are_asked_with_what_their_variables_say() {
    let peer = Peer::start(|_: &Seen| ok("")).await;
    let account = format!(
        "{{\"gcs_base_url\":\"{}\",\"disable_oauth\":true,\"client_email\":\"\",\"private_key\":\"\",\
         \"private_key_id\":\"\"}}",
        peer.url
    );
    let vars = [("GOOGLE_SERVICE_ACCOUNT_KEY", account.as_str()), ("GOOGLE_ALLOW_HTTP", "true")];
    let opened =
        open("gs://bucket/place", vars.map(|(name, value)| (name.to_owned(), value.to_owned()))).expect("open");
    let put = opened.store.put_opts(&opened.prefix.clone().join("a"), "x".into(), PutMode::Create.into()).await;
    let seen = peer.seen().pop().expect("asked");
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("PUT", "/bucket/place%2Fa"), "{put:?}");
    assert_eq!(seen.header("x-goog-if-generation-match"), "0");

    let vars = [
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "aHVudGVyMg=="),
        ("AZURE_ENDPOINT", peer.url.as_str()),
        ("AZURE_ALLOW_HTTP", "true"),
    ];
    let opened =
        open("az://container/place", vars.map(|(name, value)| (name.to_owned(), value.to_owned()))).expect("open");
    let _ = opened.store.put_opts(&opened.prefix.clone().join("a"), "x".into(), PutMode::Create.into()).await;
    let seen = peer.seen().pop().expect("asked");
    assert!(seen.path.ends_with("/container/place/a"), "{}", seen.path);
    assert_eq!(seen.header("if-none-match"), "*");
    assert!(seen.header("authorization").starts_with("SharedKey account:"), "{}", seen.header("authorization"));
}
