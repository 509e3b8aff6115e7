// The flame graph: the call tree, merged by path of names, from the roots downward. Plain elements, so that theme,
// focus and a screen reader come with them; only those that are at least a pixel wide exist.

{
  const F = data.flame;
  const SIZE = F.name.length;
  const box = $('flame-tree');
  /** The node that fills the width; -1 for all of it. */
  let zoomed = -1;
  /** The node that the arrow keys are at. */
  let at = -1;

  // -1 is the root of all, so that every list below has it at the end.
  const children = Array.from({ length: SIZE + 1 }, () => []);
  for (let i = 0; i < SIZE; i++) children[F.parent[i] < 0 ? SIZE : F.parent[i]].push(i);
  const below = (node) => children[node < 0 ? SIZE : node];
  const sums = children.map((list) => list.reduce((sum, child) => sum + F.total[child], 0));
  const total = (node) => (node < 0 ? sums[SIZE] : F.total[node]);
  // A node's own time is that in which nothing below it was open. What ran at once below it is more than the rest of
  // its time: it is drawn to fit, and the node says how much it is.
  const inside = (node) => (node < 0 ? sums[SIZE] : F.own[node] + sums[node]);
  const atOnce = (node) => (node >= 0 && F.total[node] > F.own[node] ? sums[node] / (F.total[node] - F.own[node]) : 0);
  const label = (node) => (node < 0 ? 'all' : names[F.name[node]] || '(no name)');
  const parentOf = (node) => F.parent[node];
  function pathTo(node) {
    const path = [];
    for (let n = node; n >= 0; n = parentOf(n)) path.push(n);
    path.push(-1);
    return path.reverse();
  }

  const elements = new Map();
  let shown = [];

  /** What is wide enough, in the order of the tree, with places in parts of the width. */
  function visible(width) {
    const path = pathTo(zoomed);
    const found = path.slice(0, -1).map((node, level) => ({ node, level, left: 0, width: 1, above: true }));
    const stack = [{ node: zoomed, level: path.length - 1, left: 0, width: 1 }];
    while (stack.length) {
      const item = stack.pop();
      found.push(item);
      const scale = item.width / (inside(item.node) || 1);
      let left = item.left;
      const next = [];
      for (const child of below(item.node)) {
        const share = F.total[child] * scale;
        if (share * width >= 1) next.push({ node: child, level: item.level + 1, left, width: share });
        left += share;
      }
      stack.push(...next.reverse());
    }
    return found;
  }

  function describe(node) {
    if (node < 0) return `all, ${time(total(-1))} in ${plural(F.calls.length ? below(-1).reduce((sum, child) => sum + F.calls[child], 0) : 0, 'call')}`;
    const errors = F.errors[node] ? `, ${plural(F.errors[node], 'error')}` : '';
    const crowd = atOnce(node) > 1.05 ? `, what is below ran ${atOnce(node).toFixed(1)} times at once` : '';
    return `${label(node)}, ${time(total(node))}, ${percent(total(node), total(parentOf(node)))} of ${label(parentOf(node))}, ${plural(F.calls[node], 'call')}${errors}${crowd}`;
  }
  function facts(node) {
    if (node < 0) return [['Total', time(total(-1))]];
    return [
      ['Total', `${time(F.total[node])} · ${percent(F.total[node], total(-1))} of all`],
      ['In ' + (parentOf(node) < 0 ? 'all' : 'its parent'), parentOf(node) < 0 ? null : percent(F.total[node], total(parentOf(node)))],
      ['Itself', time(F.own[node])],
      ['Run', F.run[node] === null ? null : time(F.run[node])],
      ['Calls', count(F.calls[node])],
      ['Mean', time(F.total[node] / (F.calls[node] || 1))],
      ['Errors', F.errors[node] ? count(F.errors[node]) : null],
      ['At once', atOnce(node) > 1.05 ? `what is below took ${atOnce(node).toFixed(1)} times as long, at once` : null],
    ];
  }

  function show() {
    const width = box.clientWidth || 1;
    const row = narrow.matches ? 26 : 22;
    shown = visible(width);
    const here = new Set(shown.map((item) => item.node));
    for (const [node, element] of elements) {
      if (!here.has(node)) {
        element.remove();
        elements.delete(node);
      }
    }
    if (!here.has(at)) at = zoomed;
    let next = box.firstChild;
    let deepest = 0;
    for (const { node, level, left, width: share, above } of shown) {
      let element = elements.get(node);
      if (!element) {
        element = make('div', { class: node < 0 ? 'frame root' : 'frame', role: 'treeitem', 'aria-label': describe(node), 'aria-level': level + 1, 'data-node': node });
        if (node >= 0) {
          element.style.setProperty('--h', hues[F.name[node]]);
          if (F.errors[node]) element.classList.add('failed');
        }
        elements.set(node, element);
      }
      if (element === next) next = next.nextSibling;
      else box.insertBefore(element, next);
      element.style.left = `${left * 100}%`;
      element.style.width = `${share * 100}%`;
      element.style.top = `${level * row}px`;
      const thin = share * width < 26;
      element.classList.toggle('thin', thin);
      element.classList.toggle('above', Boolean(above));
      element.classList.toggle('hit', Boolean(matching && node >= 0 && matching[F.name[node]]));
      // Not part of its text, so that its name to a screen reader begins with what is seen.
      if (atOnce(node) > 1.05 && share * width > 120) element.dataset.crowd = ` ∥ ${atOnce(node).toFixed(1)}×`;
      else delete element.dataset.crowd;
      const text = thin ? '' : label(node);
      if (element.textContent !== text) element.textContent = text;
      element.tabIndex = node === at ? 0 : -1;
      if (node === zoomed) element.setAttribute('aria-current', 'true');
      else element.removeAttribute('aria-current');
      deepest = Math.max(deepest, level);
    }
    box.style.height = `${(deepest + 1) * row}px`;
    box.classList.toggle('searching', Boolean(matching));
    $('flame-reset').disabled = zoomed < 0;
    crumbs();
    note();
  }

  function crumbs() {
    if (zoomed < 0) {
      $('flame-crumbs').replaceChildren();
      return;
    }
    const path = pathTo(zoomed);
    const few = path.length > 7 ? [...path.slice(0, 2), null, ...path.slice(-4)] : path;
    $('flame-crumbs').replaceChildren(...few.map((node) => {
      if (node === null) return make('li', { text: `… ${path.length - 6} more` });
      if (node === zoomed) return make('li', { 'aria-current': 'true', text: label(node) });
      return make('li', {}, make('button', { type: 'button', text: label(node), onclick: () => zoom(node) }));
    }));
  }

  /** How much of the time is in what was searched for; a match below a match counts once. */
  function found() {
    let sum = 0;
    const stack = [...below(-1)];
    while (stack.length) {
      const node = stack.pop();
      if (matching[F.name[node]]) sum += F.total[node];
      else stack.push(...below(node));
    }
    return Math.min(sum, sums[SIZE]);
  }
  function note() {
    const parts = [SIZE ? 'As wide as its time, summed over its calls. Where calls ran at once (∥), they are drawn to fit their parent.' : 'No trace was held.'];
    if (F.left_out) parts.push(`${plural(F.left_out, 'path')} of the least time ${F.left_out === 1 ? 'is' : 'are'} not in this file.`);
    if (matching && SIZE) parts.push(`What was searched for has ${percent(found(), sums[SIZE])} of the time.`);
    $('flame-note').textContent = parts.join(' ');
  }

  function zoom(node) {
    zoomed = node;
    at = node;
    hideTip();
    show();
  }
  function go(node) {
    if (!elements.has(node)) return;
    elements.get(at)?.setAttribute('tabindex', '-1');
    at = node;
    const element = elements.get(node);
    element.tabIndex = 0;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: 'nearest', behavior: 'auto' });
  }
  const nodeOf = (event) => {
    const element = event.target.closest?.('.frame');
    return element ? Number(element.dataset.node) : null;
  };

  box.addEventListener('click', (event) => {
    const node = nodeOf(event);
    if (node === null) return;
    // The one that fills the width already leads back to its parent.
    zoom(node === zoomed && node >= 0 ? parentOf(node) : node);
    go(zoomed);
  });
  box.addEventListener('pointermove', (event) => {
    const node = nodeOf(event);
    if (node === null || event.pointerType === 'touch') hideTip();
    else showTip(label(node), facts(node), event.clientX, event.clientY);
  });
  box.addEventListener('pointerleave', hideTip);
  box.addEventListener('focusin', (event) => {
    const node = nodeOf(event);
    if (node === null || !event.target.matches(':focus-visible')) return;
    const place = event.target.getBoundingClientRect();
    showTip(label(node), facts(node), place.left, place.bottom - 14);
  });
  box.addEventListener('focusout', hideTip);
  box.addEventListener('keydown', (event) => {
    const siblings = at < 0 ? [-1] : below(parentOf(at)).filter((node) => elements.has(node));
    const place = siblings.indexOf(at);
    const steps = {
      ArrowDown: () => go(below(at).find((node) => elements.has(node)) ?? at),
      ArrowUp: () => at >= 0 && go(parentOf(at)),
      ArrowRight: () => go(siblings[place + 1] ?? at),
      ArrowLeft: () => go(siblings[place - 1] ?? at),
      Home: () => go(-1),
      End: () => go(shown[shown.length - 1].node),
      Enter: () => { zoom(at); go(zoomed); },
      ' ': () => { zoom(at); go(zoomed); },
      Backspace: () => { if (zoomed >= 0) zoom(parentOf(zoomed)); go(zoomed); },
      Escape: () => { zoom(-1); go(-1); },
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    steps[event.key]();
  });
  $('flame-reset').addEventListener('click', () => { zoom(-1); elements.get(-1)?.focus({ preventScroll: true }); });
  new ResizeObserver(() => show()).observe($('flame-scroller'));
  searched.push(show);
  show();
}
