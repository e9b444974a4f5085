"""Counts its messages, and knows the number again after a restart."""

from airssys_guest import Component, named
from wit_world.imports import host_messaging, storage


class ComponentLifecycle(Component):
    def initialize(self, config):
        self.count = int(storage.get("count") or 0)

    def handle_message(self, msg):
        self.count += 1
        storage.set("count", b"%d" % self.count)
        if msg.payload == b"ask":
            return host_messaging.request(named("peer"), b"hello", 1000) and None
        return b"%d:%s" % (self.count, msg.payload)

    def handle_callback(self, msg):
        storage.set("answer", msg.payload)
