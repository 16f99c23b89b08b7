"""The store, against real servers on loopback, real processes, real signals and real full disks."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import pty
import random
import resource
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filelock
import platformdirs
import pytest

import zoo.catalogue
from tests.conftest import hear_ctrl_c
from tests.store.servers import FileServer, closed_port
from zoo.architectures import TASKS
from zoo.errors import DownloadError, FolderError, UsageError, ZooError
from zoo.folder.manifest import FileEntry, Manifest, sha256_of
from zoo.registry import Architecture, Registry, Weights
from zoo.store import cache, download, pace, sources
from zoo.store import locate as store

NAME = "char_lstm.tiny"
BIG = "model.safetensors"
SIZE = 4 * sources.CHUNK
HALF = SIZE // 2
ROOT = Path(__file__).parents[2]


def manifest_of(files: dict[str, bytes]) -> bytes:
    entries = {name: FileEntry(sha256_of(data), len(data)) for name, data in files.items()}
    return Manifest(entries).to_bytes()


def model_files(seed: int = 0) -> dict[str, bytes]:
    """A model folder's files by name, manifest included: one big, one small, one empty."""
    files = {
        "config.json": b'{"format_version": 1}',
        BIG: random.Random(seed).randbytes(SIZE),
        "vocab.json": b"",
    }
    return {**files, "manifest.json": manifest_of(files)}


FILES = model_files()
SHA = sha256_of(FILES["manifest.json"])


def write_folder(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fetched(reference: Any, **options: Any) -> Path:
    """What :func:`~zoo.store.locate.locate` gives, all of its files checked."""
    folder = store.locate(reference, **options)
    folder.verify()
    return folder.path


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, no embedded models, no variables of the user's."""
    for name in list(os.environ):
        if name.startswith(("ZOO_", "HF_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "WEIGHTS_FOLDER", tmp_path / "embedded")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        serve(running)
        yield running


def serve(server: FileServer, files: dict[str, bytes] = FILES) -> None:
    server.files.update({f"/zoo/{NAME}/{name}": data for name, data in files.items()})


def fault(server: FileServer, file: str, *kinds: str) -> None:
    server.faults[f"/zoo/{NAME}/{file}"] = list(kinds)


def base(server: FileServer) -> str:
    return f"{server.url}/zoo"


def architecture(name: str = "char_lstm", default: str = "tiny") -> Architecture:
    return Architecture(name, "text-generation", "", "", "", "", "", default_weights=default)


def weights(*sources: str, sha256: str = SHA, name: str = NAME, folder: str = "") -> Weights:
    return Weights(
        name, "text-generation", ("en",), "MIT", "", {}, SIZE, 1, sha256, "", sources, folder
    )


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a registry with one architecture and one entry of weights the registry."""

    def use(*sources: str, **values: Any) -> None:
        made = Registry(tasks={task.name: task for task in TASKS})
        made.add_architecture(architecture())
        made.add_architecture(architecture("bare", default=""))
        made.add_weights(weights(*sources, **values))
        monkeypatch.setattr(zoo.catalogue, "_registry", made)

    return use


def final_folder() -> Path:
    return cache.cache_dir() / "models" / NAME / SHA[:16]


def partial_folder() -> Path:
    return final_folder().with_name(f".partial-{SHA[:16]}")


# Runs in a fresh interpreter: {setup}, then locate(), and the outcome as JSON on the last line.
PROGRAM = """
import json, sys
import zoo.catalogue
from zoo.architectures import TASKS
from zoo import errors
from zoo.store import locate as store
architecture, weights = json.loads(sys.argv[1])
registry = zoo.Registry(tasks=zoo.catalogue.builtin().tasks)
registry.add_architecture(zoo.Architecture(**architecture))
registry.add_weights(zoo.Weights(**weights))
zoo.catalogue._registry = registry
{setup}
try:
    print(json.dumps(["ok", str(store.locate(weights["name"]).path)]))
except errors.ZooError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def start(entry: Weights, setup: str = "", **options: Any) -> subprocess.Popen[str]:
    """Start :data:`PROGRAM`."""
    argument = json.dumps([asdict(architecture()), asdict(entry)])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    options = {**pipes, "preexec_fn": hear_ctrl_c, **options}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(setup=setup), argument],
        cwd=ROOT,
        **options,
    )


def outcome(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What :data:`PROGRAM` printed: ``"ok"`` and the folder, or the error's type and message."""
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    kind, text = json.loads(out.splitlines()[-1])
    return kind, text


def wait_for(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"no {what} in 20 s"
        time.sleep(0.01)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


# --- a name, from the web ---------------------------------------------------------------------


def test_a_registered_name_is_fetched_and_whole(server, register):
    register(base(server))
    folder = fetched(NAME)
    assert folder == final_folder()
    assert read_folder(folder) == FILES
    assert [len(server.gets(name)) for name in ("manifest.json", "config.json", BIG)] == [1, 1, 1]
    assert not server.gets("vocab.json")  # an empty file needs no request


def test_a_bare_name_means_the_default_weights(server, register):
    register(base(server))
    assert fetched("char_lstm") == final_folder()


def test_a_cached_model_is_not_asked_for_again(server, register):
    register(base(server))
    fetched(NAME)
    asked = len(server.requests)
    fetched(NAME)
    assert len(server.requests) == asked


def test_an_embedded_folder_comes_first(server, register, tmp_path):
    register(base(server))
    embedded = write_folder(tmp_path / "embedded" / NAME)
    assert fetched(NAME) == embedded
    assert not server.requests


def test_an_embedded_folder_that_is_not_the_registered_one_is_refused(register, tmp_path):
    register()
    write_folder(tmp_path / "embedded" / NAME, model_files(seed=1))
    with pytest.raises(FolderError, match="another version"):
        fetched(NAME)


def test_a_plugin_folder_of_the_entry_is_used(register, tmp_path):
    folder = write_folder(tmp_path / "plugin")
    register(folder=str(folder))
    assert fetched(NAME) == folder


def test_an_architecture_without_weights_says_what_there_is(register):
    register()
    with pytest.raises(UsageError, match=r"'bare' has no .*char_lstm\.tiny"):
        fetched("bare")


def test_an_unknown_name_gets_a_suggestion(register):
    register()
    with pytest.raises(UsageError, match="did you mean 'char_lstm"):
        fetched("char_lstn.tiny")


@pytest.mark.parametrize(
    "kinds",
    [
        ["500", "503"],
        ["429"],
        ["cut"],
        ["cut", "cut", "cut"],  # each gains ground, so none is the last
        ["cut", "ignore range"],
        ["500", "cut", "500", "ignore range"],
    ],
    ids=" ".join,
)
def test_passing_faults_are_outlived(server, register, kinds):
    register(base(server))
    fault(server, BIG, *kinds)
    assert read_folder(fetched(NAME)) == FILES
    assert not server.faults[f"/zoo/{NAME}/{BIG}"]


def test_a_cut_file_is_continued_where_it_broke(server, register):
    register(base(server))
    fault(server, BIG, "cut")
    fetched(NAME)
    assert [request.start for request in server.gets(BIG)] == [None, HALF]
    assert [request.sent for request in server.gets(BIG)] == [HALF, SIZE - HALF]


def test_a_cut_manifest_is_fetched_again(server, register):
    register(base(server))
    fault(server, "manifest.json", "cut")
    assert read_folder(fetched(NAME)) == FILES


def test_a_silent_server_is_given_up_and_the_rest_asked_for(server, register, monkeypatch):
    register(base(server))
    monkeypatch.setattr(sources, "READ_SECONDS", 0.2)
    fault(server, BIG, "stall")
    begun = time.monotonic()
    assert read_folder(fetched(NAME)) == FILES
    assert time.monotonic() - begun < sources.CONNECT_SECONDS / 2
    assert [request.start for request in server.gets(BIG)] == [None, HALF]


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        (["500"] * 3, "500"),
        (["404"], "404"),
        (["corrupt"], "sha256"),
        (["short length"], f"{SIZE - 1} bytes"),
        (["long length"], f"{SIZE + 1} bytes"),
        (["endless"], f"longer than the {SIZE} bytes"),
        (["cut", "wrong range"], "a different part"),
        (["redirect http://192.0.2.1/x"], "redirects to http://192.0.2.1/x: http:// is for"),
        (["redirect ftp://127.0.0.1/x"], "not a valid https:// address"),
        (["redirect file:///etc/passwd"], "302"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_lasting_faults_are_named_and_leave_no_model(server, register, kinds, reason):
    register(base(server))
    fault(server, BIG, *kinds)
    with pytest.raises(DownloadError, match="cannot fetch") as caught:
        fetched(NAME)
    assert reason in str(caught.value)
    assert base(server) in str(caught.value)
    assert not final_folder().exists()
    assert not server.faults[f"/zoo/{NAME}/{BIG}"]
    assert read_folder(fetched(NAME)) == FILES  # and the next call is not harmed by it


def test_no_more_than_the_promised_bytes_are_read(server, register):
    register(base(server))
    fault(server, BIG, "endless")
    with pytest.raises(DownloadError):
        fetched(NAME)
    # What the server could hand over goes to socket buffers; a reader without a limit takes all.
    wait_for(lambda: server.gets(BIG)[0].sent > 0, "byte")
    time.sleep(0.1)
    assert server.gets(BIG)[0].sent < 100 * SIZE
    assert size_of(partial_folder() / f".{BIG}.part") <= SIZE


def test_a_redirect_to_loopback_is_followed_with_its_range(server, register):
    register(base(server))
    server.files["/other/big"] = FILES[BIG]
    fault(server, BIG, "cut", f"redirect {server.url}/other/big")
    assert read_folder(fetched(NAME)) == FILES
    assert [request.start for request in server.gets("big")] == [HALF]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("http://192.0.2.1/zoo", "use https://"),
        ("ftp://192.0.2.1/zoo", "not a valid https:// address"),
        ("/no/such/mirror", "there is no file"),
        ("hf://nonsense", "hf://owner/repo"),
    ],
)
def test_a_source_that_cannot_work_is_passed_over(server, register, source, reason, monkeypatch):
    monkeypatch.setenv("ZOO_SOURCES", source)
    register(base(server))
    assert read_folder(fetched(NAME)) == FILES
    cache.clear_cache()
    register()
    with pytest.raises(DownloadError) as caught:
        fetched(NAME)
    assert f"{source}: " in str(caught.value)
    assert reason in str(caught.value)


def test_every_source_is_named_with_its_reason(server, register, monkeypatch, tmp_path):
    fault(server, BIG, "corrupt")
    mirror = tmp_path / "mirror"
    with closed_port() as port:
        monkeypatch.setenv("ZOO_SOURCES", f"{mirror}, http://127.0.0.1:{port}/")
        register(base(server))
        with pytest.raises(DownloadError) as caught:
            fetched(NAME)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0].strip() for line in lines[1:4]] == [
        str(mirror),
        f"http://127.0.0.1:{port}/",
        base(server),
    ]
    assert "refused" in lines[2]
    assert "sha256" in lines[3]


def test_a_second_source_mends_a_corrupted_file(server, register, monkeypatch):
    with FileServer() as second:
        serve(second)
        fault(server, BIG, "corrupt")
        monkeypatch.setenv("ZOO_SOURCES", base(server))
        register(base(second))
        assert read_folder(fetched(NAME)) == FILES
        assert [request.start for request in second.gets(BIG)] == [None]
        assert not second.gets("config.json")  # the first source gave that right


def test_a_bad_half_from_one_source_does_not_spoil_the_next(server, register):
    register(base(server))
    write_folder(partial_folder(), {f".{BIG}.part": bytes(HALF)})
    assert read_folder(fetched(NAME)) == FILES
    assert [request.start for request in server.gets(BIG)] == [HALF, None]


def test_what_an_earlier_attempt_left_lying_does_not_get_into_the_model(server, register):
    register(base(server))
    left = {".manifest.json.x1y2": b"half", "old.bin": b"", BIG: bytes(SIZE), f".{BIG}.part": b""}
    write_folder(partial_folder() / "folder", {"config.json": b""})
    write_folder(partial_folder(), left)
    assert read_folder(fetched(NAME)) == FILES


def test_another_manifest_stops_before_any_other_file(server, register):
    serve(server, model_files(seed=1))
    register(base(server))
    with pytest.raises(DownloadError, match=r"manifest.json has sha256 .*registry says"):
        fetched(NAME)
    assert [request.path.rpartition("/")[2] for request in server.requests] == ["manifest.json"]
    assert not partial_folder().exists()


@pytest.mark.parametrize("kind", ["endless", "big"])
def test_a_manifest_without_end_is_refused(server, register, kind):
    register(base(server))
    if kind == "big":
        serve(server, {"manifest.json": bytes(4 * 2**20 + 1)})
    else:
        fault(server, "manifest.json", "endless")
    with pytest.raises(DownloadError, match="larger than"):
        fetched(NAME)
    time.sleep(0.1)
    assert server.gets("manifest.json")[0].sent < 12 * 2**20  # some lies in buffers


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "..", ".hidden", "a/b", "a\\b", ""])
def test_a_manifest_with_a_path_for_a_name_is_refused(server, register, name, tmp_path):
    entry = {"sha256": sha256_of(b"evil"), "size": 4}
    data = json.dumps({"format_version": 1, "files": {name: entry}}).encode()
    serve(server, {"manifest.json": data, name: b"evil"})
    register(base(server), sha256=sha256_of(data))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DownloadError, match="not a plain file name"):
        fetched(NAME)
    assert len(server.requests) == 1
    new = {path for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    assert new <= {tmp_path / "cache" / "locks" / f"{NAME}.lock"}


def test_a_mirror_folder_is_a_source(register, tmp_path, monkeypatch):
    write_folder(tmp_path / "mirror" / NAME)
    monkeypatch.setenv("ZOO_SOURCES", str(tmp_path / "mirror"))
    register()
    assert read_folder(fetched(NAME, offline=True)) == FILES


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A self-signed certificate for ``localhost`` with its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += " -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key -out cert"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return both


def test_https_needs_a_valid_certificate(register, certificate, monkeypatch):
    with FileServer(certificate) as secure:
        serve(secure)
        register(base(secure))
        with pytest.raises(DownloadError, match="certificate is not valid"):
            fetched(NAME)
        assert not secure.requests
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        fault(secure, BIG, "cut")
        assert read_folder(fetched(NAME)) == FILES


def test_https_does_not_lead_to_what_listens_on_this_machine(
    server, register, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(sources, "_is_loopback", lambda host: host == "127.0.0.1")
    with FileServer(certificate) as secure:
        serve(secure)
        register(base(secure))
        fault(secure, BIG, f"redirect {base(server)}/{NAME}/{BIG}")
        with pytest.raises(DownloadError, match="redirects to"):
            fetched(NAME)
    assert not server.requests


# --- processes ----------------------------------------------------------------------------------


def half_way(server: FileServer, entry: Weights) -> subprocess.Popen[str]:
    """A process that has written half of the big file and waits for the rest."""
    fault(server, BIG, "stall")
    process = start(entry)
    wait_for(lambda: size_of(partial_folder() / f".{BIG}.part") == HALF, "half file")
    return process


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_a_stopped_download_is_continued(server, register, killer):
    process = half_way(server, weights(base(server)))
    process.send_signal(killer)
    process.communicate(timeout=20)
    assert process.returncode == -killer
    assert not final_folder().exists()
    assert [(model.name, model.partial) for model in cache.cached()] == [(NAME, True)]

    before = len(server.requests)
    register(base(server))
    assert read_folder(fetched(NAME)) == FILES
    asked = [(r.path.rpartition("/")[2], r.start, r.sent) for r in server.requests[before:]]
    assert asked == [(BIG, HALF, SIZE - HALF)]
    assert [model.partial for model in cache.cached()] == [False]


def test_two_processes_at_once_download_once(server):
    first = half_way(server, weights(base(server)))
    second = start(weights(base(server)))
    assert second.stderr is not None
    assert f"waiting for process {first.pid} to finish" in second.stderr.readline()
    server.release.set()
    assert outcome(first) == outcome(second) == ("ok", str(final_folder()))
    assert read_folder(final_folder()) == FILES
    assert sum(request.sent for request in server.gets(BIG)) == SIZE
    assert len(server.gets("manifest.json")) == len(server.gets("config.json")) == 1


def test_once_cached_no_socket_is_opened(server, register):
    register(base(server))
    fetched(NAME)
    # Ends the process at once, where nothing can catch it.
    setup = "import os; sys.addaudithook(lambda e, _: e.startswith('socket.') and os._exit(99))"
    assert outcome(start(weights(base(server)), setup)) == ("ok", str(final_folder()))


def drop_root() -> None:
    """Give up root's right to write where the permission bits forbid it."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: for what is executed next


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="drops capabilities the Linux way")
def test_a_read_only_cache_can_be_read_but_not_filled(server, register):
    register(base(server))
    fetched(NAME)
    entry = weights(base(server))
    with read_only(cache.cache_dir()):
        assert outcome(start(entry, preexec_fn=drop_root)) == ("ok", str(final_folder()))
    shutil.rmtree(final_folder())
    with read_only(cache.cache_dir()):
        kind, message = outcome(start(entry, preexec_fn=drop_root))
    assert kind == "ZooError"
    assert "ZOO_CACHE" in message


@pytest.mark.parametrize("variable", ["ZOO_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_names_what_is_missing_and_how_to_get_it(server, register, variable, monkeypatch):
    register(base(server))
    monkeypatch.setenv(variable, "1")
    with pytest.raises(DownloadError, match=f"{NAME} is not in the cache.*offline") as caught:
        fetched(NAME)
    assert f"zoo download {NAME}" in str(caught.value)
    assert not server.requests
    assert read_folder(fetched(NAME, offline=False)) == FILES
    assert fetched(NAME) == final_folder()


def test_a_full_disk_is_told_before_it_is_full(register, server, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE // 1024 // 2}k", "none", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount a small disk")
    try:
        monkeypatch.setenv("ZOO_CACHE", str(disk))
        register(base(server))
        with pytest.raises(ZooError, match=r"no room .* (\d+) more bytes are needed") as caught:
            fetched(NAME)
        assert not isinstance(caught.value, DownloadError)
        assert not server.gets(BIG)

        # A disk that others fill while we write: the check beforehand saw room enough.
        monkeypatch.setattr(download, "_check_room", lambda *arguments: None)
        with pytest.raises(ZooError, match=r"no room .* more bytes are needed") as caught:
            fetched(NAME)
        assert not isinstance(caught.value, DownloadError)
        assert not final_folder().exists()
        assert size_of(partial_folder() / f".{BIG}.part") < SIZE
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_write_that_fails_leaves_a_half_that_is_continued(server, register):
    limit = SIZE // 4 + 1000

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    kind, message = outcome(start(weights(base(server)), preexec_fn=limited))
    assert kind == "ZooError"
    assert f"{SIZE - limit} more bytes are needed" in message
    assert not final_folder().exists()
    assert len(server.gets(BIG)) == 1  # a fault of this machine is not blamed on the source
    register(base(server))
    assert read_folder(fetched(NAME)) == FILES
    assert server.gets(BIG)[-1].start == limit


def test_a_bar_is_drawn_on_a_terminal_only(server):
    main, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    process = start(weights(base(server)), stderr=terminal)
    os.close(terminal)
    drawn = b""
    with contextlib.suppress(OSError):  # how the end of a terminal reads
        while piece := os.read(main, 4096):
            drawn += piece
    os.close(main)
    assert outcome(process)[0] == "ok"
    assert f"{NAME}: 100%".encode() in drawn

    shutil.rmtree(final_folder())
    process = start(weights(base(server)))
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 0


def test_importing_the_store_loads_nothing_heavy():
    code = "import sys, zoo.store.locate; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"tensorflow", "keras", "numpy", "huggingface_hub", "tqdm", "filelock", "ssl"}
    assert not heavy & set(run.stdout.split())


# --- the cache ----------------------------------------------------------------------------------


def damage(folder: Path) -> None:
    data = bytearray((folder / BIG).read_bytes())
    data[7] ^= 1
    (folder / BIG).write_bytes(data)


def test_a_damaged_file_in_the_cache_is_fetched_again_and_nothing_else(server, register):
    register(base(server))
    damage(fetched(NAME))
    before = len(server.requests)
    assert read_folder(fetched(NAME)) == FILES
    assert [request.path for request in server.requests[before:]] == [f"/zoo/{NAME}/{BIG}"]


def test_a_damaged_file_is_fetched_again_when_it_is_read(server, register):
    register(base(server))
    damage(fetched(NAME))
    folder = store.locate(NAME)
    assert (folder.path / BIG).read_bytes() != FILES[BIG]
    assert folder.read(BIG) == FILES[BIG]
    assert store.locate(folder) is folder


def test_a_damaged_cache_offline_says_how_to_clear_it(server, register):
    register(base(server))
    damage(fetched(NAME))
    with pytest.raises(FolderError, match=f"sha256.*zoo cache clear {NAME}"):
        fetched(NAME, offline=True)
    assert final_folder().exists()


def test_the_cache_is_where_the_variable_or_the_system_says(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", "~/there")
    assert cache.cache_dir() == Path.home() / "there"
    monkeypatch.delenv("ZOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert cache.cache_dir() == tmp_path / "sequence-zoo"


def test_cached_models_are_listed_and_verified(server, register):
    assert cache.cached() == cache.verify_cache() == []
    register(base(server))
    fetched(NAME)
    other = write_folder(cache.cache_dir() / "models" / "gone.model" / SHA[:16])
    misnamed = write_folder(cache.cache_dir() / "models" / "gone.model" / ("0" * 16))
    write_folder(cache.cache_dir() / "models" / "gone.model" / ".partial-0123456789abcdef")
    write_folder(cache.cache_dir() / "models" / "gone.model" / "not ours")
    whole = sum(len(data) for data in FILES.values())
    first = cache.cached()[0]
    assert first == cache.CachedModel(NAME, SHA[:16], final_folder(), whole, partial=False)
    damage(other)
    problems = {(model.name, model.manifest): text for model, text in cache.verify_cache()}
    assert problems.keys() == {
        (NAME, SHA[:16]),
        ("gone.model", SHA[:16]),
        ("gone.model", "0" * 16),
        ("gone.model", "0123456789abcdef"),
    }
    assert problems[NAME, SHA[:16]] is None
    assert "sha256" in problems["gone.model", SHA[:16]]
    assert misnamed.name in problems["gone.model", "0" * 16]
    assert problems["gone.model", "0123456789abcdef"] is None


def test_clearing_frees_one_model_or_all(server, register):
    register(base(server))
    whole = sum(len(data) for data in FILES.values())
    models = cache.cache_dir() / "models"
    fetched(NAME)
    write_folder(models / "gone.model" / SHA[:16])
    write_folder(models / "gone.model" / f".partial-{SHA[:16]}", {"half": bytes(10)})
    assert cache.clear_cache("char_lstm") == whole
    assert [model.name for model in cache.cached()] == ["gone.model"] * 2
    assert cache.clear_cache("char_lstm") == 0
    assert cache.clear_cache() == whole + 10
    assert list(models.iterdir()) == []


def test_clearing_an_unknown_name_is_an_error(register):
    register()
    write_folder(cache.cache_dir() / "models" / "gone.model" / SHA[:16])
    with pytest.raises(UsageError, match=r"did you mean 'gone\.model'"):
        cache.clear_cache("gone.modle")
    assert len(cache.cached()) == 1


def test_clearing_never_leaves_the_cache(register, tmp_path):
    register()
    outside = write_folder(tmp_path / "outside" / SHA[:16])
    models = cache.cache_dir() / "models"
    inside = write_folder(models / NAME / SHA[:16])
    (inside / "link").symlink_to(outside)
    (models / NAME / ("1" * 16)).symlink_to(outside)
    (models / "other.model").symlink_to(outside.parent)
    write_folder(models / NAME / "notes", {"mine.txt": b"keep"})
    assert [model.path for model in cache.cached()] == [inside]
    cache.clear_cache()
    assert read_folder(outside) == FILES
    assert read_folder(models / NAME / "notes") == {"mine.txt": b"keep"}
    assert not inside.exists()
    shutil.rmtree(models)
    models.symlink_to(outside.parent)
    (outside.parent / NAME).mkdir()
    write_folder(outside.parent / NAME / SHA[:16])
    assert cache.clear_cache() == 0
    assert (outside.parent / NAME / SHA[:16]).exists()


def test_a_model_that_is_being_downloaded_is_not_cleared(register):
    register()
    write_folder(partial_folder())
    path = cache.cache_dir() / "locks" / f"{NAME}.lock"
    path.parent.mkdir()
    with filelock.FileLock(path), pytest.raises(ZooError, match="another process"):
        cache.clear_cache()
    assert partial_folder().exists()
    assert cache.clear_cache() > 0


# --- what others plant, slow and lying servers ----------------------------------------------------


def test_a_planted_link_is_not_written_through(server, register, tmp_path):
    register(base(server))
    victim = tmp_path / "victim"
    for make in (os.symlink, os.link):
        cache.clear_cache()
        victim.write_bytes(b"precious")
        partial_folder().mkdir(parents=True)
        make(victim, partial_folder() / f".{BIG}.part")
        make(victim, partial_folder() / BIG)
        make(victim, partial_folder() / "manifest.json")
        assert read_folder(fetched(NAME)) == FILES
        assert victim.read_bytes() == b"precious"
        assert not any(path.is_symlink() for path in final_folder().iterdir())


@pytest.mark.parametrize("name", [f".{BIG}.part", BIG, "manifest.json", "config.json"])
def test_a_planted_pipe_does_not_block(server, register, name):
    register(base(server))
    partial_folder().mkdir(parents=True)
    os.mkfifo(partial_folder() / name)
    assert read_folder(fetched(NAME)) == FILES


def test_a_planted_folder_link_loses_no_file(server, register, tmp_path):
    register(base(server))
    outside = write_folder(tmp_path / "outside", {"diary.txt": b"dear"})
    for planted in (partial_folder(), final_folder()):
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.symlink_to(outside)
        assert read_folder(fetched(NAME)) == FILES
        assert read_folder(outside) == {"diary.txt": b"dear"}
        cache.clear_cache()
    final_folder().parent.symlink_to(outside)
    with pytest.raises(ZooError, match="is a link, which a cache must not hold"):
        fetched(NAME)
    assert read_folder(outside) == {"diary.txt": b"dear"}


def test_a_planted_lock_is_not_followed(server, register, tmp_path):
    register(base(server))
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    locks = cache.cache_dir() / "locks"
    locks.mkdir(parents=True)
    (locks / f"{NAME}.lock").symlink_to(victim)
    (locks / f"{NAME}.holder").symlink_to(victim)
    assert read_folder(fetched(NAME)) == FILES
    assert victim.read_bytes() == b"precious"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root to give files away")
def test_what_belongs_to_another_user_is_not_written(server, register):
    register(base(server))
    write_folder(partial_folder(), {f".{BIG}.part": FILES[BIG][:HALF]})
    os.chown(partial_folder() / f".{BIG}.part", 1234, 1234)
    assert read_folder(fetched(NAME)) == FILES
    assert [request.start for request in server.gets(BIG)] == [None]  # theirs was not used
    cache.clear_cache()
    partial_folder().mkdir(parents=True)
    os.chown(partial_folder(), 1234, 1234)
    with pytest.raises(ZooError, match="belongs to another user; remove it"):
        fetched(NAME)


def test_a_server_slower_than_the_least_rate_is_given_up(server, register, monkeypatch):
    monkeypatch.setattr(pace, "WINDOW_SECONDS", 0.2)
    with FileServer() as second:
        serve(second)
        fault(server, BIG, "drip", "drip", "drip")
        monkeypatch.setenv("ZOO_SOURCES", base(server))
        register(base(second))
        assert read_folder(fetched(NAME)) == FILES
        assert len(server.gets(BIG)) == 3
        # What came slowly was kept.
        assert second.gets(BIG)[0].start > 0
        cache.clear_cache()
        fault(server, BIG, "drip", "drip", "drip")
        register()
        with pytest.raises(DownloadError, match=r"less than 1000 bytes a second.*ZOO_LEAST_RATE"):
            fetched(NAME)


@pytest.mark.parametrize("fault_kind", ["drip", "drip headers", "continue"])
def test_a_deadline_ends_what_never_would(server, register, monkeypatch, fault_kind):
    monkeypatch.setenv("ZOO_LEAST_RATE", "0")
    monkeypatch.setenv("ZOO_DEADLINE", "1")
    register(base(server))
    fault(server, BIG, fault_kind)
    begun = time.monotonic()
    with pytest.raises(DownloadError, match=r"ZOO_DEADLINE|headers without end"):
        fetched(NAME)
    assert time.monotonic() - begun < 10


def test_a_setting_that_is_no_number_is_named(server, register, monkeypatch):
    monkeypatch.setenv("ZOO_LEAST_RATE", "fast")
    register(base(server))
    with pytest.raises(ZooError, match="ZOO_LEAST_RATE must be a whole number"):
        fetched(NAME)


LIES = [
    "HTTP/1.1 200 OK\r\nContent-Length: \u00b2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * 5000}\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\u00b2\r\nab\r\n0\r\n\r\n",
    f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{'f' * 4000}\r\nabc\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999/\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:x/\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://\x00\x01/\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: https://" + "a" * 70 + ".example/\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: https:///x\r\n\r\n",
    "HTTP/1.1 302 Found\r\n\r\n",
    "HTTP/1.1 \u00b2\u00b2\u00b2 OK\r\n\r\n",
    "HTTP/1.1 99999999 OK\r\n\r\n",
    "nonsense\r\n\r\n",
    "HTTP/1.1 200 OK\r\n" + "A: b\r\n" * 300 + "\r\n",
    "HTTP/1.1 200 OK\r\nA: " + "b" * 70_000 + "\r\n\r\n",
    "HTTP/1.1 206 Partial\r\nContent-Range: bytes \u00b2-\r\n\r\nabc",
    "HTTP/1.1 404 \x1b]0;owned\x07\r\nContent-Length: 0\r\n\r\n",
    "",
]


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_after_an_answer_without_sense_the_next_source_is_tried(server, register, monkeypatch, lie):
    with FileServer() as second:
        serve(second)
        fault(server, BIG, *[f"raw {lie}"] * 3)
        monkeypatch.setenv("ZOO_SOURCES", base(server))
        register(base(second))
        assert read_folder(fetched(NAME)) == FILES
        assert server.gets(BIG)
        assert second.gets(BIG)


def test_without_a_home_the_cache_says_what_to_set(monkeypatch):
    monkeypatch.delenv("ZOO_CACHE")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: "~/.cache/sequence-zoo")
    with pytest.raises(UsageError, match="set ZOO_CACHE"):
        cache.cache_dir()


# --- folders and what is none -------------------------------------------------------------------


def test_a_path_means_a_folder_and_is_verified(register, tmp_path, monkeypatch):
    register()
    folder = write_folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for reference in (folder, str(folder), "./mine", "~/mine", "mine", Path("mine")):
        assert fetched(reference).resolve() == folder
    damage(folder)
    with pytest.raises(FolderError, match="sha256"):
        fetched("./mine")
    with pytest.raises(FolderError, match="no model folder"):
        fetched("./nothing")


def test_a_registered_name_is_not_taken_by_a_folder_of_that_name(
    server, register, tmp_path, monkeypatch, recwarn
):
    register(base(server))
    monkeypatch.chdir(tmp_path)
    own = tmp_path / NAME
    own.mkdir()
    assert fetched(NAME) == final_folder()
    assert not recwarn
    write_folder(own, model_files(seed=1))
    with pytest.warns(UserWarning, match=r"means the registered model; write './char_lstm.tiny'"):
        assert fetched(NAME) == final_folder()
    assert fetched(f"./{NAME}").resolve() == own


@pytest.mark.parametrize(
    ("reference", "revision", "message"),
    [
        ("https://example.org/model", None, "ZOO_SOURCES"),
        (NAME, "main", "only valid for a Hub model"),
        ("hf://owner/repo@v1", "v2", "already has a revision"),
        ("hf://owner", None, "hf://owner/repo@revision"),
        ("hf://owner/repo@", None, "hf://owner/repo@revision"),
        ("hf://../repo", None, "hf://owner/repo@revision"),
        ("", None, "unknown model"),
        (7, None, "not int"),
    ],
)
def test_what_names_no_model_is_a_usage_error(register, reference, revision, message):
    register()
    with pytest.raises(UsageError) as caught:
        fetched(reference, revision=revision)
    assert message in str(caught.value)


def test_the_manifest_prefix_in_the_cache_is_of_the_sha256():
    # The layout is read by people and by other versions: it must not change unnoticed.
    digest = hashlib.sha256(FILES["manifest.json"]).hexdigest()
    assert final_folder().name == digest[:16]
