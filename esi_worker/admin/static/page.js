// The page: fetches JSON, builds elements. Text is only ever set as text.
'use strict';

const INTERVAL = 5000;
const NS = 'http://www.w3.org/2000/svg';
const $ = (id) => document.getElementById(id);
const VIEWS = ['resources', 'graph', 'workers', 'errors'];
let shown = '';
let turn = 0;

function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function drawn(name, attributes = {}, ...children) {
  return fill(document.createElementNS(NS, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((each) => each !== null));
  return node;
}

async function get(name, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const answer = await fetch(`/api/${name}?${new URLSearchParams(given)}`);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.description || answer.statusText);
  }
  return answer.json();
}

// '#/resources?search=x' -> {view: 'resources', query: {search: 'x'}}
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  return {
    view: path || 'resources',
    query: Object.fromEntries(new URLSearchParams(query || '')),
  };
}

function address(view, query) {
  const given = Object.entries(query).filter(([, value]) => value);
  return `#/${view}?${new URLSearchParams(given)}`;
}

const toResource = (path) => address('resource', { path });

function state(word) {
  return element('span', { class: `state ${word}` }, word);
}

function table(caption, heads, lines) {
  const head = element('tr', {},
    ...heads.map((text) => element('th', { scope: 'col' }, text)));
  const body = lines.map((cells) => element('tr', {},
    ...cells.map((cell) => element('td',
      { class: `${cell}`.includes(' ') ? 'text' : null }, cell ?? ''))));
  return element('div', { class: 'scroll' }, element('table', {},
    element('caption', {}, caption),
    element('thead', {}, head), element('tbody', {}, ...body)));
}

function pager(view, query, data) {
  const to = (page, text, rel) => element('a',
    { href: address(view, { ...query, page }), rel, id: `page-${rel}` }, text);
  return element('p', { class: 'pager' },
    data.page > 1 ? to(data.page - 1, 'Previous page', 'prev') : null,
    ` Page ${data.page} of ${data.pages} `,
    data.page < data.pages ? to(data.page + 1, 'Next page', 'next') : null);
}

function filters(view, query, selects) {
  const search = element('input', {
    type: 'search', id: 'search', value: query.search || '',
    placeholder: 'part of a name or an id',
  });
  const form = element('form', { class: 'filters', role: 'search' },
    element('label', {}, 'Search', search));
  for (const [name, title, words] of selects) {
    const select = element('select', { id: `filter-${name}` },
      element('option', { value: '' }, 'all'),
      ...words.map((word) => element('option', { value: word }, word)));
    select.value = query[name] || '';
    select.addEventListener('change', () => go({ [name]: select.value }));
    form.append(element('label', {}, title, select));
  }
  function go(change) {
    location.hash = address(view,
      { ...query, search: search.value, page: '', ...change });
  }
  form.addEventListener('submit', (event) => { event.preventDefault(); go({}); });
  search.addEventListener('change', () => go({}));
  return form;
}

const views = {
  async resources(query) {
    const data = await get('resources', query);
    const lines = data.items.map((row) => [
      element('a', { href: toResource(row.path), id: `to-${row.path}` },
        row.name),
      state(row.state),
      `${row.desired ?? ''}${row.deleting ? ' (delete)' : ''}`,
      `${row.published ?? ''}`,
      row.worker_state,
      row.stack_status,
      row.blocked || row.error,
    ]);
    return [
      filters('resources', query, [
        ['state', 'State',
          ['pending', 'working', 'blocked', 'failed', 'done']],
        ['type', 'Type', data.types],
      ]),
      table(`${data.total} resources`, ['Resource', 'State', 'Desired',
        'Published', 'Worker state', 'Stack', 'Reason'], lines),
      pager('resources', query, data),
    ];
  },

  async resource(query) {
    const data = await get('resource', query);
    const row = data.resource;
    const facts = element('dl', {});
    const fact = (name, ...value) => facts.append(
      element('dt', {}, name), element('dd', {}, ...value));
    fact('State', state(row.state));
    fact('Versions', `desired ${row.desired ?? '-'}, accepted `
      + `${row.accepted ?? '-'}, published ${row.published ?? '-'}`);
    if (row.deleting) fact('Deletion', 'marked for deletion');
    if (row.worker_state) fact('Worker state', row.worker_state);
    if (row.error) fact('Error', element('span', { class: 'failed' }, row.error));
    if (row.stack_status) {
      fact('Stack', `${row.stack} ${row.stack_status} ${row.stack_reason}`);
    }
    if (row.blocked) fact('Blocked', `${row.blocked} (since ${row.blocked_since})`);
    for (const other of row.waits_for) {
      fact('Waits for', other.path
        ? element('a', { href: toResource(other.path) }, other.name)
        : other.name);
    }
    const steps = data.history.map((line) => element('li',
      { class: line.error ? 'failed' : 'done' },
      element('time', { datetime: line.time }, line.time),
      ` ${line.action} v${line.version} by ${line.handler} `,
      line.error ? element('span', { class: 'failed' }, line.error) : 'done'));
    return [
      element('h2', {}, row.name),
      facts,
      element('h2', {}, 'Timeline'),
      steps.length ? element('ol', { class: 'timeline' }, ...steps)
        : element('p', {}, 'No job has ended yet.'),
      element('h2', {}, 'Unfinished jobs, and who waits for whom'),
      ...picture(data.graph),
    ];
  },

  async graph(query) {
    const data = await get('graph', query);
    return [filters('graph', query, []), ...picture(data)];
  },

  async workers() {
    const data = await get('workers');
    return [
      table(`${data.managers.length} managers`,
        ['Manager', 'Role', 'Host', 'Process', 'Version', 'Since'],
        data.managers.map((each) => [each.id,
          each.elected ? 'elected' : 'standing by', each.host, `${each.pid}`,
          each.version, each.since])),
      table(`${data.workers.length} workers`,
        ['Worker', 'Handlers', 'Jobs', 'Slots free', 'Host', 'Process',
          'Version'],
        data.workers.map((each) => [each.id,
          each.handlers.join(' ') || 'none (it rests)', `${each.jobs}`,
          `${each.free} of ${each.slots}`, each.host, `${each.pid}`,
          each.version])),
    ];
  },

  async errors(query) {
    const data = await get('errors', query);
    return [
      table(`${data.total} problems`, ['Kind', 'Resource', 'Reason', 'Since'],
        data.items.map((each) => [state(each.kind), each.path
          ? element('a', { href: toResource(each.path) }, each.path) : '',
        each.text, each.since])),
      pager('errors', query, data),
    ];
  },
};

// A line over several columns runs between the rows, not through boxes.
function course(x1, y1, x2, y2, across, down) {
  if (x1 - x2 < across) {
    return `M${x1} ${y1} C${x1 - 60} ${y1} ${x2 + 60} ${y2} ${x2} ${y2}`;
  }
  const gap = y1 + down / 2;
  return `M${x1} ${y1} C${x1 - 60} ${y1} ${x1 - 60} ${gap} ${x1 - 110} ${gap} `
    + `L${x2 + 110} ${gap} C${x2 + 60} ${gap} ${x2 + 60} ${y2} ${x2} ${y2}`;
}

// Boxes in columns; an arrow leads to what is waited for.
function picture(data) {
  if (!data.nodes.length) return [element('p', {}, 'Nothing waits.')];
  const [width, height, across, down] = [260, 46, 400, 66];
  const spot = new Map(data.nodes.map((node) => [node.id,
    { x: 12 + node.column * across, y: 12 + node.row * down }]));
  const ends = [...spot.values()];
  const right = Math.max(...ends.map((each) => each.x)) + width + 12;
  const bottom = Math.max(...ends.map((each) => each.y)) + height + 12;
  const svg = drawn('svg', { class: 'graph', width: right, height: bottom,
    role: 'group', 'aria-label': 'Who waits for whom' },
  drawn('defs', {}, drawn('marker', { id: 'arrow', viewBox: '0 0 8 8',
    refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: 'auto' },
  drawn('path', { d: 'M0 0 L8 4 L0 8 z' }))));
  const waits = new Map();
  for (const edge of data.edges) {
    const [from, to] = [spot.get(edge.source), spot.get(edge.target)];
    const [x1, y1] = [from.x, from.y + height / 2];
    const [x2, y2] = [to.x + width, to.y + height / 2];
    svg.append(
      drawn('path', { 'marker-end': 'url(#arrow)',
        d: course(x1, y1, x2, y2, across, down) }),
      drawn('text', { class: 'why', 'text-anchor': 'middle',
        x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 3 }, cut(edge.reason, 26)));
    waits.set(edge.source, [...(waits.get(edge.source) || []), edge]);
  }
  for (const node of data.nodes) {
    const { x, y } = spot.get(node.id);
    const why = (waits.get(node.id) || []).map(
      (edge) => `waits for ${edge.target}: ${edge.reason}`);
    const all = [node.id, node.state, node.reason, node.stuck, ...why]
      .filter((each) => each).join('\n');
    const box = drawn('a', { href: node.path ? toResource(node.path) : null,
      tabindex: 0, 'aria-label': all, id: `node-${node.id}` },
    drawn('title', {}, all),
    drawn('rect', { class: node.stuck ? 'stuck' : node.state, x, y, width,
      height, rx: node.kind === 'job' ? 4 : 20 }),
    drawn('text', { x: x + 10, y: y + 19 }, cut(node.label, 40)),
    drawn('text', { class: 'why', x: x + 10, y: y + 36 },
      cut([node.state, node.stuck || (node.kind === 'job' && node.reason)]
        .filter((each) => each).join(': '), 44)));
    svg.append(box);
  }
  const cutOff = data.shown < data.total
    ? `${data.shown} of ${data.total} are drawn, what is stuck or blocked `
      + 'first; search for the others.'
    : `${data.total} jobs and blocked resources. An arrow leads to what is `
      + 'waited for.';
  return [element('p', {}, cutOff), element('div', { class: 'scroll' }, svg)];
}

const cut = (text, most) => (text.length > most
  ? `${text.slice(0, most - 1)}\u2026` : text);

async function summarise() {
  const data = await get('overview');
  const parts = Object.entries(data.resources)
    .filter(([, count]) => count).map(([word, count]) => `${count} ${word}`);
  const bad = data.resources.failed + data.resources.blocked;
  $('error-count').textContent = bad ? `(${bad})` : '';
  const text = [
    data.leader ? `workers: ${data.workers}` : 'No manager is elected.',
    `resources: ${parts.join(', ') || 'none'}`,
    `jobs: ${Object.values(data.jobs).reduce((a, b) => a + b, 0)}`,
    data.current ? '' : 'OUT OF DATE: etcd cannot be followed',
  ].filter((each) => each).join(' \u00b7 ');
  if ($('summary').textContent !== text) $('summary').textContent = text;
}

// Builds the view anew; what had the focus gets it back.
async function render() {
  const { view, query } = place();
  const mine = ++turn;
  for (const link of document.querySelectorAll('nav a')) {
    const current = link.getAttribute('href') === `#/${view}`;
    if (current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  let parts;
  try {
    await summarise();
    parts = await (views[view] || views.resources)(query);
    $('updated').textContent = `updated ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    if (shown === location.hash) {
      $('updated').textContent = `not updated: ${error.message}`;
      return;
    }
    parts = [element('p', { class: 'problem', role: 'alert' }, error.message)];
  }
  // A later call has begun meanwhile, or somebody is typing.
  const focused = document.activeElement;
  const same = shown === location.hash;
  if (mine !== turn || (same && focused && focused.id === 'search')) return;
  const scroll = document.querySelector('.scroll');
  const left = same && scroll ? scroll.scrollLeft : 0;
  const id = focused ? focused.id : '';
  $('content').replaceChildren(...parts);
  shown = location.hash;
  if (id && document.activeElement === document.body && $(id)) $(id).focus();
  const again = document.querySelector('.scroll');
  if (again) again.scrollLeft = left;
  document.body.dataset.view = view;
}

window.addEventListener('hashchange', render);
window.addEventListener('keydown', (event) => {
  const typing = /INPUT|SELECT|TEXTAREA/.test(event.target.tagName);
  if (typing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === '/' && $('search')) {
    event.preventDefault();
    $('search').focus();
  } else if (event.key >= '1' && event.key <= String(VIEWS.length)) {
    location.hash = `#/${VIEWS[event.key - 1]}`;
  }
});
setInterval(() => {
  if ($('refresh').checked && !document.hidden) render();
}, INTERVAL);
render();
