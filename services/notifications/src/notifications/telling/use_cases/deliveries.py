"""People are told of what happened: queued with the event, looked at in turn, sent, and told off as sent or failed."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from foyer_chassis import log, telemetry
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts import notifications as events
from foyer_contracts.ids import new_id

from ...feed import store as feed
from ...feed.domain import Entry, to_person, to_role
from ...order_copies import store as order_copies
from ...recipients import store as recipients
from ...recipients.domain import DeviceKind
from ...telegram import store as telegram
from ..domain.audience import addressed_as, channels_for, feed_of
from ..domain.deliveries import Attempt, Delivery, NotOverError, Patience, Send, Skip, State, Wait, decide, settled
from ..domain.rules import Channel, Happened, Rule, channels_of, people, role, rule_of, rules_for
from ..store import deliveries as store
from ..store import preferences

_logger = log.get(__name__)


async def tell(transaction: Transaction, happened: Happened) -> bool:
    """Write the feeds and queue the deliveries that the table says, as it was changed for people's roles. Whether
    anything was queued.

    Nothing is queued for the chats of those who have linked none: nobody is made to wait for that, and few have.
    """
    entries: list[Entry] = []
    queued: list[Delivery] = []
    rules = rules_for(happened)
    changed = await preferences.of_templates(transaction, [rule.template for rule in rules]) if rules else {}
    for rule in rules:
        said = changed.get(rule.template, {})
        addressed = people(rule, happened)
        roles = await recipients.roles_of(transaction, addressed) if said else {}
        told_by = {person: channels_for(rule, roles.get(person, ()), said) for person in addressed}
        persons = [person for person, channels in told_by.items() if channels]
        linked = await telegram.linked(transaction, persons) if Channel.TELEGRAM in rule.channels else frozenset()
        if Channel.FEED in rule.channels:
            of_role = role(rule, happened)
            entries += [
                _entry(transaction, happened, rule, to_person(person))
                for person in persons
                if Channel.FEED in told_by[person]
            ]
            if of_role is not None and feed_of(rule, of_role, said):
                entries.append(_entry(transaction, happened, rule, to_role(of_role)))
        queued += [
            _queued(transaction, happened, rule, person, channel)
            for person in persons
            for channel in channels_of(rule)
            if channel is not Channel.TELEGRAM or person in linked
        ]
    await feed.add(transaction, entries)
    await store.add(transaction, queued)
    return bool(queued)


def _entry(transaction: Transaction, happened: Happened, rule: Rule, addressee: str) -> Entry:
    return Entry(
        id=new_id(),
        event_id=happened.event_id,
        addressee=addressee,
        template=rule.template,
        facts=happened.facts,
        order_id=happened.order_id,
        created_at=transaction.now,
    )


def _queued(transaction: Transaction, happened: Happened, rule: Rule, person: UUID, channel: Channel) -> Delivery:
    return Delivery(
        id=new_id(),
        event_id=happened.event_id,
        recipient_id=person,
        channel=channel,
        template=rule.template,
        facts=happened.facts,
        order_id=happened.order_id,
        order_sequence=happened.order_sequence,
        state=State.QUEUED,
        reason=None,
        attempts=0,
        created_at=transaction.now,
        due_at=transaction.now + rule.after,
        finished_at=None,
        version=1,
        traceparent=telemetry.current_traceparent(),
    )


async def look(
    transaction: Transaction, delivery: Delivery, patience: Patience, kinds: Collection[DeviceKind]
) -> Send | Wait | Skip:
    """What to do with a claimed delivery, by what is known now. Push goes to devices of these `kinds`."""
    order_id, conversation_id = delivery.order_id, delivery.facts.get("conversation_id")
    offer_id = delivery.facts.get("offer_id")
    recipient = await recipients.recipient(transaction, delivery.recipient_id)
    devices = (
        await recipients.devices_of(transaction, delivery.recipient_id) if delivery.channel is Channel.PUSH else []
    )
    decision = decide(
        delivery,
        recipient=recipient,
        devices=[device for device in devices if device.kind in kinds],
        chat_id=await telegram.chat_of(transaction, delivery.recipient_id)
        if delivery.channel is Channel.TELEGRAM
        else None,
        order=(await order_copies.copies(transaction, [order_id])).get(order_id) if order_id else None,
        conversation=await order_copies.conversation(transaction, UUID(conversation_id)) if conversation_id else None,
        offer_over=await order_copies.offer_over(transaction, UUID(offer_id)) if offer_id else None,
        wishes=await preferences.wishes(
            transaction,
            delivery.recipient_id,
            addressed_as(rule_of(delivery.template), recipient.roles if recipient else ()),
        ),
        last_sent_at=await store.last_sent_at(transaction, delivery, after=transaction.now - patience.burst)
        if patience.burst and not rule_of(delivery.template).critical
        else None,
        patience=patience,
        now=transaction.now,
    )
    if devices and decision == Skip("no_device"):
        return Skip("push_not_configured")
    return decision


async def wait(transaction: Transaction, delivery: Delivery, wait: Wait) -> None:
    """Something the text or the channel needs is not here yet, or it is not the hour."""
    await _save(
        transaction,
        replace(
            delivery,
            waiting_for=wait.waiting_for,
            due_at=wait.until or transaction.now + Patience.LOOK_AGAIN,
            version=delivery.version + 1,
        ),
    )


async def skip(transaction: Transaction, delivery: Delivery, reason: str) -> None:
    """It is not sent: nobody can be reached, or it is no longer true. That is no failure, so no event tells of it."""
    await _save(transaction, _finished(transaction, delivery, State.SKIPPED, reason))


async def record(transaction: Transaction, delivery: Delivery, attempt: Attempt, patience: Patience) -> None:
    """Take in what the channel said."""
    await recipients.remove(transaction, attempt.gone)
    if attempt.gone_chat is not None:
        await telegram.unlink_chat(transaction, attempt.gone_chat)
    state, reason = settled(delivery, attempt)
    tried = replace(
        delivery, attempts=delivery.attempts + 1, reached=(*delivery.reached, *attempt.reached), reason=reason
    )
    if state is State.QUEUED:
        assert attempt.not_now is not None
        pause = patience.retry(tried.attempts, attempt.not_now.retry_after)
        if pause is not None:
            await _save(transaction, _later(transaction, tried, pause))
            return
        state = State.SENT if tried.reached else State.FAILED
    finished = _finished(transaction, tried, state, reason)
    if not await _save(transaction, finished):
        return
    told = {
        "delivery_id": finished.id,
        "recipient_id": finished.recipient_id,
        "channel": finished.channel.value,
        "template": finished.template,
        "caused_by": str(finished.event_id),
    }
    transaction.publish(
        events.DeliverySent(**told)
        if state is State.SENT
        else events.DeliveryFailed(**told, reason=reason or "unknown"),
        subject=finished.id,
        sequence=finished.version,
    )


async def send_again(transaction: Transaction, delivery_id: UUID) -> Delivery:
    """Somebody wants it tried again: a delivery that failed or was skipped is queued as if new.

    Raises:
        NotFoundError: there is no such delivery.
        NotOverError: it is under way, or it arrived.
    """
    again = await store.queue_again(transaction, delivery_id)
    if again is not None:
        return again
    known = await store.by_id(transaction, delivery_id)
    if known is None:
        raise NotFoundError
    raise NotOverError(state=known.state.value)


async def wake_of_order(transaction: Transaction, order_id: UUID) -> bool:
    return await store.wake_of_order(transaction, order_id)


async def wake_of_recipient(transaction: Transaction, person_id: UUID) -> bool:
    return await store.wake_of_recipient(transaction, person_id)


def _finished(transaction: Transaction, delivery: Delivery, state: State, reason: str | None) -> Delivery:
    return replace(delivery, state=state, reason=reason, finished_at=transaction.now, version=delivery.version + 1)


def _later(transaction: Transaction, delivery: Delivery, pause: timedelta) -> Delivery:
    return replace(delivery, due_at=transaction.now + pause, version=delivery.version + 1)


async def _save(transaction: Transaction, delivery: Delivery) -> bool:
    if await store.save(transaction, delivery):
        return True
    # Another worker took it over: its outcome counts, and a second copy may have gone out (see README).
    _logger.warning("delivery_claim_lost", delivery_id=str(delivery.id), channel=delivery.channel.value)
    return False
