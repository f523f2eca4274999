#!/usr/bin/env python3
# claim: clean-signals
# mistake: hands down that SIGPIPE is ignored, as Rust's and Python's run time do (shm-7)
# needs: python3
import os, signal, sys

words = sys.argv[3:]
child = os.fork()
if child == 0:
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
