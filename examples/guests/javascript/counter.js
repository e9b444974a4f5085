// Counts its messages, and knows the number again after a restart.
import { get, set } from "airssys:core/storage@1.0.0";
import { request } from "airssys:core/host-messaging@1.0.0";
import { Component, bytes, named, run, text } from "./airssys.js";

class Counter extends Component {
  initialize() {
    this.count = Number(text(get("count")));
  }
  handleMessage(message) {
    set("count", bytes(String(++this.count)));
    if (text(message.payload) !== "ask") return bytes(`${this.count}:${text(message.payload)}`);
    request(named("peer"), bytes("hello"), 1000);
  }
  handleCallback(answer) {
    set("answer", answer.payload);
  }
}
export const componentLifecycle = run(new Counter());
