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

"""When there is nothing to preview; what there is needs a Heat."""

from __future__ import annotations

import json
import pathlib

import fixtures

from esi_worker.model.codec import Json
from esi_worker.tests.unit.cli import support

DRIVER = """\
type: thing
plural: things
prefix: /v2.0/things
relations: {needs: thing}
choices: {noop: Cthing}
templates:
  thing:
    handler: noop
    file: thing.txt
    parameters:
      name: Pid
      needs: 'Mthing:needs:id'
"""


class PreviewTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        place = folder / 'templates' / 'thing'
        place.mkdir(parents=True)
        (place / 'driver.yaml').write_text(DRIVER)
        (place / 'thing.txt').write_text('text')
        self.config = folder / 'esi-worker.conf'
        self.config.write_text(
            f'[resources]\nhandlers = noop\ntemplate_paths = {place.parent}\n'
        )

    def preview(self, type_: str, id_: str) -> str:
        """Run a preview that fails; gives the error."""
        code = self.run_command(
            '--config-file',
            str(self.config),
            'resource',
            'preview',
            type_,
            id_,
        )
        self.assertEqual(1, code)
        return self.stderr.getvalue()

    def put(self, id_: str, **body: Json) -> None:
        envelope = {'body': json.dumps({'id': id_, **body}), 'version': 1}
        self.store.put(f'/config/v2.0/things/{id_}', json.dumps(envelope))

    def test_unknown_type_names_those_that_are_known(self) -> None:
        error = self.preview('nothing', 'a')
        self.assertIn('"nothing" is no known resource type', error)
        self.assertIn('thing', error)

    def test_resource_without_a_config_is_named(self) -> None:
        self.assertIn('thing:a has no config', self.preview('thing', 'a'))

    def test_unreadable_config_tells_why(self) -> None:
        self.store.put('/config/v2.0/things/a', '{}')
        self.assertIn('"body"', self.preview('thing', 'a'))

    def test_missing_reference_is_told(self) -> None:
        self.put('a', needs='b')
        self.assertIn('b', self.preview('thing', 'a'))

    def test_handler_without_a_preview_says_so(self) -> None:
        self.put('a', needs='a')
        self.assertIn('NoopHandler cannot tell', self.preview('thing', 'a'))
