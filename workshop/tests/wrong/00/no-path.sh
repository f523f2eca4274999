#!/usr/bin/env python3
# claim: path
# mistake: execv instead of execvp: only paths are found
# needs: python3
import os, signal, sys

child = os.fork()
if child == 0:
    # Python ignores these, and the command would too.
    for ignored in signal.SIGPIPE, signal.SIGXFSZ:
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execv(sys.argv[3], sys.argv[3:])
    except OSError as error:
        print(error, file=sys.stderr)
        os._exit(127 if error.errno == 2 else 126)
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
status = os.waitpid(child, 0)[1]
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
