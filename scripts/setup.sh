# Sourced by the other scripts: makes .venv with the project and the extras in $1, once for each change
# of setup.cfg, and puts it on PATH. Works on a fresh Debian with Python 3.11.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
extras=${1:-}
python=${PYTHON:-python3}
venv=${ZOO_VENV:-$PWD/.venv}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Python 3.11 or newer is needed; set PYTHON to one" >&2
  exit 1
fi
wanted=$(cat setup.cfg pyproject.toml | sha256sum | cut -c1-16)
missing=
for extra in ${extras//,/ } base; do
  [ "$(cat "$venv/.zoo-$extra" 2>/dev/null)" = "$wanted" ] || missing=1
done
if [ -n "$missing" ]; then
  if [ ! -x "$venv/bin/python" ]; then
    # Debian keeps the venv module in a package of its own.
    if ! "$python" -m venv "$venv" 2>/dev/null; then
      rm -rf "$venv"
      if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null
        "$python" -m venv "$venv"
      else
        echo "cannot make a virtual environment; on Debian: sudo apt-get install python3-venv" >&2
        exit 1
      fi
    fi
  fi
  echo "setting up $venv (a minute or two, the first time only)" >&2
  "$venv/bin/python" scripts/install ".${extras:+[$extras]}"
  for extra in ${extras//,/ } base; do echo "$wanted" >"$venv/.zoo-$extra"; done
fi
export PATH="$venv/bin:$PATH"
# Nothing was compiled: what is imported is, once, which is a third of the modules installed.
unset PYTHONDONTWRITEBYTECODE
