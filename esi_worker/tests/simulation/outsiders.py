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

"""A model of people who work on stacks behind our back.

They delete, change, break and replace stacks that we have left complete,
which is what the search for drift is to find and to mend. What they do
to a stack while we work on it is left out: nobody could tell whose
change it shows.
"""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
import random

from esi_worker import store
from esi_worker.model import StackMark
from esi_worker.tests.simulation import heat, world


class Outsider:
    """Does one thing at a time."""

    def __init__(
        self,
        source: store.Store,
        keys: store.KeyLayout,
        stacks: heat.SimHeat,
        chance: random.Random,
    ) -> None:
        self._store = source
        self._keys = keys
        self._heat = stacks
        self._random = chance

    def act(self) -> None:
        """Do something to a stack, if there is one."""
        found = [each for each in self._heat.live() if self._is_left(each)]
        if not found:
            return
        deeds: tuple[Callable[[heat.Stack], None], ...] = (
            self._delete,
            self._change,
            self._fail,
            self._replace,
        )
        self._random.choice(deeds)(self._random.choice(found))

    def _is_left(self, stack: heat.Stack) -> bool:
        """Whether it is as a record of ours says."""
        path = world.BY_STACK[stack.name].path
        kv = self._store.get(self._keys.stack_mark(path))
        if kv is None or stack.status != 'COMPLETE':
            return False
        mark = StackMark.decode(kv.key, kv.value)
        return mark == StackMark(stack.id, str(stack.changed_at))

    def _delete(self, stack: heat.Stack) -> None:
        stack.action = 'DELETE'
        self._heat.meddle(stack)

    def _change(self, stack: heat.Stack) -> None:
        """An update that takes our tags away.

        With the tags kept, a job that is not forced takes the stack for
        what it shall be, and from then on it counts as left by us.
        """
        stack.action = 'UPDATE'
        self._heat.meddle(stack, parameters={'size': -1}, tags=())

    def _fail(self, stack: heat.Stack) -> None:
        stack.action, stack.status = 'UPDATE', 'FAILED'
        self._heat.meddle(stack)

    def _replace(self, stack: heat.Stack) -> None:
        self._delete(stack)
        again = dataclasses.replace(
            stack, id=f'foreign-{len(self._heat.stacks)}', action='CREATE'
        )
        self._heat.stacks.append(again)
        self._heat.meddle(again, parameters={'size': -2}, tags=())
