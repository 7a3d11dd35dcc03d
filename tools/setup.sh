# Installs Debian packages that are missing. To be sourced: need_packages FILE…
# Packages are named in files, white-space separated. No service is started: on a normal machine apache2, unbound and
# knot would start with their installation and take ports.

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

need_packages() {
  local missing="" name policy=/usr/sbin/policy-rc.d made_policy=no status=0
  for name in $(cat "$@"); do
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null | cut -c1-2)" = ii ] || missing="$missing $name"
  done
  [ -n "$missing" ] || return 0
  echo "installing:$missing" >&2
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && made_policy=yes
  fi
  # shellcheck disable=SC2086
  { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing ||
    { as_root apt-get update -q &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; }; } \
    >&2 </dev/null || status=$?
  [ "$made_policy" = no ] || as_root rm -f "$policy"
  if [ "$status" != 0 ]; then
    echo "cannot install:$missing (see the lines of apt-get above)" >&2
    return 1
  fi
}
