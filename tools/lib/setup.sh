# What hello.sh and test.sh share: POSIX sh, sourced from the root of the repository.
# Names what the system lacks, installs it with apt-get where that is allowed, and only then.

needed=""   # packages without which nothing can be built
wished=""   # packages that each add something

say() { printf '%s\n' "marmita: $*" >&2; }
stop() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# need COMMAND PACKAGE, wish COMMAND PACKAGE
need() { have "$1" || needed="$needed $2"; }
wish() { have "$1" || wished="$wished $2"; }

# need_library ARCHIVE PACKAGE: asked of the compiler, or taken for missing without one
need_library() {
  if have cc; then
    case $(cc -print-file-name="$1") in */*) return ;; esac
  fi
  needed="$needed $2"
}

# The least 20.x: marmita runs on 20.17, the tools that test it on 20.19.
node_minor=17

node_is_enough() {
  have node && have npm &&
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
      process.exit(major > 20 || (major === 20 && minor >= process.argv[1]) ? 0 : 1)' $node_minor
}

look_for_build_packages() {
  need cc gcc
  need g++ g++
  need make make
  need python3 python3
  need_library libc.a libc6-dev
  need_library libz.a zlib1g-dev
  need_library libzstd.a libzstd-dev
  need_library libdeflate.a libdeflate-dev
  need_library libcrypto.a libssl-dev
  need_library libseccomp.a libseccomp-dev
  # An older node is not replaced: install_modules says what is needed.
  need node nodejs
  need npm npm
}

# What marmita finds and uses: the range of subordinate ids, overlays on older kernels, networks.
look_for_accelerators() {
  wish newuidmap uidmap
  wish fuse-overlayfs fuse-overlayfs
  wish pasta passt
  wish slirp4netns slirp4netns
}

look_for_test_packages() {
  for name in mmdebstrap skopeo umoci buildah podman crun runc zstd cmake clang clang-format; do
    wish "$name" "$name"
  done
  wish docker-registry docker-registry
  wish openssl openssl
  wish xz xz-utils
  wish bwrap bubblewrap
  wish unshare util-linux
  wish setpriv util-linux
  wish setfattr attr
  wish setcap libcap2-bin
  wish ps procps
  wish ip iproute2
  wish git git
  # Ubuntu's mmdebstrap does not bring the keys of Debian.
  if [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    wished="$wished debian-archive-keyring"
  fi
  has_static_busybox || wished="$wished busybox-static"
  has_fuzzer || wished="$wished libclang-rt-dev"
}

has_static_busybox() {
  for path in /bin/busybox /usr/bin/busybox /bin/busybox.static; do
    if [ -e "$path" ] && ! ldd "$path" >/dev/null 2>&1; then return 0; fi
    if [ -e "$path" ] && ldd "$path" 2>&1 | grep -q 'statically linked'; then return 0; fi
  done
  return 1
}

# Debian keeps the run-time half of clang's sanitizers in a package of its own.
has_fuzzer() {
  have clang || return 1
  case $(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a") in
    */*) return 0 ;;
    *) return 1 ;;
  esac
}

# One apt-get for all that is missing: as root, with sudo, or not at all.
install_missing() {
  if [ -z "$needed$wished" ]; then return 0; fi
  if ! have apt-get; then
    without_installing "with this system's package manager (names as in Debian):$needed$wished"
  elif [ "$(id -u)" = 0 ]; then
    apt_install
  elif have sudo && sudo -n true 2>/dev/null; then
    apt_install sudo -n
  elif have sudo && [ -n "$needed" ] && [ -t 0 ] && [ -t 2 ]; then
    say "installing with sudo:$needed$wished"
    apt_install sudo
  else
    without_installing "as root:
  apt-get update && apt-get install -y --no-install-recommends$needed$wished"
  fi
}

# What is needed ends it here; what is wished for is only named.
without_installing() {
  if [ -n "$needed" ]; then stop "missing:$needed. Install $1"; fi
  say "going on without$wished. To have all, $1"
}

apt_install() {
  say "installing$needed$wished"
  "$@" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 ||
    say "apt-get update failed; trying with what is known"
  known=""
  for name in $wished; do
    if apt-cache show "$name" >/dev/null 2>&1; then
      known="$known $name"
    else
      say "no package $name here"
    fi
  done
  # shellcheck disable=SC2086 # lists of names
  if "$@" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $needed $known >&2; then
    leave_registry_idle "$@"
    return 0
  fi
  if [ -n "$needed" ]; then stop "apt-get could not install$needed$known"; fi
  say "going on without$known: apt-get could not install them"
}

# Debian makes it a service, on port 5000: tests start their own, and nobody asked for another.
leave_registry_idle() {
  case " $known " in *" docker-registry "*) ;; *) return 0 ;; esac
  if have systemctl; then
    "$@" systemctl disable --now --quiet docker-registry >/dev/null 2>&1 || :
  fi
}

# npm ci when the lock file is another than that of the last time; else what changed is built.
install_modules() {
  node_is_enough ||
    stop "Node.js 20.$node_minor or newer is needed, with npm; this is $(node --version || echo none)"
  if cmp -s package-lock.json node_modules/.marmita-lock; then
    npm run --silent build:native >&2 || stop "building the native parts failed"
    npm run --silent build >&2 || stop "compiling failed"
  else
    npm ci --no-audit --no-fund --no-update-notifier --loglevel=error >&2 || stop "npm ci failed"
    cp package-lock.json node_modules/.marmita-lock
  fi
}
