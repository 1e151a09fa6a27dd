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

"""``resource reconcile|pause|resume|forget``: asked of the manager."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import ClassVar

from esi_worker.cli import base, naming, requesting
from esi_worker.model import Answer, Request, ResourceRef
from esi_worker.model.codec import Json
from esi_worker.model.requests import REAPPLY
from esi_worker.scheduler.forgetting import FORGET
from esi_worker.scheduler.pausing import PAUSE, RESUME

_TIMEOUT = 30.0


class _Asking(base.ChangeCommand):
    """A command that the elected manager carries out."""

    action: ClassVar[str]
    #: What is going to be done to ``{ref}``.
    plan: ClassVar[str]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        naming.add_argument(parser)
        parser.add_argument(
            '--timeout',
            type=float,
            default=_TIMEOUT,
            metavar='SECONDS',
            help='how long to wait for the manager to take it up (default: '
            '%(default)g)',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        types = self.app.catalog.types
        path = naming.path_of(
            naming.words_of(parsed_args), self.app.keys, types
        )
        ref = naming.ref_of(path, types)
        self.confirm(parsed_args, self.plan.format(ref=ref))
        request = Request(self.action, ref, options=self.options(parsed_args))
        asker = requesting.Asker(self.app.store, self.app.keys)
        with self.recorded(f'resource {self.action}', str(ref)):
            answer = asker.ask_one(request, parsed_args.timeout)
        self.tell(ref, answer)

    def options(self, parsed_args: argparse.Namespace) -> Mapping[str, Json]:
        """What goes with the request."""
        return {}

    def tell(self, ref: ResourceRef, answer: Answer) -> None:
        """Say what has come of it."""
        self.say(f'{self.action} {ref}: done')


class ResourceReconcile(_Asking):
    """Apply the latest config of a resource again.

    With the templates and mappings of now, and whether anything has
    changed or not: what was changed or deleted in Heat by others is put
    right. A stack that is as it was left stays untouched, unless --force
    is given.

    The outcome is published with the version that the resource has. A REST
    server ignores a second state of the same version until the next
    update; so a failure that it shows stays there until then.
    """

    action = REAPPLY
    plan = 'apply the latest config of {ref} again'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--force',
            action='store_true',
            help='update the stack even where it is as it was left, and let '
            'Heat look at what is really there',
        )
        return parser

    def options(self, parsed_args: argparse.Namespace) -> Mapping[str, Json]:
        return {'force': True} if parsed_args.force else {}

    def tell(self, ref: ResourceRef, answer: Answer) -> None:
        for job in answer.jobs:
            self.say(job)


class ResourcePause(_Asking):
    """Let a resource make no new jobs until it is resumed.

    What is running ends, and so do jobs that are in the queue already. The
    resource shows as blocked. Those that refer to it wait with it while
    there is something to do for it.
    """

    action = PAUSE
    plan = 'pause {ref}: changes of its config are not acted on'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('--reason', default='', help='shown to others')
        return parser

    def options(self, parsed_args: argparse.Namespace) -> Mapping[str, Json]:
        return {'reason': parsed_args.reason} if parsed_args.reason else {}


class ResourceResume(_Asking):
    """Let a paused resource go on with its latest config."""

    action = RESUME
    plan = 'resume {ref}: its latest config is acted on'


class ResourceForget(_Asking):
    """Drop all records of a resource without touching its stack.

    Only for a resource whose config is gone. What it has in Heat stays
    there; "stack orphans" lists it.
    """

    action = FORGET
    plan = 'forget {ref}: its records and waiting jobs go, its stack stays'
