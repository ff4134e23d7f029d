//! The real program with credentials that it has to look for.

use std::process::{Command, Output};

use crate::aws::{SECRET, World};

/// Runs the program in the world's environment and no other, on a thread of its own, as the peers answer on this one.
async fn run(world: &World, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(args).args(["--store", &world.url("")]).env_clear().envs(world.vars()).env("PATH", "/usr/bin:/bin");
    tokio::task::spawn_blocking(move || command.output()).await.expect("thread").expect("the program")
}

#[tokio::test]
async fn logs_and_errors_show_no_key_and_no_command_whatever_is_asked_for() {
    let mut world = World::new().await;
    world.set("LEMMING_LOG", "trace");
    let answer = format!("{{\"Version\":1,\"AccessKeyId\":\"OFPROCESS\",\"SecretAccessKey\":\"{SECRET}\"}}");
    world.write("answer.json", &answer);
    let home = world.home().display().to_string();
    for (process, gives_keys) in
        [(format!("cat {home}/answer.json # {SECRET}"), true), (format!("echo {SECRET} >&2; exit 7 # {SECRET}"), false)]
    {
        world.write(".aws/config", &format!("[default]\nregion = eu-west-3\ncredential_process = {process}\n"));
        let before = world.bucket.seen().len();
        let output = run(&world, &["status"]).await;
        let shown = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!shown.contains(SECRET), "{shown}");
        // Whatever is asked for is in this bucket, and says `body`: whoever has keys finds out that this cannot be.
        assert_eq!(output.status.code(), Some(if gives_keys { 1 } else { 4 }), "{shown}");
        assert_eq!(shown.contains("the store answers whatever is asked"), gives_keys, "{shown}");
        assert_eq!(world.bucket.seen().len() > before, gives_keys, "{shown}");
        assert_eq!(shown.contains("run the credential_process of the profile by hand"), !gives_keys, "{shown}");
    }
}
