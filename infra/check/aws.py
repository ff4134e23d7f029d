"""What cfn-lint does not say of infra/aws/template.yaml.

    aws.py TEMPLATE
"""

import re
import sys

import yaml


class Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions, !Ref and so on, as what stands behind them."""


def short(loader, tag, node):
    kind = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
    value = kind.get(type(node), loader.construct_mapping)(node, *([True] if not isinstance(node, yaml.ScalarNode) else []))
    return {tag: value}


Loader.add_multi_constructor("!", short)


def walk(value, path=()):
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from walk(inner, (*path, i))


def is_statement(value):
    return isinstance(value, dict) and "Effect" in value and "Action" in value


text = open(sys.argv[1]).read()
template = yaml.load(text, Loader)
resources, wrong = template["Resources"], []


def must(good, what):
    if not good:
        wrong.append(what)


for path, statement in walk(resources):
    if not is_statement(statement):
        continue
    place = "/".join(map(str, path))
    must(re.search(r"Statement(/\d+)?(/If/1)?$", place), f"{place}: a statement where none is expected")
    denies = statement["Effect"] == "Deny"
    must(denies or "Principal" not in statement or statement["Principal"] != "*", f"{place}: allows everybody")
    # Who trusts a service to take a role names no resource.
    for _, value in walk(statement.get("Resource", [])):
        must(value != "*" and value != {"Sub": "*"}, f"{place}: for any resource")
    for _, action in walk(statement["Action"]):
        must(denies or not isinstance(action, str) or "*" not in action, f"{place}: any action: {action}")
    must("NotAction" not in statement and "NotResource" not in statement, f"{place}: allows all but something")

for name, resource in resources.items():
    kind, properties = resource["Type"], resource.get("Properties", {})
    if kind == "AWS::Logs::LogGroup":
        must("RetentionInDays" in properties, f"{name}: keeps logs for ever")
    if kind == "AWS::CloudWatch::Alarm":
        must(properties.get("AlarmActions") == [{"Ref": "Alarms"}], f"{name}: tells nobody")
        must("TreatMissingData" in properties, f"{name}: does not say what no data means")
    if kind in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"):
        must(resource.get("DeletionPolicy") == resource.get("UpdateReplacePolicy") == "Retain", f"{name}: goes with the stack")

bucket = resources["Bucket"]["Properties"]
must(bucket["VersioningConfiguration"] == {"Status": "Enabled"}, "Bucket: keeps no versions")
must(set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, "Bucket: may be made public")
for rule in bucket["LifecycleConfiguration"]["Rules"]:
    current = rule.keys() & {"ExpirationInDays", "ExpirationDate", "Transition", "Transitions"}
    must(not current, f"Bucket: the rule {rule['Id']} touches current objects: ticks/ must stay")

mail = resources["MailPolicy"]["Properties"]["PolicyDocument"]["Statement"]
must([s["Action"] for s in mail if is_statement(s)] == ["s3:PutObject"], "MailPolicy: does more than to put")
must("/ingress/mail/*" in str(mail[0]["Resource"]), "MailPolicy: puts elsewhere")

filters = " ".join(r["Properties"]["FilterPattern"] for r in resources.values() if r["Type"] == "AWS::Logs::MetricFilter")
source = "".join(open(path).read() for path in sys.argv[2:])
for event in re.findall(r'"(\w+)"', filters):
    must(f'event = "{event}"' in source, f"a metric filter waits for {event}, which no log line says")
for word in re.findall(r"\$\.(\w+)", filters):
    must(re.search(rf"\b{word} = ", source), f"a metric filter looks at {word}, which no log line has")

used = text.split("\nResources:", 1)[1] + text.split("\nConditions:", 1)[1].split("\nResources:")[0]
for parameter in template["Parameters"]:
    must(re.search(rf"\b{parameter}\b", used), f"the parameter {parameter} does nothing")
grouped = [p for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"] for p in group["Parameters"]]
must(sorted(grouped) == sorted(template["Parameters"]), "each parameter must be in one group of the console's form")

for problem in wrong:
    print(f"{sys.argv[1]}: {problem}", file=sys.stderr)
sys.exit(1 if wrong else 0)
