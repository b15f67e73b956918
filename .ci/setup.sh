# shellcheck shell=bash
# What demo.sh and test.sh share: checks the machine, installs what is missing, changes nothing else.
# It speaks French, as the course does; test.sh, which is for developers, sets english=1 and has it speak English.
# Everything is checked before anything is installed, so a machine that cannot be completed is left as it was.

me=$(basename -- "$0")

# The one of two texts that is in the language of the script.
t() { if [ -n "${english:-}" ]; then printf '%s' "$2"; else printf '%s' "$1"; fi; }

say() { printf '%s : %s\n' "$me" "$*"; }

die() {
    printf '%s : %s : %s\n' "$me" "$(t erreur error)" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# One sentence on the network, for whoever reads why something could not be fetched.
network() {
    if timeout 5 bash -c ': >/dev/tcp/www.debian.org/443' 2>/dev/null; then
        t "le réseau répond" "the network answers"
    else
        t "le réseau ne répond pas, ou seulement par un proxy : vérifiez la connexion à Internet" \
            "the network does not answer, or through a proxy only: check the connection to the Internet"
    fi
}

# ---- Rust ---------------------------------------------------------------------------------------------------------

rustup_hint() {
    t "installez-le depuis https://rustup.rs, ouvrez un nouveau terminal, puis relancez $me" \
        "install it from https://rustup.rs, open a new terminal, and run $me again"
}

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
            die "$(t "root n'a pas Rust : lancez ./$me sans sudo, il le demande lui-même s'il en a besoin" \
                "root has no Rust: run ./$me without sudo, it asks for it where it needs it")"
        fi
        without_rust "${1:-}" "$(t "Rust manque : $(rustup_hint)" "Rust is missing: $(rustup_hint)")"
    fi
    if ! found=$(rustc --version) || ! cargo --version >/dev/null; then
        die "$(t "Rust est installé mais ne démarre pas (voir ci-dessus)" "Rust is installed and does not start (see above)")" \
            "$(t "avec rustup : rustup default stable" "with rustup: rustup default stable")" "$(network)"
    fi
    found=$(printf '%s\n' "$found" | sed 's/^rustc \([0-9.]*\).*/\1/')
    if ! at_least "$found" "$needed"; then
        local remedy
        remedy=$(rustup_hint)
        ! command -v rustup >/dev/null || remedy="rustup update stable"
        without_rust "${1:-}" "$(t "Rust $found est trop ancien, il faut au moins $needed : $remedy" "Rust $found is too old, it takes $needed at least: $remedy")"
    fi
}

# Ends with everything that is missing: whoever installs Rust first wants to know what comes next.
without_rust() {
    local packages
    packages=$(missing_packages "$1")
    shift
    [ -z "$packages" ] || set -- "$1" "$(t "il manque aussi, et $me l'installera ensuite : ${packages% }" "also missing, and installed by $me afterwards: ${packages% }")"
    die "$@" "$(network)"
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

# So does nats-server.
nats_found() {
    command -v nats-server >/dev/null || [ -x /usr/sbin/nats-server ] || [ -x /usr/local/sbin/nats-server ]
}

# missing_packages [checks]: prints what is missing, by the names of the Debian packages.
missing_packages() {
    command -v cmake >/dev/null || printf 'cmake '
    command -v make >/dev/null || printf 'make '
    c_compiler_works || printf 'gcc libc6-dev '
    mosquitto_found || printf 'mosquitto '
    command -v mosquitto_sub >/dev/null || printf 'mosquitto-clients '
    # Only the tests need a cluster, proxies, which start no service from these packages, and certificates.
    if [ "${1:-}" = checks ]; then
        nats_found || printf 'nats-server '
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
    Darwin) t "sur macOS : xcode-select --install && brew install cmake mosquitto" "on macOS: xcode-select --install && brew install cmake mosquitto" ;;
    *) t "installez-le avec le gestionnaire de paquets de votre système, puis relancez $me" \
        "install it with the package manager of your system, and run $me again" ;;
    esac
}

install_packages() {
    local as_root=() package unknown=""

    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "$(t "il manque : $*" "missing: $*")" "$(t "ni root ni sudo ici ; demandez à l'administrateur : apt-get install $*" \
                "neither root nor sudo here; ask the administrator: apt-get install $*")" "$(network)"
        as_root=(sudo)
        say "$(t "il manque : $* ; installation par sudo apt-get, qui demande peut-être votre mot de passe" \
            "missing: $*; installed by sudo apt-get, which may ask for your password")"
        # Not "sudo -v": it asks for a password even where none is needed, as on Raspberry Pi OS.
        sudo true || die "$(t "sudo est refusé, rien n'a été installé" "sudo is refused, nothing was installed")" \
            "$(t "demandez à l'administrateur : apt-get install $*" "ask the administrator: apt-get install $*")"
    else
        say "$(t "il manque : $* ; installation par apt-get" "missing: $*; installed by apt-get")"
    fi

    "${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 update ||
        say "$(t "avertissement : apt-get update a échoué ($(network)), suite avec les listes de paquets de cette machine" \
            "warning: apt-get update has failed ($(network)), going on with this machine's lists of packages")"
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || unknown+="$package "
    done
    [ -z "$unknown" ] || die "$(t "il manque : $*" "missing: $*")" \
        "$(t "apt-get ne connaît pas : $unknown(rien n'a été installé)" "apt-get does not know: $unknown(nothing was installed)")" \
        "$(t "sur Ubuntu, mosquitto est dans universe : sudo add-apt-repository universe" \
            "on Ubuntu, mosquitto is in universe: sudo add-apt-repository universe")" "$(network)"

    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "$@" </dev/null ||
        die "$(t "apt-get n'a pas pu installer : $*" "apt-get could not install: $*")" \
            "$(t "sa raison est ci-dessus" "its reason is above")" "$(network)"

    # Debian starts a freshly installed mosquitto as a service; that is the owner's business, so say it and leave it.
    case " $* " in *" mosquitto "*)
        if [ -d /run/systemd/system ]; then
            say "$(t "le système fait maintenant tourner mosquitto comme service sur localhost:1883, et les exemples l'utilisent" \
                "the system now runs mosquitto as a service on localhost:1883, and the examples use it")"
            say "$(t "pour l'arrêter définitivement : sudo systemctl disable --now mosquitto" \
                "to stop it for good: sudo systemctl disable --now mosquitto")"
        fi
        ;;
    esac
    case " $* " in *" nats-server "*)
        if [ -d /run/systemd/system ]; then
            # Only test.sh installs it.
            say "the system now runs nats-server as a service; the tests have their own"
            say "to stop it for good: sudo systemctl disable --now nats-server"
        fi
        ;;
    esac
}

# ---- The whole set-up ---------------------------------------------------------------------------------------------

# setup [checks]: leaves a machine that can build and run; with "checks" one that has rustfmt and clippy too.
setup() {
    local packages components=""
    check_rust "${1:-}"
    packages=$(missing_packages "${1:-}")
    [ "${1:-}" != checks ] || components=$(missing_components)

    # First everything that could stop us, then everything that changes the machine.
    if [ -n "$packages" ] && ! is_debian_like; then
        die "$(t "il manque : $packages(noms de Debian)" "missing: $packages(Debian's names)")" \
            "$(t "ce système n'est ni Debian, ni Ubuntu, ni Raspberry Pi OS : rien n'a été installé" \
                "this system is neither Debian nor Ubuntu nor Raspberry Pi OS: nothing was installed")" \
            "$(other_system_hint)"
    fi
    if [ -n "$components" ] && ! command -v rustup >/dev/null; then
        die "missing: $components(nothing was installed)" "this Rust does not come from rustup: install them as you did it," \
            "Debian names them rustfmt and rust-clippy; or $(rustup_hint)"
    fi

    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086 # one word per package
        install_packages $packages
        packages=$(missing_packages "${1:-}")
        [ -z "$packages" ] || die "$(t "installé, et pourtant il manque encore : $packages" "installed, and yet still missing: $packages")"
    fi
    if [ -n "$components" ]; then
        say "missing: ${components% }; installed by rustup"
        # shellcheck disable=SC2086 # one word per component
        rustup component add $components || die "rustup could not add: $components" "$(network)"
    fi
}
