"""Status of the order and of its money in one: "Новый. Оплачивается"."""

MONEY_TITLES = {
    "ru": {
        "awaiting_payment": "Оплачивается",
        "partly_paid": "Оплачен частично",
        "paid": "Оплачен",
        "refund_requested": "Запрошен возврат",
        "refunding": "Возвращаются деньги",
        "refund_failed": "Возврат требует внимания",
        "partly_refunded": "Деньги возвращены частично",
        "refunded": "Деньги возвращены",
    },
    "en": {
        "awaiting_payment": "Being paid",
        "partly_paid": "Partly paid",
        "paid": "Paid",
        "refund_requested": "Refund requested",
        "refunding": "Refund in progress",
        "refund_failed": "The refund needs attention",
        "partly_refunded": "Partly refunded",
        "refunded": "Refunded",
    },
}


def combined_title(status: str, money_status: str, locale: str, *, over_without_money: bool, free: bool) -> str:
    """Status of the order and of its money in one: "Новый. Оплачивается"."""
    money = None if over_without_money or free else MONEY_TITLES[locale].get(money_status)
    return ". ".join(part for part in (status, money) if part)
