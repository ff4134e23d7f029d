"""Runs the Lambda function of an organisation on this machine; localstack/lambda.sh starts it.

What AWS would do around the function, and where it is done here:

- the runtime interface and the function's URL: the emulator of cargo-lambda;
- the schedule, and S3's notifications of new mail: this program, as events of the same shape;
- asynchronous invocations, by which a function goes on with an open tick: this program, as the
  emulator knows none and would let the function wait for itself.

The function is the real program, in as many processes as `--instances` says.
"""

import argparse
import json
import os
import queue
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FUNCTION = "lemming"
INVOCATIONS = f"/2015-03-31/functions/{FUNCTION}/invocations"
NOTIFICATIONS = "/s3-notifications"
# What S3 would be told to notify of: nothing else that is written wakes anybody.
WAKES = ("/ingress/mail/", "/ingress/control/")
# The longest that AWS lets a function run.
LONGEST = 900


def say(text):
    print(text, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scheduled(at):
    """What EventBridge Scheduler sends for its time `at`, in seconds."""
    when = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "version": "0",
        "id": f"local-{int(at)}",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": when,
        "region": "us-east-1",
        "resources": ["arn:aws:scheduler:us-east-1:000000000000:schedule/default/lemming"],
        "detail": "{}",
    }


def notifications(event):
    """What S3 would send of an event of versitygw: the records of new mail and commands, with S3's names."""
    records = []
    for record in event.get("Records") or []:
        key = record.get("s3", {}).get("object", {}).get("key", "")
        name = record.get("eventName", "").removeprefix("s3:")
        if name.startswith("ObjectCreated:") and any(prefix in f"/{key}" for prefix in WAKES):
            records.append({**record, "eventName": name})
    return records


class Function:
    """The function behind its emulator, and the queue of its asynchronous invocations."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.queue = queue.Queue()

    def pass_on(self, method, path, headers, body):
        """The emulator's answer: status, headers and body."""
        request = urllib.request.Request(self.url + path, data=body or None, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=LONGEST + 30) as answer:
                return answer.status, answer.headers.items(), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.items(), error.read()
        except OSError as error:
            return 502, [], json.dumps({"errorMessage": f"the emulator does not answer: {error}"}).encode()

    def work(self):
        """Makes the queued invocations, one after another, and tells how each ended."""
        while True:
            what, event = self.queue.get()
            status, _, body = self.pass_on("POST", INVOCATIONS, {"content-type": "application/json"}, json.dumps(event).encode())
            say(f"{time.strftime('%H:%M:%S')}  {what:9} {outcome(status, body)}")


def outcome(status, body):
    try:
        answer = json.loads(body)
    except ValueError:
        return f"no answer in JSON ({status}): {body[:200]!r}"
    if not isinstance(answer, dict):
        return json.dumps(answer)
    if status != 200 or "errorMessage" in answer:
        return f"FAILED: {answer.get('errorMessage', answer)}"
    parts = [str(answer.get("outcome"))]
    for name in ("tick", "due", "committed", "failed"):
        value = answer.get(name)
        value = len(value) if isinstance(value, list) else value
        if value:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def handler(function):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.command == "POST" and self.path == NOTIFICATIONS:
                records = notifications(json.loads(body))
                if records:
                    function.queue.put(("mail", {"Records": records}))
                return self.send(200, [], b"")
            if self.path.startswith("/2015-03-31/"):
                if self.headers.get("x-amz-invocation-type", "").lower() == "event":
                    function.queue.put(("goes on", json.loads(body or b"{}")))
                    return self.send(202, [], b"")
                path = self.path
            else:
                path = f"/lambda-url/{FUNCTION}{self.path}"
            hop = ("connection", "host", "content-length", "transfer-encoding")
            headers = {name: value for name, value in self.headers.items() if name.lower() not in hop}
            self.send(*function.pass_on(self.command, path, headers, body))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

        def send(self, status, headers, body):
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("connection", "content-length", "date", "server", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


class Stopped(Exception):
    """Somebody asked this program to end."""


class Processes:
    """The children, by name: those that end are started again."""

    def __init__(self, home):
        self.home = home
        self.running = {}
        self.ended = False
        self.note()

    def start(self, name, command, env=None):
        log = open(self.home / f"{name}.log", "ab")
        # Of a group of their own, so that Ctrl-C reaches this program alone, which ends them in order.
        child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.running[name] = (child, command, env)
        self.note()
        return child

    def note(self):
        """Writes down who runs, for localstack/down.sh."""
        running = [(child.pid, command[0]) for child, command, _ in self.running.values()]
        lines = [f"{pid} {what}\n" for pid, what in [(os.getpid(), "lambda.py"), *running]]
        (self.home / "lambda.pids").write_text("".join(lines))

    def mend(self):
        for name, (child, command, env) in list(self.running.items()):
            if child.poll() is not None:
                say(f"{name} ended with {child.returncode} and is started again; see {self.home / name}.log")
                time.sleep(1)
                self.start(name, command, env)

    def stop(self):
        for child, _, _ in reversed(self.running.values()):
            child.terminate()
        for child, _, _ in self.running.values():
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        (self.home / "lambda.pids").unlink(missing_ok=True)


def wait_for(port, child, log):
    for _ in range(600):
        if child.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"the emulator does not start: see {log}")


def store(root, webhook):
    """Starts the bucket's server, and returns the variables that lead to it."""
    env = {**os.environ, "LEMMING_LOCAL_WEBHOOK": webhook}
    printed = subprocess.run([root / "localstack/up.sh"], env=env, check=True, capture_output=True, text=True).stdout
    words = [shlex.split(line) for line in printed.splitlines() if line.startswith("export ")]
    return dict(word[1].split("=", 1) for word in words)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--emulator", required=True)
    parser.add_argument("--every", type=int, required=True)
    parser.add_argument("--instances", type=int, required=True)
    args = parser.parse_args()

    def stop(*_):
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    args.home.mkdir(parents=True, exist_ok=True)
    processes = Processes(args.home)
    try:
        run(args, processes)
    except Stopped:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        processes.stop()
        subprocess.run([args.root / "localstack/down.sh"], check=False)
        say("all is stopped; the organisation stays in its bucket")


def run(args, processes):
    emulator_port = free_port()
    function = Function(emulator_port)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(function))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"

    variables = store(args.root, here + NOTIFICATIONS)
    env = {**os.environ, **variables}
    founded = [args.program, "bootstrap", "--name", "A local Lambda", "--every", f"{args.every}s", "--json"]
    subprocess.run(founded, env=env, check=True, stdout=subprocess.DEVNULL)

    # The emulator wants a package whose program the function is.
    package = args.home / "function"
    (package / "src").mkdir(parents=True, exist_ok=True)
    (package / "Cargo.toml").write_text(f'[package]\nname = "{FUNCTION}"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n')
    (package / "src/main.rs").write_text("fn main() {}\n")
    command = [args.emulator, "lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1"]
    command += ["--invoke-port", str(emulator_port), "--manifest-path", package / "Cargo.toml"]
    wait_for(emulator_port, processes.start("emulator", command, env), args.home / "emulator.log")

    env.update(
        AWS_LAMBDA_FUNCTION_NAME=FUNCTION,
        AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512",
        AWS_LAMBDA_RUNTIME_API=f"http://127.0.0.1:{emulator_port}/.rt/{FUNCTION}",
        AWS_ENDPOINT_URL_LAMBDA=here,
        AWS_REGION="us-east-1",
        LEMMING_REINVOKE="true",
    )
    for number in range(1, args.instances + 1):
        processes.start(f"function-{number}", [args.program], env)
        threading.Thread(target=function.work, daemon=True).start()

    say(f"""
The function runs, on a schedule of {args.every} s. In another terminal:

  {shlex.join(['export', *(f'{name}={value}' for name, value in variables.items())])}
  lemming send editor "Should we move our nightly backups to object storage?"
  lemming inbox
  curl {here}/api/health

The program is {args.program}
The logs are {args.home}/*.log
Ctrl-C stops all of it.
""")
    due = time.time()
    while True:
        if time.time() >= due:
            function.queue.put(("schedule", scheduled(due)))
            # After a sleep of the machine the times that were missed are left out, as they would be there.
            due += args.every * (1 + (time.time() - due) // args.every)
        processes.mend()
        time.sleep(min(1, max(0.05, due - time.time())))


if __name__ == "__main__":
    main()
