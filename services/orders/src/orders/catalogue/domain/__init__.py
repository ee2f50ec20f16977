"""What can be ordered: offerings, their forms, goods, categories; and the copies of what booking published."""

from .business_time import add_business_minutes
from .button import button_html, preview_page
from .categories import Category, CategoryInUseError, UnknownCategoryError
from .forms import AnswersInvalidError, Form, FormField, FormInvalidError, json_schema
from .goods import GoodsItem, NotGoodsError, OneCurrencyError, RepeatedSkuError, SkuTakenError
from .offering import (
    CancellationStep,
    Kind,
    NotForOnlineSaleError,
    Offering,
    OfferingInvalidError,
    OnlineSale,
    Terms,
    UnknownOfferingError,
    default_terms,
    sorted_steps,
)
from .places import (
    InThePastError,
    LocationCopy,
    NotOnSlotGridError,
    OpeningHours,
    OutsideOpeningHoursError,
    PriceMismatchError,
    ResourceCopy,
    UnknownResourceError,
    WrongCurrencyError,
    check_price,
)
from .texts import Text

__all__ = [
    "AnswersInvalidError",
    "CancellationStep",
    "Category",
    "CategoryInUseError",
    "Form",
    "FormField",
    "FormInvalidError",
    "GoodsItem",
    "InThePastError",
    "Kind",
    "LocationCopy",
    "NotForOnlineSaleError",
    "NotGoodsError",
    "NotOnSlotGridError",
    "Offering",
    "OfferingInvalidError",
    "OneCurrencyError",
    "OnlineSale",
    "OpeningHours",
    "OutsideOpeningHoursError",
    "PriceMismatchError",
    "RepeatedSkuError",
    "ResourceCopy",
    "SkuTakenError",
    "Terms",
    "Text",
    "UnknownCategoryError",
    "UnknownOfferingError",
    "UnknownResourceError",
    "WrongCurrencyError",
    "add_business_minutes",
    "button_html",
    "check_price",
    "default_terms",
    "json_schema",
    "preview_page",
    "sorted_steps",
]
