# What ./demo and ./test share: is the toolchain there, and may packages be installed? Sourced, never run.
# shellcheck shell=bash

# The oldest compiler that builds the project; `rust-version` in Cargo.toml is the same number.
RUST_WANTED=1.95

say() { printf '%s\n' "$*" >&2; }

# root, or root without a question: nobody wants to type a password into a demo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

is_debian() { command -v apt-get >/dev/null && grep -qE '^(ID|ID_LIKE)=.*(debian|ubuntu)' /etc/os-release 2>/dev/null; }

# Installs what is missing of the named Debian packages, or says what to type. Never fails: whoever needs a package says so later.
want_packages() {
  local missing=() package
  command -v dpkg-query >/dev/null || return 0
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  if is_debian && as_root true; then
    say "installing: ${missing[*]}"
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then return 0; fi
    as_root apt-get update -qq >/dev/null 2>&1 || true
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then return 0; fi
  fi
  say "these packages are missing; parts that need them will be skipped:"
  say "  sudo apt-get install ${missing[*]}"
}

# Installs what is missing of the named cargo tools, unoptimised: they are run once. Never fails: a stage without its tool says so.
want_cargo_tools() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null && continue
    say "installing: $tool"
    cargo install --quiet --locked --debug "$tool" >&2 || say "$tool could not be installed; its stage will be skipped"
  done
}

# Ends with a plain message unless cargo is new enough and there is a C compiler.
require_toolchain() {
  local found=""
  [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] && PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  command -v cargo >/dev/null && found=$(cargo --version 2>/dev/null | sed -nE 's/^cargo ([0-9]+\.[0-9]+).*/\1/p')
  if [ -z "$found" ]; then
    say "Rehome is built with Rust, and there is no cargo here."
    say "hint: install Rust $RUST_WANTED or newer with rustup (https://rustup.rs), open a new shell, and run this again"
    exit 1
  fi
  if [ "$(printf '%s\n' "$RUST_WANTED" "$found" | sort -V | head -n 1)" != "$RUST_WANTED" ]; then
    say "Rehome needs Rust $RUST_WANTED or newer; this is $found."
    say "hint: rustup update stable"
    exit 1
  fi
  command -v cc >/dev/null || want_packages gcc libc6-dev
  if ! command -v cc >/dev/null; then
    say "Rehome contains SQLite and zstd, which are C, and there is no C compiler here."
    say "hint: sudo apt-get install gcc libc6-dev"
    exit 1
  fi
}
