"""The Hub: the real ``huggingface_hub`` client in a fresh process, against a Hub on loopback.

A fresh process, because the client reads ``HF_ENDPOINT`` and its kind when it is imported.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.store.servers import HubServer, closed_port
from zoo.errors import FolderError, UsageError
from zoo.folder.manifest import FileEntry, Manifest, sha256_of
from zoo.store import hub

ROOT = Path(__file__).parents[2]
BIG = "model.safetensors"
REPO = "someone/tiny"
FORMAT_1 = ROOT / "tests" / "folder" / "fixtures" / "format_1"

# Evaluates each expression in turn and prints what came of the last as JSON.
PROGRAM = """
import json, sys
from pathlib import Path
from zoo import errors
from zoo.cli import main
from zoo.store import cache, hub
from zoo.store import locate as store
def fetched(reference, **options):
    folder = store.locate(reference, **options)
    folder.verify()
    return folder.path
try:
    for expression in sys.argv[1:]:
        value = eval(expression)
    print(json.dumps(["ok", str(value)]))
except errors.ZooError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
# Any use of a socket ends the process at once, where nothing can catch it.
NO_SOCKETS = (
    "sys.addaudithook(lambda event, _: event.startswith('socket.') "
    "and __import__('os')._exit(print(event, file=sys.stderr) or 99))"
)


def model_files(seed: int = 0) -> dict[str, bytes]:
    files = {
        "config.json": b'{"format_version": 1}',
        BIG: random.Random(seed).randbytes(100_000),
        "README.md": b"---\nlicense: mit\n---\n# Tiny\n",
        "vocab.json": b"",
    }
    entries = {name: FileEntry(sha256_of(data), len(data)) for name, data in files.items()}
    return {**files, "manifest.json": Manifest(entries).to_bytes()}


FILES = model_files()


def write_folder(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def read_folder(folder: str | Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer() as running:
        yield running


@pytest.fixture
def call(server: HubServer, tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Runs :data:`PROGRAM` with the Hub on loopback; gives the outcome's kind and text."""

    def run(*expressions: str, **variables: str) -> tuple[str, str]:
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HF_", "ZOO_")) and not name.lower().endswith("_proxy")
        }
        mine = {
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",  # the loopback Hub has LFS storage only
            "ZOO_CACHE": str(tmp_path / "cache"),
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *expressions],
            cwd=ROOT,
            env={**plain, **mine, **variables},
            capture_output=True,
            text=True,
            timeout=240,  # one of these loads TensorFlow
        )
        assert done.returncode == 0, done.stderr
        kind, text = json.loads(done.stdout.splitlines()[-1])
        return kind, text

    return run


def locate(reference: str, **options: Any) -> str:
    return f"fetched({reference!r}, **{options!r})"


def test_only_the_files_of_the_manifest_are_fetched(server, call):
    server.add(REPO, {**FILES, "pytorch_model.bin": b"pickle", ".gitattributes": b""})
    kind, folder = call(locate(f"hf://{REPO}"))
    assert kind == "ok"
    assert read_folder(folder) == FILES
    assert not server.gets("pytorch_model.bin")


def test_a_revision_is_a_branch_or_a_commit(server, call):
    first = server.add(REPO, FILES)
    newer = model_files(seed=1)
    second = server.add(REPO, newer)
    server.repositories[REPO].branches["v1"] = first
    for revision, files in ((None, newer), ("v1", FILES), (first, FILES), (second, newer)):
        kind, folder = call(locate(f"hf://{REPO}", revision=revision))
        assert kind == "ok"
        assert read_folder(folder) == files
    assert read_folder(call(locate(f"hf://{REPO}@{first}"))[1]) == FILES


# Before the network would be built and trained, the model that fine-tuning starts from is shown.
NO_TRAINING = (
    "__import__('unittest.mock').mock.patch("
    "'zoo.text.training.run.finetune', lambda training, *_: training.start.reference).start()"
)


@pytest.mark.parametrize(
    "expressions",
    [
        ["main(['run', 'hf://someone/tiny', 'the ', '--length', '3'])"],
        [NO_TRAINING, "main(['finetune', 'hf://someone/tiny', '--text', 'LICENSE', '--out', 'x'])"],
    ],
    ids=["run", "finetune"],
)
def test_a_command_asks_the_hub_once_what_a_branch_is(server, call, expressions):
    server.add(REPO, read_folder(FORMAT_1))
    kind, text = call(*expressions)
    assert kind == "ok", text
    of_branch = [request for request in server.requests if "/resolve/main/" in request.path]
    # One question and one download; all else is asked for at the commit that the answer named.
    assert [request.method for request in of_branch] == ["HEAD", "GET"]
    assert {request.path for request in of_branch} == {f"/{REPO}/resolve/main/manifest.json"}


def test_a_cached_commit_needs_no_connection(server, call):
    commit = server.add(REPO, FILES)
    reference = locate(f"hf://{REPO}@{commit}")
    kind, folder = call(reference)
    asked = len(server.requests)
    assert call(NO_SOCKETS, reference) == ("ok", folder)
    for variables in ({"HF_HUB_OFFLINE": "1"}, {"ZOO_OFFLINE": "1"}):
        for name in (f"hf://{REPO}@{commit}", f"hf://{REPO}"):
            kind, text = call(NO_SOCKETS, locate(name), **variables)
            # Only the commit was fetched: what the default branch is nobody has asked yet.
            assert kind == ("ok" if "@" in name else "DownloadError"), text
            assert text == folder if "@" in name else "offline" in text
    assert len(server.requests) == asked


def test_offline_and_not_cached_says_what_to_do(server, call):
    server.add(REPO, FILES)
    kind, text = call(NO_SOCKETS, locate(f"hf://{REPO}", offline=True))
    assert kind == "DownloadError"
    assert text.startswith(f"hf://{REPO}: it is not in the Hub client's cache")
    assert not server.requests


def test_a_hub_that_is_away_is_a_plain_error_and_the_cache_still_serves(server, call):
    server.add(REPO, FILES)
    kind, folder = call(locate(f"hf://{REPO}"))
    with closed_port() as port:
        away = f"http://127.0.0.1:{port}"
        assert call(locate(f"hf://{REPO}"), HF_ENDPOINT=away) == ("ok", folder)
        quick = "__import__('time').__dict__.update(sleep=lambda seconds: None)"
        kind, text = call(quick, locate("hf://someone/else"), HF_ENDPOINT=away)
    assert kind == "DownloadError"
    assert "cannot be reached" in text
    assert "HF_ENDPOINT" in text


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("hf://someone/missing", "no such repository"),
        (f"hf://{REPO}@missing", "no such revision"),
        ("hf://someone/empty", "no zoo model: it has no manifest.json"),
        ("hf://someone/lost", f"no zoo model: it has no {BIG}"),
        ("hf://someone/secret", "or it is private"),
        ("hf://someone/gated", "is gated: ask for access"),
        ("hf://someone/hostile", "not a plain file name"),
        ("hf://someone/newer", "upgrade"),
        ("hf://someone/huge", "longer than the 4194304 bytes"),
    ],
)
def test_what_cannot_be_had_is_told_plainly(server, call, reference, message):
    server.add(REPO, FILES)
    server.add("someone/empty", {"README.md": b""})
    server.add("someone/lost", {name: data for name, data in FILES.items() if name != BIG})
    server.add("someone/secret", FILES, private=True)
    server.add("someone/gated", FILES, gated=True)
    hostile = {"../../evil": {"sha256": sha256_of(b"x"), "size": 1}}
    text = json.dumps({"format_version": 1, "files": hostile}).encode()
    server.add("someone/hostile", {"manifest.json": text, "../../evil": b"x"})
    server.add("someone/newer", {"manifest.json": b'{"format_version": 99, "files": {}}'})
    server.add("someone/huge", {"manifest.json": bytes(4 * 2**20 + 1)})
    kind, text = call(locate(reference))
    assert kind == "DownloadError"
    assert message.replace("no zoo", "not a zoo") in text
    assert text.startswith(reference)
    assert "\n" not in text


def test_too_many_requests_say_what_to_do(server, call):
    server.add(REPO, FILES)
    server.status = 429
    quick = "__import__('time').__dict__.update(sleep=lambda seconds: None)"
    kind, text = call(quick, locate(f"hf://{REPO}"))
    assert kind == "DownloadError"
    assert "no more requests from here for now (429); wait" in text
    assert "HF_TOKEN" in text


def test_a_home_that_cannot_be_written_says_what_to_set(server, call, tmp_path):
    server.add(REPO, FILES)
    (tmp_path / "file").write_bytes(b"")
    kind, text = call(locate(f"hf://{REPO}"), HF_HOME=str(tmp_path / "file" / "hf"))
    assert kind == "ZooError"
    assert "cannot write to the Hub's cache" in text
    assert "set HF_HOME" in text


def test_an_etag_that_leads_out_of_the_cache_is_refused(server, call, tmp_path):
    server.add(REPO, FILES)
    server.etag = "../../../../../outside"
    kind, text = call(locate(f"hf://{REPO}"))
    assert kind == "DownloadError"
    assert "led out of the Hub's cache" in text


def test_a_hub_that_takes_for_ever_is_left_at_the_deadline(server, call):
    server.add(REPO, FILES)
    server.release.clear()
    kind, text = call(locate(f"hf://{REPO}"), ZOO_DEADLINE="1")
    server.release.set()
    assert kind == "DownloadError"
    assert "not done after 1 s; set ZOO_DEADLINE" in text


def test_the_token_of_the_client_opens_a_private_repository_and_stays_on_the_hub(server, call):
    server.add("someone/secret", FILES, private=True)
    kind, folder = call(locate("hf://someone/secret"), HF_TOKEN=server.token)
    assert kind == "ok"
    assert read_folder(folder) == FILES
    storage = [request for request in server.requests if request.path.startswith("/blobs/")]
    assert storage
    assert not any(request.authorization for request in storage)


def test_a_file_that_is_not_what_the_manifest_says_is_refused(server, call):
    server.add(REPO, {**FILES, "config.json": b'{"format_version": 2}'})
    kind, text = call(locate(f"hf://{REPO}"))
    assert kind == "DownloadError"
    assert "config.json" in text
    assert "sha256" in text


def test_a_damaged_file_in_the_hub_cache_is_fetched_again(server, call):
    commit = server.add(REPO, FILES)
    _, folder = call(locate(f"hf://{REPO}@{commit}"))
    for name in (BIG, "manifest.json"):
        target = (Path(folder) / name).resolve()
        target.write_bytes(target.read_bytes()[:-1] + b"\0")
        kind, _ = call(locate(f"hf://{REPO}@{commit}", offline=True))
        assert kind == "DownloadError"
        asked = len(server.requests)
        assert call(locate(f"hf://{REPO}@{commit}")) == ("ok", folder)
        assert read_folder(folder) == FILES
        fetched = {r.path.rpartition("/")[2] for r in server.requests[asked:] if r.method == "HEAD"}
        assert fetched == {name}


REGISTER = (
    "__import__('zoo.catalogue').catalogue.__dict__.update(_registry=("
    "lambda m: m.Registry("
    "{{'lstm': m.Architecture('lstm', 't', '', '', '', '', '')}}, "
    "{{'lstm.tiny': m.Weights('lstm.tiny', 't', (), '', '', {{}}, 1, 1, {sha!r}, '', {sources!r})}}"
    "))(__import__('zoo')))"
)


def test_a_registered_name_comes_from_the_hub_into_the_cache(server, call, tmp_path):
    commit = server.add(REPO, FILES)
    register = REGISTER.format(
        sha=sha256_of(FILES["manifest.json"]), sources=(f"hf://{REPO}@{commit}",)
    )
    kind, folder = call(register, locate("lstm.tiny"))
    assert kind == "ok"
    assert Path(folder).parent == tmp_path / "cache" / "models" / "lstm.tiny"
    assert read_folder(folder) == FILES
    assert not any(path.is_symlink() for path in Path(folder).iterdir())
    assert call(register, NO_SOCKETS, locate("lstm.tiny")) == ("ok", folder)
    # Without our copy the Hub client's own serves, offline too.
    call("cache.clear_cache()")
    assert call(register, NO_SOCKETS, locate("lstm.tiny", offline=True)) == ("ok", folder)


def test_a_hub_source_with_another_manifest_stops_there(server, call):
    server.add(REPO, model_files(seed=1))
    register = REGISTER.format(sha=sha256_of(FILES["manifest.json"]), sources=(f"hf://{REPO}",))
    kind, text = call(register, locate("lstm.tiny"))
    assert kind == "DownloadError"
    assert "registry says" in text
    fetched = {request.path for request in server.requests if "/resolve/" in request.path}
    assert fetched == {f"/{REPO}/resolve/main/manifest.json"}


def push(folder: Path, repo: str, **options: Any) -> str:
    return f"hub.push({str(folder)!r}, {repo!r}, **{options!r})"


def test_what_is_pushed_is_what_is_fetched(server, call, tmp_path):
    folder = write_folder(tmp_path / "mine")
    (folder / "notes.txt").write_text("not of the model")
    kind, address = call(push(folder, "me/tiny", message="First"), HF_TOKEN=server.token)
    assert kind == "ok", address
    commit = address.rpartition("/")[2]
    assert address == f"{server.url}/me/tiny/commit/{commit}"
    assert server.repositories["me/tiny"].commits[commit] == {**FILES, ".gitattributes": b""}
    assert any(request.method == "PUT" for request in server.requests)  # the weights as LFS
    kind, fetched = call(locate(f"hf://me/tiny@{commit}"))
    assert kind == "ok"
    assert read_folder(fetched) == FILES


def test_a_second_push_goes_to_its_branch_and_leaves_the_first(server, call, tmp_path):
    token = server.token
    call(push(write_folder(tmp_path / "a"), "me/tiny", private=True, token=token))
    newer = model_files(seed=1)
    options = {"revision": "v2", "token": token}
    kind, address = call(push(write_folder(tmp_path / "b", newer), "me/tiny", **options))
    assert kind == "ok", address
    repository = server.repositories["me/tiny"]
    assert repository.private
    assert repository.commits[repository.branches["main"]][BIG] == FILES[BIG]
    assert repository.commits[repository.branches["v2"]][BIG] == newer[BIG]
    assert address.endswith(repository.branches["v2"])


def test_a_push_without_the_right_to_is_told_plainly(server, call, tmp_path):
    kind, text = call(push(write_folder(tmp_path / "mine"), "me/tiny"), HF_TOKEN="hf_wrong")
    assert kind == "DownloadError"
    assert "HF_TOKEN" in text
    assert not server.repositories


def test_a_damaged_folder_is_not_pushed(tmp_path):
    folder = write_folder(tmp_path / "mine")
    (folder / "config.json").write_text("{}")
    with pytest.raises(FolderError, match=r"config\.json"):
        hub.push(folder, "me/tiny")


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "../x", "me/", "me/tiny@", "me/ti ny"])
def test_what_is_no_repository_is_a_usage_error(tmp_path, name):
    with pytest.raises(UsageError, match="hf://owner/repo"):
        hub.push(write_folder(tmp_path / "mine"), name)
