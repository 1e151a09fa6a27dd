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

"""Errors help, ports stay ours, and the right programs are chosen."""

import os
from pathlib import Path
import signal
import socket
import sys
from unittest import mock

import fixtures
import testtools

from esi_worker.embedded import (
    errors,
    etcd,
    noauth,
    packages,
    ports,
    processes,
    spawning,
)


class ErrorsTest(testtools.TestCase):
    def test_missing_package_says_how_to_get_it(self) -> None:
        error = self.assertRaises(
            errors.ExtraMissing, packages.require, 'no_such_package'
        )
        self.assertIn('pip install esi-worker[embedded]', str(error))

    def test_missing_folder_says_how_to_get_it(self) -> None:
        self.assertRaises(
            errors.ExtraMissing, packages.folder_of, 'no_such_package'
        )

    def test_failure_shows_the_last_lines_only(self) -> None:
        log = Path(self.useFixture(fixtures.TempDir()).path) / 'log'
        log.write_text('\n'.join(f'line-{n}' for n in range(100)))
        error = errors.ServiceFailed('etcd', 'ended', log)
        self.assertIn('line-99', str(error))
        self.assertNotIn('line-50', str(error))
        self.assertIn(str(log), str(error))


class ReservedPortTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.port = ports.ReservedPort()
        self.addCleanup(self.port.close)

    def connect(self) -> None:
        socket.create_connection((ports.LOOPBACK, self.port.number)).close()

    def test_refuses_while_the_service_is_down(self) -> None:
        self.assertRaises(ConnectionRefusedError, self.connect)

    def test_service_may_come_and_go(self) -> None:
        for _ in range(2):
            with socket.create_server((ports.LOOPBACK, self.port.number)):
                self.connect()
            self.assertRaises(ConnectionRefusedError, self.connect)

    def test_two_differ(self) -> None:
        other = ports.ReservedPort()
        self.addCleanup(other.close)
        self.assertNotEqual(self.port.number, other.number)


class EtcdCommandTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.run_dir = Path(self.useFixture(fixtures.TempDir()).path)

    def spec(self, **options: object) -> spawning.Spec:
        server = etcd.EtcdServer(self.run_dir, **options)  # type: ignore[arg-type]
        self.addCleanup(server.close)
        return server._spec()

    def test_argument_wins_over_environment(self) -> None:
        self.useFixture(
            fixtures.EnvironmentVariable(
                etcd.BINARY_VARIABLE, '/from/environment'
            )
        )
        self.assertEqual('/named', self.spec(binary='/named').command[0])
        self.assertEqual('/from/environment', self.spec().command[0])

    def test_settings_of_the_user_do_not_leak_in(self) -> None:
        self.useFixture(fixtures.EnvironmentVariable('ETCD_NAME', 'other'))
        self.assertNotIn('ETCD_NAME', self.spec(binary='/named').env)

    def test_extra_arguments_come_last(self) -> None:
        command = self.spec(binary='/named', extra_args=['--a', '--b']).command
        self.assertEqual(['--a', '--b'], list(command[-2:]))

    def test_client_certificates_only_when_asked_for(self) -> None:
        files = etcd.TlsFiles(Path('ca'), Path('crt'), Path('key'))
        command = self.spec(binary='/named', tls=files).command
        self.assertIn('--cert-file=crt', command)
        self.assertNotIn('--client-cert-auth', command)

    def test_unwritable_binary_is_copied(self) -> None:
        binary = self.run_dir / 'packaged'
        binary.write_text('etcd')
        folder = self.run_dir / 'etcd'
        folder.mkdir()
        with mock.patch.object(Path, 'chmod', side_effect=[OSError, None]):
            made = etcd._made_executable(binary, folder)
        self.assertEqual(folder / 'packaged', made)
        self.assertEqual('etcd', made.read_text())


class Sleeper(processes.ServiceProcess):
    """A process that never answers."""

    name = 'sleeper'
    start_timeout = 0.1
    script = 'import signal; signal.pause()'

    def _spec(self) -> spawning.Spec:
        return spawning.Spec(
            command=[sys.executable, '-c', self.script],
            cwd=self.directory,
            log=self.log_path,
            env=spawning.child_environment(),
        )

    def _answers(self) -> bool:
        return False


class Stubborn(Sleeper):
    """A process that ignores a polite request to stop."""

    stop_timeout = 0.1
    script = (
        'import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);'
        'open("ready", "w").close()\nwhile True: signal.pause()'
    )

    def _answers(self) -> bool:
        return (self.directory / 'ready').exists()


class ServiceProcessTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.run_dir = Path(self.useFixture(fixtures.TempDir()).path)

    def test_one_that_never_answers_is_ended(self) -> None:
        server = Sleeper(self.run_dir)
        self.addCleanup(server.close)
        error = self.assertRaises(errors.ServiceFailed, server.start)
        self.assertIn('did not answer within 0.1 s', str(error))
        pid = int((server.directory / 'pid').read_text())
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_one_that_ends_is_not_waited_for(self) -> None:
        server = Sleeper(self.run_dir)
        self.addCleanup(server.close)
        server.start_timeout = 60
        server.script = 'raise SystemExit("no wish to live")'
        error = self.assertRaises(errors.ServiceFailed, server.start)
        self.assertIn('exit status 1', str(error))
        self.assertIn('no wish to live', str(error))

    def test_one_that_has_ended_by_itself_is_noticed(self) -> None:
        server = Sleeper(self.run_dir)
        self.addCleanup(server.close)
        server.launch()
        server.check()
        server.kill()
        error = self.assertRaises(errors.ServiceFailed, server.check)
        self.assertIn('sleeper has ended (exit status -9)', str(error))

    def test_stubborn_one_is_killed(self) -> None:
        server = Stubborn(self.run_dir)
        self.addCleanup(server.close)
        server.start_timeout = 60
        server.start()
        server.stop()
        self.assertIsNone(server.pid)
        assert server._process is not None
        self.assertEqual(-signal.SIGKILL, server._process.returncode)

    def test_starting_twice_is_starting_once(self) -> None:
        server = Stubborn(self.run_dir)
        self.addCleanup(server.close)
        server.start_timeout = 60
        server.start()
        pid = server.pid
        server.start()
        self.assertEqual(pid, server.pid)


class TenantTest(testtools.TestCase):
    def test_tenant_is_read_from_the_path(self) -> None:
        self.assertEqual('t-1', noauth.tenant_of('/v1/t-1/stacks'))
        self.assertEqual('t-1', noauth.tenant_of('/v1/t-1'))
        self.assertEqual(noauth.NO_TENANT, noauth.tenant_of('/'))
        self.assertEqual(noauth.NO_TENANT, noauth.tenant_of('/v1/'))

    def test_headers_of_the_caller_do_not_count(self) -> None:
        seen = {}

        def application(
            environ: dict[str, object], start_response: object
        ) -> list[bytes]:
            seen.update(environ)
            return []

        noauth.tenant_from_path(application)(
            {
                'PATH_INFO': '/v1/t-1/stacks',
                'HTTP_X_ROLES': 'admin',
                'HTTP_X_PROJECT_ID': 't-2',
            },
            None,
        )
        self.assertEqual(
            ('t-1', 'member,reader'),
            (seen['HTTP_X_PROJECT_ID'], seen['HTTP_X_ROLES']),
        )
