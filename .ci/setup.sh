# shellcheck shell=bash
# What demo.sh and test.sh share: checks the machine, installs what is missing, changes nothing else.
# It speaks French, as the course does.
# Everything is checked before anything is installed, so a machine that cannot be completed is left as it was.

me=$(basename -- "$0")

say() { printf '%s : %s\n' "$me" "$*"; }

die() {
    printf '%s : erreur : %s\n' "$me" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# One sentence on the network, for whoever reads why something could not be fetched.
network() {
    if timeout 5 bash -c ': >/dev/tcp/www.debian.org/443' 2>/dev/null; then
        printf 'le réseau répond'
    else
        printf 'le réseau ne répond pas, ou seulement par un proxy : vérifiez la connexion à Internet'
    fi
}

# ---- Rust ---------------------------------------------------------------------------------------------------------

rustup_hint="installez-le depuis https://rustup.rs, ouvrez un nouveau terminal, puis relancez $me"

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
            die "root n'a pas Rust : lancez ./$me sans sudo, il le demande lui-même s'il en a besoin"
        fi
        die "Rust manque : $rustup_hint"
    fi
    if ! found=$(rustc --version) || ! cargo --version >/dev/null; then
        die "Rust est installé mais ne démarre pas (voir ci-dessus)" "avec rustup : rustup default stable"
    fi
    found=$(printf '%s\n' "$found" | sed 's/^rustc \([0-9.]*\).*/\1/')
    if ! at_least "$found" "$needed"; then
        if command -v rustup >/dev/null; then
            die "Rust $found est trop ancien, il faut au moins $needed : rustup update stable"
        fi
        die "Rust $found est trop ancien, il faut au moins $needed : $rustup_hint"
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

# missing_packages [checks]: prints what is missing, by the names of the Debian packages.
missing_packages() {
    command -v cmake >/dev/null || printf 'cmake '
    command -v make >/dev/null || printf 'make '
    c_compiler_works || printf 'gcc libc6-dev '
    mosquitto_found || printf 'mosquitto '
    command -v mosquitto_sub >/dev/null || printf 'mosquitto-clients '
    # Only the tests need proxies, which start no service from these packages, and certificates.
    if [ "${1:-}" = checks ]; then
        command -v tinyproxy >/dev/null || printf 'tinyproxy-bin '
        command -v microsocks >/dev/null || printf 'microsocks '
        command -v openssl >/dev/null || printf 'openssl '
    fi
}

# Debian and its descendants: Ubuntu, Raspberry Pi OS and others, all with apt-get.
is_debian_like() {
    command -v apt-get >/dev/null && [ -r /etc/os-release ] &&
        (. /etc/os-release && case " ${ID:-} ${ID_LIKE:-} " in *" debian "* | *" ubuntu "* | *" raspbian "*) true ;; *) false ;; esac)
}

# What to type on a system that this file cannot install on, one hint per line.
other_system_hint() {
    case "$(uname -s)" in
    Darwin) printf '%s\n' "sur macOS : xcode-select --install && brew install cmake mosquitto" ;;
    *) printf '%s\n' "installez-le avec le gestionnaire de paquets de votre système, puis relancez $me" ;;
    esac
}

install_packages() {
    local as_root=() package unknown=""

    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "il manque : $*" "ni root ni sudo ici ; demandez à l'administrateur : apt-get install $*"
        as_root=(sudo)
        say "il manque : $* ; installation par sudo apt-get, qui demande peut-être votre mot de passe"
        # Not "sudo -v": it asks for a password even where none is needed, as on Raspberry Pi OS.
        sudo true || die "sudo est refusé, rien n'a été installé" "demandez à l'administrateur : apt-get install $*"
    else
        say "il manque : $* ; installation par apt-get"
    fi

    "${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 update ||
        say "avertissement : apt-get update a échoué ($(network)), suite avec les listes de paquets de cette machine"
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || unknown+="$package "
    done
    [ -z "$unknown" ] || die "il manque : $*" "apt-get ne connaît pas : $unknown(rien n'a été installé)" \
        "$(network)" "sur Ubuntu, mosquitto est dans universe : sudo add-apt-repository universe"

    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "$@" </dev/null ||
        die "apt-get n'a pas pu installer : $*" "sa raison est ci-dessus" "$(network)"

    # Debian starts a freshly installed mosquitto as a service; that is the owner's business, so say it and leave it.
    case " $* " in *" mosquitto "*)
        if [ -d /run/systemd/system ]; then
            say "le système fait maintenant tourner mosquitto comme service sur localhost:1883, et les exemples l'utilisent"
            say "pour l'arrêter définitivement : sudo systemctl disable --now mosquitto"
        fi
        ;;
    esac
}

# ---- The whole set-up ---------------------------------------------------------------------------------------------

# setup [checks]: leaves a machine that can build and run; with "checks" one that has rustfmt and clippy too.
setup() {
    local packages components=""
    check_rust
    packages=$(missing_packages "${1:-}")
    [ "${1:-}" != checks ] || components=$(missing_components)

    # First everything that could stop us, then everything that changes the machine.
    if [ -n "$packages" ] && ! is_debian_like; then
        die "il manque : $packages(noms de Debian)" "ce système n'est ni Debian, ni Ubuntu, ni Raspberry Pi OS : rien n'a été installé" \
            "$(other_system_hint)"
    fi
    if [ -n "$components" ] && ! command -v rustup >/dev/null; then
        die "il manque : $components(rien n'a été installé)" "ce Rust ne vient pas de rustup : installez-les de la même façon que lui," \
            "Debian les nomme rustfmt et rust-clippy ; ou bien $rustup_hint"
    fi

    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086 # one word per package
        install_packages $packages
        packages=$(missing_packages "${1:-}")
        [ -z "$packages" ] || die "installé, et pourtant il manque encore : $packages"
    fi
    if [ -n "$components" ]; then
        say "il manque : ${components% } ; installation par rustup"
        # shellcheck disable=SC2086 # one word per component
        rustup component add $components || die "rustup n'a pas pu ajouter : $components" "$(network)"
    fi
}
