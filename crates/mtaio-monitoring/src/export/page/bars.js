// The bars of the timeline: what is drawn of one trace, and the words that are said of it.

/** What is drawn on, and what of: the parts of the canvas in pixels, the time that is seen, in nanoseconds. */
const sheet = { width: 0, height: 0, ROW: 20, BAR: 17, GUTTER: 200, HEAD: 0, from: 0, to: 1, chosen: -1, over: -1 };
const pen = $('timeline-canvas').getContext('2d');

let ink = {};
let fills = new Map();
function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  ink = { surface: of('surface'), ground: of('ground'), line: of('line'), faint: of('faint'), text: of('text'), soft: of('soft'), error: of('error'), cancelled: of('cancelled'), accent: of('accent'), mark: of('mark'), run: of('run'), dark: matchMedia('(prefers-color-scheme: dark)').matches, mono: of('mono') };
  fills = new Map();
}

/** The colours of a name: where it ran, and the hatching where it waited. */
function fill(hue) {
  let found = fills.get(hue);
  if (found) return found;
  const [run, wait, line] = ink.dark
    ? [`oklch(.47 .095 ${hue})`, `oklch(.265 .03 ${hue})`, `oklch(.40 .07 ${hue})`]
    : [`oklch(.815 .095 ${hue})`, `oklch(.955 .02 ${hue})`, `oklch(.835 .065 ${hue})`];
  const ratio = devicePixelRatio || 1;
  const side = Math.round(7 * ratio);
  const tile = make('canvas', { width: side, height: side });
  const brush = tile.getContext('2d');
  brush.fillStyle = wait;
  brush.fillRect(0, 0, side, side);
  brush.strokeStyle = line;
  brush.lineWidth = 1.7 * ratio;
  brush.lineCap = 'square';
  for (const shift of [-side, 0, side]) {
    brush.beginPath();
    brush.moveTo(shift, side);
    brush.lineTo(shift + side, 0);
    brush.stroke();
  }
  const hatched = pen.createPattern(tile, 'repeat');
  hatched.setTransform(new DOMMatrix().scale(1 / ratio));
  found = { run, wait, line, hatched };
  fills.set(hue, found);
  return found;
}

const widths = new Map();
/** As much of a text as fits. */
function fit(text, room) {
  let long = widths.get(text);
  if (long === undefined) widths.set(text, long = pen.measureText(text).width);
  if (long <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle; else high = middle - 1;
  }
  return low > 1 ? `${text.slice(0, low)}…` : '';
}

function paintBar(i, left, right, y) {
  const colour = fill(hues[S.name[i]]);
  const status = S.status[i];
  const long = right - left;
  const x = Math.max(left, sheet.GUTTER - 4), end = Math.min(right, sheet.width + 4);
  const run = S.run[i] < 0 ? -1 : S.duration[i] > 0 ? Math.min(1, S.run[i] / S.duration[i]) : 1;
  const turn = left + long * Math.max(run, 0);
  const other = matching && !matching[S.name[i]];
  if (other) pen.globalAlpha = 0.28;
  if (run < 0) {
    pen.fillStyle = colour.wait;
    pen.fillRect(x, y, end - x, sheet.BAR);
    if (long > 3) {
      pen.strokeStyle = colour.line;
      pen.lineWidth = 1;
      pen.strokeRect(x + 0.5, y + 0.5, end - x - 1, sheet.BAR - 1);
    }
  } else {
    if (turn > x) {
      pen.fillStyle = colour.run;
      pen.fillRect(x, y, Math.min(turn, end) - x, sheet.BAR);
    }
    if (turn < end) {
      const begin = Math.max(turn, x);
      if (end - begin > 5) {
        pen.save();
        pen.translate(left, y);
        pen.fillStyle = colour.hatched;
        pen.fillRect(begin - left, 0, end - begin, sheet.BAR);
        pen.restore();
      } else {
        pen.fillStyle = colour.line;
        pen.fillRect(begin, y, end - begin, sheet.BAR);
      }
      // Where it waited it is bounded too, so that neighbours stay apart.
      if (long > 8) {
        pen.fillStyle = colour.line;
        pen.fillRect(begin, y, end - begin, 1);
        pen.fillRect(begin, y + sheet.BAR - 1, end - begin, 1);
        pen.fillRect(end - 1, y, 1, sheet.BAR);
      }
    }
  }
  if (status === OPEN && long > 10 && right <= sheet.width + 4) {
    pen.fillStyle = ink.surface;
    pen.beginPath();
    pen.moveTo(right - 6, y);
    pen.lineTo(right, y);
    pen.lineTo(right, y + sheet.BAR);
    pen.lineTo(right - 6, y + sheet.BAR);
    pen.lineTo(right, y + sheet.BAR / 2);
    pen.fill();
  }
  if (status > 1) paintEnding(status, left, right, x, end, y);
  if (matching && !other) {
    pen.strokeStyle = ink.mark;
    pen.lineWidth = 1.5;
    pen.strokeRect(x + 0.5, y - 0.5, Math.max(1, end - x - 1), sheet.BAR + 1);
  }
  if (i === sheet.chosen || i === sheet.over) {
    pen.strokeStyle = ink.text;
    pen.lineWidth = i === sheet.chosen ? 2 : 1;
    pen.strokeRect(x, y, Math.max(2, end - x), sheet.BAR);
  }
  const sign = status === ERROR ? 13 : status === CANCELLED ? 13 : 0;
  const begin = Math.max(left, sheet.GUTTER) + 4 + (long > 22 && sheet.BAR > 12 ? sign : 0);
  if (end - begin > 22 && sheet.BAR > 12) {
    pen.fillStyle = ink.dark ? '#f5f7fa' : '#14181d';
    const text = fit(nameOf(i) || '(no name)', Math.min(end, sheet.width) - begin - 3);
    if (text) pen.fillText(text, begin, y + sheet.BAR / 2 + 0.5);
  }
  pen.globalAlpha = 1;
}

/** An error has a frame and a cross, a cancelled trace a dashed frame and a bar, an abandoned one a dotted frame. */
function paintEnding(status, left, right, x, end, y) {
  const colour = status === ERROR ? ink.error : status === CANCELLED ? ink.cancelled : ink.text;
  if (right - left < 8) {
    pen.fillStyle = colour;
    const thick = Math.max(2, right - left);
    if (status === ERROR) pen.fillRect(x, y, thick, sheet.BAR);
    // Dashes: what is not an error is told from it without colour.
    else for (let at = 0; at < sheet.BAR; at += 6) pen.fillRect(x, y + at, thick, 3);
    return;
  }
  pen.strokeStyle = colour;
  pen.lineWidth = sheet.BAR > 12 ? 2 : 1.5;
  pen.setLineDash(status === ERROR ? [] : status === CANCELLED ? [5, 3] : [1.5, 3]);
  pen.strokeRect(x + 1, y + 1, end - x - 2, sheet.BAR - 2);
  pen.setLineDash([]);
  if (right - left > 22 && sheet.BAR > 12 && status !== ABANDONED) {
    const at = Math.max(left, sheet.GUTTER) + 10, middle = y + sheet.BAR / 2;
    pen.beginPath();
    if (status === ERROR) {
      pen.moveTo(at - 3.5, middle - 3.5);
      pen.lineTo(at + 3.5, middle + 3.5);
      pen.moveTo(at + 3.5, middle - 3.5);
      pen.lineTo(at - 3.5, middle + 3.5);
    } else {
      pen.moveTo(at - 4, middle);
      pen.lineTo(at + 4, middle);
    }
    pen.stroke();
  }
}

// ---- words ----

/** A moment, in as many digits as its neighbours need to differ. */
function moment(t, step) {
  if (Math.abs(t) < step / 2) return '0';
  const [divisor, unit] = t >= 1e9 ? [1e9, 's'] : t >= 1e6 ? [1e6, 'ms'] : t >= 1e3 ? [1e3, 'µs'] : [1, 'ns'];
  const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / divisor) - 1e-9)));
  return `${(t / divisor).toFixed(digits)} ${unit}`;
}

function facts(i) {
  const [error, metadata] = data.details[i] ?? [];
  const pairs = [
    ['Took', time(S.duration[i])],
    ['Ran', S.run[i] < 0 ? 'not known' : `${time(S.run[i])} · ${percent(S.run[i], S.duration[i])}`],
    ['Waited', S.run[i] < 0 ? null : time(S.duration[i] - S.run[i])],
    ['Status', STATUS[S.status[i]]],
    ['Error', error ? short(error, 300) : null],
    ['Began at', time(starts[i])],
    ['Task', laneName(laneOf(i))],
    ['Parent', parentName(i)],
  ];
  if (metadata) for (const [key, value] of Object.entries(metadata).slice(0, 8)) pairs.push([short(key, 40), short(value)]);
  return pairs;
}
function laneFacts(lane) {
  const [, , created, begin, end, run, steps, status, parent] = data.lanes[lane.id];
  return [
    ['Created', created >= 0 ? names[created] : null],
    ['Lived', end > begin ? time(end - begin) : null],
    ['Ran', run > 0 ? time(run) : null],
    ['Steps', steps > 0 ? count(steps) : null],
    ['Status', status >= 0 ? STATUS[status] : null],
    ['Spawned in', parent >= 0 ? names[parent] : null],
    ['Not ok', lane.failed ? count(lane.failed) : null],
  ];
}

function explain(i) {
  const box = $('detail');
  box.hidden = i < 0;
  if (i < 0) {
    box.replaceChildren();
    $('said').textContent = '';
    return;
  }
  const [error, metadata, cut, stack] = data.details[i] ?? [];
  const lane = laneOf(i);
  const list = make('dl');
  const say = (key, value, tone) => {
    if (value !== null && value !== undefined) list.append(make('div', { class: tone }, make('dt', { text: key }), make('dd', { text: value })));
  };
  say('Took', time(S.duration[i]));
  say('Ran', S.run[i] < 0 ? 'not known' : `${time(S.run[i])} (${percent(S.run[i], S.duration[i])})`);
  if (S.run[i] >= 0) say('Waited', `${time(S.duration[i] - S.run[i])} (${percent(S.duration[i] - S.run[i], S.duration[i])})`);
  say('Status', STATUS[S.status[i]], S.status[i] === ERROR ? 'bad' : S.status[i] > 1 ? 'warn' : null);
  say('Began at', moment(starts[i], Math.max(1, S.duration[i] / 100)));
  say('Memory', bytes(S.memory[i]));
  say('Task', laneName(lane));
  say('Task created', lane[2] >= 0 ? names[lane[2]] : null);
  say('Task spawned in', lane[8] >= 0 ? names[lane[8]] : null);
  say('Thread', data.threads[S.thread[i]] ?? null);
  if (S.parent[i] < 0) say('Parent', parentName(i) ?? 'none');
  for (const [key, text] of [['Error', error], ['Metadata', metadata ? JSON.stringify(metadata, null, 2) : null], ['Metadata, cut off', cut], ['Stack', data.stacks[stack]]]) {
    if (text) list.append(make('div', { class: 'whole' }, make('dt', { text: key }), make('dd', {}, make('pre', { text: plain(text), tabindex: 0, role: 'group', 'aria-label': key }))));
  }
  const tools = make('div', { class: 'tools' });
  tools.append(make('button', { type: 'button', class: 'button', text: 'Zoom to it', onclick: () => choose(i, { zoom: true }) }));
  if (S.parent[i] >= 0) {
    const label = `Parent: ${short(nameOf(S.parent[i]), 60)}`;
    tools.append(make('button', { type: 'button', class: 'button', text: label, onclick: () => choose(S.parent[i], { reveal: true }) }));
  }
  tools.append(make('button', { type: 'button', class: 'button', text: 'Search its name', onclick: () => searchFor(nameOf(i)) }));
  box.replaceChildren(make('h3', { text: nameOf(i) || '(no name)' }), list, tools);
  const ran = S.run[i] < 0 ? '' : `, ran ${time(S.run[i])}, waited ${time(S.duration[i] - S.run[i])}`;
  $('said').textContent = `${nameOf(i)}, took ${time(S.duration[i])}${ran}, ${STATUS[S.status[i]]}, in ${laneName(lane)}`;
}
