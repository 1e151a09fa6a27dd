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

"""``job retry`` and ``job cancel``: asked of the elected manager."""

from __future__ import annotations

import argparse

from esi_worker import exceptions
from esi_worker.admin import rows
from esi_worker.cli import base, naming, requesting
from esi_worker.model import Action, Request, ResourceRef
from esi_worker.model.requests import REAPPLY
from esi_worker.scheduler.calling_off import CANCEL

_TIMEOUT = 30.0
_ACTIONS = frozenset(action.value for action in Action)


class _Asking(base.ChangeCommand):
    """A command that the elected manager carries out."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--timeout',
            type=float,
            default=_TIMEOUT,
            metavar='SECONDS',
            help='how long to wait for the manager to take it up (default: '
            '%(default)g)',
        )
        return parser

    def asker(self) -> requesting.Asker:
        return requesting.Asker(self.app.store, self.app.keys)


class JobRetry(_Asking):
    """Do once more what a job that has failed was to do.

    Takes the id of the job, as logs and "resource history" show it, or the
    resource. New jobs are made for the version that has failed; if there
    is a newer version by now, nothing is done. A job that waits for Heat
    is tried again by itself.

    The outcome is published with the version that the resource has. A REST
    server ignores a second state of the same version until the next
    update; so a failure that it shows stays there until then.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'resource',
            metavar='JOB',
            help='the id of a job that has failed, or its resource: type '
            'and id, or path',
        )
        parser.add_argument(
            'id', nargs='?', metavar='ID', help='its id, after its type'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        ref, version = self._target(naming.words_of(parsed_args))
        text = '' if version is None else f' version {version}'
        self.confirm(parsed_args, f'do the jobs of {ref}{text} again')
        request = Request(REAPPLY, ref, version=version)
        with self.recorded('job retry', f'{ref}{text}'):
            answer = self.asker().ask_one(request, parsed_args.timeout)
        for job in answer.jobs:
            self.say(job)

    def _target(self, words: list[str]) -> tuple[ResourceRef, int | None]:
        types, keys = self.app.catalog.types, self.app.keys
        found = parsed(words[0]) if len(words) == 1 else None
        if found is None:
            path = naming.path_of(words, keys, types)
            return naming.ref_of(path, types), None
        if self.app.store.get(keys.job(words[0])) is not None:
            raise exceptions.TerminalError(
                f'{words[0]} has not ended; "job show" tells what it waits for'
            )
        return found


def parsed(job_id: str) -> tuple[ResourceRef, int] | None:
    """The resource and the version in the id of a job, or None."""
    parts = job_id.split(':')
    if len(parts) < 6 or parts[0] not in _ACTIONS:
        return None
    if not parts[-2].lstrip('-').isdigit():
        return None
    ref = ResourceRef(parts[2], ':'.join(parts[3:-2]))
    return ref, int(parts[-2])


class JobCancel(_Asking):
    """Call an unfinished job off.

    It ends as a failed one: its version is published as failed, and what
    waits for it is cancelled with it, unless a newer version mends that.
    A job that a worker is running is refused unless --force is given:
    then its result is dropped, but what it has begun in Heat goes on
    there, and the next version finds it. The worker does not learn of it
    and may change the stack once more, even after a newer version: drain
    it first, or apply the newer version again later with "resource
    reconcile --force". Of the jobs of one version the first one that has
    not ended is to be called off; the others go with it.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('job', help='the id of the job')
        parser.add_argument(
            '--force',
            action='store_true',
            help='even if a worker is running it',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        job_id = parsed_args.job
        kv = self.app.store.get(self.app.keys.job(job_id))
        if kv is None:
            raise exceptions.TerminalError(
                f'{job_id} is no unfinished job; "job list" names those '
                'there are'
            )
        row = rows.JobRow(job_id)
        rows.take_job(row, kv)
        name, _, resource_id = row.resource.partition(':')
        self.confirm(
            parsed_args,
            f'call off {job_id}; what waits for it is cancelled too',
        )
        request = Request(
            CANCEL,
            ResourceRef(name, resource_id),
            options={'job': job_id, 'force': parsed_args.force},
        )
        with self.recorded('job cancel', job_id):
            self.asker().ask_one(request, parsed_args.timeout)
        self.say(f'called off {job_id}')
