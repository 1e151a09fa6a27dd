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

from collections.abc import Iterator
import itertools
import json
from typing import Any

import yaml

from esi_worker.model import ResourceRef
from esi_worker.tests.conformance import shipped, traces

TEMPLATES = traces.TEMPLATES_2019
#: Types of the load-balancer and firewall families that have jobs in
#: the traces.
RECORDED = {
    'network',
    'subnet',
    'port',
    'vnf_instance',
    'load_balancer',
    'load_balancer_conf',
    'load_balancer_interface',
}
#: Those of templates that are not called like their type.
TYPES = {
    'ese_device_existing': 'ese_device',
    'ese_device_new': 'ese_device',
    'ese_physical_port_existing': 'ese_physical_port',
    'ese_physical_port_new': 'ese_physical_port',
    'firewall_config': 'firewall',
}
#: What the mappings of a port look at.
OWNERS = (
    '',
    'network:gw_interface',
    'network:common_function_gateway',
)
#: Renders every branch of every template.
VARIABLES = {
    'jinja_attached': True,
    'jinja_device_owner': 'compute:nova',
    'jinja_fixed_ips': [{'subnet_id': 's', 'ip_address': '10.0.0.3'}],
    'jinja_port_ids': ['p'],
    'jinja_slot_number': 1,
    'jinja_subnets': ['backend'],
}


class ShippedSetTest(traces.TracesTestCase):
    """The shipped set against the traces, with no template in etcd."""

    def assert_matches(self, run: traces.Run) -> None:
        findings = list(shipped.jobs(self.folder, run))
        wrong = [finding for finding in findings if finding.mismatch]
        self.assertEqual([], wrong)
        served = {item.record.split(':')[2] for item in findings}
        there = RECORDED & set(self.recorded_types())
        self.assertEqual(set(), there - served)
        if there != RECORDED:
            self.skipTest(f'no jobs of {sorted(RECORDED - there)}')

    def recorded_types(self) -> Iterator[str]:
        for scenario in self.folder.scenarios('jobs'):
            for record in self.folder.lines(f'jobs/{scenario}.jsonl'):
                yield record['job_value'][1]['resource_type']

    def test_recorded_jobs_with_the_schemas(self) -> None:
        self.need(traces.SCHEMAS)
        self.assert_matches(self.folder.run(''))

    def test_recorded_jobs_with_nothing_but_the_shipped_set(self) -> None:
        # It alone knows every type that the recorded configs have.
        self.need(traces.SCHEMAS)
        self.assert_matches(self.folder.run('', schemas_file=''))

    def test_relations_are_those_of_the_schemas(self) -> None:
        self.need('derived_from_schemas.json')
        ours = self.folder.run('', schemas_file='').catalog.types
        document = self.folder.document('derived_from_schemas.json')
        for name, relations in document['relations'].items():
            type_ = ours.get(name)
            if type_ is not None and name != 'heat_template':
                self.assertEqual(relations, dict(type_.relations), name)

    def test_types_are_those_of_the_schemas(self) -> None:
        self.need(traces.SCHEMAS)
        ours = self.folder.run('', schemas_file='').catalog.types
        for schema in self.folder.document('schemas.json')['schemas']:
            type_ = ours.get(schema['id'])
            if type_ is not None:
                self.assertEqual(
                    (schema['plural'], schema['prefix'].strip('/')),
                    (type_.plural, type_.prefix.strip('/')),
                )


class RecordedTemplatesTest(traces.TracesTestCase):
    """Ours take and give what the recorded templates do."""

    def setUp(self) -> None:
        super().setUp()
        self.need(traces.SCHEMAS, TEMPLATES)
        self.recorded = self.folder.document(TEMPLATES)
        self.catalog = self.folder.run('', schemas_file='').catalog
        self.ids = [
            template.id
            for template in self.catalog.templates()
            if template.handler == 'heat_worker'
        ]

    def test_every_id_is_a_recorded_one(self) -> None:
        self.assertEqual(set(), set(self.ids) - self.recorded.keys())

    def test_mappings(self) -> None:
        recorded = self.folder.run(TEMPLATES).catalog
        for id_, owner in itertools.product(self.ids, OWNERS):
            self.assertEqual(
                evaluated(recorded, id_, owner),
                evaluated(self.catalog, id_, owner),
                id_,
            )

    def test_parameters_and_outputs(self) -> None:
        for id_ in self.ids:
            ours = self.document(self.catalog, id_)
            theirs = self.document(self.folder.run(TEMPLATES).catalog, id_)
            for view in (parameters, outputs, resources):
                self.assertEqual(view(theirs), view(ours), id_)

    def document(self, catalog: Any, id_: str) -> Any:
        return yaml.safe_load(catalog.render(id_, VARIABLES))


class Anything(dict[str, Any]):
    """The body of a resource that has whatever field is read."""

    def __init__(self, label: str, **fields: Any) -> None:
        super().__init__(fields)
        self.label = label

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name, f'{name}-of-{self.label}')


class Everywhere:
    """A view in which every resource exists and has every field."""

    def body(self, ref: ResourceRef) -> Anything:
        return Anything(str(ref))


def evaluated(catalog: Any, id_: str, owner: str) -> Any:
    """The parameters of a template for a resource with every field."""
    type_ = catalog.types.get(TYPES.get(id_, id_))
    body = Anything(
        'it',
        device_owner=owner,
        fixed_ips=[{'subnet_id': 'a'}, {'subnet_id': 'b'}],
        port_ids=['p', 'q'],
    )
    return catalog.get(id_).mappings.evaluate(
        type_, body, 7, Everywhere(), catalog.types, resource_id='it'
    )


def parameters(document: Any) -> Any:
    """Type and default of each parameter."""
    return {
        name: (item['type'], json.dumps(item.get('default')))
        for name, item in document['parameters'].items()
    }


def outputs(document: Any) -> Any:
    return set(document.get('outputs', ()))


def resources(document: Any) -> Any:
    """The types and the names of the properties of the resources."""
    return sorted(
        (item['type'], sorted(item['properties']))
        for item in document['resources'].values()
    )
