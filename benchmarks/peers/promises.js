// The work of the benchmarks with async functions that take from a mailbox of promises. Prints CPU
// nanoseconds an operation.
"use strict";

const shrink = Number(process.argv[2] || 1);
const BATCH = 100;
const size = (full) => Math.max(1000, Math.floor(full / shrink));

class Mailbox {
  constructor() {
    this.queue = [];
    this.head = 0;
    this.waiting = null;
  }
  put(message) {
    if (this.waiting) {
      const waiting = this.waiting;
      this.waiting = null;
      waiting(message);
    } else this.queue.push(message);
  }
  get() {
    if (this.head < this.queue.length) {
      const message = this.queue[this.head++];
      if (this.head === this.queue.length) {
        this.queue.length = 0;
        this.head = 0;
      }
      return message;
    }
    return new Promise((resolve) => (this.waiting = resolve));
  }
}

async function timed(operations, work) {
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  return ((used.user + used.system) * 1000) / operations;
}

function fanIn(producers) {
  const share = Math.floor(size(300000) / producers);
  const count = share * producers;
  return timed(count, async () => {
    const mailbox = new Mailbox();
    const sink = (async () => {
      for (let i = 0; i < count; i++) await mailbox.get();
    })();
    for (let p = 0; p < producers; p++)
      (async () => {
        for (let i = 0; i < share; i++) {
          mailbox.put(i);
          if (i % BATCH === BATCH - 1) await null;
        }
      })();
    await sink;
  });
}

function ring(members) {
  const count = size(300000);
  const mailboxes = [...Array(members)].map(() => new Mailbox());
  let ended;
  const done = new Promise((resolve) => (ended = resolve));
  mailboxes.forEach(async (own, at) => {
    const next = mailboxes[(at + 1) % members];
    for (;;) {
      const left = await own.get();
      if (left === 0) return ended();
      next.put(left - 1);
    }
  });
  return timed(count, async () => {
    mailboxes[0].put(count);
    await done;
  });
}

function spawnMessageStop() {
  const wave = 500;
  const waves = Math.max(1, Math.floor(size(50000) / wave));
  return timed(waves * wave, async () => {
    for (let w = 0; w < waves; w++) {
      const actors = [];
      for (let i = 0; i < wave; i++) {
        const mailbox = new Mailbox();
        actors.push((async () => await mailbox.get())());
        mailbox.put(i);
      }
      await Promise.all(actors);
    }
  });
}

function request(busy) {
  const count = size(200000);
  const mailbox = new Mailbox();
  (async () => {
    for (;;) {
      const [message, reply] = await mailbox.get();
      if (reply) reply(message);
    }
  })();
  return timed(count, async () => {
    for (let i = 0; i < count; i++) {
      if (busy) mailbox.put([i, null]);
      await new Promise((resolve) => mailbox.put([i, resolve]));
    }
  });
}

function publish(subscribers) {
  const rounds = Math.max(1, Math.floor(size(300000) / subscribers));
  const mailboxes = [...Array(subscribers)].map(() => new Mailbox());
  const actors = mailboxes.map(async (own) => {
    for (let i = 0; i < rounds; i++) await own.get();
  });
  return timed(rounds * subscribers, async () => {
    for (let i = 0; i < rounds; i++) {
      for (const mailbox of mailboxes) mailbox.put(i);
      await null;
    }
    await Promise.all(actors);
  });
}

(async () => {
  const found = {};
  found["one-way"] = await fanIn(1);
  found["fan-in"] = await fanIn(10);
  found["ping-pong"] = await ring(2);
  found["ring"] = await ring(1000);
  found["spawn-message-stop"] = await spawnMessageStop();
  found["request"] = await request(false);
  found["request-busy"] = await request(true);
  found["publish"] = await publish(100);
  console.log(JSON.stringify(found));
})();
