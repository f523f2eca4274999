#!/bin/sh
# claim: runs
# mistake: waits for something that never comes (net-12)
exec sleep 1000
