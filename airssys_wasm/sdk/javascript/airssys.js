// Write a component for the world airssys:core/runtime-host@1.0.0 in JavaScript.
//
// A component is an actor: it keeps its state in an object of yours, is handed one message at a
// time, and starts again from nothing when it trapped (an exception that nobody catches is a trap).
// A whole one:
//
//     import { Component, run } from "./airssys.js";
//
//     class Hello extends Component {
//       handleMessage(message) { return message.payload; }
//     }
//     export const componentLifecycle = run(new Hello());
//
//     $ python -m airssys_wasm.sdk.build hello.js -o hello.wasm
//
// Host functions are imports: import { get, set } from "airssys:core/storage@1.0.0". Their values:
//   component-id {namespace, name, instance} · list<u8> Uint8Array · option undefined · u64 Number (no BigInt)
//   result: the value, or a thrown error whose `payload` is {tag, val}

/** A failure: thrown from handleMessage it is the failed reply, from initialize a failed start. */
export class Failure extends Error {}

/** Extend it with what you need, and hand one to `run`. */
export class Component {
  /** The first call: {envVars, configData, resourceLimits}. */
  initialize(config) {}
  /** {sender, payload, metadata}; what it returns, a Uint8Array or undefined, is the reply. */
  handleMessage(message) {}
  /** The answer to a request of this component: metadata.correlationId says to which. */
  handleCallback(answer) {}
  metadata() { return {}; }
  /** "healthy", "degraded", "unhealthy" or "unknown". */
  health() { return "healthy"; }
  /** The last call, on an orderly stop only: never after a trap, a limit or a kill. */
  shutdown() {}
}

/** What the module exports as `componentLifecycle`. */
export function run(component) {
  const nothing = {
    name: "", version: "", description: "", author: "", license: "",
    supportedOperations: [], stateful: false,
  };
  return {
    initialize: (config) => guarded("initialization-failed", () => void component.initialize(config)),
    handleMessage: (message) => guarded("runtime-error", () => component.handleMessage(message)),
    handleCallback: (message) => guarded("runtime-error", () => void component.handleCallback(message)),
    metadata: () => ({ ...nothing, ...component.metadata() }),
    health: () => component.health(),
    shutdown: () => guarded("shutdown-failed", () => void component.shutdown()),
  };
}

// A Failure, and what a host function refused, are told to the sender; all else is a bug: a trap.
function guarded(tag, call) {
  try {
    return call();
  } catch (error) {
    if (error instanceof Failure) throw { tag, val: error.message };
    const refused = error?.payload ?? error;
    if (refused?.tag === undefined) throw error;
    throw { tag, val: typeof refused.val === "string" ? `${refused.tag}: ${refused.val}` : refused.tag };
  }
}

/** An actor that is named plainly, such as named("ledger"). */
export const named = (name) => ({ namespace: "", name, instance: "" });

/** Text as UTF-8. (The engine has no TextEncoder.) */
export function bytes(text) {
  const escaped = encodeURIComponent(text.toWellFormed?.() ?? text);
  const out = [];
  for (let i = 0; i < escaped.length; i++) {
    if (escaped[i] !== "%") out.push(escaped.charCodeAt(i));
    else {
      out.push(parseInt(escaped.slice(i + 1, i + 3), 16));
      i += 2;
    }
  }
  return Uint8Array.from(out);
}

/** UTF-8 as text; undefined or null is "". Throws URIError for other bytes. */
export function text(utf8) {
  let escaped = "";
  for (const byte of utf8 ?? []) escaped += "%" + byte.toString(16).padStart(2, "0");
  return decodeURIComponent(escaped);
}
