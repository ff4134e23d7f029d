//! Where credentials come from: each source signs a request to the bucket.

use crate::aws::{SECRET, World, service, sts};
use crate::peer::{Peer, Seen, ok};

fn pair(key: &str, region: &str) -> Result<(String, String), String> {
    Ok((key.to_owned(), region.to_owned()))
}

#[tokio::test]
async fn keys_in_variables_go_straight_and_a_profile_that_the_url_names_wins_over_them() {
    let mut world = World::new().await;
    world.set("AWS_ACCESS_KEY_ID", "OFENV");
    world.set("AWS_SECRET_ACCESS_KEY", SECRET);
    world.set("AWS_SESSION_TOKEN", "the-session");
    world.set("AWS_REGION", "eu-west-1");
    world.write(".aws/credentials", &format!("[work]\naws_access_key_id = OFWORK\naws_secret_access_key = {SECRET}\n"));
    assert_eq!(world.read("").await, pair("OFENV", "eu-west-1"));
    assert_eq!(world.last().header("x-amz-security-token"), "the-session");
    assert_eq!(world.read("&profile=work").await, pair("OFWORK", "eu-west-1"));
    assert_eq!(world.last().header("x-amz-security-token"), "", "the session is not the profile's");
    let own = format!("&access_key_id=OFURL&secret_access_key={SECRET}&region=us-west-2");
    assert_eq!(world.read(&own).await, pair("OFURL", "us-west-2"));
}

#[tokio::test]
async fn a_profile_gives_keys_and_region() {
    let mut world = World::new().await;
    world.write(".aws/config", "[default]\nregion = ap-south-1\n\n[profile work]\nregion = eu-north-1\n");
    let keys = format!(
        "[default]\naws_access_key_id = OFDEFAULT\naws_secret_access_key = {SECRET}\n\
         [work]\naws_access_key_id = OFWORK\naws_secret_access_key = {SECRET}\naws_session_token = work-session\n"
    );
    world.write(".aws/credentials", &keys);
    assert_eq!(world.read("").await, pair("OFDEFAULT", "ap-south-1"));
    world.set("AWS_PROFILE", "work");
    assert_eq!(world.read("").await, pair("OFWORK", "eu-north-1"));
    assert_eq!(world.last().header("x-amz-security-token"), "work-session");
    assert_eq!(world.read("&region=us-east-2").await, pair("OFWORK", "us-east-2"));
    world.set("AWS_DEFAULT_REGION", "sa-east-1");
    assert_eq!(world.read("").await, pair("OFWORK", "sa-east-1"));
    // Files elsewhere.
    world.write("elsewhere", &format!("[work]\naws_access_key_id = OFELSE\naws_secret_access_key = {SECRET}\n"));
    let elsewhere = world.home().join("elsewhere").display().to_string();
    world.set("AWS_SHARED_CREDENTIALS_FILE", elsewhere);
    assert_eq!(world.read("").await, pair("OFELSE", "sa-east-1"));
}

#[tokio::test]
async fn a_program_of_the_profile_gives_keys() {
    let world = World::new().await;
    let answer = format!(
        "{{\"Version\":1,\"AccessKeyId\":\"OFPROCESS\",\"SecretAccessKey\":\"{SECRET}\",\"SessionToken\":\"s\",\
         \"Expiration\":\"2099-01-01T00:00:00Z\"}}"
    );
    world.write("answer.json", &answer);
    let home = world.home().display().to_string();
    world
        .write(".aws/config", &format!("[default]\nregion = eu-west-3\ncredential_process = cat {home}/answer.json\n"));
    assert_eq!(world.read("").await, pair("OFPROCESS", "eu-west-3"));
}

#[tokio::test]
async fn a_program_that_fails_is_told_of_without_what_it_printed() {
    let world = World::new().await;
    let config = format!("[default]\ncredential_process = echo '{SECRET}' >&2; exit 3\n");
    world.write(".aws/config", &config);
    let error = world.read("").await.expect_err("no credentials");
    assert!(error.contains("external process exited with code exit status: 3"), "{error}");
    assert!(error.contains("run the credential_process of the profile by hand"), "{error}");
    assert!(world.bucket.seen().is_empty(), "nothing was asked without credentials");
}

#[tokio::test]
async fn a_role_is_assumed_with_the_keys_of_another_profile() {
    let mut world = World::new().await;
    let peer = Peer::start(|_: &Seen| sts("AssumeRole", "OFROLE")).await;
    world.set("AWS_ENDPOINT_URL_STS", &peer.url);
    let config = "[profile org]\nregion = eu-west-2\nrole_arn = arn:aws:iam::123456789012:role/lemming\n\
                  source_profile = base\nrole_session_name = nightly\n";
    world.write(".aws/config", config);
    world.write(".aws/credentials", &format!("[base]\naws_access_key_id = OFBASE\naws_secret_access_key = {SECRET}\n"));
    assert_eq!(world.read("&profile=org").await, pair("OFROLE", "eu-west-2"));
    assert_eq!(world.last().header("x-amz-security-token"), "token-of-OFROLE");
    let asked = peer.seen().pop().expect("STS was asked");
    assert_eq!(asked.signer().0, "OFBASE");
    assert!(asked.body.contains("Action=AssumeRole") && asked.body.contains("RoleSessionName=nightly"), "{asked:?}");
}

#[tokio::test]
async fn a_web_identity_is_changed_for_keys() {
    let mut world = World::new().await;
    let peer = Peer::start(|_: &Seen| sts("AssumeRoleWithWebIdentity", "OFWEB")).await;
    world.write("token", "a-token-of-the-cluster");
    let token = world.home().join("token").display().to_string();
    world.set("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    world.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/lemming");
    world.set("AWS_REGION", "eu-west-1");
    assert_eq!(world.read(&format!("&endpoint_url_sts={}", peer.url)).await, pair("OFWEB", "eu-west-1"));
    let asked = peer.seen().pop().expect("STS was asked");
    assert!(asked.body.contains("WebIdentityToken=a-token-of-the-cluster"), "{asked:?}");
    assert_eq!(asked.header("authorization"), "", "the token speaks for itself");
}

#[tokio::test]
async fn a_container_gives_keys_to_who_shows_its_token() {
    let mut world = World::new().await;
    let peer = Peer::start(|seen: &Seen| match seen.header("authorization") {
        "Bearer of-the-pod" => service("OFCONTAINER"),
        _ => (403, Vec::new(), "{\"code\":\"AccessDenied\",\"message\":\"no\"}".to_owned()),
    })
    .await;
    world.write("pod", "Bearer of-the-pod");
    world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", peer.url));
    let pod = world.home().join("pod").display().to_string();
    world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", pod);
    assert_eq!(world.read("&region=eu-west-1").await, pair("OFCONTAINER", "eu-west-1"));
    assert_eq!(peer.seen().pop().expect("asked").path, "/v1/credentials");
    world.write("pod", "Bearer of-somebody-else");
    let error = world.read("").await.expect_err("no credentials");
    assert!(error.starts_with("Generic S3 error: no AWS credentials: "), "{error}");
}

#[tokio::test]
async fn an_instance_gives_the_keys_of_its_role_by_the_second_version_of_its_interface() {
    let mut world = World::new().await;
    let peer = Peer::start(|seen: &Seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("PUT", "/latest/api/token") => {
            (200, vec![("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())], "session".to_owned())
        }
        _ if seen.header("x-aws-ec2-metadata-token") != "session" => (401, Vec::new(), String::new()),
        (_, path) if path.trim_end_matches('/').ends_with("security-credentials") => ok("the-role"),
        (_, path) if path.trim_end_matches('/').ends_with("security-credentials-extended") => {
            (404, Vec::new(), String::new())
        }
        (_, path) if path.ends_with("/the-role") => service("OFINSTANCE"),
        _ => (404, Vec::new(), String::new()),
    })
    .await;
    world.set("AWS_EC2_METADATA_DISABLED", "false");
    assert_eq!(
        world.read(&format!("&metadata_endpoint={}&region=eu-west-1", peer.url)).await,
        pair("OFINSTANCE", "eu-west-1"),
        "{:?}",
        peer.seen()
    );
}

#[tokio::test]
async fn a_session_of_sso_is_changed_for_keys_at_the_portal() {
    let mut world = World::new().await;
    let peer = Peer::start(|seen: &Seen| match seen.header("x-amz-sso_bearer_token") {
        "the-token" => ok(format!(
            "{{\"roleCredentials\":{{\"accessKeyId\":\"OFSSO\",\"secretAccessKey\":\"{SECRET}\",\
             \"sessionToken\":\"token-of-OFSSO\",\"expiration\":4070908800000}}}}"
        )),
        _ => (401, Vec::new(), String::new()),
    })
    .await;
    world.set("AWS_ENDPOINT_URL_SSO", &peer.url);
    let config = "[default]\nregion = eu-west-1\nsso_session = ours\nsso_account_id = 123456789012\n\
                  sso_role_name = Runner\n\n[sso-session ours]\nsso_region = eu-central-1\n\
                  sso_start_url = https://ours.awsapps.com/start\nsso_registration_scopes = sso:account:access\n";
    world.write(".aws/config", config);
    let error = world.read("").await.expect_err("no session yet");
    assert!(error.contains("`aws sso login` begins a new session"), "{error}");
    // The file is named by the SHA-1 of the session's name, as the AWS command line writes it.
    let token = "{\"accessToken\":\"the-token\",\"expiresAt\":\"2099-01-01T00:00:00Z\",\"region\":\"eu-central-1\",\
                 \"startUrl\":\"https://ours.awsapps.com/start\"}";
    world.write(".aws/sso/cache/48537f613ab85111413f2369616ae97481429bd1.json", token);
    assert_eq!(world.read("").await, pair("OFSSO", "eu-west-1"));
    let asked = peer.seen().pop().expect("the portal was asked");
    assert!(asked.path.starts_with("/federation/credentials?"), "{}", asked.path);
    assert!(
        asked.path.contains("account_id=123456789012") && asked.path.contains("role_name=Runner"),
        "{}",
        asked.path
    );
}

#[tokio::test]
async fn without_credentials_the_message_says_where_they_were_looked_for() {
    let mut world = World::new().await;
    world.set("AWS_PROFILE", "nobodys");
    let error = world.read("").await.expect_err("no credentials");
    for part in [
        "found no AWS credentials; tried AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "the profile nobodys of ~/.aws/config",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_*",
        "not the EC2 instance, as AWS_EC2_METADATA_DISABLED says",
        "aws sso login",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(world.bucket.seen().is_empty());
}

#[tokio::test]
async fn one_answer_of_a_source_serves_many_requests_at_once() {
    let mut world = World::new().await;
    let peer = Peer::start(|_: &Seen| service("OFCONTAINER")).await;
    world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/c", peer.url));
    let opened = world.open("");
    let reads = (0..20).map(|n| {
        let (store, path) = (opened.store.clone(), opened.prefix.clone().join(n.to_string()));
        async move { object_store::ObjectStoreExt::get(&store, &path).await.map(drop) }
    });
    futures::future::try_join_all(reads).await.expect("read");
    assert_eq!((world.bucket.seen().len(), peer.seen().len()), (20, 1));
}
