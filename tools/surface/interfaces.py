"""The sections of the surface about commands, settings and the addresses of the dashboard."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import typer

from tools.surface.documents import shape
from tools.surface.subject import PROGRAM, TOKEN, Section, dashboard
from wiki_trends.cli.app import app
from wiki_trends.config.settings import FILE_NAME, Settings, env_name, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def commands() -> Section:
    """Return every command with its arguments, in their order, and all spellings of its options."""
    section: Section = {}
    for name, command in _named_commands(PROGRAM, typer.main.get_command(app)):
        arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
        options = [parameter for parameter in command.params if parameter.param_type_name != "argument"]
        section[name] = {
            "arguments": [f"{argument.metavar}: {_describe_parameter(argument)}" for argument in arguments],
            "options": {
                " ".join([*option.opts, *option.secondary_opts]): _describe_parameter(option)
                for option in options
            },
        }
    return section


def _named_commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield a command and its name, and then its subcommands at any depth."""
    yield name, command
    for word, subcommand in getattr(command, "commands", {}).items():
        yield from _named_commands(f"{name} {word}", subcommand)


def _describe_parameter(parameter: Any) -> str:
    """Return the type, the limits and the default of an argument or option."""
    if getattr(parameter, "is_flag", False):
        return "flag"
    value_type = parameter.type
    words = [str(value_type.name)]
    low, high = getattr(value_type, "min", None), getattr(value_type, "max", None)
    words += [f"from {low}"] if low is not None else []
    words += [f"to {high}"] if high is not None else []
    words += (
        ["one of " + " ".join(map(str, value_type.choices))] if getattr(value_type, "choices", None) else []
    )
    words += ["repeatable"] if parameter.multiple or parameter.nargs != 1 else []
    words += ["required"] if parameter.required else []
    return ", ".join(words) + (f" = {parameter.default}" if parameter.default is not None else "")


def settings() -> Section:
    """Return each setting by its name in the environment, with its name in the file and its default."""
    variables: Section = {
        env_name(setting.name): f"{setting.name} = {setting.default!r}" for setting in fields(Settings)
    }
    return {**variables, "the file": FILE_NAME}


def dashboard_section(title: str) -> Section:
    """Return the addresses of the dashboard, with their parameters and the keys of their JSON documents.

    The keys are read both from the OpenAPI description and from a response.
    """
    from fastapi.testclient import TestClient

    web_app = dashboard(load())
    openapi = web_app.openapi()
    values = {"day": "2025-11-08", "page": title, "title": title, "category": "Other", "name": "Other"}
    client = TestClient(web_app, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {TOKEN}"})
    section: Section = {"addresses": sorted({getattr(route, "path", "") for route in web_app.routes})}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            entry = _describe_operation(operation, openapi)
            if method == "get":
                required = [item["name"] for item in operation.get("parameters", ()) if item["required"]]
                response = client.get(path, params={name: values[name] for name in required})
                response.raise_for_status()
                entry |= {"keys": shape([response.json()])} if path.endswith(".json") else {}
                entry |= {"columns": response.text.splitlines()[0]} if path.endswith(".csv") else {}
            section[f"{method} {path}"] = entry
    return section


def _describe_operation(operation: Mapping[str, Any], openapi: Mapping[str, Any]) -> Section:
    section: Section = {
        "parameters": {
            item[
                "name"
            ]: f"{item['in']}, {'required' if item['required'] else 'optional'}, {_describe_schema(item['schema'])}"
            for item in operation.get("parameters", ())
        },
        "answers": " ".join(sorted(operation["responses"])),
    }
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            keys = dict(_declared_keys(content.get("schema", {}), openapi, ""))
            if status < "300" and keys:
                section[f"declared in {media_type}"] = keys
    return section


def _describe_schema(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_describe_schema(item) for item in schema["anyOf"])
    words = [str(schema.get("type", "any")), *([str(schema["format"])] if "format" in schema else [])]
    words += [f"one of {' '.join(map(str, schema['enum']))}"] if "enum" in schema else []
    return " ".join(words) + (f" = {schema['default']}" if "default" in schema else "")


def _declared_keys(
    schema: Mapping[str, Any], openapi: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str]]:
    """Yield the key paths and types of a schema. The names of schemas are left out, because they are internal."""
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    branches = [item for item in schema.get("anyOf", ()) if item.get("type") != "null"]
    if branches:
        for item in branches:
            yield from _declared_keys(item, openapi, path)
    elif "properties" in schema:
        for name, item in schema["properties"].items():
            yield from _declared_keys(item, openapi, f"{path}.{name}" if path else name)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _declared_keys(schema["additionalProperties"], openapi, f"{path}.*")
    elif "items" in schema:
        yield from _declared_keys(schema["items"], openapi, f"{path}[]")
    elif path:
        yield path, _describe_schema({name: value for name, value in schema.items() if name != "default"})
