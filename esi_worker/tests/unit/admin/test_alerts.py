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
"""The file of alert rules fits the metrics and Prometheus."""

from __future__ import annotations

from pathlib import Path
import re
import shutil
import subprocess

import prometheus_client
import yaml

from esi_worker import metrics
from esi_worker.collector import metrics as collecting
from esi_worker.tests.unit.packaging import checkout

RULES = checkout.ROOT / 'etc' / 'esi-worker' / 'prometheus-alerts.yaml'
TABLE = checkout.ROOT / 'doc' / 'source' / 'metrics.rst'
_METRIC = re.compile(r'esi_(?:worker|collector)_\w+')
#: What the suffixes of samples belong to.
_SUFFIX = re.compile(r'_(total|count|sum|bucket|created|info)$')

CASES = Path(__file__).with_name('alerts.test.yaml')


class AlertsTest(checkout.CheckoutTest):
    def promtool(self, *arguments: str) -> None:
        tool = shutil.which('promtool')
        if tool is None:
            self.skipTest(
                'promtool is not installed (Debian package: prometheus)'
            )
        done = subprocess.run(
            [tool, *arguments], capture_output=True, text=True, check=False
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_promtool_accepts_the_rules(self) -> None:
        self.promtool('check', 'rules', str(RULES))

    def test_the_rules_fire_when_they_should(self) -> None:
        self.promtool('test', 'rules', str(CASES))

    def test_every_alert_is_seen_to_fire(self) -> None:
        text = CASES.read_text()
        unseen = {
            rule['alert']
            for group in yaml.safe_load(RULES.read_text())['groups']
            for rule in group['rules']
            if f'alertname="{rule["alert"]}"' not in text
            and f'alertname: {rule["alert"]}\n' not in text
        }
        self.assertEqual(set(), unseen)

    def test_the_rules_ask_for_metrics_that_there_are(self) -> None:
        rules = yaml.safe_load(RULES.read_text())
        used = {
            family(name)
            for group in rules['groups']
            for rule in group['rules']
            for name in _METRIC.findall(rule['expr'])
        }
        self.assertEqual(set(), used - documented())

    def test_every_counted_metric_is_in_the_table(self) -> None:
        declared = {
            family.name
            for family in prometheus_client.REGISTRY.collect()
            if _METRIC.fullmatch(family.name)
        }
        self.assertIn('esi_worker_claims', declared)
        self.assertIn('esi_collector_polls', declared)
        self.assertEqual(set(), declared - documented())
        # Those of the processes themselves are counted there alone.
        ours = {name for name in documented() if 'collector' in name}
        self.assertEqual(set(), ours - declared)
        self.assertTrue((metrics.CLAIMS, collecting.POLLS))


def documented() -> set[str]:
    """The metrics that the page of the documentation names."""
    names = re.findall(r'``(\w+)``', TABLE.read_text())
    return {family(name) for name in names if _METRIC.match(name)}


def family(name: str) -> str:
    """The name of a metric without the suffix of a sample."""
    return _SUFFIX.sub('', name)
