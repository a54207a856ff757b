# Sourced by the other scripts: the virtual environment .venv of this checkout, made when it is not there.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
# Where Windows' Python puts the programs of an environment (under Git Bash), and where all others do.
bin=$venv/bin
[ "${OS-}" = Windows_NT ] && bin=$venv/Scripts

# Print the usage lines at the top of the script that calls, without the comment signs.
usage() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# A Python for which every locked package is there as a wheel; the system's own first.
find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2> /dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "Python 3.11, 3.12, 3.13 or 3.14 is needed, and none is on the PATH." \
    "  Debian 12 and later, Ubuntu 24.04 and later:  apt-get install python3 python3-venv" \
    "  Ubuntu 22.04:                                 apt-get install python3.11 python3.11-venv" \
    "  Fedora, RHEL, AlmaLinux 9:                    dnf install python3.12" \
    "  macOS:                                        brew install python@3.13"
}

make_venv() {
  local python
  if "$bin/python" -m pip --version > /dev/null 2>&1; then
    return
  fi
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    fail "$python cannot make virtual environments. On Debian and Ubuntu:  apt-get install $(
      "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
    )"
  fi
  "$python" -m venv --clear "$venv"
}

# Airflow alone, as its lock names it, in an environment of its own. Does nothing when it is there.
install_airflow() {
  local venv=$root/.venv-airflow bin=$root/.venv-airflow/bin lock=$root/requirements/airflow.lock
  make_venv
  if ! cmp --silent "$lock" "$venv/installed.lock"; then
    echo "Installing the packages of requirements/airflow.lock into $venv ..." >&2
    rm -f "$venv/installed.lock"
    "$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
      --requirement "$lock" || fail "Airflow could not be installed; pip says why above."
    cp "$lock" "$venv/installed.lock"
  fi
}

# install_locked LOCK...: install exactly what the locks name, checked by hash, and the program from this
# checkout. Does nothing when all of it is there.
install_locked() {
  local lock stamp state options=()
  make_venv
  for lock in "$@"; do
    options+=(--requirement "$root/$lock")
    # Of what tests and checks need few modules are imported, which Python compiles then.
    [ "$lock" != requirements/dev.lock ] || options+=(--no-compile)
  done
  stamp=$venv/installed-$(basename "$1" .lock)
  state=$(cd "$root" && cksum "$@" pyproject.toml)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ]; then
    return
  fi
  echo "Installing the packages of $* into $venv ..." >&2
  # Another lock's packages may change now, so what it installed counts no more.
  rm -f "$venv"/installed-*
  # Nobody needs a compiler: all are wheels but one package of pure Python, which only the tests' shop needs.
  if ! "$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    --no-binary django-haystack "${options[@]}"; then
    fail "The packages could not be installed; pip says why above." \
      "They exist for Python 3.11 to 3.14 on Linux with glibc (not Alpine), macOS and Windows."
  fi
  "$bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --editable "$root"
  if ! "$bin/python" -c 'import implicit' 2> /dev/null; then
    fail "The package implicit, which trains the model, cannot be loaded; most often the system lacks libgomp." \
      "  Debian, Ubuntu:           apt-get install libgomp1" \
      "  Fedora, RHEL, AlmaLinux:  dnf install libgomp"
  fi
  printf '%s\n' "$state" > "$stamp"
}
