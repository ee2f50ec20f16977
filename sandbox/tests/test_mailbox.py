"""The mailbox, against the running process: mail in over SMTP, out as JSON and pages."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage

import httpx2
import pytest
from foyer_sandbox.testing import SandboxProcess, Starter, free_port


@pytest.fixture(scope="module")
def smtp_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def mailbox(sandbox: Starter, smtp_port: int) -> SandboxProcess:
    return sandbox("mailbox", FOYER_SANDBOX_SMTP_PORT=str(smtp_port))


@pytest.fixture
async def http(mailbox: SandboxProcess) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=mailbox.url, trust_env=False) as client:
        await client.delete("/sandbox/switches")
        await client.delete("/sandbox/messages")
        yield client


def new_mail(to: str = "anna@example.test", message_id: str = "<order-7@foyer.test>") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Foyer <no-reply@foyer.test>", f"Анна <{to}>"
    mail["Subject"] = "Заказ 7 подтверждён"
    mail["Message-ID"] = message_id
    mail.set_content("Оплата получена: 400 ₽")
    mail.add_alternative('<p>Оплата <b>получена</b></p><script>alert(1)</script><a href="https://x.test">x</a>', "html")
    mail.add_attachment(b"BEGIN:VCALENDAR", maintype="text", subtype="calendar", filename="slot.ics")
    return mail


async def deliver(smtp_port: int, mail: EmailMessage, *to: str) -> None:
    def run() -> None:
        with smtplib.SMTP("127.0.0.1", smtp_port, timeout=5) as server:
            server.send_message(mail, to_addrs=list(to) or None)

    await asyncio.to_thread(run)


async def test_mail_arrives_whole(http: httpx2.AsyncClient, smtp_port: int) -> None:
    await deliver(smtp_port, new_mail())
    (listed,) = (await http.get("/sandbox/messages", params={"to": "Anna@example.test"})).json()
    assert (listed["subject"], listed["to"]) == ("Заказ 7 подтверждён", ["anna@example.test"])
    assert (listed["message_id"], listed["copies"]) == ("<order-7@foyer.test>", 1)
    mail = (await http.get(f"/sandbox/messages/{listed['id']}")).json()
    assert mail["text"].strip() == "Оплата получена: 400 ₽"
    assert "<b>получена</b>" in mail["html"]
    assert ["To", "Анна <anna@example.test>"] in mail["headers"]
    assert mail["attachments"] == [{"name": "slot.ics", "type": "text/calendar"}]
    assert b"Message-ID: <order-7@foyer.test>" in (await http.get(f"/sandbox/messages/{listed['id']}/raw")).content
    assert (await http.get("/sandbox/messages", params={"to": "boris@example.test"})).json() == []


async def test_envelope_recipients_count_not_the_header(http: httpx2.AsyncClient, smtp_port: int) -> None:
    await deliver(smtp_port, new_mail(), "boris@example.test", "carol@example.test")
    (listed,) = (await http.get("/sandbox/messages", params={"to": "carol@example.test"})).json()
    assert listed["to"] == ["boris@example.test", "carol@example.test"]
    assert (await http.get("/sandbox/messages", params={"to": "anna@example.test"})).json() == []


async def test_pages_do_not_run_what_a_mail_brings(http: httpx2.AsyncClient, smtp_port: int) -> None:
    await deliver(smtp_port, new_mail())
    ((mail_id,),) = [[mail["id"]] for mail in (await http.get("/sandbox/messages")).json()]
    shown = (await http.get(f"/sandbox/mails/{mail_id}")).text
    assert "<script>" not in shown
    assert 'sandbox="allow-popups' in shown
    framed = await http.get(f"/sandbox/messages/{mail_id}/html")
    assert framed.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in framed.headers["content-security-policy"]
    assert "Заказ 7 подтверждён" in (await http.get("/sandbox")).text
    assert (await http.get("/sandbox/mails/none")).status_code == 404


async def test_duplicates_are_seen_by_message_id(http: httpx2.AsyncClient, smtp_port: int) -> None:
    for message_id in ("<a@x>", "<a@x>", "<b@x>", "", ""):
        mail = new_mail(message_id=message_id)
        if not message_id:
            del mail["Message-ID"]
        await deliver(smtp_port, mail)
    listed = (await http.get("/sandbox/messages")).json()
    assert sorted((mail["message_id"], mail["copies"]) for mail in listed) == [
        ("", 1),
        ("", 1),
        ("<a@x>", 2),
        ("<a@x>", 2),
        ("<b@x>", 1),
    ]
    assert len((await http.get("/sandbox/messages", params={"message_id": "<a@x>"})).json()) == 2
    assert "2 × один Message-ID" in (await http.get("/sandbox")).text


async def test_refusals(http: httpx2.AsyncClient, smtp_port: int) -> None:
    await http.put("/sandbox/switches", json={"fail_next": [{"count": 1, "to": "anna@"}]})
    await deliver(smtp_port, new_mail("boris@example.test"))
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await deliver(smtp_port, new_mail())
    assert refused.value.smtp_code == 451
    await deliver(smtp_port, new_mail())
    await http.put("/sandbox/switches", json={"fail_next": [{"code": 550, "stage": "rcpt"}]})
    with pytest.raises(smtplib.SMTPRecipientsRefused) as unknown:
        await deliver(smtp_port, new_mail())
    assert unknown.value.recipients["anna@example.test"][0] == 550
    assert len((await http.get("/sandbox/messages")).json()) == 2


async def test_lost_answer_keeps_the_mail(http: httpx2.AsyncClient, smtp_port: int) -> None:
    await http.put("/sandbox/switches", json={"lose_answer_next": [{"count": 1}]})
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        await deliver(smtp_port, new_mail())
    await deliver(smtp_port, new_mail())
    assert [mail["copies"] for mail in (await http.get("/sandbox/messages")).json()] == [2, 2]


async def test_down_refuses_connections(http: httpx2.AsyncClient, smtp_port: int) -> None:
    idle = await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", smtp_port)
    await http.put("/sandbox/switches", json={"down": True})
    with pytest.raises(ConnectionRefusedError):
        await deliver(smtp_port, new_mail())
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        await asyncio.to_thread(idle.noop)
    await http.put("/sandbox/switches", json={"down": False})
    await deliver(smtp_port, new_mail())


async def test_deleting(http: httpx2.AsyncClient, smtp_port: int) -> None:
    for _ in range(3):
        await deliver(smtp_port, new_mail())
    mail_id = (await http.get("/sandbox/messages")).json()[0]["id"]
    assert (await http.delete(f"/sandbox/messages/{mail_id}")).json() == {"deleted": 1}
    assert (await http.get(f"/sandbox/messages/{mail_id}")).status_code == 404
    assert (await http.delete("/sandbox/messages")).json() == {"deleted": 2}


async def test_kill_loses_nothing(http: httpx2.AsyncClient, mailbox: SandboxProcess, smtp_port: int) -> None:
    await deliver(smtp_port, new_mail())
    mailbox.kill_and_start()
    async with httpx2.AsyncClient(base_url=mailbox.url, trust_env=False) as fresh:
        assert len((await fresh.get("/sandbox/messages")).json()) == 1
    await deliver(smtp_port, new_mail())
