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

from __future__ import annotations

from importlib import metadata
from pathlib import Path
import sys

from esi_worker.tests.unit.packaging import checkout

#: Parts of the package that need more than requirements.txt.
EMBEDDED = checkout.PACKAGE / 'embedded'
TESTS = checkout.PACKAGE / 'tests'
HEAT_PLUGIN = checkout.PACKAGE / 'collector' / 'heat_plugin'
#: They say so where a library of the extra "pollers" is missing.
POLLERS = checkout.PACKAGE / 'collector' / 'pollers'


class RequirementsTest(checkout.CheckoutTest):
    def test_what_the_services_import_is_required(self) -> None:
        modules = [
            path
            for path in checkout.PACKAGE.rglob('*.py')
            if not any(
                path.is_relative_to(other)
                for other in (EMBEDDED, TESTS, HEAT_PLUGIN, POLLERS)
            )
        ]
        declared = checkout.requirements('requirements.txt')
        self.assertEqual({}, _undeclared(modules, set(declared)))

    def test_pollers_may_need_their_extra_as_well(self) -> None:
        declared = {
            *checkout.requirements('requirements.txt'),
            *checkout.extras('pollers'),
        }
        modules = list(POLLERS.rglob('*.py'))
        self.assertEqual({}, _undeclared(modules, declared))

    def test_a_library_of_the_extra_is_imported_on_first_use_only(
        self,
    ) -> None:
        optional = {'lxml', 'ncclient', 'pyasn1', 'pysnmp'}
        for path in POLLERS.rglob('*.py'):
            needed = checkout.imports_on_load(path)
            self.assertEqual(set(), needed & optional, str(path))

    def test_what_the_rest_imports_is_required_somewhere(self) -> None:
        declared = checkout.requirements(
            'requirements.txt', 'test-requirements.txt'
        )
        modules = [
            *checkout.PACKAGE.rglob('*.py'),
            *(checkout.ROOT / 'tools').glob('*.py'),
        ]
        names = {*declared, *checkout.extras()}
        self.assertEqual({}, _undeclared(modules, names))

    def test_pinned_set_fits_the_ranges(self) -> None:
        pins = checkout.requirements('constraints.txt')
        ranges = {
            **checkout.requirements(
                'requirements.txt', 'test-requirements.txt'
            ),
            **checkout.extras(),
        }
        for name, requirement in ranges.items():
            self.assertIn(name, pins, 'run "make lock"')
            (pin,) = pins[name].specifier
            self.assertTrue(
                requirement.specifier.contains(pin.version),
                f'constraints.txt has {pins[name]}, but {requirement} is '
                'required; run "make lock"',
            )

    def test_heat_plugin_can_be_copied_to_a_heat_host(self) -> None:
        for path in HEAT_PLUGIN.glob('*.py'):
            self.assertNotIn('esi_worker', checkout.imports(path), str(path))


def _undeclared(
    modules: list[Path], declared: set[str]
) -> dict[str, list[str]]:
    """Imported packages that no requirement brings, with the importers."""
    providers = metadata.packages_distributions()
    missing: dict[str, list[str]] = {}
    for path in modules:
        for package in checkout.imports(path):
            if package in sys.stdlib_module_names or package == 'esi_worker':
                continue
            names = {checkout.normal(n) for n in providers.get(package, ())}
            if not names & declared:
                importer = str(path.relative_to(checkout.ROOT))
                missing.setdefault(package, []).append(importer)
    return missing
