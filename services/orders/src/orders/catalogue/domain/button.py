"""The button that a seller pastes into a site (D1, D2), and the page that shows it."""

from html import escape

from .offering import OnlineSale

_PAGE = """<!doctype html>
<html lang="{locale}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title></head>
<body style="margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;background:#f8f9fa">
{button}
</body>
</html>
"""  # noqa: E501


def button_html(sale: OnlineSale, url: str) -> str:
    """A link that looks as the seller wants it. It needs no script and no style sheet, so any site takes it."""
    style = ";".join(
        [
            "display:inline-flex",
            "align-items:center",
            "justify-content:center",
            "box-sizing:border-box",
            f"width:{sale.width_px:d}px",
            f"height:{sale.height_px:d}px",
            f"color:{sale.text_colour}",
            f"font-size:{sale.text_size_px:d}px",
            f"font-weight:{'bold' if sale.bold else 'normal'}",
            "font-family:sans-serif",
            "text-decoration:none",
            f"background:{sale.background}",
            f"border:{sale.border_width_px:d}px solid {sale.border_colour}",
            f"border-radius:{sale.radius_px:d}px",
        ]
    )
    attributes = f'href="{escape(url)}" target="_blank" rel="noopener" style="{escape(style)}"'
    return f"<a {attributes}>{escape(sale.text.strip())}</a>"


def preview_page(button: str, *, title: str, locale: str) -> str:
    """A page with nothing but the button."""
    return _PAGE.format(locale=escape(locale), title=escape(title), button=button)
