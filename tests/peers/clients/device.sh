#!/bin/sh
# The device grant (RFC 8628) with nothing but curl and the shell: device.sh ISSUER CLIENT_ID SCOPE API
# Prints the user code and waits for a line of input before each poll; prints the resource's answer at the end.
set -eu
issuer=$1 client_id=$2 scope=$3 api=$4

member() { # the string or number of that name in the JSON object on standard input
    sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}
post() {
    curl --silent --show-error --noproxy '*' "$@"
}

metadata=$(post "$issuer/.well-known/oauth-authorization-server" | tr -d '\n')
device_endpoint=$(printf '%s\n' "$metadata" | member device_authorization_endpoint)
token_endpoint=$(printf '%s\n' "$metadata" | member token_endpoint)

codes=$(post --data-urlencode "client_id=$client_id" --data-urlencode "scope=$scope" "$device_endpoint" | tr -d '\n')
device_code=$(printf '%s\n' "$codes" | member device_code)
printf '%s\n' "$codes" | member user_code

while read -r _; do
    answer=$(printf 'device_code=%s' "$device_code" | post --data @- --data-urlencode "client_id=$client_id" \
        --data grant_type=urn:ietf:params:oauth:grant-type:device_code "$token_endpoint" | tr -d '\n')
    error=$(printf '%s\n' "$answer" | member error)
    [ -n "$error" ] || break
    printf '%s\n' "$error"
done
printf 'Authorization: Bearer %s\n' "$(printf '%s\n' "$answer" | member access_token)" | post --header @- "$api"
