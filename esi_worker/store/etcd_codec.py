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

"""The JSON of etcd's gRPC gateway: requests out, answers in.

Keys and values are base64, 64-bit numbers are strings, and what is
empty, zero or false is left out. See etcd's ``rpc.proto``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from esi_worker.store import base

#: A JSON object; its values are whatever etcd says.
Json = dict[str, Any]

_OPERAND = {
    base.Target.CREATE: 'create_revision',
    base.Target.MOD: 'mod_revision',
    base.Target.VALUE: 'value',
}


def encode(text: str) -> str:
    return base64.b64encode(base.to_bytes(text)).decode('ascii')


def decode(encoded: str) -> str:
    return base.to_text(base64.b64decode(encoded))


def prefix_range(prefix: str) -> Json:
    """The ``key`` and ``range_end`` that cover a prefix."""
    start = base.to_bytes(prefix)
    # The last byte that can grow is raised, and what follows cut off.
    stem = start.rstrip(b'\xff')
    end = stem[:-1] + bytes([stem[-1] + 1]) if stem else b'\0'
    return {
        'key': base64.b64encode(start or b'\0').decode('ascii'),
        'range_end': base64.b64encode(end).decode('ascii'),
    }


def next_key(key: str) -> str:
    """The ``key`` of a range that starts after this one."""
    return base64.b64encode(base.to_bytes(key) + b'\0').decode('ascii')


def key_value(raw: Mapping[str, Any]) -> base.KeyValue:
    return base.KeyValue(
        key=decode(raw['key']),
        value=decode(raw.get('value', '')),
        create_revision=int(raw.get('create_revision', 0)),
        mod_revision=int(raw.get('mod_revision', 0)),
        version=int(raw.get('version', 0)),
        lease=int(raw.get('lease', 0)),
    )


def revision(answer: Mapping[str, Any]) -> int:
    return int(answer['header']['revision'])


def txn_request(
    compares: Iterable[base.Compare],
    success: Iterable[base.Operation],
    failure: Iterable[base.Operation],
) -> Json:
    return {
        'compare': [_compare(compare) for compare in compares],
        'success': [_operation(operation) for operation in success],
        'failure': [_operation(operation) for operation in failure],
    }


def txn_result(answer: Mapping[str, Any]) -> base.TxnResult:
    found = (
        key_value(raw)
        for part in answer.get('responses', ())
        for raw in part.get('response_range', {}).get('kvs', ())
    )
    return base.TxnResult(
        succeeded=answer.get('succeeded', False),
        revision=revision(answer),
        values={kv.key: kv for kv in found},
    )


def watch_create(watch_id: int, prefix: str, start: int) -> Json:
    create: Json = {'watch_id': watch_id, 'fragment': True}
    create.update(prefix_range(prefix))
    if start:
        create['start_revision'] = start
    return {'create_request': create}


def event(raw: Mapping[str, Any]) -> base.Event:
    return base.Event(
        base.EventType(raw.get('type', 'PUT')), key_value(raw['kv'])
    )


def changes(operations: Sequence[base.Operation]) -> bool:
    """Whether any of these writes."""
    return not all(isinstance(each, base.Get) for each in operations)


def _compare(compare: base.Compare) -> Json:
    operand = compare.operand
    return {
        'key': encode(compare.key),
        'target': str(compare.target),
        'result': str(compare.relation),
        _OPERAND[compare.target]: (
            encode(operand) if isinstance(operand, str) else operand
        ),
    }


def _operation(operation: base.Operation) -> Json:
    body: Json = {'key': encode(operation.key)}
    if isinstance(operation, base.Get):
        return {'request_range': body}
    if isinstance(operation, base.Delete):
        return {'request_delete_range': body}
    body['value'] = encode(operation.value)
    if operation.lease:
        body['lease'] = operation.lease
    return {'request_put': body}
