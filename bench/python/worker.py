"""The peer that runs in Python: simdjson, which is C++.

Answers the requests of worker.go, as node/worker.mjs does.
"""

import base64
import gc
import importlib.metadata
import json
import sys
import time

import simdjson

parser = simdjson.Parser()


def judge(payload):
    """Why the payload is rejected, or None."""
    try:
        # The value is a view of the document; it is dropped at once, and
        # nothing of it becomes a Python object.
        parser.parse(payload)
    except (ValueError, RuntimeError) as problem:
        return str(problem)
    return None


corpora = {}


def start(request):
    return {
        "versions": {
            "python": sys.version.split()[0],
            "pysimdjson": importlib.metadata.version("pysimdjson"),
            "simdjson": parser.implementation[0],
        }
    }


def load(request):
    with open(request["file"], "rb") as file:
        text = file.read()
    payloads, at = [], 0
    for size in request["sizes"]:
        payloads.append(text[at : at + size])
        at += size + 1  # the line feed
    corpora[request["corpus"]] = payloads
    return {}


def judge_one(request):
    return {"reason": judge(base64.b64decode(request["payload"]))}


def run(request):
    payloads = corpora[request["corpus"]][: request["payloads"]]
    rejected, reason = 0, None
    gc.collect()
    begin = time.process_time_ns()
    for _ in range(request["passes"]):
        for payload in payloads:
            problem = judge(payload)
            if problem is not None:
                rejected += 1
                reason = reason or problem
    return {"nanoseconds": time.process_time_ns() - begin, "rejected": rejected, "reason": reason}


actions = {"start": start, "load": load, "judge": judge_one, "run": run}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = actions[request["do"]](request)
    except Exception as problem:
        answer = {"error": repr(problem)}
    print(json.dumps(answer), flush=True)
