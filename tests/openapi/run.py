"""Holds the API to its own document, with schemathesis: `make test-openapi`.

An organisation is founded with the command line and lived in for some ticks. For each kind of caller a copy of it is served, and
asked for everything that the document names: what exists and what does not, well-formed and not. Every answer must be one that
the document names, of the type and shape that it names, and none a fault of the server. Then the answers are counted: whoever
may not must have been refused, each time, and whoever may must have got something of every kind.

    run.py [WHO...]     # only these callers
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = os.environ.get("LEMMING_BIN", str(ROOT / "target/debug/lemming"))
# Within three minutes in all, on two cores.
EXAMPLES = os.environ.get("LEMMING_TEST_EXAMPLES", "6")
ROLES = {
    "viewer": {"read"},
    "operator": {"read", "send", "control"},
    "admin": {"read", "send", "control", "edit"},
}
METHODS = ("get", "put", "post", "delete", "patch")


def lemming(store, *words):
    """What a command prints."""
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ} | {"LEMMING_LOG": "error"}
    done = subprocess.run([PROGRAM, *words, "--store", str(store)], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"openapi: lemming {' '.join(words)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def found(store):
    """The example organisation, with something of every kind that the API shows: also a call that waits for a yes."""
    lemming(store, "bootstrap")
    script = json.loads((store / "config/script.json").read_text())
    call = {"tool": "pay", "args": {"invoice": "17", "amount": 120}}
    script["rules"].insert(0, {"agent": "critic", "when": {"from": "human", "text_contains": "pay"}, "answer": {"tool_calls": [call]}})
    (store / "config/script.json").write_text(json.dumps(script))
    tool = {"description": "Pays an invoice.", "arguments": {"type": "object"}, "http": {"method": "POST", "url": "http://127.0.0.1:9/pay"}}
    (store / "config/tools.json").write_text(json.dumps({"tools": {"pay": tool}}))
    resume = json.loads((store / "agents/critic/resume.json").read_text())
    resume["permissions"]["tools"].append("pay")
    (store / "agents/critic/resume.json").write_text(json.dumps(resume))
    (store / "agents/editor/workspace").mkdir(parents=True)
    (store / "agents/editor/workspace/notes.md").write_text("Ask about the backups.\n")
    lemming(store, "send", "editor", "Should we move our nightly backups to object storage?")
    lemming(store, "send", "critic", "Please pay invoice 17.")
    for _ in range(9):
        lemming(store, "tick")
    lemming(store, "send", "editor", "Should we hire a second support engineer?")
    lemming(store, "memory", "archive", "editor", "delivered")
    lemming(store, "tick")
    lemming(store, "top-up", "writer", "0.1")


def known(store):
    """By the name of a parameter, values that exist."""
    messages = json.loads(lemming(store, "messages", "--json"))["messages"]
    files = [file["path"] for file in json.loads(lemming(store, "files", "list", "--json"))["files"]]
    approvals = [call["id"] for call in json.loads(lemming(store, "approvals", "list", "--json"))["approvals"]]
    # The editor keeps memories and files and had turns in these ticks.
    return {
        "name": ["editor", "editor", "critic", "writer", "archivist"],
        "agent": ["editor", "writer"],
        "key": [row["key"] for row in json.loads(lemming(store, "memory", "list", "editor", "--json"))["memory"]],
        "tick": ["1", "3", "next"],
        "at": [1, 5, 9],
        "from": [1, 2],
        "to": [8, 9],
        "keeping name": ["editor"],
        "path": ["notes.md"],
        "shared path": [path.removeprefix("shared/") for path in files if path.startswith("shared/")],
        "id": [messages[0]["id"], messages[-1]["id"], *approvals],
        "cursor": [""],
        "text": ["backups"],
        "q": ["backups"],
        "format": ["json", "dot", "mermaid"],
    }


class Served:
    """`lemming serve` over a copy of the organisation."""

    def __init__(self, store):
        environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ} | {"LEMMING_LOG": "error"}
        words = [PROGRAM, "serve", "--json", "--port", "0", "--store", str(store)]
        self.log = open(store.parent / f"{store.name}.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            sys.exit(f"openapi: the server did not start: {self.log.read()}")
        address = json.loads(line)["listening"]
        self.origin = address if address.startswith("http") else f"http://{address}"

    def get(self, path, key=None):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with urllib.request.urlopen(urllib.request.Request(self.origin + path, headers=headers), timeout=30) as answer:
            return answer.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def operations(document):
    """Each operation, with the scope that it needs; None: it needs none."""
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield f"{method.upper()} {path}", scope(methods[method], document)


def scope(operation, document):
    wanted = operation.get("security", document.get("security", []))
    scopes = {scope for way in wanted for named in way.values() for scope in named}
    if len(scopes) > 1:
        sys.exit(f"openapi: {operation.get('operationId')} names more than one scope: {sorted(scopes)}")
    # What lists no scheme, or an empty one beside others, lets in who has no key.
    return next(iter(scopes), None)


def ask(served, key, folder, who, store):
    """Runs schemathesis; the count of answers by operation."""
    facts, answers = folder / f"{who}-known.json", folder / f"{who}-answers.json"
    facts.write_text(json.dumps(known(store)))
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(HERE),
        "LEMMING_TEST_KNOWN": str(facts),
        "LEMMING_TEST_ANSWERS": str(answers),
    }
    words = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(HERE / "schemathesis.toml"), "run"]
    words += ["--no-color", "--max-examples", EXAMPLES, "--phases", "examples,coverage,fuzzing", "--rate-limit", "40/s"]
    # Without keys everybody may, which the document cannot say.
    words += ["--exclude-checks", "ignored_auth"] if who == "without-keys" else []
    # No change is taken without it, also of those that have no body.
    words += ["--header", "Content-Type: application/json"]
    words += ["--header", f"Authorization: Bearer {key}"] if key else []
    done = subprocess.run([*words, f"{served.origin}/api/openapi.json"], env=environment, cwd=folder, text=True, capture_output=True)
    return done.returncode, done.stdout + done.stderr, json.loads(answers.read_text()) if answers.exists() else {}


def unsound(document):
    """Where the document is none of OpenAPI 3.1."""
    errors = OpenAPIV31SpecValidator(document).iter_errors()
    return [f"the document: /{'/'.join(str(part) for part in error.absolute_path)}: {error.message[:200]}" for error in errors]


def judge(who, scopes, document, answers):
    """What is wrong with who was let in and who was not."""
    faults = []
    for label, needed in operations(document):
        statuses = answers.get(label, {})
        successes = sum(count for status, count in statuses.items() if status.startswith("2"))
        if label == "GET /api/openapi.json":
            # It was read already, or there were no operations.
            continue
        if not statuses:
            faults.append(f"{who}: {label} was never asked")
        elif needed is not None and needed not in scopes:
            refusal = "403" if scopes else "401"
            if successes:
                faults.append(f"{who}: {label} needs {needed}, and was answered: {statuses}")
            if refusal not in statuses:
                faults.append(f"{who}: {label} needs {needed}, and was never refused with {refusal}: {statuses}")
    return faults


# Nobody opens a WebSocket here: tests/api/live.rs does.
ELSEWHERE = {"GET /api/ws"}


def silent(document, all_answers):
    """The reading routes that answered nobody with anything: what they were asked for is made up, and must hit now and then."""
    found = {label for answers in all_answers for label, statuses in answers.items() if any(status.startswith("2") for status in statuses)}
    reading = [label for label, _ in operations(document) if label.startswith("GET ") and label not in ELSEWHERE]
    return [f"{label} never answered anybody with anything" for label in reading if label not in found and label != "GET /api/openapi.json"]


CALLERS = {"without-keys": ROLES["admin"], "nobody": set(), **ROLES}


def examine(who, folder, is_first):
    """Everything that is wrong with what one caller is answered, and a line about it."""
    begun = time.monotonic()
    store = folder / who
    shutil.copytree(folder / "desk", store)
    keys = {} if who == "without-keys" else {role: lemming(store, "keys", "add", role, "--role", role).split()[0] for role in ROLES}
    served = Served(store)
    try:
        document = json.loads(served.get("/api/openapi.json"))
        faults = unsound(document) if is_first else []
        code, told, answers = ask(served, keys.get(who), folder, who, store)
        if served.process.poll() is not None:
            faults.append(f"{who}: the server ended")
    finally:
        served.stop()
    faults += judge(who, CALLERS[who], document, answers)
    if code != 0:
        print(told, flush=True)
        faults.append(f"{who}: schemathesis ended with {code}")
    requests = sum(sum(counts.values()) for counts in answers.values())
    print(f"openapi: {who}: {requests} requests to {len(answers)} operations, {time.monotonic() - begun:.0f} s, {len(faults)} faults", flush=True)
    return document, answers, faults


def main():
    wanted = sys.argv[1:] or list(CALLERS)
    folder = Path(tempfile.mkdtemp(prefix="lemming-openapi-"))
    try:
        found(folder / "desk")
        # Each server counts for itself how often it is asked, so that several callers are as quick as one.
        with ThreadPoolExecutor(max_workers=3) as pool:
            examined = pool.map(lambda who: examine(who, folder, who == wanted[0]), wanted)
            examined = list(examined)
        faults = [fault for _, _, found_faults in examined for fault in found_faults]
        if len(wanted) == len(CALLERS):
            faults += silent(examined[0][0], [answers for _, answers, _ in examined])
    finally:
        if not os.environ.get("LEMMING_TEST_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
    for fault in faults:
        print(f"openapi: {fault}")
    print(f"openapi: {'FAILED' if faults else 'passed'}, {len(wanted)} kinds of callers, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
