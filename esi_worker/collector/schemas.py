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

"""Checks JSON against a schema and says what to mend, without values.

A value may be secret, so the texts of the schema library, which repeat
it, are not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from esi_worker.model.codec import Json


def problems(
    value: Json, schema: Mapping[str, Json], field: str
) -> Iterator[str]:
    """What is wrong, naming each field below ``field`` and the fix."""
    validator = jsonschema.Draft202012Validator(dict(schema))
    texts: dict[str, None] = {}
    for error in validator.iter_errors(value):
        path = '.'.join([field, *(str(part) for part in error.absolute_path)])
        texts.update(dict.fromkeys(_texts(error, path)))
    yield from texts


def _texts(error: Any, path: str) -> Iterator[str]:
    if error.validator == 'required':
        for name in error.validator_value:
            if name not in error.instance:
                needed = ', '.join(error.validator_value)
                yield (
                    f'the field "{path}.{name}" is missing: '
                    f'"{path}" needs {needed}'
                )
        return
    yield f'the field "{path}" is not as needed: {_wish(error)}'


def _wish(error: Any) -> str:
    """What the schema asks for, in words."""
    wanted = error.validator_value
    wish = {
        'type': f'give a value of the type {wanted}',
        'minLength': 'give a text that is not empty',
        'enum': f'give one of {wanted}',
        'maxLength': f'give at most {wanted} characters',
        'pattern': f'give a text like {wanted}',
        'const': f'give {wanted}',
        'not': 'give another value',
        'anyOf': 'give one of the forms that are described',
        'minimum': f'give at least {wanted}',
        'maximum': f'give at most {wanted}',
        'minItems': f'give at least {wanted}',
        'maxItems': f'give at most {wanted}',
    }.get(error.validator, f'see {error.validator} {wanted}')
    description = error.schema.get('description')
    return f'{wish} ({description})' if description else wish
