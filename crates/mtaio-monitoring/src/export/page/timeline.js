// The timeline: a lane a task, drawn on a canvas, because a hundred thousand traces are too many elements. What the
// canvas shows is said to a screen reader in words by the trace that the keys choose, and by the list of the slowest.

{
  const scroller = $('timeline-lanes');
  const canvas = $('timeline-canvas');
  const overview = $('timeline-overview');
  const AXIS = 26, PAD = 5;

  const last = Math.max(ends.reduce((a, b) => Math.max(a, b), 0), 1);
  sheet.to = last;
  const { lanes, rowOf } = layRows();

  // ---- which lanes, in what order, how high ----

  let order = [];
  let whole = 0;
  function arrange() {
    // What was seen stays where it is: the chosen trace's lane, or the topmost.
    const anchor = sheet.chosen >= 0 ? lanes[S.lane[sheet.chosen]] : order.length ? order[laneAt(scroller.scrollTop)] : null;
    const above = anchor && anchor.top >= 0 ? anchor.top - scroller.scrollTop : 0;
    const small = narrow.matches;
    [sheet.GUTTER, sheet.HEAD] = small ? [0, 19] : [200, 0];
    [sheet.ROW, sheet.BAR] = $('timeline-compact').checked ? [8, 7] : small ? [22, 19] : [20, 17];
    for (const lane of lanes) lane.matches = false;
    if (matching) for (let i = 0; i < TRACES; i++) if (matching[S.name[i]]) lanes[S.lane[i]].matches = true;
    const by = { begun: (a, b) => a.first - b.first, traced: (a, b) => b.traced - a.traced, failed: (a, b) => b.failed - a.failed || a.first - b.first }[$('timeline-order').value];
    order = (matching && $('timeline-only').checked ? lanes.filter((lane) => lane.matches) : [...lanes]).sort((a, b) => by(a, b) || a.id - b.id);
    let top = 0;
    for (const lane of lanes) lane.top = -1;
    for (const lane of order) {
      lane.top = top;
      lane.height = Math.max(sheet.HEAD + 2 * PAD + lane.rows.length * sheet.ROW, sheet.GUTTER ? 26 : 0);
      top += lane.height;
    }
    // Browsers stop at some thirty million pixels; the keys and the search reach what lies lower.
    whole = Math.min(AXIS + Math.max(top, 40), 16e6);
    resize();
    if (anchor) scroller.scrollTop = anchor.top < 0 ? 0 : anchor.top - above;
  }
  /** The place in `order` of the lane at a height. */
  function laneAt(y) {
    let low = 0, high = order.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (order[middle].top <= y) low = middle; else high = middle - 1;
    }
    return low;
  }

  // ---- drawing ----

  function resize() {
    const ratio = devicePixelRatio || 1;
    sheet.width = scroller.clientWidth;
    const most = parseFloat(getComputedStyle(scroller).maxHeight) || 600;
    sheet.height = Math.round(Math.min(whole, most));
    for (const [surface, high] of [[canvas, sheet.height], [overview, 46]]) {
      surface.width = Math.round(sheet.width * ratio);
      surface.height = Math.round(high * ratio);
    }
    canvas.style.width = `${sheet.width}px`;
    canvas.style.height = `${sheet.height}px`;
    $('timeline-space').style.height = `${Math.max(0, whole - sheet.height)}px`;
    fills = new Map();
    shape = null;
    draw();
  }
  const wide = () => Math.max(10, sheet.width - sheet.GUTTER);
  const xOf = (t) => sheet.GUTTER + (t - sheet.from) / (sheet.to - sheet.from) * wide();
  const tOf = (x) => sheet.from + (x - sheet.GUTTER) / wide() * (sheet.to - sheet.from);
  const font = (weight = '') => `${weight} 12px ${ink.mono}`;

  let asked = 0;
  function draw() {
    if (!asked) asked = requestAnimationFrame(() => { asked = 0; paint(); paintOverview(); });
  }

  function paint() {
    const ratio = devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = ink.surface;
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.font = font();
    pen.textBaseline = 'middle';
    const scroll = scroller.scrollTop;
    const marks = ticks();
    pen.fillStyle = ink.faint;
    for (const t of marks.list) pen.fillRect(Math.round(xOf(t)), AXIS, 1, sheet.height);
    if (order.length) {
      for (let place = laneAt(scroll); place < order.length && order[place].top - scroll + AXIS < sheet.height; place++) {
        paintLane(order[place], AXIS + order[place].top - scroll);
      }
      paintDescent(scroll);
    } else {
      pen.fillStyle = ink.soft;
      pen.fillText(TRACES ? 'No task has a match.' : 'There is no trace.', 12, AXIS + 20);
    }
    paintAxis(marks);
  }

  function paintLane(lane, top) {
    const record = data.lanes[lane.id];
    pen.save();
    pen.beginPath();
    pen.rect(sheet.GUTTER, top, sheet.width - sheet.GUTTER, lane.height);
    pen.clip();
    // The life of the task, where it is known.
    if (record[4] > record[3]) {
      pen.fillStyle = ink.line;
      pen.fillRect(xOf(record[3]), top + lane.height - 4, Math.max(1, xOf(record[4]) - xOf(record[3])), 2);
    }
    const rows = lane.rows.length;
    const first = Math.max(0, Math.floor((-top - sheet.HEAD - PAD) / sheet.ROW));
    for (let row = first; row < rows; row++) {
      const y = top + sheet.HEAD + PAD + row * sheet.ROW;
      if (y > sheet.height) break;
      paintRow(lane.rows[row], y, rows >= MOST_ROWS);
    }
    pen.restore();
    // The label.
    const words = laneName(record);
    pen.font = font('600');
    if (sheet.GUTTER) {
      pen.fillStyle = ink.surface;
      pen.fillRect(0, top, sheet.GUTTER - 1, lane.height);
      pen.fillStyle = ink.line;
      pen.fillRect(sheet.GUTTER - 1, top, 1, lane.height);
      const two = lane.height >= 44 && record[1] >= 0 && names[record[1]] !== record[0];
      const stays = Math.max(top, Math.min(AXIS, top + lane.height - (two ? 44 : 26)));
      pen.fillStyle = ink.text;
      pen.save();
      pen.beginPath();
      pen.rect(0, top, sheet.GUTTER - 8, lane.height);
      pen.clip();
      pen.fillText(fit(two ? record[0] : words, sheet.GUTTER - 20), 10, stays + 13);
      pen.font = font();
      pen.fillStyle = ink.soft;
      if (two) pen.fillText(fit(names[record[1]], sheet.GUTTER - 20), 10, stays + 31);
      pen.restore();
    } else {
      pen.fillStyle = ink.ground;
      pen.fillRect(0, top, sheet.width, sheet.HEAD);
      pen.fillStyle = ink.text;
      pen.fillText(fit(words, sheet.width - 16), 8, top + 10);
    }
    pen.font = font();
    pen.fillStyle = ink.line;
    pen.fillRect(0, top + lane.height - 1, sheet.width, 1);
  }

  function paintRow(row, y, crowded) {
    // Ends rise with beginnings in a row, but where a lane has too many.
    let low = 0, high = row.length;
    while (!crowded && low < high) {
      const middle = (low + high) >> 1;
      if (ends[row[middle]] < sheet.from) low = middle + 1; else high = middle;
    }
    let drawn = -1, drawnFailed = -1;
    for (let place = low; place < row.length; place++) {
      const i = row[place];
      if (starts[i] > sheet.to) break;
      const left = xOf(starts[i]), right = xOf(ends[i]);
      if (right < sheet.GUTTER) continue;
      const failed = S.status[i] > 1;
      // What falls into a pixel that is drawn already is not drawn again; a failure always is, once.
      if (right <= drawn && !(failed && right > drawnFailed) && i !== sheet.chosen && i !== sheet.over) continue;
      paintBar(i, left, Math.max(right, left + 1.5), y);
      drawn = Math.max(drawn, right, left + 1.5);
      if (failed) drawnFailed = Math.max(right, left + 3);
    }
  }

  /** From the chosen trace's parent in another lane, a line to it. */
  function paintDescent(scroll) {
    const parent = sheet.chosen < 0 ? -1 : S.parent[sheet.chosen];
    if (parent < 0 || S.lane[parent] === S.lane[sheet.chosen]) return;
    const [a, b] = [lanes[S.lane[parent]], lanes[S.lane[sheet.chosen]]];
    if (a.top < 0 || b.top < 0) return;
    const x = xOf(starts[sheet.chosen]);
    const y = (lane, i) => AXIS + lane.top - scroll + sheet.HEAD + PAD + rowOf[i] * sheet.ROW + sheet.BAR / 2;
    if (x < sheet.GUTTER) return;
    pen.strokeStyle = ink.text;
    pen.lineWidth = 1.5;
    pen.setLineDash([2, 3]);
    pen.beginPath();
    pen.moveTo(x, y(a, parent));
    pen.lineTo(x, y(b, sheet.chosen));
    pen.stroke();
    pen.setLineDash([]);
  }

  function ticks() {
    const rough = (sheet.to - sheet.from) / Math.max(2, wide() / 110);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5, 10].find((n) => n * power >= rough) ?? 10);
    const list = [];
    for (let t = Math.ceil(sheet.from / step) * step; t <= sheet.to && list.length < 100; t += step) list.push(t);
    return { list, step };
  }
  function paintAxis({ list, step }) {
    pen.fillStyle = ink.ground;
    pen.fillRect(0, 0, sheet.width, AXIS);
    pen.fillStyle = ink.line;
    pen.fillRect(0, AXIS - 1, sheet.width, 1);
    if (sheet.GUTTER) pen.fillRect(sheet.GUTTER - 1, 0, 1, AXIS);
    pen.fillStyle = ink.soft;
    if (sheet.GUTTER) pen.fillText(plural(order.length, 'task'), 10, AXIS / 2);
    for (const t of list) {
      const x = Math.round(xOf(t));
      pen.fillRect(x, AXIS - 6, 1, 5);
      const text = moment(t, step);
      if (x + 4 + pen.measureText(text).width < sheet.width) pen.fillText(text, x + 4, AXIS / 2);
    }
    if (pointer) {
      const t = tOf(pointer.x);
      const text = moment(Math.max(0, t), (sheet.to - sheet.from) / wide());
      const long = pen.measureText(text).width + 10;
      const x = Math.min(Math.max(pointer.x, sheet.GUTTER), sheet.width - 1);
      pen.fillStyle = ink.text;
      pen.globalAlpha = 0.35;
      pen.fillRect(Math.round(x), AXIS, 1, sheet.height);
      pen.globalAlpha = 1;
      const at = Math.min(x, sheet.width - long);
      pen.fillRect(at, 3, long, AXIS - 7);
      pen.fillStyle = ink.surface;
      pen.fillText(text, at + 5, AXIS / 2);
    }
  }

  // ---- above it, how many traces were open at each moment, and which part is seen ----

  let shape = null;
  function paintOverview() {
    const brush = overview.getContext('2d');
    const ratio = devicePixelRatio || 1;
    const high = 46, wideAll = wide();
    if (!shape) {
      const bins = Math.max(1, Math.round(wideAll));
      const change = new Float64Array(bins + 2), failed = new Uint8Array(bins + 1);
      for (let i = 0; i < TRACES; i++) {
        const a = Math.floor(starts[i] / last * bins), b = Math.min(bins, Math.floor(ends[i] / last * bins));
        change[a]++;
        change[b + 1]--;
        if (S.status[i] === ERROR) failed[Math.min(b, bins - 1)] = 1;
      }
      const heights = new Float64Array(bins + 1);
      let sum = 0, most = 1;
      for (let bin = 0; bin <= bins; bin++) {
        sum += change[bin];
        heights[bin] = sum;
        most = Math.max(most, sum);
      }
      shape = { bins, heights, most, failed };
    }
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.fillStyle = ink.ground;
    brush.fillRect(0, 0, sheet.width, high);
    brush.fillStyle = ink.run;
    brush.globalAlpha = 0.55;
    brush.beginPath();
    brush.moveTo(sheet.GUTTER, high);
    for (let bin = 0; bin <= shape.bins; bin++) brush.lineTo(sheet.GUTTER + bin / shape.bins * wideAll, high - shape.heights[bin] / shape.most * (high - 12));
    brush.lineTo(sheet.width, high);
    brush.fill();
    brush.globalAlpha = 1;
    brush.fillStyle = ink.error;
    for (let bin = 0; bin < shape.bins; bin++) if (shape.failed[bin]) brush.fillRect(sheet.GUTTER + bin / shape.bins * wideAll, 0, 1.5, 5);
    const a = sheet.GUTTER + sheet.from / last * wideAll, b = sheet.GUTTER + sheet.to / last * wideAll;
    if (sheet.from > 0 || sheet.to < last) {
      brush.fillStyle = ink.surface;
      brush.globalAlpha = 0.65;
      brush.fillRect(sheet.GUTTER, 0, a - sheet.GUTTER, high);
      brush.fillRect(b, 0, sheet.width - b, high);
      brush.globalAlpha = 1;
      brush.strokeStyle = ink.accent;
      brush.lineWidth = 2;
      brush.strokeRect(a + 1, 1, Math.max(2, b - a - 2), high - 2);
    }
    brush.font = `12px ${ink.mono}`;
    brush.textBaseline = 'middle';
    if (sheet.GUTTER) {
      brush.fillStyle = ink.soft;
      brush.fillText(data.shown < data.held + data.open ? 'of those, at once' : 'open at once', 10, high / 2 - 8);
      brush.fillText(`up to ${count(shape.most)}`, 10, high / 2 + 8);
      brush.fillStyle = ink.line;
      brush.fillRect(sheet.GUTTER - 1, 0, 1, high);
    }
  }

  // ---- moving ----

  function view(a, b) {
    const span = Math.min(Math.max(b - a, 20), last);
    const middle = (a + b) / 2;
    sheet.from = Math.min(Math.max(middle - span / 2, 0), last - span);
    sheet.to = sheet.from + span;
    draw();
  }
  function zoomBy(factor, around = (sheet.from + sheet.to) / 2) {
    view(around - (around - sheet.from) * factor, around + (sheet.to - around) * factor);
  }
  /** As much time as the tasks that are in sight take. */
  function fitSeen() {
    if (!order.length) return;
    let first = Infinity, end = 0;
    for (let place = laneAt(scroller.scrollTop); place < order.length && order[place].top < scroller.scrollTop + sheet.height - AXIS; place++) {
      first = Math.min(first, order[place].first);
      end = Math.max(end, order[place].last);
    }
    const around = Math.max(end - first, 100) * 0.03;
    view(first - around, end + around);
  }
  const panBy = (part) => view(sheet.from + (sheet.to - sheet.from) * part, sheet.to + (sheet.to - sheet.from) * part);

  function hit(x, y) {
    if (y < AXIS || x < sheet.GUTTER || !order.length) return -1;
    const inside = y - AXIS + scroller.scrollTop;
    const lane = order[laneAt(inside)];
    const row = Math.floor((inside - lane.top - sheet.HEAD - PAD) / sheet.ROW);
    const list = lane.rows[row];
    if (!list || inside > lane.top + lane.height) return -1;
    const near = 2 / wide() * (sheet.to - sheet.from), t = tOf(x);
    let best = -1, distance = Infinity;
    let low = 0, high = list.length;
    while (low < high && lane.rows.length < MOST_ROWS) {
      const middle = (low + high) >> 1;
      if (ends[list[middle]] < t - near) low = middle + 1; else high = middle;
    }
    for (let place = low; place < list.length && starts[list[place]] <= t + near; place++) {
      const i = list[place];
      const away = Math.max(starts[i] - t, t - ends[i], 0);
      if (away <= near && away < distance) [best, distance] = [i, away];
    }
    return best;
  }

  const pointers = new Map();
  let pointer = null, drag = null;
  const place = (event) => {
    const box = scroller.getBoundingClientRect();
    return { x: event.clientX - box.left - scroller.clientLeft, y: event.clientY - box.top - scroller.clientTop };
  };
  scroller.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || event.clientX - scroller.getBoundingClientRect().left > scroller.clientWidth) return;
    pointers.set(event.pointerId, place(event));
    drag = { x: place(event).x, y: place(event).y, from: sheet.from, to: sheet.to, top: scroller.scrollTop, moved: false, pinch: null };
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      drag.pinch = { apart: Math.max(8, Math.abs(a.x - b.x)), around: tOf((a.x + b.x) / 2) };
      drag.moved = true;
    }
  });
  scroller.addEventListener('pointermove', (event) => {
    const at = place(event);
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType === 'touch') return;
      pointer = at;
      sheet.over = hit(at.x, at.y);
      scroller.classList.toggle('over', sheet.over >= 0);
      if (sheet.over >= 0) showTip(nameOf(sheet.over), facts(sheet.over), event.clientX, event.clientY);
      else if (at.x < sheet.GUTTER && at.y > AXIS && order.length && at.y - AXIS + scroller.scrollTop < whole - AXIS) {
        const lane = order[laneAt(at.y - AXIS + scroller.scrollTop)];
        showTip(laneName(data.lanes[lane.id]), laneFacts(lane), event.clientX, event.clientY);
      } else hideTip();
      draw();
      return;
    }
    pointers.set(event.pointerId, at);
    if (drag.pinch && pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      const span = (drag.to - drag.from) * drag.pinch.apart / Math.max(8, Math.abs(a.x - b.x));
      const part = ((a.x + b.x) / 2 - sheet.GUTTER) / wide();
      view(drag.pinch.around - part * span, drag.pinch.around + (1 - part) * span);
      return;
    }
    if (!drag.moved && Math.abs(at.x - drag.x) + Math.abs(at.y - drag.y) < 4) return;
    if (!drag.moved) {
      drag.moved = true;
      scroller.setPointerCapture(event.pointerId);
      scroller.classList.add('dragging');
      hideTip();
    }
    const shift = (drag.x - at.x) / wide() * (drag.to - drag.from);
    view(drag.from + shift, drag.to + shift);
    if (event.pointerType === 'mouse') scroller.scrollTop = drag.top + drag.y - at.y;
  });
  function release(event) {
    if (!pointers.delete(event.pointerId)) return;
    scroller.classList.remove('dragging');
    if (event.type === 'pointerup' && drag && !drag.moved) {
      const at = place(event);
      const i = hit(at.x, at.y);
      choose(i, { focus: false });
    }
    if (!pointers.size) drag = null;
  }
  scroller.addEventListener('pointerup', release);
  scroller.addEventListener('pointercancel', release);
  scroller.addEventListener('pointerleave', () => { pointer = null; sheet.over = -1; hideTip(); draw(); });
  scroller.addEventListener('dblclick', (event) => {
    const at = place(event);
    const i = hit(at.x, at.y);
    if (i >= 0) choose(i, { zoom: true });
  });
  scroller.addEventListener('scroll', () => { hideTip(); draw(); }, { passive: true });
  scroller.addEventListener('wheel', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      event.preventDefault();
      zoomBy(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 160), tOf(Math.max(sheet.GUTTER, place(event).x)));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      panBy((event.deltaX || event.deltaY) / wide());
    }
  }, { passive: false });

  scroller.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 0.5 : 0.1;
    const steps = {
      ArrowLeft: () => panBy(-far),
      ArrowRight: () => panBy(far),
      '+': () => zoomBy(0.6),
      '=': () => zoomBy(0.6),
      '-': () => zoomBy(1 / 0.6),
      0: () => view(0, last),
      f: fitSeen,
      n: () => walk(1),
      p: () => walk(-1),
      j: () => walkLanes(1),
      k: () => walkLanes(-1),
      Enter: () => sheet.chosen >= 0 && choose(sheet.chosen, { zoom: true }),
      Escape: () => choose(-1, {}),
    };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!Object.hasOwn(steps, key)) return;
    event.preventDefault();
    steps[key]();
  });
  /** The traces of a lane, in the order in which they began. */
  const inOrder = (lane) => lane.rows.flat().sort((a, b) => starts[a] - starts[b] || a - b);
  function walk(step) {
    if (!order.length) return;
    if (sheet.chosen < 0) { walkLanes(1); return; }
    const list = inOrder(lanes[S.lane[sheet.chosen]]);
    const next = list[list.indexOf(sheet.chosen) + step];
    if (next !== undefined) choose(next, { reveal: true });
  }
  function walkLanes(step) {
    let place = sheet.chosen < 0 ? (step > 0 ? -1 : order.length) : order.indexOf(lanes[S.lane[sheet.chosen]]);
    for (place += step; place >= 0 && place < order.length; place += step) {
      const first = inOrder(order[place])[0];
      if (first !== undefined) {
        choose(first, { reveal: true });
        return;
      }
    }
  }

  let brushing = null;
  overview.addEventListener('pointerdown', (event) => {
    overview.setPointerCapture(event.pointerId);
    brushing = tOverview(event);
  });
  const tOverview = (event) => Math.min(last, Math.max(0, (event.clientX - overview.getBoundingClientRect().left - sheet.GUTTER) / wide() * last));
  overview.addEventListener('pointermove', (event) => {
    if (brushing === null) return;
    const t = tOverview(event);
    if (Math.abs(t - brushing) / last * wide() > 4) view(Math.min(t, brushing), Math.max(t, brushing));
  });
  overview.addEventListener('pointerup', (event) => {
    const t = tOverview(event);
    if (brushing !== null && Math.abs(t - brushing) / last * wide() <= 4) view(t - (sheet.to - sheet.from) / 2, t + (sheet.to - sheet.from) / 2);
    brushing = null;
  });

  // ---- the chosen trace, in words ----

  globalThis.choose = (i, { zoom = false, scroll = false, reveal = false, focus = true }) => {
    sheet.chosen = i;
    hideTip();
    if (i >= 0) {
      if (lanes[S.lane[i]].top < 0) {
        $('timeline-only').checked = false;
        arrange();
      }
      const around = Math.max(ends[i] - starts[i], 100) * 0.25;
      if (zoom) view(starts[i] - around, ends[i] + around);
      else if (reveal && (ends[i] < sheet.from || starts[i] > sheet.to)) view(starts[i] - (sheet.to - sheet.from) / 2, starts[i] + (sheet.to - sheet.from) / 2);
      if (zoom || reveal) {
        const lane = lanes[S.lane[i]];
        const y = lane.top + sheet.HEAD + PAD + rowOf[i] * sheet.ROW;
        const room = sheet.height - AXIS;
        if (y < scroller.scrollTop + 4 || y + sheet.ROW > scroller.scrollTop + room) scroller.scrollTop = Math.max(0, Math.min(lane.top, y - room / 3));
      }
      if (scroll) {
        $('timeline').scrollIntoView({ block: 'start', behavior: still.matches ? 'auto' : 'smooth' });
        scroller.focus({ preventScroll: true });
      } else if (focus && document.activeElement !== scroller && zoom) scroller.focus({ preventScroll: true });
    }
    explain(i);
    draw();
  };

  // ---- the tools above ----

  $('timeline-in').addEventListener('click', () => zoomBy(0.5));
  $('timeline-out').addEventListener('click', () => zoomBy(2));
  $('timeline-fit').addEventListener('click', () => view(0, last));
  $('timeline-seen').addEventListener('click', fitSeen);
  $('timeline-order').addEventListener('change', arrange);
  $('timeline-only').addEventListener('change', arrange);
  $('timeline-compact').addEventListener('change', arrange);
  // Where not a third of the rows would be seen, lower ones tell more.
  $('timeline-compact').checked = lanes.reduce((sum, lane) => sum + lane.rows.length, 0) > 100;
  const parts = [];
  const held = data.held + data.open;
  if (data.shown < held) parts.push(`To keep this file small, the timeline and the list of the slowest hold ${count(data.shown)} of ${count(held)} traces: the ${count(data.longest)} longest, and of the others the latest. The table and the flame graph leave none of them out.`);
  if (data.details_left_out) parts.push(`Errors and metadata of ${plural(data.details_left_out, 'trace')} are left out.`);
  if (data.tasks_left_out) parts.push(`${plural(data.tasks_left_out, 'task')} without a trace here ${data.tasks_left_out === 1 ? 'is' : 'are'} left out.`);
  $('timeline-part').textContent = parts.join(' ');
  $('timeline-part').hidden = parts.length === 0;

  const recolour = () => { colours(); draw(); };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
  narrow.addEventListener('change', arrange);
  let known = 0;
  new ResizeObserver(() => {
    if (scroller.clientWidth !== known) {
      known = scroller.clientWidth;
      resize();
    }
  }).observe(scroller);
  searched.push(arrange);
  colours();
  arrange();
  // Where the tasks in sight took a moment of a long time, they would be a line each.
  fitSeen();
  if (sheet.to - sheet.from > last / 10) view(0, last);
}
