"""LocalStack with functions that run as processes of this machine, not in containers.

LocalStack starts a function's environment through an executor, and has one: Docker. This one unpacks the zip, starts
its `bootstrap` with the function's environment, and answers the runtime interface on a port of the loopback address:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Run it with the Python of LocalStack's own environment.
"""

import json
import os
import queue
import subprocess
import threading
import time
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation import runtime_executor
from localstack.services.lambda_.invocation.lambda_models import InvocationResult

API = "/2018-06-01/runtime/"
LOGS = Path(os.environ["LEMMING_FUNCTION_LOGS"])


class Process(runtime_executor.RuntimeExecutor):
    """One environment of a function: a process, and the interface that it asks for work."""

    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.work = queue.Queue()
        self.answer = None
        self.ready = threading.Event()
        self.log = LOGS / f"{function_version.id.function_name}.{id}.log"

    def start(self, env_vars):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        folder = self.function_version.config.code.get_unzipped_code_location()
        env = {name: str(value) for name, value in env_vars.items()}
        env |= {"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}"}
        # The store's own names for what LocalStack calls AWS_ENDPOINT_URL: plain HTTP, on loopback.
        env |= {"AWS_ALLOW_HTTP": "true", "LAMBDA_TASK_ROOT": str(folder)}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(folder / "bootstrap")], cwd=folder, env=env, stdout=log, stderr=log)
        while not self.ready.wait(0.05):
            if self.process.poll() is not None:
                raise runtime_executor.LambdaRuntimeException(f"bootstrap ended: {self.get_logs()}")

    def stop(self):
        self.work.put(None)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.server.shutdown()
        self.server.server_close()

    def invoke(self, payload):
        self.answer = Future()
        seconds = self.function_version.config.timeout
        self.work.put(payload | {"deadline": int((time.time() + seconds) * 1000)})
        started = time.monotonic()
        while not self.answer.done():
            if self.process.poll() is not None or time.monotonic() - started > seconds:
                why = "ended" if self.process.poll() is not None else f"timed out after {seconds} s"
                self.answer.set_result((json.dumps({"errorMessage": f"the process {why}"}).encode(), True))
            time.sleep(0.01)
        body, failed = self.answer.result()
        return InvocationResult(payload["invoke-id"], body, failed, self.get_logs(), self.function_version.id.qualifier)

    def get_logs(self):
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()
        bootstrap = function_version.config.code.get_unzipped_code_location() / "bootstrap"
        bootstrap.chmod(0o755)

    @classmethod
    def cleanup_version(cls, function_version):
        pass


def handler(process):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            process.ready.set()
            work = process.work.get()
            if work is None:
                self.close_connection = True
                return
            body = work["payload"].encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Lambda-Runtime-Aws-Request-Id", work["invoke-id"])
            self.send_header("Lambda-Runtime-Deadline-Ms", str(work["deadline"]))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", work["invoked-function-arn"])
            self.send_header("Lambda-Runtime-Trace-Id", work["trace-id"])
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else self.chunks()
            what = self.path.removeprefix(API).split("/")[-1]
            if what in ("response", "error") and process.answer and not process.answer.done():
                process.answer.set_result((body, what == "error"))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def chunks(self):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *arguments):
            pass

    return Handler


# Before anything else of it is imported, which takes this function by its name.
runtime_executor.get_runtime_executor = lambda: Process



def delete_what_is_to_go():
    """Works around two mistakes of LocalStack 4.13: it heeds no deletion policy, and it looks for what a resource names
    among those that exist, also if a condition left both out, and then refuses to delete the stack."""
    from localstack.services.cloudformation.v2.provider import CloudformationProviderV2

    whole = CloudformationProviderV2._setup_change_set_model

    def of_what_exists(change_set, before_template, after_template, **more):
        if after_template is None:
            made = change_set.stack.resolved_resources
            there = {name: one for name, one in before_template["Resources"].items() if name in made}
            resources = {name: one for name, one in there.items() if one.get("DeletionPolicy") != "Retain"}
            before_template = {**before_template, "Resources": resources, "Outputs": {}}
        return whole(change_set=change_set, before_template=before_template, after_template=after_template, **more)

    CloudformationProviderV2._setup_change_set_model = staticmethod(of_what_exists)


if __name__ == "__main__":
    delete_what_is_to_go()
    from localstack.runtime.main import main

    main()
