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

"""The contract between a resource type's driver and the scheduler.

A driver turns one version of a resource's desired state into a
``Plan``: for each handler that has work, a template id and parameters.
It reads other resources through a ``View`` and changes nothing. What a
plan becomes (jobs, their order, what they wait for) is the scheduler's
business.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
import dataclasses
from typing import Any, Protocol

from esi_worker import plugins, templates
from esi_worker.model import Param, Resource, ResourceRef
from esi_worker.model.codec import Json


class View(Protocol):
    """Read access to the desired state of all resources.

    It shows the configs as they were when the event at hand happened.
    """

    def body(self, ref: ResourceRef) -> Mapping[str, Json] | None:
        """The body of a resource's config, or None when there is none."""


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """The work of one handler for one version of a resource.

    Work waits for the unfinished jobs of what its parameters refer to,
    and those of ``after``; jobs of what is in ``after`` that come later
    do not wait in turn. ``needs`` are the references that hold off the
    deletion of what they name: all but the ones marked
    ``ignore_missing`` and those of dependency-only parameters. While
    one of ``held_by`` is blocked, no job is made.
    """

    handler: str
    template_id: str
    params: tuple[Param, ...]
    needs: frozenset[ResourceRef] = frozenset()
    after: frozenset[ResourceRef] = frozenset()
    held_by: frozenset[ResourceRef] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """All work for one version of a resource, in the handlers' order.

    A plan without parts means that nothing needs to be done.
    """

    parts: tuple[Part, ...] = ()

    @property
    def refs(self) -> frozenset[ResourceRef]:
        """Every resource that the parameters refer to."""
        return frozenset(
            ref
            for part in self.parts
            for param in part.params
            for ref in param.resources
        )

    @property
    def needs(self) -> frozenset[ResourceRef]:
        """What has to exist as long as the resource."""
        return frozenset(ref for part in self.parts for ref in part.needs)

    @property
    def after(self) -> frozenset[ResourceRef]:
        """Whose jobs are waited for, in this direction only."""
        return frozenset(ref for part in self.parts for ref in part.after)

    @property
    def held_by(self) -> frozenset[ResourceRef]:
        """What must not be blocked."""
        held_by = (ref for part in self.parts for ref in part.held_by)
        return self.needs.union(held_by)


class Driver(plugins.Plugin, abc.ABC):
    """Base of all drivers; one instance serves one resource type.

    ``conf`` is the configuration of the service, with the options that
    the class declares; None where there is no service.
    """

    conf: Any = None

    def __init__(
        self, resource_type: str, catalog: templates.TemplateCatalog
    ) -> None:
        self.resource_type = resource_type
        self.catalog = catalog

    @abc.abstractmethod
    def plan(
        self, resource: Resource, view: View, *, lenient: bool = False
    ) -> Plan:
        """Work out what a version of a resource needs.

        :param lenient: for deletions and for previous versions: a
            reference whose target is missing gives null and keeps what
            was visited, instead of an error
        :raises TemplateNotFound: the chosen template does not exist
        :raises MissingReference: a reference's target does not exist
        :raises MappingError: a mapping is wrong; the message names
            template, parameter, expression and what offends
        """
