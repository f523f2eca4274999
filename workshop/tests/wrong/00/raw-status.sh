#!/usr/bin/env python3
# claim: exit-status
# mistake: returns the raw wait status, which the kernel cuts to eight bits (pid-8)
# needs: python3
import os, signal, sys

child = os.fork()
if child == 0:
    # Python ignores these, and the command would too.
    for ignored in signal.SIGPIPE, signal.SIGXFSZ:
        signal.signal(ignored, signal.SIG_DFL)
    os.execvp(sys.argv[3], sys.argv[3:])
os._exit(os.waitpid(child, 0)[1] & 0xFF)
