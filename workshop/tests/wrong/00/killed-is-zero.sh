#!/usr/bin/env python3
# claim: signal-status
# mistake: takes a killed command for one that ended well (pid-9)
# needs: python3
import os, signal, sys

child = os.fork()
if child == 0:
    # Python ignores these, and the command would too.
    for ignored in signal.SIGPIPE, signal.SIGXFSZ:
        signal.signal(ignored, signal.SIG_DFL)
    os.execvp(sys.argv[3], sys.argv[3:])
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
status = os.waitpid(child, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0)
