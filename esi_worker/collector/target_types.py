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

"""The types of targets: which poller asks, which syncers publish.

Several types may share a poller. This is data, so that an option or a
plugin can add to it.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class TargetType:
    """One row of the table (section 4 of the reference of monitoring).

    ``poller`` and ``syncers`` are names of plugins. A syncer is used
    for a target only when the target has ``syncer_properties`` for it.
    """

    name: str
    poller: str
    syncers: tuple[str, ...]


TYPES: Mapping[str, TargetType] = {
    row.name: row
    for row in (
        TargetType(
            'virtual_machine_interface',
            poller='virtual_machine_interface',
            syncers=('etcd',),
        ),
    )
}
