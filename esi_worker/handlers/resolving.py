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

"""Values of a job's parameters at the moment it runs.

A job may refer to outputs of other resources' stacks. They are read from
the published stack records, never from Heat (section 4.4 of the
reference of the Heat worker).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
import dataclasses
from typing import Self

from esi_worker import store
from esi_worker.handlers import errors
from esi_worker.model import (
    Param,
    ParamType,
    ResourceRef,
    StackRecord,
    TypeRegistry,
    codec,
)
from esi_worker.model.codec import Json


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """One output of another resource."""

    ref: ResourceRef
    output_key: str

    @classmethod
    def of(cls, param: Param) -> Self:
        """:raises DecodeError: the parameter's value is no reference"""
        place = f'parameter "{param.name}"'
        if not isinstance(param.value, dict):
            raise errors.InvalidJob(
                f'{place} is of the type output_key, so its value must be '
                'an object'
            )
        return cls(
            ResourceRef.from_json(place, param.value),
            codec.field(place, param.value, 'output_key', str),
        )


class Resolver:
    """Reads stack records to fill in parameters."""

    def __init__(
        self, source: store.Store, keys: store.KeyLayout, types: TypeRegistry
    ) -> None:
        self._source = source
        self._keys = keys
        self._types = types

    def values(self, params: Sequence[Param]) -> dict[str, Json]:
        """The parameters' values by name.

        :raises OutputNotFound: a parameter's output is not there
        :raises DecodeError: a reference or a record cannot be decoded
        """
        outputs = self._read({reference.ref for reference in _needed(params)})
        return {param.name: _value(param, outputs) for param in params}

    def record(self, ref: ResourceRef) -> StackRecord | None:
        """The stack record that was published last for a resource."""
        return self._records({ref}).get(ref)

    def _read(
        self, refs: Iterable[ResourceRef]
    ) -> dict[ResourceRef, StackRecord]:
        refs = set(refs)
        return self._records(refs) if refs else {}

    def _records(
        self, refs: Iterable[ResourceRef]
    ) -> dict[ResourceRef, StackRecord]:
        keys = {}
        for ref in refs:
            path = self._types.path(ref)
            if path is not None:
                keys[ref] = self._keys.heat_stack(path)
        found = self._source.get_many(list(keys.values()))
        return {
            ref: StackRecord.decode(key, found[key].value)
            for ref, key in keys.items()
            if key in found
        }


def _needed(params: Iterable[Param]) -> Iterator[Reference]:
    for param in params:
        if param.type is ParamType.OUTPUT_KEY:
            yield Reference.of(param)
        elif param.type is ParamType.LIST:
            yield from _needed(param.value)


def _value(param: Param, records: Mapping[ResourceRef, StackRecord]) -> Json:
    if param.type is ParamType.LIST:
        return [_value(item, records) for item in param.value]
    if param.type is ParamType.OUTPUT_KEY:
        return _output(Reference.of(param), records)
    return param.value


def _output(
    reference: Reference, records: Mapping[ResourceRef, StackRecord]
) -> Json:
    key, ref = reference.output_key, reference.ref
    record = records.get(ref)
    if record is None:
        raise errors.OutputNotFound(key, ref, 'it has no stack record')
    for item in record.output:
        if item.get('output_key') == key:
            if 'output_error' in item:
                raise errors.OutputNotFound(
                    key, ref, 'Heat could not work out its value'
                )
            return item.get('output_value')
    raise errors.OutputNotFound(
        key, ref, f'its stack is {record.stack_status} without this output'
    )
