// The one connection: what is known, and then what has changed. It comes back by itself, and says what it is doing.

import { make } from './format.js';

/** Seconds without a word after which the page says that it has grown old, beside two intervals. */
const SILENCE = 5;

export function address(path, parameters = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, values] of Object.entries(parameters)) for (const value of [values].flat()) url.searchParams.append(name, value);
  return url;
}

/** Asks once. Throws what a person can read. */
export async function ask(path, parameters = {}) {
  const response = await fetch(address(path, parameters), { cache: 'no-store' });
  if (response.ok) return response.json();
  const why = await response.json().catch(() => ({}));
  throw Object.assign(new Error(why.error ?? `${path}: ${response.status}`), { status: response.status });
}

/**
 * Follows the stream: `snapshot(all)` when it begins, also after a break, `patch(patch)` for what has changed, `alert(alert)`
 * for each, `state(word)` with "waiting", "live", "stale" or "gone".
 */
export function follow({ snapshot, patch, alert, state }, interval) {
  let source = null, timer = 0, wait = 1;

  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => state('stale'), (SILENCE + 2 * interval) * 1e3);
    state('live');
  };

  const on = (name, told) => source.addEventListener(name, (event) => {
    wait = 1;
    heard();
    told(JSON.parse(event.data));
  });

  const connect = () => {
    source = new EventSource(address('api/v1/stream'));
    on('snapshot', snapshot);
    on('patch', patch);
    on('alert', alert);
    source.addEventListener('error', () => {
      clearTimeout(timer);
      // The browser tries again by itself, unless it was refused.
      state(source.readyState === EventSource.CLOSED ? 'gone' : 'waiting');
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, wait * 1e3);
      wait = Math.min(30, wait * 2);
    });
  };
  connect();
  // A page that is put aside must not hold one of few connections.
  addEventListener('pagehide', () => source.close());
  addEventListener('pageshow', (event) => { if (event.persisted) connect(); });
}

/** Takes a merge patch (RFC 7386) in: null takes away. */
export function merge(target, patch) {
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete target[name];
    else if (typeof value === 'object' && !Array.isArray(value)) target[name] = merge(target[name] ?? Object.create(null), value);
    else target[name] = value;
  }
  return target;
}

/** A link to something that is made when it is asked for. */
export function download(path, parameters, words) {
  return make('a', { href: address(path, parameters), download: '', text: words });
}
