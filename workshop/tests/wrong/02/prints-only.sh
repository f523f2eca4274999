#!/bin/bash
# claim: runs
# mistake: prints what ps would print
shift
echo "    PID TTY          TIME CMD"
echo "      1 ?        00:00:00 ps"
