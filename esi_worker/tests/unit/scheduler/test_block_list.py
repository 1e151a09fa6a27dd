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

"""Blocks: whose time has come, and how often they are told."""

from __future__ import annotations

import testtools

from esi_worker.model import ResourceRef
from esi_worker.scheduler.blocks import Block, BlockList

PORT = ResourceRef('port', 'p1')


class DueTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.blocks = BlockList()
        self.blocks.add(Block(PORT, 'it is referred to', until=300.0))

    def test_it_is_due_at_its_time(self) -> None:
        self.assertEqual(300.0, self.blocks.next_due())
        self.assertEqual([], self.blocks.due(299.0))
        self.assertEqual([PORT], self.blocks.due(300.0))

    def test_what_stays_blocked_is_not_tried_without_a_pause(self) -> None:
        # The commit that was to end it may have been refused, and the
        # news that says why may be late.
        self.blocks.due(300.0)
        self.assertEqual([], self.blocks.due(300.0))
        self.assertEqual(301.0, self.blocks.next_due())
        self.assertEqual([PORT], self.blocks.due(301.0))

    def test_a_new_block_counts_from_its_own_time(self) -> None:
        self.blocks.due(300.0)
        self.blocks.add(Block(PORT, 'again', until=300.5))
        self.assertEqual([PORT], self.blocks.due(300.5))
