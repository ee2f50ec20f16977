"""The worker process: every subscription, the sending loop, and the channels."""

from datetime import timedelta

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from .channels.apns import ApnsPush
from .channels.email import SmtpMail
from .channels.push import FcmPush
from .channels.rustore import RuStorePush
from .channels.sms import Smsc
from .channels.telegram import TelegramBot
from .channels.webhook import HttpSender
from .channels.webpush import Vapid, WebPush
from .clock import Dispatch, forgetting, reminding, telling_telegram
from .consumers import subscriptions
from .recipients.domain import DeviceKind
from .settings import Settings
from .telling.domain.deliveries import Channels
from .telling.domain.reminders import Schedule
from .texts.renderer import Renderer
from .webhooks.clock import sending

Pusher = ApnsPush | FcmPush | RuStorePush | WebPush
REMIND_SECONDS, FORGET_SECONDS, TELL_TELEGRAM_SECONDS = 5.0, 600.0, 30.0


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    assert isinstance(settings, Settings)
    mail = SmtpMail(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
        security=settings.smtp_security,
        mail_from=settings.mail_from,
        timeout_seconds=settings.send_timeout_seconds,
    )
    push = build_push(settings)
    sms = build_sms(settings)
    chat = build_chat(settings)
    channels = Channels(mail, push, sms, chat)
    dispatch = Dispatch(database, channels=channels, renderer=Renderer(), settings=settings)
    schedule = Schedule(
        start=timedelta(minutes=settings.remind_start_minutes),
        hold=timedelta(minutes=settings.remind_hold_minutes),
        invoice=timedelta(hours=settings.remind_invoice_hours),
        rating=timedelta(hours=settings.remind_rating_hours),
    )
    sender = HttpSender(
        timeout_seconds=settings.webhook_timeout_seconds,
        connections=settings.webhook_concurrency,
        to_private_networks=settings.webhooks_to_private_networks,
    )
    webhooks = sending(
        database,
        sender,
        dispatch.wake,
        slots=settings.webhook_concurrency,
        lease_seconds=3 * settings.webhook_timeout_seconds,
        every_seconds=settings.clock_seconds,
    )
    return WorkerParts(
        subscriptions=subscriptions(dispatch.wake, webhooks.wake, schedule),
        loops=[
            dispatch.loop,
            webhooks.loop,
            forgetting(
                database,
                feed_days=settings.forget_feed_days,
                delivery_days=settings.forget_deliveries_days,
                webhook_days=settings.forget_webhooks_days,
                every_seconds=FORGET_SECONDS,
            ),
            reminding(database, schedule, dispatch.wake, every_seconds=REMIND_SECONDS),
            *_telling_telegram(settings, chat),
        ],
        close=(sender.close, mail.close, *(each.close for each in (*push.values(), sms, chat) if each is not None)),
    )


def _telling_telegram(settings: Settings, bot: TelegramBot | None) -> list[Loop]:
    if bot is None or not settings.telegram_webhook_url:
        return []
    url, secret = settings.telegram_webhook_url, settings.telegram_webhook_secret
    return [telling_telegram(bot, url, secret, every_seconds=TELL_TELEGRAM_SECONDS)]


def build_push(settings: Settings) -> dict[DeviceKind, Pusher]:
    """What pushes to each kind of device that is set up."""
    push: dict[DeviceKind, Pusher] = {}
    if settings.fcm_credentials_file is not None:
        push[DeviceKind.FCM] = FcmPush(
            url=settings.fcm_url,
            credentials_file=settings.fcm_credentials_file,
            timeout_seconds=settings.send_timeout_seconds,
            connections=2 * settings.send_concurrency,
        )
    if settings.rustore_project_id:
        push[DeviceKind.RUSTORE] = RuStorePush(
            url=settings.rustore_url,
            project_id=settings.rustore_project_id,
            service_token=settings.rustore_service_token,
            timeout_seconds=settings.send_timeout_seconds,
            connections=2 * settings.send_concurrency,
        )
    if settings.apns_key_file is not None:
        push[DeviceKind.IOS] = ApnsPush(
            url=settings.apns_url,
            key_file=settings.apns_key_file,
            key_id=settings.apns_key_id,
            team_id=settings.apns_team_id,
            topic=settings.apns_topic,
            timeout_seconds=settings.send_timeout_seconds,
            connections=2,
        )
    vapid = Vapid.of_settings(settings)
    if vapid is not None:
        push[DeviceKind.WEBPUSH] = WebPush(
            vapid=vapid,
            timeout_seconds=settings.send_timeout_seconds,
            connections=2 * settings.send_concurrency,
            to_private_networks=settings.web_push_to_private_networks,
        )
    return push


def build_sms(settings: Settings) -> Smsc | None:
    if not settings.smsc_api_key.get_secret_value():
        return None
    return Smsc(
        url=settings.smsc_url,
        api_key=settings.smsc_api_key,
        sender=settings.smsc_sender,
        most_segments=settings.sms_most_segments,
        timeout_seconds=settings.send_timeout_seconds,
        connections=settings.send_concurrency,
    )


def build_chat(settings: Settings) -> TelegramBot | None:
    if not settings.telegram_bot_token.get_secret_value():
        return None
    return TelegramBot(
        url=settings.telegram_url,
        token=settings.telegram_bot_token,
        timeout_seconds=settings.send_timeout_seconds,
        connections=settings.send_concurrency,
    )
