// One chart: lines with a band from the lowest to the highest, gaps where nothing was measured, and words for it all.

import { $, amount, clock, make, say } from './format.js';

const SYNC = 'mtaio';
const BINARY = Array.from({ length: 51 }, (_, at) => 2 ** at);
const DECIMAL = Array.from({ length: 31 }, (_, at) => 10 ** (at - 12)).flatMap((size) => [size, 2 * size, 5 * size]);

/** Units that stand at the axis; others are in the title's hint and beside the value. */
const MARKED = new Set(['%', 'By', 'By/s', 's', 'ms', 'us']);

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--${name}`).trim();
const faint = (name) => `color-mix(in srgb, ${colour(name)} 22%, transparent)`;

export class Chart {
  /**
   * @param panel `{id, title, hint, unit, top, lines: [{name, label, scale}]}`: `top` is the least upper end of the
   * scale.
   * @param view What all charts show: `{from, to, gaps, zoom(from, to), whole()}`.
   */
  constructor(panel, view) {
    this.panel = panel;
    this.view = view;
    this.data = null;
    this.plot = null;
    this.readings = panel.lines.map((line, at) => {
      const value = make('dd', { text: '–' });
      return { value, row: make('div', {}, make('dt', {}, make('i', { class: `swatch c${at + 1}` }), line.label), value) };
    });
    this.at = make('span', { class: 'quiet at' });
    this.box = make('div', { class: 'plot', tabindex: '0', role: 'group' });
    this.element = make('article', { class: 'panel', id: `panel-${panel.id}` },
      make('header', {}, make('h3', { text: panel.title, title: panel.hint }), this.at),
      make('dl', { class: 'readings' }, ...this.readings.map((reading) => reading.row)),
      this.box);
    this.box.addEventListener('keydown', (event) => this.key(event));
    this.box.addEventListener('blur', () => this.plot?.setCursor({ left: -10, top: -10 }, true, true));
  }

  /** Draws what is to be seen; the chart is made when it first has something to draw. */
  draw(seen) {
    const columns = this.panel.lines.map((line) => seen.values.get(line.name));
    const has = columns.map((column) => column.mean.some((value) => value !== null));
    this.element.hidden = !has.some(Boolean);
    if (this.element.hidden) return;
    this.readings.forEach((reading, at) => { reading.row.hidden = !has[at]; });
    this.data = this.broken(seen.times, columns);
    if (!this.plot) this.plot = new window.uPlot(this.options(), this.data, this.box);
    else this.plot.setData(this.data, false);
    this.plot.batch(() => {
      this.plot.setScale('x', { min: this.view.from, max: this.view.to });
    });
    this.read(this.plot.cursor.idx);
  }

  /** The columns of the plot, with a moment of nothing in each gap: a line across it would be a guess. */
  broken(times, columns) {
    const data = [[], ...columns.flatMap(() => [[], [], []])];
    const middles = this.view.gaps.map(([from, to]) => (from + to) / 2);
    let gap = 0;
    times.forEach((time, at) => {
      for (; gap < middles.length && middles[gap] < time; gap++) {
        if (at > 0 && middles[gap] > times[at - 1]) data.forEach((column, of) => column.push(of === 0 ? middles[gap] : null));
      }
      data[0].push(time);
      columns.forEach((column, of) => {
        data[3 * of + 1].push(column.mean[at]);
        data[3 * of + 2].push((column.min ?? column.mean)[at]);
        data[3 * of + 3].push((column.max ?? column.mean)[at]);
      });
    });
    return data;
  }

  options() {
    const { unit, top = 0, lines } = this.panel;
    const axis = { stroke: () => colour('soft'), grid: { stroke: () => colour('faint'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    const series = lines.flatMap((_, at) => [
      { stroke: () => colour(`c${at + 1}`), width: 1.6, points: { show: false }, spanGaps: false },
      { stroke: null, width: 0, points: { show: false } },
      { stroke: null, width: 0, points: { show: false } },
    ]);
    return {
      ...this.size(),
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: SYNC }, drag: { x: true, y: false, setScale: false, dist: 4 }, points: { size: 7 }, y: false },
      scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, (low ?? 0) * 1.08), Math.max(top, (high ?? 0) > 0 ? high * 1.08 : low < 0 ? 0 : 1)] } },
      axes: [
        { ...axis, space: 70, size: 26, values: (_, splits) => splits.map((time) => label(time, this.view.to - this.view.from)), incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800] },
        { ...axis, size: 66, space: 34, incrs: unit.startsWith('By') ? BINARY : DECIMAL, values: (_, splits) => splits.map((value) => amount(value, MARKED.has(unit) ? unit : '')) },
      ],
      series: [{}, ...series],
      bands: lines.map((_, at) => ({ series: [3 * at + 3, 3 * at + 2], fill: () => faint(`c${at + 1}`) })),
      hooks: {
        drawClear: [(plot) => this.shade(plot)],
        setCursor: [(plot) => this.read(plot.cursor.idx)],
        setSelect: [(plot) => {
          const { left, width } = plot.select;
          if (width > 4) this.view.zoom(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        ready: [(plot) => plot.over.addEventListener('dblclick', () => this.view.whole())],
      },
    };
  }

  size() {
    return { width: Math.max(160, this.box.clientWidth), height: 150 };
  }

  resize() {
    if (this.plot && this.size().width !== this.plot.width) this.plot.setSize(this.size());
  }

  /** Hatches the time in which nothing was measured: an empty place could be a line at the bottom. */
  shade(plot) {
    const pen = plot.ctx;
    const { left, top, width, height } = plot.bbox;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    for (const [from, to] of this.view.gaps) {
      const begin = Math.max(left, plot.valToPos(from, 'x', true));
      const end = Math.min(left + width, plot.valToPos(to, 'x', true));
      if (end - begin < 1) continue;
      pen.fillStyle = colour('faint');
      pen.fillRect(begin, top, end - begin, height);
      pen.save();
      pen.beginPath();
      pen.rect(begin, top, end - begin, height);
      pen.clip();
      pen.strokeStyle = colour('line');
      pen.beginPath();
      for (let x = begin - height; x < end; x += 9) {
        pen.moveTo(x, top + height);
        pen.lineTo(x + height, top);
      }
      pen.stroke();
      pen.restore();
    }
    pen.restore();
  }

  /** Says the values at the cursor, or the newest. */
  read(index) {
    const at = index ?? this.data[0].length - 1;
    const { unit, title, lines } = this.panel;
    lines.forEach((_, line) => {
      const [value, low, high] = [1, 2, 3].map((of) => this.data[3 * line + of][at]);
      const isBand = typeof low === 'number' && low !== high;
      say(this.readings[line].value, isBand ? `${amount(value, unit)} (${between(low, high, unit)})` : amount(value, unit));
    });
    say(this.at, index === null || index === undefined ? '' : clock(this.data[0][at]));
    const words = lines.map((line, of) => `${line.label} ${this.readings[of].value.textContent}`);
    this.box.setAttribute('aria-label', `${title}: ${words.join(', ')}`);
    if (document.activeElement === this.box && this.at.textContent) say($('said'), `${this.at.textContent}: ${words.join(', ')}`);
  }

  key(event) {
    if (!this.plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const times = this.data[0];
    const index = this.plot.cursor.idx ?? times.length - 1;
    const middle = times[index], span = this.view.to - this.view.from;
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (by !== undefined) {
      const to = Math.max(0, Math.min(times.length - 1, index + by));
      this.plot.setCursor({ left: this.plot.valToPos(times[to], 'x'), top: 20 }, true, true);
    } else if (event.key === '+' || event.key === '=') this.view.zoom(middle - span / 4, middle + span / 4);
    else if (event.key === '-') this.view.zoom(middle - span, middle + span);
    else if (event.key === 'Escape') this.view.whole();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** From the lowest to the highest, with the unit once where both have the same. */
function between(low, high, unit) {
  const [one, other] = [amount(low, unit), amount(high, unit)];
  const [number, sign] = one.split(' ');
  return sign !== undefined && other.split(' ')[1] === sign ? `${number}–${other}` : `${one}–${other}`;
}

function label(time, span) {
  const date = new Date(time * 1e3);
  const two = (number) => String(number).padStart(2, '0');
  const minute = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (span > 3 * 86400) return `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return span < 600 ? `${minute}:${two(date.getSeconds())}` : minute;
}
