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

"""A real etcd follows every prefix of a watch, however many there are.

etcd drops those requests of a watch that it has not read when it begins
to answer, about one time in ten; so each case is repeated.
"""

from __future__ import annotations

import time

import testtools

from esi_worker.embedded import fixtures
from esi_worker.store import etcd

ROUNDS = 25
DEADLINE = 60.0


class ManyPrefixesTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        server = self.useFixture(fixtures.EtcdFixture())
        self.prefix = server.prefix
        self.store = etcd.EtcdStore([server.endpoint])
        self.addCleanup(self.store.close)

    def silent(self, prefixes: list[str]) -> set[str]:
        """Watch, write below each prefix, and see what arrives.

        :returns: the prefixes of which nothing was heard
        """
        revision = self.store.range(self.prefix).revision
        silent = set(prefixes)
        watch = self.store.watch(dict.fromkeys(prefixes, revision + 1))
        try:
            for prefix in prefixes:
                self.store.put(f'{prefix}key', 'value')
            deadline = time.monotonic() + DEADLINE
            while silent and time.monotonic() < deadline:
                batch = watch.next(0.1)
                silent -= {batch.prefix} if batch else set()
        finally:
            watch.close()
        return silent

    def check(self, count: int) -> None:
        prefixes = [f'{self.prefix}{number}/' for number in range(count)]
        for _ in range(ROUNDS):
            self.assertEqual(set(), self.silent(prefixes))

    def test_two(self) -> None:
        self.check(2)

    def test_four(self) -> None:
        self.check(4)

    def test_eight(self) -> None:
        self.check(8)
