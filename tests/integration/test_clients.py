"""Requests as common HTTP clients make them by themselves: PHP, Node and Java for real, others as they write them."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.running import SECONDS, Running, wait_until
from tests.support.shop import PATH, PRIYA

BOM = b"\xef\xbb\xbf"

# Each program gets the URL and the token, asks, and prints a JSON list of [status, Content-Type, number of rows].
PHP = r"""
[$_, $url, $token] = $argv;
$answers = [];
function note($status, $type, $body) {
    global $answers;
    $answers[] = [$status, $type, count(json_decode($body, true)['data'] ?? [])];
}
function ask_by_curl($body, $headers) {
    global $url, $token;
    $curl = curl_init($url);
    curl_setopt_array($curl, [
        CURLOPT_POST => true, CURLOPT_POSTFIELDS => $body, CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => ["Authorization: Bearer $token", ...$headers],
    ]);
    $answer = curl_exec($curl);
    note(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), curl_getinfo($curl, CURLINFO_CONTENT_TYPE), $answer);
}
function ask_by_stream($body, $headers) {
    global $url, $token;
    $lines = ["Authorization: bearer $token", ...$headers];
    $options = ['method' => 'POST', 'header' => $lines, 'content' => $body, 'ignore_errors' => true];
    $answer = file_get_contents($url, false, stream_context_create(['http' => $options]));
    $types = preg_grep('/^content-type:/i', $http_response_header);
    note((int) explode(' ', $http_response_header[0])[1], trim(explode(':', end($types))[1]), $answer);
}
$json = 'Content-Type: application/json';
$bodies = [[], ['search_object' => []], ['search_object' => ['criteria' => []]], ['search_object' => null]];
foreach (array_map('json_encode', $bodies) as $body) {
    ask_by_curl($body, [$json]);
    ask_by_curl($body, [$json, 'Expect: 100-continue']);
    ask_by_stream($body, [$json]);
}
ask_by_curl('', []);
ask_by_stream('', []);
echo json_encode($answers);
"""

NODE = r"""
const http = require('http');
const [url, token] = process.argv.slice(1);
const authorization = `Bearer ${token}`, answers = [];
const note = (status, type, text) => answers.push([status, type, (JSON.parse(text).data || []).length]);
const ask = async (options) => {
    const answer = await fetch(url, {method: 'POST', ...options, headers: {authorization, ...options.headers}});
    note(answer.status, answer.headers.get('content-type'), await answer.text());
};
const json = {'content-type': 'application/json'};
const write = (chunks) => new Promise((resolve, reject) => {
    const request = http.request(url, {method: 'POST', headers: {authorization, ...json}}, (answer) => {
        let text = '';
        answer.on('data', (part) => text += part);
        answer.on('end', () => resolve(note(answer.statusCode, answer.headers['content-type'], text)));
    });
    request.on('error', reject);
    chunks.forEach((chunk) => request.write(chunk));
    request.end();
});
(async () => {
    await ask({headers: json, body: '{}'});
    await ask({headers: {'Content-Type': 'application/json;charset=UTF-8'}, body: '{}'});
    await ask({headers: json, body: new Blob(['{', '}']).stream(), duplex: 'half'});
    await ask({headers: json, body: new Blob([]).stream(), duplex: 'half'});
    await ask({headers: json});
    await ask({});
    await write(['{', '"row_limit"', ': null}']);
    await write([]);
    console.log(JSON.stringify(answers));
})();
"""

JAVA = r"""
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.*;

public class Ask {
    public static void main(String[] given) throws Exception {
        HttpClient client = HttpClient.newHttpClient();  // offers h2c with each request
        List<String> answers = new ArrayList<>();
        for (var body : List.of(
                BodyPublishers.ofString("{}"),
                BodyPublishers.ofInputStream(() -> new ByteArrayInputStream("{}".getBytes())),
                BodyPublishers.noBody())) {
            for (boolean waits : List.of(false, true)) {
                HttpRequest request = HttpRequest.newBuilder(URI.create(given[0])).POST(body).expectContinue(waits)
                    .header("Authorization", "Bearer " + given[1]).header("Content-Type", "application/json").build();
                var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
                int rows = answer.body().split("\"ticket_id\"", -1).length - 1;
                String type = answer.headers().firstValue("Content-Type").get();
                answers.add("[" + answer.statusCode() + ",\"" + type + "\"," + rows + "]");
            }
        }
        System.out.println(answers);
    }
}
"""


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(shop_pair.standby.url_for(READER), tmp_path_factory.mktemp("clients") / "log")
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


@pytest.fixture(scope="module")
def rows(running: Running) -> int:
    """The number of rows of All."""
    return len(running.ask(PRIYA)[1]["data"])


def run(running: Running, *command: str) -> list[tuple[int, str, int]]:
    """Return what a program prints: the status, the media type and the number of rows of each answer."""
    url = f"http://127.0.0.1:{running.port}{PATH}"
    ran = subprocess.run([*command, url, PRIYA], capture_output=True, text=True, timeout=180, check=False)
    assert ran.returncode == 0, ran.stderr
    return [tuple(answer) for answer in json.loads(ran.stdout)]


def check(answers: list[tuple[int, str, int]], count: int, rows: int) -> None:
    assert answers == [(200, "application/json; charset=utf-8", rows)] * count


def has_php() -> bool:
    php = shutil.which("php")
    return php is not None and subprocess.run([php, "--ri", "curl"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_php(), reason="no PHP with curl: what its clients send was not asked")
def test_php_gets_rows(running: Running, rows: int) -> None:
    check(run(running, "php", "-r", PHP, "--"), 14, rows)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node: what its clients send was not asked")
def test_node_gets_rows(running: Running, rows: int) -> None:
    check(run(running, "node", "-e", NODE), 8, rows)


@pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK: what its client sends was not asked")
def test_java_gets_rows(running: Running, rows: int, tmp_path: Path) -> None:
    source = tmp_path / "Ask.java"
    source.write_text(JAVA)
    check(run(running, "java", str(source)), 6, rows)


def exchange(running: Running, head: list[str], *parts: bytes, waits: bool = False) -> tuple[int, dict[str, str], Any]:
    """Send a request as it is given, the body in parts; `waits`: the body is sent after a 100 alone."""
    lines = [f"POST {PATH} HTTP/1.1", *head, "", ""]
    with socket.create_connection(("127.0.0.1", running.port), SECONDS) as link, link.makefile("rb") as stream:
        link.sendall("\r\n".join(lines).encode())
        if waits:
            assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert stream.readline() == b"\r\n"
        for part in parts:
            link.sendall(part)
        status = int(stream.readline().split()[1])
        headers = dict(line.decode().strip().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
        return status, headers, json.loads(stream.read(int(headers["Content-Length"])))


def chunk(*parts: bytes) -> list[bytes]:
    """Return the parts as chunks, and the last chunk."""
    return [b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]


TOKEN, HOST = f"Authorization: Bearer {PRIYA}", "Host: tickets.example"
JSON, LENGTH = "Content-Type: application/json", "Content-Length: 2"
CHUNKED = "Transfer-Encoding: chunked"
# client, its head, its body as it sends it, whether it waits for a 100
REQUESTS: dict[str, tuple[list[str], list[bytes], bool]] = {
    "curl": (["User-Agent: curl/7.88.1", "Accept: */*", JSON, LENGTH], [b"{}"], False),
    "Go": (["User-Agent: Go-http-client/1.1", LENGTH, JSON, "Accept-Encoding: gzip"], [b"{}"], False),
    "Go, from a reader": (
        ["User-Agent: Go-http-client/1.1", CHUNKED, JSON, "Accept-Encoding: gzip"],
        chunk(b"{", b"}"),
        False,
    ),
    "Go, a chunk that is none": (["User-Agent: Go-http-client/1.1", CHUNKED, JSON], chunk(), False),
    ".NET, PostAsJsonAsync": (["Content-Type: application/json; charset=utf-8", CHUNKED], chunk(b"{}"), False),
    ".NET Framework": (
        ['Content-Type: application/json; charset="utf-8"', "Expect: 100-continue", LENGTH, "Connection: Keep-Alive"],
        [b"{}"],
        True,
    ),
    ".NET, a mark in front": (["Content-Type: application/json; charset=utf-8", CHUNKED], chunk(BOM + b"{}"), False),
    "PowerShell 5.1": (
        ["User-Agent: Mozilla/5.0 (Windows NT) WindowsPowerShell/5.1", JSON, "Expect: 100-continue", LENGTH],
        [b"{}"],
        True,
    ),
    "PowerShell, a file with a mark": ([JSON, "Content-Length: 5"], [BOM + b"{}"], False),
    "PowerShell, no body": (
        ["Content-Type: application/x-www-form-urlencoded", "Content-Length: 0"],
        [],
        False,
    ),
    "Java, RestTemplate": (
        ["Accept: application/json, application/*+json", "Content-Type: application/json;charset=UTF-8", LENGTH],
        [b"{}"],
        False,
    ),
    "axios": (["Accept: application/json, text/plain, */*", JSON, LENGTH, "Connection: close"], [b"{}"], False),
    "axios, no body": (["Content-Type: application/x-www-form-urlencoded", "Content-Length: 0"], [], False),
    "Guzzle": (["User-Agent: GuzzleHttp/7", JSON, LENGTH], [b"[]"], False),
    "no body, no length": ([], [], False),
    "no body, JSON": ([JSON], [], False),
    "no body, a length of 0, JSON": ([JSON, "Content-Length: 0"], [], False),
    "other cases": (["CONTENT-TYPE: Application/JSON ; Charset=UTF-8", "content-length: 2"], [b"{}"], False),
    "Chunked": ([JSON, "Transfer-Encoding: Chunked"], chunk(b"{}"), False),
}


@pytest.mark.parametrize("scheme", ["Authorization: Bearer", "authorization: bearer", "AUTHORIZATION: BEARER"])
@pytest.mark.parametrize("name", REQUESTS)
def test_what_a_client_sends_by_itself_is_answered(running: Running, rows: int, name: str, scheme: str) -> None:
    head, parts, waits = REQUESTS[name]
    status, headers, body = exchange(running, [HOST, f"{scheme} {PRIYA}", *head], *parts, waits=waits)
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8"), body
    assert len(body["data"]) == rows


def test_every_kind_of_answer_names_its_charset(running: Running) -> None:
    for token, body in ((TOKEN, b"{}"), (TOKEN, b"{"), ("X-Nothing: x", b"{}")):
        _, headers, _ = exchange(running, [HOST, token, JSON, f"Content-Length: {len(body)}"], body)
        assert headers["Content-Type"] == "application/json; charset=utf-8"
