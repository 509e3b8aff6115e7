// The rows of the timeline: a trace lies under its parent, and beside it, on rows of their own, what runs at the same time.

/** Rows of one lane; what would need more lies on the last one. */
const MOST_ROWS = 400;

/** Every lane with its rows, each a list of traces in the order of time, and for each trace the number of its row. */
function layRows() {
  const lanes = data.lanes.map((_, id) => ({ id, rows: [], traced: 0, failed: 0, first: Infinity, last: 0, top: 0, height: 0, matches: false }));
  const rowOf = new Int32Array(TRACES);
  const kids = new Map();
  const roots = lanes.map(() => []);
  // A parent begins before its children, so that it has the smaller number.
  const inLane = (i) => S.parent[i] >= 0 && S.parent[i] < i && S.lane[S.parent[i]] === S.lane[i];
  for (let i = 0; i < TRACES; i++) {
    if (!inLane(i)) roots[S.lane[i]].push(i);
    else if (kids.has(S.parent[i])) kids.get(S.parent[i]).push(i);
    else kids.set(S.parent[i], [i]);
  }
  // A trace and all under it take so many rows, until so late.
  const tall = new Int32Array(TRACES).fill(1);
  const until = Float64Array.from(ends);
  /** Puts trees, in the order of their beginnings, each on the first rows that are free; gives the rows that takes. */
  const put = (list) => {
    const free = [];
    for (const i of list) {
      const need = Math.min(tall[i], MOST_ROWS);
      let row = 0;
      for (let height = 0, at = 0; height < need && at < MOST_ROWS; at++) {
        if (at < free.length && free[at] > starts[i]) { row = at + 1; height = 0; } else height++;
      }
      row = Math.min(row, MOST_ROWS - need);
      for (let at = row; at < row + need; at++) free[at] = Math.max(free[at] ?? 0, until[i]);
      for (let at = 0; at < row; at++) free[at] ??= 0;
      rowOf[i] = row;
    }
    return free.length;
  };
  for (let i = TRACES - 1; i >= 0; i--) {
    const list = kids.get(i);
    if (!list) continue;
    tall[i] = Math.min(1 + put(list), MOST_ROWS);
    for (const child of list) until[i] = Math.max(until[i], until[child]);
  }
  for (const list of roots) put(list);
  for (let i = 0; i < TRACES; i++) {
    if (inLane(i)) rowOf[i] = Math.min(rowOf[S.parent[i]] + 1 + rowOf[i], MOST_ROWS - 1);
    const lane = lanes[S.lane[i]];
    (lane.rows[rowOf[i]] ??= []).push(i);
    lane.first = Math.min(lane.first, starts[i]);
    lane.last = Math.max(lane.last, ends[i]);
    if (!inLane(i)) lane.traced += S.duration[i];
    if (S.status[i] > 1) lane.failed++;
  }
  for (const lane of lanes) {
    for (let row = 0; row < lane.rows.length; row++) lane.rows[row] ??= [];
    if (!lane.rows.length) lane.rows.push([]);
    if (lane.first === Infinity) [lane.first, lane.last] = data.lanes[lane.id].slice(3, 5);
  }
  return { lanes, rowOf };
}
