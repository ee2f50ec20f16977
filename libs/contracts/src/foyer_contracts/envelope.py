"""The wire format of every event: CloudEvents 1.0, structured JSON mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from .ids import new_id

CONTENT_TYPE = "application/cloudevents+json"

PUBLIC_EXCHANGE = "foyer.events"
PRIVATE_EXCHANGE = "foyer.private"
LOG_STREAM = "foyer.events.log"


#: An instant: RFC 3339 with an offset on the wire (publishers write UTC); one without an offset is refused.
Instant = AwareDatetime


class EventData(BaseModel):
    """Base of every event's `data`. Unknown fields are ignored: a newer publisher may send more.

    Class attributes:
        type: routing key and CloudEvents type, `<service>.<thing>.<past tense>.v<major>`.
        private: True for personal contact data, which travels on `foyer.private` only.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: ClassVar[str]
    private: ClassVar[bool] = False


D = TypeVar("D", bound=EventData)


class Event(BaseModel, Generic[D]):
    """One event on the wire.

    Attributes:
        subject: id of the aggregate that changed.
        sequence: version of that aggregate after the change; a consumer drops what is older than it knows.
        causationid: id of the event (or of the HTTP request) that caused this one (CloudEvents correlation extension).
        traceparent: W3C trace context of the publishing span (CloudEvents distributed tracing extension).
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: UUID = Field(default_factory=new_id)
    source: str = Field(pattern=r"^/foyer/[a-z]+$")
    type: str = Field(pattern=r"^[a-z]+(\.[a-z_]+)+\.v[1-9][0-9]*$")
    subject: str = Field(min_length=1)
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    sequence: int = Field(ge=0)
    causationid: str | None = None
    traceparent: str | None = None
    data: D

    @classmethod
    def make(
        cls,
        data: D,
        *,
        subject: UUID,
        sequence: int,
        time: datetime,
        causation_id: str | None = None,
        traceparent: str | None = None,
        event_id: UUID | None = None,
    ) -> "Event[D]":
        """An event of `data` about the aggregate `subject` at its version `sequence`."""
        type_ = data.type
        return Event.model_construct(
            specversion="1.0",
            id=event_id or new_id(),
            source="/foyer/" + type_.partition(".")[0],
            type=type_,
            subject=str(subject),
            time=time,
            datacontenttype="application/json",
            dataschema=schema_uri(type_),
            sequence=sequence,
            causationid=causation_id,
            traceparent=traceparent,
            data=data,
        )

    @property
    def exchange(self) -> str:
        return PRIVATE_EXCHANGE if self.data.private else PUBLIC_EXCHANGE

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True, serialize_as_any=True).encode()


def schema_uri(event_type: str) -> str:
    """The `dataschema` of an event type; the schema itself is `schemas/<type>.json` of this package."""
    return f"urn:foyer:schema:{event_type}"


AnyEvent = Event[Any]
