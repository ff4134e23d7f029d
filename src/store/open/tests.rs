//! Names of stores, right and wrong.

use std::str::FromStr;

use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;

use super::options::{CLIENT, Kind};
use super::*;

fn env(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn wrong(url: &str) -> String {
    open(url, []).expect_err(url).to_string()
}

#[test]
fn paths_and_file_urls_are_folders_that_listing_costs_nothing_in() {
    for name in [".", "./org", "org", "/abs/none", "file:///abs/none", "file:///abs/none?fsync=off", "C:org"] {
        let opened = open(name, []).expect(name);
        let root = opened.local_root.expect(name);
        assert!(root.is_absolute() && opened.lists_freely && opened.prefix.is_root(), "{name}");
    }
    let opened = open("file:///a%20b/org?fsync=on", []).expect("open");
    assert_eq!(opened.display, "/a b/org");
    assert!(format!("{:?}", opened.store).contains("fsync: true"));
    assert!(format!("{:?}", open("file:///a?fsync=off", []).expect("open").store).contains("fsync: false"));
    assert!(format!("{:?}", open("./a", []).expect("open").store).contains("fsync: true"));
}

#[test]
fn options_behind_a_path_are_no_part_of_a_folders_name() {
    for (name, path) in [("./org?fsync=off", "./org"), ("/abs/org?a=b&c", "/abs/org")] {
        let error = wrong(name);
        assert!(error.starts_with(&format!("{path} is a path, and options need a URL: file:///")), "{error}");
        assert!(error.contains("org?...") && !error.contains("fsync"), "{error}");
    }
    let dir = tempfile::tempdir().expect("dir");
    for name in ["what?", "is this? a=b", "is?there=already"] {
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder).expect("folder");
        assert_eq!(open(folder.to_str().expect("text"), []).expect(name).local_root, Some(folder));
    }
}

#[test]
fn memory_is_new_each_time() {
    let opened = open("memory://", []).expect("open");
    assert!(opened.prefix.is_root() && opened.lists_freely && opened.local_root.is_none());
    assert_eq!(open("memory:///a/b", []).expect("open").prefix.as_ref(), "a/b");
}

#[test]
fn buckets_are_opened_with_their_prefix_and_nothing_is_sent() {
    let aws = env(&[("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "eu-west-1")]);
    let azure = env(&[("AZURE_STORAGE_ACCOUNT_NAME", "acc"), ("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")]);
    for (url, env, prefix) in [
        ("s3://bucket/a/b", &aws, "a/b"),
        ("s3a://bucket", &aws, ""),
        ("https://bucket.s3.eu-west-1.amazonaws.com/a", &aws, "a"),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a", &aws, "a"),
        ("https://0123.r2.cloudflarestorage.com/bucket/a", &aws, "a"),
        ("gs://bucket/a/", &vec![], "a"),
        ("az://container/a", &azure, "a"),
        ("abfs://container@acc.dfs.core.windows.net/a", &azure, "a"),
        ("abfss://container/a", &azure, "a"),
        ("https://acc.blob.core.windows.net/container/a", &azure, "a"),
    ] {
        let opened = open(url, env.clone()).expect(url);
        assert_eq!(opened.prefix.as_ref(), prefix, "{url}");
        assert!(!opened.lists_freely && opened.local_root.is_none(), "{url}");
        assert_eq!(opened.display, url);
    }
}

#[test]
fn options_of_the_url_win_over_the_environment() {
    let url = "s3://bucket/a?endpoint=http://127.0.0.1:9000&region=us-east-2&allow_http=true\
               &access_key_id=mine&secret_access_key=hidden";
    let env = env(&[
        ("AWS_ENDPOINT_URL_S3", "https://elsewhere"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_SESSION_TOKEN", "theirs"),
        ("AWS_BUCKET", "other"),
        ("AWS_PROFILE", "unknown to the client"),
        ("PATH", "/bin"),
    ]);
    let opened = open(url, env).expect("open");
    assert_eq!(opened.display, "s3://bucket/a");
    let shown = format!("{:?}", opened.store);
    for (part, there) in [
        ("http://127.0.0.1:9000/bucket", true),
        ("us-east-2", true),
        ("elsewhere", false),
        ("eu-west-1", false),
        ("theirs", false),
    ] {
        assert_eq!(shown.contains(part), there, "{part} in {shown}");
    }
    assert!(shown.contains("max_retries: 4") && shown.contains("retry_timeout: 10s"), "{shown}");
}

#[test]
fn unknown_options_are_refused_with_the_known_ones() {
    let error = wrong("s3://bucket/a?endpiont=x");
    assert!(error.starts_with("an S3 bucket has no option \"endpiont\"; it has access_key_id, "), "{error}");
    assert!(error.contains(" endpoint, ") && error.contains(" timeout"), "{error}");
    assert!(wrong("gs://bucket?region=x").contains("service_account_key"));
    assert!(wrong("az://container?region=x").contains("account_name"));
    assert!(wrong("s3://bucket?bucket=other").contains("no option \"bucket\""));
    assert_eq!(wrong("file:///a?sync=1"), "a folder has no option \"sync\"; it has fsync");
    assert_eq!(wrong("file:///a?fsync=maybe"), "the option fsync has a wrong value: it must be on or off");
    assert_eq!(wrong("memory://?x=1"), "memory has no option \"x\"; it has none");
}

#[test]
fn what_the_messages_say_is_known_is_known() {
    fn check<K: FromStr>(kind: &Kind<K>) {
        for name in kind.known.iter().chain(CLIENT) {
            assert!(name.parse::<K>().is_ok(), "{} {name}", kind.store);
        }
    }
    check(&s3::S3);
    check::<GoogleConfigKey>(&bucket::GOOGLE);
    check::<AzureConfigKey>(&bucket::AZURE);
}

#[test]
fn wrong_names_are_refused_and_say_what_would_be_right() {
    for (url, part) in [
        ("", "no store was named"),
        ("http://host/dav", "is a web server"),
        ("https://example.com/dav", "is a web server"),
        ("ftp://host/a", "names no store"),
        ("s3:/bucket", "names no store"),
        ("s3://", "names no store"),
        ("s3://bucket/a#b", "followed by a #"),
        ("file://home/me", "names the machine \"home\""),
        ("memory://name", "three slashes"),
        ("s3://bucket/a//b", "cannot be used"),
        ("s3://bucket/%00", "cannot be used"),
        ("https://s3.eu-west-1.amazonaws.com", "names no bucket"),
        ("https://acc.blob.core.windows.net", "names no bucket"),
        ("s3://bucket?endpoint=http://localhost:9000", "add allow_http=true (AWS_ALLOW_HTTP=true)"),
        ("gs://bucket?base_url=127.0.0.1:9000", "the base_url of gs://bucket must begin with http:// or https://"),
        (
            "s3://bucket?endpoint=http://user:HUSH@a:1&allow_http=true",
            "of s3://bucket must begin with http:// or https:// and name nobody",
        ),
        ("az://c?account_name=a&endpoint=localhost:9000", "the endpoint of az://c must begin with http://"),
        ("s3://bucket?secret_access_key=a", "cannot open s3://bucket"),
        (
            "s3://bucket?allow_http=maybe&endpoint=http://a",
            "the option allow_http has a wrong value: it must be true or false",
        ),
        ("s3://bucket?skip_signature=maybe", "the option skip_signature has a wrong value: it must be true or false"),
        ("s3://bucket?timeout=abc", "the option timeout has a wrong value: it must be a time such as 15s or 2m"),
        ("gs://bucket?connect_timeout=1%20apple", "the option connect_timeout has a wrong value"),
        ("az://c?account_name=a&pool_max_idle_per_host=x", "per_host has a wrong value: it must be a whole number"),
        ("az://c/a", "az://c/a is of no account: set AZURE_STORAGE_ACCOUNT_NAME, or add account_name= to the URL"),
    ] {
        let error = wrong(url);
        assert!(error.contains(part), "{url}: {error}");
    }
    let file = tempfile::NamedTempFile::new().expect("file");
    assert!(wrong(&file.path().display().to_string()).contains("is a file"));
}

#[test]
fn an_endpoint_that_is_no_address_is_refused_before_a_client_panics_over_it() {
    for endpoint in [
        "127.0.0.1:19473",
        "localhost:9000",
        "minio",
        "//host",
        "ftp://host",
        "http://",
        "http:///a",
        "http://a b",
        "https://h:99999",
    ] {
        for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"] {
            let error =
                open("s3://bucket/a", env(&[(variable, endpoint), ("AWS_ALLOW_HTTP", "true")])).expect_err(endpoint);
            let right = "the endpoint of s3://bucket/a must begin with http:// or https:// and name nobody, as in endpoint=https://host:port";
            assert_eq!(error.to_string(), right, "{endpoint}");
        }
    }
    for endpoint in ["https://minio.example:9000", "HTTP://127.0.0.1:9000/", "http://[::1]:9000/base", "https://a.b"] {
        open("s3://bucket/a", env(&[("AWS_ENDPOINT_URL", endpoint), ("AWS_ALLOW_HTTP", "true")])).expect(endpoint);
    }
}

#[test]
fn no_message_shows_a_credential_or_the_query() {
    for url in [
        "s3://id:hunter22@bucket/a",
        "s3://hunter22@bucket/a",
        "s3://bucket?access_key_id=hunter22",
        "s3://bucket?nonsense=hunter22",
        "gs://bucket?service_account_key=hunter22",
        "gs://bucket?service_account=/none/hunter22",
        "az://c?account_name=a&access_key=hunter22%C3",
        "az://c:hunter22@host/a",
        "ftp://host/?hunter22",
        "ftp://u:hunter22@host/",
        "http://u:hunter22@host/",
        "https://[host/?hunter22",
    ] {
        let error = open(url, []).expect_err(url);
        let texts = format!("{error} {error:?}");
        assert!(!texts.contains("hunter22"), "{url}: {texts}");
    }
}

#[test]
fn a_password_is_not_repeated_however_many_slashes_were_forgotten() {
    for scheme in ["s3", "gs", "az", "AZ", "https", "ftp", "memory"] {
        for slashes in ["", "/", "//", "///", "\\", "\\\\"] {
            for rest in ["", "bucket/prefix", "host:80/x@y", "a%zz/%00"] {
                let url = format!("{scheme}:{slashes}user:Zk7qSecret@{rest}?token=Zk7qSecret");
                let said = match open(&url, []) {
                    Ok(opened) => opened.display,
                    Err(error) => format!("{error} {error:?}"),
                };
                assert!(!said.contains("Zk7qSecret"), "{url}: {said}");
            }
        }
    }
    assert_eq!(shown("az://container@account/x?y"), "az://container@account/x");
    assert_eq!(shown("s3:key:secret@bucket"), "s3:bucket");
}

#[test]
fn a_value_of_the_query_is_not_repeated_when_the_client_cannot_use_it() {
    let env = env(&[("AWS_ENDPOINT", "user:Zk7qSecret@host"), ("AWS_REGION", "x"), ("AWS_ACCESS_KEY_ID", "a")]);
    for url in [
        "abfs://container@account.dfs.core.windows.net/prefix?endpoint=Zk7qSecret",
        "s3://bucket?endpoint=Zk7qSecret&region=x&access_key_id=a&secret_access_key=b&allow_http=true",
        "s3://bucket?timeout=Zk7qSecret&region=x",
        "s3://bucket",
    ] {
        if let Err(error) = open(url, env.clone()) {
            let said = format!("{error} {error:?}");
            assert!(!said.contains("Zk7qSecret"), "{url}: {said}");
        }
    }
    let error = wrong("s3://bucket?checksum_algorithm=Zk7qSecret");
    assert!(error.contains("<hidden>"), "the rest of the message stays: {error}");
}
