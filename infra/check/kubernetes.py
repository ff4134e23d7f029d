"""What no schema says of our manifests: that pods are confined, that images are resolved, that numbers fit each other.

    kubernetes.py FILE...    (what kustomize renders, one file for each overlay)
"""

import re
import sys

import yaml

POD_KINDS = {"CronJob", "Deployment", "Job", "StatefulSet"}


def pod_of(document):
    spec = document["spec"]
    return (spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec)["template"]["spec"]


def seconds(span):
    number, unit = re.fullmatch(r"(\d+)([smh])", span).groups()
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def pods_are_confined(documents):
    for document in documents:
        if document["kind"] not in POD_KINDS:
            continue
        name, pod = f"{document['kind']} {document['metadata']['name']}", pod_of(document)
        context = pod.get("securityContext", {})
        yield name, context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0, "runs as nobody"
        yield name, context.get("seccompProfile") == {"type": "RuntimeDefault"}, "has the runtime's seccomp profile"
        yield name, pod.get("automountServiceAccountToken") is False, "gets no token of Kubernetes"
        for container in pod.get("initContainers", []) + pod["containers"]:
            place, context = f"{name}, container {container['name']}", container.get("securityContext", {})
            yield place, context.get("readOnlyRootFilesystem") is True, "has a read-only root"
            yield place, context.get("allowPrivilegeEscalation") is False, "gets no more privileges"
            yield place, context.get("capabilities") == {"drop": ["ALL"]}, "has no capabilities"
            yield place, "memory" in container.get("resources", {}).get("limits", {}), "has a limit of memory"
            yield place, any(v["mountPath"] == "/tmp" for v in container.get("volumeMounts", [])), "can write to /tmp"


def images_are_resolved(documents):
    for document in documents:
        if document["kind"] in POD_KINDS:
            pod = pod_of(document)
            for container in pod.get("initContainers", []) + pod["containers"]:
                image = container["image"]
                tagged = re.fullmatch(r"[a-z0-9.-]+\.[a-z]+(:\d+)?/[a-z0-9._/-]+:[A-Za-z0-9._-]+", image)
                yield document["metadata"]["name"], tagged and not image.endswith(":latest"), f"has a whole, pinned image: {image}"


def what_is_referred_to_exists(documents):
    there = {(document["kind"], document["metadata"]["name"]) for document in documents}
    for document in documents:
        name = document["metadata"]["name"]
        yield name, document["kind"] == "Namespace" or document["metadata"].get("namespace") == "lemming", "is in the namespace"
        if document["kind"] not in POD_KINDS:
            continue
        pod = pod_of(document)
        if "serviceAccountName" in pod:
            yield name, ("ServiceAccount", pod["serviceAccountName"]) in there, f"has the account {pod['serviceAccountName']}"
        for container in pod.get("initContainers", []) + pod["containers"]:
            for source in container.get("envFrom", []):
                (kind, reference), = source.items()
                found = (kind.removesuffix("Ref")[0].upper() + kind.removesuffix("Ref")[1:], reference["name"])
                yield name, found in there or reference.get("optional"), f"has {found}"
            for variable in container.get("env", []):
                secret = variable.get("valueFrom", {}).get("secretKeyRef")
                yield name, secret is None or ("Secret", secret["name"]) in there, f"has the secret of {variable['name']}"


def ticks_fit_their_deadlines(documents):
    settings = next(d["data"] for d in documents if d["kind"] == "ConfigMap" and "LEMMING_STORE" in d["data"])
    yield "ConfigMap", re.match(r"(s3|gs|az)://[a-z0-9-]+/", settings["LEMMING_STORE"]), "names a store"
    ticks = next(d["spec"] for d in documents if d["kind"] == "CronJob")
    job = ticks["jobTemplate"]["spec"]
    pod, container = job["template"]["spec"], job["template"]["spec"]["containers"][0]
    deadline = seconds(settings["LEMMING_DEADLINE"])
    yield "ticks", deadline + pod["terminationGracePeriodSeconds"] < job["activeDeadlineSeconds"], "leave before they are ended"
    yield "ticks", ticks["startingDeadlineSeconds"] >= 10, "are looked for at least as often as Kubernetes looks"
    arguments = container["args"]
    yield "ticks", arguments[2:4] == ["tick", "--scheduled=$(JOB_NAME)"], f"ask for their own slot: {arguments}"
    names = {variable["name"]: variable for variable in container["env"]}
    path = names["JOB_NAME"]["valueFrom"]["fieldRef"]["fieldPath"]
    yield "ticks", path == "metadata.labels['batch.kubernetes.io/job-name']", "know the name of their Job"
    ignored = [r["onExitCodes"]["values"] for r in job["podFailurePolicy"]["rules"] if r["action"] == "Ignore" and "onExitCodes" in r]
    yield "ticks", ignored == [[5]], "that are left open are gone on with"
    if "--shards" in arguments:
        numbers = {job["completions"], job["parallelism"], int(names["LEMMING_SHARDS"]["value"])}
        yield "ticks", len(numbers) == 1 and job["completionMode"] == "Indexed", f"have one number of shards: {numbers}"


def the_network_is_closed(documents):
    policies = {d["metadata"]["name"]: d["spec"] for d in documents if d["kind"] == "NetworkPolicy"}
    nothing = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    yield "network", policies["lemming-nothing"] == nothing, "lets nothing through by itself"
    out = policies["lemming-out"]["egress"]
    dns = [to["podSelector"]["matchLabels"] for rule in out for to in rule["to"] if "podSelector" in to]
    yield "network", dns == [{"k8s-app": "kube-dns"}], f"reaches the cluster's DNS: {dns}"
    blocks = [to["ipBlock"] for rule in out for to in rule["to"] if "ipBlock" in to]
    yield "network", all("169.254.0.0/16" in b["except"] for b in blocks if b["cidr"] == "0.0.0.0/0"), "keeps off the metadata"
    pods = [d["spec"]["template"]["metadata"]["labels"] for d in documents if d["kind"] == "Deployment"]
    api = policies["lemming-api"]["podSelector"]["matchLabels"].items()
    services = [d["spec"]["selector"].items() for d in documents if d["kind"] == "Service" and d["metadata"]["name"] == "lemming-api"]
    yield "network", all(labels.items() >= selector for labels in pods for selector in [api, *services]), "leads to the API"


CHECKS = [pods_are_confined, images_are_resolved, what_is_referred_to_exists, ticks_fit_their_deadlines, the_network_is_closed]

wrong = 0
for path in sys.argv[1:]:
    with open(path) as file:
        documents = [document for document in yaml.safe_load_all(file) if document]
    for check in CHECKS:
        for place, good, what in check(documents):
            if not good:
                wrong += 1
                print(f"{path}: not so: {place} {what}", file=sys.stderr)
sys.exit(1 if wrong else 0)
