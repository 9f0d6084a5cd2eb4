"""The OpenAPI 3.1 documents, made from the declarations: what a route takes, answers and refuses, and who may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hub.accounts.permissions import Permission
from hub.rest.described import Described
from hub.rest.errors import ErrorBody, Problem
from hub.rest.openapi_parts import (
    HEADERS,
    PARAMETERS,
    REFUSED,
    SECURITY,
    closed,
    header,
    joined,
    query_parameters,
    refusal,
    schema_of,
)
from hub.rest.route import MAYBE_SIGNED_IN, PUBLIC, Api, Route
from hub.version import __version__

Document = dict[str, Any]
Kinds = dict[Any, dict[str, Any]]
_REF = "#/components/schemas/{name}"
_SIGNED_IN: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]


def document(api: Api, declared: Iterable[Route], described: Sequence[Described] = ()) -> Document:
    """One version's document."""
    routes = [route for route in declared if api in route.api]
    fixed = [one for one in described if api in one.api]
    schemas, kinds = _schemas(api, routes, fixed)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, schemas, kinds)
        paths.setdefault(f"/api/{api}{route.path}", {})[route.method.lower()] = operation
    for one in fixed:
        own = paths.setdefault(one.path, {})
        said = _fixed(one, kinds)
        own[one.method] = joined(own[one.method], said) if one.method in own else said
    queries = {route.query.__name__ for route in routes if route.query is not None}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "passhub",
            "version": __version__,
            "summary": "Students, passes and doors",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in sorted({_tag(r) for r in routes} | {one.tag for one in fixed})],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
            "responses": {str(status): refusal(status, api) for status in REFUSED},
            "parameters": PARAMETERS | {"ApiVersion": _version(api)},
            "headers": HEADERS,
            "securitySchemes": SECURITY,
        },
    }


def _schemas(api: Api, routes: list[Route], fixed: list[Described]) -> tuple[dict[str, Any], Kinds]:
    """The components by name, and what stands for each type where it is used. Asked of msgspec all at once: a type at
    a time takes it a hundred times as long, while a worker starts."""
    types = [one for r in routes for one in (r.query, r.body, r.answer) if one is not None]
    types += [kind for one in fixed for kind in one.types()]
    types += [ErrorBody] if api == "v1" else [ErrorBody, Problem]
    types = list(dict.fromkeys(types))
    references, found = msgspec.json.schema_components(types, ref_template=_REF)
    kinds = dict(zip(types, references, strict=True))
    return closed(found, [r.body.__name__ for r in routes if r.body is not None]), kinds


def _operation(route: Route, schemas: dict[str, Any], kinds: Kinds) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": [_tag(route)],
        "parameters": _parameters(route, schemas),
        "responses": _answers(route, kinds),
        "security": _security(route),
    }
    if isinstance(route.permission, Permission):
        operation["description"] = f"Needs the permission `{route.permission.value}`."
        operation["x-permission"] = route.permission.value
    if route.body is not None:
        content: dict[str, Any] = {"schema": schema_of(route.body, kinds)}
        if route.example is not None:
            content["example"] = route.example
        operation["requestBody"] = {"required": route.needs_body, "content": {"application/json": content}}
    if route.upload is not None:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _upload(route)}}}
    if route.deprecated is not None:
        operation["deprecated"] = True
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.permission is PUBLIC:
        return []
    return [*_SIGNED_IN, {}] if route.permission is MAYBE_SIGNED_IN else _SIGNED_IN


def _upload(route: Route) -> dict[str, Any]:
    file: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream"}
    if route.upload_most > 1:
        file = {"type": "array", "items": file, "minItems": 1, "maxItems": route.upload_most}
    fields = {route.upload_field: file | {"description": route.upload}, **route.upload_texts}
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _parameters(route: Route, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)} for name in route.parameters
    ]
    if route.query is not None:
        found += query_parameters(schemas[route.query.__name__])
    refs = ["ApiVersion", "RequestId"]
    refs += ["SchoolId"] if route.takes_school else []
    refs += ["IdempotencyKey"] if route.takes_key else []
    refs += ["IfMatch"] if route.tagged and route.method == "PUT" else []
    refs += ["IfNoneMatch"] if route.tagged and route.method == "GET" else []
    return found + [{"$ref": f"#/components/parameters/{name}"} for name in refs]


def _path_schema(name: str) -> dict[str, Any]:
    is_id = name == "id" or name.endswith("Id")
    return {"type": "string", "format": "uuid"} if is_id else {"type": "string", "minLength": 1}


def _answers(route: Route, kinds: Kinds) -> dict[str, Any]:
    headers = ["X-Request-ID", "api-version", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
    headers += ["ETag"] if route.tagged else []
    headers += ["Location"] if route.location is not None else []
    headers += ["Deprecation"] if route.deprecated is not None else []
    done: dict[str, Any] = {"description": route.summary, "headers": {name: header(name) for name in headers}}
    if route.answer is not None:
        done["content"] = {"application/json": {"schema": schema_of(route.answer, kinds)}}
    if route.files:
        done.setdefault("content", {}).update({media: {"schema": {"type": "string"}} for media in route.files})
    answers = {str(status): done for status in (route.success, *route.also)}
    if (route.tagged and route.method == "GET") or route.files:
        answers["304"] = {"description": "You have this version already.", "headers": {"ETag": header("ETag")}}
    for status in sorted(refusals(route)):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return answers


def refusals(route: Route) -> set[int]:
    """Every status with which a route may refuse: its own, and the shell's."""
    found = {error.status for error in route.errors} | {400, 429, 500, 503}
    if route.permission is not PUBLIC:
        found |= {401, 403}
    if route.parameters or route.takes_school:
        found.add(404)
    if route.writes:
        found.add(413)
    if route.body is not None or route.upload is not None:
        found.add(415)
    if route.takes_key:
        found.add(422)
    if route.method == "PUT" and route.tagged:
        found.add(412)
    return found


def _fixed(one: Described, kinds: Kinds) -> dict[str, Any]:
    answers: dict[str, Any] = {
        str(status): {"description": text, "content": {one.content: {"schema": schema_of(kind, kinds)}}}
        for status, (kind, text) in one.answers.items()
    }
    for status in one.refusals:
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    operation: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.tag],
        "responses": answers,
        "security": ([{"deviceKey": []}] if one.device_key else []) + (_SIGNED_IN if one.people else []),
    }
    if one.body is not None:
        content: dict[str, Any] = {"schema": schema_of(one.body, kinds)}
        if one.example is not None:
            content["example"] = one.example
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _tag(route: Route) -> str:
    parts = route.path.split("/")
    return parts[2] if parts[1] == "admin" else parts[1]


def _version(api: Api) -> dict[str, Any]:
    number = api.removeprefix("v")
    return {
        "name": "api-version",
        "in": "header",
        "description": "The version of this address, for clients that like to say it twice.",
        "schema": {"type": "string", "enum": [number, f"{number}.0"]},
    }
