"""Publish and subscribe between actors."""

from airssys_wasm.broker.broker import Broker, BrokerStatistics
from airssys_wasm.broker.delivery import Published
from airssys_wasm.broker.errors import TopicError

__all__ = ["Broker", "BrokerStatistics", "Published", "TopicError"]
