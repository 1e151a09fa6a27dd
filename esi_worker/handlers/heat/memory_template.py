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

"""As much of Heat's template language as the twin of Heat needs.

Parameters with their defaults, ``get_param`` as a whole value, outputs,
and the knobs of ``OS::Heat::TestResource``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from esi_worker.handlers.heat import backend, differing
from esi_worker.model.codec import Json

_TEST_RESOURCE = 'OS::Heat::TestResource'


def is_template(text: str) -> bool:
    """Whether Heat would take this for a template at all."""
    try:
        template = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(template, dict) and 'heat_template_version' in template


def outputs(request: backend.StackRequest) -> list[dict[str, Json]]:
    """The stack's outputs in the order of the template."""
    template = _template(request)
    return [
        {
            'output_key': name,
            'description': output.get('description', 'No description given'),
            'output_value': _value(output.get('value'), template, request),
        }
        for name, output in (template.get('outputs') or {}).items()
    ]


def seconds(request: backend.StackRequest, action: str) -> float:
    """How long the template asks an action to take."""
    waits = [
        float(properties.get('action_wait_secs', {}).get(action.lower(), 0))
        for properties in _test_resources(request).values()
    ]
    return max(waits, default=0.0)


def failure(request: backend.StackRequest) -> str | None:
    """The reason why the template fails, or None."""
    for name, properties in _test_resources(request).items():
        if properties.get('fail') in (True, 'true', 'True'):
            return f'ValueError: resources.{name}: Test Resource failed {name}'
    return None


def resources(
    request: backend.StackRequest, action: str, status: str
) -> list[backend.ResourceInfo]:
    """The resources of a stack that is in a state."""
    reason = failure(request) if status == 'FAILED' else None
    return [
        backend.ResourceInfo(
            name, resource['type'], f'{action}_{status}', reason or ''
        )
        for name, resource in _resources(_template(request)).items()
    ]


def content(request: backend.StackRequest) -> backend.StackContent:
    """What Heat shows of template and parameters."""
    template = _template(request)
    declared = template.get('parameters') or {}
    return backend.StackContent(
        template,
        {
            name: backend.HIDDEN
            if (declared.get(name) or {}).get('hidden')
            else value
            for name, value in request.parameters.items()
        },
    )


def changes(
    now: backend.StackRequest, wanted: backend.StackRequest
) -> backend.StackChanges:
    """What an update would do; nothing is ever replaced."""
    before = differing.resources(differing.wanted(now))
    after = differing.resources(differing.wanted(wanted))
    common = [name for name in after if name in before]
    return backend.StackChanges(
        added=tuple(name for name in after if name not in before),
        deleted=tuple(name for name in before if name not in after),
        updated=tuple(n for n in common if before[n] != after[n]),
        unchanged=tuple(n for n in common if before[n] == after[n]),
    )


def _resources(template: Mapping[str, Any]) -> Mapping[str, Any]:
    return template.get('resources') or {}


def _test_resources(
    request: backend.StackRequest,
) -> dict[str, dict[str, Json]]:
    """The properties of the test resources by their names."""
    template = _template(request)
    return {
        name: _properties(resource, template, request)
        for name, resource in _resources(template).items()
        if resource.get('type') == _TEST_RESOURCE
    }


def _properties(
    resource: Mapping[str, Any],
    template: Mapping[str, Any],
    request: backend.StackRequest,
) -> dict[str, Json]:
    return {
        name: _value(value, template, request)
        for name, value in (resource.get('properties') or {}).items()
    }


def _template(request: backend.StackRequest) -> Mapping[str, Any]:
    template: Mapping[str, Any] = yaml.safe_load(request.template)
    return template


def _value(
    value: Json, template: Mapping[str, Any], request: backend.StackRequest
) -> Json:
    """Work out ``{get_param: name}``; null stands for the default."""
    if not isinstance(value, dict) or list(value) != ['get_param']:
        return value
    name = value['get_param']
    if not isinstance(name, str):
        return value
    given = request.parameters.get(name)
    if given is not None:
        return given
    declared = (template.get('parameters') or {}).get(name) or {}
    return declared.get('default')
