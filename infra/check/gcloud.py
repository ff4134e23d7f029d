"""Runs infra/gcp/deploy.sh with the real gcloud, whose requests go to a server of ours that refuses all of them: commands,
options and manifests that Google's own program does not understand never get as far as a request.

    gcloud.py DEPLOY_SH
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REFUSAL = json.dumps({"error": {"code": 403, "message": "refused", "status": "PERMISSION_DENIED"}}).encode()
requests = []


class Refusing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        requests.append(f"{self.command} {self.path}")
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
wrong = 0
with tempfile.TemporaryDirectory() as work:
    work = Path(work)
    (work / "token").write_text("none")
    # In its place: the real one, each of whose commands is to fail with a refusal. Looking whether something is there
    # answers no, so that it is made.
    shim = work / "gcloud"
    shim.write_text(f'#!/bin/sh\ncase " $* " in *" describe "*) exit 1;; esac\n{shutil.which("gcloud")} --access-token-file {work}/token "$@" '
                    f'>"{work}/said" 2>&1\ncode=$?\nprintf "%s\\n%s\\n" "$code $*" "$(tail -c 600 {work}/said)" >"{work}/$(date +%s%N).done"\n')
    shim.chmod(0o755)
    apis = ("RUN", "CLOUDSCHEDULER", "STORAGE", "IAM", "SERVICEUSAGE", "CLOUDRESOURCEMANAGER")
    there = {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"http://127.0.0.1:{server.server_port}/" for api in apis}
    # As a proxy, too: gcloud puts the region in front of the host, whatever that is.
    there |= {"CLOUDSDK_PROXY_TYPE": "http_no_tunnel", "CLOUDSDK_PROXY_ADDRESS": "127.0.0.1", "CLOUDSDK_PROXY_PORT": str(server.server_port)}
    env = os.environ | there | {
        "PATH": f"{work}:{os.environ['PATH']}", "CLOUDSDK_CONFIG": str(work / "config"), "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "PROJECT": "example-project", "REGION": "europe-west3", "API": "true",
        "IMAGE": "europe-west3-docker.pkg.dev/example-project/lemming/lemming:2.0.0",
    }
    subprocess.run([sys.argv[1]], env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
    done = [path.read_text() for path in sorted(work.glob("*.done"))]
    for said in done:
        code, refused = said.split()[0], any(word in said for word in ("refused", "PERMISSION_DENIED", "403", "does not have permission"))
        if code == "0" or not refused:
            wrong += 1
            print(f"gcloud does not understand: {said}", file=sys.stderr)
if len(done) < 12 or not requests:
    wrong += 1
    print(f"only {len(done)} commands were run, and {len(requests)} requests made", file=sys.stderr)
sys.exit(1 if wrong else 0)
