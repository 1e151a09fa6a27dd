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


"""The secrets that a text about a job could quote.

They are the values of parameters that the template declares as
``hidden``, and all that stand under a name like that of a secret, in the
parameters and in the resource itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from esi_worker import masking
from esi_worker.model import Job, Param, ParamType
from esi_worker.model.codec import Json

#: What Heat takes for true.
_TRUE = frozenset(('true', 'yes', 'on', 'y', 't', '1'))
_Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class Secrecy:
    """Collects secrets by what the configuration says."""

    def __init__(self, conf: Any) -> None:
        self._fields = masking.fields(conf)

    def of(
        self,
        job: Job,
        values: Mapping[str, Json] | None = None,
        template: str = '',
    ) -> frozenset[str]:
        """The secrets of a job, as texts.

        :param values: its parameters, as far as they are known
        :param template: as it goes to Heat
        """
        if values is None:
            values = known_values(job)
        hidden = [
            values[name] for name in hidden_in(template) if name in values
        ]
        return (
            masking.secrets_in(job.resource_input, self._fields)
            | masking.secrets_in(values, self._fields)
            | masking.texts_in(hidden)
        )


def hidden_in(template: str) -> Iterator[str]:
    """The names of the parameters that a template declares as hidden."""
    if 'hidden' not in template:
        return
    try:
        content = yaml.load(template, _Loader)  # noqa: S506 - a safe one
        declared = content['parameters'].items()
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        # Heat will say what is wrong with it.
        return
    for name, parameter in declared:
        hidden = isinstance(parameter, dict) and parameter.get('hidden')
        if str(hidden).lower() in _TRUE:
            yield str(name)


def known_values(job: Job) -> dict[str, Json]:
    """What is known of a job's parameters before they are resolved."""
    return {param.name: _plain(param) for param in job.params}


def _plain(param: Param) -> Json:
    if param.type is ParamType.LIST:
        return [_plain(item) for item in param.value]
    return param.value if param.type is ParamType.VALUE else None
