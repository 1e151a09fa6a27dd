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

import re
import shutil
import subprocess
import tempfile

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

CASE = """\
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: esi_worker_leader{{instance="a"}}
        values: 1 1 1 0 0 0 0
      - series: esi_worker_resources{{type="port",state="blocked"}}
        values: 2x60
    alert_rule_test:
      - alertname: EsiWorkerNoLeader
        eval_time: 2m
        exp_alerts: []
      - alertname: EsiWorkerNoLeader
        eval_time: 6m
        exp_alerts:
          - exp_labels: {{severity: critical}}
            exp_annotations:
              summary: >-
                No manager leads, so no change in /config is acted on.
              action: >-
                See that an esi-worker of the role manager or all runs and that
                its /readyz is true; its log names why it is not elected.
      - alertname: EsiWorkerResourcesBlocked
        eval_time: 45m
        exp_alerts:
          - exp_labels: {{severity: warning}}
            exp_annotations:
              summary: 2 resources are blocked.
              action: >-
                See the reasons with "esi-worker-manage resource list --state
                blocked".
  - interval: 1m
    input_series:
      - series: esi_collector_partitions{{instance="a"}}
        values: 128x10 _x10
      - series: esi_collector_partitions{{instance="b"}}
        values: 128x30 _x60
      - series: esi_worker_ready{{instance="a"}}
        values: 1x10 _x10
      - series: esi_worker_ready{{instance="b"}}
        values: 1x20 0x9 _x60
    alert_rule_test:
      - alertname: EsiCollectorPartsNotPolled
        eval_time: 9m
        exp_alerts: []
      - alertname: EsiCollectorPartsNotPolled
        eval_time: 20m
        exp_alerts:
          - exp_labels: {{severity: critical}}
            exp_annotations:
              summary: >-
                Only 128 of 256 parts of the monitoring targets have a
                collector that is up and ready.
              action: &parts >-
                Start esi-collector; where one runs, its /readyz tells why it
                does not poll.
      - alertname: EsiCollectorPartsNotPolled
        eval_time: 29m
        exp_alerts: &nothing
          - exp_labels: {{severity: critical}}
            exp_annotations:
              summary: >-
                Only 0 of 256 parts of the monitoring targets have a
                collector that is up and ready.
              action: *parts
      - alertname: EsiCollectorPartsNotPolled
        eval_time: 60m
        exp_alerts: *nothing
  - interval: 1m
    input_series:
      - series: >-
          esi_collector_poll_lateness_seconds_bucket{{instance="a",
          lane="fast",le="5"}}
        values: 0+90x60
      - series: >-
          esi_collector_poll_lateness_seconds_bucket{{instance="a",
          lane="fast",le="+Inf"}}
        values: 0+100x60
      - series: >-
          esi_collector_poll_lateness_seconds_bucket{{instance="b",
          lane="fast",le="5"}}
        values: 0+50x60
      - series: >-
          esi_collector_poll_lateness_seconds_bucket{{instance="b",
          lane="fast",le="10"}}
        values: 0+100x60
      - series: >-
          esi_collector_poll_lateness_seconds_bucket{{instance="b",
          lane="fast",le="+Inf"}}
        values: 0+100x60
      - series: >-
          esi_collector_publication_failures_total{{instance="a",
          syncer="etcd"}}
        values: 0+1x60
      - series: >-
          esi_collector_publication_failures_total{{instance="a",
          syncer="prometheus"}}
        values: 4x60
    alert_rule_test:
      - alertname: EsiCollectorPollsLate
        eval_time: 30m
        exp_alerts:
          - exp_labels: {{severity: warning, instance: b}}
            exp_annotations:
              summary: >-
                A tenth of the polls of b begin more than five seconds late.
              action: >-
                Start another collector, or raise poll_threads or
                poll_interval.
      - alertname: EsiCollectorCannotPublish
        eval_time: 30m
        exp_alerts:
          - exp_labels: {{severity: warning, instance: a, syncer: etcd}}
            exp_annotations:
              summary: a cannot publish values to etcd.
              action: >-
                See sync_errors of GET /targets/{{id}} and the log of the
                collector.
"""


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
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as case:
            case.write(CASE.format(rules=RULES))
            case.flush()
            self.promtool('test', 'rules', case.name)

    def test_the_rules_ask_for_metrics_that_there_are(self) -> None:
        rules = yaml.safe_load(RULES.read_text())
        used = {
            _SUFFIX.sub('', name)
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
        self.assertTrue((metrics.CLAIMS, collecting.POLLS))


def documented() -> set[str]:
    """The metrics that the page of the documentation names."""
    names = re.findall(r'``(\w+)``', TABLE.read_text())
    return {_SUFFIX.sub('', name) for name in names if _METRIC.match(name)}
