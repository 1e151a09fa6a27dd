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

"""The ledger, without etcd."""

import pathlib
import tempfile
import unittest

from ledger_handler.handler import GROUP, OPTIONS, LedgerHandler
from oslo_config import cfg

from esi_worker import clock, exceptions, store, templates
from esi_worker.handlers.base import HandlerContext
from esi_worker.mapping import Choice, ParameterMappings
from esi_worker.model import (
    Action,
    Job,
    Param,
    ParamType,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)

TYPE = ResourceType('thing', 'things', '/v2.0/things')
TEMPLATE = templates.Template(
    'thing', 'ledger', ParameterMappings('thing', {}), 'a {{ name }}', 'here'
)


class LedgerTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.claim = 30.0

    def handler(self, folder: str | None = None) -> LedgerHandler:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        conf.register_opts(OPTIONS, group=GROUP)
        conf.set_override('folder', folder or str(self.folder), GROUP)
        catalog = templates.TemplateCatalog(
            TypeRegistry([TYPE]),
            ['ledger'],
            {'ledger': {'thing': Choice('ledger', 'thing', 'Cthing')}},
            [TEMPLATE],
        )
        return LedgerHandler(
            HandlerContext(
                conf,
                store.MemoryStore(),
                store.KeyLayout(),
                catalog,
                clock.ManualClock(),
                lambda: self.claim,
            )
        )

    def job(self, action: Action = Action.CREATE) -> Job:
        return Job(
            'job',
            action,
            'ledger',
            ResourceRef('thing', 't'),
            1,
            (Param('name', ParamType.VALUE, 'bolt'),),
            {'id': 't'},
        )

    def test_it_writes_a_line(self) -> None:
        for _ in range(2):
            self.handler().start(self.job())
            self.assertEqual('a bolt', (self.folder / 'thing_t').read_text())

    def test_it_removes_the_line(self) -> None:
        self.handler().start(self.job())
        for _ in range(2):
            self.handler().start(self.job(Action.DELETE))
            self.assertEqual([], list(self.folder.iterdir()))

    def test_it_writes_nothing_without_a_claim(self) -> None:
        self.claim = 0.0
        with self.assertRaises(exceptions.ClaimLost):
            self.handler().start(self.job())
        self.assertEqual([], list(self.folder.iterdir()))

    def test_a_folder_that_is_away_may_come_back(self) -> None:
        with self.assertRaises(exceptions.TransientError):
            self.handler(str(self.folder / 'gone')).start(self.job())


if __name__ == '__main__':
    unittest.main()
