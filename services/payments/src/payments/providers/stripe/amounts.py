"""Amounts as Stripe counts them: in the currency's smallest unit as ours, with the exceptions of
https://docs.stripe.com/currencies."""

from foyer_contracts.money import Money

from ...paying.domain import ProviderRefusedError, ProviderUnclearError

#: Digits after the point that Stripe writes an amount with, where they are not those of ISO 4217.
_OTHER_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}
#: Digits at the end of an amount that must be zeros there: of three decimals the last one is never charged.
_ZEROS_AT_THE_END = {"BHD": 1, "JOD": 1, "KWD": 1, "OMR": 1, "TND": 1}


def _power(digits: int) -> int:
    """Ten to the power of so many digits; 1 below zero."""
    return int("1" + "0" * digits)


def units(amount: Money) -> int:
    """An amount as Stripe counts it: 5 ISK are 500, 5.00 MGA are 5, everything else is as with us.

    Raises:
        ProviderRefusedError: Stripe cannot charge it so finely.
    """
    shift = _OTHER_EXPONENTS.get(amount.currency, amount.exponent) - amount.exponent
    whole, rest = divmod(amount.amount * _power(shift), _power(-shift))
    if rest or whole % _power(_ZEROS_AT_THE_END.get(amount.currency, 0)):
        raise ProviderRefusedError("amount_too_fine")
    return whole


def money(count: int, currency: str) -> Money:
    """The inverse of `units`. Raises ProviderUnclearError: finer than the currency has it."""
    nothing = Money.zero(currency.upper())
    shift = nothing.exponent - _OTHER_EXPONENTS.get(nothing.currency, nothing.exponent)
    amount, rest = divmod(count * _power(shift), _power(-shift))
    if rest:
        raise ProviderUnclearError("unreadable amount")
    return Money(amount=amount, currency=nothing.currency)
