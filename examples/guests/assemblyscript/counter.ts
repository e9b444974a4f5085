// Counts its messages, and knows the number again after a restart.
import { Component, Config, Id, Message, Reply, bytes, messaging, run, storage } from "./airssys";

class Counter extends Component {
  count: i64 = 0;
  initialize(config: Config): Reply {
    const kept = storage.getText("count");
    this.count = kept.value.length ? I64.parseInt(kept.value) : 0;
    return Reply.of(kept.error);
  }
  handleMessage(message: Message): Reply {
    const error = storage.setText("count", (++this.count).toString());
    if (error !== null) return Reply.fail(error);
    if (message.text != "ask") return Reply.text(`${this.count}:${message.text}`);
    return Reply.of(messaging.request(Id.named("peer"), bytes("hello"), 1000).error);
  }
  handleCallback(answer: Message): Reply { return Reply.of(storage.set("answer", answer.payload)); }
}
run(new Counter());
