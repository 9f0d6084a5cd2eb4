"""HTTP around the doors: who may ask, other methods and addresses, and requests that are none."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tests.integration.gate.place import Gate, until

VERIFY = "/api/v1/passes/verify"
CONNECT = "/api/v1/readers/connect"


async def raw(gate: Gate, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """What the hub answers to these bytes: status, headers, body; (0, …) when it only closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(120):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().rstrip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:])
            body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, {}, b""
    finally:
        writer.close()
    return int(lines[0].split()[1]), headers, body


def request(
    gate: Gate, *more: bytes, body: bytes = b"", method: bytes = b"POST", path: bytes = VERIFY.encode()
) -> bytes:
    key = gate.place.keys["gate"].encode()
    head = [method + b" " + path + b" HTTP/1.1", b"Host: hub", b"Authorization: Bearer " + key, *more]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic dXNlcjpwYXNz",
        "Token {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer {KEY}",
        "Bearer\t{key}",
        "Bearer " + "x" * 4000,
        "Bearer kéy",
    ],
)
@pytest.mark.parametrize("path", [VERIFY, CONNECT])
async def test_without_a_good_key_it_is_401_in_json(gate: Gate, header: str | None, path: str) -> None:
    key = gate.place.keys["gate"]
    sent = {} if header is None else {"Authorization": header.format(key=key, KEY=key.swapcase())}
    method = "POST" if path == VERIFY else "GET"
    async with gate.http.request(method, gate.url + path, headers=sent, data=b'{"qrCode":"x"}') as response:
        body = await response.json()
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert response.headers["Cache-Control"] == "no-store"
    assert (body["error"], body["statusCode"], body["path"]) == ("Unauthorized", 401, path)
    assert response.headers["X-Request-ID"] == body["requestId"]
    assert body["timestamp"].endswith("Z")
    assert key not in json.dumps(body)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
async def test_the_scheme_is_read_as_http_says(gate: Gate, scheme: str) -> None:
    headers = {"Authorization": scheme + gate.place.keys["gate"] + " "}
    async with gate.http.post(gate.url + VERIFY, headers=headers, json={"qrCode": "x"}) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", VERIFY, 405, "POST"),
        ("PUT", VERIFY, 405, "POST"),
        ("DELETE", "/api/v1/access-logs", 405, "GET,HEAD,POST"),
        ("OPTIONS", VERIFY, 405, "POST"),
        ("HEAD", VERIFY, 405, "POST"),
        ("POST", CONNECT, 405, "GET,HEAD"),
        ("POST", "/health", 405, "GET,HEAD"),
        ("POST", "/.well-known/passhub-keys.json", 405, "GET,HEAD"),
        ("PROPFIND", "/metrics", 405, "GET,HEAD"),
        ("GET", "/nothing", 404, None),
        ("GET", "/api/v1/passes/verify/", 404, None),
        ("POST", "/api/v1/passes/Verify", 404, None),
        ("GET", "/api/v1/nothing?x=%ff", 404, None),
        ("GET", "/%E4%BD%A0/%00", 404, None),
        ("OPTIONS", "/nothing", 404, None),
        ("GET", "/../../etc/passwd", 404, None),
    ],
)
async def test_other_methods_and_addresses(gate: Gate, method: str, path: str, status: int, allow: str | None) -> None:
    async with gate.http.request(method, gate.url + path, headers=gate.headers()) as response:
        assert (response.status, response.headers.get("Allow")) == (status, allow)
        assert response.headers["Content-Type"].startswith("application/json")
        if method == "HEAD":
            assert await response.read() == b""
            return
        body = await response.json()
    assert (body["statusCode"], body["error"]) == (status, {404: "Not Found", 405: "Method Not Allowed"}[status])
    assert UUID(body["requestId"]).version == 7


async def test_head_and_get_agree(gate: Gate) -> None:
    for path in ("/health", "/health/live", "/health/ready", "/.well-known/passhub-keys.json"):
        async with gate.http.get(gate.url + path) as got, gate.http.head(gate.url + path) as headed:
            assert (headed.status, headed.headers["Content-Type"]) == (got.status, got.headers["Content-Type"])
            assert await headed.read() == b""


async def test_connect_without_an_upgrade_or_with_a_foreign_subprotocol_is_400(gate: Gate) -> None:
    async with gate.http.get(gate.url + CONNECT, headers=gate.headers()) as response:
        assert response.status == 400
        assert "WebSocket" in (await response.json())["message"]
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for headers in (upgrade, upgrade | key | {"Sec-WebSocket-Version": "12"}, upgrade | {"Sec-WebSocket-Key": "short"}):
        async with gate.http.get(gate.url + CONNECT, headers=gate.headers() | headers) as response:
            assert response.status == 400
            assert (await response.json())["statusCode"] == 400
    foreign = upgrade | key | {"Sec-WebSocket-Protocol": "soap, passhub.v2.json"}
    async with gate.http.get(gate.url + CONNECT, headers=gate.headers() | foreign) as response:
        assert response.status == 400
        assert "passhub.v1.json" in (await response.json())["message"]
    assert len(gate.worker.connections) == 0


async def test_a_request_id_is_echoed_when_it_is_a_sensible_one(gate: Gate) -> None:
    for given, echoed in (("door-7.42", True), ("x" * 65, False), ("a\tb", False), ("é", False)):
        async with gate.http.get(gate.url + "/nothing", headers={"X-Request-ID": given}) as response:
            assert (response.headers["X-Request-ID"] == given) is echoed


async def test_a_body_may_be_chunked_or_compressed_and_a_broken_one_is_400(gate: Gate) -> None:
    good = json.dumps({"qrCode": gate.place.codes["granted"], "record": False}).encode()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(good), good)
    packed = gzip.compress(good)
    length = b"Content-Length: %d"
    for sent in (
        request(gate, b"Transfer-Encoding: chunked", body=chunked),
        request(gate, b"Content-Encoding: gzip", length % len(packed), body=packed),
    ):
        assert (await raw(gate, sent))[0] == 200
    bomb = gzip.compress(b" " * 50_000_000)
    for status, sent in (
        (413, request(gate, b"Content-Encoding: gzip", length % len(bomb), body=bomb)),
        (400, request(gate, b"Content-Encoding: gzip", length % len(good), body=good)),
        (400, request(gate, b"Content-Encoding: deflate", length % 3, body=b"\x00\x01\x02")),
        (400, request(gate, b"Content-Encoding: gzip", length % 20, body=packed[:20])),
        (400, request(gate, b"Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n")),
        (400, request(gate, b"Transfer-Encoding: chunked", b"Content-Length: 3", body=chunked)),
        (400, request(gate, b"Content-Length: -1")),
        (400, request(gate, b"Content-Length: 3", b"Content-Length: 4", body=b"{} ")),
        (400, request(gate, b"Content-Length: 0")),
    ):
        with capture_logs() as logs:
            found, headers, body = await raw(gate, sent)
        assert found == status, sent[-60:]
        assert headers["content-type"].startswith("application/json")
        assert json.loads(body)["statusCode"] == status
        assert not [line for line in logs if line["log_level"] in {"error", "critical", "warning"}], logs


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost hub\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: hub\r\nA\x00b: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: hub\r\n: c\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET http://hub:99999999/ HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET //hub//x?y#z HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"CONNECT hub:443 HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: hub\r\nExpect: tea\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: hub\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: hub\r\n" + b"X: a\r\n" * 5_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: hub\r\n folded: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_no_request_gets_a_sane_status_and_no_traceback(
    gate: Gate, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), capture_logs() as logs:
        status, headers, body = await raw(gate, sent)
        assert status == 0 or 400 <= status < 500, (status, body)
        if status and sent[:7] not in {b"CONNECT", b"OPTIONS"} and b"tea" not in sent:
            assert headers["content-type"].startswith("application/json"), body
            assert json.loads(body)["statusCode"] == status
        assert (await raw(gate, request(gate, b"Connection: close", b"Content-Length: 14", body=b'{"qrCode":"x"}')))[
            0
        ] == 200
    assert b"Traceback" not in body
    assert not [record for record in caplog.records if record.exc_info]
    assert not [line for line in logs if "exc_info" in line or line["log_level"] == "error"]


async def test_a_client_that_goes_away_in_the_middle_is_not_an_error(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), capture_logs() as logs:
        for sent in (
            request(gate, b"Content-Length: 500", body=b'{"qr'),
            request(gate, b"Transfer-Encoding: chunked", body=b"5\r\n{"),
            request(gate)[:40],
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", gate.port)
            writer.write(sent)
            await writer.drain()
            writer.transport.abort()
        await until(lambda: gate.worker.shell.active, lambda active: active == 0)
        assert (await gate.verify("granted"))["valid"] is True
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and record.exc_info]
    assert not [line for line in logs if line["log_level"] == "error"], logs


async def test_pipelined_requests_are_answered_in_order_and_http_1_0_too(gate: Gate) -> None:
    ids = [f"00000000-0000-0000-0000-{number:012d}" for number in range(20)]
    bodies = [b'{"qrCode":"x","scanId":"%b"}' % id_.encode() for id_ in ids]
    sent = b"".join(request(gate, b"Content-Length: %d" % len(body), body=body) for body in bodies)
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(sent)
    async with asyncio.timeout(120):
        for id_ in ids:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            assert json.loads(await reader.readexactly(length))["scanId"] == id_
    writer.close()
    old = request(gate, b"Content-Length: 14", body=b'{"qrCode":"x"}').replace(b"HTTP/1.1", b"HTTP/1.0")
    status, _, body = await raw(gate, old)
    assert (status, json.loads(body)["reason"]) == (200, "malformed_code")
