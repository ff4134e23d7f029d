"""What actionlint does not say of .github/workflows: permissions are named and few, jobs end, actions are pinned.

    workflows.py FILE...
"""

import re
import sys

import yaml

OWNERS = {"actions", "docker"}
wrong = 0


def must(good, what):
    global wrong
    if not good:
        wrong += 1
        print(what, file=sys.stderr)


for path in sys.argv[1:]:
    with open(path) as file:
        text = file.read()
    workflow = yaml.safe_load(text)
    triggers = workflow[True]  # `on` is a truth of YAML 1.1.
    must("pull_request_target" not in triggers, f"{path}: runs what strangers wrote, with our secrets")
    must(workflow.get("permissions") in ({}, {"contents": "read"}), f"{path}: does not begin with the least permissions")
    for name, job in workflow["jobs"].items():
        must(0 < job.get("timeout-minutes", 0) <= 90, f"{path}: {name} may run for hours")
        may = {scope for scope, kind in job.get("permissions", {}).items() if kind == "write"}
        must("pull_request" not in triggers or not may, f"{path}: {name} may write at a pull request")
        for step in job["steps"]:
            used = step.get("uses")
            if used is not None:
                pinned = re.fullmatch(r"([\w.-]+)/[\w./-]+@(v\d+(\.\d+)*|[0-9a-f]{40})", used)
                must(pinned and pinned[1] in OWNERS, f"{path}: {name}: {used} is not pinned, or of somebody new")
            if used and used.startswith("actions/checkout@"):
                must(step.get("with", {}).get("persist-credentials") is False, f"{path}: {name} leaves its token in the checkout")
            must("${{" not in step.get("run", ""), f"{path}: {name}: an expression within a script; hand it over by env")
sys.exit(1 if wrong else 0)
