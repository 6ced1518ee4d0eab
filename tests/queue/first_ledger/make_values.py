"""Writes values.json with the packages of the first ledger: what its front ends and engines put into records.

Run in a checkout of that version, with its `queue` and `config` first on PYTHONPATH:
`python -m tests.queue.first_ledger.make_values > values.json`.
"""

from __future__ import annotations

import base64
import json
import sys

from tests.queue.values import DONE, a_job, a_request

from unstill_queue.contract.codec import encode


def main() -> None:
    rows = []
    for n in range(1, 10):
        request = a_request(n, user=f"u{n % 3}")
        rows.append({"id": request.id, "person": request.requester.person, "place": request.requester.place})
        rows[-1] |= {
            name: base64.b64encode(encode(value)).decode()
            for name, value in (("request", request), ("job", a_job(request)), ("outcome", DONE))
        }
    json.dump(rows, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
