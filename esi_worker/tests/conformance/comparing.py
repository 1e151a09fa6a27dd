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

"""Comparing parameters with recorded ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
from typing import Any


def value(param: Any) -> Any:
    """A parameter's type and value; items of lists count likewise."""
    content = param['value']
    if param['type'] == 'list':
        content = [value(item) for item in content]
    # As text, for to Python 1 and true are equal.
    return param['type'], json.dumps(content, sort_keys=True)


def references(param: Any) -> Any:
    """What a parameter refers to, as a set."""
    return {
        (ref['resource_type'], ref['resource_id'])
        for ref in param['resources']
    }


def differences(
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    view: Callable[[Any], Any],
) -> str:
    """How two sets of parameters differ, empty when they do not."""
    if ours.keys() != theirs.keys():
        return f'other names: {sorted(ours.keys() ^ theirs.keys())}'
    different = [
        name for name in ours if view(ours[name]) != view(theirs[name])
    ]
    return f'different: {", ".join(different)}' if different else ''
