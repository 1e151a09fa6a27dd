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

"""What the traces must confirm, one function per kind of record.

Each check yields a finding per record and rule. Parameters are compared
by name and their resources as sets: the recorded orders depend on the
hashes of Python 2, and some lists hold copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
import dataclasses
from typing import Any

from esi_worker import exceptions, templates
from esi_worker.drivers import Plan, with_previous
from esi_worker.mapping import Choice
from esi_worker.model import Action, Param, PublishedState, ResourceRef
from esi_worker.tests.conformance import comparing, published, stories
from esi_worker.tests.conformance.traces import (
    SCHEMAS,
    TEMPLATES_2018,
    Known,
    Run,
    Traces,
    UnknownKey,
)

CHOICE = 'template choice'
PARAMS = 'params'
REFERENCES = 'references'
RENDERING = 'rendering'
DEPENDENCY = 'dependency'
STATES = 'state records'
RELATIONS = 'relations'
RULES = (
    CHOICE,
    PARAMS,
    REFERENCES,
    DEPENDENCY,
    RENDERING,
    STATES,
    RELATIONS,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One record against one rule.

    ``mismatch`` is empty for a match; ``skipped`` says why a record
    cannot be compared.
    """

    scenario: str
    rule: str
    record: str
    mismatch: str = ''
    skipped: str = ''


Check = Callable[[Traces], Iterator[Finding]]


def _fair(findings: Iterable[Finding], absent: str) -> Iterator[Finding]:
    """A difference says nothing where files are absent.

    :param absent: which ones, if any
    """
    for finding in findings:
        if absent and finding.mismatch:
            finding = dataclasses.replace(finding, mismatch='', skipped=absent)
        yield finding


def jobs(traces: Traces) -> Iterator[Finding]:
    """``jobs/``: configs and the jobs of one handler."""
    for scenario in traces.scenarios('jobs'):
        for record in traces.lines(f'jobs/{scenario}.jsonl'):
            file = record['templates_file']
            yield from _fair(
                _job(traces.run(file), scenario, record),
                traces.lacking(SCHEMAS, file),
            )


def _job(run: Run, scenario: str, record: Any) -> Iterator[Finding]:
    try:
        read = recorded(run, record)
    except UnknownKey as error:
        yield from _failed(scenario, record['job_key'], error)
    else:
        yield from one_job(run, scenario, read)


def _failed(scenario: str, key: str, error: Exception) -> Iterator[Finding]:
    for rule in (CHOICE, PARAMS, REFERENCES):
        yield Finding(scenario, rule, key, str(error))


def two_handlers(traces: Traces) -> Iterator[Finding]:
    """``two_handlers/``: the jobs of Heat and of monitoring."""
    for scenario in traces.scenarios('two_handlers'):
        absent = traces.lacking(*traces.two_handlers_files(scenario))
        yield from _fair(_two_handlers(traces, scenario), absent)


def _two_handlers(traces: Traces, scenario: str) -> Iterator[Finding]:
    run = traces.two_handlers(scenario)
    records = list(traces.lines(f'two_handlers/{scenario}.jsonl'))
    views = _views(records)
    for record in records:
        if not (record['context_complete'] and record['template_known']):
            yield from _skip(scenario, record['job_key'])
            continue
        yield from one_job(
            run,
            scenario,
            Recorded(
                key=record['job_key'],
                job=record['job_value'],
                template_ids=(record['template_id'],),
                config_key=record['config_key'],
                config=record['config_value'],
                previous=record['old_config_value'],
                view=views[tuple(record['workflow'])],
            ),
        )


def _skip(scenario: str, key: str) -> Iterator[Finding]:
    reason = 'it refers to resources of a run that is not recorded'
    for rule in (CHOICE, PARAMS, REFERENCES):
        yield Finding(scenario, rule, key, skipped=reason)


def _views(records: Sequence[Any]) -> dict[tuple[str, ...], Known]:
    """What each workflow saw: the contexts of its jobs together."""
    seen: dict[tuple[str, ...], dict[ResourceRef, Any]] = {}
    for record in records:
        bodies = seen.setdefault(tuple(record['workflow']), {})
        for name, body in record['context'].items():
            bodies[ResourceRef(*name.split(':', 1))] = body
    return {workflow: Known(bodies) for workflow, bodies in seen.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded job with everything it was made from."""

    key: str
    job: Any
    template_ids: tuple[str, ...]
    config_key: str
    config: Any
    previous: Any
    view: Known


def recorded(run: Run, record: Any) -> Recorded:
    """One line of ``jobs/``."""
    return Recorded(
        key=record['job_key'],
        job=record['job_value'],
        template_ids=tuple(record['templates']),
        config_key=record['config_key'],
        config=record['config_value'],
        previous=record['previous_config_value'],
        view=run.known(record['known_resources_needed']),
    )


def one_job(run: Run, scenario: str, record: Recorded) -> Iterator[Finding]:
    """Template, parameters and references of a recorded job."""
    try:
        params, chosen = _plan(run, record)
    except exceptions.EsiWorkerError as error:
        yield from _failed(scenario, record.key, error)
        return
    found = '' if chosen in record.template_ids else f'chose {chosen}'
    yield Finding(scenario, CHOICE, record.key, found)
    ours = {param.name: param.to_json() for param in params}
    theirs = {param['param']: param for param in record.job[1]['params']}
    for rule, view in (
        (PARAMS, comparing.value),
        (REFERENCES, comparing.references),
    ):
        found = comparing.differences(ours, theirs, view)
        yield Finding(scenario, rule, record.key, found)


def _plan(run: Run, record: Recorded) -> tuple[tuple[Param, ...], str | None]:
    """The parameters and the template of a recorded job."""
    handler, action = record.job[0], Action(record.job[1]['action'])
    current = run.resource(record.config_key, record.config)
    plan = run.drivers.plan(current, record.view, lenient=action.deletes)
    before = Plan()
    if record.previous is not None:
        previous = run.resource(record.config_key, record.previous)
        before = run.drivers.plan(previous, record.view, lenient=True)
    if action is Action.DELETE:
        # Monitoring is taken away as the previous version set it up.
        plan = before
    params, chosen = _of_handler(plan, handler)
    old_params, _ = _of_handler(before, handler)
    return with_previous(params, old_params), chosen


def _of_handler(
    plan: Plan, handler: str
) -> tuple[tuple[Param, ...], str | None]:
    for part in plan.parts:
        if part.handler == handler:
            return part.params, part.template_id
    return (), None


def story(traces: Traces) -> Iterator[Finding]:
    """``story/``: which handlers work on each config write, what they
    wait for, and what is published."""
    for scenario in traces.scenarios('story'):
        absent = traces.lacking(*traces.story_files(scenario))
        yield from _fair(_story(traces, scenario), absent)


def _story(traces: Traces, scenario: str) -> Iterator[Finding]:
    run = traces.story(scenario)
    known = []
    for record in traces.lines(f'story/{scenario}.jsonl'):
        if record.get('config_value') is not None:
            yield _one_write(run, scenario, record)
            if _is_unknown(run, record):
                continue
        known.append(record)
    try:
        for job_id, mismatch in stories.dependency_findings(
            run, scenario, known
        ):
            yield Finding(scenario, DEPENDENCY, job_id, mismatch)
    except exceptions.EsiWorkerError as error:
        yield Finding(scenario, DEPENDENCY, 'all jobs', str(error))
    for key, mismatch in published.findings(known):
        yield Finding(scenario, STATES, key, mismatch)


def _one_write(run: Run, scenario: str, record: Any) -> Finding:
    key = f'{record["config_key"]} version {record["version"]}'
    try:
        resource = run.resource(record['config_key'], record['config_value'])
        chosen = {
            handler
            for handler in run.catalog.handlers
            if run.catalog.choose(
                handler, resource.type.name, resource.body, resource.version
            )
        }
    except exceptions.EsiWorkerError as error:
        return Finding(scenario, CHOICE, key, str(error))
    recorded = {job['handler'] for job in record['workflow']}
    mismatch = '' if chosen == recorded else f'{chosen}, not {recorded}'
    if recorded:
        return Finding(scenario, CHOICE, key, mismatch)
    expected = PublishedState.read_complete(resource.version)
    if PublishedState(**record['state']) != expected:
        mismatch = 'another state'
    return Finding(scenario, STATES, key, mismatch)


def nonworkable(traces: Traces) -> Iterator[Finding]:
    """``nonworkable.jsonl``: configs that make no job."""
    run = traces.run(TEMPLATES_2018)
    for record in traces.lines('nonworkable.jsonl'):
        finding = _without_work(run, record)
        # What our own types say of a config holds without the schemas.
        absent = traces.lacking(SCHEMAS) if _is_unknown(run, record) else ''
        yield from _fair([finding], absent)


def _is_unknown(run: Run, record: Any) -> bool:
    try:
        run.locate(record['config_key'])
    except UnknownKey:
        return True
    return False


def _without_work(run: Run, record: Any) -> Finding:
    expected = PublishedState(**record['expected_state'])
    try:
        resource = run.resource(record['config_key'], record['config_value'])
        plan = run.drivers.plan(resource, Known({}))
    except exceptions.EsiWorkerError as error:
        mismatch = str(error)
    else:
        mismatch = f'a job of {plan.parts[0].handler}' if plan.parts else ''
        if PublishedState.read_complete(resource.version) != expected:
            mismatch = 'another state'
    return Finding(record['scenario'], STATES, record['config_key'], mismatch)


def rendered(traces: Traces) -> Iterator[Finding]:
    """``rendered.jsonl``: texts, to the byte."""
    for record in traces.lines('rendered.jsonl'):
        file = record['templates_file']
        finding = _rendered(traces.run(file).catalog, record)
        yield from _fair([finding], traces.lacking(file))


def _rendered(catalog: templates.TemplateCatalog, record: Any) -> Finding:
    mismatch = ''
    try:
        text = catalog.render(record['template_id'], record['jinja_params'])
    except exceptions.TemplateError as exc:
        mismatch = str(exc)
    else:
        if text != record['rendered']:
            mismatch = 'another text'
    return Finding(
        record['scenario'],
        RENDERING,
        f'{record["template_id"]} for {record["job_key"]}',
        mismatch,
    )


def derived(traces: Traces) -> Iterator[Finding]:
    """``derived_from_schemas.json``: relations and choices."""
    document = traces.document('derived_from_schemas.json')
    if document is not None:
        catalog = traces.run(TEMPLATES_2018).catalog
        yield from _fair(_derived(catalog, document), traces.lacking(SCHEMAS))


def _derived(
    catalog: templates.TemplateCatalog, document: Any
) -> Iterator[Finding]:
    for name, relations in document['relations'].items():
        type_ = catalog.types.get(name)
        ours = None if type_ is None else dict(type_.relations)
        mismatch = '' if ours == relations else f'{ours}'
        yield Finding('schemas', RELATIONS, name, mismatch)
    for handler, by_type in document['template_mappings'].items():
        for name in document['relations']:
            raw = by_type.get(name)
            expected = None
            if raw is not None:
                expected = Choice(handler, name, raw).expression
            choice = catalog.choice(handler, name)
            found = None if choice is None else choice.expression
            mismatch = '' if found == expected else f'{found}'
            yield Finding('schemas', CHOICE, name, mismatch)


#: Checks of other parts, such as the scheduler's, are added here.
CHECKS: tuple[Check, ...] = (
    jobs,
    two_handlers,
    rendered,
    nonworkable,
    story,
    derived,
)
