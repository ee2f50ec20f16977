"""What can happen at the provider: one method per event, one transaction each, with the notifications it causes.

Nothing here awaits, so two requests never interleave: what is left to refund cannot be spent twice.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from foyer_sandbox.provider import domain, requests
from foyer_sandbox.provider.domain import Cancellation, Payment, Refund
from foyer_sandbox.provider.errors import ApiError, invalid
from foyer_sandbox.provider.store import Store
from foyer_sandbox.provider.switches import ProviderSwitches
from foyer_sandbox.switches import SwitchBoard

KEY_LIFETIME_SECONDS = 86_400
MAX_KEY_LENGTH = 64
#: Of one payment: https://yookassa.ru/developers/solutions-for-platforms/marketplaces/receipts
MOST_RECEIPTS = 30


@dataclass
class Result:
    """The object a request ended in, as shown to the caller, and the notifications that it caused."""

    shown: dict[str, Any]
    notifications: list[int] = field(default_factory=list)


class Bank:
    """The provider's books."""

    def __init__(self, store: Store, board: SwitchBoard[ProviderSwitches], shop_id: str, public_url: str) -> None:
        self.store = store
        self._board = board
        self._shop_id = shop_id
        self._public_url = public_url

    # What the shop asks for

    def once(self, key: str | None, path: str, body: dict[str, Any], work: Callable[[], Result]) -> Result:
        """Do `work` once per idempotence key; a repeat answers the same object in its present state.

        Raises ApiError 400 without a key, or when the key came with another request in the last 24 hours.
        A refused request does not use up its key.
        """
        if not key or len(key) > MAX_KEY_LENGTH:
            raise invalid(f"Idempotence-Key of 1 to {MAX_KEY_LENGTH} characters is required", "Idempotence-Key")
        content = json.dumps(body, sort_keys=True, ensure_ascii=False)
        fingerprint = hashlib.sha256(f"{path}\n{content}".encode()).hexdigest()
        now = time.time()
        with self.store.database.transaction():
            known = self.store.remembered(key, now - KEY_LIFETIME_SECONDS)
            if known is None:
                result = work()
                self.store.remember(key, fingerprint, result.shown["id"], now)
                return result
        if known[0] != fingerprint:
            raise invalid("Idempotence key duplicated", "Idempotence-Key")
        return Result(self.shown(known[1]))

    def create_payment(self, body: dict[str, Any]) -> Result:
        """A pending payment with its confirmation page, or a finished one by a saved method."""
        now = datetime.now(UTC)
        switches = self._board.now
        amount, currency = requests.amount_of(body)
        method = self._saved_method(body)
        payment = Payment(
            id=domain.new_id("payment", now),
            status="pending",
            amount=amount,
            currency=currency,
            capture=requests.flag_of(body, "capture"),
            created_at=now,
            due_at=now + timedelta(seconds=switches.payment_expiry_seconds),
            description=requests.text_of(body, "description", 128),
            return_url=None if method else requests.return_url_of(body),
            metadata=requests.metadata_of(body),
            receipt=requests.receipt_of(body, amount),
            save_payment_method=requests.flag_of(body, "save_payment_method"),
            payment_method=self._announced_method(body, now),
            merchant_customer_id=requests.text_of(body, "merchant_customer_id", 200),
        )
        with self.store.database.transaction():
            self.store.save_payment(payment)
            if method:
                return self._confirm(payment, method)
            pending = self._shown(payment)
            if switches.pay_on_create == "off":
                return Result(pending)
            done = (
                self.pay(payment.id) if switches.pay_on_create == "pay" else self.decline(payment.id, "general_decline")
            )
            return Result(pending, done.notifications)

    def capture(self, payment_id: str, body: dict[str, Any]) -> Result:
        """Take the reserved money, or less of it; the rest is released to the payer."""
        with self.store.database.transaction():
            payment = self._payment(payment_id)
            if payment.status != "waiting_for_capture":
                raise invalid(f"Payment has status {payment.status}, only waiting_for_capture can be captured")
            if body.get("amount") is not None:
                amount, currency = requests.amount_of(body)
                if amount > payment.amount or currency != payment.currency:
                    raise invalid("Amount to capture is more than what is reserved", "amount.value")
                payment.amount = amount
            payment.receipt = requests.receipt_of(body, payment.amount) or payment.receipt
            payment.status, payment.captured_at, payment.due_at = "succeeded", datetime.now(UTC), None
            return self._moved(payment)

    def cancel(self, payment_id: str) -> Result:
        """Release the reserved money; a payment in any other status refuses."""
        with self.store.database.transaction():
            payment = self._payment(payment_id)
            if payment.status != "waiting_for_capture":
                raise invalid(f"Payment has status {payment.status}, only waiting_for_capture can be canceled")
            domain.cancel(payment, "merchant", "canceled_by_merchant")
            return self._moved(payment)

    def refund(self, body: dict[str, Any]) -> Result:
        """Give back all or part of a captured payment."""
        now = datetime.now(UTC)
        switches = self._board.now
        if switches.refund_failure == "http_500":
            raise ApiError(500, "Internal server error")
        payment_id = body.get("payment_id")
        with self.store.database.transaction():
            payment = self.store.payment(payment_id) if isinstance(payment_id, str) else None
            if payment is None:
                raise invalid("Payment doesn't exist or access denied", "payment_id")
            amount, currency = requests.amount_of(body)
            domain.check_refund(payment, amount, currency)
            refund = Refund(
                id=domain.new_id("refund", now),
                payment_id=payment.id,
                status="pending",
                amount=amount,
                currency=currency,
                created_at=now,
                due_at=now + timedelta(seconds=switches.refund_pending_seconds),
                fails=switches.refund_failure == "canceled",
                description=requests.text_of(body, "description", 250),
                metadata=requests.metadata_of(body),
                receipt=requests.receipt_of(body, amount),
            )
            payment.refunding += amount
            self.store.save_payment(payment)
            self.store.save_refund(refund)
            return self._settle(refund) if not switches.refund_pending_seconds else Result(domain.refund_object(refund))

    def receipt(self, body: dict[str, Any]) -> Result:
        """A receipt apart from its payment: what closes a prepayment or offsets an advance, or gives that back. Its
        items and settlements come to one sum; all of them together to no more than what of the payment was not given
        back, and to nothing less than nothing."""
        payment_id = body.get("payment_id")
        with self.store.database.transaction():
            payment = self.store.payment(payment_id) if isinstance(payment_id, str) else None
            if body.get("type") not in ("payment", "refund") or payment is None or payment.status != "succeeded":
                raise invalid("A succeeded payment is needed", "payment_id")
            settlements = body.get("settlements")
            if not isinstance(settlements, list) or len(settlements) != 1 or settlements[0].get("type") != "prepayment":
                raise invalid("One settlement of type prepayment is needed", "settlements")
            total, _ = requests.amount_of(settlements[0])
            before = self.store.receipts(payment.id)
            if len(before) >= MOST_RECEIPTS:
                raise invalid("No more receipts can be made of this payment", "payment_id")
            settled = sum(
                requests.amount_of(item["settlements"][0])[0] * (1 if item["type"] == "payment" else -1)
                for item in before
            )
            after = settled + (total if body["type"] == "payment" else -total)
            if not 0 <= after <= payment.amount - (payment.refunded if body["type"] == "payment" else 0):
                raise invalid("Settlements are more than what was paid", "settlements")
            if body.get("send") is not True:
                raise invalid("send must be true", "send")
            requests.receipt_of({"receipt": body}, total)
            receipt_id = "rt-" + domain.new_id("payment", datetime.now(UTC))
            shown = {
                "id": receipt_id,
                "type": body["type"],
                "payment_id": payment.id,
                "status": "pending",
                "items": body["items"],
                "settlements": settlements,
            }
            self.store.add_receipt(receipt_id, payment.id, shown | {"customer": body.get("customer")})
            return Result(shown)

    def shown(self, object_id: str) -> dict[str, Any]:
        """A payment or refund as it is now; 404 when there is none."""
        if receipt := self.store.receipt(object_id):
            return {name: value for name, value in receipt.items() if name != "customer"}
        refund = self.store.refund(object_id)
        return domain.refund_object(refund) if refund else self._shown(self._payment(object_id))

    # What the payer, the banks and time do

    def pay(self, payment_id: str, card: str = domain.GOOD_CARD) -> Result:
        """The payer pays with a test card, which may be one that is declined; 400 unless pending."""
        if card not in domain.CARDS:
            raise invalid("No such test card", "card")
        reason = domain.CARDS[card]
        if reason:
            return self.decline(payment_id, reason, card)
        with self.store.database.transaction():
            payment = self._pending(payment_id)
            if payment.payment_method and payment.payment_method["type"] == "sbp":
                return self._confirm(payment, domain.sbp_method(payment.id))
            return self._confirm(payment, domain.card_method(payment.id, card, payment.save_payment_method))

    def decline(self, payment_id: str, reason: str, card: str = domain.GOOD_CARD) -> Result:
        """The payer's bank refuses; 400 unless pending."""
        with self.store.database.transaction():
            payment = self._pending(payment_id)
            payment.payment_method = domain.card_method(payment.id, card, saved=False)
            domain.cancel(payment, "payment_network", reason)
            return self._moved(payment)

    def expire(self, payment_id: str) -> Result:
        """Time runs out for a payment that waits for its payer or for its capture; 400 for any other."""
        with self.store.database.transaction():
            payment = self._payment(payment_id)
            if payment.status not in {"pending", "waiting_for_capture"}:
                raise invalid(f"Payment has status {payment.status} and cannot expire")
            waited_for = "confirmation" if payment.status == "pending" else "capture"
            domain.cancel(payment, "yoo_money", f"expired_on_{waited_for}")
            return self._moved(payment)

    def run_clock(self) -> bool:
        """Expire and settle what is due; true if anything happened."""
        payments, refunds = self.store.due(datetime.now(UTC))
        for payment in payments:
            self.expire(payment.id)
        for refund in refunds:
            with self.store.database.transaction():
                self._settle(refund)
        return bool(payments or refunds)

    def _settle(self, refund: Refund) -> Result:
        payment = self._payment(refund.payment_id)
        payment.refunding -= refund.amount
        refund.due_at = None
        if refund.fails:
            refund.status = "canceled"
            refund.cancellation = Cancellation(party="refund_network", reason="insufficient_funds")
        else:
            refund.status = "succeeded"
            payment.refunded += refund.amount
        self.store.save_payment(payment)
        self.store.save_refund(refund)
        shown = domain.refund_object(refund)
        # The provider has no notification of a failed refund: whoever needs it has to ask.
        return Result(shown, [] if refund.fails else [self._notify("refund.succeeded", shown)])

    def _confirm(self, payment: Payment, method: dict[str, Any]) -> Result:
        domain.confirm(payment, method, datetime.now(UTC), self._board.now.capture_expiry_seconds)
        return self._moved(payment)

    def _moved(self, payment: Payment) -> Result:
        self.store.save_payment(payment)
        shown = self._shown(payment)
        return Result(shown, [self._notify(f"payment.{payment.status}", shown)])

    def _notify(self, event: str, shown: dict[str, Any]) -> int:
        switches = self._board.now
        now = time.time()
        at = None if switches.drop_webhooks else now + switches.webhook_delay_seconds
        return self.store.add_notification(
            event, shown["id"], shown, now=now, at=at, copies=switches.webhook_duplicates
        )

    def _payment(self, payment_id: str) -> Payment:
        payment = self.store.payment(payment_id)
        if payment is None:
            raise ApiError(404, "Payment doesn't exist or access denied", "payment_id")
        return payment

    def _pending(self, payment_id: str) -> Payment:
        payment = self._payment(payment_id)
        if payment.status == "pending" and payment.due_at and payment.due_at <= datetime.now(UTC):
            raise invalid("Payment has expired")
        if payment.status != "pending":
            raise invalid(f"Payment has status {payment.status}, only a pending one can be paid or declined")
        return payment

    def _shown(self, payment: Payment) -> dict[str, Any]:
        return domain.payment_object(payment, self._shop_id, self._public_url)

    def _saved_method(self, body: dict[str, Any]) -> dict[str, Any] | None:
        method_id = body.get("payment_method_id")
        if method_id is None:
            return None
        first = self.store.payment(method_id) if isinstance(method_id, str) else None
        if first is None or not first.payment_method or not first.payment_method["saved"]:
            raise invalid("Payment method doesn't exist or is not saved", "payment_method_id")
        return first.payment_method

    @staticmethod
    def _announced_method(body: dict[str, Any], now: datetime) -> dict[str, Any] | None:
        data = body.get("payment_method_data")
        if data is None:
            return None
        if not isinstance(data, dict) or data.get("type") not in {"bank_card", "sbp"}:
            raise invalid("This shop takes bank cards and SBP only", "payment_method_data.type")
        return {"type": data["type"], "id": domain.new_id("payment", now), "saved": False, "status": "inactive"}
