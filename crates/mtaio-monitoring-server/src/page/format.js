// Numbers, times and foreign text as people read them.

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const DECIMAL = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];

/** Four significant digits, and no exponent where none is needed. */
export function digits(value, most = 4) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-4 || size >= 1e15) return value.toExponential(2);
  const whole = Math.max(1, Math.floor(Math.log10(size)) + 1);
  const text = value.toFixed(Math.max(0, Math.min(6, most - (size < 1 ? Math.floor(Math.log10(size)) + 1 : whole))));
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

export function bytes(value) {
  let at = 0;
  while (Math.abs(value) >= 1024 && at < BINARY.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${digits(value, 3)} ${BINARY[at]}`;
}

export function seconds(value) {
  if (value < 0) return `-${seconds(-value)}`;
  const size = value;
  if (size >= 86400) return `${Math.floor(value / 86400)} d ${Math.floor((value % 86400) / 3600)} h`;
  if (size >= 3600) return `${Math.floor(value / 3600)} h${value % 3600 < 60 ? '' : ` ${Math.floor((value % 3600) / 60)} min`}`;
  if (size >= 60) return `${Math.floor(value / 60)} min${Math.round(value % 60) ? ` ${Math.floor(value % 60)} s` : ''}`;
  if (size >= 1 || size === 0) return `${digits(value, 3)} s`;
  if (size >= 1e-3) return `${digits(value * 1e3, 3)} ms`;
  return size >= 1e-6 ? `${digits(value * 1e6, 3)} µs` : `${digits(value * 1e9, 3)} ns`;
}

export function count(value) {
  for (const [size, sign] of DECIMAL) if (Math.abs(value) >= size * 10) return `${digits(value / size, 3)} ${sign}`;
  return digits(value);
}

/** A value in a unit of UCUM's, as OpenTelemetry has them. What was not measured is a dash, and never 0. */
export function amount(value, unit = '') {
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'number' || !Number.isFinite(value)) return String(value);
  switch (unit) {
    case '%': return `${digits(value, Math.abs(value) >= 100 ? 4 : 3)} %`;
    case 'By': return bytes(value);
    case 'By/s': return `${bytes(value)}/s`;
    case 's': return seconds(value);
    case 'ms': return seconds(value / 1e3);
    case 'us': return seconds(value / 1e6);
    case '': case '1': return count(value);
    default: return `${count(value)} ${unit.replace(/[{}]/g, '')}`;
  }
}

const clockOf = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const dayOf = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** The time of day, with the date where it is not today's. */
export function clock(timestamp) {
  const date = new Date(timestamp * 1e3);
  const text = clockOf.format(date);
  return date.toDateString() === new Date().toDateString() ? text : `${dayOf.format(date)} ${text}`;
}

/** Foreign text, without what turns the direction of the text around it, and what nobody sees. */
export function plain(text, most = 200) {
  const safe = String(text).replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd');
  return safe.length > most ? `${safe.slice(0, most)}…` : safe;
}

/** An element; text is text, whatever is in it. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'text') element.textContent = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Sets a text only where it is another: what is selected stays so, and a screen reader is not told twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
