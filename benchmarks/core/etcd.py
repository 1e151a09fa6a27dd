# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Looking at an etcd from outside: counts, revisions, requests served.

What is asked here is counted, so that it can be taken off from what the
measured processes asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
import dataclasses
import re
import time
from typing import Any, Self

import requests

_HANDLED = re.compile(
    r'^grpc_server_handled_total\{grpc_code="OK",grpc_method="(\w+)",'
    r'grpc_service="etcdserverpb.KV".*\} (\S+)$',
    re.MULTILINE,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Usage:
    """What etcd has served: KV requests, and its revision, which grows
    by one with each transaction that writes."""

    requests: int
    writes: int

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.requests - other.requests, self.writes - other.writes
        )


class Etcd:
    """One member, asked over its HTTP gateway."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._session = requests.Session()
        self._session.trust_env = False
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self._session.close()

    def count(self, prefix: str) -> int:
        """How many keys begin with the prefix."""
        return int(self._range(prefix).get('count', 0))

    def wait_for(self, prefix: str, count: int, timeout: float) -> None:
        """Wait until so many keys begin with the prefix.

        :raises TimeoutError: they were not as many in time
        """
        for _ in until(timeout, f'{count} keys under {prefix}'):
            if self.count(prefix) == count:
                return

    def usage(self) -> Usage:
        """What was served to others until now."""
        text = self._session.get(f'{self.endpoint}/metrics', timeout=10).text
        served = _served(text) - self._asked
        revision = int(self._range('/nothing/')['header']['revision'])
        return Usage(served, revision)

    def _range(self, prefix: str) -> Any:
        self._asked += 1
        start = prefix.encode()
        end = start[:-1] + bytes([start[-1] + 1])
        answer = self._session.post(
            f'{self.endpoint}/v3/kv/range',
            json={
                'key': base64.b64encode(start).decode(),
                'range_end': base64.b64encode(end).decode(),
                'count_only': True,
            },
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()


def until(timeout: float, what: str, pause: float = 0.02) -> Iterator[None]:
    """Try again and again; the caller leaves when it is content.

    :raises TimeoutError: it was not in time
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
    raise TimeoutError(f'there were not {what} after {timeout:.0f} s')


def _served(metrics: str) -> int:
    return sum(int(float(found[2])) for found in _HANDLED.finditer(metrics))
