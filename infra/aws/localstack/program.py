"""The stack with the program itself: a scheduler's slot, the same once more, mail, and what the log says of it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from stack import ACCOUNT, ENDPOINT, LOGS, REGION, Stack, functions, s3, until

SLOT = "2026-11-25T12:00:00Z"


def lemming(place, *arguments):
    """A person at a terminal."""
    store = f"s3://{place}?endpoint={ENDPOINT}&region={REGION}&allow_http=true"
    env = {"PATH": os.environ["PATH"], "LEMMING_STORE": store, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run([sys.argv[5], "--json", *arguments], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def invoke(stack, **event):
    """What a slot answers."""
    answer = functions.invoke(FunctionName=f"{stack.name}-runner", Payload=json.dumps(event))
    body = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, body
    return body


def keys(stack):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket)
    return {one["Key"] for page in pages for one in page.get("Contents", [])}


def log_of(stack):
    lines = [line for log in LOGS.glob(f"{stack.name}-runner.*.log") for line in log.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def found(stack, place):
    """An organisation for a schedule of five minutes."""
    lemming(f"{stack.bucket}/{place}", "bootstrap")
    org = json.loads(s3.get_object(Bucket=stack.bucket, Key=f"{place}/org.json")["Body"].read())
    s3.put_object(Bucket=stack.bucket, Key=f"{place}/org.json", Body=json.dumps(org | {"pace": {"every": "5m"}}))


def closed(stack, place):
    return [key for key in keys(stack) if key.startswith(f"{place}/ticks/") and key.endswith("/closed.json")]


def is_answered(stack, place):
    """Nobody invokes the function now but S3, when the mail arrives."""
    before = len(closed(stack, place))
    lemming(f"{stack.bucket}/{place}", "send", "editor", "Should we move our nightly backups to object storage?")
    until("an answer", lambda: len(closed(stack, place)) > before)
    until("the mail's deletion", lambda: not [key for key in keys(stack) if key.startswith(f"{place}/ingress/mail/")])


def ask(stack, path, **request):
    """What the API answers at the function's URL: status and body."""
    host = stack.outputs["ApiAddress"].split("/")[2]
    headers = {"Host": host, "Content-Type": "application/json"} | request.pop("headers", {})
    asked = urllib.request.Request(f"{ENDPOINT}{path}", headers=headers, **request)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def the_api_takes_mail_for_who_has_a_key(stack):
    assert ask(stack, "/api/ready")[0] == 200
    letter = {"method": "POST", "data": json.dumps({"recipients": ["editor"], "text": "And when?"}).encode()}
    assert ask(stack, "/api/messages", **letter)[0] == 401
    key = lemming(f"{stack.bucket}/org", "keys", "add", "website", "--scope", "send")["key"]
    before = len(closed(stack, "org"))
    # A new key is known within a second.
    until("the key's being known", lambda: ask(stack, "/api/messages", headers={"X-API-Key": key}, **letter)[0] == 201)
    until("an answer", lambda: len(closed(stack, "org")) > before)


def the_program_itself():
    stack = Stack.deployed("real", Path(sys.argv[4]))
    found(stack, "org")
    first = invoke(stack, trigger="scheduled", time=SLOT)
    assert first["outcome"] in ("closed", "idle"), first
    before = keys(stack)
    again = invoke(stack, trigger="scheduled", time=SLOT)
    assert again["outcome"] == "idle" and keys(stack) == before, f"a second delivery did something: {again}"

    is_answered(stack, "org")
    the_api_takes_mail_for_who_has_a_key(stack)
    told = [line for line in log_of(stack) if line["event"] == "tick_closed"]
    assert told and all(isinstance(line["cost_credits"], (int, float)) for line in told), f"the spend alarm adds: {told}"
    assert not [line for line in log_of(stack) if line["event"] in ("tick_failed", "function_not_started")], log_of(stack)
    stack.delete()


def the_program_with_many_organisations():
    machine = Path(sys.argv[4]).stem.removeprefix("lemming-")
    stack = Stack("each", Path(sys.argv[4]), Layout="many", Place="orgs", Api="false", Architecture=machine)
    found(stack, "orgs/acme")
    s3.put_object(Bucket=stack.bucket, Key="orgs/broken/org.json", Body=b"{")
    answer = functions.invoke(FunctionName="each-runner", Payload=json.dumps({"trigger": "scheduled", "time": SLOT}))
    assert answer.get("FunctionError"), "a broken organisation is no error"
    assert closed(stack, "orgs/acme"), "a broken organisation stopped another"
    is_answered(stack, "orgs/acme")
    stack.delete()
