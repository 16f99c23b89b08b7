"""Real HTTP servers on loopback: a file server whose faults can be switched, and a small Hub.

The Hub speaks as much of the Hugging Face Hub's protocol as ``huggingface_hub`` needs to create a
repository, to upload to it (regular and LFS files) and to download from it at a revision.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Request:
    """One request as the server saw it.

    Args:
        method: such as ``"GET"``.
        path: without the query.
        start: the offset that its ``Range`` asks for, or ``None``.
        sent: bytes of the body that were handed to the socket.
        authorization: its ``Authorization`` header.
    """

    method: str
    path: str
    start: int | None
    sent: int = 0
    authorization: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Any

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _serve(self) -> None:
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        self.record = Request(
            self.command,
            unquote(urlsplit(self.path).path),
            int(span[1]) if span else None,
            authorization=self.headers.get("Authorization", ""),
        )
        self.owner.requests.append(self.record)
        with contextlib.suppress(ConnectionError):
            self.owner.handle(self)

    do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815

    def body(self) -> bytes:
        """The request's body."""
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def answer(self, status: int, data: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send(data)

    def answer_json(self, value: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def answer_file(self, data: bytes, headers: dict[str, str] | None = None) -> None:
        """Send a file, or the part of it that ``Range`` asks for."""
        start = self.record.start
        if start is None:
            self.answer(200, data, headers)
        elif start >= len(data):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        else:
            span = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.answer(206, data[start:], {"Content-Range": span, **(headers or {})})

    def send(self, data: bytes) -> None:
        """Send a piece of a body and write down how much."""
        self.wfile.write(data)
        self.wfile.flush()
        self.record.sent += len(data)

    def drop(self) -> None:
        """Close the connection as a cable that is pulled does."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class _Server:
    """What both servers share: start, stop, a log of requests.

    Args:
        certificate: a PEM file with key and certificate for ``localhost``, to speak TLS.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.requests: list[Request] = []
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._http.handle_error = lambda *arguments: None  # type: ignore[method-assign]
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is left to the thread of the connection: a refusal must not end the
            # loop that accepts.
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url = f"https://localhost:{self.port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def handle(self, handler: _Handler) -> None:
        raise NotImplementedError

    def gets(self, file: str) -> list[Request]:
        """The GET requests for paths that end in ``/file``."""
        return [r for r in self.requests if r.method == "GET" and r.path.endswith(f"/{file}")]


class FileServer(_Server):
    """Serves ``files`` by path; ``faults`` says what goes wrong with the next requests for a path.

    Each fault is used up by one request:

    * ``"corrupt"``: one bit of the file is another;
    * ``"cut"``: the connection breaks after half of the file;
    * ``"stall"``: nothing more comes after half of the file, until :attr:`release` is set;
    * ``"ignore range"``: the whole file comes whatever was asked for;
    * ``"wrong range"``: a part of the file comes that was not asked for;
    * ``"500"`` (or another number): that status;
    * ``"short length"``, ``"long length"``: Content-Length (and the body) differ from the file;
    * ``"endless"``: a body without end and without Content-Length;
    * ``"drip"``, ``"drip headers"``: a few bytes at a time, without end;
    * ``"continue"``: interim answers without end;
    * ``"raw ANSWER"``: exactly that, in UTF-8;
    * ``"redirect ADDRESS"``: to that address.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(certificate)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.release = threading.Event()

    def __exit__(self, *error: object) -> None:
        self.release.set()
        super().__exit__(*error)

    def handle(self, handler: _Handler) -> None:
        path = handler.record.path
        data = self.files.get(path)
        if data is None:
            handler.answer(404)
            return
        faults = self.faults.get(path)
        fault = faults.pop(0) if faults else ""
        start = handler.record.start or 0
        if fault == "corrupt":
            data = data[:-1] + bytes([data[-1] ^ 1])
        elif fault in ("cut", "stall"):
            handler.send_response(206 if start else 200)
            handler.send_header("Content-Length", str(len(data) - start))
            if start:
                span = f"bytes {start}-{len(data) - 1}/{len(data)}"
                handler.send_header("Content-Range", span)
            handler.end_headers()
            handler.send(data[start : start + (len(data) - start) // 2])
            if fault == "stall":
                self.release.wait(30)
            handler.drop()
            return
        elif fault == "ignore range":
            handler.record.start = None
        elif fault == "wrong range":
            span = f"bytes 0-{len(data) - 1}/{len(data)}"
            handler.answer(206, data, {"Content-Range": span})
            return
        elif fault == "short length":
            data = data[:-1]
        elif fault == "long length":
            data = data + b"x"
        elif fault == "endless":
            handler.send_response(200)
            handler.send_header("Connection", "close")
            handler.end_headers()
            while True:  # until the client hangs up
                handler.send(b"x" * 65536)
        elif fault.startswith("raw "):
            handler.send(fault.removeprefix("raw ").encode())
            handler.drop()
            return
        elif fault.startswith(("drip", "continue")):
            self._drip(handler, data[start:], fault)
            return
        elif fault.startswith("redirect "):
            handler.answer(302, b"", {"Location": fault.removeprefix("redirect ")})
            return
        elif fault:
            handler.answer(int(fault))
            return
        handler.answer_file(data)

    def _drip(self, handler: _Handler, data: bytes, fault: str) -> None:
        """Send something for as long as the client listens."""
        if fault == "drip":
            handler.send_response(206 if handler.record.start else 200)
            if handler.record.start:
                begin, size = handler.record.start, handler.record.start + len(data)
                handler.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
        else:
            handler.send(b"HTTP/1.1 200 OK\r\nA: " if fault == "drip headers" else b"")
        for byte in data:
            if self.release.wait(0.0 if fault == "continue" else 0.02):
                break
            handler.send(
                b"HTTP/1.1 100 Continue\r\n\r\n" * 100 if fault == "continue" else bytes([byte])
            )
        handler.drop()


@dataclass
class Repository:
    """A repository of :class:`HubServer`: files by name for each commit, commits by branch."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, changes: dict[str, bytes]) -> str:
        """Add a commit to a branch; return its hash."""
        parent = self.branches.get(branch, "")
        files = {**self.commits.get(parent, {}), **changes}
        listing = [(name, hashlib.sha256(data).hexdigest()) for name, data in files.items()]
        text = json.dumps([parent, len(self.commits), sorted(listing)])
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[commit] = files
        self.branches[branch] = commit
        return commit

    def resolve(self, revision: str) -> str | None:
        """The commit hash of a branch or a commit hash."""
        return revision if revision in self.commits else self.branches.get(revision)


class HubServer(_Server):
    """A Hub at :attr:`url`: files of :data:`LFS_SUFFIX` go to LFS storage, others with the commit.

    LFS files are served by a redirect to another host name, as the Hub's go to its CDN.
    """

    LFS_SUFFIX = (".safetensors", ".model")

    def __init__(self, token: str = "hf_right") -> None:
        super().__init__()
        self.token = token
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.damage: set[str] = set()
        self.status = 0  # of every answer, if it is set
        self.etag = ""  # of every file, if it is set
        self.release = threading.Event()  # if it is cleared, no file comes before it is set
        self.release.set()
        self.cdn = f"http://localhost:{self.port}"

    def add(self, repo: str, files: dict[str, bytes], **kind: bool) -> str:
        """Put a repository with one commit on ``main`` in place; return the commit's hash."""
        repository = self.repositories.setdefault(repo, Repository(**kind))
        return repository.commit("main", files)

    def handle(self, handler: _Handler) -> None:
        path, method = handler.record.path, handler.record.method
        parts = path.strip("/").split("/")
        if self.status:
            handler.body()
            handler.answer(self.status)
        elif parts[0] == "blobs":
            self._blob(handler, parts[1])
        elif not self._may(handler, write=method in ("POST", "PUT")):
            handler.body()
            handler.answer(401, b"", {"X-Error-Message": "Invalid credentials"})
        elif path == "/api/repos/create":
            self._create(handler)
        elif path == "/api/validate-yaml":
            handler.body()
            handler.answer_json({"warnings": [], "errors": []})
        elif path.endswith(".git/info/lfs/objects/batch"):
            self._batch(handler)
        elif parts[:2] == ["api", "models"]:
            self._api(handler, "/".join(parts[2:4]), parts[4:])
        elif len(parts) > 4 and parts[2] == "resolve":
            self._file(handler, "/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            handler.body()
            handler.answer(404)

    def _may(self, handler: _Handler, write: bool) -> bool:
        return not write or handler.record.authorization == f"Bearer {self.token}"

    def _repository(self, handler: _Handler, name: str) -> Repository | None:
        """The repository, or ``None`` after the Hub's answer for one that may not be seen."""
        repository = self.repositories.get(name)
        known = handler.record.authorization == f"Bearer {self.token}"
        if repository is None or (repository.private and not known):
            status = 404 if known else 401
            handler.answer(status, b"", {"X-Error-Code": "RepoNotFound"})
            return None
        if repository.gated and not known:
            handler.answer(401, b"", {"X-Error-Code": "GatedRepo"})
            return None
        return repository

    def _create(self, handler: _Handler) -> None:
        asked = json.loads(handler.body())
        name = f"{asked['organization']}/{asked['name']}"
        status = 409 if name in self.repositories else 200
        if status == 200:
            self.repositories[name] = Repository(private=asked.get("visibility") == "private")
            self.repositories[name].commit("main", {".gitattributes": b""})
        handler.answer_json({"url": f"{self.url}/{name}", "name": name}, status)

    def _batch(self, handler: _Handler) -> None:
        objects = []
        for item in json.loads(handler.body())["objects"]:
            link = {"href": f"{self.url}/blobs/{item['oid']}"}
            there = item["oid"] in self.blobs
            objects.append(item if there else {**item, "actions": {"upload": link}})
        handler.answer_json({"transfer": "basic", "objects": objects})

    def _blob(self, handler: _Handler, oid: str) -> None:
        if handler.record.method == "PUT":
            data = handler.body()
            right = hashlib.sha256(data).hexdigest() == oid
            if right:
                self.blobs[oid] = data
            handler.answer(200 if right else 400)
        elif oid in self.blobs:
            handler.answer_file(self.blobs[oid])
        else:
            handler.answer(404)

    def _api(self, handler: _Handler, name: str, rest: list[str]) -> None:
        body = handler.body()
        repository = self._repository(handler, name)
        if repository is None:
            return
        verb, revision = rest[0] if rest else "", "/".join(rest[1:]) or "main"
        if verb == "branch":
            if revision in repository.branches:
                handler.answer(409)
                return
            repository.branches[revision] = repository.branches["main"]
            handler.answer_json({})
        elif repository.resolve(revision) is None:
            handler.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif verb in ("", "revision"):
            handler.answer_json({"id": name, "sha": repository.resolve(revision), "siblings": []})
        elif verb == "preupload":
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(self.LFS_SUFFIX) else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for file in json.loads(body)["files"]
            ]
            handler.answer_json({"files": modes})
        elif verb == "commit":
            changes = {}
            for line in body.splitlines():
                item = json.loads(line)
                value = item["value"]
                if item["key"] == "file":
                    changes[value["path"]] = base64.b64decode(value["content"])
                elif item["key"] == "lfsFile":
                    changes[value["path"]] = self.blobs[value["oid"]]
            commit = repository.commit(revision, changes)
            address = f"{self.url}/{name}/commit/{commit}"
            handler.answer_json({"commitUrl": address, "commitOid": commit})
        else:
            handler.answer(404)

    def _file(self, handler: _Handler, name: str, revision: str, file: str) -> None:
        repository = self._repository(handler, name)
        if repository is None:
            return
        commit = repository.resolve(revision)
        if commit is None:
            handler.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
            return
        headers = {"X-Repo-Commit": commit}
        self.release.wait(30)
        data = repository.commits[commit].get(file)
        if data is None:
            handler.answer(404, b"", {"X-Error-Code": "EntryNotFound", **headers})
            return
        digest = hashlib.sha256(data).hexdigest()
        if file in self.damage:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if file.endswith(self.LFS_SUFFIX):
            self.blobs[digest] = data
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
            handler.answer(302, b"", {"Location": f"{self.cdn}/blobs/{digest}", **headers})
        else:
            handler.answer_file(data, {"ETag": f'"{self.etag or digest}"', **headers})


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A loopback port on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
