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


"""Which targets of a resource make room for those of another version."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from esi_worker.handlers import base
from esi_worker.handlers.monitoring import legacy
from esi_worker.handlers.monitoring.client import KnownTarget
from esi_worker.handlers.monitoring.sections import Section
from esi_worker.model import Job


def superseded(
    job: Job, targets: Collection[KnownTarget]
) -> list[KnownTarget]:
    """Targets whose field has one of a higher version."""
    newest: dict[str, int] = {}
    for each in targets:
        newest[each.field_name] = max(
            each.version, newest.get(each.field_name, each.version)
        )
    return [
        each
        for each in lower_versions(job, targets)
        if each.version < newest[each.field_name]
    ]


def lower_versions(
    job: Job, targets: Iterable[KnownTarget]
) -> list[KnownTarget]:
    return [each for each in targets if each.version < job.version]


def difference(
    job: Job, section: Section, targets: Iterable[KnownTarget]
) -> base.Difference | None:
    """What registering a section would change."""
    versions = {
        each.version for each in targets if each.field_name == section.name
    }
    if section.type == legacy.READER or job.version in versions:
        return None
    change = base.Change.REPLACE if versions else base.Change.ADD
    return base.Difference(section.name, section.type, change)


def removal(target: KnownTarget) -> base.Difference:
    return base.Difference(target.field_name, 'target', base.Change.DELETE)
