"""The engine over a NATS server. Needs the extra `nats`."""

from airssys_wasm.broker.nats.nats_engine import NatsEngine

__all__ = ["NatsEngine"]
