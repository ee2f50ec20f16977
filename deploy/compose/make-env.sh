#!/bin/sh
# Writes .env beside docker-compose.yml: a random secret for every name that has none yet. What is there stays.
set -eu
umask 077
file=${1:-$(dirname "$0")/../../.env}
touch "$file"
chmod 600 "$file"

need() {
    grep -q "^$1=" "$file" && return
    # Hexadecimal, because these go into URLs.
    printf '%s=%s\n' "$1" "$(od -An -N 24 -tx1 /dev/urandom | tr -d ' \n')" >> "$file"
    echo "$1: made"
}

need_key() {
    grep -q "^$1=" "$file" && return
    # 32 bytes in base64url: the private half of a P-256 key (RFC 8292).
    printf '%s=%s\n' "$1" "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')" >> "$file"
    echo "$1: made"
}

need POSTGRES_PASSWORD
need RABBITMQ_PASSWORD
need YOOKASSA_SECRET_KEY
need STRIPE_SECRET_KEY
need STRIPE_WEBHOOK_SECRET
need_key VAPID_PRIVATE_KEY
need RUSTORE_SERVICE_TOKEN
need SMSC_API_KEY
need TELEGRAM_BOT_TOKEN
need TELEGRAM_WEBHOOK_SECRET
for service in ORDERS BOOKING PAYMENTS NOTIFICATIONS CHAT; do
    need "${service}_DATABASE_PASSWORD"
    need "${service}_BROKER_PASSWORD"
done
