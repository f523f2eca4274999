#!/bin/sh
# claim: own-process
# mistake: becomes the command, and nobody is left to wait
shift 2
exec "$@"
