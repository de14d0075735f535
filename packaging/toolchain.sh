# Sourced by the Makefile's recipes. Sets DENO (the runtime) and MAP (the flags that choose where
# packages come from), and says so on stderr only when it has to fetch or to complain.
#
#   DENO=path    use this runtime, whatever its version
#   JSR=0|1      packages from npm alone | from JSR and npm; unset: asks JSR once (3 s)

# The one pinned version: the newest whose Deno.serve notices a client that leaves before its answer
# has begun (docs/decisions/0001-deno-and-packages.md).
DENO_VERSION=2.8.2

if [ -z "${DENO:-}" ]; then
  DENO=$(command -v deno || true)
  case "$([ -n "$DENO" ] && "$DENO" --version 2>/dev/null | head -n 1)" in
    "deno 2.8."[0-2]" "*) ;;
    *)
      DENO=$PWD/.deno/$DENO_VERSION/deno
      if [ ! -x "$DENO" ]; then
        echo "fetching deno $DENO_VERSION from npm into .deno/ (once)" >&2
        command -v npm >/dev/null || { echo "neither deno $DENO_VERSION nor npm is on the PATH: install one of them" >&2; exit 69; }
        mkdir -p ".deno/$DENO_VERSION"
        npm install --prefix ".deno/$DENO_VERSION" --no-save --no-audit --no-fund --ignore-scripts \
          --loglevel=error "deno@$DENO_VERSION" >&2 || { echo "npm could not install deno@$DENO_VERSION" >&2; exit 69; }
        # The package's postinstall only copies this file; npm 11 does not run it unasked.
        found=$(ls .deno/"$DENO_VERSION"/node_modules/@deno/*/deno 2>/dev/null | head -n 1)
        [ -n "$found" ] || { echo "npm has no deno $DENO_VERSION for this machine ($(uname -sm))" >&2; exit 69; }
        ln -sf "${found#.deno/"$DENO_VERSION"/}" "$DENO"
      fi
      ;;
  esac
fi

# Behind a TLS-inspecting mirror the system's store holds the certificate that counts.
export DENO_TLS_CA_STORE="${DENO_TLS_CA_STORE:-system,mozilla}"
export DENO_NO_UPDATE_CHECK=1

if [ -z "${JSR:-}" ]; then
  if "$DENO" eval 'await fetch("https://jsr.io/@std/yaml/meta.json", { signal: AbortSignal.timeout(3000) }).then((r) => { if (!r.ok) throw 0; })' 2>/dev/null
  then JSR=1; else JSR=0; fi
fi
case "$JSR" in
  1) MAP="" ;;
  0) MAP="--import-map=packaging/npm-only/import_map.json --lock=packaging/npm-only/deno.lock --frozen" ;;
  *) echo "JSR must be 0 or 1, received '$JSR'" >&2; exit 64 ;;
esac
export DENO JSR MAP
