// Write a component for the world airssys:core/runtime-host@1.0.0 in AssemblyScript.
//
// A component is an actor: it keeps its state in an object of yours, is handed one message at a
// time, and starts again from nothing when it trapped (`throw` is a trap). A whole one:
//
//     import { Component, Message, Reply, run } from "./airssys";
//
//     class Hello extends Component {
//       handleMessage(message: Message): Reply { return Reply.bytes(message.payload); }
//     }
//     run(new Hello());
//
//     $ python -m airssys_wasm.sdk.build hello.ts -o hello.wasm
//
// There are no exceptions to catch, so what the host can refuse is an Outcome: look at its `error`.
// A host function that is not called is not imported.
//
// Source of the layouts: Component Model, "CanonicalABI.md".

// ---- Values -------------------------------------------------------------------------------------

/** Who is addressed. An actor that is named plainly has only a name: `Id.named("ledger")`. */
export class Id {
  constructor(public space: string, public name: string, public instance: string) {}
  static named(name: string): Id { return new Id("", name, ""); }
}

/** Since 1970-01-01 00:00 UTC. */
export class Time {
  constructor(public seconds: u64, public nanoseconds: u32) {}
}

/** All of it is set by the host: no sender can pretend to be another. */
export class Message {
  constructor(
    public sender: Id,
    public payload: Uint8Array,
    public correlationId: string | null, // of a request, or of the answer to one
    public replyTo: Id | null,
    public timestamp: Time, // of the delivery
    public contentType: string | null, // application/vnd.airssys.error+json: the request failed
  ) {}
  /** The payload as UTF-8. */
  get text(): string { return String.UTF8.decodeUnsafe(this.payload.dataStart, this.payload.length); }
}

/** Text as UTF-8. */
export function bytes(text: string): Uint8Array { return Uint8Array.wrap(String.UTF8.encode(text)); }

/** What the tree file says about this component. */
export class Config {
  envVars: Map<string, string> = new Map();
  data: Uint8Array | null = null; // `config:` of the tree file, as JSON
  maxMemoryBytes: u64 = 0;
  maxExecutionTimeMs: u64 = 0;
  maxFuel: u64 = 0; // for one message; 0: no bound
}

export class Metadata {
  name: string = "";
  version: string = "";
  description: string = "";
  author: string = "";
  license: string = "";
  supportedOperations: string[] = [];
  stateful: bool = false;
}

export enum Health { Healthy, Degraded, Unhealthy, Unknown }

/** What a function of yours ends with. A failure is the failed reply and no crash. */
export class Reply {
  private constructor(public failed: bool, public value: ArrayBuffer | null) {}
  static none(): Reply { return new Reply(false, null); }
  static bytes(value: Uint8Array): Reply {
    return new Reply(false, value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
  }
  static text(text: string): Reply { return new Reply(false, String.UTF8.encode(text)); }
  static fail(text: string): Reply { return new Reply(true, String.UTF8.encode(text)); }
  /** The failure if `error` is one; otherwise no reply. */
  static of(error: string | null): Reply { return error === null ? Reply.none() : Reply.fail(error); }
}

/** What a host function gave: `value` means something if `error` is null. */
export class Outcome<T> {
  constructor(public value: T, public error: string | null) {}
}

// ---- What you write -----------------------------------------------------------------------------

/** Extend it with what you need, and hand one to `run`. */
export class Component {
  /** The first call. A failure is a failed start, with that text as its reason. */
  initialize(config: Config): Reply { return Reply.none(); }
  /** One message. For one that was sent or published nobody waits: the reply is dropped. */
  handleMessage(message: Message): Reply { return Reply.none(); }
  /** The answer to a request of this component, by its correlation id. */
  handleCallback(answer: Message): Reply { return Reply.none(); }
  metadata(): Metadata { return new Metadata(); }
  health(): Health { return Health.Healthy; }
  /** The last call, on an orderly stop only: never after a trap, a limit or a kill. */
  shutdown(): Reply { return Reply.none(); }
}

let component: Component = new Component();
export function run(it: Component): void { component = it; }

// ---- host-messaging -----------------------------------------------------------------------------

// @ts-ignore: decorator
@external("airssys:core/host-messaging@1.0.0", "send")
declare function rawSend(a: usize, al: usize, b: usize, bl: usize, c: usize, cl: usize, data: usize, length: usize, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/host-messaging@1.0.0", "request")
declare function rawRequest(a: usize, al: usize, b: usize, bl: usize, c: usize, cl: usize, data: usize, length: usize, timeout: u64, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/host-messaging@1.0.0", "cancel-request")
declare function rawCancel(id: usize, length: usize, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/host-messaging@1.0.0", "broadcast")
declare function rawBroadcast(ids: usize, count: usize, data: usize, length: usize, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/host-messaging@1.0.0", "self-id")
declare function rawSelf(to: usize): void;

function messagingError(): string | null {
  if (!load<u8>(out)) return null;
  const kind = load<u8>(out, 4);
  if (kind == 0) return "delivery-failed: " + takeString(out + 8);
  if (kind == 1) return "correlation-timeout: " + takeString(out + 8);
  if (kind == 2) return "invalid-message: " + takeString(out + 8);
  return kind == 3 ? "queue-full" : "target-not-found: " + takeId(out + 8).name;
}

export namespace messaging {
  /** Delivers and forgets. Gives the error, or null. */
  export function send(target: Id, payload: Uint8Array): string | null {
    const a = utf8(target.space), b = utf8(target.name), c = utf8(target.instance);
    rawSend(at(a), a.byteLength, at(b), b.byteLength, at(c), c.byteLength, payload.dataStart, payload.byteLength, out);
    return messagingError();
  }
  /** Asks; gives the correlation id. Exactly one handleCallback with it follows, unless it is cancelled. */
  export function request(target: Id, payload: Uint8Array, timeoutMs: u64): Outcome<string> {
    const a = utf8(target.space), b = utf8(target.name), c = utf8(target.instance);
    rawRequest(at(a), a.byteLength, at(b), b.byteLength, at(c), c.byteLength, payload.dataStart, payload.byteLength, timeoutMs, out);
    const error = messagingError();
    return new Outcome(error === null ? takeString(out + 4) : "", error);
  }
  /** Takes a request of this component back. */
  export function cancelRequest(correlationId: string): string | null {
    const id = utf8(correlationId);
    rawCancel(at(id), id.byteLength, out);
    return messagingError();
  }
  /** Sends to all of them or to none. */
  export function broadcast(targets: Id[], payload: Uint8Array): string | null {
    const kept: ArrayBuffer[] = [], words = new StaticArray<u32>(targets.length * 6);
    for (let i = 0; i < targets.length; i++) {
      kept.push(utf8(targets[i].space));
      kept.push(utf8(targets[i].name));
      kept.push(utf8(targets[i].instance));
    }
    for (let i = 0; i < kept.length; i++) {
      words[2 * i] = <u32>at(kept[i]);
      words[2 * i + 1] = <u32>kept[i].byteLength;
    }
    rawBroadcast(changetype<usize>(words), targets.length, payload.dataStart, payload.byteLength, out);
    return messagingError();
  }
  export function selfId(): Id {
    rawSelf(out);
    return takeId(out);
  }
}

// ---- host-services ------------------------------------------------------------------------------

// @ts-ignore: decorator
@external("airssys:core/host-services@1.0.0", "log")
declare function rawLog(level: u32, text: usize, length: usize, present: u32, pairs: usize, count: usize): void;
// @ts-ignore: decorator
@external("airssys:core/host-services@1.0.0", "current-time")
declare function rawTime(to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/host-services@1.0.0", "current-time-millis")
declare function rawMillis(): u64;
// @ts-ignore: decorator
@external("airssys:core/host-services@1.0.0", "sleep-millis")
declare function rawSleep(duration: u64): void;
// @ts-ignore: decorator
@external("airssys:core/host-services@1.0.0", "list-components")
declare function rawComponents(to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/host-services@1.0.0", "get-component-metadata")
declare function rawMetadata(a: usize, al: usize, b: usize, bl: usize, c: usize, cl: usize, to: usize): void;

export enum Level { Trace, Debug, Info, Warn, Error }

/** What is known of another component. */
export class ComponentInfo {
  constructor(public id: Id, public name: string, public version: string, public health: string) {}
}

export namespace services {
  /** One record; `context` are keys and values in turn, its fields. */
  export function log(level: Level, text: string, context: string[] = []): void {
    const t = utf8(text), kept: ArrayBuffer[] = [], words = new StaticArray<u32>(context.length * 2);
    for (let i = 0; i < context.length; i++) {
      kept.push(utf8(context[i]));
      words[2 * i] = <u32>at(kept[i]);
      words[2 * i + 1] = <u32>kept[i].byteLength;
    }
    rawLog(level, at(t), t.byteLength, context.length > 1 ? 1 : 0, changetype<usize>(words), context.length / 2);
  }
  export function currentTime(): Time {
    rawTime(out);
    return new Time(load<u64>(out), load<u32>(out, 8));
  }
  export function currentTimeMillis(): u64 { return rawMillis(); }
  /** Waits; other actors run meanwhile. */
  export function sleepMillis(duration: u64): void { rawSleep(duration); }
  /** The components that the grants of this one reach. */
  export function listComponents(): Id[] {
    rawComponents(out);
    const list = load<u32>(out), count = load<u32>(out, 4), ids: Id[] = [];
    for (let i: u32 = 0; i < count; i++) ids.push(takeId(list + 24 * i));
    if (count) heap.free(list);
    return ids;
  }
  export function componentMetadata(id: Id): Outcome<ComponentInfo | null> {
    const a = utf8(id.space), b = utf8(id.name), c = utf8(id.instance);
    rawMetadata(at(a), a.byteLength, at(b), b.byteLength, at(c), c.byteLength, out);
    if (!load<u8>(out)) {
      const found = takeId(out + 4);
      return new Outcome<ComponentInfo | null>(
        new ComponentInfo(found, takeString(out + 28), takeString(out + 36), takeString(out + 44)), null);
    }
    const kinds = ["initialization-failed: ", "already-initialized", "not-initialized", "shutdown-failed: ", "invalid-state: "];
    const kind = load<u8>(out, 4);
    const text = kind == 1 || kind == 2 ? "" : takeString(out + 8);
    return new Outcome<ComponentInfo | null>(null, kinds[kind] + text);
  }
}

// ---- storage ------------------------------------------------------------------------------------

// @ts-ignore: decorator
@external("airssys:core/storage@1.0.0", "get")
declare function rawGet(key: usize, length: usize, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/storage@1.0.0", "set")
declare function rawSet(key: usize, length: usize, value: usize, size: usize, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/storage@1.0.0", "delete")
declare function rawDelete(key: usize, length: usize, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/storage@1.0.0", "exists")
declare function rawExists(key: usize, length: usize, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/storage@1.0.0", "list-keys")
declare function rawKeys(present: u32, prefix: usize, length: usize, to: usize): void;
// @ts-ignore: decorator
@external("airssys:core/storage@1.0.0", "usage")
declare function rawUsage(to: usize): void;

function storageError(case_: usize = out + 4, text: usize = out + 8): string | null {
  if (!load<u8>(out)) return null;
  const kinds = ["not-found: ", "already-exists: ", "quota-exceeded", "invalid-key: ", "io-error: "];
  const kind = load<u8>(case_);
  return kinds[kind] + (kind == 2 ? "" : takeString(text));
}

export class Usage {
  constructor(public usedBytes: u64, public quotaBytes: u64, public keyCount: u64) {}
}

/** A key-value space of this component; it survives restarts. */
export namespace storage {
  /** The value, or null for a key that is not there. */
  export function get(key: string): Outcome<Uint8Array | null> {
    const k = utf8(key);
    rawGet(at(k), k.byteLength, out);
    const error = storageError();
    const there = error === null && load<u8>(out, 4) != 0;
    return new Outcome<Uint8Array | null>(there ? takeBytes(out + 8) : null, error);
  }
  /** `get` for text: "" for a key that is not there. */
  export function getText(key: string): Outcome<string> {
    const found = get(key), bytes = found.value;
    const text = bytes ? String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length) : "";
    return new Outcome(text, found.error);
  }
  /** Gives the error, or null. */
  export function set(key: string, value: Uint8Array): string | null {
    const k = utf8(key);
    rawSet(at(k), k.byteLength, value.dataStart, value.byteLength, out);
    return storageError();
  }
  export function setText(key: string, value: string): string | null {
    return set(key, Uint8Array.wrap(utf8(value)));
  }
  export function remove(key: string): string | null {
    const k = utf8(key);
    rawDelete(at(k), k.byteLength, out);
    return storageError();
  }
  export function exists(key: string): Outcome<bool> {
    const k = utf8(key);
    rawExists(at(k), k.byteLength, out);
    const error = storageError();
    return new Outcome(error === null && load<u8>(out, 4) != 0, error);
  }
  /** The keys that begin with `prefix`, in order. */
  export function listKeys(prefix: string = ""): Outcome<string[]> {
    const p = utf8(prefix), keys: string[] = [];
    rawKeys(1, at(p), p.byteLength, out);
    const error = storageError();
    if (error === null) {
      const list = load<u32>(out, 4), count = load<u32>(out, 8);
      for (let i: u32 = 0; i < count; i++) keys.push(takeString(list + 8 * i));
      if (count) heap.free(list);
    }
    return new Outcome(keys, error);
  }
  export function usage(): Outcome<Usage> {
    rawUsage(out);
    const error = storageError(out + 8, out + 12);
    return new Outcome(new Usage(load<u64>(out, 8), load<u64>(out, 16), load<u64>(out, 24)), error);
  }
}

// ---- The canonical ABI --------------------------------------------------------------------------

const out = memory.data(64, 8); // where the host writes results
const answer = memory.data(16, 4); // what an export that can fail returns
const said = memory.data(52, 4);

function utf8(text: string): ArrayBuffer { return String.UTF8.encode(text); }
function at(buffer: ArrayBuffer): usize { return changetype<usize>(buffer); }

// What the host wrote is outside of the collector: it is copied, and freed at once.
function takeString(words: usize): string {
  const data = load<u32>(words), length = load<u32>(words, 4);
  const text = String.UTF8.decodeUnsafe(data, length);
  if (length) heap.free(data); // an empty list may point anywhere
  return text;
}
function takeBytes(words: usize): Uint8Array {
  const data = load<u32>(words), length = load<u32>(words, 4);
  const bytes = new Uint8Array(<i32>length);
  if (length) {
    memory.copy(bytes.dataStart, data, length);
    heap.free(data);
  }
  return bytes;
}
function takeId(words: usize): Id {
  return new Id(takeString(words), takeString(words + 8), takeString(words + 16));
}
function takeOptional(words: usize): string | null { return load<u8>(words) ? takeString(words + 4) : null; }
function takeMessage(words: usize): Message {
  const message = new Message(
    takeId(words), takeBytes(words + 24), takeOptional(words + 32),
    load<u8>(words, 44) ? takeId(words + 48) : null,
    new Time(load<u64>(words, 72), load<u32>(words, 80)), takeOptional(words + 88));
  heap.free(words);
  return message;
}

function finish(reply: Reply, case_: u8, replies: bool): usize {
  memory.fill(answer, 0, 16);
  const value = reply.value;
  if (reply.failed) {
    store<u8>(answer, 1);
    store<u8>(answer, case_, 4);
  } else if (value === null || !replies) {
    return answer;
  } else {
    store<u8>(answer, 1, 4);
  }
  const length = value === null ? 0 : value.byteLength;
  if (value !== null && length) {
    const block = heap.alloc(length);
    memory.copy(block, at(value), length);
    store<u32>(answer, <u32>block, 8);
    store<u32>(answer, length, 12);
  }
  return answer;
}

// The names are those of WIT after the build.
export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  if (!size) return align;
  return oldSize ? heap.realloc(old, size) : heap.alloc(size);
}
export function initialize(
  variables: usize, count: usize, present: u32, data: usize, length: usize,
  memoryBytes: u64, time: u64, metered: u32, fuel: u64,
): usize {
  const config = new Config();
  for (let i: usize = 0; i < count; i++) {
    const name = takeString(variables + 16 * i);
    config.envVars.set(name, takeString(variables + 16 * i + 8));
  }
  if (count) heap.free(variables);
  if (present) {
    store<u32>(out, <u32>data);
    store<u32>(out, <u32>length, 4);
    config.data = takeBytes(out);
  }
  config.maxMemoryBytes = memoryBytes;
  config.maxExecutionTimeMs = time;
  config.maxFuel = metered ? fuel : 0;
  return finish(component.initialize(config), 0, false);
}
export function handle_message(message: usize): usize { return finish(component.handleMessage(takeMessage(message)), 6, true); }
export function handle_callback(message: usize): usize { return finish(component.handleCallback(takeMessage(message)), 6, false); }
export function health(): u32 { return component.health(); }
export function shutdown(): usize { return finish(component.shutdown(), 3, false); }
export function after(answer: usize): void { if (load<u32>(answer, 12)) heap.free(load<u32>(answer, 8)); }
export function metadata(): usize { // asked for once or twice in a life, so it is never freed
  const it = component.metadata(), texts = [it.name, it.version, it.description, it.author, it.license];
  for (let i = 0; i < 5; i++) leak(texts[i], said + 8 * i);
  const count = it.supportedOperations.length, list = heap.alloc(8 * count + 1);
  for (let i = 0; i < count; i++) leak(it.supportedOperations[i], list + 8 * i);
  store<u32>(said, <u32>list, 40);
  store<u32>(said, count, 44);
  store<u8>(said, it.stateful ? 1 : 0, 48);
  return said;
}
function leak(text: string, words: usize): void {
  const bytes = utf8(text), block = heap.alloc(bytes.byteLength + 1);
  memory.copy(block, at(bytes), bytes.byteLength);
  store<u32>(words, <u32>block);
  store<u32>(words, bytes.byteLength, 4);
}
