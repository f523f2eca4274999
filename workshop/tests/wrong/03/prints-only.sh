#!/bin/bash
# claim: runs
# mistake: it prints what a right program would print
while [ "$1" != -- ]; do shift; done
echo "$3 hostname box"
echo "$3 interfaces eth0+ eth0=10.83.0.2 lo+ lo=127.0.0.1"
echo "$3 holding 1"
