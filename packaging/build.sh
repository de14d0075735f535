# Called by `make build` after toolchain.sh, with the executable's flags as arguments.
# Compiles dist/infinilm-router from main.ts.
set -eu
mkdir -p dist
# shellcheck disable=SC2086 -- MAP is a list of flags
if ! "$DENO" compile --quiet --no-check $MAP "$@" --output dist/.new main.ts; then
  cat >&2 <<EOF

deno compile needs denort, the runtime it puts into the executable, in the version of
$DENO ($("$DENO" --version | head -n 1)). It fetches it from dl.deno.land by itself. Where that
cannot be reached, there are two ways to provide one of the same version:

  DENORT_BIN=/path/to/denort make build               a denort from elsewhere
  DENO=/path/to/deno DENORT_BIN=/path/to/denort make build   a matching pair of both
EOF
  exit 69
fi
mv -f dist/.new dist/infinilm-router
echo "dist/infinilm-router ($(dist/infinilm-router version))"
