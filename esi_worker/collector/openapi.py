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

"""The description of the HTTP API, in OpenAPI 3.1.

It is made from what requests are checked with: the members of a target,
and the schemas of the types and syncers that are installed. So it says
no more and no less than what is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from esi_worker.collector.members import FILTERS, MEMBERS, target_schema
from esi_worker.collector.target_types import Schema, TargetType

_JSON = 'application/json'


def describe(
    types: Iterable[TargetType],
    syncers: Mapping[str, Schema],
    release: str,
    auth: str,
) -> dict[str, Any]:
    """The whole document.

    :param auth: the option of this name
    """
    kinds = {row.name: target_schema(row, syncers) for row in types}
    document: dict[str, Any] = {
        'openapi': '3.1.0',
        'info': {
            'title': 'esi-collector',
            'version': release,
            'license': {
                'name': 'Apache-2.0',
                'identifier': 'Apache-2.0',
            },
            'description': 'Monitoring targets: what is polled, and what '
            'was seen last.',
        },
        'paths': _paths(),
        'components': {
            'schemas': {
                **{f'Target_{name}': kinds[name] for name in kinds},
                'NewTarget': {
                    'oneOf': [_ref(f'Target_{name}') for name in kinds],
                },
                'Target': _shown(),
                'TargetWithValues': _shown_with_values(),
                'TargetList': _object({'targets': _array(_ref('Target'))}),
                'Value': _value(),
                'Error': _object({'title': _STRING, 'description': _STRING}),
            },
        },
    }
    if auth != 'none':
        document['security'] = [{'token': []}]
        document['components']['securitySchemes'] = {
            'token': {
                'type': 'apiKey',
                'in': 'header',
                'name': 'X-Auth-Token',
            }
        }
    return document


_STRING: Final = {'type': 'string'}
_TIME: Final = {'type': 'string', 'format': 'date-time'}


def _ref(name: str) -> dict[str, str]:
    return {'$ref': f'#/components/schemas/{name}'}


def _array(items: Any) -> dict[str, Any]:
    return {'type': 'array', 'items': items}


def _object(
    properties: Mapping[str, Any], optional: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        'type': 'object',
        'required': list(properties),
        'properties': {**properties, **(optional or {})},
    }


def _shown_members() -> dict[str, Any]:
    texts = {
        name: _STRING for name in MEMBERS if MEMBERS[name]['type'] == 'string'
    }
    return {
        **texts,
        'version': {'type': 'integer'},
        'properties': {'type': 'object'},
        'syncer_properties': {'type': 'object'},
        'id': _STRING,
        'created_at': _TIME,
        'monitorer': _STRING,
        'link': _STRING,
    }


def _shown() -> dict[str, Any]:
    return _object(_shown_members())


def _shown_with_values() -> dict[str, Any]:
    members = {**_shown_members(), 'values': _array(_ref('Value'))}
    problems = {'type': 'object', 'additionalProperties': _STRING}
    return _object(members, {'sync_errors': problems})


def _value() -> dict[str, Any]:
    return _object(
        {
            'reporter': _STRING,
            'key': _STRING,
            'value': {
                'type': [
                    'string',
                    'number',
                    'boolean',
                    'object',
                    'array',
                    'null',
                ]
            },
            'last_reported': _TIME,
            'last_changed': _TIME,
            'fail_counter': {'type': 'integer', 'minimum': 0},
        }
    )


def _paths() -> dict[str, Any]:
    identity = {
        'name': 'target_id',
        'in': 'path',
        'required': True,
        'schema': {'type': 'string', 'minLength': 1},
    }
    return {
        '/targets': {
            'get': _operation(
                'listTargets',
                'The targets, narrowed down by their members.',
                {'200': _answer('The targets.', 'TargetList')},
                errors=('400', '503'),
                parameters=[_filter(name) for name in FILTERS],
            ),
            'post': _operation(
                'createTarget',
                'Register a target. The same resource, field and version '
                'give the same target.',
                {
                    '201': _answer('It is new.', 'Target', located=True),
                    '200': _answer('It was there.', 'Target', located=True),
                },
                errors=('400', '413', '415', '503'),
                body=True,
            ),
        },
        '/targets/{target_id}': {
            'parameters': [identity],
            'get': _operation(
                'showTarget',
                'A target with its last values.',
                {'200': _answer('The target.', 'TargetWithValues')},
                errors=('404', '503'),
            ),
            'put': _operation(
                'replaceTarget',
                'Put another description in the place of this one. What '
                'was published stays until the first value replaces it.',
                {'200': _answer('It is replaced.', 'Target')},
                errors=('400', '404', '409', '413', '415', '503'),
                body=True,
            ),
            'delete': _operation(
                'deleteTarget',
                'Take a target and what it has published away.',
                {'204': {'description': 'It is gone.'}},
                errors=('404', '503'),
            ),
        },
    }


_ERRORS: Final = {
    '400': 'The request is wrong; the description names field and fix.',
    '401': 'A valid token is missing.',
    '403': 'The token may not do this.',
    '404': 'There is no such target.',
    '409': 'Another target, or a newer version, stands in the way.',
    '413': 'The body is too large.',
    '415': 'The body is no application/json.',
    '503': 'etcd or another collector does not answer; ask again.',
}


def _operation(
    name: str,
    summary: str,
    answers: Mapping[str, Any],
    *,
    errors: Iterable[str],
    parameters: list[Any] | None = None,
    body: bool = False,
) -> dict[str, Any]:
    described: dict[str, Any] = {
        'operationId': name,
        'summary': summary,
        'responses': {
            **answers,
            **{
                status: _answer(_ERRORS[status], 'Error')
                for status in (*errors, '401', '403')
            },
        },
    }
    if parameters:
        described['parameters'] = parameters
    if body:
        described['requestBody'] = {
            'required': True,
            'content': {_JSON: {'schema': _ref('NewTarget')}},
        }
    return described


def _answer(
    description: str, schema: str, located: bool = False
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        'description': description,
        'content': {_JSON: {'schema': _ref(schema)}},
    }
    if located:
        answer['headers'] = {
            'Location': {
                'description': 'The link of the target.',
                'schema': _STRING,
            }
        }
    return answer


def _filter(name: str) -> dict[str, Any]:
    schema = MEMBERS[name] if name == 'version' else _STRING
    return {'name': name, 'in': 'query', 'schema': dict(schema)}
