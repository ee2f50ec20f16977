#!/bin/sh
# Fills in envoy.yaml.in from gateway.env and the environment, then becomes Envoy. Used in containers.
set -eu
here=$(dirname "$0")
out=${GATEWAY_CONFIG:-/tmp/envoy.yaml}
script=""
while IFS='=' read -r name default; do
    case "$name" in '' | '#'*) continue ;; esac
    eval "value=\${$name:-\$default}"
    # Values go into a sed script: only what addresses and numbers are made of.
    case "$value" in *[!A-Za-z0-9._:/-]*) echo "gateway: $name has a character that is not allowed" >&2; exit 64 ;; esac
    script="$script;s|\\\${$name}|$value|g"
done < "$here/gateway.env"
sed "${script#;}" "$here/envoy.yaml.in" > "$out"
exec envoy --config-path "$out" --disable-hot-restart "$@"
