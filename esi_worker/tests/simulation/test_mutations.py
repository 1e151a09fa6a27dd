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

"""The mistakes that the documentation lists are found."""

from __future__ import annotations

from pathlib import Path

import testtools
from testtools import content

import esi_worker
from esi_worker.tests.simulation import mutations

_PAGE = (
    Path(esi_worker.__file__).parents[1]
    / 'doc/source/contributor/simulation.rst'
)
#: Where else to search when the code has changed and a seed now gives
#: another history.
_MORE = range(600)


def _documented() -> dict[str, tuple[str, int]]:
    """Function and seed by the name of the mistake, from the table."""
    rows = {}
    lines = iter(_PAGE.read_text().splitlines())
    for line in lines:
        if line.startswith('   * - ') and not line.endswith('the mistake'):
            function = next(lines).strip(' -`')
            rows[line[7:]] = function, int(next(lines).strip(' -'))
    return rows


class MutationsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        if not _PAGE.exists():
            self.skipTest('the documentation is not beside the package')

    def test_the_page_lists_every_mutation(self) -> None:
        listed = {name: row[0] for name, row in _documented().items()}
        known = {each.name: each.function for each in mutations.MUTATIONS}
        self.assertEqual(known, listed)

    def test_every_mutation_is_caught(self) -> None:
        documented, moved = _documented(), []
        for mutation in mutations.MUTATIONS:
            seed = documented[mutation.name][1]
            report = mutations.catch(mutation, (seed, *_MORE))
            self.assertIsNotNone(report, f'nothing shows: {mutation.name}')
            if report is not None and report.seed != seed:
                moved.append(f'{mutation.name}: {seed}, now {report.seed}')
        if moved:
            text = '\n'.join((*moved, 'run the mutations, update the page'))
            self.addDetail('report', content.text_content(text))
