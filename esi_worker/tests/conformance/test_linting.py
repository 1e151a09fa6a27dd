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

"""The linter on the recorded templates: what it finds, exactly.

Section 11 of the reference of the mapping language names the faults of
this set: local subnets are given the template of logical ports, six of
whose parameters read fields that they lack; their own template is never
chosen and has no ``heat_timeout``, and nothing gives one of its
parameters. Besides, three templates that no type chooses use variables
by names under which nobody gives them.
"""

from __future__ import annotations

from collections.abc import Iterator

from esi_worker import templates
from esi_worker.templates import Severity
from esi_worker.tests.conformance import traces

Row = tuple[str, str, str, str]

_PORT = 'ese_logical_port'
ERRORS: set[Row] = {
    ('unknown-field', _PORT, 'local_subnet', name)
    for name in (
        'device_ip',
        'jinja_port_ids',
        'logical_port_type',
        'logical_port_vlan_id',
        'physical_port_id',
        'virtual_machine_interface_ids',
    )
}
_NEVER_CHOSEN = (
    'common_function',
    'local_subnet',
    'qos_option_aws',
    'qos_option_azure',
    'qos_option_gcp',
    'qos_option_interdc',
    'qos_option_internet',
    'qos_option_vpn',
)
_VARIABLES = ('be_forwarding_class', 'ga_forwarding_class', 'qos_type')
WARNINGS: set[Row] = {
    *(('never-chosen', name, '', '') for name in _NEVER_CHOSEN),
    *(
        ('variable-not-mapped', f'qos_option_{kind}', '', name)
        for kind in ('aws', 'azure', 'gcp')
        for name in _VARIABLES
    ),
}
#: Parameters of networks that nobody has given so far have defaults.
_DEFAULTS = (
    'allow_transit',
    'external',
    'forwarding_mode',
    'route_targets',
    'shared',
)
NOTES: set[Row] = {
    ('no-timeout', 'local_subnet', '', 'heat_timeout'),
    ('only-default', 'local_subnet', '', 'virtual_machine_interface_ids'),
    *(('only-default', 'network', '', name) for name in _DEFAULTS),
}


def rows(
    found: list[templates.Finding], severity: Severity, source: str
) -> Iterator[Row]:
    for each in found:
        if each.severity is severity and source in each.source:
            yield (
                each.rule.id,
                each.template,
                each.resource_type,
                each.parameter,
            )


class RecordedTemplatesTest(traces.TracesTestCase):
    def lint(self, name: str, mappings: str = '') -> list[templates.Finding]:
        self.need(traces.SCHEMAS, name, *filter(None, (mappings,)))
        run = self.folder.run(name, mappings)
        return templates.Linter(run.catalog).lint()

    def check(self, found: list[templates.Finding]) -> None:
        for severity, expected in (
            (Severity.ERROR, ERRORS),
            (Severity.WARNING, WARNINGS),
            (Severity.NOTE, NOTES),
        ):
            self.assertEqual(
                expected, set(rows(found, severity, '/config/')), severity
            )

    def test_the_set_of_2018(self) -> None:
        self.check(self.lint('heat_templates_2018.json'))

    def test_the_set_of_2019(self) -> None:
        self.check(self.lint('heat_templates_2019.json'))

    def test_the_monitoring_set_of_2017_has_no_fault(self) -> None:
        found = self.lint(
            'monitoring_templates_2017.json',
            'two_handlers/template_mappings.json',
        )
        for severity in Severity:
            self.assertEqual(
                [], list(rows(found, severity, '_monitoring')), severity
            )
