"""What a policy allows, worked out from its text: enough of IAM for the policies of infra/aws/template.yaml."""

import re


def allows(policies, action, resource, **context):
    """Whether any statement of any of these policies allows it. There are no denials in them."""
    statements = [statement for policy in policies for statement in listed(policy["Statement"])]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return any(grants(statement, action, resource, context) for statement in statements)


def grants(statement, action, resource, context):
    actions = any(matches(pattern, action, context) for pattern in listed(statement["Action"]))
    resources = any(matches(pattern, resource, context) for pattern in listed(statement["Resource"]))
    return actions and resources and all(
        holds(operator, key, wanted, context)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def holds(operator, key, wanted, context):
    if operator == "Null":
        return (key not in context) == (wanted == "true")
    if operator in ("StringEquals", "Bool"):
        return str(context.get(key)) in listed(wanted)
    raise AssertionError(f"nobody here knows the operator {operator}")


def matches(pattern, text, context):
    # A variable that the request has no value for matches nothing, and the value's own stars are no wildcards.
    for variable in re.findall(r"\$\{([^}]+)\}", pattern):
        if variable not in context:
            return False
    parts = re.split(r"(\*|\$\{[^}]+\})", pattern)
    regex = "".join(".*" if p == "*" else re.escape(context[p[2:-1]] if p.startswith("${") else p) for p in parts)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def listed(value):
    return value if isinstance(value, list) else [value]


# Who may do what in one organisation: (action, key, with If-None-Match) -> the policies that allow it.
CREATE, OVERWRITE, READ, DELETE, LIST = "create", "overwrite", "read", "delete", "list"
TABLE = [
    (LIST, "", "Runner Reader"),
    (READ, "head.json", "Runner Reader"),
    (READ, "ticks/000000000001/turns/editor.json", "Runner Reader"),
    (CREATE, "probe/probe:1:a", "Runner Editor"),
    (DELETE, "probe/probe:1:a", "Runner Editor"),
    (CREATE, "ticks/000000000001/plan.json", "Runner"),
    (OVERWRITE, "ticks/000000000001/shards/0/hb/x", "Runner"),
    (DELETE, "ticks/000000000001/plan.json", ""),
    (CREATE, "inputs/abc.json", "Runner"),
    (DELETE, "inputs/abc.json", ""),
    (CREATE, "blobs/abc", "Runner"),
    (DELETE, "blobs/abc", ""),
    (CREATE, "checkpoints/000000000008.json", "Runner"),
    (CREATE, "calls/0197-a/call.json", "Runner"),
    (DELETE, "calls/0197-a/call.json", ""),
    (CREATE, "deliveries/ops/000000000001.json", "Runner"),
    (OVERWRITE, "deliveries/ops/next.json", "Runner"),
    (OVERWRITE, "head.json", "Runner Editor"),
    (OVERWRITE, "agents/editor/memory/a.json", "Runner Editor"),
    (DELETE, "agents/editor/memory/a.json", "Runner Editor"),
    (OVERWRITE, "shared/plan.md", "Runner Editor"),
    (OVERWRITE, "org.json", "Editor"),
    (OVERWRITE, "config/models.json", "Editor"),
    (OVERWRITE, "config/keys.json", "Editor"),
    (DELETE, "org.json", ""),
    (CREATE, "ingress/mail/a.json", "Mail"),
    (OVERWRITE, "ingress/mail/a.json", ""),
    (READ, "ingress/mail/a.json", "Runner Reader"),
    (DELETE, "ingress/mail/a.json", "Runner"),
    (CREATE, "ingress/control/a.json", "Control"),
    (OVERWRITE, "ingress/control/a.json", ""),
    (DELETE, "ingress/control/a.json", "Runner"),
    (CREATE, "ingress/a.json", ""),
]
ACTIONS = {
    CREATE: "s3:PutObject", OVERWRITE: "s3:PutObject", READ: "s3:GetObject", DELETE: "s3:DeleteObject", LIST: "s3:ListBucket",
}


def check(policies, bucket, place, context):
    """Compares each policy with the table; `policies` are documents by the first word of their names."""
    for kind, key, expected in TABLE:
        resource = bucket if kind == LIST else f"{bucket}/{place}/{key}"
        asked = context | ({"s3:if-none-match": "*"} if kind == CREATE else {})
        found = " ".join(name for name, policy in policies.items() if allows([policy], ACTIONS[kind], resource, **asked))
        assert set(found.split()) == set(expected.split()), f"{kind} {place}/{key}: {found!r}, and not {expected!r}"
        if kind != LIST:
            for elsewhere in (f"{bucket}/elsewhere/{key}", f"{bucket}-2/{place}/{key}"):
                nobody = [n for n, p in policies.items() if allows([p], ACTIONS[kind], elsewhere, **asked)]
                assert not nobody, f"{kind} {elsewhere}: {nobody}"
