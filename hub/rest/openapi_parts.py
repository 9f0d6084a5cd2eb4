"""The fixed parts of the OpenAPI documents, and what makes msgspec's schemas say what the shell does."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from hub.rest.idempotency import LONGEST
from hub.rest.origin import SECURE_COOKIE
from hub.rest.route import Api

#: What can be refused, and why.
REFUSED = {
    400: "The request is not what it should be; `details` has every fault.",
    401: "Nobody is signed in, or the session has ended.",
    403: "Whoever is signed in may not do this.",
    404: "It is not there, or not of your school.",
    409: "Something that is there already stands in the way.",
    412: "It was changed since you read it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Understood, and still not possible.",
    429: "Too many requests; `Retry-After` says when to try again.",
    500: "Something went wrong here.",
    503: "Not now; `Retry-After` says when to try again.",
}

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."},
    "session": {"type": "apiKey", "in": "cookie", "name": SECURE_COOKIE, "description": "The console's session."},
    "deviceKey": {"type": "http", "scheme": "bearer", "description": "A reader's key."},
}

_TEXT: dict[str, Any] = {"type": "string"}

PARAMETERS: dict[str, Any] = {
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Comes back in the answer and stands in the log; one is made when it is missing or odd.",
        "schema": _TEXT,
    },
    "SchoolId": {
        "name": "schoolId",
        "in": "query",
        "description": "For super admins: in which school. For everybody else their own, if it is given.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key with the same request is answered as the first time, for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of what you have read: 412 when it was changed meanwhile.",
        "schema": _TEXT,
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of what you have: 304 when it is still the same.",
        "schema": _TEXT,
    },
}


def _described(text: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": text, "schema": schema or _TEXT}


HEADERS: dict[str, Any] = {
    "X-Request-ID": _described("The id of this request, also in the log."),
    "api-version": _described("The version that answered."),
    "ETag": _described("The version of the item."),
    "Location": _described("Where what was made is found."),
    "Deprecation": _described("Since when this is deprecated (RFC 9745)."),
    "Retry-After": _described("Seconds.", {"type": "integer"}),
    "RateLimit-Limit": _described("Requests of one window.", {"type": "integer"}),
    "RateLimit-Remaining": _described("How many are left in it.", {"type": "integer"}),
    "RateLimit-Reset": _described("Seconds until the next one.", {"type": "integer"}),
}


def header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def schema_of(kind: Any, kinds: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    """A reference to a Struct's schema among the components, or another type's own schema; a tuple is any of them."""
    if isinstance(kind, tuple):
        return {"anyOf": [schema_of(one, kinds) for one in kind]}
    return kinds[kind]


def refusal(status: int, api: Api) -> dict[str, Any]:
    """The answer of that status, with an example."""
    title = HTTPStatus(status).phrase
    fixed = {"requestId": "0198c0de-0000-7000-8000-000000000000", "timestamp": "2026-11-24T08:00:00Z"}
    path = f"/api/{api}/access-points"
    if api == "v1":
        kind, schema = "application/json", "ErrorBody"
        example = {"error": title, "message": REFUSED[status], "statusCode": status, "path": path, **fixed}
    else:
        kind, schema = "application/problem+json", "Problem"
        code = title.lower().replace(" ", "_")
        example = {"type": f"urn:passhub:{code}", "title": title, "status": status, "detail": REFUSED[status]}
        example |= {"instance": path, **fixed}
    answer: dict[str, Any] = {
        "description": REFUSED[status],
        "headers": {"X-Request-ID": header("X-Request-ID")},
        "content": {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}},
    }
    if status == 400 and api == "v2":
        # What is no HTTP at all has no address either, and so no version.
        answer["content"]["application/json"] = {"schema": {"$ref": "#/components/schemas/ErrorBody"}}
    if status in {429, 503}:
        answer["headers"]["Retry-After"] = header("Retry-After")
    return answer


def joined(people: dict[str, Any], readers: dict[str, Any]) -> dict[str, Any]:
    """One operation for an address that people and readers ask differently; a document cannot say which goes with
    which key. Parameters are those of the path: readers say nothing beside their body."""
    responses = dict(people["responses"])
    for status, answer in readers["responses"].items():
        known = responses.get(status)
        responses[status] = answer if known is None or "$ref" in known else _either(known, answer)
    return people | {
        "summary": f"{people['summary']}; with a device key: {readers['summary'][:1].lower()}{readers['summary'][1:]}",
        "tags": [*people["tags"], *readers["tags"]],
        "parameters": [one for one in people["parameters"] if one.get("in") == "path"],
        "responses": responses,
        "security": [*people["security"], *readers["security"]],
        "requestBody": people["requestBody"] | _either(people["requestBody"], readers["requestBody"]),
    }


def _either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Bodies or answers of two shapes; headers and examples are the first one's."""
    (kind,) = one["content"]
    content = one["content"][kind]
    shapes = [schema for each in (one, other) for schema in _shapes(each["content"][kind]["schema"])]
    return one | {"content": {kind: content | {"schema": {"anyOf": shapes}}}}


def _shapes(schema: dict[str, Any]) -> list[Any]:
    found: list[Any] = schema.get("anyOf", [schema])
    return found


def query_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a query's Struct, one parameter each."""
    required = set(schema.get("required", ()))
    found = []
    for name, field in schema["properties"].items():
        own = dict(field)
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in required}
        if "description" in own:
            parameter["description"] = own.pop("description")
        found.append(parameter | {"schema": own})
    return found


def closed(schemas: dict[str, Any], bodies: list[str]) -> dict[str, Any]:
    """The schemas with `additionalProperties: false` on whatever a body can hold: unknown fields are refused."""
    waiting, seen = list(bodies), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        schema = schemas[name]
        if "properties" in schema:
            schemas[name] = {**schema, "additionalProperties": False}
        waiting += _names(schema)
    return schemas


def _names(schema: Any) -> list[str]:
    """The components that a schema refers to, however deep."""
    if isinstance(schema, dict):
        own = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
        return own + [name for value in schema.values() for name in _names(value)]
    if isinstance(schema, list):
        return [name for value in schema for name in _names(value)]
    return []
