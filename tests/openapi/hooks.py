"""What schemathesis does besides: it asks about what there is, and writes down what was answered.

LEMMING_TEST_KNOWN names a JSON file of values that exist, by the name of a parameter; LEMMING_TEST_ANSWERS one that is written:
by operation, how often each status was answered.
"""

import atexit
import hashlib
import json
import os
import threading
from collections import Counter, defaultdict

import schemathesis

with open(os.environ["LEMMING_TEST_KNOWN"], encoding="utf-8") as file:
    KNOWN = json.load(file)
ANSWERS = defaultdict(Counter)
LOCK = threading.Lock()


def choice(name, value, operation):
    """One of the known values, or for one in eight what was made up; the same for the same."""
    # What an agent keeps exists for that agent alone, and what is shared for none.
    keeps = "/memory" in operation or "/files" in operation
    values = KNOWN.get(f"keeping {name}" if keeps else name) or KNOWN.get(name)
    if "/shared/" in operation:
        values = KNOWN.get(f"shared {name}") or values
    if not values:
        return value
    draw = hashlib.sha256(f"{operation} {name} {value!r}".encode("utf-8", "surrogatepass")).digest()
    return value if draw[0] < 32 else values[draw[1] % len(values)]


def known(context, parameters):
    """Parameters of which most name something that there is."""
    if not isinstance(parameters, dict):
        return parameters
    label = context.operation.label if context.operation else ""
    return {name: choice(name, value, label) for name, value in parameters.items()}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return known(context, path_parameters)


@schemathesis.hook
def map_query(context, query):
    return known(context, query)


@schemathesis.hook
def after_call(context, case, response):
    with LOCK:
        ANSWERS[case.operation.label][str(response.status_code)] += 1


@atexit.register
def tell():
    with open(os.environ["LEMMING_TEST_ANSWERS"], "w", encoding="utf-8") as file:
        json.dump(ANSWERS, file, indent=2, sort_keys=True)
