// The tables: metrics of the program, thresholds and what was told, traces.

import { $, amount, clock, count, make, plain, say, seconds } from './format.js';

/** Rows of metrics that are shown at once. */
const ROWS = 200;

/** A table whose head sorts it. Rows are kept and moved, so that focus and selection stay. */
export class Sorted {
  constructor(head, body, columns, order) {
    this.body = body;
    this.columns = columns;
    this.order = order;
    this.rows = new Map();
    this.heads = columns.map((column, at) => {
      const button = make('button', { class: 'sort', type: 'button', text: column.label, onclick: () => this.sortBy(at) });
      return make('th', { scope: 'col', class: column.left ? 'left' : null }, button);
    });
    head.replaceChildren(make('tr', {}, ...this.heads));
    this.items = [];
  }

  sortBy(at) {
    this.order = { at, down: this.order.at === at ? !this.order.down : !this.columns[at].left };
    this.show(this.items);
  }

  show(items, most = ROWS) {
    this.items = items;
    const { at, down } = this.order;
    this.heads.forEach((head, of) => {
      if (of === at) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    const key = this.columns[at].key;
    const compare = (one, other) => {
      const [a, b] = [key(one), key(other)];
      // What is not known is last, in both directions.
      if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null) ? 0 : a === null || a === undefined ? 1 : -1;
      const order = typeof a === 'string' ? a.localeCompare(b) : a - b;
      return down ? -order : order;
    };
    const shown = [...items].sort(compare).slice(0, most);
    const kept = new Set(shown.map((item) => item.id));
    for (const [id, row] of this.rows) {
      if (kept.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    shown.forEach((item, place) => {
      let row = this.rows.get(item.id);
      if (!row) {
        const cells = this.columns.map((column) => make(column.head ? 'th' : 'td', { class: column.left ? 'left' : null, scope: column.head ? 'row' : null }));
        this.rows.set(item.id, row = { cells, element: make('tr', {}, ...cells) });
      }
      this.columns.forEach((column, of) => say(row.cells[of], column.text(item)));
      if (this.body.children[place] !== row.element) this.body.insertBefore(row.element, this.body.children[place] ?? null);
    });
  }
}

export class Metrics {
  constructor() {
    const number = (label, key, unit = true) => ({ label, key, text: (series) => amount(key(series), unit ? series.unit : '') });
    // Of a counter these would be of the steps that it grew by.
    const distribution = (field) => (series) => (series.kind === 'counter' ? undefined : series[field]);
    this.table = new Sorted($('metric-head'), $('metric-rows'), [
      { label: 'Metric', head: true, left: true, key: (series) => series.id, text: (series) => plain(series.id, 300) },
      number('Last', (series) => series.last),
      number('Count', (series) => series.count, false),
      number('p50', distribution('p50')),
      number('p90', distribution('p90')),
      number('p99', distribution('p99')),
      number('Highest', distribution('max')),
    ], { at: 0, down: false });
    this.series = new Map();
    this.wanted = '';
    $('metric-filter').addEventListener('input', (event) => {
      this.wanted = event.target.value.trim().toLowerCase();
      this.show();
    });
  }

  /** What has changed of the series, by title; `about` says the kind and the unit of a metric. */
  take(recorded, about) {
    for (const [id, numbers] of Object.entries(recorded)) {
      if (numbers === null) this.series.delete(id);
      else this.series.set(id, { ...this.series.get(id), ...numbers, ...about(id.split('{')[0]), id });
    }
  }

  /** The series of a metric. */
  of(name) {
    return [...this.series.values()].filter((series) => series.id.split('{')[0] === name);
  }

  /** Another process may have others. */
  clear() {
    this.series.clear();
  }

  matches(text) {
    return text.toLowerCase().includes(this.wanted);
  }

  show() {
    const all = [...this.series.values()];
    const found = this.wanted ? all.filter((series) => this.matches(series.id)) : all;
    $('metrics-empty').hidden = all.length > 0;
    $('metric-scroller').hidden = all.length === 0;
    this.table.show(found);
    const left = found.length - Math.min(found.length, ROWS);
    const more = $('metric-more');
    more.hidden = all.length === 0 || (left === 0 && found.length > 0);
    say(more, found.length === 0 ? 'No metric has this in its name or labels.' : `${count(left)} more: the filter finds them.`);
  }
}

export class Alerts {
  /** Where each threshold stands, by what it watches. */
  take(thresholds, total) {
    const all = Object.entries(thresholds).map(([metric, threshold]) => ({ metric, ...threshold }));
    $('alerts-empty').hidden = all.length > 0;
    $('threshold-scroller').hidden = all.length === 0;
    const rank = { firing: 0, pending: 1, ok: 2 };
    const state = (threshold) => (threshold.firing ? 'firing' : threshold.pending ? 'pending' : 'ok');
    all.sort((one, other) => rank[state(one)] - rank[state(other)] || one.metric.localeCompare(other.metric));
    $('threshold-rows').replaceChildren(...all.slice(0, ROWS).map((threshold) => {
      const is = state(threshold), { unit } = threshold;
      const sign = threshold.below ? '<' : '>';
      return make('tr', { class: is },
        make('th', { scope: 'row', class: 'left', text: plain(threshold.metric, 300) }),
        make('td', { class: 'left' }, make('span', { class: `pill ${is}`, text: is })),
        make('td', { text: amount(threshold.value, unit) }),
        make('td', { text: `${sign} ${amount(threshold.threshold, unit)}` }),
        make('td', { text: threshold.critical === undefined ? '' : `${sign} ${amount(threshold.critical, unit)}` }));
    }));
    const firing = all.filter((threshold) => threshold.firing).length;
    $('firing').hidden = firing === 0;
    say($('firing'), String(firing));
    document.title = `${firing ? `(${firing}) ` : ''}${$('host').textContent}`;
    say($('alert-total'), total ? `${count(total)} since the monitor was made` : '');
  }

  /** Begins with those that the monitor remembers, oldest first. */
  begin(alerts) {
    $('alert-history').replaceChildren();
    this.tell(alerts);
  }

  /** Puts new ones on top. */
  tell(alerts) {
    const list = $('alert-history');
    for (const alert of alerts) {
      const labels = Object.entries(alert.labels ?? {}).map(([name, value]) => `${plain(name, 60)}=${plain(value, 80)}`).join(' ');
      const tone = alert.state === 'resolved' ? 'ok' : alert.level;
      list.prepend(make('li', { class: tone },
        make('time', { datetime: new Date(alert.timestamp * 1e3).toISOString(), text: clock(alert.timestamp) }),
        make('span', { class: `pill ${tone}`, text: alert.state === 'resolved' ? 'resolved' : alert.level }),
        make('span', { class: 'message', text: plain(alert.message, 400) }),
        labels ? make('span', { class: 'quiet', text: labels }) : null));
    }
    while (list.children.length > 100) list.lastChild.remove();
    $('history-title').hidden = list.children.length === 0;
  }
}

export class Traces {
  constructor() {
    const number = (label, key, text = seconds) => ({ label, key, text: (item) => (key(item) === null || key(item) === undefined ? '–' : text(key(item))) });
    this.table = new Sorted($('trace-head'), $('trace-rows'), [
      { label: 'Operation', head: true, left: true, key: (item) => item.name, text: (item) => plain(item.name) },
      number('Calls', (item) => item.count, count),
      number('Total', (item) => item.total),
      number('Mean', (item) => item.mean),
      number('p50', (item) => item.p50),
      number('p99', (item) => item.p99),
      number('Longest', (item) => item.max),
      number('Not ok', (item) => item.errors, count),
    ], { at: 2, down: true });
  }

  show(profile) {
    this.table.show(profile.operations.map((operation) => ({ id: operation.name, ...operation })), 100);
    const longest = profile.slowest[0]?.duration ?? 1;
    $('slowest').replaceChildren(...profile.slowest.map((trace) => {
      const share = Math.max(0.5, 100 * trace.duration / longest);
      const run = trace.run === null || trace.run === undefined ? null : `ran ${seconds(trace.run)}, waited ${seconds(trace.duration - trace.run)}`;
      const bar = make('span', { class: 'bar-of', role: 'presentation' });
      const part = make('i');
      // Through the object model: the page's policy forbids it in markup.
      part.style.width = `${share}%`;
      bar.append(part);
      return make('li', {},
        make('span', { class: 'name', text: plain(trace.name) }), bar,
        make('span', { class: 'long', text: seconds(trace.duration) }),
        make('span', { class: 'quiet', text: [clock(trace.started), trace.status === 'ok' ? null : trace.status, run].filter(Boolean).join(' · ') }));
    }));
  }
}
