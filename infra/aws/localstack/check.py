"""Creates the stack of infra/aws/template.yaml in LocalStack, looks at what it made, uses it, and deletes it: with a
stand-in for the program that logs the events it gets, and with the program itself.

    check.py ENDPOINT FUNCTION_ZIP LOGS [PROGRAM_ZIP PROGRAM]    (started by infra/aws/localstack.sh, which says what each is)
"""

import json
import sys
import time
import urllib.request

import policies
import program
from stack import (
    ACCOUNT, ENDPOINT, REGION, ZIP, Stack, ec2, events, functions, iam, logs, s3, scheduler, sns, sqs, until, watch,
)


def the_bucket_is_private_and_keeps_versions(stack):
    assert s3.get_bucket_versioning(Bucket=stack.bucket)["Status"] == "Enabled"
    statements = json.loads(s3.get_bucket_policy(Bucket=stack.bucket)["Policy"])["Statement"]
    assert all(statement["Effect"] == "Deny" for statement in statements), statements
    assert {"Bool": {"aws:SecureTransport": "false"}} in [statement["Condition"] for statement in statements]


def the_lifecycle_is_one_that_s3_takes_and_expires_nothing_current(stack):
    # LocalStack does not apply it when it makes the bucket: it is read from the template that it worked with.
    rules = []
    for rule in stack.template()["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]:
        assert not rule.keys() & {"ExpirationInDays", "ExpirationDate", "Transitions", "Transition"}, rule
        new = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": ""}}
        if "Prefix" in rule:
            new["Filter"] = {"Prefix": "org/head.json"}
        if "ExpiredObjectDeleteMarker" in rule:
            new["Expiration"] = {"ExpiredObjectDeleteMarker": True}
        if "NoncurrentVersionExpiration" in rule:
            new["NoncurrentVersionExpiration"] = {"NoncurrentDays": 30}
        if "AbortIncompleteMultipartUpload" in rule:
            new["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
        rules.append(new)
    s3.put_bucket_lifecycle_configuration(Bucket=stack.bucket, LifecycleConfiguration={"Rules": rules})
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=stack.bucket)["Rules"]) == len(rules) == 4


def each_policy_allows_what_the_table_says_and_no_more(stack, place, context):
    bucket = f"arn:aws:s3:::{stack.bucket}"
    documents = {name: stack.policy(name) for name in ("Runner", "Reader", "Mail", "Control", "Editor")}
    policies.check(documents, bucket, place, context)


def mail_and_commands_wake_the_runner_and_nothing_else_does(stack, place):
    for key in ("ticks/000000000001/plan.json", "head.json", "agents/a/memory/b.json", "shared/ingress.json"):
        stack.put(f"{place}/{key}")
    woken = [f"{place}/ingress/mail/a.json", f"{place}/ingress/control/b.json"]
    for key in woken:
        stack.put(key)
    until("a wake", lambda: set(woken) <= set(stack.keys_seen()))
    assert set(stack.keys_seen()) == set(woken), stack.keys_seen()


def the_schedule_sends_the_time_that_was_meant(stack):
    schedule = scheduler.get_schedule(Name=f"{stack.name}-ticks")
    assert schedule["ScheduleExpression"] == "rate(5 minutes)" and schedule["State"] == "ENABLED"
    assert schedule["Target"]["Arn"].endswith(f":function:{stack.name}-runner")
    # LocalStack keeps schedules and runs none: what this one would send is sent by hand.
    event = schedule["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", "2026-11-25T12:00:00Z")
    functions.invoke(FunctionName=f"{stack.name}-runner", InvocationType="Event", Payload=event)
    slot = {"trigger": "scheduled", "time": "2026-11-25T12:00:00Z"}
    until("the slot", lambda: slot in [entry["event"] for entry in stack.seen()])


def the_runner_is_set_up(stack, place, many):
    settings = stack.seen()[-1]["settings"]
    assert settings["LEMMING_STORE"] == f"s3://{stack.bucket}/{place}", settings
    assert settings["LEMMING_ALL"] == many and settings["LEMMING_REINVOKE"] == "true", settings
    function = functions.get_function_configuration(FunctionName=f"{stack.name}-runner")
    assert function["Timeout"] == 900 and function["Architectures"] == ["arm64"], function
    lost = functions.get_function_event_invoke_config(FunctionName=f"{stack.name}-runner")
    assert lost["DestinationConfig"]["OnFailure"]["Destination"].startswith("arn:aws:sqs:"), lost
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack.name}-")["logGroups"]
    assert f"/aws/lambda/{stack.name}-runner" in [group["logGroupName"] for group in groups], groups


def the_runner_may_invoke_itself_and_nobody_else(stack):
    role = stack.resources["RunnerRole"]
    inline = iam.get_role_policy(RoleName=role, PolicyName="function")["PolicyDocument"]
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{stack.name}"
    assert policies.allows([inline], "lambda:InvokeFunction", f"{function}-runner")
    assert not policies.allows([inline], "lambda:InvokeFunction", f"{function}-api")
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [stack.outputs["RunnerPolicyArn"]], attached


def the_api_answers_at_its_address_and_runs_no_ticks(stack):
    address = stack.outputs["ApiAddress"]
    request = urllib.request.Request(f"{ENDPOINT}/api/health", headers={"Host": address.split("/")[2]})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    attached = iam.list_attached_role_policies(RoleName=stack.resources["ApiRole"])["AttachedPolicies"]
    assert {one["PolicyArn"] for one in attached} == {stack.outputs["ReaderPolicyArn"], stack.outputs["MailPolicyArn"]}
    assert functions.get_function_url_config(FunctionName=f"{stack.name}-api")["AuthType"] == "AWS_IAM"


def every_alarm_tells_the_topic(stack):
    alarms = watch.describe_alarms()["MetricAlarms"]
    names = {name for name, what in stack.resources.items() if what in [alarm["AlarmName"] for alarm in alarms]}
    assert names == {
        "TickFailed", "InvocationFailed", "TickStuck", "Silent", "EventLost", "SpendHigh", "ApiFailed", "ApiThrottled",
    }, names
    assert all(alarm["AlarmActions"] == [stack.outputs["AlarmTopic"]] for alarm in alarms), alarms


def deletion_leaves_the_bucket_and_nothing_else(stack):
    kept = {name for name, one in stack.template()["Resources"].items() if one.get("DeletionPolicy") == "Retain"}
    assert kept == {"Bucket", "BucketPolicy"}, kept
    stack.delete()
    assert s3.list_objects_v2(Bucket=stack.bucket)["KeyCount"] > 0
    assert s3.get_bucket_policy(Bucket=stack.bucket)["Policy"]
    left = [
        functions.list_functions()["Functions"], iam.list_roles()["Roles"], iam.list_policies(Scope="Local")["Policies"],
        logs.describe_log_groups()["logGroups"], scheduler.list_schedules()["Schedules"], sns.list_topics()["Topics"],
        sqs.list_queues().get("QueueUrls", []), watch.describe_alarms()["MetricAlarms"], events.list_rules()["Rules"],
    ]
    assert not any(left), left


def one_organisation():
    stack = Stack("one", ZIP)
    the_bucket_is_private_and_keeps_versions(stack)
    the_lifecycle_is_one_that_s3_takes_and_expires_nothing_current(stack)
    each_policy_allows_what_the_table_says_and_no_more(stack, "org", {})
    mail_and_commands_wake_the_runner_and_nothing_else_does(stack, "org")
    the_schedule_sends_the_time_that_was_meant(stack)
    the_runner_is_set_up(stack, "org", "false")
    the_runner_may_invoke_itself_and_nobody_else(stack)
    the_api_answers_at_its_address_and_runs_no_ticks(stack)
    every_alarm_tells_the_topic(stack)
    deletion_leaves_the_bucket_and_nothing_else(stack)


def many_organisations_with_all_that_is_optional():
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="runner", Description="runner", VpcId=vpc)["GroupId"]
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:lemming/anthropic-AbCdEf"
    stack = Stack(
        "many", ZIP, Layout="many", Place="orgs/eu", Api="false", KmsKeyArn=key, SecretArns=secret,
        ParameterArns=f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/lemming/openai",
        BedrockArns=f"arn:aws:bedrock:{REGION}::foundation-model/some.model",
        VpcId=vpc, RouteTableIds=table, SubnetIds=subnet, SecurityGroupIds=group,
        ReservedConcurrency="4", AlarmEmail="somebody@example.com", Architecture="arm64",
    )
    each_policy_allows_what_the_table_says_and_no_more(stack, "orgs/eu/acme", {"aws:PrincipalTag/organisation": "acme"})
    for name in ("Reader", "Mail", "Control", "Editor"):
        others = f"arn:aws:s3:::{stack.bucket}/orgs/eu/other/ingress/mail/a.json"
        for action in ("s3:PutObject", "s3:GetObject"):
            context = {"aws:PrincipalTag/organisation": "acme", "s3:if-none-match": "*"}
            assert not policies.allows([stack.policy(name)], action, others, **context), name
    assert policies.allows([stack.policy("Runner")], "kms:Decrypt", key)
    inline = iam.get_role_policy(RoleName=stack.resources["RunnerRole"], PolicyName="function")["PolicyDocument"]
    assert policies.allows([inline], "secretsmanager:GetSecretValue", secret)
    assert not policies.allows([inline], "secretsmanager:GetSecretValue", secret.replace("anthropic", "other"))
    mail_and_commands_wake_the_runner_and_nothing_else_does(stack, "orgs/eu/acme")
    the_runner_is_set_up(stack, "orgs/eu", "true")
    endpoints = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcEndpoints"]
    assert [endpoint["VpcEndpointType"] for endpoint in endpoints] == ["Gateway"], endpoints
    deletion_leaves_the_bucket_and_nothing_else(stack)


deployments = [one_organisation, many_organisations_with_all_that_is_optional]
if len(sys.argv) > 4:
    deployments += [program.the_program_itself, program.the_program_with_many_organisations]
for deployment in deployments:
    started = time.monotonic()
    deployment()
    print(f"localstack: {deployment.__name__}: made, used and deleted in {time.monotonic() - started:.0f} s", file=sys.stderr)
