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

"""What the handler needs of Heat, as an interface.

``HeatBackend`` talks to a real Heat, ``MemoryBackend`` is its twin for
tests; one contract test suite runs against both. A stack belongs to a
tenant and is addressed by name and id together, because by name alone
every call costs a redirect.

Errors are those of ``esi_worker.handlers.heat.errors``:
``HeatUnavailable`` from any call (a change may or may not have been
made), ``StackNotFound`` when the stack is gone, ``HeatRefused`` when the
request can never work.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import hashlib
import json

from esi_worker.handlers import base
from esi_worker.model.codec import Json

#: The tag that all our stacks have.
OWNER_TAG = 'esi-worker'
#: So many stacks are looked at with one request: front ends limit the
#: length of a URL to 4 kB or more, and an id takes 40 bytes of it.
MAX_IDS = 80
_DIGEST_PREFIX = 'esi-digest-'
#: What Heat shows in place of a hidden parameter's value.
HIDDEN = '******'


def digest_tag(template: str, parameters: Mapping[str, Json]) -> str:
    """The tag that tells which template and parameters a stack has."""
    text = json.dumps([template, dict(parameters)], sort_keys=True)
    data = text.encode('utf-8', 'surrogatepass')
    return _DIGEST_PREFIX + hashlib.sha256(data).hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class StackRequest:
    """What a stack shall be.

    ``tags`` are all tags that the stack gets: an update takes away those
    it does not name. With ``observe`` an update looks at what is really
    there and mends what was changed behind Heat's back, as far as the
    resources of the stack support that.
    """

    name: str
    template: str = dataclasses.field(repr=False)
    parameters: Mapping[str, Json] = dataclasses.field(repr=False)
    timeout_mins: int
    tags: tuple[str, ...]
    observe: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class StackInfo:
    """A stack as Heat lists it.

    ``status`` is Heat's word, such as ``CREATE_IN_PROGRESS``;
    ``changed_at`` is when Heat accepted the last creation or update, in
    its own words and to the second; ``age`` is how many seconds ago that
    was by Heat's own clock, None if it cannot be told. ``heat_erred``: the
    reason is an error of Heat's own database, and not what was asked for.
    """

    id: str
    name: str
    status: str
    reason: str = ''
    tags: tuple[str, ...] = ()
    changed_at: str = ''
    age: float | None = dataclasses.field(default=None, compare=False)
    heat_erred: bool = False

    @property
    def action(self) -> str:
        """What Heat did or does last: CREATE, UPDATE, DELETE ..."""
        return self.status.partition('_')[0]

    @property
    def running(self) -> bool:
        return self.status.endswith('_IN_PROGRESS')

    @property
    def complete(self) -> bool:
        return self.status.endswith('_COMPLETE')

    @property
    def failed(self) -> bool:
        return self.status.endswith('_FAILED')

    @property
    def deleted(self) -> bool:
        return self.status == 'DELETE_COMPLETE'


@dataclasses.dataclass(frozen=True, slots=True)
class StackDetails:
    """A stack with its outputs.

    Each output is ``{"output_key", "output_value", "description"}``, with
    ``output_error`` when Heat could not work out its value.
    """

    info: StackInfo
    outputs: Sequence[Mapping[str, Json]] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class StackContent:
    """What a stack was last asked to be, as Heat has it.

    Values of hidden parameters are ``backend.HIDDEN``.
    """

    template: Mapping[str, Json] = dataclasses.field(repr=False)
    parameters: Mapping[str, Json] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceInfo:
    """A resource of a stack, or of a stack nested in it.

    ``status`` is Heat's word, such as ``UPDATE_FAILED``.
    """

    name: str
    type: str
    status: str
    reason: str = ''

    @property
    def failed(self) -> bool:
        return self.status.endswith('_FAILED')

    @property
    def running(self) -> bool:
        return self.status.endswith('_IN_PROGRESS')


@dataclasses.dataclass(frozen=True, slots=True)
class StackChanges:
    """What an update would do, by the names of the stack's resources."""

    added: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything would change."""
        return bool(
            self.added or self.deleted or self.updated or self.replaced
        )


class StackBackend(abc.ABC):
    """Stacks of many tenants; calls come from several threads.

    A ``request_id`` (``req-<uuid>``) names a change in Heat's own log,
    whether its answer arrives or not.
    """

    @abc.abstractmethod
    def find(self, tenant: str, name: str) -> StackInfo | None:
        """Look a stack up by its name; a deleted one does not count."""

    @abc.abstractmethod
    def create(
        self,
        tenant: str,
        request: StackRequest,
        timeout: float,
        request_id: str = '',
    ) -> str:
        """Begin to create a stack.

        :param timeout: seconds that the call may take at most
        :returns: the stack's id
        :raises StackExists: there is a stack of this name
        """

    @abc.abstractmethod
    def update(
        self,
        tenant: str,
        stack_id: str,
        request: StackRequest,
        timeout: float,
        request_id: str = '',
    ) -> None:
        """Begin to make a stack what the request says, all of it.

        :param timeout: seconds that the call may take at most
        :raises StackNotFound: there is no such stack
        :raises HeatRefused: also while the stack is being deleted
        :raises StackBusy: Heat takes no change at the moment
        """

    @abc.abstractmethod
    def delete(
        self,
        tenant: str,
        name: str,
        stack_id: str,
        timeout: float,
        request_id: str = '',
    ) -> None:
        """Begin to delete a stack; it may be asked for again.

        :param timeout: seconds that the call may take at most
        :raises StackNotFound: there is no such stack, or no longer
        """

    @abc.abstractmethod
    def status(
        self, tenant: str, stack_ids: Iterable[str]
    ) -> dict[str, StackInfo]:
        """Look at many stacks of one tenant at once.

        Deleted stacks show as ``DELETE_COMPLETE`` for as long as Heat
        remembers them; then, like unknown ones, they are left out.

        :returns: the stacks by id
        """

    @abc.abstractmethod
    def outputs(self, tenant: str, name: str, stack_id: str) -> StackDetails:
        """Read a stack with its outputs; costly, so once at the end.

        :raises StackNotFound: there is no such stack
        """

    @abc.abstractmethod
    def content(self, tenant: str, name: str, stack_id: str) -> StackContent:
        """Read the template and the parameters of a stack.

        :raises StackNotFound: there is no such stack
        """

    @abc.abstractmethod
    def resources(
        self, tenant: str, name: str, stack_id: str
    ) -> list[ResourceInfo]:
        """List a stack's resources, those of nested stacks included.

        :raises StackNotFound: there is no such stack
        """

    @abc.abstractmethod
    def tagged(self, tenant: str, tag: str) -> list[StackInfo]:
        """List the tenant's stacks that carry a tag, in any order.

        Deleted and nested stacks do not count.
        """

    @abc.abstractmethod
    def preview(
        self, tenant: str, stack_id: str, request: StackRequest
    ) -> StackChanges:
        """Ask what an update would do; nothing is changed.

        :raises StackNotFound: there is no such stack
        :raises HeatRefused: the update would be refused too
        """

    def probe(self) -> Iterable[base.Probe]:
        """Ask whether a login works and Heat answers; raises nothing."""
        return ()

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of connections."""
