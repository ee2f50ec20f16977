"""Writes `schemas/`, `samples/` and `asyncapi.yaml` from the event models; `--check` only compares.

    python -m foyer_contracts.generate [--check | --publish]

`schemas/` is what the code says now, `published/` what subscribers were promised. `--check` fails when a generated
file is stale, or when a schema can break a subscriber that was written against the published one. `--publish`
promises the present schemas.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import jsoncompat
import yaml

from .catalogue import EVENTS, envelope_of
from .envelope import CONTENT_TYPE, LOG_STREAM, EventData, schema_uri
from .samples import SAMPLES

ROOT = Path(__file__).parents[2]


def schema_of(data: type[EventData]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the whole envelope with this data, as a publisher writes it."""
    schema = envelope_of(data).model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = schema_uri(data.type)
    schema["title"] = data.type
    schema["description"] = inspect.cleandoc(data.__doc__ or "")
    schema["properties"]["type"] = {"const": data.type, "type": "string"}
    return schema


def _asyncapi() -> dict[str, Any]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for data in EVENTS:
        key = data.type.replace(".", "_")
        exchange = "foyer.private" if data.private else "foyer.events"
        schema = schema_of(data)
        definitions = schema.pop("$defs", {})
        schema.pop("$schema")
        schema.pop("$id")
        payload = json.loads(
            json.dumps(schema).replace("#/$defs/", f"#/components/messages/{key}/payload/definitions/")
        )
        payload["definitions"] = json.loads(
            json.dumps(definitions).replace("#/$defs/", f"#/components/messages/{key}/payload/definitions/")
        )
        messages[key] = {
            "name": data.type,
            "title": data.type,
            "summary": inspect.cleandoc(data.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
            "description": inspect.cleandoc(data.__doc__ or ""),
            "contentType": CONTENT_TYPE,
            "payload": payload,
            "examples": [{"name": "sample", "payload": json.loads(SAMPLES[data.type].to_json())}],
        }
        channels[key] = {
            "address": data.type,
            "messages": {key: {"$ref": f"#/components/messages/{key}"}},
            "bindings": {
                "amqp": {
                    "is": "routingKey",
                    "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False},
                }
            },
        }
        operations[f"publish_{key}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{key}"},
            "summary": f"The {data.type.partition('.')[0]} service publishes it.",
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Foyer events",
            "version": "1.0.0",
            "description": (
                "CloudEvents 1.0 in structured JSON on the topic exchange `foyer.events`; the routing key is the "
                "event type. Bind your own durable queue to the types you need; acknowledge after your effect is "
                "stored; expect repeats (same `id`) and compare `sequence` per `subject`. The stream "
                f"`{LOG_STREAM}` holds the last days for replay. Within a major version fields are only added."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    files = {ROOT / "asyncapi.yaml": yaml.safe_dump(_asyncapi(), sort_keys=False, allow_unicode=True, width=110)}
    for data in EVENTS:
        text = json.dumps(schema_of(data), indent=2, ensure_ascii=False) + "\n"
        files[ROOT / "schemas" / f"{data.type}.json"] = text
        sample = json.loads(SAMPLES[data.type].to_json())
        files[ROOT / "samples" / f"{data.type}.json"] = json.dumps(sample, indent=2, ensure_ascii=False) + "\n"
    return files


def stale(files: dict[Path, str]) -> list[str]:
    """What differs between the committed files and `files`."""
    found = [
        f"stale: {path.relative_to(ROOT)}"
        for path, text in files.items()
        if not path.exists() or path.read_text() != text
    ]
    for folder in ("schemas", "samples"):
        found += [f"left over: {path}" for path in (ROOT / folder).glob("*.json") if path not in files]
    return found


def _comparable(schema: str) -> str:
    """The schema without its `$id`, against which jsoncompat would resolve local references, and so refuse them."""
    return json.dumps({key: value for key, value in json.loads(schema).items() if key != "$id"})


def incompatible(new: dict[str, str], published: dict[str, str]) -> list[str]:
    """Published schemas that disappeared, or whose new form may send what an old subscriber would refuse."""
    found = []
    for name, old in published.items():
        if name not in new:
            found.append(f"{name}: published, but gone")
        elif not jsoncompat.check_compat(_comparable(old), _comparable(new[name]), "serializer"):
            found.append(f"{name}: not compatible with what was published; make a new version of the event")
    return found


def _schemas(folder: str) -> dict[str, str]:
    return {path.stem: path.read_text() for path in sorted((ROOT / folder).glob("*.json"))}


def main(argv: list[str]) -> int:
    files = generated()
    if argv == ["--check"]:
        problems = stale(files) + incompatible(_schemas("schemas"), _schemas("published"))
        for problem in problems:
            print(problem, file=sys.stderr)
        return 1 if problems else 0
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for path in [p for folder in ("schemas", "samples") for p in (ROOT / folder).glob("*.json")]:
        if path not in files:
            path.unlink()
    if argv == ["--publish"]:
        (ROOT / "published").mkdir(exist_ok=True)
        for name, text in _schemas("schemas").items():
            (ROOT / "published" / f"{name}.json").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
