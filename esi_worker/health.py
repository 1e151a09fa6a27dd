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

"""How a process is, in a form that can be shown to others.

A leaf, so that the loops of manager and worker can tell and whoever
serves it can ask, from another thread and at any moment.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """The signs of life of one process.

    ``watching`` says that the watch proved to be alive within its
    deadline, ``silence`` how many seconds ago it last did. ``lease`` is
    how many seconds the lease is ours for certain. ``leading`` is true
    on the elected manager only. ``listed`` says that the others see the
    process, if it is one of several that share work. ``numbers`` are
    further ones, by name.
    """

    watching: bool = False
    silence: float = 0.0
    lease: float = 0.0
    leading: bool = False
    listed: bool = True
    problem: str = ''
    numbers: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether the process does its work, as far as it knows."""
        return self.watching and self.lease > 0 and self.listed

    @property
    def reason(self) -> str:
        """Why it is not ready, empty when it is."""
        if self.ready:
            return ''
        if self.lease <= 0:
            return self.problem or 'the lease is not held'
        if self.watching:
            return 'its key is missing in etcd, so it is given no work'
        return self.problem or (
            f'the watch has shown no sign of life for {self.silence:.0f} s'
        )


class Living(Protocol):
    """Whatever tells how it is."""

    def health(self) -> Health:
        """How it is now; from any thread, and quickly."""
