// check, parse and verify over runhooks.wasm, for hosts that compile it themselves. The
// module is Go's, and asks its host for little: a clock, random bytes, and to be told that
// there are no files.

const KEEP = 64 << 20; // bytes of memory above which an instance is replaced

/** A request is not genuine. `reason` is a stable word, and `message` may be told to the sender. */
export class VerificationError extends Error {
  name = "VerificationError";
  constructor(reason, message) {
    super(message);
    this.reason = reason;
  }
}

/** Returns check, parse and verify over a compiled module, runhooks.wasm. */
export function create(module) {
  let instance; // from the first call on: some hosts give no random bytes before a request

  const call = (name, options, payload) => JSON.parse(answer(name, options, payload));

  // answer returns what the module says, as the JSON text that it is: with all the digits
  // of its numbers.
  function answer(name, options, payload) {
    const settings = encoder.encode(JSON.stringify(options));
    const body = typeof payload === "string" ? encoder.encode(payload) : bytesOf(payload);
    const current = (instance ??= start(module));
    instance = undefined; // until it has answered: one that fails is not used again
    const { memory, buffer, [name]: ask } = current.exports;
    let text;
    try {
      const at = buffer(settings.length + body.length) >>> 0;
      const request = new Uint8Array(memory.buffer, at, settings.length + body.length);
      request.set(settings);
      request.set(body, settings.length);
      const place = BigInt.asUintN(64, ask(settings.length, body.length));
      text = new Uint8Array(memory.buffer, Number(place >> 32n), Number(place & 0xffffffffn));
    } catch (cause) {
      const said = current.said();
      throw new Error(`runhooks: ${said.split("\n", 1)[0] || cause.message}`, { cause: said || cause });
    }
    const said = decoder.decode(text);
    if (memory.buffer.byteLength <= KEEP) instance = current;
    if (said.startsWith('{"error":')) throw new TypeError(`runhooks: ${JSON.parse(said).error}`);
    return said;
  }

  return {
    answer, // for the page of internal/site
    check: (payload, options = {}) => call("check", options, payload),
    parse: (payload, options = {}) => call("parse", options, payload),
    verify(headers, payload, secrets, { toleranceSeconds, now } = {}) {
      const result = call("verify", {
        headers: signed(headers),
        secrets: [secrets].flat(),
        tolerance_seconds: toleranceSeconds,
        now: now === undefined ? undefined : now / 1000,
      }, payload);
      if (!result.verified) throw new VerificationError(result.reason, result.message);
      return { id: result.id, timestamp: new Date(result.timestamp * 1000) };
    },
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bytesOf(payload) {
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload);
  if (ArrayBuffer.isView(payload)) return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  throw new TypeError("runhooks: the payload is neither bytes nor text: pass the body as it was received, before it is parsed");
}

// signed returns those of the headers that a signature has, with all of their values.
function signed(headers) {
  const all = {};
  const pairs = typeof headers?.[Symbol.iterator] === "function" ? headers : Object.entries(headers ?? {});
  for (const [name, value] of pairs) {
    const lower = String(name).toLowerCase();
    if (/^webhook-(id|timestamp|signature)$/.test(lower) && value != null) {
      all[lower] = [all[lower] ?? [], value].flat();
    }
  }
  return all;
}

// start instantiates the module, with a host of the functions of WASI that it calls.
function start(module) {
  let exports;
  let said = "";
  const view = () => new DataView(exports.memory.buffer);
  const none = (count, size) => {
    view().setUint32(count, 0, true);
    view().setUint32(size, 0, true);
    return 0;
  };
  const wasi = {
    args_sizes_get: none,
    environ_sizes_get: none,
    args_get: () => 0,
    environ_get: () => 0,
    sched_yield: () => 0,
    poll_oneoff: () => 0,
    fd_prestat_get: () => 8, // EBADF: there are no directories
    clock_time_get(clock, _, at) {
      const ms = clock === 0 ? Date.now() : performance.now();
      view().setBigUint64(at, BigInt(Math.round(ms * 1e6)), true);
      return 0;
    },
    random_get(at, length) {
      for (let done = 0; done < length; done += 65536) {
        crypto.getRandomValues(new Uint8Array(exports.memory.buffer, at + done, Math.min(65536, length - done)));
      }
      return 0;
    },
    fd_write(_, vectors, count, written) {
      let total = 0;
      for (let i = 0; i < count; i++) {
        const at = view().getUint32(vectors + 8 * i, true);
        const length = view().getUint32(vectors + 8 * i + 4, true);
        said = (said + decoder.decode(new Uint8Array(exports.memory.buffer, at, length))).slice(0, 4096);
        total += length;
      }
      view().setUint32(written, total, true);
      return 0;
    },
    proc_exit(code) {
      throw new Error(`the module ended with code ${code}`);
    },
  };
  const imports = new Proxy(wasi, { get: (known, name) => known[name] ?? (() => 52) }); // ENOSYS
  ({ exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: imports }));
  exports._initialize();
  return { exports, said: () => said };
}
