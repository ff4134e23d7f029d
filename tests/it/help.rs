//! What `lemming help` says, word for word.

fn help(of: &str) -> String {
    let mut command = lemming::cli::command().term_width(100);
    command.build();
    let shown = if of.is_empty() { &mut command } else { command.find_subcommand_mut(of).expect("command") };
    shown.render_help().to_string()
}

#[test]
fn help_lists_every_command() {
    insta::assert_snapshot!(help(""), @r#"
    Runs organisations of LLM agents as serverless jobs over a folder or bucket of plain JSON files

    Usage: lemming [OPTIONS] <COMMAND>

    Commands:
      demo       Shows a small organisation at work, in a new folder
      bootstrap  Makes an organisation from the built-in example
      doctor     Examines the store, the credentials, the models' keys and this machine, and says how to
                 mend what is wrong
      validate   Lists everything that is wrong with the files that people write
      tick       Runs one tick, or the rest of an open one
      run        Runs ticks one after another, until Ctrl-C
      status     Shows how the organisation stands: its agents, its budget, and what is wrong
      inspect    Shows one agent: its resume, its last turns with prompt and answer, and the keys of its
                 memory
      send       Sends a message to an agent, or to all
      inbox      Shows what was said to you; with an agent's name, what that agent may read
      logs       Tells what happened, from the records: turns, messages, violations, skips, money
      replay     Makes a past tick again, from its records alone, and proves that it comes out the same
      fork       Makes a new organisation that is as this one was after a tick: to try what would have
                 become of it
      fsck       Looks through a whole organisation for damage: every record, hash, view and account
      gc         Gives up what is old, as `retention` in org.json says, or erases what must go
      pause      Lets an agent, or the whole organisation, rest until `resume`
      resume     Lets an agent, or the whole organisation, go on after `pause`
      credits    Shows what is left and what was spent; `top-up` adds credits, `export` gives the ledger
      cost       Estimates what an organisation costs in a month, at published prices, before it is
                 deployed or while it runs
      models     Lists the models and checks each; `use` switches to another one, `test` calls one
      serve      Serves the API: messages come in over HTTP, and whoever they are for is woken at once
      keys       Lists the API's keys; `add` makes one, `remove` takes one away
      schema     Prints the JSON Schema of a file that people write
      help       Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Options of every command:
          --store <URL>          Where the organisation is: a folder, or a bucket such as
                                 s3://bucket/prefix
          --json                 Prints one JSON document on standard output, and errors as one on
                                 standard error
      -v, --verbose...           Logs more, to standard error; twice: much more
          --log-format <FORMAT>  How log lines look [default: text on a terminal, else JSON] [possible
                                 values: text, json]

    Exit codes:
      0    done
      1    failed
      2    the command line is wrong; nothing was done
      3    a file of the organisation is wrong: see `lemming validate`
      4    the store cannot be opened or reached, or it refuses
      5    a tick was begun and is not closed: the next `lemming tick` goes on with it
      6    there is no such organisation, agent, message or tick
      130  interrupted twice (`doctor` and `demo --chaos`: once)

    With --json, standard output holds one JSON document; a failed command leaves it empty and ends
    standard error with one line {"error": {"code", "message", "path"?, "pointer"?, "causes"?,
    "hint"?}}.

    Environment:
      LEMMING_STORE  the store, where --store does not name one
      LEMMING_LOG    what is logged, such as `debug` or `warn,lemming::store=trace`
      NO_COLOR       no colours, not even on a terminal
    "#);
}

#[test]
fn help_of_commands_says_what_they_take() {
    insta::assert_snapshot!(help("tick"), @r#"
    Runs one tick, or the rest of an open one

    Usage: lemming tick [OPTIONS]

    Options:
          --scheduled[=<WHEN>]      A scheduler asks, for the slot of this time: RFC 3339, or the name
                                    of a CronJob's Job [default: now]
          --wake                    Runs only who has mail, and keeps the clock; with nothing to do it
                                    starts no tick
          --agent <NAME>            Runs this agent as well, mail or not; may be repeated
          --deadline <TIME>         Leaves the tick to the next invocation before this time is over,
                                    counted from now; starts no turn that would not end
          --shards[=<INDEX/COUNT>]  Begins with its own part of the work, from 0, as one of several
                                    runners on one tick, and then helps with the rest
          --all                     Ticks every organisation in a folder directly below the store; one
                                    that fails stops no other
          --seed <NUMBER>           Draws ids from this seed: the same seed, files and answers give the
                                    same records [default: a new one each tick]
      -h, --help                    Print help (see more with '--help')

    Options of every command:
          --store <URL>          Where the organisation is: a folder, or a bucket such as
                                 s3://bucket/prefix
          --json                 Prints one JSON document on standard output, and errors as one on
                                 standard error
      -v, --verbose...           Logs more, to standard error; twice: much more
          --log-format <FORMAT>  How log lines look [default: text on a terminal, else JSON] [possible
                                 values: text, json]
    "#);
    insta::assert_snapshot!(help("send"), @r#"
    Sends a message to an agent, or to all

    Usage: lemming send [OPTIONS] <AGENT> <TEXT>

    Arguments:
      <AGENT>  The agent's name, or `all`
      <TEXT>   What is said

    Options:
          --kind <KIND>              message, report, request, response or status [default: message]
          --importance <IMPORTANCE>  normal, high or critical: how early it is shown [default: normal]
          --reply-to <ID>            The message that this one answers: its id, or how its id begins
      -h, --help                     Print help (see more with '--help')

    Options of every command:
          --store <URL>          Where the organisation is: a folder, or a bucket such as
                                 s3://bucket/prefix
          --json                 Prints one JSON document on standard output, and errors as one on
                                 standard error
      -v, --verbose...           Logs more, to standard error; twice: much more
          --log-format <FORMAT>  How log lines look [default: text on a terminal, else JSON] [possible
                                 values: text, json]
    "#);
}

#[test]
fn help_is_a_command_too() {
    for (words, shown) in [(&["help"][..], "Exit codes"), (&["help", "models", "use"], "models use")] {
        let error = lemming::cli::command().try_get_matches_from([&["lemming"], words].concat()).expect_err("help");
        assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelp, "{words:?}");
        assert!(error.to_string().contains(shown), "{error}");
    }
}

#[test]
fn the_command_line_is_consistent() {
    lemming::cli::command().debug_assert();
}
