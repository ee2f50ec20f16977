"""What tests of attached files share: contents of several types, and calls as staff make them."""

import io
from typing import Any

import xlsxwriter

from .conftest import Desk

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01" + bytes(60)
HTML = b"<!doctype html><script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EXE = b"MZ\x90\0" + bytes(200)
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook() -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet().write(0, 0, "Смета")
    book.close()
    return out.getvalue()


class Cabinet:
    """Attaching, listing, downloading and removing files, each as whoever is named."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def attach(
        self,
        order: dict[str, Any],
        content: Any = PDF,
        name: str = "Акт.pdf",
        media_type: str | None = "application/pdf",
        username: str = "sergey",
        *roles: str,
        **claims: Any,
    ) -> Any:
        headers = {} if media_type is None else {"Content-Type": media_type}
        client = self.desk.client(username, *(roles or ("service_manager",)), **claims)
        path = f"/v1/orders/{order['number']}/files"
        return await client.post(path, params={"name": name}, content=content, headers=headers)

    async def attached(self, order: dict[str, Any], content: Any = PDF, **more: Any) -> dict[str, Any]:
        answer = await self.attach(order, content, **more)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def listed(self, order: dict[str, Any], username: str = "sergey", *roles: str, **claims: Any) -> Any:
        client = self.desk.client(username, *(roles or ("service_manager",)), **claims)
        return await client.get(f"/v1/orders/{order['number']}/files")

    async def names(self, order: dict[str, Any]) -> list[str]:
        answer = await self.listed(order)
        assert answer.status_code == 200, answer.text
        return [item["name"] for item in answer.json()["items"]]

    async def get(self, order: dict[str, Any], file: dict[str, Any], username: str = "sergey", *roles: str) -> Any:
        client = self.desk.client(username, *(roles or ("service_manager",)))
        return await client.get(f"/v1/orders/{order['number']}/files/{file['id']}")

    async def remove(self, order: dict[str, Any], file: dict[str, Any], username: str = "sergey", *roles: str) -> Any:
        client = self.desk.client(username, *(roles or ("service_manager",)))
        return await client.delete(f"/v1/orders/{order['number']}/files/{file['id']}")
