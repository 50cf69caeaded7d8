# shellcheck shell=bash
# Sourced by the other scripts: where things are, and how what is missing gets
# installed. Everything here may run twice; the second time it is quick.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/.cache
cd "$root"

# A proxy that the user chose is kept.
export GOPROXY=${GOPROXY:-https://proxy.golang.org}
export GOFLAGS=-mod=readonly
# Go stamps the revision into programs and refuses to where git will not read
# the checkout, such as one owned by another user.
git -C "$root" status >/dev/null 2>&1 || GOFLAGS+=" -buildvcs=false"

if ! command -v go >/dev/null && [[ -x /usr/local/go/bin/go ]]; then
  PATH=$PATH:/usr/local/go/bin
fi

say() { printf '==> %s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# need_go and need_node stop with advice when a toolchain is missing or too old.
need_go() {
  command -v go >/dev/null || fail "Go is missing: install Go 1.26 or newer from https://go.dev/dl/"
  local want have
  want=$(sed -n 's/^go //p' go.mod)
  # With GOTOOLCHAIN=auto, an older Go fetches the one that go.mod asks for.
  have=$(go env GOVERSION 2>&1) || fail "Go $want or newer is needed: $have"
}

need_node() {
  command -v node >/dev/null || fail "Node.js is missing: install version 20 or newer from https://nodejs.org/"
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  ((major >= 20)) || fail "Node.js 20 or newer is needed; this is $(node --version)"
  command -v npm >/dev/null || fail "npm is missing: it comes with Node.js from https://nodejs.org/"
}

# need_packages PROGRAM=PACKAGE... makes sure that each program is there,
# installing Debian packages when run as root. PROGRAM may be a path pattern.
need_packages() {
  local pair missing=()
  for pair in "$@"; do
    have_program "${pair%%=*}" || missing+=("${pair#*=}")
  done
  ((${#missing[@]})) || return 0
  if ! command -v apt-get >/dev/null; then
    fail "missing: ${missing[*]} (Debian package names); install them and run this again"
  elif ((EUID != 0)); then
    fail "missing packages; install them with: sudo apt-get install ${missing[*]}"
  fi
  say "Installing ${missing[*]}"
  apt_install "${missing[@]}" || fail "apt-get could not install ${missing[*]}"
}

have_program() {
  if [[ $1 == /* ]]; then
    compgen -G "$1" >/dev/null
  else
    command -v "$1" >/dev/null
  fi
}

# apt_install tries with the package lists at hand first, then with fresh ones.
apt_install() {
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends)
  mkdir -p "$cache"
  "${install[@]}" "$@" >"$cache/apt.log" 2>&1 && return
  if apt-get update -qq >"$cache/apt.log" 2>&1 && "${install[@]}" "$@" >>"$cache/apt.log" 2>&1; then
    return
  fi
  tail -n 20 "$cache/apt.log" >&2
  return 1
}

# need_tool NAME VERSION PACKAGE MODULE puts a Go program of exactly that version
# into .cache/bin, which comes first on the PATH. One that was built elsewhere at
# the same version is copied rather than built again.
need_tool() {
  local name=$1 version=$2 package=$3 module=$4 found
  mkdir -p "$cache/bin"
  is_tool "$cache/bin/$name" "$module" "$version" && return
  for found in "$(command -v "$name" || true)" "$(go env GOPATH)/bin/$name"; do
    if is_tool "$found" "$module" "$version"; then
      cp "$found" "$cache/bin/$name"
      return
    fi
  done
  say "Building $name $version"
  GOBIN=$cache/bin GOFLAGS='' go install "$package@$version" || fail "could not build $name $version"
}

# is_tool FILE MODULE VERSION looks into the program for what it was built from.
is_tool() {
  [[ -x $1 ]] && go version -m "$1" 2>/dev/null | grep -qP "^\tmod\t\Q$2\E\t\Q$3\E\t"
}

PATH=$cache/bin:$PATH

# digest_of FILE... prints one digest over names and contents.
digest_of() { printf '%s\0' "$@" | xargs -0 sha256sum | sha256sum | cut -d' ' -f1; }

# node_modules installs the client's libraries when the lock file has changed.
node_modules() {
  local stamp=web/node_modules/.bandstand-lock digest
  digest=$(digest_of web/package.json web/package-lock.json)
  if [[ $(cat "$stamp" 2>/dev/null) != "$digest" ]]; then
    say "Installing the web client's libraries"
    npm --prefix web ci --no-audit --no-fund --loglevel=error
    printf '%s\n' "$digest" >"$stamp"
  fi
}

# go_packages fills $packages, leaving out the Go files that npm brings.
# shellcheck disable=SC2034 # used by the scripts that read this one
go_packages() { mapfile -t packages < <(go list -f '{{.Dir}}' ./... | grep -v /node_modules/); }

# Flags that build with the race detector. It looks into every package but these, which
# only compute, on memory that nobody shares with them. SQLite is several times faster
# so; its driver is looked into, with all that it is given.
# shellcheck disable=SC2034 # used by the scripts that read this one
race=(-race)
for package in modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory \
  golang.org/x/crypto/argon2 golang.org/x/crypto/blake2b; do
  race+=("-gcflags=$package=-race=false -d=checkptr=0")
done
unset package

# build_client builds the web client into web/dist when its sources have changed.
build_client() {
  local stamp=$cache/web-build digest sources
  mapfile -d '' sources < <(find web \( -name node_modules -o -name dist -o -name e2e \) -prune -o -type f -print0 | sort -z)
  digest=$(digest_of "${sources[@]}")
  if [[ ! -f web/dist/index.html || $(cat "$stamp" 2>/dev/null) != "$digest" ]]; then
    node_modules
    say "Building the web client"
    npm --prefix web run --silent build
    mkdir -p "$cache"
    printf '%s\n' "$digest" >"$stamp"
  fi
}

# build_program builds ./bandstand with the client inside. Without nodynamic the
# library for WebP pictures would look for one in C, and the program be linked to libc.
build_program() {
  say "Building bandstand"
  CGO_ENABLED=0 go build -tags nodynamic -trimpath -o bandstand ./cmd/bandstand
}
