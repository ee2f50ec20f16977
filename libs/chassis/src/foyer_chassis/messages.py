"""What goes to the broker and comes from it, and what a service's queues are called."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ATTEMPT_HEADER = "x-foyer-attempt"
REASON_HEADER = "x-foyer-reason"
#: The type of the event, where the routing key is the name of a queue.
TYPE_HEADER = "x-foyer-type"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish. `message_id` must be unique among those in flight: it is how a return is told apart."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    headers: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message taken from a queue and not yet acknowledged."""

    body: bytes
    routing_key: str
    message_id: str
    attempt: int
    redelivered: bool
    delivery_tag: int
    headers: dict[str, Any]


@dataclass(frozen=True)
class Queues:
    """Names of a service's queues and exchange."""

    service: str
    retry_delays_seconds: Sequence[float] = ()

    @property
    def main(self) -> str:
        return f"foyer.{self.service}"

    @property
    def parked(self) -> str:
        return f"{self.main}.parked"

    @property
    def retry_exchange(self) -> str:
        return f"{self.main}.retry"

    @property
    def live_exchange(self) -> str:
        return f"{self.main}.live"

    def retry(self, delay_seconds: float) -> str:
        return f"{self.retry_exchange}.{round(delay_seconds * 1000)}ms"


def retry_message(queues: Queues, message: Incoming, reason: str) -> Outgoing:
    """The message for its next attempt after a pause, or for the parking queue when the attempts are used up."""
    if message.attempt > len(queues.retry_delays_seconds):
        return parked_message(queues, message, reason)
    delay = queues.retry_delays_seconds[message.attempt - 1]
    return _again(queues, message, queues.retry(delay), {ATTEMPT_HEADER: message.attempt + 1, REASON_HEADER: reason})


def parked_message(queues: Queues, message: Incoming, reason: str) -> Outgoing:
    return _again(queues, message, queues.parked, {ATTEMPT_HEADER: message.attempt, REASON_HEADER: reason})


def redriven_message(queues: Queues, message: Incoming) -> Outgoing:
    """A parked message as if it had just arrived."""
    return _again(queues, message, queues.main, {ATTEMPT_HEADER: 1})


def _again(queues: Queues, message: Incoming, routing_key: str, headers: dict[str, Any]) -> Outgoing:
    # Headers are made anew: a copied x-death would count against the message in the broker.
    return Outgoing(
        exchange=queues.retry_exchange,
        routing_key=routing_key,
        body=message.body,
        message_id=message.message_id,
        headers={TYPE_HEADER: message.routing_key, **headers},
    )
