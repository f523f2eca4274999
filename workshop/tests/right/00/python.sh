#!/usr/bin/env python3
# needs: python3
import os, signal, sys

words = sys.argv[3:] if sys.argv[2] == "--" else sys.argv[2:]
child = os.fork()
if child == 0:
    # Python ignores these, and the command would too.
    for ignored in signal.SIGPIPE, signal.SIGXFSZ:
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(words[0], words)
    except FileNotFoundError:
        print("no such command", file=sys.stderr)
        os._exit(127)
    except OSError:
        print("not executable", file=sys.stderr)
        os._exit(126)
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
_, status = os.waitpid(child, 0)
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
