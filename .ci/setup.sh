# shellcheck shell=bash
# What demo.sh and test.sh share: checks the machine, installs what is missing, changes nothing else.
# Everything is checked before anything is installed, so a machine that cannot be completed is left as it was.

me=$(basename -- "$0")

say() { printf '%s: %s\n' "$me" "$*"; }

die() {
    printf '%s: error: %s\n' "$me" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# ---- Rust ---------------------------------------------------------------------------------------------------------

rustup_hint="get it from https://rustup.rs, open a new terminal, then run $me again"

# The lowest version that may build the crate, as Cargo.toml says it.
rust_needed() { sed -n 's/^rust-version *= *"\(.*\)".*/\1/p' Cargo.toml; }

# Succeeds when version $1 is at least version $2.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | sed -n 1p)" = "$2" ]; }

check_rust() {
    local needed found bin
    needed=$(rust_needed)
    # rustup writes to this folder; a terminal opened before it ran does not have it on PATH yet.
    bin=${CARGO_HOME:-${HOME:-}/.cargo}/bin
    case ":$PATH:" in *":$bin:"*) ;; *) [ ! -x "$bin/cargo" ] || PATH="$bin:$PATH" ;; esac

    if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
        if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ]; then
            die "root has no Rust: run ./$me without sudo, it asks for sudo itself when it needs it"
        fi
        die "Rust is missing: $rustup_hint"
    fi
    if ! found=$(rustc --version) || ! cargo --version >/dev/null; then
        die "Rust is installed but does not run (see above)" "with rustup: rustup default stable"
    fi
    found=$(printf '%s\n' "$found" | sed 's/^rustc \([0-9.]*\).*/\1/')
    if ! at_least "$found" "$needed"; then
        if command -v rustup >/dev/null; then
            die "Rust $found is too old, $needed or newer is needed: rustup update stable"
        fi
        die "Rust $found is too old, $needed or newer is needed: $rustup_hint"
    fi
}

# The tools of test.sh that a minimal toolchain leaves out; prints the names of those missing.
missing_components() {
    cargo fmt --version >/dev/null 2>&1 || printf 'rustfmt '
    cargo clippy --version >/dev/null 2>&1 || printf 'clippy '
}

# ---- Programs -----------------------------------------------------------------------------------------------------

# A compiler without the headers of the C library (gcc alone on Debian) counts as missing.
c_compiler_works() {
    command -v cc >/dev/null &&
        printf '#include <stdio.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - >/dev/null 2>&1
}

# mosquitto lives in /usr/sbin, which is not on the PATH of a Debian user.
mosquitto_found() {
    command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || [ -x /usr/local/sbin/mosquitto ]
}

# Prints what is missing, by the names of the Debian packages.
missing_packages() {
    command -v cmake >/dev/null || printf 'cmake '
    command -v make >/dev/null || printf 'make '
    c_compiler_works || printf 'gcc libc6-dev '
    mosquitto_found || printf 'mosquitto '
}

# Debian and its descendants: Ubuntu, Raspberry Pi OS and others, all with apt-get.
is_debian_like() {
    command -v apt-get >/dev/null && [ -r /etc/os-release ] &&
        (. /etc/os-release && case " ${ID:-} ${ID_LIKE:-} " in *" debian "* | *" ubuntu "* | *" raspbian "*) true ;; *) false ;; esac)
}

# What to type on a system that this file cannot install on, one hint per line.
other_system_hint() {
    case "$(uname -s)" in
    Darwin) printf '%s\n' "on macOS: xcode-select --install && brew install cmake mosquitto" ;;
    *) printf '%s\n' "install it with the package manager of your system, then run $me again" ;;
    esac
}

install_packages() {
    local as_root=() package unknown=""

    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "missing: $*" "neither root nor sudo here; ask the administrator for: apt-get install $*"
        as_root=(sudo)
        say "missing: $*; installing with sudo apt-get, which may ask for your password"
        # Not "sudo -v": it asks for a password even where none is needed, as on Raspberry Pi OS.
        sudo true || die "sudo was refused, nothing was installed" "ask the administrator for: apt-get install $*"
    else
        say "missing: $*; installing with apt-get"
    fi

    "${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 update ||
        say "warning: apt-get update failed, going on with the package lists of this machine"
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || unknown+="$package "
    done
    [ -z "$unknown" ] || die "apt-get does not know: $unknown(nothing was installed)" \
        "is the network up? on Ubuntu mosquitto is in universe: sudo add-apt-repository universe"

    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "$@" </dev/null ||
        die "apt-get could not install: $*" "its reason is above"

    # Debian starts a freshly installed mosquitto as a service; that is the owner's business, so say it and leave it.
    case " $* " in *" mosquitto "*)
        if [ -d /run/systemd/system ]; then
            say "note: the system now runs mosquitto as a service on localhost:1883, and the examples use it"
            say "note: to stop it for good: sudo systemctl disable --now mosquitto"
        fi
        ;;
    esac
}

# ---- The whole set-up ---------------------------------------------------------------------------------------------

# setup [checks]: leaves a machine that can build and run; with "checks" one that has rustfmt and clippy too.
setup() {
    local packages components=""
    check_rust
    packages=$(missing_packages)
    [ "${1:-}" != checks ] || components=$(missing_components)

    # First everything that could stop us, then everything that changes the machine.
    if [ -n "$packages" ] && ! is_debian_like; then
        die "missing: $packages(Debian names)" "this system is not Debian, Ubuntu or Raspberry Pi OS: nothing was installed" \
            "$(other_system_hint)"
    fi
    if [ -n "$components" ] && ! command -v rustup >/dev/null; then
        die "missing: $components(nothing was installed)" "this Rust does not come from rustup: install them the way you installed it," \
            "Debian calls them rustfmt and rust-clippy; or $rustup_hint"
    fi

    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086 # one word per package
        install_packages $packages
        packages=$(missing_packages)
        [ -z "$packages" ] || die "installed, and still missing: $packages"
    fi
    if [ -n "$components" ]; then
        say "missing: ${components% }; installing with rustup"
        # shellcheck disable=SC2086 # one word per component
        rustup component add $components || die "rustup could not add: $components"
    fi
}
