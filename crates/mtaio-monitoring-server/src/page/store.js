// What is known of the past: a column of values for each metric, as long as the times.

/** Moments that are kept: more is asked for when somebody wants to see it. */
const MOST = 1200;

export class Store {
  constructor() {
    this.times = [];
    this.columns = new Map();
    /** The newest value of each metric; the stream tells only what has changed. */
    this.latest = new Map();
    /** Seconds between two moments of what the server remembered, and until when that was. */
    this.past = { until: -Infinity, step: 0 };
    /** Whether it knew more than it has. */
    this.hasTrimmed = false;
  }

  /** Begins with what the server remembers: `{times, values: {name: {mean, min, max}}}`. */
  begin(range) {
    const last = range.times.at(-1) ?? -Infinity;
    this.past = { until: last, step: range.step_seconds };
    // What the stream has told in the meantime is newer.
    const from = this.times.findIndex((time) => time > last);
    const kept = from < 0 ? [] : this.times.slice(from);
    for (const [name, column] of this.columns) {
      const old = range.values[name]?.mean ?? new Array(range.times.length).fill(null);
      this.columns.set(name, [...old, ...(from < 0 ? [] : column.slice(from))]);
    }
    for (const [name, values] of Object.entries(range.values)) {
      if (!this.columns.has(name)) this.columns.set(name, [...values.mean, ...new Array(kept.length).fill(null)]);
    }
    this.times = [...range.times, ...kept];
    this.trim();
  }

  /** A moment: `values` are those that have changed, and null what is not measured any more. */
  add(time, values) {
    for (const [name, value] of Object.entries(values)) this.latest.set(name, value);
    if (time <= (this.times.at(-1) ?? -Infinity)) return;
    for (const name of this.latest.keys()) {
      if (!this.columns.has(name)) this.columns.set(name, new Array(this.times.length).fill(null));
    }
    this.times.push(time);
    // Also those of which nothing is known now: every column is as long as the times.
    for (const [name, column] of this.columns) column.push(this.latest.get(name) ?? null);
    this.trim();
  }

  trim() {
    // Seldom: taking away from the front moves everything.
    if (this.times.length <= MOST * 1.25) return;
    this.hasTrimmed = true;
    const over = this.times.length - MOST;
    this.times.splice(0, over);
    for (const column of this.columns.values()) column.splice(0, over);
  }

  /** Of each name the mean, the lowest and the highest in as many parts of the time as have room. */
  seen(names, from, to, most) {
    const first = lowerBound(this.times, from);
    const end = lowerBound(this.times, to + 1e-9);
    const size = end - first;
    if (size <= most) {
      const times = this.times.slice(first, end);
      return { times, values: new Map(names.map((name) => [name, same(this.columns.get(name)?.slice(first, end), size)])) };
    }
    const step = (to - from) / most;
    const times = [];
    const edges = [];
    let at = first;
    // Aligned, so that the parts do not flicker while the time moves on.
    for (let begin = Math.floor(from / step) * step; begin < to && at < end; begin += step) {
      const next = lowerBound(this.times, begin + step);
      if (next > at) {
        times.push(begin + step / 2);
        edges.push([at, Math.min(next, end)]);
      }
      at = next;
    }
    return { times, values: new Map(names.map((name) => [name, parts(this.columns.get(name), edges)])) };
  }
}

function same(column, size) {
  const mean = column ?? new Array(size).fill(null);
  return { mean, min: null, max: null };
}

function parts(column, edges) {
  const mean = [], min = [], max = [];
  for (const [from, end] of edges) {
    let sum = 0, number = 0, low = Infinity, high = -Infinity;
    for (let at = from; column && at < end; at++) {
      const value = column[at];
      if (typeof value !== 'number') continue;
      sum += value;
      number += 1;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    mean.push(number ? sum / number : null);
    min.push(number ? low : null);
    max.push(number ? high : null);
  }
  return { mean, min, max };
}

/** The first place whose value is not below. */
export function lowerBound(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}
