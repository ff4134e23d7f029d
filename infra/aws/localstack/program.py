"""The stack with the program itself: a scheduler's slot, the same once more, mail, and what the log says of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from stack import ACCOUNT, ENDPOINT, LOGS, REGION, Stack, functions, s3, until

SLOT = "2026-11-25T12:00:00Z"


def lemming(bucket, *arguments):
    """A person at a terminal."""
    store = f"s3://{bucket}/org?endpoint={ENDPOINT}&region={REGION}&allow_http=true"
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


def the_program_itself():
    stack = Stack.deployed("real", Path(sys.argv[4]))
    lemming(stack.bucket, "bootstrap")
    org = json.loads(s3.get_object(Bucket=stack.bucket, Key="org/org.json")["Body"].read())
    s3.put_object(Bucket=stack.bucket, Key="org/org.json", Body=json.dumps(org | {"pace": {"every": "5m"}}))

    first = invoke(stack, trigger="scheduled", time=SLOT)
    assert first["outcome"] in ("closed", "idle"), first
    before = keys(stack)
    again = invoke(stack, trigger="scheduled", time=SLOT)
    assert again["outcome"] == "idle" and keys(stack) == before, f"a second delivery did something: {again}"

    # Nobody invokes the function now but S3, when the mail arrives.
    lemming(stack.bucket, "send", "editor", "Should we move our nightly backups to object storage?")
    until("an answer", lambda: len([key for key in keys(stack) if "/ticks/" in key and key.endswith("/closed.json")]) >= 2)
    closed = [line for line in log_of(stack) if line["event"] == "tick_closed"]
    assert closed and all(isinstance(line["cost_credits"], (int, float)) for line in closed), f"the spend alarm adds: {closed}"
    assert not [line for line in log_of(stack) if line["event"] in ("tick_failed", "function_not_started")], log_of(stack)
    until("the mail's deletion", lambda: not [key for key in keys(stack) if key.startswith("org/ingress/mail/")])
    stack.delete()
