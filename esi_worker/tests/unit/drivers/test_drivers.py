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

from collections.abc import Mapping
import dataclasses
import json
from typing import Any

import fixtures
from oslo_config import cfg
import testtools
import yaml

from esi_worker import drivers, exceptions, templates
from esi_worker.drivers import DriverSet, MappingDriver, PortDriver
from esi_worker.mapping import Choice
from esi_worker.model import (
    Config,
    Job,
    ParamType,
    Resource,
    ResourceRef,
    StackRecord,
)
from esi_worker.tests.unit.model import seed

NETWORK = ResourceRef('network', '774acf45-316f-4431-b31b-08770b76d761')
SUBNET = ResourceRef('subnet', 'c2c9520b-026d-444a-8db9-c1cb9d71c130')
TEMPLATES = '/config/v2.0/heat_templates'


class Everything:
    """A view in which every resource exists."""

    def body(self, ref: ResourceRef) -> Mapping[str, Any] | None:
        return {'id': ref.id}


class Nothing:
    """A view in which no other resource exists."""

    def body(self, ref: ResourceRef) -> Mapping[str, Any] | None:
        return None


class DriversTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        self.catalog = templates.load_catalog(conf)
        self.drivers = DriverSet(self.catalog, {'port': PortDriver})
        self.config = Config.decode(seed.CONFIG, seed.text(seed.CONFIG))

    def resource(self, type_: str, body: Mapping[str, Any]) -> Resource:
        known = self.catalog.types.get(type_)
        assert known is not None
        return Resource(known, str(body['id']), Config(body, 3))

    def port(self, **changes: Any) -> Resource:
        return self.resource('port', {**self.config.body, **changes})

    def store(self, template_id: str, **changes: Any) -> None:
        body = {
            'handler': 'heat_worker',
            'template_file': 'text',
            'parameter_mappings': {'name': 'Pname'},
            **changes,
        }
        text = json.dumps({'body': json.dumps(body), 'version': 1})
        self.catalog.put(f'{TEMPLATES}/{template_id}', text)


class PortTest(DriversTest):
    def test_the_recorded_job_is_made_exactly(self) -> None:
        recorded = Job.decode(seed.JOB, seed.text(seed.JOB))
        now = self.drivers.plan(self.port(), Everything())
        before = self.drivers.plan(
            self.port(attached=False), Everything(), lenient=True
        )

        params = drivers.with_previous(
            now.parts[0].params, before.parts[0].params
        )

        self.assertEqual(['heat_worker'], [part.handler for part in now.parts])
        self.assertEqual('port', now.parts[0].template_id)
        self.assertEqual(
            {param.name: param.to_json() for param in recorded.params},
            {param.name: param.to_json() for param in params},
        )

    def test_it_needs_its_network_and_its_subnet(self) -> None:
        plan = self.drivers.plan(self.port(), Everything())
        self.assertEqual({NETWORK, SUBNET}, plan.refs)
        self.assertEqual({NETWORK, SUBNET}, plan.needs)

    def test_a_missing_network_is_named(self) -> None:
        error = self.assertRaises(
            exceptions.MissingReference,
            self.drivers.plan,
            self.port(fixed_ips=[]),
            Nothing(),
        )
        assert isinstance(error, exceptions.MissingReference)
        self.assertEqual(
            NETWORK, ResourceRef(error.resource_type, error.resource_id)
        )

    def test_a_deletion_is_planned_without_its_network(self) -> None:
        plan = self.drivers.plan(self.port(), Nothing(), lenient=True)
        self.assertEqual({NETWORK, SUBNET}, plan.refs)

    def test_a_port_of_the_controller_makes_no_job(self) -> None:
        for owner in ('network:dhcp', 'network:empty'):
            port = self.port(device_owner=owner, fixed_ips='?')
            self.assertFalse(self.drivers.workable(port))
            self.assertEqual((), self.drivers.plan(port, Nothing()).parts)
        workable = ('', None, 'compute:nova', 'x:network:dhcp')
        for other in workable:
            port = self.port(device_owner=other)
            self.assertTrue(self.drivers.workable(port))

    def test_a_gateways_port_waits_for_the_gateway(self) -> None:
        gateway = ResourceRef(
            'gw_interface', str(self.config.body['device_id'])
        )
        port = self.port(device_owner='network:gw_interface')
        plan = self.drivers.plan(port, Everything())
        self.assertIn(gateway, plan.refs)
        self.assertNotIn(gateway, plan.needs)

    def test_addresses_are_checked_before_a_job_exists(self) -> None:
        good: list[Any] = [None, [], [{'subnet_id': 's', 'ip_address': ''}]]
        good.append([{'subnet_id': 's', 'ip_address': 'fe80::1', 'x': 1}])
        for fixed_ips in good:
            self.drivers.plan(self.port(fixed_ips=fixed_ips), Everything())
        bad: dict[str, Any] = {
            'fixed_ips': 'x',
            'fixed_ips[0]': ['x'],
            'fixed_ips[0].subnet_id': [{}],
            'fixed_ips[1].subnet_id': [
                {'subnet_id': 's'},
                {'subnet_id': 's\n  x: y'},
            ],
            'fixed_ips[0].ip_address': [
                {'subnet_id': 's', 'ip_address': '1.2.3'}
            ],
        }
        for place, fixed_ips in bad.items():
            error = self.assertRaises(
                exceptions.MappingError,
                self.drivers.plan,
                self.port(fixed_ips=fixed_ips),
                Everything(),
            )
            self.assertIn(f'the field "{place}"', str(error))
            self.assertIn('port:23464cbc', str(error))

    def test_a_deletion_does_not_check_addresses(self) -> None:
        port = self.port(fixed_ips='x')
        plan = self.drivers.plan(port, Everything(), lenient=True)
        self.assertEqual(1, len(plan.parts))


class ShippedTemplatesTest(DriversTest):
    def _rendered(self, resource: Resource) -> tuple[Any, set[str]]:
        (part,) = self.drivers.plan(resource, Everything()).parts
        jinja = {
            param.name: param.value
            for param in part.params
            if param.name.startswith('jinja_')
        }
        subnets = jinja.get('jinja_subnets') or ()
        if subnets:
            jinja['jinja_subnets'] = [item.value for item in subnets]
        text = self.catalog.render(part.template_id, jinja)
        sent = {param.name for param in part.params} - jinja.keys()
        return yaml.safe_load(text), sent - {'heat_timeout'}

    def test_a_port_has_the_recorded_outputs(self) -> None:
        document, sent = self._rendered(self.port())

        stack = StackRecord.decode(seed.STACK, seed.text(seed.STACK))
        self.assertEqual(
            {item['output_key']: item['description'] for item in stack.output},
            {
                name: output['description']
                for name, output in document['outputs'].items()
            },
        )
        self.assertEqual(set(document['parameters']), sent)
        monitor = document['resources']['vmi_monitor']['properties']
        self.assertEqual('vmi', monitor['field_name'])
        self.assertIn('instance_ip_0', document['resources'])

    def test_only_an_attached_port_is_monitored(self) -> None:
        for changes in ({'attached': False}, {'device_owner': ''}):
            document, _ = self._rendered(self.port(**changes))
            self.assertNotIn('vmi_monitor', document['resources'])
            self.assertNotIn('monitoring_link', document['outputs'])

    def test_a_network_and_a_subnet_are_complete(self) -> None:
        outputs = {
            'network': {'id', 'name', 'fq_name', 'route_targets'},
            'subnet': {
                'id',
                'name',
                'network_id',
                'ip_prefix',
                'default_gateway',
                'ipam',
            },
        }
        for type_, expected in outputs.items():
            body = {'id': 'x', 'network_id': 'n'}
            document, sent = self._rendered(self.resource(type_, body))
            self.assertEqual(expected, set(document['outputs']))
            for name in document['parameters'].keys() - sent:
                self.assertIn('default', document['parameters'][name])
            self.assertEqual(set(), sent - document['parameters'].keys())


class MappingDriverTest(DriversTest):
    def test_each_handler_with_a_template_has_a_part(self) -> None:
        resource = self.resource('network', {'id': 'n'})
        self.store('network', parameter_mappings={'a': {'output_key': 'id'}})

        (part,) = self.drivers.plan(resource, Nothing()).parts

        self.assertEqual(
            ('heat_worker', 'network'), (part.handler, part.template_id)
        )
        self.assertIs(ParamType.OUTPUT_KEY, part.params[0].type)

    def test_a_missing_template_is_an_error(self) -> None:
        choice = Choice('heat_worker', 'port', 'Cghost')
        catalog = templates.TemplateCatalog(
            self.catalog.types, choices={'heat_worker': {'port': choice}}
        )
        error = self.assertRaises(
            exceptions.TemplateNotFound,
            DriverSet(catalog).plan,
            self.port(),
            Everything(),
        )
        self.assertIn('"ghost"', str(error))

    def test_a_template_for_another_handler_is_an_error(self) -> None:
        self.store('network', handler='monitoring')
        resource = self.resource('network', {'id': 'n'})
        error = self.assertRaises(
            exceptions.TemplateError, self.drivers.plan, resource, Nothing()
        )
        self.assertIn('"heat_worker" has chosen it', str(error))

    def test_a_broken_template_does_not_hinder_a_deletion(self) -> None:
        self.store('network', template_file='{{')
        resource = self.resource('network', {'id': 'n'})
        self.assertRaises(
            exceptions.TemplateError, self.drivers.plan, resource, Nothing()
        )

        plan = self.drivers.plan(resource, Nothing(), lenient=True)

        self.assertEqual(
            [('heat_worker', 'network', ())],
            [dataclasses.astuple(part)[:3] for part in plan.parts],
        )


class OtherDriver(MappingDriver):
    """A driver class of somebody else."""


class DriverSetTest(DriversTest):
    def test_the_default_serves_types_without_a_class(self) -> None:
        self.assertIs(MappingDriver, type(self.drivers.driver('network')))
        self.assertIs(PortDriver, type(self.drivers.driver('port')))

    def test_a_type_keeps_its_driver(self) -> None:
        self.assertIs(self.drivers.driver('port'), self.drivers.driver('port'))

    def test_entry_points_bring_classes(self) -> None:
        self._install({'network': OtherDriver})

        loaded = DriverSet.load(self.catalog, cfg.ConfigOpts())

        self.assertIs(OtherDriver, type(loaded.driver('network')))

    def test_a_plugin_of_another_kind_is_refused(self) -> None:
        self._install({'network': object})
        error = self.assertRaises(
            exceptions.PluginError, DriverSet.load, self.catalog
        )
        self.assertIn('"network" of esi_worker.drivers', str(error))

    def _install(self, found: dict[str, Any]) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'esi_worker.plugins.load', lambda group, names=None: found
            )
        )
