// The page: one stream in, charts and tables out.

import { $, amount, clock, make, plain, say, seconds } from './format.js';
import { Chart } from './chart.js';
import { PANELS, TILES, panelOf } from './panels.js';
import { Store, lowerBound } from './store.js';
import { address, ask, download, follow, merge } from './stream.js';
import { Alerts, Metrics, Traces } from './tables.js';

const RANGES = [[60, '1 min'], [300, '5 min'], [900, '15 min'], [3600, '1 h'], [Infinity, 'all']];
/** Charts of recorded metrics at once; the filter chooses which. */
const MOST_CHARTS = 12;
/** Characters of what the server is asked for at once. */
const MOST_QUESTION = 12_000;
/** Points of what the server is asked for. */
const POINTS = 600;
const FORMATS = [['html', 'a page that works alone'], ['speedscope', 'speedscope'], ['chrome-trace', 'Perfetto, Chrome'], ['collapsed', 'collapsed stacks'], ['json', 'JSON']];

const store = new Store();
const metrics = new Metrics();
const alerts = new Alerts();
const traces = new Traces();
/** What all charts show. `chosen` is a time that somebody has dragged over. */
const view = { from: 0, to: 1, gaps: [], range: 300, chosen: null, paused: null, zoom, whole };
const charts = new Map();
let about = { interval_seconds: 1 };
/** What the server remembers of a time that is longer than what the page keeps. */
let remembered = null;
let numbers = 0;

// ---- what comes in ----

/** What the stream has told until now, put together. */
let known = Object.create(null);

async function begin() {
  try {
    await meet();
  } catch (error) {
    state('gone');
    notice('service', `${error.message}. The page tries again.`);
    setTimeout(begin, 3_000);
    return;
  }
  notice('service', '');
  showTraces();
  follow({ snapshot, patch, alert: (alert) => alerts.tell([alert]), state }, about.interval_seconds);
}

/** Who is served: another process, maybe, than before a break. */
async function meet() {
  about = await ask('api/v1/about');
  say($('host'), plain(about.hostname || 'mtaio monitoring', 80));
  document.title = $('host').textContent;
  say($('version'), `mtaio-monitoring ${about.version}`);
  $('traces').hidden = $('to-traces').hidden = !about.profiler;
}

async function snapshot(all) {
  known = Object.create(null);
  store.latest.clear();
  recorded.clear();
  metrics.clear();
  remembered = null;
  patch(all);
  const [past, told] = await Promise.all([
    recalled({ start: Date.now() / 1e3 - 900, points: 1000 }),
    ask('api/v1/alerts').catch(() => ({ newest: [] })),
    meet().catch(() => {}),
  ]);
  if (past) store.begin(past);
  alerts.begin(told.newest);
  draw();
}

function patch(patch) {
  merge(known, patch);
  const values = { ...patch.values };
  for (const [name, metric] of Object.entries(patch.metrics ?? {})) {
    if (metric === null) {
      recorded.delete(name);
      continue;
    }
    const before = recorded.get(name), { kind, unit } = known.metrics[name];
    // What is declared after it was recorded is another chart.
    if (before?.kind !== kind || before?.unit !== unit) {
      recorded.set(name, { ...known.metrics[name], name, number: numbers++ });
      for (const series of metrics.of(name)) Object.assign(series, { kind, unit });
    }
    for (const aggregate of ['last', 'rate', 'p50', 'p90', 'p99']) {
      if (aggregate in metric) values[`${name}:${aggregate}`] = metric[aggregate];
    }
  }
  if (typeof patch.timestamp === 'number') store.add(patch.timestamp, values);
  else for (const [name, value] of Object.entries(values)) store.latest.set(name, value);
  if (patch.recorded) {
    metrics.take(patch.recorded, (name) => {
      const { kind = '', unit = '' } = known.metrics?.[name] ?? {};
      return { kind, unit };
    });
  }
  if (patch.thresholds || patch.alerts_total !== undefined) alerts.take(known.thresholds ?? {}, known.alerts_total ?? 0);
  if (view.paused === null) drawSoon();
}

/** How the connection is; without a word, as it was. */
let connection = 'waiting';
function state(state = connection) {
  connection = state;
  const words = { waiting: 'connecting', live: 'live', stale: 'nothing new', gone: 'not reachable', paused: 'paused' };
  const shown = view.paused !== null && state === 'live' ? 'paused' : state;
  $('state').dataset.state = shown;
  say($('state'), words[shown]);
  if (state === 'gone') notice('service', 'The service does not answer. The page tries again.');
  else if (state === 'live') notice('service', '');
}

/** Metrics that the program records, by name. */
const recorded = new Map();

/** What is asked of the past: the built-in metrics of the panels, and what is drawn of the program's. */
function names() {
  const measured = PANELS.flatMap((panel) => panel.lines.map((line) => line.name)).filter((name) => store.latest.has(name) || store.columns.has(name));
  const drawn = chosen().flatMap((metric) => panelOf(metric).lines.map((line) => line.name));
  // A question is a line of a request, which the server takes up to 16 KiB of.
  let room = MOST_QUESTION;
  return [...new Set([...measured, ...drawn])].filter((name) => (room -= encodeURIComponent(name).length + 16) > 0);
}

/** A stretch of the past; null where it cannot be had. */
async function recalled(parameters) {
  try {
    const asked = names();
    // What was recorded last is asked for by the name alone.
    const expression = asked.map((name) => name.replace(/:last$/, ''));
    const range = await ask('api/v1/range', { ...parameters, expression });
    const values = Object.fromEntries(asked.map((name, at) => [name, range.columns[at]]));
    notice('past', '');
    return { times: range.times, step_seconds: range.step_seconds, values };
  } catch (error) {
    notice('past', `The past could not be had: ${error.message}`);
    return null;
  }
}

// ---- what is shown ----

function zoom(from, to) {
  if (to - from < 2 * about.interval_seconds) return;
  view.chosen = [from, to];
  remembered = null;
  draw();
}

function whole() {
  view.chosen = null;
  view.paused = null;
  remembered = null;
  $('pause').setAttribute('aria-pressed', 'false');
  say($('pause'), 'Pause');
  state();
  draw();
}

/** Asks for a past that the page has not kept. */
let asking = false;
async function recall() {
  if (asking) return;
  asking = true;
  const [from, to] = span();
  const parameters = { points: POINTS };
  if (Number.isFinite(from)) parameters.start = from;
  if (view.chosen || view.paused !== null) parameters.end = to;
  const wanted = shownNow();
  const past = await recalled(parameters);
  asking = false;
  // Somebody has chosen something else meanwhile: drawing asks for that.
  if (wanted !== shownNow()) return draw();
  if (!past) return;
  remembered = { from: Number.isFinite(from) ? from : past.times[0] ?? to - 60, to, asked: Date.now(), ...past };
  draw();
}

/** What somebody has chosen to see, as a word to compare. */
function shownNow() {
  return JSON.stringify([view.chosen, view.range, view.paused]);
}

function span() {
  if (view.chosen) return view.chosen;
  const to = view.paused ?? store.times.at(-1) ?? Date.now() / 1e3;
  return [to - view.range, to];
}

function draw() {
  let [from, to] = span();
  const isLong = from < (store.times[0] ?? -Infinity) && (view.range > 900 || view.chosen || store.hasTrimmed);
  const step = (to - (Number.isFinite(from) ? from : remembered?.from ?? to)) / POINTS;
  const isOld = remembered && !view.chosen && view.paused === null && Date.now() - remembered.asked > 1e3 * Math.max(5, step);
  if (isLong && (!remembered || isOld)) recall();
  if (!Number.isFinite(from)) from = remembered?.from ?? store.times[0] ?? to - 60;
  if (to - from < 1) from = to - 60;
  view.from = from;
  view.to = to;
  const width = document.querySelector('#grid .plot')?.clientWidth || 400;
  const most = Math.max(60, Math.floor(width / 2));
  const old = isLong && remembered ? remembered : null;
  // The stream tells no more than ten times a second.
  const usual = Math.max(0.1, about.interval_seconds);
  view.gaps = old ? gaps(old.times, from, to, () => old.step_seconds)
    : gaps(store.times, from, to, (time) => (time <= store.past.until ? Math.max(usual, store.past.step) : usual));

  show(PANELS, $('grid'), old, most);
  show(chosen().map(panelOf), $('metric-grid'), old, most);
  badges();
  tiles();
  metrics.show();
  $('live').hidden = view.chosen === null;
  say($('shown'), view.chosen || view.paused !== null ? `${clock(from)} – ${clock(to)}` : `the last ${seconds(to - from)}`);
  for (const [at, button] of [...$('ranges').children].entries()) button.setAttribute('aria-pressed', String(!view.chosen && RANGES[at][0] === view.range));
}

/** With the next frame: never twice for one, and not where nobody looks. */
let waiting = 0;
function drawSoon() {
  waiting ||= requestAnimationFrame(() => {
    waiting = 0;
    draw();
  });
}

/** The metrics of the program that are drawn. */
function chosen() {
  const found = [...recorded.values()].filter((metric) => metrics.matches(metric.name));
  return found.sort((one, other) => one.name.localeCompare(other.name)).slice(0, MOST_CHARTS);
}

function show(panels, grid, old, most) {
  const ids = new Set(panels.map((panel) => `panel-${panel.id}`));
  for (const element of [...grid.children]) {
    if (ids.has(element.id)) continue;
    charts.get(element.id)?.plot?.destroy();
    charts.delete(element.id);
    element.remove();
  }
  panels.forEach((panel, place) => {
    const id = `panel-${panel.id}`;
    let chart = charts.get(id);
    if (!chart) charts.set(id, chart = new Chart(panel, view));
    if (grid.children[place] !== chart.element) grid.insertBefore(chart.element, grid.children[place] ?? null);
    const names = panel.lines.map((line) => line.name);
    chart.draw(old ? past(old, names) : store.seen(names, view.from, view.to, most));
  });
}

function past(old, names) {
  const none = new Array(old.times.length).fill(null);
  const values = new Map(names.map((name) => [name, old.values[name] ?? { mean: none, min: null, max: null }]));
  return { times: old.times, values };
}

/** Where nothing was measured for longer than two steps. Before the first moment of all it is simply blank. */
function gaps(times, from, to, step) {
  const found = [];
  const first = lowerBound(times, from);
  for (let at = Math.max(1, first); at < times.length && times[at - 1] < to; at++) {
    if (times[at] - times[at - 1] > 2.5 * step(times[at])) found.push([times[at - 1], times[at]]);
  }
  return found;
}

/** Where it runs: what the machine has, and what of it the container may use. */
function badges() {
  const of = (name) => store.latest.get(name) ?? null;
  const processors = of('host_cpus_online'), limit = of('container_cpu_limit_cores');
  const words = [
    processors && `${processors} processor${processors === 1 ? '' : 's'}`,
    of('host_memory_total_bytes') && amount(of('host_memory_total_bytes'), 'By'),
    limit !== null && limit < processors && `limit ${amount(limit)} processor${limit === 1 ? '' : 's'}`,
    of('container_memory_limit_bytes') && `limit ${amount(of('container_memory_limit_bytes'), 'By')}`,
    about.pid && `process ${about.pid}`,
  ].filter(Boolean);
  const list = $('badges');
  while (list.children.length > words.length) list.lastChild.remove();
  words.forEach((text, at) => say(list.children[at] ?? list.appendChild(make('li')), text));
}

function tiles() {
  const list = $('tiles');
  for (const [name, words, unit] of TILES) {
    const value = store.latest.get(name);
    let tile = list.querySelector(`[data-metric="${name}"]`);
    if (!tile) {
      tile = make('div', { 'data-metric': name }, make('dt', { text: words }), make('dd'));
      list.append(tile);
    }
    tile.hidden = value === null || value === undefined;
    if (!tile.hidden) say(tile.lastChild, amount(value, unit));
  }
}

async function showTraces() {
  try {
    if (about.profiler) traces.show(await ask('api/v1/operations'));
    notice('traces', '');
  } catch (error) {
    // That another page is just being told of them is nothing to tell.
    if (error.status !== 503) notice('traces', `Traces could not be had: ${error.message}`);
  }
  setTimeout(showTraces, document.hidden || view.paused !== null ? 10_000 : 3_000);
}

/** What a person should know, by whose it is: each takes back its own. */
const notices = new Map();
function notice(whose, text) {
  if (text) notices.set(whose, text);
  else notices.delete(whose);
  $('notice').hidden = notices.size === 0;
  say($('notice'), [...notices.values()].join(' '));
}

// ---- what a person does ----

function pause() {
  view.paused = view.paused === null ? store.times.at(-1) ?? Date.now() / 1e3 : null;
  const isPaused = view.paused !== null;
  $('pause').setAttribute('aria-pressed', String(isPaused));
  say($('pause'), isPaused ? 'Go on' : 'Pause');
  remembered = null;
  state();
  draw();
}

function range(at) {
  view.range = RANGES[at][0];
  view.chosen = null;
  remembered = null;
  draw();
}

$('ranges').append(...RANGES.map(([, words], at) => make('button', { type: 'button', text: words, 'aria-pressed': 'false', onclick: () => range(at) })));
$('pause').addEventListener('click', pause);
$('live').addEventListener('click', whole);
$('help-open').addEventListener('click', () => $('help').showModal());
$('metric-filter').addEventListener('input', draw);
$('trace-page').href = address('profile');
$('downloads').append(...FORMATS.map(([format, words]) => make('li', {}, download('api/v1/profile', { format }, words))));

addEventListener('keydown', (event) => {
  const isTyping = event.target.closest?.('input, textarea, select, dialog, summary, a, button');
  if (event.ctrlKey || event.metaKey || event.altKey || $('help').open) return;
  if (event.key === 'Escape' && event.target === $('metric-filter')) event.target.blur();
  else if (isTyping && (event.target.matches('input, textarea') || event.key === ' ' || event.key === 'Enter')) return;
  else if (event.key === ' ') pause();
  else if (event.key >= '1' && event.key <= String(RANGES.length)) range(Number(event.key) - 1);
  else if (event.key === 'n') whole();
  else if (event.key === '?') $('help').showModal();
  else if (event.key === '/') $('metric-filter').focus();
  else return;
  event.preventDefault();
});

let resizing = 0;
addEventListener('resize', () => {
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(() => {
    for (const chart of charts.values()) chart.resize();
    draw();
  });
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const chart of charts.values()) chart.plot?.redraw(false);
});
begin();
