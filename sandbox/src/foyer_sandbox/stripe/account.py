"""What can happen at Stripe: one method per request and per deed of a payer. Amounts in the smallest unit.

As at the real one: a card that is declined on a session's page leaves the session open; a saved card that is declined
answers 402; an intent is captured at once unless its `capture_method` is manual.
"""

import json
import secrets
import time
from typing import Any

from foyer_sandbox.stripe.errors import StripeError, missing, no_such
from foyer_sandbox.stripe.store import Store
from foyer_sandbox.stripe.switches import StripeSwitches
from foyer_sandbox.switches import SwitchBoard

SESSION_SECONDS = 86_400
MAX_AMOUNT = 99_999_999
GOOD_CARD = "4242424242424242"
#: Test cards and why each is declined.
CARDS: dict[str, str | None] = {
    GOOD_CARD: None,
    "4000000000009995": "insufficient_funds",
    "4000000000000002": "generic_decline",
}


def _id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def _moved(amount: int, fee: int, currency: str) -> dict[str, Any]:
    """A movement on the account's balance; `fee` is positive where it is assessed."""
    return {
        "id": _id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "currency": currency,
        "fee": fee,
        "net": amount - fee,
    }


#: https://docs.stripe.com/currencies: amounts of these have no decimals, or three of which the last is always 0.
NO_DECIMALS = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMALS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
#: Have no decimals, and are counted in hundredths all the same.
WHOLE_HUNDREDS = frozenset({"isk", "ugx"})


def in_figures(amount: int, currency: str) -> str:
    """As people read it: 1234 eur is 12.34, 1234 jpy 1234."""
    digits = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    return f"{amount / 10**digits:.{digits}f}"


def _fits(amount: int, currency: str, param: str) -> None:
    step = 10 if currency in THREE_DECIMALS else 100 if currency in WHOLE_HUNDREDS else 1
    if amount % step:
        raise StripeError(f"Amounts of {currency} must be divisible by {step}", param=param)


def _amount(value: Any, param: str) -> int:
    text = str(value if value is not None else "")
    if not text.isdecimal() or not 0 < int(text) <= MAX_AMOUNT:
        raise StripeError("Invalid positive integer", code="parameter_invalid_integer", param=param)
    return int(text)


def _currency(value: Any, param: str) -> str:
    if not (isinstance(value, str) and len(value) == 3 and value.isalpha()):
        raise StripeError("Invalid currency", param=param)
    return value.lower()


def _metadata(body: dict[str, Any], name: str = "metadata") -> dict[str, str]:
    given = body.get(name) or {}
    if not isinstance(given, dict) or len(given) > 50:
        raise StripeError("Invalid metadata", param=name)
    return {str(key): str(value) for key, value in given.items()}


class Account:
    """The books of one account."""

    def __init__(self, store: Store, board: SwitchBoard[StripeSwitches], public_url: str) -> None:
        self.store = store
        self._board = board
        self._public_url = public_url

    # What the shop asks for

    def create_session(self, body: dict[str, Any]) -> dict[str, Any]:
        """A page where one may pay."""
        items = body.get("line_items")
        if body.get("mode") != "payment" or not isinstance(items, list) or not items:
            raise missing("line_items")
        if not body.get("success_url"):
            raise missing("success_url")
        total, currency = 0, ""
        for index, item in enumerate(items):
            where = f"line_items[{index}][price_data]"
            price = item.get("price_data") or {}
            if not (price.get("product_data") or {}).get("name"):
                raise missing(f"{where}[product_data][name]")
            currency = _currency(price.get("currency"), f"{where}[currency]")
            _fits(_amount(price.get("unit_amount"), f"{where}[unit_amount]"), currency, f"{where}[unit_amount]")
            total += _amount(price.get("unit_amount"), f"{where}[unit_amount]") * _amount(item.get("quantity"), where)
        wanted = body.get("payment_intent_data") or {}
        id_ = _id("cs_test")
        session = {
            "id": id_,
            "object": "checkout.session",
            "mode": "payment",
            "status": "open",
            "payment_status": "unpaid",
            "amount_subtotal": total,
            "amount_total": total,
            "currency": currency,
            "client_reference_id": body.get("client_reference_id"),
            "customer": None,
            "customer_email": body.get("customer_email"),
            "livemode": False,
            "created": int(time.time()),
            "expires_at": int(time.time()) + SESSION_SECONDS,
            "metadata": _metadata(body),
            "payment_intent": None,
            "payment_method_types": body.get("payment_method_types") or ["card"],
            "success_url": body["success_url"],
            "cancel_url": body.get("cancel_url"),
            "url": f"{self._public_url}/pay/{id_}",
            "_intent": {
                "metadata": _metadata(wanted),
                "capture_method": wanted.get("capture_method", "automatic_async"),
                "setup_future_usage": wanted.get("setup_future_usage"),
                "customer": _id("cus") if body.get("customer_creation") == "always" else None,
            },
        }
        self._save_session(session)
        return session

    def create_intent(self, body: dict[str, Any]) -> dict[str, Any]:
        """A payment by a saved card, confirmed at once and without its holder."""
        amount, currency = _amount(body.get("amount"), "amount"), _currency(body.get("currency"), "currency")
        _fits(amount, currency, "amount")
        method = self.store.get("method", str(body.get("payment_method")))
        if method is None or method["customer"] != body.get("customer"):
            raise no_such("PaymentMethod", str(body.get("payment_method")), "payment_method")
        if body.get("confirm") != "true" or body.get("off_session") != "true":
            raise missing("confirm")
        intent = self._new_intent(amount, currency, _metadata(body), body.get("capture_method", "automatic_async"))
        intent["customer"] = method["customer"]
        reason = CARDS[method["_number"]]
        if reason is not None:
            raise StripeError(
                "Your card was declined.", status=402, kind="card_error", code="card_declined", decline_code=reason
            )
        self._confirm(intent, method)
        return intent

    def method(self, id_: str) -> dict[str, Any]:
        found = self.store.get("method", id_)
        if found is None:
            raise no_such("PaymentMethod", id_, "payment_method")
        return found

    def detach(self, id_: str) -> dict[str, Any]:
        """A saved card is its customer's no longer, for good."""
        method = self.method(id_)
        if method["customer"] is None:
            raise StripeError("The payment method you provided is not attached to a customer", param="payment_method")
        method["customer"] = None
        self.store.save("method", method)
        self._tell("payment_method.detached", method)
        return method

    def capture(self, id_: str) -> dict[str, Any]:
        intent = self.intent(id_)
        if intent["status"] != "requires_capture":
            raise self._unexpected(intent)
        intent["status"], intent["amount_received"] = "succeeded", intent["amount"]
        self._save_intent(intent)
        return intent

    def cancel(self, id_: str) -> dict[str, Any]:
        intent = self.intent(id_)
        if intent["status"] not in {"requires_capture", "requires_payment_method"}:
            raise self._unexpected(intent)
        intent["status"], intent["cancellation_reason"] = "canceled", None
        self._save_intent(intent)
        return intent

    @staticmethod
    def _unexpected(intent: dict[str, Any]) -> StripeError:
        return StripeError(
            f"This PaymentIntent has a status of {intent['status']}.", code="payment_intent_unexpected_state"
        )

    def refund(self, body: dict[str, Any]) -> dict[str, Any]:
        """Give back all or part of a captured payment."""
        intent = self.intent(str(body.get("payment_intent")), param="payment_intent")
        amount = _amount(body.get("amount", intent["amount_received"]), "amount")
        if amount > intent["amount_received"] - intent["_refunded"]:
            raise StripeError(
                "Refund amount is greater than unrefunded amount on charge", code="charge_already_refunded"
            )
        if intent.get("_dispute") in {"open", "lost"}:
            raise StripeError("The charge has been charged back", code="charge_disputed")
        switches = self._board.now
        refund = {
            "id": _id("re"),
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "status": "pending",
            "created": int(time.time()),
            "metadata": _metadata(body),
            "_fails": switches.refund_failure == "failed",
        }
        intent["_refunded"] += amount
        self.store.save("intent", intent)
        if switches.refund_pending_seconds:
            self.store.save("refund", refund, due_at=time.time() + switches.refund_pending_seconds)
        else:
            self._settle(refund)
        return refund

    def _settle(self, refund: dict[str, Any]) -> None:
        if refund["_fails"]:
            intent = self.intent(refund["payment_intent"])
            intent["_refunded"] -= refund["amount"]
            self.store.save("intent", intent)
            refund["status"], refund["failure_reason"] = "failed", "expired_or_canceled_card"
        else:
            refund["status"] = "succeeded"
        self.store.save("refund", refund)
        self._tell("refund.updated", refund)
        if refund["status"] == "failed":
            self._tell("refund.failed", refund)

    def bounce(self, refund_id: str) -> dict[str, Any]:
        """The payer's bank sends the money of a refund back after it had succeeded: it is on the account again."""
        refund = self.store.get("refund", refund_id)
        if refund is None:
            raise no_such("refund", refund_id, "id")
        if refund["status"] != "succeeded":
            raise StripeError(f"The refund is {refund['status']}")
        refund["_fails"] = True
        self._settle(refund)
        return refund

    def dispute(
        self, intent_id: str, *, amount: int | None = None, inquiry: bool = False, fee: int = 0
    ) -> dict[str, Any]:
        """The payer disputes a payment with their bank; a mere inquiry withdraws nothing. `fee`: what that costs, which
        comes back if the shop wins."""
        intent = self.intent(intent_id)
        if intent["status"] != "succeeded" or intent.get("_dispute"):
            raise StripeError("Nothing to dispute")
        dispute = {
            "id": _id("du"),
            "object": "dispute",
            "amount": amount or intent["amount_received"],
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "reason": "fraudulent",
            "status": "warning_needs_response" if inquiry else "needs_response",
            "balance_transactions": [],
            "evidence_details": {"due_by": int(time.time()) + 7 * 86_400, "submission_count": 0},
            "is_charge_refundable": inquiry,
            "created": int(time.time()),
            "livemode": False,
            "metadata": {},
            "_fee": fee,
        }
        self._tell_of_dispute("charge.dispute.created", dispute, intent, "inquiry" if inquiry else "open")
        return dispute

    def decide_dispute(self, id_: str, verdict: str) -> dict[str, Any]:
        """The bank makes a dispute of an inquiry (`escalated`), or drops it (`dropped`); the shop `won` or `lost`."""
        dispute = self.store.get("dispute", id_)
        if dispute is None:
            raise no_such("dispute", id_, "id")
        verdicts = {"warning_needs_response": {"escalated", "dropped"}, "needs_response": {"won", "lost"}}
        if verdict not in verdicts.get(dispute["status"], ()):
            raise StripeError(f"The dispute is {dispute['status']}")
        dispute["status"] = {"escalated": "needs_response", "dropped": "warning_closed"}.get(verdict, verdict)
        event = "charge.dispute.updated" if verdict == "escalated" else "charge.dispute.closed"
        state = {"escalated": "open", "dropped": "", "won": ""}.get(verdict, verdict)
        self._tell_of_dispute(event, dispute, self.intent(dispute["payment_intent"]), state)
        return dispute

    def _tell_of_dispute(self, event: str, dispute: dict[str, Any], intent: dict[str, Any], state: str) -> None:
        moved = dispute["balance_transactions"]
        funds = None
        if state == "open" and not moved:
            funds = "withdrawn"
            moved.append(_moved(-dispute["amount"], dispute.get("_fee", 0), dispute["currency"]))
        elif dispute["status"] == "won":
            funds = "reinstated"
            moved.append(_moved(dispute["amount"], -dispute.get("_fee", 0), dispute["currency"]))
        intent["_dispute"] = state
        intent["_disputed"] = -sum(item["amount"] for item in moved)
        self.store.save("intent", intent)
        self.store.save("dispute", dispute)
        self._tell(event, dispute)
        if funds is not None:
            self._tell(f"charge.dispute.funds_{funds}", dispute)

    def session(self, id_: str) -> dict[str, Any]:
        found = self.store.get("session", id_)
        if found is None:
            raise no_such("checkout.session", id_, "session")
        return found

    def intent(self, id_: str, *, param: str = "intent") -> dict[str, Any]:
        found = self.store.get("intent", id_)
        if found is None:
            raise no_such("payment_intent", id_, param)
        return found

    def shown(self, document: dict[str, Any], expand: list[str]) -> dict[str, Any]:
        """An object as the API shows it, with what it names in full where that was asked for."""
        made = {name: value for name, value in document.items() if not name.startswith("_")}
        for path in expand:
            name, _, rest = path.partition(".")
            value = made.get(name)
            kind = {"payment_intent": "intent", "payment_method": "method"}.get(name)
            if kind is not None and isinstance(value, str):
                found = self.store.get(kind, value)
                made[name] = None if found is None else self.shown(found, [rest] if rest else [])
        return made

    # What the payer, the banks and time do

    def pay(self, session_id: str, card: str = GOOD_CARD) -> dict[str, Any]:
        """The payer pays on the page; a declined card leaves the session open."""
        session = self.session(session_id)
        if session["status"] != "open":
            raise StripeError(f"The session is {session['status']}")
        if card not in CARDS:
            raise StripeError("No such test card", param="card")
        if CARDS[card] is not None:
            return session
        wanted = session["_intent"]
        intent = self._new_intent(
            session["amount_total"], session["currency"], wanted["metadata"], wanted["capture_method"]
        )
        intent["customer"], intent["setup_future_usage"] = wanted["customer"], wanted["setup_future_usage"]
        method = {
            "id": _id("pm"),
            "object": "payment_method",
            "type": "card",
            "customer": wanted["customer"],
            "card": {"brand": "visa", "last4": card[-4:], "exp_month": 12, "exp_year": 2035},
            "_number": card,
        }
        self.store.save("method", method)
        self._confirm(intent, method)
        paid = intent["status"] == "succeeded"
        session.update(
            status="complete",
            payment_status="paid" if paid else "unpaid",
            payment_intent=intent["id"],
            customer=wanted["customer"],
            url=None,
        )
        self._save_session(session, event="checkout.session.completed")
        return session

    def expire(self, session_id: str) -> dict[str, Any]:
        """Time runs out for a session, or the shop ends it."""
        session = self.session(session_id)
        if session["status"] != "open":
            raise StripeError(f"Only Checkout Sessions with a status of open can be expired, not {session['status']}")
        session.update(status="expired", url=None)
        self._save_session(session, event="checkout.session.expired")
        return session

    def run_clock(self) -> bool:
        """Expire and settle what is due; true if anything happened."""
        due = self.store.due(time.time())
        for kind, document in due:
            if kind == "session":
                self.expire(document["id"])
            else:
                self._settle(document)
        return bool(due)

    def _new_intent(self, amount: int, currency: str, metadata: dict[str, str], capture_method: str) -> dict[str, Any]:
        return {
            "id": _id("pi"),
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "currency": currency,
            "status": "requires_confirmation",
            "capture_method": capture_method,
            "created": int(time.time()),
            "customer": None,
            "setup_future_usage": None,
            "payment_method": None,
            "cancellation_reason": None,
            "last_payment_error": None,
            "next_action": None,
            "livemode": False,
            "metadata": metadata,
            "_refunded": 0,
        }

    def _confirm(self, intent: dict[str, Any], method: dict[str, Any]) -> None:
        intent["payment_method"] = method["id"]
        if intent["capture_method"] == "manual":
            intent["status"] = "requires_capture"
        else:
            intent["status"], intent["amount_received"] = "succeeded", intent["amount"]
        self._save_intent(intent)

    def _save_session(self, session: dict[str, Any], *, event: str | None = None) -> None:
        due = session["expires_at"] if session["status"] == "open" else None
        self.store.save("session", session, due_at=due)
        if event is not None:
            self._tell(event, session)

    def _save_intent(self, intent: dict[str, Any]) -> None:
        self.store.save("intent", intent)
        names = {"requires_capture": "amount_capturable_updated"}
        self._tell(f"payment_intent.{names.get(intent['status'], intent['status'])}", intent)

    def _tell(self, type_: str, document: dict[str, Any]) -> None:
        switches = self._board.now
        event_id = _id("evt")
        event = {
            "id": event_id,
            "object": "event",
            "type": type_,
            "created": int(time.time()),
            "data": {"object": self.shown(document, [])},
        }
        self.store.add_event(
            event_id,
            json.dumps(event, ensure_ascii=False),
            lost=switches.drop_webhooks,
            copies=switches.webhook_duplicates,
            now=time.time(),
        )
