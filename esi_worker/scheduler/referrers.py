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

"""Who still needs a resource that is to be deleted.

A deletion waits for the resources that refer to it and are not being
deleted themselves. The index is built when the first deletion comes, so
that a manager that starts does not plan everything there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from esi_worker.model import ResourceRef

#: Gives the resources that a resource needs.
NeedsOf = Callable[[ResourceRef], frozenset[ResourceRef]]


class ReferrerIndex:
    """From a resource to those that need it."""

    def __init__(
        self, all_refs: Callable[[], Iterable[ResourceRef]], needs_of: NeedsOf
    ) -> None:
        self._all_refs = all_refs
        self._needs_of = needs_of
        self._needs: dict[ResourceRef, frozenset[ResourceRef]] = {}
        self._referrers: dict[ResourceRef, set[ResourceRef]] = {}
        self._built = False

    def update(self, ref: ResourceRef) -> None:
        """Take note that a resource has changed or gone."""
        if self._built:
            self._set(ref, self._needs_of(ref))

    def referrers(self, ref: ResourceRef) -> list[ResourceRef]:
        """The resources that need this one."""
        self._build()
        return sorted(self._referrers.get(ref, set()) - {ref})

    def reset(self) -> None:
        """Forget everything."""
        self._needs.clear()
        self._referrers.clear()
        self._built = False

    def _build(self) -> None:
        if self._built:
            return
        self._built = True
        for ref in self._all_refs():
            self._set(ref, self._needs_of(ref))

    def _set(self, ref: ResourceRef, needs: frozenset[ResourceRef]) -> None:
        for target in self._needs.pop(ref, frozenset()):
            self._referrers[target].discard(ref)
            if not self._referrers[target]:
                del self._referrers[target]
        if needs:
            self._needs[ref] = needs
        for target in needs:
            self._referrers.setdefault(target, set()).add(ref)
