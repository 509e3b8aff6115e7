'use strict';
// What the parts of the page share, the facts, the table, the slowest traces. flame.js and timeline.js follow in the
// same script. Names, errors and metadata are other people's text: they reach the page through textContent only.

const $ = (id) => document.getElementById(id);
const STATUS = ['open', 'ok', 'error', 'cancelled', 'abandoned'];
const OPEN = 0, ERROR = 2, CANCELLED = 3, ABANDONED = 4;

/** An element with attributes (`text` and listeners among them) and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'text') element.textContent = value;
    else if (key === 'onclick') element.addEventListener('click', value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

let data;
try {
  data = JSON.parse($('data').textContent);
} catch (error) {
  $('broken').hidden = false;
  $('broken').textContent = `The data of this file cannot be read: it is cut off or was changed (${error.message}).`;
  throw error;
}
/** Characters that turn the text around them, or that nothing shows, as words: no name is to look like another. */
const plain = (text) => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
  (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
const names = data.names.map(plain);

// ---- words and numbers ----

const grouped = new Intl.NumberFormat('en');
const count = (n) => grouped.format(n);
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;

/** Three significant digits of nanoseconds, in the unit that fits. */
function time(ns) {
  if (ns === null || ns === undefined || ns < 0) return '–';
  if (ns === 0) return '0';
  if (ns >= 3600e9) return `${Math.floor(ns / 3600e9)} h ${Math.floor(ns % 3600e9 / 60e9)} min`;
  if (ns >= 60e9) return `${Math.floor(ns / 60e9)} min ${Math.floor(ns % 60e9 / 1e9)} s`;
  const [divisor, unit] = ns >= 999.5e6 ? [1e9, 's'] : ns >= 999.5e3 ? [1e6, 'ms'] : ns >= 999.5 ? [1e3, 'µs'] : [1, 'ns'];
  const value = ns / divisor;
  return `${value.toFixed(unit === 'ns' ? 0 : value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)} ${unit}`;
}

function bytes(n) {
  if (!n) return '0';
  const sign = n < 0 ? '−' : '+';
  let size = Math.abs(n), unit = 0;
  while (size >= 1024 && unit < 4) { size /= 1024; unit++; }
  return `${sign}${size.toFixed(unit === 0 || size >= 100 ? 0 : 1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}

function percent(part, whole) {
  if (!whole) return '–';
  const share = 100 * part / whole;
  return `${share >= 9.95 ? share.toFixed(0) : share >= 0.095 ? share.toFixed(1) : share > 0 ? '<0.1' : '0'} %`;
}

/** The same hue for the same name, in every profile. The reds are left to errors. */
const hues = data.names.map((name) => {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  return 60 + ((hash >>> 8) % 25) * 12;
});

// ---- the traces that the timeline holds: columns, of which `start` and `end` count from the first ----

const S = data.slices;
const TRACES = S.name.length;
const starts = new Float64Array(TRACES), ends = new Float64Array(TRACES);
for (let i = 0, at = 0; i < TRACES; i++) {
  at += S.start[i];
  starts[i] = at;
  ends[i] = at + S.duration[i];
}
const nameOf = (i) => names[S.name[i]];
const laneOf = (i) => data.lanes[S.lane[i]];
/** A parent below -1 is one that the timeline does not hold, and says which name it has. */
function parentName(i) {
  const parent = S.parent[i];
  if (parent >= 0) return nameOf(parent);
  if (parent === -1) return null;
  return names[-2 - parent] ?? 'a trace that is no longer held';
}
function laneName(lane) {
  const name = plain(lane[0]), coroutine = lane[1];
  return coroutine >= 0 && names[coroutine] && names[coroutine] !== name ? `${name} · ${names[coroutine]}` : name;
}
const still = matchMedia('(prefers-reduced-motion: reduce)');
const narrow = matchMedia('(max-width: 760px)');

// ---- search: one word for the table, the flame graph and the timeline ----

let query = '';
/** Whether each name matches; `null` without a search. */
let matching = null;
const searched = [];
function search(text) {
  query = text.trim().toLowerCase();
  matching = query ? names.map((name) => name.toLowerCase().includes(query)) : null;
  for (const show of searched) show();
  const hits = matching ? data.table.name.filter((name) => matching[name]).length : 0;
  $('found').textContent = matching ? plural(hits, 'name') : '';
}
let soon = 0;
$('search').addEventListener('input', () => {
  clearTimeout(soon);
  soon = setTimeout(() => search($('search').value), 80);
});
function searchFor(name) {
  $('search').value = name;
  search(name);
}
addEventListener('keydown', (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '');
  if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    $('search').select();
  }
  if (event.key === 'Escape') hideTip();
});

/** A name, the part that was searched for marked. */
function marked(name) {
  const at = query ? name.toLowerCase().indexOf(query) : -1;
  // Letters whose lower case is longer move what follows them: then the whole name is marked or none of it.
  if (at < 0 || name.toLowerCase().length !== name.length) return [name || '(no name)'];
  return [name.slice(0, at), make('mark', { text: name.slice(at, at + query.length) }), name.slice(at + query.length)];
}

// ---- the tip that follows the pointer, or stands at what has the focus ----

const tip = $('tip');
function showTip(title, pairs, x, y) {
  const list = make('dl');
  for (const [key, value] of pairs) {
    if (value === null || value === undefined || value === '') continue;
    list.append(make('dt', { text: key }), make('dd', { text: value }));
  }
  tip.replaceChildren(make('b', { text: title || '(no name)' }), list);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 14 + width > innerWidth - 8 ? Math.max(8, Math.min(x - width - 14, innerWidth - width - 8)) : x + 14;
  const top = y + 18 + height > innerHeight - 8 ? Math.max(8, y - height - 12) : y + 18;
  tip.style.transform = `translate(${Math.round(left < 8 ? 8 : left)}px, ${Math.round(top)}px)`;
}
function hideTip() {
  tip.hidden = true;
}
addEventListener('scroll', hideTip, { passive: true });

/** Metadata as lines for a tip. */
function short(value, most = 160) {
  const text = plain(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

// ---- the facts above ----

{
  const began = data.start === null ? null : new Date(data.start * 1000);
  const style = { dateStyle: 'long', timeStyle: 'medium' };
  $('when').textContent = began ? `Began ${began.toLocaleString('en-GB', style)}.` : 'Nothing had been traced when this was written.';
  const facts = [
    ['Total time', time(data.total)],
    [data.traces === 1 ? 'Trace' : 'Traces', count(data.traces)],
    ['Names', count(data.table.name.length)],
    [data.tasks === 1 ? 'Task' : 'Tasks', count(data.tasks)],
    ['Errors', count(data.errors), data.errors > 0 && 'bad'],
  ];
  if (data.cancelled) facts.push(['Cancelled', count(data.cancelled), 'warn']);
  if (data.abandoned) facts.push(['Abandoned', count(data.abandoned), 'warn']);
  if (data.open) facts.push(['Still open', count(data.open)]);
  if (data.let_go) facts.push(['Let go', count(data.let_go)]);
  if (data.dropped) facts.push(['Not recorded', count(data.dropped), 'bad']);
  for (const [word, number, tone] of facts) {
    $('facts').append(make('div', { class: tone }, make('dt', { text: word }), make('dd', { text: number })));
  }
  const notices = [];
  if (data.let_go) {
    notices.push(`${plural(data.let_go, 'older trace')} had been let go to bound the memory. The table counts them too; the flame graph and the timeline show the ${count(data.held)} that were held.`);
  }
  if (data.dropped) notices.push(`${plural(data.dropped, 'trace')} could not be recorded, because too many were open at once. Nothing here counts them.`);
  for (const text of notices) $('notices').append(make('li', { text }));
  $('notices').hidden = notices.length === 0;
}

// ---- the table ----

/** A time, and beside it a bar of run and wait as a share of `whole`. */
function gauged(total, run, wait, whole) {
  const bar = make('span', { class: 'gauge', 'aria-hidden': 'true' });
  const known = run !== null && wait !== null && run + wait > 0;
  const width = 100 * total / (whole || 1);
  const ran = known ? width * run / (run + wait) : width;
  bar.append(make('i', { class: !known && 'unknown' }));
  bar.lastChild.style.width = `${ran}%`;
  if (known && wait > 0) {
    bar.append(make('i'));
    bar.lastChild.style.left = `${ran}%`;
    bar.lastChild.style.width = `${width - ran}%`;
  }
  return make('div', { class: 'total' }, bar, make('span', { text: time(total) }));
}

/** Fills the head of a table; a column without `sort` cannot be sorted by. */
function head(table, columns, sortBy) {
  table.tHead.rows[0].replaceChildren(...columns.map(({ label, left, key, title }) => {
    const cell = make('th', { scope: 'col', role: 'columnheader', class: left && 'left', title });
    if (sortBy) cell.append(make('button', { type: 'button', class: 'sort', text: label, onclick: () => sortBy(key) }));
    else cell.textContent = label;
    return cell;
  }));
}

{
  const T = data.table;
  const about = data.exact ? '' : 'about ';
  const columns = [
    { key: 'name', label: 'Name', left: true },
    { key: 'calls', label: 'Calls', show: count },
    { key: 'total', label: 'Total', show: time },
    { key: 'run', label: 'Run', show: time, title: 'Time in which it ran' },
    { key: 'wait', label: 'Wait', show: time, title: 'Time in which it waited for something' },
    { key: 'mean', label: 'Mean', show: time },
    { key: 'p50', label: 'p50', show: time, title: `${about}half of the traces took no longer` },
    { key: 'p90', label: 'p90', show: time, title: `${about}nine of ten traces took no longer` },
    { key: 'p99', label: 'p99', show: time, title: `${about}99 of 100 traces took no longer` },
    { key: 'memory', label: 'Memory', show: bytes, title: 'Change of the resident memory of the process' },
    { key: 'errors', label: 'Errors', show: count },
  ];
  const FEW = 25;
  const table = $('names-table');
  let key = 'total', ascending = false, all = false;
  const most = T.total.reduce((a, b) => Math.max(a, b), 0);
  const collator = new Intl.Collator('en', { numeric: true });
  // Compared once, not at each sort: there may be ten thousand.
  const rank = new Int32Array(T.name.length);
  [...rank.keys()].sort((a, b) => collator.compare(names[T.name[a]], names[T.name[b]])).forEach((row, place) => { rank[row] = place; });

  function sortBy(next) {
    ascending = next === key ? !ascending : next === 'name';
    key = next;
    show();
  }
  function show() {
    const value = key === 'name' ? (row) => rank[row] : (row) => T[key][row];
    const way = ascending ? 1 : -1;
    const rows = [...T.name.keys()].filter((row) => !matching || matching[T.name[row]]);
    // What is not known comes last, whichever way.
    rows.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return (x === null) - (y === null) || rank[a] - rank[b];
      return way * (x - y) || rank[a] - rank[b];
    });
    for (const [i, cell] of [...table.tHead.rows[0].cells].entries()) {
      if (columns[i].key === key) cell.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      else cell.removeAttribute('aria-sort');
    }
    $('names-sort').value = key;
    const shown = all ? rows : rows.slice(0, FEW);
    table.tBodies[0].replaceChildren(...shown.map((row) => make('tr', { role: 'row' }, ...columns.map((column) => cellOf(row, column)))));
    $('names-more').hidden = rows.length <= FEW;
    $('names-more').textContent = all ? `Show the first ${FEW}` : `Show all ${plural(rows.length, 'name')}`;
    $('names-empty').hidden = rows.length > 0;
    $('names-empty').textContent = matching ? 'No name has this in it.' : 'No trace had ended.';
  }
  function cellOf(row, { key: column, label, show: words }) {
    if (column === 'name') {
      const name = names[T.name[row]];
      const button = make('button', { type: 'button', class: 'link', title: 'Search for this name', onclick: () => searchFor(name) });
      button.append(...marked(name));
      return make('td', { class: 'name left', role: 'rowheader' }, button);
    }
    const value = T[column][row];
    const cell = make('td', { role: 'cell', 'data-label': label });
    if (column === 'total') cell.append(gauged(value, T.run[row], T.wait[row], most));
    else cell.textContent = value === null ? '–' : words(value);
    if (column === 'errors') cell.className = value > 0 ? 'bad' : 'quiet';
    return cell;
  }
  head(table, columns, sortBy);
  $('names-sort').append(...columns.map(({ key: value, label }) => make('option', { value, text: label })));
  $('names-sort').addEventListener('change', (event) => { key = ''; sortBy(event.target.value); });
  $('names-more').addEventListener('click', () => { all = !all; show(); });
  $('names-note').textContent = 'Traces that run at once each count their whole time, and all of them see the same change of memory.'
    + (data.open ? ' Traces that are still open are not counted.' : '')
    + (data.exact ? '' : ' Percentiles are within 1.1 %, because not all traces were held.');
  searched.push(show);
  show();
}

// ---- the slowest ----

{
  const SLOWEST = 25;
  const table = $('slowest-table');
  const columns = ['Name', 'Took', 'Run', 'Wait', 'Status', 'Began at', 'Task', ''];
  table.tHead.rows[0].append(...columns.map((label) => {
    const cell = make('th', { scope: 'col', role: 'columnheader', class: /Name|Status|Task/.test(label) && 'left', text: label });
    if (!label) cell.append(make('span', { class: 'hidden', text: 'Where' }));
    return cell;
  }));
  function show() {
    // The few longest of a hundred thousand: a short list that is kept sorted.
    const list = [];
    for (let i = 0; i < TRACES; i++) {
      if (matching && !matching[S.name[i]]) continue;
      if (list.length === SLOWEST && S.duration[i] <= S.duration[list[SLOWEST - 1]]) continue;
      let at = list.length;
      while (at > 0 && S.duration[list[at - 1]] < S.duration[i]) at--;
      list.splice(at, 0, i);
      if (list.length > SLOWEST) list.pop();
    }
    const most = list.length ? S.duration[list[0]] : 0;
    table.tBodies[0].replaceChildren(...list.map((i) => {
      const run = S.run[i] < 0 ? null : S.run[i];
      const wait = run === null ? null : S.duration[i] - run;
      const cell = (label, text, attributes = {}) => make('td', { role: 'cell', 'data-label': label, text, ...attributes });
      const took = make('td', { role: 'cell', 'data-label': 'Took' }, gauged(S.duration[i], run, wait, most));
      const status = STATUS[S.status[i]];
      const tone = S.status[i] === ERROR ? 'bad' : S.status[i] > 1 ? 'warn' : 'quiet';
      const name = make('td', { class: 'name left', role: 'rowheader' });
      name.append(...marked(nameOf(i)));
      const button = make('button', { type: 'button', class: 'button small', text: 'Show', 'aria-label': `Show ${nameOf(i)} in the timeline`, onclick: () => choose(i, { zoom: true, scroll: true }) });
      return make('tr', { role: 'row' }, name, took, cell('Run', time(run)), cell('Wait', time(wait)),
        cell('Status', `${S.status[i] === ERROR ? '✕ ' : ''}${status}`, { class: `left ${tone}` }), cell('Began at', time(starts[i])),
        cell('Task', laneName(laneOf(i)), { class: 'left half task' }), make('td', { role: 'cell' }, button));
    }));
    $('slowest-empty').hidden = list.length > 0;
    $('slowest-empty').textContent = matching ? 'No trace has this in its name.' : 'There is no trace.';
  }
  searched.push(show);
  show();
}
