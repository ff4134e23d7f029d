"""A deployment of infra/aws/template.yaml in LocalStack, and what is asked of it.

    ... ENDPOINT FUNCTION_ZIP LOGS [PROGRAM]    (as infra/aws/localstack.sh starts its checks)
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config

ENDPOINT, ZIP, LOGS = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
TEMPLATE_FILE = Path(__file__).parent.parent / "template.yaml"
TEMPLATE = TEMPLATE_FILE.read_text()
REGION, ACCOUNT = "us-east-1", "000000000000"


def client(service):
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
    )


s3, formation, functions = client("s3"), client("cloudformation"), client("lambda")
iam, logs, scheduler, watch = client("iam"), client("logs"), client("scheduler"), client("cloudwatch")
sns, sqs, events, ec2 = client("sns"), client("sqs"), client("events"), client("ec2")


class Stack:
    """One deployment."""

    def __init__(self, name, code, **parameters):
        self.name, self.bucket = name, f"{name}-{ACCOUNT}-{REGION}"
        s3.put_object(Bucket="code", Key=code.name, Body=code.read_bytes())
        parameters |= {"CodeBucket": "code", "CodeKey": code.name}
        formation.create_stack(
            StackName=name, TemplateBody=TEMPLATE, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        self.look()

    @classmethod
    def deployed(cls, name, code):
        """The same by infra/aws/deploy.sh, as a person does it."""
        self = cls.__new__(cls)
        self.name, self.bucket = name, f"{name}-{ACCOUNT}-{REGION}"
        env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(LOGS), "AWS_ENDPOINT_URL": ENDPOINT,
            "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test",
        }
        deploy = [str(TEMPLATE_FILE.parent / "deploy.sh"), name, str(code)]
        for _ in ("once", "again, which changes nothing"):
            done = subprocess.run(deploy, env=env, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stdout + done.stderr
            assert f"BucketName\t{self.bucket}" in done.stdout, done.stdout + done.stderr
        self.look()
        return self

    def look(self):
        """What was made, and what it is called."""
        name = self.name
        described = formation.describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        found = formation.describe_stack_resources(StackName=name)["StackResources"]
        self.resources = {one["LogicalResourceId"]: one.get("PhysicalResourceId") for one in found}

    def policy(self, name):
        policy = iam.get_policy(PolicyArn=self.outputs[f"{name}PolicyArn"])["Policy"]
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        return version["PolicyVersion"]["Document"]

    def template(self):
        """The template as it is after the transform."""
        template = formation.get_template(StackName=self.name, TemplateStage="Processed")["TemplateBody"]
        return json.loads(template) if isinstance(template, str) else template

    def seen(self):
        """What the runner's function was sent so far, each with its settings."""
        lines = [line for log in LOGS.glob(f"{self.name}-runner.*.log") for line in log.read_text().splitlines()]
        return [json.loads(line) for line in lines]

    def keys_seen(self):
        notified = [entry["event"] for entry in self.seen()]
        records = [record["s3"]["object"]["key"] for event in notified for record in event.get("Records", [])]
        return records + [event["detail"]["object"]["key"] for event in notified if event.get("source") == "aws.s3"]

    def put(self, key):
        s3.put_object(Bucket=self.bucket, Key=key, Body=b"{}")

    def delete(self):
        formation.delete_stack(StackName=self.name)
        formation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})


def until(what, condition):
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within 30 s")


s3.create_bucket(Bucket="code")
